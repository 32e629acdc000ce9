// Package asm is a small x86 assembler for the built-in guest and the firmware's ROM. It reads a subset of NASM's
// language (Intel syntax) and makes the same bytes.
//
// It knows labels and local labels, equ, db, dw, dd, dq, times, align, org and
// bits 16/32/64; expressions with the operators + - * / % << >> & | ^ ~; and the
// instructions of its table. It has no macros, sections, conditional assembly or includes.
//
// Source is parsed once; then passes over the statements give labels their
// addresses, until nothing moves: jumps begin short and grow where they must.
package asm

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// Source is one file; several are assembled as if they were one.
type Source struct {
	Name, Text string
}

// Program is what an assembly gives.
type Program struct {
	Origin  uint64 // address of the first byte
	Code    []byte
	Symbols map[string]uint64 // labels and constants; local labels as "label.local"
}

// MaxSize limits a program, against a mistyped times.
const MaxSize = 1 << 20

// statement is one parsed line.
type statement struct {
	file  string
	line  int
	label string // defined here; for equ the constant's name
	op    string // "" (label only), "equ", "bits", "org", "align", "db" ... or "instruction"
	times *expr
	args  []*expr  // of directives
	data  []datum  // of db ... dq
	ins   mnemonic // of instructions
	long  bool     // a jump that has been found too far for a byte
}

type datum struct {
	text string // bytes of a string
	expr *expr
}

type mnemonic struct {
	name     string
	prefixes []byte
	operands []operand
	forms    []form
}

type symbol struct {
	value
	defined int // number of the pass that defined it last
}

type assembler struct {
	statements []*statement
	symbols    map[string]*symbol
	pass       int
	changed    bool // a symbol or a jump changed in this pass
	final      bool
	bits       int
	origin     uint64
	start      uint64 // address of the statement at hand: $
	out        []byte
}

// Assemble translates the sources. All errors that parsing finds are reported; later ones stop at the first.
func Assemble(sources ...Source) (*Program, error) {
	a := &assembler{symbols: make(map[string]*symbol)}
	var errs []error
	scope := ""
	for _, src := range sources {
		for i, line := range strings.Split(src.Text, "\n") {
			st, err := parseLine(line, &scope)
			if err != nil {
				errs = append(errs, fmt.Errorf("%s:%d: %w", src.Name, i+1, err))
				if len(errs) == 10 {
					return nil, errors.Join(errs...)
				}
				continue
			}
			if st != nil {
				st.file, st.line = src.Name, i+1
				a.statements = append(a.statements, st)
			}
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	const maxPasses = 30
	for {
		a.pass++
		if err := a.run(); err != nil {
			return nil, err
		}
		if a.final {
			break
		}
		// The last pass sees the addresses of the pass before it unchanged.
		a.final = !a.changed
		if a.pass == maxPasses && !a.final {
			return nil, fmt.Errorf("addresses still move after %d passes", maxPasses)
		}
	}
	p := &Program{Origin: a.origin, Code: a.out, Symbols: make(map[string]uint64, len(a.symbols))}
	for name, s := range a.symbols {
		p.Symbols[name] = uint64(s.n)
	}
	return p, nil
}

func (a *assembler) run() error {
	a.changed, a.bits, a.origin, a.out = false, 16, 0, a.out[:0]
	for _, st := range a.statements {
		if err := a.statement(st); err != nil {
			return fmt.Errorf("%s:%d: %w", st.file, st.line, err)
		}
	}
	return nil
}

func (a *assembler) here() uint64 { return a.origin + uint64(len(a.out)) }

func (a *assembler) lookup(name string) (value, error) {
	switch name {
	case "$":
		return value{n: int64(a.start), rel: 1}, nil
	case "$$":
		return value{n: int64(a.origin), rel: 1}, nil
	}
	if s := a.symbols[name]; s != nil {
		return s.value, nil
	}
	if a.pass > 1 {
		return value{}, fmt.Errorf("symbol %q is not defined", name)
	}
	return value{unknown: true, rel: 1}, nil
}

func (a *assembler) define(name string, v value) error {
	s := a.symbols[name]
	if s == nil {
		s = new(symbol)
		a.symbols[name] = s
		a.changed = true
	}
	if s.defined == a.pass {
		return fmt.Errorf("symbol %q is defined twice", name)
	}
	if s.value != v {
		s.value, a.changed = v, true
	}
	s.defined = a.pass
	return nil
}

// number evaluates a directive's argument, which must be known when it is met.
func (a *assembler) number(e *expr, what string, lowest, highest int64) (int64, error) {
	v, err := a.eval(e)
	switch {
	case err != nil:
		return 0, err
	case v.unknown:
		return lowest, nil // of the first pass only
	case v.n < lowest || v.n > highest:
		if !a.final && a.pass < 3 {
			return lowest, nil // symbols may still move into place
		}
		return 0, fmt.Errorf("%s is %d, must be %d to %d", what, v.n, lowest, highest)
	}
	return v.n, nil
}

func (a *assembler) statement(st *statement) error {
	a.start = a.here()
	if st.op == "equ" {
		v, err := a.eval(st.args[0])
		if err != nil {
			return err
		}
		if v.unknown {
			a.changed = true
		}
		return a.define(st.label, v)
	}
	if st.label != "" {
		if err := a.define(st.label, value{n: int64(a.here()), rel: 1}); err != nil {
			return err
		}
	}
	count := int64(1)
	if st.times != nil {
		var err error
		if count, err = a.number(st.times, "times", 0, MaxSize); err != nil {
			return err
		}
	}
	if st.data != nil && !st.usesHere() && count > 1 { // padding: the same bytes each time
		from := len(a.out)
		if err := a.once(st); err != nil {
			return err
		}
		if one := a.out[from:]; int64(len(one))*(count-1) <= MaxSize {
			a.out = append(a.out, bytes.Repeat(one, int(count-1))...)
			return nil
		}
		count--
	}
	for range count {
		if err := a.once(st); err != nil {
			return err
		}
		if len(a.out) > MaxSize {
			return fmt.Errorf("the program is longer than %d bytes", MaxSize)
		}
	}
	return nil
}

// usesHere tells whether a datum depends on $.
func (st *statement) usesHere() bool {
	var uses func(e *expr) bool
	uses = func(e *expr) bool {
		return e != nil && (e.op == "name" && e.name == "$" || uses(e.a) || uses(e.b))
	}
	for _, d := range st.data {
		if uses(d.expr) {
			return true
		}
	}
	return false
}

func (a *assembler) once(st *statement) error {
	a.start = a.here()
	switch st.op {
	case "":
		return nil
	case "bits":
		n, err := a.number(st.args[0], "bits", 16, 64)
		if err == nil && n != 16 && n != 32 && n != 64 {
			err = fmt.Errorf("bits is %d, must be 16, 32 or 64", n)
		}
		a.bits = int(n)
		return err
	case "org":
		if len(a.out) > 0 {
			return fmt.Errorf("org must stand before all code")
		}
		n, err := a.number(st.args[0], "org", 0, 1<<62)
		a.origin = uint64(n)
		return err
	case "align":
		n, err := a.number(st.args[0], "alignment", 1, 1<<16)
		if err != nil {
			return err
		}
		fill := byte(0x90)
		if st.data != nil {
			v, err := a.eval(st.data[0].expr)
			if err != nil {
				return err
			}
			fill = byte(v.n)
		}
		// As in NASM, relative to the origin.
		for int64(len(a.out))%n != 0 {
			a.out = append(a.out, fill)
		}
		return nil
	case "db", "dw", "dd", "dq":
		size := map[byte]int{'b': 1, 'w': 2, 'd': 4, 'q': 8}[st.op[1]]
		for _, d := range st.data {
			if d.expr == nil {
				a.out = append(a.out, d.text...)
				for n := len(d.text); n%size != 0; n++ { // up to a whole number of elements
					a.out = append(a.out, 0)
				}
				continue
			}
			v, err := a.eval(d.expr)
			if err != nil {
				return err
			}
			if err := a.imm(v, size, false); err != nil {
				return err
			}
		}
		return nil
	}
	return a.instruction(st)
}

// imm appends the low size bytes of v, which must hold it. signed says that the processor will extend the sign.
func (a *assembler) imm(v value, size int, signed bool) error {
	if size > 0 && size < 8 && !v.unknown {
		top := int64(1) << (8*size - 1)
		highest := 2*top - 1
		if signed {
			highest = top - 1
		}
		if (v.n < -top || v.n > highest) && a.final {
			return fmt.Errorf("value %#x does not fit %d bytes", v.n, size)
		}
	}
	for i := range size {
		a.out = append(a.out, byte(v.n>>(8*i)))
	}
	return nil
}
