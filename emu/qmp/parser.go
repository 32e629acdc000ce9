package qmp

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// parse makes a value of a message's tokens: nil, bool, int64, uint64, float64, string, []any or object.
func parse(tokens []token) (any, error) {
	p := &parser{tokens}
	v, err := p.value()
	if err == nil && len(p.tokens) > 0 {
		err = errors.New("expecting value")
	}
	if err != nil {
		return nil, fmt.Errorf("JSON parse error, %w", err)
	}
	return v, nil
}

type parser struct{ tokens []token }

var errEnd = errors.New("premature EOI")

func (p *parser) next() (t token, err error) {
	if len(p.tokens) == 0 {
		return t, errEnd
	}
	t = p.tokens[0]
	p.tokens = p.tokens[1:]
	return t, nil
}

// take takes the next token if it is c.
func (p *parser) take(c byte) bool {
	if len(p.tokens) == 0 || !p.tokens[0].is(c) {
		return false
	}
	p.tokens = p.tokens[1:]
	return true
}

func (p *parser) value() (any, error) {
	t, err := p.next()
	if err != nil {
		return nil, err
	}
	switch t.kind {
	case tokenString:
		return unquote(t.text)
	case tokenNumber:
		return number(t.text)
	case tokenWord:
		switch t.text {
		case "true":
			return true, nil
		case "false":
			return false, nil
		case "null":
			return nil, nil
		}
		return nil, fmt.Errorf("invalid keyword '%s'", t.text)
	}
	switch t.text[0] {
	case '{':
		return p.object()
	case '[':
		return p.array()
	}
	return nil, errors.New("expecting value")
}

func (p *parser) object() (any, error) {
	o := object{}
	if p.take('}') {
		return o, nil
	}
	seen := map[string]bool{}
	for {
		t, err := p.next()
		if err != nil {
			return nil, err
		}
		if t.kind != tokenString {
			return nil, errors.New("key is not a string in object")
		}
		name, err := unquote(t.text)
		if err != nil {
			return nil, err
		}
		if !p.take(':') {
			return nil, errors.New("missing : in object pair")
		}
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		if seen[name] {
			return nil, errors.New("duplicate key")
		}
		seen[name] = true
		o = append(o, field{name, v})
		if p.take('}') {
			return o, nil
		}
		if !p.take(',') {
			return nil, errors.New("expected separator in dict")
		}
	}
}

func (p *parser) array() (any, error) {
	list := []any{}
	if p.take(']') {
		return list, nil
	}
	for {
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		list = append(list, v)
		if p.take(']') {
			return list, nil
		}
		if !p.take(',') {
			return nil, errors.New("expected separator in list")
		}
	}
}

// number reads an integer if s is one and has room in 64 bits.
func number(s string) (any, error) {
	bad := fmt.Errorf("stray '%s'", s)
	digits := strings.TrimPrefix(s, "-")
	if digits == "" || digits[0] < '0' || digits[0] > '9' || len(digits) > 1 && digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9' {
		return nil, bad
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n, nil
	}
	if n, err := strconv.ParseUint(s, 10, 64); err == nil {
		return n, nil
	}
	if strings.ContainsAny(s, "xX_pPnNiI") || strings.Contains(s, ".e") || strings.Contains(s, ".E") || strings.HasSuffix(s, ".") {
		return nil, bad
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return nil, bad
	}
	return f, nil
}

var escapes = map[byte]byte{'"': '"', '\'': '\'', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// unquote resolves the escape sequences of a string.
func unquote(s string) (string, error) {
	if !utf8.ValidString(s) {
		return "", errors.New("invalid UTF-8 sequence in string")
	}
	if !strings.Contains(s, `\`) {
		return s, nil
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			continue
		}
		i++ // the lexer has seen to it that there is something
		if c, ok := escapes[s[i]]; ok {
			b.WriteByte(c)
			continue
		}
		r, ok := hex4(s[i:])
		if !ok {
			return "", errors.New("invalid escape sequence in string")
		}
		i += 4
		if utf16.IsSurrogate(r) {
			low, ok := rune(0), false
			if strings.HasPrefix(s[i+1:], `\u`) {
				low, ok = hex4(s[i+2:])
			}
			if r = utf16.DecodeRune(r, low); !ok || r == utf8.RuneError {
				return "", errors.New("invalid Unicode sequence in string")
			}
			i += 6
		}
		if r == 0 {
			return "", errors.New("invalid Unicode sequence in string")
		}
		b.WriteRune(r)
	}
	return b.String(), nil
}

// hex4 reads "uXXXX".
func hex4(s string) (rune, bool) {
	if len(s) < 5 || s[0] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(s[1:5], 16, 16)
	return rune(n), err == nil
}
