package x86

// smmState is what a system management interrupt stores in the save area and RSM takes from it. Every field is 64 bits wide, so that the
// two layouts are tables.
type smmState struct {
	gpr                                     [16]uint64
	rip, rflags, cr0, cr3, cr4, efer        uint64
	dr6, dr7                                uint64
	seg                                     [6]smmSegment
	ldtr, tr                                smmSegment
	gdtBase, gdtLimit, idtBase, idtLimit    uint64
	revision, smbase, autoHalt, ioState, io uint64
}

// smmSegment is a segment register with its hidden part.
type smmSegment struct {
	selector, attr, limit, base uint64
}

// smmField is one field of the save area: offset from SMBASE and size in bytes.
type smmField struct {
	off  uint32
	size uint8
	v    *uint64
}

// Revision identifiers (SDM vol. 3C 31.9; AMD APM vol. 2 10.2.4): the layout, and bit 17: SMBASE can be relocated. Bit 16, restart of
// I/O instructions, is clear, as no I/O instruction here waits for a handler.
const (
	smmRevision32 = 0x20000
	smmRevision64 = 0x20064
)

// fields64 is the layout of processors with long mode (AMD APM vol. 2 table 10-1). Attributes have the places that they have in
// bits 23..8 of a descriptor's upper half.
func (s *smmState) fields64() []smmField {
	f := []smmField{
		{0xfe64, 2, &s.gdtLimit}, {0xfe68, 8, &s.gdtBase},
		{0xfe84, 2, &s.idtLimit}, {0xfe88, 8, &s.idtBase},
		{0xfec0, 4, &s.ioState}, {0xfec8, 1, &s.io}, {0xfec9, 1, &s.autoHalt},
		{0xfed0, 8, &s.efer}, {0xfefc, 4, &s.revision}, {0xff00, 4, &s.smbase},
		{0xff48, 8, &s.cr4}, {0xff50, 8, &s.cr3}, {0xff58, 8, &s.cr0},
		{0xff60, 8, &s.dr7}, {0xff68, 8, &s.dr6}, {0xff70, 8, &s.rflags}, {0xff78, 8, &s.rip},
	}
	segment := func(at uint32, g *smmSegment) {
		f = append(f, smmField{at, 2, &g.selector}, smmField{at + 2, 2, &g.attr}, smmField{at + 4, 4, &g.limit}, smmField{at + 8, 8, &g.base})
	}
	for n := range s.seg {
		segment(0xfe00+uint32(n)*16, &s.seg[n])
	}
	segment(0xfe70, &s.ldtr)
	segment(0xfe90, &s.tr)
	for n := range s.gpr {
		f = append(f, smmField{0xfff8 - uint32(n)*8, 8, &s.gpr[n]})
	}
	return f
}

// fields32 is the layout of 32-bit processors (SDM vol. 3C table 31-1). The hidden parts of segment registers, the tables, CR4 and EFER
// are in its reserved area, where the manual gives them no place.
func (s *smmState) fields32() []smmField {
	f := []smmField{
		{0xfffc, 4, &s.cr0}, {0xfff8, 4, &s.cr3}, {0xfff4, 4, &s.rflags}, {0xfff0, 4, &s.rip},
		{0xffcc, 4, &s.dr6}, {0xffc8, 4, &s.dr7}, {0xffc4, 4, &s.tr.selector}, {0xffc0, 4, &s.ldtr.selector},
		{0xffa4, 4, &s.ioState}, {0xff02, 2, &s.autoHalt}, {0xff00, 2, &s.io}, {0xfefc, 4, &s.revision}, {0xfef8, 4, &s.smbase},
		{0xff14, 4, &s.cr4}, {0xff10, 4, &s.efer},
		{0xff58, 4, &s.idtBase}, {0xff54, 4, &s.idtLimit}, {0xff74, 4, &s.gdtBase}, {0xff70, 4, &s.gdtLimit},
	}
	hidden := func(at uint32, g *smmSegment) {
		f = append(f, smmField{at, 4, &g.attr}, smmField{at + 4, 4, &g.limit}, smmField{at + 8, 4, &g.base})
	}
	hidden(0xff78, &s.ldtr)
	hidden(0xff5c, &s.tr)
	for n := range s.seg {
		f = append(f, smmField{0xffa8 + uint32(n)*4, 4, &s.seg[n].selector})
		if n < 3 {
			hidden(0xff84+uint32(n)*12, &s.seg[n])
		} else {
			hidden(0xff2c+uint32(n-3)*12, &s.seg[n])
		}
	}
	for n := range 8 {
		f = append(f, smmField{0xffd0 + uint32(n)*4, 4, &s.gpr[n]})
	}
	return f
}

func smmSegmentOf(g *Segment) smmSegment {
	return smmSegment{uint64(g.Selector), uint64(g.Attr), uint64(g.Limit), g.Base}
}

// segment gives the register that a save area describes.
func (g *smmSegment) segment() Segment {
	return Segment{Selector: uint16(g.selector), Base: g.base, Limit: uint32(g.limit), Attr: uint32(g.attr) & attrMask}
}

// smmFields is the model's layout of s.
func (c *CPU) smmFields(s *smmState) []smmField {
	if c.valid.efer&eferLME != 0 {
		return s.fields64()
	}
	return s.fields32()
}

// smmCapture gives the state that is stored.
func (c *CPU) smmCapture() *smmState {
	c.takeGS()
	s := &smmState{
		gpr: c.env.GPR, rip: c.env.RIP, rflags: uint64(c.Flags()),
		cr0: c.pg.CR0, cr3: c.pg.CR3, cr4: c.pg.CR4, efer: c.pg.EFER, dr6: c.dr[6], dr7: c.dr[7],
		ldtr: smmSegmentOf(&c.ldtr), tr: smmSegmentOf(&c.tr),
		gdtBase: c.gdtr.Base, gdtLimit: uint64(c.gdtr.Limit), idtBase: c.idtr.Base, idtLimit: uint64(c.idtr.Limit),
		revision: smmRevision32, smbase: uint64(c.smm.base),
	}
	if c.valid.efer&eferLME != 0 {
		s.revision = smmRevision64
	}
	for n := range c.seg {
		s.seg[n] = smmSegmentOf(&c.seg[n])
	}
	if c.state == Halted && !c.monitor.waiting {
		s.autoHalt = 1
	}
	return s
}

// smmStore writes the save area; what no field covers stays as it is.
func (c *CPU) smmStore(s *smmState) {
	for _, f := range c.smmFields(s) {
		c.space.Write(uint64(c.smm.base+f.off), int(f.size), *f.v&sizeMask(int(f.size)))
	}
}

// smmLoad reads it.
func (c *CPU) smmLoad() *smmState {
	s := &smmState{}
	for _, f := range c.smmFields(s) {
		*f.v = c.space.Read(uint64(c.smm.base+f.off), int(f.size)) & sizeMask(int(f.size))
	}
	return s
}

// smmValid tells whether RSM can restore s; if not the processor shuts down (SDM vol. 3C 31.4.1 and vol. 2B RSM; AMD APM vol. 2 10.3.4).
func (c *CPU) smmValid(s *smmState) bool {
	pg := s.cr0&cr0PG != 0
	long := pg && s.efer&eferLME != 0
	switch {
	case s.cr0>>32 != 0, pg && s.cr0&cr0PE == 0, s.cr0&cr0NW != 0 && s.cr0&cr0CD == 0,
		s.cr4&^c.valid.cr4 != 0,
		s.efer&^c.valid.efer != 0,
		long && s.cr4&cr4PAE == 0,
		!long && s.cr4&cr4PCIDE != 0,
		long && s.cr3>>c.pg.PhysBits != 0,
		!c.model.IsP6() && s.smbase&0x7fff != 0: // later processors take any address (31.11)
		return false
	}
	return true
}
