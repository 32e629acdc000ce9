package kvm_test

import (
	"errors"
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"goemu/emu/kvm"
	"goemu/emu/kvm/kvmtest"
)

// falseMachine is a machine on the fake, with faults to inject.
func falseMachine(t *testing.T) (*kvmtest.Fake, *kvmtest.Faults, *kvm.Host, *kvm.VM, *kvm.VCPU) {
	t.Helper()
	fake := kvmtest.NewFake()
	fake.Caps[kvm.CapCoalescedMMIO], fake.Caps[kvm.CapCoalescedPIO] = 2, 1
	faults := &kvmtest.Faults{Sys: fake}
	h, err := kvm.OpenSys(faults)
	if err != nil {
		t.Fatal(err)
	}
	vm, err := h.CreateVM()
	if err != nil {
		t.Fatal(err)
	}
	cpu, err := vm.CreateVCPU(0)
	if err != nil {
		t.Fatal(err)
	}
	return fake, faults, h, vm, cpu
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

// oneLine checks what every error must have: the request's name, the reason, and no second line.
func oneLine(t *testing.T, err error, errno syscall.Errno, text string) {
	t.Helper()
	switch {
	case err == nil:
		t.Errorf("no error: want %q", text)
	case errno != 0 && !errors.Is(err, errno):
		t.Errorf("%v: is not %v", err, errno)
	case !strings.Contains(err.Error(), text):
		t.Errorf("%v: want %q", err, text)
	case strings.Contains(err.Error(), "\n"):
		t.Errorf("%q: more than a line", err)
	}
}

// TestEveryWrapper makes each request fail in turn.
func TestEveryWrapper(t *testing.T) {
	_, faults, h, vm, cpu := falseMachine(t)
	calls := map[kvm.Request][]func() error{
		kvm.ReqCreateVM:                {func() error { _, err := h.CreateVM(); return err }},
		kvm.ReqGetMSRIndexList:         {func() error { _, err := h.MSRs(); return err }},
		kvm.ReqGetMSRFeatureIndexList:  {func() error { _, err := h.FeatureMSRs(); return err }},
		kvm.ReqGetSupportedCPUID:       {func() error { _, err := h.SupportedCPUID(); return err }},
		kvm.ReqGetEmulatedCPUID:        {func() error { _, err := h.EmulatedCPUID(); return err }},
		kvm.ReqCreateVCPU:              {func() error { _, err := vm.CreateVCPU(1); return err }},
		kvm.ReqGetDirtyLog:             {func() error { return vm.DirtyLog(0, make([]uint64, 1)) }},
		kvm.ReqSetUserMemoryRegion:     {func() error { return vm.SetMemory(kvm.Slot{}) }},
		kvm.ReqSetTSSAddr:              {func() error { return vm.SetTSSAddr(0x1000) }},
		kvm.ReqSetIdentityMapAddr:      {func() error { return vm.SetIdentityMapAddr(0x1000) }},
		kvm.ReqCreateIRQChip:           {vm.CreateIRQChip},
		kvm.ReqIRQLine:                 {func() error { return vm.IRQLine(3, true) }},
		kvm.ReqGetIRQChip:              {func() error { return vm.PIC(kvm.ChipSlave, new(kvm.PIC)) }, func() error { return vm.IOAPIC(new(kvm.IOAPIC)) }},
		kvm.ReqSetIRQChip:              {func() error { return vm.SetPIC(kvm.ChipSlave, new(kvm.PIC)) }, func() error { return vm.SetIOAPIC(new(kvm.IOAPIC)) }},
		kvm.ReqRegisterCoalescedMMIO:   {func() error { return vm.Coalesce(0xa0000, 4096, false) }, func() error { return vm.Coalesce(0x80, 1, true) }},
		kvm.ReqUnregisterCoalescedMMIO: {func() error { return vm.StopCoalescing(0xa0000, 4096, false) }},
		kvm.ReqSetGSIRouting:           {func() error { return vm.SetGSIRouting([]kvm.Route{kvm.ChipRoute(1, kvm.ChipMaster, 1)}) }},
		kvm.ReqIRQFD:                   {func() error { return vm.IRQFD(3, 4, -1) }, func() error { return vm.RemoveIRQFD(3, 4) }},
		kvm.ReqCreatePIT2:              {func() error { return vm.CreatePIT(0) }},
		kvm.ReqSetBootCPUID:            {func() error { return vm.SetBootCPUID(0) }},
		kvm.ReqIOEventFD:               {func() error { return vm.IOEventFD(kvm.Doorbell{Port: true, Addr: 0x80}) }, func() error { return vm.RemoveIOEventFD(kvm.Doorbell{Match: true}) }},
		kvm.ReqSetClock:                {func() error { return vm.SetClock(new(kvm.Clock)) }},
		kvm.ReqGetClock:                {func() error { return vm.Clock(new(kvm.Clock)) }},
		kvm.ReqGetPIT2:                 {func() error { return vm.PIT(new(kvm.PIT)) }},
		kvm.ReqSetPIT2:                 {func() error { return vm.SetPIT(new(kvm.PIT)) }},
		kvm.ReqEnableCap:               {func() error { return vm.EnableCap(kvm.CapX86SMM, 1) }, func() error { return vm.SplitIRQChip(24) }},
		kvm.ReqSignalMSI:               {func() error { _, err := vm.SignalMSI(new(kvm.MSI)); return err }},
		kvm.ReqSetMSRFilter:            {func() error { return vm.FilterMSRs(0x6e0) }},
		kvm.ReqRun:                     {func() error { _, err := cpu.Run(); return err }},
		kvm.ReqGetRegs:                 {func() error { return cpu.Regs(new(kvm.Regs)) }},
		kvm.ReqSetRegs:                 {func() error { return cpu.SetRegs(new(kvm.Regs)) }},
		kvm.ReqGetSregs:                {func() error { return cpu.Sregs(new(kvm.Sregs)) }},
		kvm.ReqSetSregs:                {func() error { return cpu.SetSregs(new(kvm.Sregs)) }},
		kvm.ReqTranslate:               {func() error { return cpu.Translate(new(kvm.Translation)) }},
		kvm.ReqInterrupt:               {func() error { return cpu.Interrupt(32) }},
		kvm.ReqGetMSRs:                 {func() error { _, err := cpu.MSRs(make([]kvm.MSR, 1)); return err }},
		kvm.ReqSetMSRs:                 {func() error { _, err := cpu.SetMSRs(make([]kvm.MSR, 1)); return err }},
		kvm.ReqGetFPU:                  {func() error { return cpu.FPU(new(kvm.FPU)) }},
		kvm.ReqSetFPU:                  {func() error { return cpu.SetFPU(new(kvm.FPU)) }},
		kvm.ReqGetLAPIC:                {func() error { return cpu.LAPIC(new(kvm.LAPIC)) }},
		kvm.ReqSetLAPIC:                {func() error { return cpu.SetLAPIC(new(kvm.LAPIC)) }},
		kvm.ReqSetCPUID2:               {func() error { return cpu.SetCPUID(nil) }},
		kvm.ReqGetCPUID2:               {func() error { _, err := cpu.CPUID(); return err }},
		kvm.ReqGetMPState:              {func() error { _, err := cpu.MPState(); return err }},
		kvm.ReqSetMPState:              {func() error { return cpu.SetMPState(kvm.Halted) }},
		kvm.ReqNMI:                     {cpu.NMI},
		kvm.ReqSMI:                     {cpu.SMI},
		kvm.ReqSetGuestDebug:           {func() error { return cpu.SetGuestDebug(new(kvm.GuestDebug)) }},
		kvm.ReqGetVCPUEvents:           {func() error { return cpu.Events(new(kvm.Events)) }},
		kvm.ReqSetVCPUEvents:           {func() error { return cpu.SetEvents(new(kvm.Events)) }},
		kvm.ReqGetDebugRegs:            {func() error { return cpu.DebugRegs(new(kvm.DebugRegs)) }},
		kvm.ReqSetDebugRegs:            {func() error { return cpu.SetDebugRegs(new(kvm.DebugRegs)) }},
		kvm.ReqGetXSAVE:                {func() error { return cpu.XSAVE(new(kvm.XSAVE)) }},
		kvm.ReqSetXSAVE:                {func() error { return cpu.SetXSAVE(new(kvm.XSAVE)) }},
		kvm.ReqGetXCRs:                 {func() error { _, err := cpu.XCR0(); return err }},
		kvm.ReqSetXCRs:                 {func() error { return cpu.SetXCR0(1) }},
		kvm.ReqSetupMCE:                {func() error { return cpu.SetupMCE(4) }},
		kvm.ReqSetTSCKHz:               {func() error { return cpu.SetTSCKHz(1) }},
		kvm.ReqGetTSCKHz:               {func() error { _, err := cpu.TSCKHz(); return err }},
		kvm.ReqGetAPIVersion:           {func() error { _, err := kvm.OpenSys(faults); return err }},
		kvm.ReqGetVCPUMmapSize:         {func() error { _, err := kvm.OpenSys(faults); return err }},
	}
	for _, r := range kvm.Requests() {
		if calls[r] == nil && r != kvm.ReqCheckExtension {
			t.Errorf("%v has no test", r)
		}
		for _, call := range calls[r] {
			faults.Fail(r, syscall.ENOMEM)
			oneLine(t, call(), syscall.ENOMEM, r.String())
			faults.Fail(r, syscall.ENOTTY)
			oneLine(t, call(), syscall.ENOTTY, "use another kernel, or -accel tcg")
		}
	}
	faults.Fail(kvm.ReqCheckExtension, syscall.ENOTTY)
	if n := h.Check(kvm.CapUserMemory); n != 0 {
		t.Errorf("a refused CheckExtension is %d", n)
	}
	faults.Fail(kvm.ReqCheckExtension, syscall.ENOTTY)
	if n := vm.Check(kvm.CapUserMemory); n != 1 {
		t.Errorf("a machine that cannot be asked for capabilities has %d, not the host's", n)
	}
}

// TestOpen: each way in which there may be no KVM has its own words.
func TestOpen(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*kvmtest.Fake)
		is     error
		text   string
	}{
		"no device":     {func(f *kvmtest.Fake) { f.OpenErr = syscall.ENOENT }, fs.ErrNotExist, "load the module (modprobe kvm_intel or kvm_amd)"},
		"no module":     {func(f *kvmtest.Fake) { f.OpenErr = syscall.ENODEV }, syscall.ENODEV, "nested virtualisation"},
		"no permission": {func(f *kvmtest.Fake) { f.OpenErr = syscall.EACCES }, fs.ErrPermission, "usermod -aG kvm $USER"},
		"taken":         {func(f *kvmtest.Fake) { f.OpenErr = syscall.EBUSY }, syscall.EBUSY, "VirtualBox"},
		"something":     {func(f *kvmtest.Fake) { f.OpenErr = syscall.EIO }, syscall.EIO, "opening /dev/kvm"},
		"old":           {func(f *kvmtest.Fake) { f.Version = 10 }, nil, "API version 10: not 12"},
		"weak":          {func(f *kvmtest.Fake) { delete(f.Caps, kvm.CapImmediateExit) }, errors.ErrUnsupported, "lacks KVM_CAP_IMMEDIATE_EXIT"},
		"very weak": {func(f *kvmtest.Fake) { clear(f.Caps) }, errors.ErrUnsupported,
			"KVM_CAP_USER_MEMORY, KVM_CAP_IMMEDIATE_EXIT, KVM_CAP_EXT_CPUID, KVM_CAP_DESTROY_MEMORY_REGION_WORKS, KVM_CAP_JOIN_MEMORY_REGIONS_WORKS"},
	} {
		t.Run(name, func(t *testing.T) {
			fake := kvmtest.NewFake()
			c.change(fake)
			_, err := kvm.OpenSys(fake)
			oneLine(t, err, 0, c.text)
			if c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("%v is not %v", err, c.is)
			}
			if fake.Files() != 0 {
				t.Error("a file stays open")
			}
		})
	}
}

// TestFiles: what is closed is closed, and so is what failed half-way.
func TestFiles(t *testing.T) {
	fake, faults, h, vm, cpu := falseMachine(t)
	faults.Fail(kvm.ReqCreateVM, syscall.EINTR, syscall.EINTR)
	again, err := h.CreateVM()
	if err != nil {
		t.Errorf("interrupted by a signal: %v", err)
	}
	bad := &noMmap{Sys: fake}
	h2, err := kvm.OpenSys(bad)
	if err != nil {
		t.Fatal(err)
	}
	vm2, err := h2.CreateVM()
	if err != nil {
		t.Fatal(err)
	}
	_, err = vm2.CreateVCPU(0)
	oneLine(t, err, syscall.ENOMEM, "making processor 0 (mmap)")
	for _, c := range []interface{ Close() error }{cpu, vm, again, h, vm2, h2} {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	if n := fake.Files(); n != 0 {
		t.Errorf("%d files stay open", n)
	}
	cpu.RequestExit() // comes late, and does nothing
	if cpu.Close() == nil {
		t.Error("closed twice")
	}
}

// noMmap has no memory for what processors share.
type noMmap struct{ kvm.Sys }

func (noMmap) Mmap(int, int) ([]byte, error) { return nil, syscall.ENOMEM }

// TestRunFaults: signals and EAGAIN are exits without a reason of the guest's, other faults errors, and what KVM fails at has words.
func TestRunFaults(t *testing.T) {
	fake, faults, _, _, cpu := falseMachine(t)
	fake.Run = func(c *kvmtest.CPU) syscall.Errno { return c.Exit(kvm.ExitHLT) }
	faults.Fail(kvm.ReqRun, syscall.EINTR, syscall.EAGAIN, 0, syscall.EFAULT, syscall.EINVAL)
	for _, want := range []kvm.ExitReason{kvm.ExitIntr, kvm.ExitIntr, kvm.ExitHLT} {
		if r, err := cpu.Run(); r != want || err != nil {
			t.Errorf("%v, %v: want %v", r, err, want)
		}
	}
	_, err := cpu.Run()
	oneLine(t, err, syscall.EFAULT, "processor 0: running (KVM_RUN)")
	_, err = cpu.Run()
	oneLine(t, err, syscall.EINVAL, "processor 0: running (KVM_RUN)")

	for _, c := range []struct {
		exit func(*kvmtest.CPU) syscall.Errno
		text string
	}{
		{func(c *kvmtest.CPU) syscall.Errno { return c.ExitInternalError(1, []byte{0x0f, 0xae}) }, "KVM cannot emulate an instruction, bytes 0fae"},
		{func(c *kvmtest.CPU) syscall.Errno { return c.ExitInternalError(1, nil) }, "KVM cannot emulate an instruction"},
		{func(c *kvmtest.CPU) syscall.Errno { return c.ExitInternalError(3, nil) }, "delivering an event failed"},
		{func(c *kvmtest.CPU) syscall.Errno { return c.ExitInternalError(77, nil) }, "internal error 77"},
		{func(c *kvmtest.CPU) syscall.Errno { return c.ExitFailEntry(0x8000_0021, 1) }, "the host's processor 1 refused the guest's state, reason 0x80000021"},
		{func(c *kvmtest.CPU) syscall.Errno { return c.Exit(kvm.ExitUnknown) }, "unknown reason"},
		{func(c *kvmtest.CPU) syscall.Errno { return c.Exit(77) }, "exit 77: an exit that nobody asked for"},
	} {
		fake.Run = c.exit
		if _, err := cpu.Run(); err != nil {
			t.Error(err)
		}
		oneLine(t, cpu.Failure(), 0, c.text)
		oneLine(t, cpu.Failure(), 0, "-accel tcg")
	}
}

// TestExits reads each kind of exit, also such as no kernel makes.
func TestExits(t *testing.T) {
	fake, _, _, _, cpu := falseMachine(t)
	run := func(f func(*kvmtest.CPU) syscall.Errno) {
		t.Helper()
		fake.Run = f
		if _, err := cpu.Run(); err != nil {
			t.Error(err)
		}
	}
	run(func(c *kvmtest.CPU) syscall.Errno { return c.ExitIO(true, 0x1f0, 2, 3, []byte("abcdef")) })
	if io := cpu.IO(); !io.Write || io.Port != 0x1f0 || io.Size != 2 || io.Count != 3 || string(io.Data) != "abcdef" {
		t.Errorf("%+v", io)
	}
	run(func(c *kvmtest.CPU) syscall.Errno { return c.ExitIO(false, 0x1f0, 4, 1<<30, nil) })
	if io := cpu.IO(); io.Count != 0 || len(io.Data) != 0 {
		t.Errorf("beyond the shared memory: %+v", io)
	}
	run(func(c *kvmtest.CPU) syscall.Errno { return c.ExitMMIO(true, 0xfed0_0000, 8, []byte("12345678")) })
	if m := cpu.MMIO(); !m.Write || m.Addr != 0xfed0_0000 || string(m.Data) != "12345678" {
		t.Errorf("%+v", m)
	}
	run(func(c *kvmtest.CPU) syscall.Errno { return c.ExitMMIO(false, 0, 99, nil) })
	if m := cpu.MMIO(); m.Write || len(m.Data) != 8 {
		t.Errorf("too long: %+v", m)
	}
	run(func(c *kvmtest.CPU) syscall.Errno { return c.ExitDebug(1, 0x1234, 0x4000, 0x400) })
	if d := cpu.Debug(); d != (kvm.DebugExit{Exception: 1, PC: 0x1234, DR6: 0x4000, DR7: 0x400}) {
		t.Errorf("%+v", d)
	}
	run(func(c *kvmtest.CPU) syscall.Errno { c.Ready(true, true); return c.Exit(kvm.ExitIRQWindow) })
	if !cpu.CanInterrupt() || !cpu.IF() || cpu.InSMM() {
		t.Error("not ready")
	}
}

// TestRequestExitFake: a request wakes a guest that loops, and is not lost when it comes before.
func TestRequestExitFake(t *testing.T) {
	_, _, _, _, cpu := falseMachine(t)
	for range 100 {
		go cpu.RequestExit()
		if r, err := cpu.Run(); r != kvm.ExitIntr || err != nil {
			t.Fatal(r, err)
		}
	}
}

// FuzzExits gives exits that no kernel makes: nothing crashes or reads beyond the shared memory.
func FuzzExits(f *testing.F) {
	f.Add([]byte{0: 1, 8: 2, 32: 1, 33: 4, 36: 255, 40: 255})
	f.Add([]byte{8: 17, 32: 1, 36: 16, 40: 1, 48: 15})
	fake := kvmtest.NewFake()
	fake.Caps[kvm.CapCoalescedMMIO] = 2
	h, err := kvm.OpenSys(fake)
	if err != nil {
		f.Fatal(err)
	}
	vm, err := h.CreateVM()
	if err != nil {
		f.Fatal(err)
	}
	cpu, err := vm.CreateVCPU(0)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, page []byte) {
		fake.Run = func(c *kvmtest.CPU) syscall.Errno {
			clear(c.Page)
			copy(c.Page, page)
			// The end of the input is the ring of collected writes.
			if n := len(page); n > 64 {
				copy(c.Page[8192:], page[64:])
			}
			return 0
		}
		reason, err := cpu.Run()
		if err != nil {
			t.Fatal(err)
		}
		_ = reason.String()
		for _, n := range []int{len(cpu.IO().Data), len(cpu.MMIO().Data)} {
			if n > 3*4096 {
				t.Errorf("%d bytes", n)
			}
		}
		_, _, _ = cpu.Debug(), cpu.MSR(), cpu.EOI()
		_ = cpu.InternalError().String()
		_ = cpu.Failure()
		writes := 0
		cpu.Coalesced(func(_ uint64, data []byte, _ bool) {
			if writes++; len(data) > 8 || writes > 4096 {
				t.Fatalf("%d writes, %d bytes", writes, len(data))
			}
		})
		cpu.AnswerMSR(1, true)
	})
}
