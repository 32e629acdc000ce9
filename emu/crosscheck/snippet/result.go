package snippet

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"goemu/emu/crosscheck/report"
	"goemu/emu/inspect"
)

// Kind is how a run ended.
type Kind int

// Ways to end.
const (
	Ended     Kind = iota // at the end of the snippet, or elsewhere around it
	Exception             // by an exception or INT n
	Halted                // HLT by kernel code
	Shutdown              // by a triple fault
	Endless               // not within the limit of instructions, or of time
	Failure               // the engine could not go on
)

// End is how a run ended.
type End struct {
	Kind    Kind
	Vector  int
	HasCode bool
	Code    uint32 // error code
	Text    string // of a failure
}

// hasCode are the exceptions with an error code (SDM vol. 3A table 6-1).
const hasCode = 1<<8 | 1<<10 | 1<<11 | 1<<12 | 1<<13 | 1<<14 | 1<<17 | 1<<21

// String describes the end in few words.
func (e End) String() string {
	switch e.Kind {
	case Ended:
		return "end"
	case Halted:
		return "halt"
	case Shutdown:
		return "shutdown"
	case Endless:
		return "endless"
	case Failure:
		return e.Text
	}
	name := inspect.VectorName(e.Vector)
	if name == "" {
		name = fmt.Sprintf("vector %#x", e.Vector)
	}
	if e.HasCode {
		return fmt.Sprintf("%s(%#x)", name, e.Code)
	}
	return name
}

// checkEnd tells whether a run may end so that nothing else is to be said: in words as String has them.
func checkEnd(s string) error {
	name, code, coded := strings.Cut(s, "(")
	if coded {
		digits, closed := strings.CutSuffix(code, ")")
		n, err := strconv.ParseUint(digits, 0, 32)
		coded = closed && err == nil && fmt.Sprintf("%#x", n) == digits
	}
	for v := range 256 {
		if e := (End{Kind: Exception, Vector: v}); e.String() == name && (name == s || coded && hasCode>>v&1 != 0) {
			return nil
		}
	}
	if s == "end" || s == "halt" || s == "shutdown" {
		return nil
	}
	return fmt.Errorf("%s: want end, halt, shutdown, an exception as #DE or #PF(0x6), or another as vector 0x21", s)
}

// Result is what an engine made of a case.
type Result struct {
	Engine string
	End    End
	Regs   inspect.Registers // after an exception those in which it was raised; nothing after a shutdown
	RAM    []byte            // as image.ram
}

// conclude turns the state in which a machine with an IDT has stopped into a result. halted: by HLT. end: otherwise.
func (im *image) conclude(engine string, r *inspect.Registers, halted bool, otherwise Kind, ram []byte) *Result {
	res := &Result{Engine: engine, End: End{Kind: otherwise}, Regs: *r, RAM: ram}
	if halted {
		res.End.Kind = Halted
		handlers := uint64(handlers16)
		if !im.real() {
			handlers = im.sys + handlerPage*pageSize
		}
		if v := r.PC() - 1 - handlers; v < 256 {
			res.End = End{Kind: Exception, Vector: int(v)}
			im.unwind(res)
		}
	}
	im.settle(res)
	return res
}

// unwind takes back the delivery of an exception: its frame is on the stack (SDM vol. 3A 6.12.1, 6.14.2, 20.1.4, 20.3.1).
func (im *image) unwind(res *Result) {
	r, was := &res.Regs, &im.regs
	size := uint64(4)
	switch {
	case im.real():
		size = 2
	case im.c.long():
		size = 8
	}
	short := !im.c.long() && r.Seg[inspect.SS].Attr&inspect.AttrDB == 0 // a stack of 16 bits
	at := r.GPR[inspect.RSP]
	pop := func() (v uint64) {
		for i := range size {
			off := at + i
			if short {
				off = (at & 0xffff) + i
			}
			v |= uint64(im.read(res.RAM, r.Linear(inspect.SS, off))) << (8 * i)
		}
		at += size
		return v
	}
	if e := &res.End; hasCode>>e.Vector&1 != 0 && !im.real() {
		e.HasCode, e.Code = true, uint32(pop())
	}
	r.RIP = pop()
	cs, flags := uint16(pop()), pop()
	vm := !im.c.long() && flags&inspect.FlagVM != 0
	if size == 2 {
		flags |= r.RFLAGS &^ 0xffff
	}
	switch cpl := int(cs & 3); {
	case vm:
		cpl = 3
		fallthrough
	case size == 8, !im.real() && cpl != r.CPL:
		r.CPL = cpl
		sp, ss := pop(), uint16(pop())
		if vm {
			for _, n := range [...]int{inspect.ES, inspect.DS, inspect.FS, inspect.GS} {
				im.restore(r, n, uint16(pop()), was, vm)
			}
		}
		im.restore(r, inspect.SS, ss, was, vm)
		r.GPR[inspect.RSP] = sp
	case short:
		r.GPR[inspect.RSP] = r.GPR[inspect.RSP]&^0xffff | at&0xffff
	default:
		r.GPR[inspect.RSP] = at
	}
	im.restore(r, inspect.CS, cs, was, vm)
	r.RFLAGS = flags
}

// restore gives a segment register back what it was before an exception. vm: in virtual-8086 mode.
func (im *image) restore(r *inspect.Registers, n int, sel uint16, was *inspect.Registers, vm bool) {
	s := &r.Seg[n]
	switch {
	case sel == was.Seg[n].Selector:
		*s = was.Seg[n]
	case im.real():
		s.Selector, s.Base = sel, uint64(sel)<<4
	case vm:
		*s = inspect.Segment{Selector: sel, Base: uint64(sel) << 4, Limit: 0xffff, Attr: 0xf3}
	default:
		*s, _ = described(sel) // far transfers
	}
}

// read gives a byte of memory after a run, 0 where none is.
func (im *image) read(ram []byte, linear uint64) byte {
	phys := linear
	if off := linear - im.sys; !im.real() && off < systemPages*pageSize {
		phys = systemPhys + off
	} else if a := im.find(linear, 1); a != nil {
		phys = a.phys + linear - a.addr
	}
	if phys >= uint64(len(ram)) {
		return 0
	}
	return ram[phys]
}

// settle makes results of different engines comparable.
func (im *image) settle(res *Result) {
	e, r := &res.End, &res.Regs
	if e.Kind == Halted || e.Kind == Exception && e.Vector == 3 {
		if at := r.Linear(inspect.CS, r.RIP-1); at-im.code >= uint64(len(im.c.Code)) {
			*e = End{Kind: Ended}
			r.RIP--
		}
	}
	const rf = 1 << 16
	r.RFLAGS &^= rf // of the image in the frame
	r.State = inspect.CPURunning
	r.Inhibit, r.NMIMasked, r.CPU, r.Vectors, r.VectorBytes = false, false, 0, 0, 0
	for _, p := range [...]*inspect.Segment{&r.Seg[0], &r.Seg[1], &r.Seg[2], &r.Seg[3], &r.Seg[4], &r.Seg[5], &r.LDTR, &r.TR} {
		if p.Attr&inspect.AttrP == 0 {
			p.Limit, p.Attr = 0, 0 // of a segment that cannot be used processors keep what they like
		}
	}
	r.X87.FTW = tags(&r.X87)
	if e.Kind == Shutdown {
		*r = inspect.Registers{} // processors differ in what they leave
	}
}

// tags gives the x87 tag word that belongs to the contents of the registers, as FSTENV stores it (SDM vol. 1, 8.1.7).
func tags(x *inspect.X87) (w uint16) {
	for phys := range 8 {
		v := x.ST[(phys-x.Top())&7]
		exp := v.Exponent & 0x7fff
		t := uint16(0)
		switch {
		case x.FTW>>(2*phys)&3 == 3:
			t = 3
		case v.Significand == 0 && exp == 0:
			t = 1
		case exp == 0 || exp == 0x7fff || v.Significand>>63 == 0:
			t = 2
		}
		w |= t << (2 * phys)
	}
	return w
}

// fullTags makes a tag word of the byte that FXSAVE stores.
func fullTags(b uint8) (w uint16) {
	for i := range 8 {
		if b>>i&1 == 0 {
			w |= 3 << (2 * i)
		}
	}
	return w
}

// compare lists what differs between two results, but for what the mask names.
func (im *image) compare(a, b *Result, m *report.Mask) []report.Difference {
	var d []report.Difference
	if !sameEnd(a, b) {
		d = append(d, report.Difference{Name: "end", A: a.End.String(), B: b.End.String()})
	}
	if full := func(r *Result) bool { return r.End.Kind != Shutdown && r.End.Kind != Failure }; full(a) && full(b) {
		d = append(d, report.Registers(&a.Regs, &b.Regs, m)...)
	}
	return append(d, im.memory(a.RAM, b.RAM)...)
}

// sameEnd tells whether two runs ended in the same way. The host does not tell error codes, nor #BR and #GP of BOUND apart.
func sameEnd(a, b *Result) bool {
	ea, eb := a.End, b.End
	if a.Engine == "native" || b.Engine == "native" {
		const br, gp = 5, 13
		for _, e := range [...]*End{&ea, &eb} {
			if e.HasCode, e.Code = false, 0; e.Kind == Exception && e.Vector == br {
				e.Vector = gp
			}
		}
	}
	return ea == eb
}

// memory lists the rows of memory that differ.
func (im *image) memory(a, b []byte) []report.Difference {
	var d []report.Difference
	for i := range im.areas {
		s := &im.areas[i]
		d = append(d, report.Memory(s.addr, a[s.phys:s.phys+s.size], b[s.phys:s.phys+s.size])...)
	}
	return d
}

// vector128 is an XMM register as FXSAVE stores it.
func vector128(p []byte) [8]uint64 {
	return [8]uint64{binary.LittleEndian.Uint64(p), binary.LittleEndian.Uint64(p[8:])}
}

// float80 is an x87 register as FXSAVE stores it.
func float80(p []byte) inspect.Float80 {
	return inspect.Float80{Significand: binary.LittleEndian.Uint64(p), Exponent: binary.LittleEndian.Uint16(p[8:])}
}
