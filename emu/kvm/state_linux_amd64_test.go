package kvm_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"goemu/emu/kvm"
)

// same compares two structures but for what is reserved.
func same[T any](t *testing.T, want, got T) {
	t.Helper()
	if d := cmp.Diff(want, got, cmpopts.IgnoreUnexported(kvm.Sregs{}, kvm.Segment{}, kvm.DTable{}, kvm.FPU{}, kvm.Events{}, kvm.DebugRegs{})); d != "" {
		t.Errorf("set (-) and read back (+):\n%s", d)
	}
}

// TestRegistersBack sets all that a processor has and reads it back.
func TestRegistersBack(t *testing.T) {
	m := newMachine(t)
	cpu := m.cpu

	regs := kvm.Regs{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 0x1234, 0x202}
	var r kvm.Regs
	check(t, cpu.SetRegs(&regs))
	check(t, cpu.Regs(&r))
	same(t, regs, r)

	var sregs, s kvm.Sregs
	check(t, cpu.Sregs(&sregs))
	sregs.CR2 = 0x1234_5678
	sregs.CR3 = 0x3000
	sregs.GDT.Base, sregs.GDT.Limit = 0x500, 0x27
	sregs.DS.Base, sregs.DS.Selector = 0x12340, 0x1234
	check(t, cpu.SetSregs(&sregs))
	check(t, cpu.Sregs(&s))
	same(t, sregs, s)

	var fpu, f kvm.FPU
	check(t, cpu.FPU(&fpu))
	fpu.FCW = 0x27f
	fpu.FPR[2][0], fpu.FPR[2][9] = 0x11, 0x40
	for i := range fpu.XMM {
		fpu.XMM[i][i] = byte(0x80 + i)
	}
	check(t, cpu.SetFPU(&fpu))
	check(t, cpu.FPU(&f))
	f.LastIP, f.LastDP, f.LastOpcode, f.MXCSR = fpu.LastIP, fpu.LastDP, fpu.LastOpcode, fpu.MXCSR
	same(t, fpu, f)

	var x, back kvm.XSAVE
	check(t, cpu.XSAVE(&x))
	le := binary.LittleEndian
	le.PutUint16(x[0:], 0x37f)
	le.PutUint32(x[24:], 0x1f81)
	for i := range 256 {
		x[160+i] = byte(i)
	}
	le.PutUint64(x[512:], le.Uint64(x[512:])|3) // x87 and SSE are not as initialised
	check(t, cpu.SetXSAVE(&x))
	check(t, cpu.XSAVE(&back))
	if !bytes.Equal(x[160:416], back[160:416]) || le.Uint32(back[24:]) != 0x1f81 || le.Uint16(back[:]) != 0x37f {
		t.Errorf("set and read back:\n%x\n%x", x[:520], back[:520])
	}
	check(t, cpu.FPU(&f))
	if f.XMM[1][0] != 16 {
		t.Errorf("XMM1 by the XSAVE area: %x", f.XMM[1])
	}

	debug := kvm.DebugRegs{DB: [4]uint64{0x1000, 0x2000, 0x3000, 0x4000}, DR6: 0xffff_0ff0, DR7: 0x401}
	var d kvm.DebugRegs
	check(t, cpu.SetDebugRegs(&debug))
	check(t, cpu.DebugRegs(&d))
	same(t, debug, d)

	var e, events kvm.Events
	check(t, cpu.Events(&events))
	events.NMI.Masked = 1
	events.Interrupt.Shadow = kvm.ShadowSTI
	events.Flags = kvm.ValidNMIPending | kvm.ValidShadow
	check(t, cpu.SetEvents(&events))
	check(t, cpu.Events(&e))
	if e.NMI.Masked != 1 {
		t.Errorf("NMIs are not blocked: %+v", e)
	}
}

func TestMSRs(t *testing.T) {
	m := newMachine(t)
	want := []kvm.MSR{{Index: 0x174, Data: 8}, {Index: 0x175, Data: 0x1000}, {Index: 0x176, Data: 0x2000}, {Index: 0xc000_0082, Data: 0xffff_8000_0000_1000}}
	n, err := m.cpu.SetMSRs(want)
	if n != len(want) || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	got := make([]kvm.MSR, len(want))
	for i := range got {
		got[i].Index = want[i].Index
	}
	n, err = m.cpu.MSRs(got)
	if n != len(want) || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	for i := range got {
		if got[i] != want[i] {
			t.Errorf("%#x, not %#x", got[i], want[i])
		}
	}
	list, err := m.h.MSRs()
	if err != nil || len(list) < 5 {
		t.Errorf("MSRs: %#x, %v", list, err)
	}
	if _, err := m.h.FeatureMSRs(); err != nil && m.h.Check(kvm.CapGetMSRFeatures) > 0 {
		t.Error(err)
	}
	// One that there is not ends the list.
	n, err = m.cpu.MSRs([]kvm.MSR{{Index: 0x174}, {Index: 0x1234_5678}, {Index: 0x175}})
	if n != 1 || !errors.Is(err, kvm.ErrMSR) || !strings.Contains(err.Error(), "MSR 0x12345678") {
		t.Errorf("%d, %v", n, err)
	}
	n, err = m.cpu.SetMSRs([]kvm.MSR{{Index: 0x174}, {Index: 0xc000_0082, Data: 1 << 62}})
	if n != 1 || !errors.Is(err, kvm.ErrMSR) {
		t.Errorf("LSTAR not canonical: %d, %v", n, err)
	}
}

// countsMSR answers a guest that reads an MSR, adds one and writes that.
func (m *machine) countsMSR(index, reasons uint32) {
	m.t.Helper()
	m.want(kvm.ExitRDMSR)
	if x := m.cpu.MSR(); x.Index != index || x.Reason&reasons == 0 {
		m.t.Errorf("%+v", x)
	}
	m.cpu.AnswerMSR(0x11_0000_0022, false)
	m.want(kvm.ExitWRMSR)
	if x := m.cpu.MSR(); x.Index != index || x.Data != 0x11_0000_0023 {
		m.t.Errorf("%+v", x)
	}
	m.cpu.AnswerMSR(0, false)
}

// TestMSRExits: MSRs that KVM does not have are the program's, if it asks for them.
func TestMSRExits(t *testing.T) {
	m := newMachine(t,
		0x66, 0xb9, 0x78, 0x56, 0x34, 0x12, // mov ecx, 0x12345678
		0x0f, 0x32, // rdmsr
		0x66, 0x40, // inc eax
		0x0f, 0x30, // wrmsr
		0x0f, 0x32, // rdmsr: refused, #GP
		0xf4) // hlt
	copy(m.ram[0x2000:], []byte{0xe6, 0x83, 0xf4}) // out 0x83, al; hlt
	copy(m.ram[13*4:], []byte{0x00, 0x20, 0, 0})
	if m.h.Check(kvm.CapUserSpaceMSR) <= 0 {
		t.Skip("NOT RUN: this host's KVM has no exits for MSRs")
	}
	check(t, m.vm.EnableCap(kvm.CapUserSpaceMSR, kvm.MSRInvalid|kvm.MSRUnknown))
	m.countsMSR(0x12345678, kvm.MSRInvalid|kvm.MSRUnknown)
	m.want(kvm.ExitRDMSR)
	m.cpu.AnswerMSR(0, true)
	m.want(kvm.ExitIO)
	if io := m.cpu.IO(); io.Port != 0x83 {
		t.Errorf("%+v", io)
	}
}

// TestFilterMSRs: MSRs that KVM has are the program's, if it wants them.
func TestFilterMSRs(t *testing.T) {
	m := newMachine(t,
		0x66, 0xb9, 0xe0, 0x06, 0, 0, // mov ecx, 0x6e0
		0x0f, 0x32, // rdmsr
		0x66, 0x40, // inc eax
		0x0f, 0x30, // wrmsr
		0x66, 0xb9, 0x74, 0x01, 0, 0, // mov ecx, 0x174
		0x0f, 0x30, // wrmsr: KVM's
		0xf4) // hlt
	if m.h.Check(kvm.CapUserSpaceMSR) <= 0 || m.h.Check(kvm.CapMSRFilter) <= 0 {
		t.Skip("NOT RUN: this host's KVM has no exits for MSRs that one wants")
	}
	if err := m.h.ProbeMSRExits(); err != nil {
		t.Skip("NOT RUN: THIS HOST'S KVM CANNOT: ", err)
	}
	check(t, m.vm.EnableCap(kvm.CapUserSpaceMSR, kvm.MSRFiltered))
	check(t, m.vm.FilterMSRs(0x6e0))
	m.countsMSR(0x6e0, kvm.MSRFiltered)
	m.want(kvm.ExitHLT)
	if err := m.vm.FilterMSRs(make([]uint32, 17)...); err == nil || !strings.Contains(err.Error(), "17 are too many") {
		t.Error(err)
	}
}

// TestSetupMCE: IA32_MCG_CAP is what was set, and what KVM does not have is refused.
func TestSetupMCE(t *testing.T) {
	m := newMachine(t)
	if m.h.Check(kvm.CapMCE) < 4 {
		t.Skip("NOT RUN: this host's KVM has no machine checks")
	}
	check(t, m.cpu.SetupMCE(4))
	v := []kvm.MSR{{Index: 0x179}}
	if n, err := m.cpu.MSRs(v); n != 1 || err != nil || v[0].Data != 4 {
		t.Errorf("%d, %v, %#x", n, err, v[0].Data)
	}
	if err := m.cpu.SetupMCE(0); err == nil || !strings.Contains(err.Error(), "KVM_X86_SETUP_MCE") {
		t.Error("no banks:", err)
	}
}

func TestCPUID(t *testing.T) {
	m := newMachine(t,
		0x66, 0xb8, 0x34, 0x12, 0, 0, // mov eax, 0x1234
		0x0f, 0xa2, // cpuid
		0xf4) // hlt
	have, err := m.h.SupportedCPUID()
	if err != nil || len(have) == 0 {
		t.Fatalf("%d leaves, %v", len(have), err)
	}
	// A leaf of our own shows that the guest sees what was set.
	have[0].EAX = max(have[0].EAX, 0x1234)
	mine := append(have, kvm.CPUIDEntry{Leaf: 0x1234, EAX: 1, EBX: 2, ECX: 3, EDX: 4})
	check(t, m.cpu.SetCPUID(mine))
	got, err := m.cpu.CPUID()
	if err != nil || len(got) != len(mine) {
		t.Errorf("%d leaves, not %d, %v", len(got), len(mine), err)
	}
	m.want(kvm.ExitHLT)
	var r kvm.Regs
	check(t, m.cpu.Regs(&r))
	if r.RAX != 1 || r.RBX != 2 || r.RCX != 3 || r.RDX != 4 {
		t.Errorf("%+v", r)
	}
}

func TestXCR0(t *testing.T) {
	m := newMachine(t)
	if m.h.Check(kvm.CapXCRs) <= 0 {
		t.Skip("NOT RUN: this host's KVM has no XCR0")
	}
	have, err := m.h.SupportedCPUID()
	check(t, err)
	check(t, m.cpu.SetCPUID(have))
	if x, err := m.cpu.XCR0(); x != 1 || err != nil {
		t.Errorf("XCR0 at reset: %#x, %v", x, err)
	}
	check(t, m.cpu.SetXCR0(3))
	if x, err := m.cpu.XCR0(); x != 3 || err != nil {
		t.Errorf("XCR0: %#x, %v", x, err)
	}
	if err := m.cpu.SetXCR0(0); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("XCR0 without x87: %v", err)
	}
}

// TestSyncedRegs gets and sets registers without calls.
func TestSyncedRegs(t *testing.T) {
	m := newMachine(t, 0xe6, 0x80, 0xf4) // out 0x80, al; hlt
	if m.h.Check(kvm.CapSyncRegs)&kvm.SyncRegs == 0 {
		t.Skip("NOT RUN: this host's KVM has no SYNC_REGS")
	}
	m.cpu.Sync(kvm.SyncRegs | kvm.SyncSregs)
	m.want(kvm.ExitIO)
	s := m.cpu.Synced()
	if s.Regs.RSP != 0x8000 || s.Sregs.CR0&1 != 0 {
		t.Errorf("%+v", s)
	}
	s.Regs.RBX = 0x4321
	m.cpu.Changed(kvm.SyncRegs)
	m.want(kvm.ExitHLT)
	var r kvm.Regs
	check(t, m.cpu.Regs(&r))
	if r.RBX != 0x4321 {
		t.Errorf("%+v", r)
	}
}

func TestTranslate(t *testing.T) {
	m := newMachine(t)
	a := kvm.Translation{Linear: 0x2345}
	check(t, m.cpu.Translate(&a))
	if a.Valid != 1 || a.Physical != 0x2345 {
		t.Errorf("%+v", a)
	}
}

func TestTSC(t *testing.T) {
	m := newMachine(t)
	if m.h.Check(kvm.CapGetTSCKHz) <= 0 {
		t.Skip("NOT RUN: this host's KVM does not tell the TSC's rate")
	}
	khz, err := m.cpu.TSCKHz()
	if err != nil || khz == 0 {
		t.Fatalf("%d, %v", khz, err)
	}
	check(t, m.cpu.SetTSCKHz(khz))
}

func TestMPState(t *testing.T) {
	m := newMachine(t)
	if s, err := m.cpu.MPState(); s != kvm.Runnable || err != nil {
		t.Errorf("%v, %v", s, err)
	}
	check(t, m.cpu.SetMPState(kvm.Runnable))
}

// TestRefused has for each wrapper something that KVM refuses, and looks at the error.
func TestRefused(t *testing.T) {
	m := newMachine(t)
	odd := memory(t, 8192)
	_, errID := m.vm.CreateVCPU(1 << 20)
	_, errTwice := m.vm.CreateVCPU(0)
	slots := uint32(m.h.Check(kvm.CapNrMemSlots))
	for _, c := range []struct {
		err   error
		errno error
		text  string
	}{
		{errID, syscall.EINVAL, "use a smaller -smp"},
		{errTwice, syscall.EEXIST, "making processor 0 (KVM_CREATE_VCPU)"},
		{m.vm.SetMemory(kvm.Slot{Guest: 1, Memory: odd}), nil, "whole pages"},
		{m.vm.SetMemory(kvm.Slot{Guest: 0, Memory: odd[1:]}), nil, "whole pages"},
		{m.vm.SetMemory(kvm.Slot{Number: 1, Guest: 0x1000, Memory: odd}), syscall.EEXIST, "memory slot 1, 0x2000 bytes at 0x1000"},
		{m.vm.SetMemory(kvm.Slot{Number: slots, Guest: 1 << 30, Memory: odd}), syscall.EINVAL, "slots"},
		{m.vm.SetMemory(kvm.Slot{Number: 5}), syscall.EINVAL, "removing memory slot 5"},
		{m.vm.SetMemory(kvm.Slot{Number: 5, Flags: 1 << 15, Guest: 1 << 30, Memory: odd}), syscall.EINVAL, "KVM_SET_USER_MEMORY_REGION"},
		{m.vm.DirtyLog(0, make([]uint64, 1)), syscall.ENOENT, "no log"},
		{m.vm.DirtyLog(0, nil), nil, "a bitmap of 0 words"},
		{m.vm.SetTSSAddr(0xffff_ffff), syscall.EINVAL, "KVM_SET_TSS_ADDR"},
		{m.vm.SetIdentityMapAddr(0xfffb_c000), syscall.EINVAL, "KVM_SET_IDENTITY_MAP_ADDR"}, // there is a processor already
		{m.vm.SetBootCPUID(0), syscall.EBUSY, "bootstrap"},
		{m.vm.EnableCap(kvm.CapUserMemory), syscall.EINVAL, "KVM_CAP_USER_MEMORY"},
		{m.vm.SetClock(&kvm.Clock{Flags: 1 << 31}), syscall.EINVAL, "kvmclock"},
		{m.cpu.Interrupt(0x20), nil, ""},
		{m.cpu.SetMPState(99), syscall.EINVAL, "KVM_SET_MP_STATE"},
		{m.cpu.SetDebugRegs(&kvm.DebugRegs{Flags: 1}), syscall.EINVAL, "debug registers"},
		{m.cpu.SetDebugRegs(&kvm.DebugRegs{DR7: 1 << 40}), syscall.EINVAL, "debug registers"},
		{m.cpu.SetEvents(&kvm.Events{Flags: 1 << 31}), syscall.EINVAL, "pending events"},
		{m.cpu.SetCPUID(make([]kvm.CPUIDEntry, 300)), nil, "300 entries"},
		{m.cpu.SetSregs(&kvm.Sregs{EFER: 1 << 8, CR0: 0x8000_0001}), syscall.EINVAL, "control registers"},
		{m.cpu.SetTSCKHz(0), nil, ""},
	} {
		if c.text == "" {
			continue // KVM takes it
		}
		switch {
		case c.err == nil:
			t.Errorf("not refused: %s", c.text)
		case c.errno != nil && !errors.Is(c.err, c.errno), !strings.Contains(c.err.Error(), c.text), strings.Contains(c.err.Error(), "\n"):
			t.Errorf("%v: want %v, %q", c.err, c.errno, c.text)
		}
	}
	if _, err := m.cpu.MSRs(make([]kvm.MSR, 1000)); err == nil {
		t.Error("1000 MSRs at once")
	}
}
