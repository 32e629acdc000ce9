package kvmcpu

import (
	"encoding/binary"
	"errors"

	"goemu/emu/cpumodel"
	"goemu/emu/inspect"
	"goemu/emu/kvm"
	"goemu/emu/x86"
)

// state is what moves between the CPU and KVM, kept so that nothing is allocated.
type state struct {
	t      x86.Transfer
	regs   kvm.Regs
	sregs  kvm.Sregs
	xsave  kvm.XSAVE
	events kvm.Events
	dregs  kvm.DebugRegs
	msrs   []kvm.MSR // as KVM has them
	writes []kvm.MSR
	xcr0   bool // there is an XCR0
	idle   bool // KVM has an empty IDT
	areas  [numAreas]area
	known  known
}

const msrTSC = 0x10

// moved are the MSRs that KVM keeps, where model and host have them. FS and GS bases and EFER are segment and control registers to KVM.
var moved = []uint32{
	0xc000_0081, 0xc000_0082, 0xc000_0083, 0xc000_0084, 0xc000_0102, 0xc000_0103, // STAR LSTAR CSTAR SFMASK KERNEL_GS_BASE TSC_AUX
	0x174, 0x175, 0x176, // SYSENTER_CS ESP EIP
	0x3b, 0x1a0, 0x277, 0x2ff, // TSC_ADJUST MISC_ENABLE PAT MTRR_DEF_TYPE
	0x200, 0x201, 0x202, 0x203, 0x204, 0x205, 0x206, 0x207, 0x208, 0x209, 0x20a, 0x20b, 0x20c, 0x20d, 0x20e, 0x20f, // variable MTRRs
	0x250, 0x258, 0x259, 0x268, 0x269, 0x26a, 0x26b, 0x26c, 0x26d, 0x26e, 0x26f, // fixed MTRRs
}

// none is a value that no MSR has yet been found to have.
const none = 0xdead_beef_dead_beef

func (s *state) init(m *Machine, cpu *x86.CPU) {
	for _, n := range moved {
		if _, ok := cpu.ReadMSR(n); ok {
			s.msrs = append(s.msrs, kvm.MSR{Index: n, Data: none})
		}
	}
	s.xcr0 = cpu.Model().Has(cpumodel.XSAVE)
	s.findAreas(m.host)
}

// has tells whether KVM keeps an MSR.
func (s *state) has(n uint32) bool {
	for i := range s.msrs {
		if s.msrs[i].Index == n {
			return true
		}
	}
	return false
}

// keeps tells whether KVM has an MSR that is moved in another way. Values that it does not take are not for the CPU to judge, whose state is out of date.
func keeps(n uint32) bool { return n == msrEFER || n == msrFSBase || n == msrGSBase || n == msrTSC }

// load gives KVM the CPU's state.
func (e *VCPU) load() error {
	const fine = 0xf
	if e.apic != nil && e.apic.TPR()&fine != 0 {
		e.apic.Recall() // loading CR8 clears these bits of the task priority
	}
	return e.loadAll()
}

// loadAll is load where the local APIC stays where it is.
func (e *VCPU) loadAll() error {
	if err := e.lateNMI(); err != nil {
		return err
	}
	e.cpu.Give(&e.state.t)
	if err := e.give(); err != nil {
		return err
	}
	return e.loadMPState()
}

// give gives KVM the state that t is.
func (e *VCPU) give() error {
	s := &e.state
	s.fromSegments(e.world.APICBase())
	s.fromRegisters()
	s.fromVectors()
	if err := errors.Join(e.v.SetSregs(&s.sregs), e.v.SetRegs(&s.regs)); err != nil {
		return err
	}
	if s.xcr0 {
		if err := e.v.SetXCR0(s.t.XCR0); err != nil {
			return err
		}
	}
	if err := errors.Join(e.v.SetXSAVE(&s.xsave), e.v.SetDebugRegs(&s.dregs), e.loadMSRs()); err != nil {
		return err
	}
	return e.v.SetEvents(&s.events)
}

// loadMSRs sets those MSRs that KVM has otherwise. Those that this KVM does not have are the CPU's from then on.
func (e *VCPU) loadMSRs() error {
	s := &e.state
	s.writes = s.writes[:0]
	if err := e.giveTSC(); err != nil {
		return err
	}
	for i := range s.msrs {
		m := &s.msrs[i]
		if v, _ := e.cpu.ReadMSR(m.Index); v != m.Data {
			m.Data = v
			s.writes = append(s.writes, *m)
		}
	}
	for rest := s.writes; len(rest) > 0; {
		n, err := e.v.SetMSRs(rest)
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, kvm.ErrMSR) || n >= len(rest):
			return err
		}
		s.drop(rest[n].Index)
		rest = rest[n+1:]
	}
	return nil
}

func (s *state) drop(n uint32) {
	for i := range s.msrs {
		if s.msrs[i].Index == n {
			s.msrs = append(s.msrs[:i], s.msrs[i+1:]...)
			return
		}
	}
}

// store takes the state from KVM.
func (e *VCPU) store() error {
	s := &e.state
	mp := kvm.Runnable
	if e.apic != nil {
		var err error
		if mp, err = e.v.MPState(); err != nil { // first, as it takes INIT and a start-up interrupt, which change registers
			return err
		}
	}
	if err := e.read(); err != nil {
		return err
	}
	e.cpu.Inspect(&s.t.Registers) // for what KVM does not have
	if e.reads&partMSRs != 0 {
		if s.xcr0 {
			var err error
			if s.t.XCR0, err = e.v.XCR0(); err != nil {
				return err
			}
		}
		if n, err := e.v.MSRs(s.msrs); err != nil && n < len(s.msrs) {
			return err
		}
	}
	s.toSegments()
	s.toRegisters()
	s.toVectors()
	switch mp {
	case kvm.Halted:
		s.t.State = inspect.CPUState(x86.Halted)
	case kvm.Uninitialized, kvm.InitReceived:
		s.t.State = inspect.CPUState(x86.WaitSIPI)
	}
	e.cpu.Take(&s.t)
	if e.reads&partMSRs != 0 {
		for i := range s.msrs {
			e.cpu.WriteMSR(s.msrs[i].Index, s.msrs[i].Data)
		}
	}
	ev := &s.events
	switch {
	case ev.Exception.Injected|ev.Exception.Pending != 0:
		// INT3 and INTO are executed again, and so is what KVM cannot emulate, of which it makes a #UD besides.
		const invalid = 6
		if v := int(ev.Exception.Vector); v != 3 && v != 4 && (v != invalid || !e.fail.emulating) {
			e.cpu.Interrupted(v, ev.Exception.ErrorCode, false, v == 1)
		}
	case ev.NMI.Injected != 0:
		e.cpu.Interrupted(2, 0, true, false)
	case ev.Interrupt.Injected != 0 && ev.Interrupt.Soft == 0:
		e.cpu.Interrupted(int(ev.Interrupt.Vector), 0, true, false)
	}
	return nil
}

func flag(b bool) uint8 {
	if b {
		return 1
	}
	return 0
}

// fromRegisters makes general and debug registers and events of t.
func (s *state) fromRegisters() {
	t, g := &s.t, &s.t.GPR
	s.regs = kvm.Regs{
		RAX: g[0], RCX: g[1], RDX: g[2], RBX: g[3], RSP: g[4], RBP: g[5], RSI: g[6], RDI: g[7],
		R8: g[8], R9: g[9], R10: g[10], R11: g[11], R12: g[12], R13: g[13], R14: g[14], R15: g[15], RIP: t.RIP, RFLAGS: t.RFLAGS,
	}
	s.dregs = kvm.DebugRegs{DB: [4]uint64(t.DR[:4]), DR6: t.DR[6], DR7: t.DR[7]}
	s.events = kvm.Events{Flags: kvm.ValidNMIPending | kvm.ValidShadow}
	s.events.NMI.Masked, s.events.NMI.Pending = flag(t.NMIMasked), flag(t.NMIPending)
	switch {
	case t.Inhibit && t.ShadowSS:
		s.events.Interrupt.Shadow = kvm.ShadowMOVSS
	case t.Inhibit:
		s.events.Interrupt.Shadow = kvm.ShadowSTI
	}
}

// toRegisters is the inverse.
func (s *state) toRegisters() {
	t, r := &s.t, &s.regs
	t.GPR = [16]uint64{r.RAX, r.RCX, r.RDX, r.RBX, r.RSP, r.RBP, r.RSI, r.RDI, r.R8, r.R9, r.R10, r.R11, r.R12, r.R13, r.R14, r.R15}
	t.RIP, t.RFLAGS = r.RIP, r.RFLAGS
	copy(t.DR[:4], s.dregs.DB[:])
	t.DR[6], t.DR[7] = s.dregs.DR6, s.dregs.DR7
	t.State = inspect.CPUState(x86.Running)
	t.NMIMasked, t.NMIPending = s.events.NMI.Masked|s.events.NMI.Injected != 0, s.events.NMI.Pending != 0
	// AMD's processors do not tell which shadow it is, and KVM says both then. That of STI keeps no traps off.
	t.Inhibit, t.ShadowSS = s.events.Interrupt.Shadow != 0, s.events.Interrupt.Shadow == kvm.ShadowMOVSS
}

// Attributes of segments.
const (
	attrType = 0xf
	shiftDPL = 5

	noSegment = -1 // LDTR and TR
)

func fromSegment(g inspect.Segment) kvm.Segment {
	a := g.Attr
	bit := func(b uint32) uint8 { return flag(a&b != 0) }
	return kvm.Segment{
		Base: g.Base, Limit: g.Limit, Selector: g.Selector, Type: uint8(a & attrType), S: bit(inspect.AttrS), DPL: uint8(a >> shiftDPL & 3), Present: bit(inspect.AttrP),
		AVL: bit(inspect.AttrAVL), L: bit(inspect.AttrL), DB: bit(inspect.AttrDB), G: bit(inspect.AttrG), Unusable: flag(a&inspect.AttrP == 0),
	}
}

// toSegment is the inverse for register n.
func toSegment(n int, g *kvm.Segment, long bool) inspect.Segment {
	r := inspect.Segment{Base: g.Base, Limit: g.Limit, Selector: g.Selector}
	r.Attr = uint32(g.Type)&attrType | uint32(g.DPL)&3<<shiftDPL
	if g.Unusable != 0 {
		return inspect.NullSegment(n, r, long)
	}
	for _, b := range [...]struct {
		on  uint8
		bit uint32
	}{{g.S, inspect.AttrS}, {g.Present, inspect.AttrP}, {g.AVL, inspect.AttrAVL}, {g.L, inspect.AttrL}, {g.DB, inspect.AttrDB}, {g.G, inspect.AttrG}} {
		if b.on != 0 {
			r.Attr |= b.bit
		}
	}
	return r
}

func (s *state) segments() [6]*kvm.Segment {
	r := &s.sregs
	return [6]*kvm.Segment{inspect.ES: &r.ES, inspect.CS: &r.CS, inspect.SS: &r.SS, inspect.DS: &r.DS, inspect.FS: &r.FS, inspect.GS: &r.GS}
}

// fromSegments makes segment and control registers of t.
func (s *state) fromSegments(apicBase uint64) {
	t, r := &s.t, &s.sregs
	*r = kvm.Sregs{CR0: t.CR0, CR2: t.CR2, CR3: t.CR3, CR4: t.CR4, CR8: t.CR8, EFER: t.EFER, APICBase: apicBase}
	for i, g := range s.segments() {
		*g = fromSegment(t.Seg[i])
	}
	if t.CR0&inspect.CR0PE != 0 && t.RFLAGS>>17&1 == 0 {
		// KVM takes the privilege level from the descriptor of the stack, also where that is null, as in 64-bit code.
		r.SS.DPL = uint8(t.CPL)
	}
	r.TR, r.LDT = fromSegment(t.TR), fromSegment(t.LDTR)
	r.GDT = kvm.DTable{Base: t.GDTR.Base, Limit: uint16(t.GDTR.Limit)}
	r.IDT = kvm.DTable{Base: t.IDTR.Base, Limit: uint16(t.IDTR.Limit)}
	if s.idle {
		r.IDT = kvm.DTable{Base: noIDT}
	}
}

// toSegments is the inverse.
func (s *state) toSegments() {
	t, r := &s.t, &s.sregs
	t.CR0, t.CR2, t.CR3, t.CR4, t.EFER = r.CR0, r.CR2, r.CR3, r.CR4, r.EFER
	for i, g := range s.segments() {
		t.Seg[i] = toSegment(i, g, t.Long())
	}
	t.TR, t.LDTR = toSegment(noSegment, &r.TR, false), toSegment(noSegment, &r.LDT, false)
	t.GDTR = inspect.TableRegister{Base: r.GDT.Base, Limit: uint32(r.GDT.Limit)}
	if !s.idle {
		t.IDTR = inspect.TableRegister{Base: r.IDT.Base, Limit: uint32(r.IDT.Limit)}
	}
	switch {
	case t.CR0&inspect.CR0PE == 0:
		t.CPL = 0
	case s.regs.RFLAGS>>17&1 != 0:
		t.CPL = 3
	default:
		t.CPL = int(r.SS.DPL & 3)
	}
}

// Areas of XSAVE beyond the legacy region.
const (
	areaYMM = iota
	areaK
	areaZMM
	areaHigh
	areaPKRU
	numAreas
)

// area is where a component is.
type area struct {
	bit    uint8
	offset uint32 // 0: KVM does not have it
}

// findAreas asks where this host has them.
func (s *state) findAreas(host *kvm.Host) {
	s.areas = [numAreas]area{{bit: 2}, {bit: 5}, {bit: 6}, {bit: 7}, {bit: 9}}
	list, err := host.SupportedCPUID()
	if err != nil || !s.xcr0 {
		return
	}
	for i := range s.areas {
		for _, l := range list {
			if l.Leaf == 0xd && l.Sub == uint32(s.areas[i].bit) && l.EAX != 0 && l.EBX+l.EAX <= uint32(len(s.xsave)) {
				s.areas[i].offset = l.EBX
			}
		}
	}
}

// The legacy region and the header (SDM vol. 1 13.4).
const (
	xFCW, xFSW, xFTW, xFOP, xFIP, xFDP, xMXCSR = 0, 2, 4, 6, 8, 16, 24
	xST, xXMM, xHeader                         = 32, 160, 512

	mxcsrInit = 0x1f80
)

// fromVectors makes the XSAVE area of t.
func (s *state) fromVectors() {
	x, t, le := s.xsave[:], &s.t, binary.LittleEndian
	clear(x)
	le.PutUint16(x[xFCW:], t.X87.FCW)
	le.PutUint16(x[xFSW:], t.X87.FSW)
	for i := range 8 {
		if t.X87.FTW>>(2*i)&3 != 3 {
			x[xFTW] |= 1 << i
		}
		le.PutUint64(x[xST+16*i:], t.X87.ST[i].Significand)
		le.PutUint16(x[xST+16*i+8:], t.X87.ST[i].Exponent)
	}
	le.PutUint16(x[xFOP:], t.X87.FOP)
	le.PutUint64(x[xFIP:], t.X87.FIP)
	le.PutUint64(x[xFDP:], t.X87.FDP)
	le.PutUint32(x[xMXCSR:], t.MXCSR)
	bits := uint64(3)
	words := func(at uint32, v []uint64) {
		for i, w := range v {
			le.PutUint64(x[at+8*uint32(i):], w)
		}
	}
	for i := range 16 {
		words(xXMM+16*uint32(i), t.Vec[i][:2])
	}
	for n, a := range s.areas {
		if a.offset == 0 || t.XCR0>>a.bit&1 == 0 && n != areaPKRU {
			continue
		}
		bits |= 1 << a.bit
		s.each(n, func(at uint32, v []uint64) { words(a.offset+at, v) })
		if n == areaPKRU {
			le.PutUint32(x[a.offset:], t.PKRU)
		}
	}
	le.PutUint64(x[xHeader:], bits)
}

// toVectors is the inverse. Components that the header does not name are in their initial state.
func (s *state) toVectors() {
	x, t, le := s.xsave[:], &s.t, binary.LittleEndian
	bits := le.Uint64(x[xHeader:])
	if bits&1 != 0 {
		t.X87 = inspect.X87{
			FCW: le.Uint16(x[xFCW:]), FSW: le.Uint16(x[xFSW:]), FOP: le.Uint16(x[xFOP:]) & 0x7ff, FIP: le.Uint64(x[xFIP:]), FDP: le.Uint64(x[xFDP:]),
		}
		for i := range t.X87.ST {
			t.X87.ST[i] = inspect.Float80{Significand: le.Uint64(x[xST+16*i:]), Exponent: le.Uint16(x[xST+16*i+8:])}
		}
		t.X87.FTW = tags(x[xFTW], &t.X87)
	} else {
		t.X87 = inspect.X87{FCW: 0x37f, FTW: 0xffff}
	}
	if t.MXCSR = mxcsrInit; bits&6 != 0 {
		t.MXCSR = le.Uint32(x[xMXCSR:])
	}
	words := func(at uint32, v []uint64, on bool) {
		for i := range v {
			if v[i] = 0; on {
				v[i] = le.Uint64(x[at+8*uint32(i):])
			}
		}
	}
	for i := range 16 {
		words(xXMM+16*uint32(i), t.Vec[i][:2], bits&2 != 0)
	}
	for n, a := range s.areas {
		if a.offset == 0 {
			continue
		}
		on := bits>>a.bit&1 != 0
		s.each(n, func(at uint32, v []uint64) { words(a.offset+at, v, on) })
		if n == areaPKRU { // of which the header tells the host's, as Linux switches it apart from the others
			t.PKRU = le.Uint32(x[a.offset:])
		}
	}
}

// each calls f for the pieces of t of which an area is made.
func (s *state) each(area int, f func(at uint32, v []uint64)) {
	switch area {
	case areaYMM:
		for i := range 16 {
			f(16*uint32(i), s.t.Vec[i][2:4])
		}
	case areaK:
		f(0, s.t.K[:])
	case areaZMM:
		for i := range 16 {
			f(32*uint32(i), s.t.Vec[i][4:])
		}
	case areaHigh:
		for i := range 16 {
			f(64*uint32(i), s.t.Vec[16+i][:])
		}
	}
}

// tags makes the tag word from FXSAVE's byte and the registers (SDM vol. 1 8.1.7).
func tags(used uint8, x *inspect.X87) (w uint16) {
	top := int(x.FSW >> 11 & 7)
	for i := range 8 {
		tag := uint16(3)
		if used>>i&1 != 0 {
			f := &x.ST[(i-top)&7]
			switch exp := f.Exponent & 0x7fff; {
			case exp == 0 && f.Significand == 0:
				tag = 1
			case exp == 0 || exp == 0x7fff || f.Significand>>63 == 0:
				tag = 2
			default:
				tag = 0
			}
		}
		w |= tag << (2 * i)
	}
	return w
}
