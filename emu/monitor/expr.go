package monitor

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"goemu/emu/inspect"
)

// expr reads expressions of x, xp and print: numbers in C's notation, characters, $registers, + - * / % & | ^ ~ and parentheses.
type expr struct {
	s    string
	regs func() (*inspect.Registers, error)
}

// eval gives the value of an expression that is all of s.
func eval(s string, regs func() (*inspect.Registers, error)) (uint64, error) {
	e := &expr{strings.TrimSpace(s), regs}
	v, err := e.sum()
	if err == nil && e.s != "" {
		err = fmt.Errorf("%q is left of the expression", e.s)
	}
	return v, err
}

// take takes one of ops, 0 if none is next.
func (e *expr) take(ops string) byte {
	e.s = strings.TrimLeft(e.s, " \t")
	if e.s == "" || !strings.Contains(ops, e.s[:1]) {
		return 0
	}
	c := e.s[0]
	e.s = e.s[1:]
	return c
}

func (e *expr) sum() (uint64, error)     { return e.binary("+-", e.logic) }
func (e *expr) logic() (uint64, error)   { return e.binary("&|^", e.product) }
func (e *expr) product() (uint64, error) { return e.binary("*/%", e.unary) }

func (e *expr) binary(ops string, operand func() (uint64, error)) (uint64, error) {
	v, err := operand()
	for err == nil {
		op := e.take(ops)
		if op == 0 {
			break
		}
		var w uint64
		if w, err = operand(); err != nil {
			break
		}
		switch op {
		case '+':
			v += w
		case '-':
			v -= w
		case '&':
			v &= w
		case '|':
			v |= w
		case '^':
			v ^= w
		case '*':
			v *= w
		default:
			if w == 0 {
				return 0, errors.New("division by zero")
			}
			if op == '/' {
				v /= w
			} else {
				v %= w
			}
		}
	}
	return v, err
}

func (e *expr) unary() (uint64, error) {
	switch e.take("-~+($'") {
	case '-':
		v, err := e.unary()
		return -v, err
	case '~':
		v, err := e.unary()
		return ^v, err
	case '+':
		return e.unary()
	case '(':
		v, err := e.sum()
		if err == nil && e.take(")") == 0 {
			err = errors.New("')' expected")
		}
		return v, err
	case '$':
		return e.register(e.word())
	case '\'':
		if len(e.s) < 2 || e.s[1] != '\'' {
			return 0, errors.New("character expected")
		}
		c := e.s[0]
		e.s = e.s[2:]
		return uint64(c), nil
	}
	w := e.word()
	if w == "" {
		return 0, errors.New("unexpected end of expression")
	}
	v, err := strconv.ParseUint(w, 0, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is not a number", w)
	}
	return v, nil
}

func (e *expr) word() string {
	n := strings.IndexFunc(e.s, func(r rune) bool {
		return !(r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '_')
	})
	if n < 0 {
		n = len(e.s)
	}
	w := e.s[:n]
	e.s = e.s[n:]
	return w
}

// register gives a register by its name: general registers of 32 and 64 bits, segments, eip, pc, eflags, control registers.
func (e *expr) register(name string) (uint64, error) {
	r, err := e.regs()
	if err != nil {
		return 0, err
	}
	name = strings.ToLower(name)
	for i, n := range inspect.GPRNames {
		switch {
		case name == n:
			return r.GPR[i], nil
		case i < 8 && name == "e"+n[1:]:
			return uint64(uint32(r.GPR[i])), nil
		}
	}
	for i, n := range inspect.SegmentNames {
		switch name {
		case n:
			return uint64(r.Seg[i].Selector), nil
		case n + ".base":
			return r.Seg[i].Base, nil
		}
	}
	switch name {
	case "rip", "eip":
		return r.RIP, nil
	case "pc":
		return r.PC(), nil
	case "eflags", "rflags":
		return r.RFLAGS, nil
	case "cr0":
		return r.CR0, nil
	case "cr2":
		return r.CR2, nil
	case "cr3":
		return r.CR3, nil
	case "cr4":
		return r.CR4, nil
	}
	return 0, fmt.Errorf("unknown register $%s", name)
}
