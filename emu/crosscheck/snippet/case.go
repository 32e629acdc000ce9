package snippet

import (
	"fmt"
	"strings"

	"goemu/emu/crosscheck/report"
	"goemu/emu/inspect"
)

// Where a snippet and its data are, unless a case says something else: linear addresses.
const (
	codeAt   = 0x1000_0000 // of 32 and 64 bits
	dataAt   = 0x2000_0000
	codeAt16 = 0x7c00
	dataAt16 = 0x8000
	dataSize = 0x2000

	pageSize = 0x1000
	maxPages = 1024      // of a case
	realTop  = 0xa0000   // memory of a case in real mode ends here
	maxCode  = 16 << 10  // bytes of a snippet
	limit    = 1_000_000 // instructions, unless a case says something else
	maxLimit = 1 << 30
)

// Setting is a register that does not have its usual value.
type Setting struct{ Name, Value string }

// Memory is bytes at a linear address.
type Memory struct {
	Addr  uint64
	Bytes []byte
}

// Pages is a range of mapped memory. Access has some of the letters r, w (writable), x (executable), u (user) and s (supervisor only).
type Pages struct {
	Addr   uint64
	Count  int
	Access string
}

// Case is a snippet with what it starts from, and what is expected.
type Case struct {
	Name  string
	Where string // file and line, for messages

	Mode    int       // 16, 32 or 64
	Variant Variant   // of the modes of this size
	Ring    int       // 0 to 3
	CPU     string    // model; "": the default
	A, B    string    // engines; "": the caller's
	Regs    []Setting // in the order in which they are set
	Pages   []Pages   // none: the usual ones
	Memory  []Memory
	Code    []byte
	Asm     string // for nasm, if there are no bytes
	Limit   int    // instructions; 0: the usual limit

	Undefined []string // lines for the table of undefined results
	Expect    []Setting
	Different []string // the names of what is expected to differ; nil: nothing
	Seen      []string // what whoever wrote the case saw

	ringSet bool // by its file
}

// New gives a case of the usual mode of a size: ring 3, or 0 in real mode.
func New(mode int) *Case {
	c := &Case{Mode: mode, Ring: 3}
	if c.real() {
		c.Ring = 0
	}
	return c
}

// dataAddr is where its data is.
func (c *Case) dataAddr() uint64 {
	if c.Mode == 16 {
		return dataAt16
	}
	return dataAt
}

// reset gives the registers that cases of a mode and ring start from, but for what the layout of memory decides (see layout.go).
func (c *Case) reset() inspect.Registers {
	r := inspect.Registers{
		RFLAGS: 2, CR0: 0x32, CR4: 0x600, XCR0: 1, MXCSR: 0x1f80, A20: true, CPL: c.Ring,
		X87: inspect.X87{FCW: 0x37f, FTW: 0xffff},
		DR:  [8]uint64{6: 0xffff0ff0, 7: 0x400},
	}
	r.RIP = codeAt
	if c.Mode == 16 {
		r.RIP = codeAt16
	}
	data := c.dataAddr()
	r.GPR[inspect.RSI], r.GPR[inspect.RBX] = data, data+0x400
	r.GPR[inspect.RDI], r.GPR[inspect.RBP] = data+0x800, data+0x1400
	r.GPR[inspect.RSP] = data + 0x1800
	code, stack := inspect.Segment{Limit: 0xffff, Attr: 0x9b}, inspect.Segment{Limit: 0xffff, Attr: 0x93}
	switch {
	case c.real():
	case c.Variant == VM86:
		code.Attr, stack.Attr = 0xf3, 0xf3
		r.RFLAGS |= inspect.FlagVM
	default:
		code, _ = described(c.codeSelector())
		stack, _ = described(c.dataSelector())
	}
	if c.Ring == 3 {
		r.RFLAGS |= inspect.FlagIF
	}
	for i := range r.Seg {
		r.Seg[i] = stack
	}
	r.Seg[inspect.CS] = code
	if c.Mode == 64 {
		for _, n := range [...]int{inspect.FS, inspect.GS} {
			r.Seg[n] = inspect.Segment{}
		}
	}
	if !c.real() {
		r.CR0 = 0x8005_0033
	}
	if c.long() {
		r.CR4 |= inspect.CR4PAE
		r.EFER = 1<<11 | 1<<8 | inspect.EFERLMA // NXE, LME
	}
	return r
}

// owned are the registers that the layout of memory decides.
func owned(name string) bool {
	name, _, _ = strings.Cut(name, ".")
	switch name {
	case "cr3", "gdtr", "idtr", "ldtr", "tr", "cpl", "state", "smm", "a20", "inhibit", "nmimasked":
		return true
	}
	return false
}

// registers is the state in which a case starts.
func (c *Case) registers() (inspect.Registers, error) {
	r := c.reset()
	for _, s := range c.Regs {
		if owned(report.Canonical(s.Name)) {
			return r, fmt.Errorf("%s: a case cannot set it", s.Name)
		}
		if err := report.Set(&r, s.Name, s.Value); err != nil {
			return r, err
		}
	}
	if c.real() && r.CR0&inspect.CR0PE == 0 || c.Variant == VM86 {
		for i := range r.Seg {
			if s := &r.Seg[i]; s.Base == 0 {
				s.Base = uint64(s.Selector) << 4
			}
		}
	}
	return r, nil
}

// SetState makes the case start from a state, as far as cases can: what its mode and ring are, and what differs from their usual state. A state that no
// case can start from is an error.
func (c *Case) SetState(r *inspect.Registers) (err error) {
	if c.Mode, c.Variant, err = variantOf(r); err != nil {
		return err
	}
	c.Ring = r.CPL
	now := c.reset()
	c.Regs = nil
	for _, d := range report.Registers(&now, r, nil) {
		if owned(d.Name) {
			continue
		}
		value, _ := report.Get(r, d.Name)
		c.Regs = append(c.Regs, Setting{d.Name, value})
	}
	return nil
}
