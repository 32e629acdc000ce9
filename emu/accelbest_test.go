package emu_test

import (
	"io"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"goemu/emu"
	"goemu/emu/cpumodel"
	"goemu/emu/debuglog"
	"goemu/emu/kvm"
	"goemu/emu/kvm/kvmtest"
	"goemu/emu/trace"
)

// goodKVM stands for a KVM that is as good as a processor, whose processors are a model of goemu's. The probes' guests fare as they should; then guest runs in place of the
// machine's, nil: it loops.
func goodKVM(t *testing.T, model string, guest func(c *kvmtest.CPU) syscall.Errno) (*kvmtest.Fake, *kvmtest.Faults) {
	t.Helper()
	fake := kvmtest.NewFake()
	fake.MSRs[0xc000_0081], fake.MSRs[0xc000_0082] = 0, 0
	m, _, err := cpumodel.Parse(model, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := cpumodel.State{Processors: 1, Threads: 1, TSCFrequency: 1e9, Code64: true}
	for _, leaf := range []uint32{0, 1, 6, 7, 0xd, 0x8000_0000, 0x8000_0001, 0x8000_0007, 0x8000_0008} {
		for sub := range map[uint32]uint32{0xd: 10, 7: 2}[leaf] + 1 {
			e := kvm.CPUIDEntry{Leaf: leaf, Sub: sub}
			if leaf == 7 || leaf == 0xd {
				e.Flags = kvm.SignificantIndex
			}
			e.EAX, e.EBX, e.ECX, e.EDX = m.CPUID(leaf, sub, &s)
			fake.CPUID = append(fake.CPUID, e)
		}
	}
	if guest == nil {
		guest = (*kvmtest.CPU).Wait
	}
	fake.Run = probed(fake, guest)
	faults := &kvmtest.Faults{Sys: fake}
	real, patience := kvm.System, kvm.Patience
	kvm.System, kvm.Patience = faults, time.Hour
	t.Cleanup(func() {
		kvm.System, kvm.Patience = real, patience
		if n := fake.Files(); n != 0 {
			t.Errorf("%d files are left open", n)
		}
	})
	return fake, faults
}

// probed answers the probes' guests as a processor does, and leaves others to guest.
func probed(fake *kvmtest.Fake, guest func(c *kvmtest.CPU) syscall.Errno) func(c *kvmtest.CPU) syscall.Errno {
	var sets, first int
	told := false
	return func(c *kvmtest.CPU) syscall.Errno {
		const ram = 0x2_0000 // the only memory of a probe
		if len(fake.Slots) != 1 || len(fake.Slots[0].Memory) != ram {
			return guest(c)
		}
		n := 0
		for _, r := range fake.Requests {
			if r == kvm.ReqSetSregs {
				n++
			}
		}
		if n != sets {
			sets, first, told = n, c.Runs, false
		}
		runs := c.Runs - first
		r := c.Regs()
		switch {
		case c.GuestDebug().Control&kvm.DebugSingleStep != 0:
			return c.ExitDebug(1, r.RIP+uint64(runs)+1, 0x4000, 0)
		case !told:
			told = true
			return c.ExitIO(true, 0x80, 1, 1, []byte{1})
		}
		r.RCX += 1 << 40
		c.SetRegs(r)
		return c.Wait()
	}
}

// best makes a machine that has the default engine.
func best(t *testing.T, cfg emu.Config) *emu.Machine {
	t.Helper()
	cfg.Accel, cfg.ConsoleOut = emu.AccelBest, io.Discard
	m, err := emu.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	if w := m.Warnings(); len(w) != 0 {
		t.Errorf("it warns: %q", w)
	}
	return m
}

// auto is the engine without KVM.
func auto(t *testing.T) emu.Accel {
	t.Helper()
	m, err := emu.New(emu.Config{ConsoleOut: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	return m.Accel()
}

// A KVM that is as good as a processor is the default.
func TestBest(t *testing.T) {
	goodKVM(t, "max", nil)
	for _, c := range []emu.Config{{PowerOn: true}, {PowerOn: true, CPU: "max"}, {PowerOn: true, CPU: "host"}, {PowerOn: true, CPU: "x86-64-v3"}, {PowerOn: true, CPUs: 2}, {PowerOn: true, GDB: "none"}} {
		if m := best(t, c); m.Accel() != emu.AccelKVM || !strings.Contains(m.AccelReason(), "KVM is a processor's") {
			t.Errorf("%+v: %v: %s", c, m.Accel(), m.AccelReason())
		}
	}
	if a, why := emu.DefaultAccel(); a != emu.AccelKVM || strings.Contains(why, "\n") {
		t.Error(a, why)
	}
	// Who does not ask for the default gets the same engine as without KVM.
	m, err := emu.New(emu.Config{PowerOn: true, ConsoleOut: io.Discard})
	must(t, err)
	if m.Accel() == emu.AccelKVM || m.AccelReason() != "" {
		t.Errorf("the zero Config: %v, %q", m.Accel(), m.AccelReason())
	}
	must(t, m.Close())
}

// What KVM cannot do, or not as well, is the translator's. KVM is not even asked.
func TestBestOptions(t *testing.T) {
	want := auto(t)
	fake, _ := goodKVM(t, "max", nil)
	traced := trace.New(debuglog.New(0, io.Discard))
	traced.Apply("exception")
	for why, c := range map[string]emu.Config{
		"built-in guest": {},
		"-icount":        {PowerOn: true, Icount: true},
		"-d ":            {PowerOn: true, Log: debuglog.New(debuglog.Int, io.Discard)},
		"-trace":         {PowerOn: true, Trace: traced},
		"gdb":            {PowerOn: true, GDB: "tcp:127.0.0.1:0"},
		"-S":             {PowerOn: true, Stopped: true},
	} {
		if m := best(t, c); m.Accel() != want || !strings.Contains(m.AccelReason(), why) {
			t.Errorf("%s: %v: %s", why, m.Accel(), m.AccelReason())
		}
	}
	if len(fake.Requests) != 0 {
		t.Errorf("KVM was asked %v", fake.Requests)
	}
	// What only devices do is traced in KVM too.
	ports := trace.New(debuglog.New(0, io.Discard))
	ports.Apply("cpu_*t")
	if m := best(t, emu.Config{PowerOn: true, Trace: ports}); m.Accel() != emu.AccelKVM {
		t.Errorf("ports are traced: %v: %s", m.Accel(), m.AccelReason())
	}
}

// Where KVM is not there, weak, slow, or refuses, the machine has the translator, says why where it is asked, and warns of nothing. What is cheap is looked at first.
func TestBestNot(t *testing.T) {
	want := auto(t)
	for _, c := range []struct {
		why, model, cpu string
		change          func(fake *kvmtest.Fake, faults *kvmtest.Faults)
		probes          bool // a virtual machine is made
	}{
		{why: "opening /dev/kvm", change: func(f *kvmtest.Fake, _ *kvmtest.Faults) { f.OpenErr = syscall.ENOENT }},
		{why: "permission denied", change: func(f *kvmtest.Fake, _ *kvmtest.Faults) { f.OpenErr = syscall.EACCES }},
		{why: "KVM_CAP_READONLY_MEM", change: func(f *kvmtest.Fake, _ *kvmtest.Faults) { f.Caps[kvm.CapReadonlyMem] = 0 }},
		{why: "x86-64-v2: sse4.2", model: "max,-sse4.2"},
		{why: "-cpu x86-64-v3", model: "max,-bmi2", cpu: "x86-64-v3"},
		{why: "tsc-deadline", cpu: "x86-64-v2,+tsc-deadline"},
		{why: "KVM_GET_SUPPORTED_CPUID", change: func(_ *kvmtest.Fake, f *kvmtest.Faults) { f.Fail(kvm.ReqGetSupportedCPUID, syscall.ENOMEM) }},
		{why: "SSE in ring 0 fails", probes: true, change: func(f *kvmtest.Fake, _ *kvmtest.Faults) {
			f.Run = func(c *kvmtest.CPU) syscall.Errno { return c.ExitInternalError(1, nil) }
		}},
		{why: "KVM_CREATE_VM", probes: true, change: func(_ *kvmtest.Fake, f *kvmtest.Faults) { f.Fail(kvm.ReqCreateVM, syscall.ENOMEM) }},
		{why: "KVM_CREATE_VM", probes: true, change: func(_ *kvmtest.Fake, f *kvmtest.Faults) { f.Fail(kvm.ReqCreateVM, 0, syscall.ENOMEM) }},
		{why: "KVM_CREATE_VCPU", probes: true, change: func(_ *kvmtest.Fake, f *kvmtest.Faults) { f.Fail(kvm.ReqCreateVCPU, 0, syscall.EMFILE) }},
	} {
		t.Run(c.why, func(t *testing.T) {
			if c.model == "" {
				c.model = "max"
			}
			fake, faults := goodKVM(t, c.model, nil)
			if c.change != nil {
				c.change(fake, faults)
			}
			m := best(t, emu.Config{PowerOn: true, CPU: c.cpu})
			if why := m.AccelReason(); m.Accel() != want || !strings.Contains(why, c.why) || strings.Contains(why, "\n") {
				t.Errorf("%v: %s", m.Accel(), why)
			}
			if got := slices.Contains(fake.Requests, kvm.ReqCreateVM) || c.why == "KVM_CREATE_VM"; got != c.probes {
				t.Errorf("a virtual machine was made: %v", got)
			}
			must(t, m.Close())
		})
	}
}

// The default is for the beginning: a machine is moved to an engine by its name.
func TestBestMove(t *testing.T) {
	m, err := emu.New(emu.Config{ConsoleOut: io.Discard})
	must(t, err)
	defer m.Close()
	if err := m.SetAccel(emu.AccelBest); err == nil {
		t.Error("no error")
	}
}
