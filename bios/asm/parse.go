package asm

import (
	"fmt"
	"strings"
)

var prefixes = map[string]byte{
	"rep": 0xf3, "repe": 0xf3, "repz": 0xf3, "repne": 0xf2, "repnz": 0xf2, "lock": 0xf0,
}

// Size keywords, in bits.
var sizes = map[string]int{"byte": 8, "word": 16, "dword": 32, "qword": 64, "oword": 128}

// parseLine makes a statement of a line; an empty line gives none. scope is the label before, to which local labels belong.
func parseLine(line string, scope *string) (*statement, error) {
	ts, err := lex(line)
	if err != nil {
		return nil, err
	}
	if len(ts) == 0 {
		return nil, nil
	}
	p := &parser{ts: ts, scope: *scope}
	st := new(statement)
	isWord := func(i int, s string) bool {
		return i < len(ts) && (ts[i].kind == 'p' || ts[i].kind == 'i') && strings.EqualFold(ts[i].text, s)
	}
	if ts[0].kind == 'i' && isWord(1, "equ") {
		st.label, st.op = p.full(ts[0].text), "equ"
		if err := notReserved(ts[0].text); err != nil {
			return nil, err
		}
		p.ts = ts[2:]
		e, err := p.expression()
		st.args = []*expr{e}
		return st, p.finish(err)
	}
	if ts[0].kind == 'i' && isWord(1, ":") {
		if err := notReserved(ts[0].text); err != nil {
			return nil, err
		}
		st.label = p.full(ts[0].text)
		if !strings.HasPrefix(ts[0].text, ".") {
			*scope = ts[0].text
			p.scope = *scope
		}
		p.ts = ts[2:]
	}
	if p.accept("times") {
		if st.times, err = p.expression(); err != nil {
			return nil, err
		}
	}
	if len(p.ts) == 0 {
		if st.times != nil {
			return nil, fmt.Errorf("times without anything to repeat")
		}
		return st, nil
	}
	return st, p.finish(p.operation(st))
}

func notReserved(name string) error {
	if _, ok := registers[strings.ToLower(name)]; ok {
		return fmt.Errorf("%q is a register, not a name for a symbol", name)
	}
	return nil
}

// finish checks that nothing is left over on the line.
func (p *parser) finish(err error) error {
	if err == nil && len(p.ts) > 0 {
		err = fmt.Errorf("unexpected rest of line %s", p.here())
	}
	return err
}

func (p *parser) operation(st *statement) error {
	t := p.peek()
	if t.kind != 'i' {
		return fmt.Errorf("an instruction is wanted %s", p.here())
	}
	word := strings.ToLower(t.text)
	switch word {
	case "bits", "org", "align":
		p.ts = p.ts[1:]
		st.op = word
		e, err := p.expression()
		st.args = []*expr{e}
		if err == nil && word == "align" && p.accept(",") {
			if err = p.expect("db"); err == nil {
				e, err = p.expression()
				st.data = []datum{{expr: e}}
			}
		}
		return err
	case "db", "dw", "dd", "dq":
		p.ts = p.ts[1:]
		st.op = word
		return p.list(st)
	}
	st.op = "instruction"
	return p.instruction(&st.ins)
}

func (p *parser) list(st *statement) error {
	for {
		// A string stands for its bytes only if it is alone; in 'a'+1 it is a number.
		if t := p.peek(); t.kind == 's' && (len(p.ts) == 1 || p.ts[1].text == "," && p.ts[1].kind == 'p') {
			p.ts = p.ts[1:]
			st.data = append(st.data, datum{text: t.text})
		} else {
			e, err := p.expression()
			if err != nil {
				return err
			}
			st.data = append(st.data, datum{expr: e})
		}
		if !p.accept(",") {
			return nil
		}
	}
}

func (p *parser) instruction(m *mnemonic) error {
	for {
		t := p.peek()
		if t.kind != 'i' {
			return fmt.Errorf("an instruction is wanted %s", p.here())
		}
		p.ts = p.ts[1:]
		m.name = strings.ToLower(t.text)
		if b, ok := prefixes[m.name]; ok {
			m.prefixes = append(m.prefixes, b)
			continue
		}
		break
	}
	m.forms = forms()[m.name]
	if m.forms == nil {
		return fmt.Errorf("instruction %q is not known", m.name)
	}
	for len(p.ts) > 0 {
		o, err := p.operand()
		if err != nil {
			return err
		}
		m.operands = append(m.operands, o)
		if !p.accept(",") {
			break
		}
		if len(p.ts) == 0 {
			return fmt.Errorf("an operand is missing at the end of the line")
		}
	}
	return nil
}

func (p *parser) operand() (operand, error) {
	var o operand
keywords:
	for {
		t := p.peek()
		word := strings.ToLower(t.text)
		switch {
		case t.kind != 'i':
			break keywords
		case sizes[word] != 0:
			o.size = sizes[word]
		case word == "short" || word == "near":
			o.dist = word
		case word == "far":
			o.far = true
		default:
			break keywords
		}
		p.ts = p.ts[1:]
	}
	if p.accept("[") {
		o.kind = opMem
		return o, p.memory(&o)
	}
	e, err := p.expression()
	if err != nil {
		return o, err
	}
	if e.op == "reg" {
		o.kind, o.name, o.reg = opReg, e.name, registers[e.name]
		o.size = o.reg.bits
		return o, nil
	}
	o.kind, o.expr = opImm, e
	if p.accept(":") {
		o.kind, o.sel = opFar, e
		o.expr, err = p.expression()
	}
	return o, err
}

// memory parses what stands between brackets.
func (p *parser) memory(o *operand) error {
	if len(p.ts) > 1 && p.ts[1].kind == 'p' && p.ts[1].text == ":" {
		name := strings.ToLower(p.ts[0].text)
		if r, ok := registers[name]; !ok || r.class != sreg {
			return fmt.Errorf("%q is not a segment register", p.ts[0].text)
		}
		o.segment = name
		p.ts = p.ts[2:]
	}
	e, err := p.expression()
	if err != nil {
		return err
	}
	if err := o.addTerm(e, false); err != nil {
		return err
	}
	return p.expect("]")
}

// addTerm sorts the terms of an address into base, index and displacement.
func (o *operand) addTerm(e *expr, negative bool) error {
	switch {
	case e.op == "+" && e.b != nil:
		if err := o.addTerm(e.a, negative); err != nil {
			return err
		}
		return o.addTerm(e.b, negative)
	case e.op == "-" && e.b != nil:
		if err := o.addTerm(e.a, negative); err != nil {
			return err
		}
		return o.addTerm(e.b, !negative)
	case e.op == "reg":
		return o.addRegister(e.name, 0, negative)
	case e.op == "*" && (e.a.op == "reg" || e.b.op == "reg"):
		reg, factor := e.a, e.b
		if reg.op != "reg" {
			reg, factor = factor, reg
		}
		if factor.op != "num" {
			return fmt.Errorf("the scale of %s must be a plain number", reg.name)
		}
		return o.addRegister(reg.name, factor.num, negative)
	}
	if negative {
		e = &expr{op: "-", a: e}
	}
	if o.expr != nil {
		e = &expr{op: "+", a: o.expr, b: e}
	}
	o.expr = e
	return nil
}

// addRegister adds a register to an address; scale 0 means that none was written.
func (o *operand) addRegister(name string, scale int64, negative bool) error {
	r := registers[name]
	switch {
	case r.class != gpr || r.bits == 8:
		return fmt.Errorf("%s cannot be part of an address", name)
	case negative:
		return fmt.Errorf("%s cannot be subtracted in an address", name)
	case scale != 0 && scale != 1 && scale != 2 && scale != 4 && scale != 8:
		return fmt.Errorf("scale %d of %s must be 1, 2, 4 or 8", scale, name)
	case scale == 0 && o.base == nil:
		o.base = &r
	case o.index == nil:
		o.index, o.scale = &r, int(max(scale, 1))
	default:
		return fmt.Errorf("an address has at most two registers")
	}
	return nil
}
