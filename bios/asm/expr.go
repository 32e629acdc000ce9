package asm

import (
	"fmt"
	"strconv"
	"strings"
)

// value is what an expression gives. rel counts labels in it: a difference of
// two labels is a plain number again.
type value struct {
	n       int64
	rel     int
	unknown bool // a symbol is not defined yet
}

// expr is a node of an expression: a number, a name, a register, or an operator with one or two operands.
type expr struct {
	op   string // "num", "name", "reg", or the operator; unary ones have no b
	num  int64
	name string
	a, b *expr
}

// token is a word of a line.
type token struct {
	kind byte // 'i' name, 'n' number, 's' string, 'p' punctuation
	text string
	num  int64
}

// lex takes a line apart.
func lex(s string) ([]token, error) {
	var ts []token
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == ' ' || c == '\t' || c == '\r':
			i++
		case c == ';':
			return ts, nil
		case isNameStart(c):
			j := i + 1
			for j < len(s) && isName(s[j]) {
				j++
			}
			ts = append(ts, token{kind: 'i', text: s[i:j]})
			i = j
		case c >= '0' && c <= '9':
			j := i + 1
			for j < len(s) && (isName(s[j])) {
				j++
			}
			n, err := strconv.ParseUint(strings.ReplaceAll(s[i:j], "_", ""), base(s[i:j]), 64)
			if err != nil {
				return nil, fmt.Errorf("%q is not a number", s[i:j])
			}
			ts = append(ts, token{kind: 'n', num: int64(n), text: s[i:j]})
			i = j
		case c == '\'' || c == '"':
			j := strings.IndexByte(s[i+1:], c)
			if j < 0 {
				return nil, fmt.Errorf("string %s has no end", s[i:])
			}
			ts = append(ts, token{kind: 's', text: s[i+1 : i+1+j]})
			i += j + 2
		default:
			n := 1
			if i+1 < len(s) && (s[i:i+2] == "<<" || s[i:i+2] == ">>" || s[i:i+2] == "$$") {
				n = 2
			}
			if !strings.ContainsRune("[](),:+-*/%&|^~$<>", rune(c)) || n == 1 && (c == '<' || c == '>') {
				return nil, fmt.Errorf("unexpected character %q", c)
			}
			ts = append(ts, token{kind: 'p', text: s[i : i+n]})
			i += n
		}
	}
	return ts, nil
}

// base is 0 for numbers with a prefix, else 10: a leading 0 does not mean octal.
func base(s string) int {
	if len(s) > 2 && s[0] == '0' && strings.IndexByte("xXbBoO", s[1]) >= 0 {
		return 0
	}
	return 10
}

func isNameStart(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == '.'
}

func isName(c byte) bool { return isNameStart(c) || c >= '0' && c <= '9' }

// parser walks over the tokens of a line.
type parser struct {
	ts    []token
	scope string // label to which local labels belong
	depth int
}

func (p *parser) peek() token {
	if len(p.ts) == 0 {
		return token{}
	}
	return p.ts[0]
}

// accept takes the next token if it is the punctuation or word s.
func (p *parser) accept(s string) bool {
	t := p.peek()
	if t.kind == 'p' && t.text == s || t.kind == 'i' && strings.EqualFold(t.text, s) {
		p.ts = p.ts[1:]
		return true
	}
	return false
}

func (p *parser) expect(s string) error {
	if !p.accept(s) {
		return fmt.Errorf("%q wanted %s", s, p.here())
	}
	return nil
}

func (p *parser) here() string {
	if len(p.ts) == 0 {
		return "at the end of the line"
	}
	return fmt.Sprintf("at %q", p.ts[0].text)
}

// full is the whole name of a symbol: local labels carry the label before them.
func (p *parser) full(name string) string {
	if strings.HasPrefix(name, ".") {
		return p.scope + name
	}
	return name
}

// levels are the binary operators by rising precedence.
var levels = [][]string{{"|"}, {"^"}, {"&"}, {"<<", ">>"}, {"+", "-"}, {"*", "/", "%"}}

func (p *parser) expression() (*expr, error) { return p.binary(0) }

func (p *parser) binary(level int) (*expr, error) {
	if level == len(levels) {
		return p.unary()
	}
	a, err := p.binary(level + 1)
	if err != nil {
		return nil, err
	}
next:
	for {
		for _, op := range levels[level] {
			if p.peek().kind == 'p' && p.accept(op) {
				b, err := p.binary(level + 1)
				if err != nil {
					return nil, err
				}
				a = &expr{op: op, a: a, b: b}
				continue next
			}
		}
		return a, nil
	}
}

func (p *parser) unary() (*expr, error) {
	if p.depth++; p.depth > 100 {
		return nil, fmt.Errorf("expression is nested too deeply")
	}
	defer func() { p.depth-- }()
	t := p.peek()
	if len(p.ts) == 0 {
		return nil, fmt.Errorf("a value is missing at the end of the line")
	}
	p.ts = p.ts[1:]
	switch {
	case t.kind == 'n':
		return &expr{op: "num", num: t.num}, nil
	case t.kind == 's':
		if len(t.text) > 8 {
			return nil, fmt.Errorf("string %q is too long for a number", t.text)
		}
		var n int64
		for i := range len(t.text) {
			n |= int64(t.text[i]) << (8 * i)
		}
		return &expr{op: "num", num: n}, nil
	case t.kind == 'i':
		name := strings.ToLower(t.text)
		if _, ok := registers[name]; ok {
			return &expr{op: "reg", name: name}, nil
		}
		return &expr{op: "name", name: p.full(t.text)}, nil
	case t.text == "$", t.text == "$$":
		return &expr{op: "name", name: t.text}, nil
	case t.text == "-", t.text == "~", t.text == "+":
		a, err := p.unary()
		return &expr{op: t.text, a: a}, err
	case t.text == "(":
		a, err := p.expression()
		if err != nil {
			return nil, err
		}
		return a, p.expect(")")
	}
	return nil, fmt.Errorf("a value is missing at %q", t.text)
}

// eval works an expression out with the symbols known so far.
func (a *assembler) eval(e *expr) (value, error) {
	switch e.op {
	case "num":
		return value{n: e.num}, nil
	case "reg":
		return value{}, fmt.Errorf("register %s where a number is wanted", e.name)
	case "name":
		return a.lookup(e.name)
	}
	x, err := a.eval(e.a)
	if err != nil {
		return x, err
	}
	if e.b == nil {
		switch e.op {
		case "-":
			x.n, x.rel = -x.n, -x.rel
		case "~":
			x.n = ^x.n
		}
		return x, nil
	}
	y, err := a.eval(e.b)
	if err != nil {
		return y, err
	}
	r := value{rel: x.rel + y.rel, unknown: x.unknown || y.unknown}
	switch e.op {
	case "+":
		r.n = x.n + y.n
	case "-":
		r.n, r.rel = x.n-y.n, x.rel-y.rel
	case "*":
		r.n = x.n * y.n
	case "/", "%":
		if y.n == 0 {
			if r.unknown {
				return r, nil
			}
			return r, fmt.Errorf("division by zero")
		}
		if e.op == "/" {
			r.n = int64(uint64(x.n) / uint64(y.n))
		} else {
			r.n = int64(uint64(x.n) % uint64(y.n))
		}
	case "<<":
		r.n = x.n << uint64(y.n)
	case ">>":
		r.n = int64(uint64(x.n) >> uint64(y.n))
	case "&":
		r.n = x.n & y.n
	case "|":
		r.n = x.n | y.n
	case "^":
		r.n = x.n ^ y.n
	}
	return r, nil
}
