package x86

import (
	"encoding/binary"

	"goemu/decoder"
	"goemu/emu/cpumodel"
	"goemu/tcg"
	"goemu/tcg/simd"
)

// The XSAVE feature set (SDM vol. 1 chapter 13). Whether a component is in use is told exactly from its contents. XSAVEOPT and XSAVES
// leave out components that are not in use; that others have not changed since they were restored is not tracked.

// The header after the FXSAVE area (SDM vol. 1 13.4.2) and the extended region after it.
const (
	xsHeader   = 512
	xsCompact  = 8 // XCOMP_BV
	xsReserved = 16
	xsExtended = 576
	xsAlign    = 64

	compacted = 1 << 63 // in XCOMP_BV
)

// State components (SDM vol. 1 13.1).
const (
	compX87  = 1 << 0
	compSSE  = 1 << 1
	compAVX  = 1 << 2
	compPKRU = 1 << 9

	compOpmask = 1 << 5
	compZMMHi  = 1 << 6 // bits 511 to 256 of ZMM0 to ZMM15
	compHiZMM  = 1 << 7 // ZMM16 to ZMM31
	compAVX512 = compOpmask | compZMMHi | compHiZMM
)

// compLegacy are the components of the FXSAVE area.
const compLegacy = compX87 | compSSE

// maxComponent is the size of the largest component outside the FXSAVE area.
const maxComponent = 1024

// place gives the offset of component bit in the area: compacted (SDM vol. 1 13.4.3) if compBV has that bit.
func place(comp *cpumodel.Component, compBV uint64) int {
	if compBV&compacted == 0 {
		return int(comp.Offset)
	}
	off := xsExtended
	for _, d := range cpumodel.Components() {
		if d.Bit < comp.Bit && compBV>>d.Bit&1 != 0 {
			off += int(d.Size)
		}
	}
	return off
}

// areaEnd is the size of the area for the components in set.
func areaEnd(set, compBV uint64) int {
	n := xsExtended
	for k := range cpumodel.Components() {
		if comp := &cpumodel.Components()[k]; set>>comp.Bit&1 != 0 {
			n = max(n, place(comp, compBV)+int(comp.Size))
		}
	}
	return n
}

// xinuse is the set of components that are not in their initial configuration (SDM vol. 1 13.6).
func (c *CPU) xinuse() uint64 {
	var set uint64
	if !c.x87Initial() {
		set |= compX87
	}
	if c.env.XMM != [16]tcg.Vec128{} {
		set |= compSSE
	}
	if c.env.YMMH != [16]tcg.Vec128{} {
		set |= compAVX
	}
	if c.pg.PKRU != 0 {
		set |= compPKRU
	}
	if c.avx512.k != [8]uint64{} {
		set |= compOpmask
	}
	if c.env.ZMMH != [16][4]uint64{} {
		set |= compZMMHi
	}
	if c.avx512.high != [16]simd.Z{} {
		set |= compHiZMM
	}
	return set
}

// x87Initial tells whether the x87 state is that of FNINIT with empty registers that are 0.
func (c *CPU) x87Initial() bool {
	c.syncX87()
	e := c.env
	if x87Word(e, fpCW) != 0x37f || x87Word(e, fpSW) != 0 || x87Word(e, fpTW) != 0xffff || e.X87IP|e.X87DP|uint64(e.X87Op) != 0 {
		return false
	}
	return [80]byte(e.X87[fpRegs:]) == [80]byte{}
}

// saveComponent writes a component of the extended region to p.
func (c *CPU) saveComponent(bit uint8, p []byte) {
	switch uint64(1) << bit {
	case compAVX:
		for k := range c.xmmCount() {
			binary.LittleEndian.PutUint64(p[16*k:], c.env.YMMH[k][0])
			binary.LittleEndian.PutUint64(p[16*k+8:], c.env.YMMH[k][1])
		}
	case compPKRU:
		binary.LittleEndian.PutUint64(p, uint64(c.pg.PKRU))
	case compOpmask:
		putWords(p, c.avx512.k[:])
	case compZMMHi:
		for k := range c.xmmCount() {
			putWords(p[32*k:], c.env.ZMMH[k][:])
		}
	case compHiZMM:
		for k := range c.avx512.high {
			putWords(p[64*k:], c.avx512.high[k][:])
		}
	}
}

// putWords and getWords move quadwords to and from memory's order.
func putWords(p []byte, v []uint64) {
	for k, w := range v {
		binary.LittleEndian.PutUint64(p[8*k:], w)
	}
}

func getWords(p []byte, v []uint64) {
	for k := range v {
		v[k] = binary.LittleEndian.Uint64(p[8*k:])
	}
}

// loadComponent is the reverse; p of zeros is the initial configuration.
func (c *CPU) loadComponent(bit uint8, p []byte) {
	switch uint64(1) << bit {
	case compAVX:
		for k := range c.xmmCount() {
			c.env.YMMH[k] = tcg.Vec128{binary.LittleEndian.Uint64(p[16*k:]), binary.LittleEndian.Uint64(p[16*k+8:])}
		}
		c.settleYMM()
	case compPKRU:
		c.setPKRU(uint32(binary.LittleEndian.Uint64(p)))
	case compOpmask:
		getWords(p, c.avx512.k[:])
	case compZMMHi:
		for k := range c.xmmCount() {
			getWords(p[32*k:], c.env.ZMMH[k][:])
		}
		c.settleZMM()
	case compHiZMM:
		if c.xmmCount() == 16 {
			for k := range c.avx512.high {
				getWords(p[64*k:], c.avx512.high[k][:])
			}
		}
	}
}

// componentBytes is how much of a component the mode saves: outside 64-bit mode there are eight vector registers.
func (c *CPU) componentBytes(comp *cpumodel.Component) int {
	switch comp.Bit {
	case 2:
		return 16 * c.xmmCount()
	case 6:
		return 32 * c.xmmCount()
	case 7:
		if c.xmmCount() < 16 {
			return 0
		}
	}
	return int(comp.Size)
}

// settleYMM tells the engine whether the upper halves of the YMM registers are in use.
func (c *CPU) settleYMM() {
	c.env.YMMUsed = tcg.YMMInUse
	if c.env.YMMH == [16]tcg.Vec128{} {
		c.env.YMMUsed = tcg.YMMZero
	}
}

// xAllowed makes the #UD and #NM checks of the XSAVE family, and #GP for those that only level 0 has.
func (c *CPU) xAllowed(supervisor bool) bool {
	switch {
	case c.pg.CR4&cr4OSXSAVE == 0:
		return c.ud()
	case supervisor && c.cpl != 0:
		return c.gp(0)
	case c.pg.CR0&cr0TS != 0:
		return c.raise(vecNM, 0)
	}
	return true
}

// saveArea writes the components in set, the FXSAVE area's control registers of the SSE state if mxcsr is set, and the header fields
// up to headerLen bytes.
func (c *CPU) saveArea(a uint64, set, compBV uint64, mxcsr, wide bool, header []byte) bool {
	size := areaEnd(set, compBV)
	idx := c.index()
	if !c.Probe(a, size, idx) {
		return false
	}
	var p [fxSize]byte
	if set&compX87 != 0 {
		c.storeX87(p[:], wide)
		if !c.WriteBytes(a, p[:fxMXCSR], idx) || !c.WriteBytes(a+fxRegs, p[fxRegs:fxXMM], idx) {
			return false
		}
	}
	if mxcsr {
		c.storeMXCSR(p[:])
		if !c.WriteBytes(a+fxMXCSR, p[fxMXCSR:fxRegs], idx) {
			return false
		}
	}
	if set&compSSE != 0 {
		c.storeXMM(p[:])
		if !c.WriteBytes(a+fxXMM, p[fxXMM:fxXMM+16*c.xmmCount()], idx) {
			return false
		}
	}
	for k := range cpumodel.Components() {
		comp := &cpumodel.Components()[k]
		if set>>comp.Bit&1 == 0 {
			continue
		}
		var b [maxComponent]byte
		c.saveComponent(comp.Bit, b[:])
		if !c.WriteBytes(a+uint64(place(comp, compBV)), b[:c.componentBytes(comp)], idx) {
			return false
		}
	}
	c.updateFP()
	return c.WriteBytes(a+xsHeader, header, idx)
}

// sysXSAVE is XSAVE and XSAVEOPT (SDM vol. 1 13.7, 13.9). Bits of the header's XSTATE_BV that were not asked for stay.
func sysXSAVE(c *CPU, i *tcg.SysInst) bool {
	if !c.xAllowed(false) {
		return false
	}
	rfbm := c.edxeax() & c.xcr0
	a, ok := c.area(i, areaEnd(rfbm, 0), xsAlign, true)
	if !ok {
		return false
	}
	var h [8]byte
	if !c.ReadBytes(a+xsHeader, h[:], c.index()) {
		return false
	}
	used := c.xinuse()
	bv := binary.LittleEndian.Uint64(h[:])
	binary.LittleEndian.PutUint64(h[:], bv&^rfbm|used&rfbm)
	set := rfbm
	if i.Op == decoder.XSAVEOPT {
		set &= used
	}
	return c.saveArea(a, set, 0, rfbm&(compSSE|compAVX) != 0, i.OpSize == 8, h[:])
}

// sysXSAVEC is XSAVEC and XSAVES (SDM vol. 1 13.10, 13.11). No component is the supervisor's, so that IA32_XSS is 0.
func sysXSAVEC(c *CPU, i *tcg.SysInst) bool {
	if !c.xAllowed(i.Op == decoder.XSAVES) {
		return false
	}
	rfbm := c.edxeax() & c.xcr0
	set := rfbm & c.xinuse()
	if c.env.MXCSR != mxcsrInit {
		set |= rfbm & compSSE
	}
	compBV := rfbm | compacted
	a, ok := c.area(i, areaEnd(set, compBV), xsAlign, true)
	if !ok {
		return false
	}
	var h [16]byte
	binary.LittleEndian.PutUint64(h[:], set)
	binary.LittleEndian.PutUint64(h[xsCompact:], compBV)
	return c.saveArea(a, set, compBV, set&compSSE != 0, i.OpSize == 8, h[:])
}

// header reads the header of an area to be restored and makes the checks of SDM vol. 1 13.8 and 13.12.
func (c *CPU) header(i *tcg.SysInst, a uint64) (bv, compBV uint64, ok bool) {
	var h [xsExtended - xsHeader]byte
	if !c.ReadBytes(a+xsHeader, h[:], c.index()) {
		return 0, 0, false
	}
	le := binary.LittleEndian
	bv, compBV = le.Uint64(h[:]), le.Uint64(h[xsCompact:])
	reserved := h[xsReserved:]
	var bad bool
	switch {
	case compBV&compacted == 0:
		bad = i.Op == decoder.XRSTORS || compBV != 0 || bv&^c.xcr0 != 0
		reserved = reserved[:8]
	case !c.model.Has(cpumodel.XSAVEC):
		bad = true
	default:
		bad = compBV&^(c.xcr0|compacted) != 0 || bv&^compBV != 0
	}
	for _, b := range reserved {
		bad = bad || b != 0
	}
	if bad {
		return 0, 0, c.gp(0)
	}
	return bv, compBV, true
}

// sysXRSTOR is XRSTOR and XRSTORS, of both formats. Nothing is loaded unless all can be read.
func sysXRSTOR(c *CPU, i *tcg.SysInst) bool {
	if !c.xAllowed(i.Op == decoder.XRSTORS) {
		return false
	}
	a, ok := c.area(i, xsExtended, xsAlign, false)
	if !ok {
		return false
	}
	bv, compBV, ok := c.header(i, a)
	if !ok {
		return false
	}
	rfbm := c.edxeax() & c.xcr0
	load := rfbm & bv
	if a, ok = c.area(i, areaEnd(load, compBV), xsAlign, false); !ok {
		return false
	}
	// MXCSR: the standard format has it with either of SSE and AVX, in use or not; the compacted one with SSE in use.
	mxcsr := rfbm&(compSSE|compAVX) != 0
	if compBV&compacted != 0 {
		mxcsr = load&compSSE != 0
	}
	var p [fxSize]byte
	if (mxcsr || load&compLegacy != 0) && !c.ReadBytes(a, p[:], c.index()) {
		return false
	}
	csr := binary.LittleEndian.Uint32(p[fxMXCSR:])
	if mxcsr && csr&^mxcsrKnown != 0 {
		return c.gp(0)
	}
	var parts [8][maxComponent]byte
	for k := range cpumodel.Components() {
		comp := &cpumodel.Components()[k]
		if load>>comp.Bit&1 != 0 && !c.ReadBytes(a+uint64(place(comp, compBV)), parts[k][:c.componentBytes(comp)], c.index()) {
			return false
		}
	}
	c.restoreLegacy(p[:], rfbm, bv, i.OpSize == 8)
	switch {
	case mxcsr:
		c.env.MXCSR = csr
	case rfbm&compSSE != 0:
		c.env.MXCSR = mxcsrInit
	}
	for k := range cpumodel.Components() {
		if comp := &cpumodel.Components()[k]; rfbm>>comp.Bit&1 != 0 {
			c.loadComponent(comp.Bit, parts[k][:])
		}
	}
	c.updateFP()
	return true
}

// restoreLegacy loads or initializes the x87 and XMM registers.
func (c *CPU) restoreLegacy(p []byte, rfbm, bv uint64, wide bool) {
	switch {
	case rfbm&compX87 == 0:
	case bv&compX87 != 0:
		c.loadX87(p, wide)
	default:
		c.syncX87()
		resetX87(c.env)
	}
	if rfbm&compSSE != 0 {
		if bv&compSSE == 0 {
			clear(p[fxXMM:fxUsed])
		}
		c.loadXMM(p)
	}
}

// sysXGETBV reads XCR0, or which of its components are in use.
func sysXGETBV(c *CPU, i *tcg.SysInst) bool {
	if c.pg.CR4&cr4OSXSAVE == 0 {
		return c.ud()
	}
	switch n := uint32(c.env.GPR[regCX]); {
	case n == 0:
		c.setEDXEAX(c.xcr0)
	case n == 1 && c.model.Has(cpumodel.XGETBV1):
		c.setEDXEAX(c.xcr0 & c.xinuse())
		c.updateFP()
	default:
		return c.gp(0)
	}
	return true
}

// sysXSETBV writes XCR0: x87 is always set, AVX needs SSE, and AVX-512's components come together and need AVX (SDM vol. 1 13.3).
func sysXSETBV(c *CPU, i *tcg.SysInst) bool {
	if c.pg.CR4&cr4OSXSAVE == 0 {
		return c.ud()
	}
	v := c.edxeax()
	if c.cpl != 0 || c.env.GPR[regCX]&0xffff_ffff != 0 || v&compX87 == 0 || v&^c.valid.xcr0 != 0 || v&(compSSE|compAVX) == compAVX ||
		v&compAVX512 != 0 && v&(compAVX|compAVX512) != compAVX|compAVX512 {
		return c.gp(0)
	}
	c.xcr0 = v
	c.updateFP()
	return true
}
