package snippet

import (
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"goemu/emu/cpumodel"
	"goemu/emu/inspect"
	"goemu/emu/kvm"
	"goemu/mmu"
	"goemu/tcg/amd64"
)

// kvmEngine is Linux's KVM: each run is a virtual machine of its own with one processor and no device.
type kvmEngine struct {
	host    *kvm.Host
	cpuid   []kvm.CPUIDEntry
	msrs    []uint32 // of those that cases have
	area    bool     // the FPU's state is an XSAVE area; otherwise what KVM_GET_FPU has
	xsave   bool     // the guest has XSAVE
	withAVX bool
}

func openKVM() (engine, error) {
	h, err := kvm.Open()
	if err != nil {
		return nil, fmt.Errorf("kvm: %w", err)
	}
	k := &kvmEngine{host: h}
	if k.cpuid, err = h.SupportedCPUID(); err == nil {
		var have []uint32
		have, err = h.MSRs()
		for _, m := range have {
			if msrOf(new(inspect.Registers), m) != nil {
				k.msrs = append(k.msrs, m)
			}
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("kvm: %w", err), h.Close())
	}
	const xsave, avx = 1 << 26, 1 << 28
	_, _, features, _ := kvm.Answer(k.cpuid, 1, 0)
	components, _, _, _ := kvm.Answer(k.cpuid, 0xd, 0)
	k.area = h.Check(kvm.CapXSAVE) > 0
	k.xsave = k.area && features&xsave != 0 && h.Check(kvm.CapXCRs) > 0
	k.withAVX = k.xsave && features&avx != 0 && components&7 == 7
	return k, nil
}

func (k *kvmEngine) close() error { return k.host.Close() }

func (k *kvmEngine) offer() offer {
	// What the host's processor has works though KVM does not offer it: it is not asked.
	have := cpumodel.FeaturesOf(func(leaf, sub uint32) (a, b, c, d uint32) {
		a, b, c, d = kvm.Answer(k.cpuid, leaf, sub)
		if amd64.HostCPUID == nil {
			return a, b, c, d
		}
		a2, b2, c2, d2 := amd64.HostCPUID(leaf, sub)
		if leaf&0x7fff_ffff == 0 { // the last leaf
			return max(a, a2), b, c, d
		}
		return a | a2, b | b2, c | c2, d | d2
	})
	return offer{avx: k.withAVX, features: &have}
}

// msrOf is where a model-specific register is kept; nil: elsewhere, or nowhere.
func msrOf(r *inspect.Registers, index uint32) *uint64 {
	switch index {
	case 0xc000_0081:
		return &r.STAR
	case 0xc000_0082:
		return &r.LSTAR
	case 0xc000_0083:
		return &r.CSTAR
	case 0xc000_0084:
		return &r.SFMASK
	case 0xc000_0102:
		return &r.KernelGSBase
	case 0x174:
		return &r.SysenterCS
	case 0x175:
		return &r.SysenterESP
	case 0x176:
		return &r.SysenterEIP
	}
	return nil
}

// run implements engine.
func (k *kvmEngine) run(im *image) (res *Result, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("kvm: %w", err)
		}
	}()
	if name := beyondAVX(&im.regs); name != "" {
		return nil, fmt.Errorf("%s is set, and the AVX-512 state it belongs to is not compared here", name)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	closing := func(f func() error) { err = errors.Join(err, f()) }
	vm, err := k.host.CreateVM()
	if err != nil {
		return nil, err
	}
	defer closing(vm.Close)
	if err := vm.SetTSSAddr(0xfffb_d000); err != nil {
		return nil, err
	}
	ram, err := mmu.AllocRAM(uint64(len(im.ram)))
	if err != nil {
		return nil, err
	}
	defer closing(func() error { return mmu.FreeRAM(ram) })
	copy(ram, im.ram)
	if err := vm.SetMemory(kvm.Slot{Memory: ram}); err != nil {
		return nil, err
	}
	v, err := vm.CreateVCPU(0)
	if err != nil {
		return nil, err
	}
	defer closing(v.Close)
	if err := k.load(v, &im.regs); err != nil {
		return nil, err
	}
	halted, end, err := enter(v)
	if err != nil {
		return nil, err
	}
	regs := im.regs
	if err := k.store(v, &regs); err != nil {
		return nil, err
	}
	res = im.conclude("kvm", &regs, halted, end.Kind, append([]byte(nil), ram...))
	if !halted {
		res.End.Text = end.Text
	}
	return res, nil
}

// enter lets the processor run until it halts, or ends otherwise. Ports and memory that is not there read as ones.
func enter(v *kvm.VCPU) (halted bool, end End, err error) {
	var late atomic.Bool
	done := make(chan struct{})
	timer := time.AfterFunc(patience, func() {
		late.Store(true)
		v.RequestExit()
		close(done)
	})
	defer func() {
		if !timer.Stop() {
			<-done
		}
	}()
	ones := func(p []byte, write bool) {
		for i := range p {
			if !write {
				p[i] = 0xff
			}
		}
	}
	for {
		why, err := v.Run()
		if err != nil {
			return false, End{Kind: Failure, Text: err.Error()}, nil
		}
		switch why {
		case kvm.ExitHLT:
			return true, End{}, nil
		case kvm.ExitShutdown:
			return false, End{Kind: Shutdown}, nil
		case kvm.ExitIO:
			io := v.IO()
			ones(io.Data, io.Write)
		case kvm.ExitMMIO:
			io := v.MMIO()
			ones(io.Data, io.Write)
		case kvm.ExitIntr:
		default:
			if err := v.Failure(); err != nil {
				return false, End{Kind: Failure, Text: err.Error()}, nil
			}
			return false, End{Kind: Failure, Text: why.String()}, nil
		}
		if late.Load() {
			return false, End{Kind: Endless}, nil
		}
	}
}

func toKVM(s inspect.Segment) kvm.Segment {
	bit := func(m uint32) uint8 {
		if s.Attr&m != 0 {
			return 1
		}
		return 0
	}
	return kvm.Segment{
		Base: s.Base, Limit: s.Limit, Selector: s.Selector, Type: uint8(s.Attr & 15), Present: bit(inspect.AttrP), DPL: uint8(s.DPL()),
		DB: bit(inspect.AttrDB), S: bit(inspect.AttrS), L: bit(inspect.AttrL), G: bit(inspect.AttrG), AVL: bit(inspect.AttrAVL), Unusable: 1 - bit(inspect.AttrP),
	}
}

func fromKVM(n int, s *kvm.Segment, long bool) inspect.Segment {
	r := inspect.Segment{Selector: s.Selector, Base: s.Base, Limit: s.Limit}
	if s.Unusable != 0 {
		r.Attr = uint32(s.DPL&3) << 5
		return inspect.NullSegment(n, r, long)
	}
	r.Attr = uint32(s.Type)&15 | uint32(s.S&1)<<4 | uint32(s.DPL&3)<<5 | uint32(s.Present&1)<<7 | uint32(s.AVL&1)<<12 | uint32(s.L&1)<<13 | uint32(s.DB&1)<<14 |
		uint32(s.G&1)<<15
	return r
}

func regsOf(r *kvm.Regs) [16]*uint64 {
	return [16]*uint64{&r.RAX, &r.RCX, &r.RDX, &r.RBX, &r.RSP, &r.RBP, &r.RSI, &r.RDI, &r.R8, &r.R9, &r.R10, &r.R11, &r.R12, &r.R13, &r.R14, &r.R15}
}

func segmentsOf(s *kvm.Sregs) [6]*kvm.Segment {
	return [6]*kvm.Segment{inspect.ES: &s.ES, inspect.CS: &s.CS, inspect.SS: &s.SS, inspect.DS: &s.DS, inspect.FS: &s.FS, inspect.GS: &s.GS}
}

// errNoPaging is of hosts whose KVM drops CR0.PG.
var errNoPaging = errors.New("this host's KVM has no paging outside of long mode: mode 16 and those of long mode run on it")

// load puts a state into a processor.
func (k *kvmEngine) load(v *kvm.VCPU, r *inspect.Registers) error {
	if err := v.SetCPUID(k.cpuid); err != nil {
		return err
	}
	var s kvm.Sregs
	if err := v.Sregs(&s); err != nil {
		return err
	}
	for i, p := range segmentsOf(&s) {
		*p = toKVM(r.Seg[i])
	}
	s.LDT, s.TR = toKVM(r.LDTR), toKVM(r.TR)
	s.GDT = kvm.DTable{Base: r.GDTR.Base, Limit: uint16(r.GDTR.Limit)}
	s.IDT = kvm.DTable{Base: r.IDTR.Base, Limit: uint16(r.IDTR.Limit)}
	s.CR0, s.CR2, s.CR3, s.CR4, s.CR8, s.EFER = r.CR0, r.CR2, r.CR3, r.CR4, r.CR8, r.EFER
	err := v.SetSregs(&s)
	if err == nil {
		err = v.Sregs(&s)
	}
	if err == nil && s.CR0&inspect.CR0PG != r.CR0&inspect.CR0PG {
		return errNoPaging
	}
	if err == nil && k.xsave {
		err = v.SetXCR0(r.XCR0)
	}
	if err != nil {
		return err
	}
	if k.area {
		x := new(kvm.XSAVE)
		if err := v.XSAVE(x); err != nil {
			return err
		}
		putXSAVE(x[:], r)
		err = v.SetXSAVE(x)
	} else {
		// The first 512 bytes of an XSAVE area are what struct kvm_fpu has in another order.
		var p [ymmAt]byte
		putXSAVE(p[:], &inspect.Registers{X87: r.X87, MXCSR: r.MXCSR, Vec: r.Vec})
		f := kvm.FPU{FCW: r.X87.FCW, FSW: r.X87.FSW, FTWX: p[4], LastOpcode: r.X87.FOP, LastIP: r.X87.FIP, LastDP: r.X87.FDP, MXCSR: r.MXCSR}
		for i := range f.FPR {
			copy(f.FPR[i][:], p[32+16*i:])
		}
		for i := range f.XMM {
			copy(f.XMM[i][:], p[160+16*i:])
		}
		err = v.SetFPU(&f)
	}
	if err != nil {
		return err
	}
	d := kvm.DebugRegs{DB: [4]uint64(r.DR[:4]), DR6: r.DR[6], DR7: r.DR[7]}
	if err := v.SetDebugRegs(&d); err != nil {
		return err
	}
	var m []kvm.MSR
	for _, i := range k.msrs {
		m = append(m, kvm.MSR{Index: i, Data: *msrOf(r, i)})
	}
	if _, err := v.SetMSRs(m); err != nil {
		return err
	}
	g := kvm.Regs{RIP: r.RIP, RFLAGS: r.RFLAGS}
	for i, p := range regsOf(&g) {
		*p = r.GPR[i]
	}
	return v.SetRegs(&g)
}

// store reads the state of a processor; what KVM does not have stays as it is in r.
func (k *kvmEngine) store(v *kvm.VCPU, r *inspect.Registers) error {
	var g kvm.Regs
	var s kvm.Sregs
	var d kvm.DebugRegs
	if err := errors.Join(v.Regs(&g), v.Sregs(&s), v.DebugRegs(&d)); err != nil {
		return err
	}
	for i, p := range regsOf(&g) {
		r.GPR[i] = *p
	}
	r.RIP, r.RFLAGS = g.RIP, g.RFLAGS
	for i, p := range segmentsOf(&s) {
		r.Seg[i] = fromKVM(i, p, s.EFER&inspect.EFERLMA != 0)
	}
	r.LDTR, r.TR = fromKVM(-1, &s.LDT, false), fromKVM(-1, &s.TR, false)
	r.GDTR = inspect.TableRegister{Base: s.GDT.Base, Limit: uint32(s.GDT.Limit)}
	r.IDTR = inspect.TableRegister{Base: s.IDT.Base, Limit: uint32(s.IDT.Limit)}
	r.CR0, r.CR2, r.CR3, r.CR4, r.CR8, r.EFER = s.CR0, s.CR2, s.CR3, s.CR4, s.CR8, s.EFER
	copy(r.DR[:4], d.DB[:])
	r.DR[6], r.DR[7] = d.DR6, d.DR7
	switch {
	case r.CR0&inspect.CR0PE == 0:
		r.CPL = 0
	case r.RFLAGS&inspect.FlagVM != 0:
		r.CPL = 3
	default:
		r.CPL = int(s.SS.DPL)
	}
	m := make([]kvm.MSR, len(k.msrs))
	for i := range m {
		m[i].Index = k.msrs[i]
	}
	if _, err := v.MSRs(m); err != nil {
		return err
	}
	for i := range m {
		*msrOf(r, m[i].Index) = m[i].Data
	}
	if k.xsave {
		xcr0, err := v.XCR0()
		if err != nil {
			return err
		}
		r.XCR0 = xcr0
	}
	if k.area {
		x := new(kvm.XSAVE)
		if err := v.XSAVE(x); err != nil {
			return err
		}
		getXSAVE(x[:], r)
		return nil
	}
	var f kvm.FPU
	if err := v.FPU(&f); err != nil {
		return err
	}
	r.X87 = inspect.X87{FCW: f.FCW, FSW: f.FSW, FTW: fullTags(f.FTWX), FOP: f.LastOpcode, FIP: f.LastIP, FDP: f.LastDP}
	r.MXCSR = f.MXCSR
	for i := range f.FPR {
		r.X87.ST[i] = float80(f.FPR[i][:])
	}
	for i := range f.XMM {
		r.Vec[i] = vector128(f.XMM[i][:])
	}
	return nil
}
