package x86

import (
	"goemu/emu/inspect"
	"goemu/mmu"
	"goemu/tcg"
)

// Attr bits of a Segment, as package inspect has them.
const (
	AttrAccessed = inspect.AttrAccessed
	AttrRW       = inspect.AttrRW
	AttrDC       = inspect.AttrDC
	AttrCode     = inspect.AttrCode
	AttrS        = inspect.AttrS
	AttrDPL      = inspect.AttrDPL
	AttrP        = inspect.AttrP
	AttrAVL      = inspect.AttrAVL
	AttrL        = inspect.AttrL
	AttrDB       = inspect.AttrDB
	AttrG        = inspect.AttrG

	attrMask = 0xf0ff
)

// Types of system descriptors (SDM vol. 3A table 3-2).
const (
	typeTSS16     = 1
	typeLDT       = 2
	typeTSS16Busy = 3
	typeCall16    = 4
	typeTaskGate  = 5
	typeInt16     = 6
	typeTrap16    = 7
	typeTSS32     = 9
	typeTSS32Busy = 11
	typeCall32    = 12
	typeInt32     = 14
	typeTrap32    = 15
)

// Segment is a segment register with its hidden part.
type Segment struct {
	Selector uint16
	Base     uint64
	Limit    uint32 // last byte (granularity applied)
	Attr     uint32 // 0: null
}

// Table is GDTR or IDTR.
type Table struct {
	Base  uint64
	Limit uint32
}

func (s *Segment) null() bool     { return s.Attr&AttrP == 0 }
func (s *Segment) dpl() int       { return int(s.Attr >> 5 & 3) }
func (s *Segment) code() bool     { return s.Attr&(AttrS|AttrCode) == AttrS|AttrCode }
func (s *Segment) readable() bool { return s.Attr&AttrCode == 0 || s.Attr&AttrRW != 0 }
func (s *Segment) writable() bool { return s.Attr&(AttrCode|AttrRW) == AttrRW }
func (s *Segment) expandDown() bool {
	return s.Attr&(AttrS|AttrCode|AttrDC) == AttrS|AttrDC
}

// tops gives the bounds that generated code checks: see tcg.Env.SegRdTop.
func (s *Segment) tops(realMode bool) (rd, wr uint64) {
	top := uint64(s.Limit) + 1
	if realMode {
		if s.expandDown() {
			return 0, 0
		}
		return top, top
	}
	if s.null() || s.expandDown() {
		return 0, 0
	}
	if s.readable() {
		rd = top
	}
	if s.writable() {
		wr = top
	}
	return rd, wr
}

// contains applies the limit to size bytes at off.
func (s *Segment) contains(off uint64, size int) bool {
	last := off + uint64(size) - 1
	if s.expandDown() {
		top := uint64(0xffff)
		if s.Attr&AttrDB != 0 {
			top = 0xffff_ffff
		}
		return off > uint64(s.Limit) && last <= top && last >= off
	}
	return last <= uint64(s.Limit) && last >= off
}

// Shifts that sign-extend a linear address of 48 or 57 bits.
const (
	signShift48 = 64 - 48
	signShift57 = 64 - 57
)

// canonical reports whether a is sign-extended from the highest bit of linear addresses, which CR4.LA57 decides.
func (c *CPU) canonical(a uint64) bool {
	return uint64(int64(a)<<(c.signShift&31)>>(c.signShift&31)) == a
}

// canonicalBase is canonical for what is kept in registers: bases of segments and tables, and MSRs. A processor that can have
// 57-bit addresses takes them there whatever CR4.LA57 is.
func (c *CPU) canonicalBase(a uint64) bool {
	if c.valid.cr4&cr4LA57 != 0 {
		return uint64(int64(a)<<signShift57>>signShift57) == a
	}
	return uint64(int64(a)<<signShift48>>signShift48) == a
}

// Linear applies segmentation to offset off: see tcg.Machine.
func (c *CPU) Linear(seg tcg.Seg, off uint64, size int, write bool) (uint64, bool) {
	if c.long64 {
		if seg == tcg.SegFS || seg == tcg.SegGS {
			off += c.env.SegBase[seg]
		}
		return off, c.Canonical(off, size, seg == tcg.SegSS)
	}
	off &= 0xffff_ffff
	if seg == tcg.SegNone {
		return off, true
	}
	s := &c.seg[seg]
	ok := s.contains(off, size)
	if ok && !c.realSegs() {
		ok = !s.null() && (write && s.writable() || !write && s.readable())
	}
	if !ok {
		if seg == tcg.SegSS {
			return 0, c.raise(vecSS, 0)
		}
		return 0, c.raise(vecGP, 0)
	}
	return (s.Base + off) & 0xffff_ffff, true
}

// Canonical is Linear for a flat 64-bit operand: see tcg.Machine.
func (c *CPU) Canonical(linear uint64, size int, stack bool) bool {
	if c.canonical(linear) && c.canonical(linear+uint64(size)-1) {
		return true
	}
	if stack {
		return c.raise(vecSS, 0)
	}
	return c.raise(vecGP, 0)
}

// descriptor is an entry of the GDT or LDT.
type descriptor struct {
	lo, hi   uint32
	upper    uint32 // bits 63..32 of the base in 16-byte descriptors
	selector uint16
	addr     uint64 // linear
}

func (d *descriptor) attr() uint32   { return d.hi >> 8 & attrMask }
func (d *descriptor) typ() uint32    { return d.hi >> 8 & 15 }
func (d *descriptor) isSystem() bool { return d.hi>>8&AttrS == 0 }
func (d *descriptor) dpl() int       { return int(d.hi >> 13 & 3) }
func (d *descriptor) present() bool  { return d.hi>>8&AttrP != 0 }
func (d *descriptor) code() bool     { return d.attr()&(AttrS|AttrCode) == AttrS|AttrCode }
func (d *descriptor) conforming() bool {
	return d.attr()&(AttrS|AttrCode|AttrDC) == AttrS|AttrCode|AttrDC
}
func (d *descriptor) limit() uint32 {
	l := d.lo&0xffff | d.hi&0xf0000
	if d.attr()&AttrG != 0 {
		l = l<<12 | 0xfff
	}
	return l
}

// segment makes the hidden part that loading the descriptor gives.
func (d *descriptor) segment() Segment {
	return Segment{
		Selector: d.selector,
		Base:     uint64(d.lo>>16|d.hi<<16&0xff0000|d.hi&0xff000000) | uint64(d.upper)<<32,
		Limit:    d.limit(),
		Attr:     d.attr(),
	}
}

// Parts of a gate descriptor.
func (d *descriptor) gateSelector() uint16 { return uint16(d.lo >> 16) }
func (d *descriptor) gateOffset() uint64 {
	if d.typ()&8 == 0 {
		return uint64(d.lo & 0xffff)
	}
	return uint64(d.lo&0xffff|d.hi&0xffff0000) | uint64(d.upper)<<32
}

// descriptorAddr gives the linear address of the descriptor of sel; ok is
// false if it is outside its table.
func (c *CPU) descriptorAddr(sel uint16, size uint32) (uint64, bool) {
	t := c.gdtr
	if sel&4 != 0 {
		if c.ldtr.null() {
			return 0, false
		}
		t = Table{c.ldtr.Base, c.ldtr.Limit}
	}
	off := uint32(sel &^ 7)
	if off+size-1 > t.Limit {
		return 0, false
	}
	return c.wrap(t.Base + uint64(off)), true
}

// wrap truncates a linear address outside long mode.
func (c *CPU) wrap(linear uint64) uint64 {
	if c.longMode() {
		return linear
	}
	return linear & 0xffff_ffff
}

// readDescriptor fetches the descriptor of a selector that is not null. A
// selector outside its table raises vector with the selector as error code.
func (c *CPU) readDescriptor(sel uint16, vector int) (d descriptor, ok bool) {
	addr, ok := c.descriptorAddr(sel, 8)
	if !ok {
		return d, c.raise(vector, uint32(sel&^3))
	}
	v, ok := c.readSys(addr, 8)
	if !ok {
		return d, false
	}
	d = descriptor{lo: uint32(v), hi: uint32(v >> 32), selector: sel, addr: addr}
	return d, true
}

// readUpper fetches the second half of a 16-byte system descriptor (long mode).
func (c *CPU) readUpper(d *descriptor, vector int) bool {
	if _, ok := c.descriptorAddr(d.selector, 16); !ok {
		return c.raise(vector, uint32(d.selector&^3))
	}
	v, ok := c.readSys(d.addr+8, 8)
	if !ok {
		return false
	}
	if v>>40&0x1f != 0 {
		return c.raise(vector, uint32(d.selector&^3))
	}
	d.upper = uint32(v)
	return true
}

// setAccessed sets the accessed bit in the table when a segment is loaded.
func (c *CPU) setAccessed(d *descriptor) bool {
	if d.attr()&AttrAccessed != 0 {
		return true
	}
	d.hi |= AttrAccessed << 8
	return c.writeSys(d.addr+5, 1, uint64(d.hi>>8&0xff))
}

// loadRealSegment loads a segment register in real or virtual-8086 mode.
func (c *CPU) loadRealSegment(n int, sel uint16) {
	s := &c.seg[n]
	s.Selector, s.Base = sel, uint64(sel)<<4
	if c.vm86() {
		s.Limit, s.Attr = 0xffff, AttrP|AttrDPL|AttrS|AttrRW|AttrAccessed
	}
	c.update()
}

// loadSegment loads ES, SS, DS, FS or GS (SDM vol. 2B, MOV).
func (c *CPU) loadSegment(n int, sel uint16) bool {
	if c.realSegs() {
		c.loadRealSegment(n, sel)
		return true
	}
	s, ok := c.checkSegment(n, sel)
	if !ok {
		return false
	}
	c.seg[n] = s
	c.update()
	return true
}

// checkSegment makes the protected-mode checks of a load and returns the new contents.
func (c *CPU) checkSegment(n int, sel uint16) (s Segment, ok bool) {
	if n == segSS {
		return c.checkSS(sel, c.cpl, vecGP, c.long64)
	}
	if sel&^3 == 0 {
		return Segment{Selector: sel}, true
	}
	code := uint32(sel &^ 3)
	d, ok := c.readDescriptor(sel, vecGP)
	if !ok {
		return s, false
	}
	if d.isSystem() || d.code() && d.attr()&AttrRW == 0 {
		return s, c.raise(vecGP, code)
	}
	if !d.conforming() && (int(sel&3) > d.dpl() || c.cpl > d.dpl()) {
		return s, c.raise(vecGP, code)
	}
	if !d.present() {
		return s, c.raise(vecNP, code)
	}
	if !c.setAccessed(&d) {
		return s, false
	}
	return d.segment(), true
}

// checkSS makes the checks of a load of SS at privilege level cpl. Faults are vector
// (#GP, or #TS when the selector comes from a TSS), or #SS if not present.
// nullOK: 64-bit mode takes a null selector below level 3.
func (c *CPU) checkSS(sel uint16, cpl, vector int, nullOK bool) (s Segment, ok bool) {
	code := uint32(sel &^ 3)
	if sel&^3 == 0 {
		if nullOK && cpl < 3 && int(sel&3) == cpl {
			return c.nullSS(sel), true
		}
		return s, c.raise(vector, 0)
	}
	d, ok := c.readDescriptor(sel, vector)
	if !ok {
		return s, false
	}
	if int(sel&3) != cpl || d.isSystem() || d.code() || d.attr()&AttrRW == 0 || d.dpl() != cpl {
		return s, c.raise(vector, code)
	}
	if !d.present() {
		return s, c.raise(vecSS, code)
	}
	if !c.setAccessed(&d) {
		return s, false
	}
	return d.segment(), true
}

// nullSS is SS after a null selector has been loaded in 64-bit mode; its DPL keeps the CPL.
func (c *CPU) nullSS(sel uint16) Segment {
	return Segment{Selector: sel, Limit: 0xffff_ffff, Attr: uint32(sel&3) << 5}
}

// checkCode makes the checks common to all transfers to a code segment whose
// privilege has been found right: presence and, in long mode, L and D.
func (c *CPU) checkCode(d *descriptor) bool {
	code := uint32(d.selector &^ 3)
	if c.longMode() && d.attr()&(AttrL|AttrDB) == AttrL|AttrDB {
		return c.raise(vecGP, code)
	}
	if !d.present() {
		return c.raise(vecNP, code)
	}
	return true
}

// checkTarget tests the new instruction pointer against the new code segment.
func (c *CPU) checkTarget(d *descriptor, rip uint64) bool {
	if c.longMode() && d.attr()&AttrL != 0 {
		if !c.canonical(rip) {
			return c.raise(vecGP, 0)
		}
		return true
	}
	if rip > uint64(d.limit()) {
		return c.raise(vecGP, 0)
	}
	return true
}

// setCS commits a load of CS with the privilege level cpl.
func (c *CPU) setCS(d *descriptor, cpl int) bool {
	if !c.setAccessed(d) {
		return false
	}
	s := d.segment()
	s.Selector = s.Selector&^3 | uint16(cpl)
	c.seg[segCS] = s
	c.cpl = cpl
	return true
}

// dropSegments makes data segments null that the outer level may not use (SDM vol. 3A 5.8.6). Those that
// are null already stay: in 64-bit mode FS and GS may have a base all the same.
func (c *CPU) dropSegments() {
	for _, n := range [...]int{segES, segDS, segFS, segGS} {
		s := &c.seg[n]
		if !s.null() && s.Attr&(AttrS|AttrCode|AttrDC) != AttrS|AttrCode|AttrDC && s.dpl() < c.cpl {
			*s = Segment{}
		}
	}
}

// readSys and writeSys access descriptor tables and task-state segments: supervisor accesses whatever the CPL.
func (c *CPU) readSys(linear uint64, size int) (uint64, bool) {
	if c.longMode() && !c.canonical(linear) {
		return 0, c.raise(vecGP, 0)
	}
	return c.ReadMem(linear, size, mmu.IndexKernel)
}

func (c *CPU) writeSys(linear uint64, size int, v uint64) bool {
	if c.longMode() && !c.canonical(linear) {
		return c.raise(vecGP, 0)
	}
	return c.WriteMem(linear, size, v, mmu.IndexKernel)
}
