// Package undefined knows which results of instructions may differ between two engines: those that the manuals leave undefined, and those that tell
// about the engine. They are a commented text, table.txt, that users extend by their own in the same form.
package undefined

import (
	"bufio"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"goemu/decoder"
	"goemu/emu/crosscheck/report"
	"goemu/emu/inspect"
	"goemu/emu/nearest"
)

// Text is the built-in table, with its comments.
//
//go:embed table.txt
var Text string

// row is one line of the table for one instruction.
type row struct {
	mask report.Mask
	dest bool // the first operand too
	when conditions
}

type conditions uint16

const (
	tcg conditions = 1 << iota
	interp
	native
	kvm
	host
	rep
	fault
	o66
	snippet
)

var conditionNames = map[string]conditions{"tcg": tcg, "interp": interp, "native": native, "kvm": kvm, "host": host, "rep": rep, "fault": fault, "66": o66, "snippet": snippet}

// Table is a list of such results. The zero value is empty.
type Table struct {
	rows map[decoder.Op][]row
}

// When says what a comparison is of.
type When struct {
	A, B    string // engines: tcg, interp, native, kvm
	Fault   bool   // the instruction ended with an exception
	Snippet bool   // there is no machine around it
}

// Default is the built-in table.
func Default() *Table {
	t, err := Parse("table.txt", strings.NewReader(Text))
	if err != nil {
		panic(err) // a test reads it
	}
	return t
}

// isX87 tells whether an instruction is one of the x87 FPU.
func isX87(op decoder.Op) bool { return op >= decoder.F2XM1 && op <= decoder.FYL2XP1 }

// Parse reads a table. Errors name the file and the line.
func Parse(name string, r io.Reader) (*Table, error) {
	ops := map[string]decoder.Op{}
	for op := decoder.Op(1); op < decoder.NumOps; op++ {
		ops[op.String()] = op
	}
	t := &Table{rows: map[decoder.Op][]row{}}
	s := bufio.NewScanner(r)
	for n := 1; s.Scan(); n++ {
		line, _, _ := strings.Cut(s.Text(), "#")
		if strings.TrimSpace(line) == "" {
			continue
		}
		if err := t.line(line, ops); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, n, err)
		}
	}
	if errors.Is(s.Err(), bufio.ErrTooLong) {
		return nil, fmt.Errorf("%s: a line has more than %d bytes", name, bufio.MaxScanTokenSize)
	} else if s.Err() != nil {
		return nil, fmt.Errorf("%s: %w", name, s.Err())
	}
	return t, nil
}

// line takes in a line without its comment.
func (t *Table) line(line string, ops map[string]decoder.Op) error {
	parts := strings.Split(line, ":")
	if len(parts) != 2 && len(parts) != 3 {
		return fmt.Errorf("want INSTRUCTION... : RESULT... : CONDITION")
	}
	var r row
	for _, s := range strings.Fields(parts[1]) {
		if err := r.result(strings.ToLower(s)); err != nil {
			return err
		}
	}
	if r.mask.Empty() && !r.dest {
		return fmt.Errorf("no result is named")
	}
	if len(parts) == 3 {
		for _, s := range strings.Fields(parts[2]) {
			c := conditionNames[strings.ToLower(s)]
			if c == 0 {
				return fmt.Errorf("condition %s: want tcg, interp, native, kvm, host, rep, 66, fault or snippet", s)
			}
			r.when |= c
		}
	}
	names := strings.Fields(parts[0])
	if len(names) == 0 {
		return fmt.Errorf("no instruction is named")
	}
	for _, s := range names {
		s = strings.ToUpper(s)
		op, ok := ops[s]
		switch {
		case s == "*" || s == "*X87":
			for _, op := range ops {
				if s == "*" || isX87(op) {
					t.rows[op] = append(t.rows[op], r)
				}
			}
		case !ok:
			return fmt.Errorf("%s is no instruction%s", s, nearest.Hint(s, slices.Sorted(maps.Keys(ops))))
		default:
			t.rows[op] = append(t.rows[op], r)
		}
	}
	return nil
}

var flagBits = map[string]uint64{
	"cf": inspect.FlagCF, "pf": inspect.FlagPF, "af": inspect.FlagAF, "zf": inspect.FlagZF, "sf": inspect.FlagSF, "of": inspect.FlagOF,
}

// statusBits are those of the x87 status word and of MXCSR (SDM vol. 1, 8.1.3 and 10.2.3).
var statusBits = map[string]uint16{
	"ie": 1 << 0, "de": 1 << 1, "ze": 1 << 2, "oe": 1 << 3, "ue": 1 << 4, "pe": 1 << 5, "c0": 1 << 8, "c1": 1 << 9, "c2": 1 << 10, "c3": 1 << 14,
}

func (r *row) result(s string) error {
	word, bit, ok := strings.Cut(s, ".")
	b := statusBits[bit]
	switch {
	case flagBits[s] != 0:
		r.mask.Flags |= flagBits[s]
	case s == "dest":
		r.dest = true
	case s == "all":
		r.mask.All = true
	case s == "~st":
		r.mask.Rounding = true
	case ok && word == "fsw" && b != 0:
		r.mask.FSW |= b
	case ok && word == "mxcsr" && b != 0 && b < 1<<6:
		r.mask.MXCSR |= uint32(b)
	case strings.HasPrefix(s, "mem"):
		span, err := parseSpan(s)
		if err != nil {
			return err
		}
		r.mask.Memory = append(r.mask.Memory, span)
	case report.IsRegister(s):
		r.mask.Registers = append(r.mask.Registers, report.Canonical(s))
	default:
		return fmt.Errorf("%s is no flag (cf pf af zf sf of), no register, no bit of a status register (fsw.c1, mxcsr.pe), no bytes of memory (mem[6-23]), and not dest, ~st or all", s)
	}
	return nil
}

// mostMemory is how many bytes of a memory operand can be named.
const mostMemory = 4096

// parseSpan reads mem[FIRST-LAST].
func parseSpan(s string) (p report.Span, err error) {
	bad := fmt.Errorf("%s: want bytes of the memory operand as mem[6-23], up to mem[0-%d]", s, mostMemory-1)
	inner, opened := strings.CutPrefix(s, "mem[")
	inner, closed := strings.CutSuffix(inner, "]")
	first, last, two := strings.Cut(inner, "-")
	if !opened || !closed || !two {
		return p, bad
	}
	if p.From, err = strconv.ParseUint(first, 0, 16); err == nil {
		p.To, err = strconv.ParseUint(last, 0, 16)
	}
	if p.To++; err != nil || p.From >= p.To || p.To > mostMemory {
		return p, bad
	}
	return p, nil
}

// Add takes in the lines of another table.
func (t *Table) Add(o *Table) {
	if t.rows == nil {
		t.rows = map[decoder.Op][]row{}
	}
	for op, rows := range o.rows {
		t.rows[op] = append(slices.Clip(t.rows[op]), rows...)
	}
}

// BeyondFlags are the names of the instructions of which more than flags is not to be compared.
func (t *Table) BeyondFlags() (names []string) {
	for op, rows := range t.rows {
		if slices.ContainsFunc(rows, func(r row) bool {
			r.mask.Flags = 0
			return r.dest || !r.mask.Empty()
		}) {
			names = append(names, op.String())
		}
	}
	slices.Sort(names)
	return names
}

// Mask is what is not to be compared after i. nil: everything is.
func (t *Table) Mask(i *decoder.Inst, w When) *report.Mask {
	rows := t.rows[i.Op]
	if len(rows) == 0 {
		return nil
	}
	have := holding(i, w)
	var m *report.Mask
	for k := range rows {
		if rows[k].when&^have != 0 {
			continue
		}
		if m == nil {
			m = new(report.Mask)
		}
		m.Add(&rows[k].mask)
		if a := &i.Args[0]; rows[k].dest && i.NArgs > 0 && a.Kind == decoder.KReg {
			m.Add(&report.Mask{Registers: inspect.GPRNames[a.Reg&15 : a.Reg&15+1]})
		}
	}
	return m
}

// OnFault tells whether there is more that is not to be compared if i ends with an exception.
func (t *Table) OnFault(i *decoder.Inst, w When) bool {
	w.Fault = true
	have := holding(i, w)
	for _, r := range t.rows[i.Op] {
		if r.when&fault != 0 && r.when&^have == 0 {
			return true
		}
	}
	return false
}

// holding are the conditions that hold.
func holding(i *decoder.Inst, w When) conditions {
	have := conditionNames[w.A] | conditionNames[w.B]
	if have&(native|kvm) != 0 {
		have |= host
	}
	if i.Prefix&(decoder.PrefixRep|decoder.PrefixRepne) != 0 {
		have |= rep
	}
	if i.Prefix&decoder.PrefixOpSize != 0 {
		have |= o66
	}
	if w.Fault {
		have |= fault
	}
	if w.Snippet {
		have |= snippet
	}
	return have
}
