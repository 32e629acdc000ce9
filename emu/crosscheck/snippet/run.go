package snippet

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"goemu/decoder"
	"goemu/emu/cpumodel"
	"goemu/emu/crosscheck/report"
	"goemu/emu/crosscheck/undefined"
	"goemu/emu/inspect"
	"goemu/tcg/amd64"
)

// Runner compares cases on engines, which it opens when they are first wanted. It belongs to one goroutine.
type Runner struct {
	A, B  string           // engines of cases that do not name theirs
	Force bool             // A and B are for all cases
	Table *undefined.Table // what is not compared

	open map[string]engine
}

// Close gives the engines back.
func (r *Runner) Close() error {
	var err error
	for _, e := range r.open {
		err = errors.Join(err, e.close())
	}
	r.open = nil
	return err
}

func (r *Runner) engine(name string) (engine, error) {
	if e := r.open[name]; e != nil {
		return e, nil
	}
	e, err := open(name)
	if err != nil {
		return nil, err
	}
	if r.open == nil {
		r.open = map[string]engine{}
	}
	r.open[name] = e
	return e, nil
}

// Verdict is what the comparison of a case has found. Its fields are those of the JSON output.
type Verdict struct {
	Name        string              `json:"name,omitempty"`
	Where       string              `json:"where,omitempty"` // file and line
	Mode        string              `json:"mode"`
	Ring        int                 `json:"ring"`
	A           string              `json:"a"`
	B           string              `json:"b"`
	Status      string              `json:"status"` // equal, different or error
	Expected    bool                `json:"expected"`
	Excused     bool                `json:"excused,omitempty"` // they differ in what the table of undefined results leaves out
	Error       string              `json:"error,omitempty"`
	EndA        string              `json:"end_a,omitempty"`
	EndB        string              `json:"end_b,omitempty"`
	Instruction *Instruction        `json:"instruction,omitempty"` // after which the engines first differ
	Differences []report.Difference `json:"differences,omitempty"`
	IR          string              `json:"ir,omitempty"`         // micro-ops of the instruction, if one engine is goemu's
	Host        string              `json:"host,omitempty"`       // its host code, if one is tcg
	Unexpected  []report.Difference `json:"unexpected,omitempty"` // a: what was expected; b: what both have
	Changed     []report.Difference `json:"changed,omitempty"`    // a: at the start; b: at the end, on engine a

	Listing []Instruction `json:"listing"`
}

// Statuses of a Verdict.
const (
	Equal     = "equal"
	Different = "different"
	Failed    = "error"
)

// Instruction is one of the listing of a snippet, as decoded from its start.
type Instruction struct {
	Addr  report.Hex `json:"addr"`
	Bytes string     `json:"bytes"`
	Text  string     `json:"text"`

	inst     decoder.Inst
	rip      uint64
	from, to int // offsets in the code
}

// Run compares a case.
func (r *Runner) Run(c *Case) *Verdict {
	v := &Verdict{Name: c.Name, Where: c.Where, Mode: c.ModeName(), Ring: c.Ring, A: r.A, B: r.B, Status: Failed}
	if c.A != "" && !r.Force {
		v.A, v.B = c.A, c.B
	}
	if err := r.compare(c, v); err != nil {
		v.Error = err.Error()
	}
	return v
}

func (r *Runner) compare(c *Case, v *Verdict) error {
	if len(c.Code) == 0 {
		code, err := assemble(c)
		if err != nil {
			return err
		}
		with := *c
		with.Code = code
		c = &with
	}
	table := r.Table
	if len(c.Undefined) > 0 {
		more, err := undefined.Parse(c.Where, strings.NewReader(strings.Join(c.Undefined, "\n")))
		if err != nil {
			return err
		}
		table = &undefined.Table{}
		table.Add(more)
		if r.Table != nil {
			table.Add(r.Table)
		}
	}
	p := pair{c: c, table: table}
	var err error
	if p.a, err = r.engine(v.A); err != nil {
		return err
	}
	if p.b, err = r.engine(v.B); err != nil {
		return err
	}
	p.when = undefined.When{A: v.A, B: v.B, Snippet: true}
	o, err := p.run(c.Code)
	if err != nil {
		return err
	}
	v.Listing = o.listing
	v.EndA, v.EndB = o.a.End.String(), o.b.End.String()
	if err := endless(o.a, o.b); err != nil {
		return err
	}
	v.Differences = o.differences
	if len(v.Differences) > 0 {
		v.Status = Different
		v.Instruction = p.first(o)
		p.translation(v)
		v.Expected = len(c.Different) > 0 && expectedNames(c.Different, v.Differences)
		return nil
	}
	v.Status, v.Excused = Equal, o.excused
	v.Changed = o.changed()
	v.Unexpected = o.unexpected(c.Expect)
	v.Expected = len(c.Different) == 0 && len(v.Unexpected) == 0
	return nil
}

// endless is an error if nothing can be compared, as a run has not ended and the other ended, or did not, by another limit.
func endless(a, b *Result) error {
	counted := func(r *Result) bool { return r.Engine == "tcg" || r.Engine == "interp" }
	switch onA, onB := a.End.Kind == Endless, b.End.Kind == Endless; {
	case onA && onB:
		return fmt.Errorf("the snippet does not end on either engine: nothing can be compared")
	case counted(a) && counted(b), !onA && !onB:
		return nil
	case onA:
		return fmt.Errorf("the snippet does not end on %s within the limit: nothing can be compared", a.Engine)
	default:
		return fmt.Errorf("the snippet does not end on %s within the limit: nothing can be compared", b.Engine)
	}
}

// expectedNames tells whether exactly these differ.
func expectedNames(names []string, d []report.Difference) bool {
	var have, want []string
	for _, x := range d {
		have = append(have, report.Canonical(x.Name))
	}
	for _, n := range names {
		want = append(want, report.Canonical(n))
	}
	slices.Sort(have)
	slices.Sort(want)
	return slices.Equal(slices.Compact(have), slices.Compact(want))
}

// pair is two engines that run a case, or the beginning of its code.
type pair struct {
	c     *Case
	a, b  engine
	table *undefined.Table
	when  undefined.When
}

// outcome is what came of it.
type outcome struct {
	im          *image
	a, b        *Result
	listing     []Instruction
	differences []report.Difference
	excused     bool // they differ, where nothing is compared
}

// run runs code on both.
func (p *pair) run(code []byte) (*outcome, error) {
	c := *p.c
	c.Code = code
	im, err := c.image(p.a.offer(), p.b.offer())
	if err != nil {
		return nil, err
	}
	o := &outcome{im: im, listing: im.list()}
	if o.a, err = p.a.run(im); err != nil {
		return nil, err
	}
	if o.b, err = p.b.run(im); err != nil {
		return nil, err
	}
	mask := &report.Mask{}
	spans := map[uint64][]report.Span{} // by the instruction's RIP
	if p.table != nil {
		w := p.when
		w.Fault = o.a.End.Kind == Exception || o.b.End.Kind == Exception
		for i := range o.listing {
			if m := p.table.Mask(&o.listing[i].inst, w); m != nil {
				mask.Add(m)
				if len(m.Memory) > 0 && hasMemory(&o.listing[i].inst) {
					spans[o.listing[i].rip] = m.Memory
				}
			}
		}
	}
	if len(spans) > 0 && !bytes.Equal(o.a.RAM, o.b.RAM) {
		if err = o.hide(spans); err != nil {
			return nil, err
		}
	}
	o.differences = im.compare(o.a, o.b, mask)
	if mask.All && len(o.differences) > 0 {
		o.differences, o.excused = nil, true
	}
	return o, nil
}

// hasMemory tells whether an instruction names memory: string instructions do not.
func hasMemory(i *decoder.Inst) bool {
	return slices.ContainsFunc(i.Args[:i.NArgs], func(a decoder.Arg) bool { return a.Kind == decoder.KMem || a.Kind == decoder.KMoffs })
}

// hide has b agree with a in bytes of the memory operands of instructions, which the interpreter finds.
func (o *outcome) hide(spans map[uint64][]report.Span) error {
	insts := map[uint64]*decoder.Inst{}
	for i := range o.listing {
		insts[o.listing[i].rip] = &o.listing[i].inst
	}
	ram := slices.Clone(o.b.RAM)
	err := bare{}.step(o.im, func(r *inspect.Registers) {
		i := insts[r.RIP]
		if i == nil || len(spans[r.RIP]) == 0 {
			return
		}
		offset := i.Offset(&r.GPR, r.RIP)
		for _, s := range spans[r.RIP] {
			for n := s.From; n < s.To; n++ {
				linear := r.Linear(int(i.Seg), offset+n)
				if a := o.im.find(linear, 1); a != nil {
					at := a.phys + (linear - a.addr)
					ram[at] = o.a.RAM[at]
				}
			}
		}
	})
	b := *o.b
	b.RAM = ram
	o.b = &b
	return err
}

// first names the instruction after which the engines first differ: the last of the shortest beginning of the code that differs. nil: none does.
func (p *pair) first(all *outcome) *Instruction {
	for i := range all.listing {
		o, err := p.run(p.c.Code[:all.listing[i].to])
		if err == nil && len(o.differences) > 0 {
			return &all.listing[i]
		}
	}
	return nil
}

// translation shows what goemu makes of the instruction after which the engines first differ.
func (p *pair) translation(v *Verdict) {
	var b bare
	switch {
	case v.Instruction == nil:
		return
	case v.A == "tcg" || v.B == "tcg":
		b.native = true
	case v.A != "interp" && v.B != "interp":
		return
	}
	c := *p.c
	c.Code = p.c.Code[v.Instruction.from:v.Instruction.to]
	c.Regs = append(slices.Clip(c.Regs), Setting{"rip", fmt.Sprintf("%#x", v.Instruction.rip)})
	im, err := c.image(p.a.offer(), p.b.offer())
	if err != nil {
		return
	}
	if block, err := b.view(im); err == nil {
		v.IR, v.Host = block.Optimised, block.Host
	}
}

// image makes the case ready to run on engines. The CPU model is cut to what all have, unless the case names one.
func (c *Case) image(offers ...offer) (*image, error) {
	r, err := c.registers()
	if err != nil {
		return nil, err
	}
	m, _, err := cpumodel.Parse(c.CPU, amd64.HostCPUID)
	if err != nil {
		return nil, err
	}
	avx := true
	for _, o := range offers {
		if avx = avx && o.avx; o.features != nil && c.CPU == "" {
			m, _ = m.Cut(*o.features)
		}
	}
	for _, o := range offers {
		r.EFER |= o.efer
		if m.Has(cpumodel.FSGSBASE) && c.Mode == 64 {
			r.CR4 |= o.cr4
		}
	}
	if avx && r.XCR0 == 1 && m.Has(cpumodel.XSAVE) && m.Has(cpumodel.AVX) {
		r.XCR0 = 7
	}
	if r.XCR0 != 1 {
		r.CR4 |= 1 << 18 // OSXSAVE
	}
	r.X87.FTW = tags(&r.X87) // processors keep no others
	im, err := c.layout(&r)
	if err != nil {
		return nil, err
	}
	im.model = m
	return im, nil
}

// list decodes the code from its start.
func (im *image) list() []Instruction {
	var l []Instruction
	mode := map[int]decoder.Mode{16: decoder.Mode16, 32: decoder.Mode32, 64: decoder.Mode64}[im.c.Mode]
	code := slices.Concat(im.c.Code, slices.Repeat([]byte{im.filler()}, 15)) // the last instruction may have bytes from behind
	for n := 0; n < len(im.c.Code); {
		i := Instruction{Addr: report.Hex(im.code) + report.Hex(n), rip: im.regs.RIP + uint64(n), from: n}
		length := 1
		if err := decoder.Decode(code[n:], mode, &i.inst); err == nil {
			length = int(i.inst.Len)
			i.Text = i.inst.Text(i.rip)
		} else {
			length = len(im.c.Code) - n // what follows an instruction that is none is not code
			i.Text = "(" + err.Error() + ")"
		}
		i.Bytes = fmt.Sprintf("% x", code[n:n+length])
		n += length
		i.to = min(n, len(im.c.Code))
		l = append(l, i)
	}
	return l
}

// changed lists what the snippet has changed.
func (o *outcome) changed() []report.Difference {
	if o.a.End.Kind == Shutdown {
		return o.im.memory(o.im.ram, o.a.RAM)
	}
	was := Result{Regs: o.im.regs}
	o.im.settle(&was)
	d := report.Registers(&was.Regs, &o.a.Regs, nil)
	return append(d, o.im.memory(o.im.ram, o.a.RAM)...)
}

// unexpected compares what both engines have with what is expected.
func (o *outcome) unexpected(want []Setting) []report.Difference {
	var d []report.Difference
	for _, s := range want {
		var got string
		expected := s.Value
		switch {
		case s.Name == "end":
			knows := o.a
			if knows.Engine == "native" { // no error codes
				knows = o.b
			}
			if knows.Engine == "native" {
				expected, _, _ = strings.Cut(expected, "(")
			}
			got = knows.End.String()
		case strings.HasPrefix(s.Name, "["):
			addr, _ := address(strings.Trim(s.Name, "[]"))
			b := make([]byte, (len(expected)+1)/3)
			for i := range b {
				b[i] = o.im.read(o.a.RAM, addr+uint64(i))
			}
			got = fmt.Sprintf("% x", b)
		default:
			var r inspect.Registers
			_ = report.Set(&r, s.Name, s.Value)
			expected, _ = report.Get(&r, s.Name)
			got, _ = report.Get(&o.a.Regs, s.Name)
		}
		if got != expected {
			d = append(d, report.Difference{Name: s.Name, A: expected, B: got})
		}
	}
	return d
}

// String is the report of a verdict.
func (v *Verdict) String() string {
	var b strings.Builder
	name := v.Where
	if v.Name != "" {
		name += ": " + v.Name
	}
	fmt.Fprintf(&b, "%s: ", name)
	if v.Status == Failed {
		fmt.Fprintf(&b, "could not run: %s\n", v.Error)
		return b.String()
	}
	fmt.Fprintf(&b, "%s and %s are %s", v.A, v.B, v.Status)
	switch {
	case v.Excused:
		fmt.Fprintf(&b, " but for what is undefined (%s, %s)", v.EndA, v.EndB)
	case v.Status == Equal:
		fmt.Fprintf(&b, ", %s", describeEnd(v.EndA))
	}
	switch {
	case v.Status == Different && v.Expected:
		b.WriteString(", as expected")
	case v.Status == Equal && !v.Expected && len(v.Unexpected) == 0:
		b.WriteString(", but a difference is expected")
	case v.Status == Equal && !v.Expected:
		b.WriteString(", but not what is expected")
	}
	b.WriteByte('\n')
	for i := range v.Listing {
		mark := ' '
		if v.Instruction != nil && v.Instruction.Addr == v.Listing[i].Addr {
			mark = '>'
		}
		fmt.Fprintf(&b, "%c %x  %-23s %s\n", mark, v.Listing[i].Addr, v.Listing[i].Bytes, v.Listing[i].Text)
	}
	switch {
	case v.Status == Different:
		b.WriteString(report.Text(v.Differences))
		for _, x := range [...]struct{ what, text string }{{"Micro-ops", v.IR}, {"Host code", v.Host}} {
			if x.text != "" {
				fmt.Fprintf(&b, "%s of the instruction, and of what ends the snippet:\n%s\n", x.what, strings.TrimRight(x.text, "\n"))
			}
		}
	case len(v.Unexpected) > 0:
		b.WriteString(report.Text(v.Unexpected))
	default:
		b.WriteString(report.Changes(v.Changed))
	}
	return b.String()
}

func describeEnd(end string) string {
	switch end {
	case "end":
		return "both reach the end"
	case "halt":
		return "both halt"
	case "shutdown":
		return "both shut down (triple fault)"
	}
	return "both raise " + end
}
