package emu_test

import (
	"bytes"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"goemu/emu"
	"goemu/emu/debuglog"
	"goemu/emu/inspect"
	"goemu/emu/kvm"
	"goemu/emu/kvm/kvmtest"
	"goemu/emu/tour/tourtest"

	"github.com/google/go-cmp/cmp"
)

// fallsBack runs a machine that begins in KVM to its end, elsewhere, and gives what it has said on the console and on standard error.
func fallsBack(t *testing.T, cfg emu.Config, begun ...func(m *started)) (out, errs string, m *started) {
	t.Helper()
	defer emu.AcceptKVM()()
	var console, stderr bytes.Buffer
	cfg.ConsoleOut, cfg.Stderr, cfg.Stopped = &console, &stderr, cfg.Accel != emu.AccelBest
	m = start(t, cfg)
	if w := m.Warnings(); cfg.Stopped && m.Accel() != emu.AccelKVM || len(w) != 0 {
		t.Fatalf("begins with %v, %q", m.Accel(), w)
	}
	for _, fn := range begun {
		fn(m)
	}
	if cfg.Stopped {
		must(t, m.Continue())
	}
	<-m.ended
	return console.String(), stderr.String(), m
}

// oneWarning checks that standard error got a line that says what KVM failed at.
func oneWarning(t *testing.T, errs, what string, other emu.Accel) {
	t.Helper()
	if !strings.HasPrefix(errs, "goemu: warning: the guest cannot go on in KVM") || !strings.Contains(errs, what) || !strings.HasSuffix(errs, "; "+other.String()+" goes on\n") ||
		strings.Count(errs, "\n") != 1 || strings.Contains(errs, "-accel") {
		t.Errorf("standard error got %q, want a line with %q", errs, what)
	}
}

// Whatever KVM fails at, the machine goes on elsewhere, at that instruction: the built-in guest says what it always says.
func TestKVMFallBack(t *testing.T) {
	emulation := func(c *kvmtest.CPU) syscall.Errno {
		return c.ExitInternalError(kvm.EmulationFailed, []byte{0xea, 0x5b})
	}
	var all []syscall.Errno
	for range 20 {
		all = append(all, syscall.ENOMEM)
	}
	for _, c := range []struct {
		what string
		fail map[kvm.Request][]syscall.Errno
		run  func(c *kvmtest.CPU) syscall.Errno
		ends bool // the state is lost
	}{
		{what: "bytes ea5b", run: emulation},
		{what: "delivering an event failed", run: func(c *kvmtest.CPU) syscall.Errno { return c.ExitInternalError(3, nil) }},
		{what: "refused the guest's state", run: func(c *kvmtest.CPU) syscall.Errno { return c.ExitFailEntry(0x80000021, 0) }},
		{what: "nobody asked for", run: func(c *kvmtest.CPU) syscall.Errno { return c.Exit(kvm.ExitHypercall) }},
		{what: "KVM_RUN", fail: map[kvm.Request][]syscall.Errno{kvm.ReqRun: {syscall.EINTR, syscall.EAGAIN, syscall.ENOMEM}}},
		{what: "KVM_RUN", fail: map[kvm.Request][]syscall.Errno{kvm.ReqRun: all}},
		{what: "KVM_SET_SREGS", fail: map[kvm.Request][]syscall.Errno{kvm.ReqSetSregs: {syscall.EINVAL}}},
		{what: "KVM_SET_XSAVE", fail: map[kvm.Request][]syscall.Errno{kvm.ReqSetXSAVE: all}},
		{what: "bytes ea5b", fail: map[kvm.Request][]syscall.Errno{kvm.ReqGetSregs: {syscall.ENOMEM}}, run: emulation},
		{what: "KVM_GET_SREGS", fail: map[kvm.Request][]syscall.Errno{kvm.ReqGetSregs: all}, run: emulation, ends: true},
	} {
		t.Run(c.what, func(t *testing.T) {
			_, faults := goodKVM(t, "max", c.run)
			for r, l := range c.fail {
				faults.Fail(r, l...)
			}
			out, errs, m := fallsBack(t, emu.Config{Accel: emu.AccelKVMOrInterp, Serial: []string{"stdio"}})
			if c.ends {
				if m.status != 1 || m.err == nil || !strings.Contains(m.err.Error(), "bytes ea5b") || errs != "" {
					t.Errorf("%d, %v, %q", m.status, m.err, errs)
				}
				must(t, m.Close())
				return
			}
			if d := cmp.Diff(tourtest.Auto, tourtest.Mask(out)); d != "" || m.status != 0 || m.err != nil {
				t.Errorf("status %d, %v (-want +got)\n%s", m.status, m.err, d)
			}
			oneWarning(t, errs, c.what, emu.AccelInterp)
			if why := m.AccelReason(); m.Accel() != emu.AccelInterp || !strings.Contains(why, c.what) {
				t.Errorf("%v: %s", m.Accel(), why)
			}
			must(t, m.Close())
		})
	}
}

// The default falls back as kvm:tcg does; who has asked for KVM alone gets an error.
func TestKVMFallBackDefault(t *testing.T) {
	want := auto(t)
	goodKVM(t, "max", func(c *kvmtest.CPU) syscall.Errno { return c.ExitInternalError(kvm.EmulationFailed, nil) })
	cfg := emu.Config{Accel: emu.AccelBest, NoReboot: true, Kernel: assemble(t, "sse.asm"), Debugcon: "stdio", Devices: []string{"isa-debug-exit,iobase=0xf4,iosize=1"}}
	out, errs, m := fallsBack(t, cfg)
	if out != "ab" || m.status != 23<<1|1 || m.err != nil {
		t.Errorf("%q, status %d, %v", out, m.status, m.err)
	}
	oneWarning(t, errs, "cannot emulate", want)
	must(t, m.Close())

	cfg.Accel, cfg.Debugcon = emu.AccelKVM, ""
	m = start(t, cfg)
	<-m.ended
	if m.status != 1 || m.err == nil || !strings.Contains(m.err.Error(), "-accel tcg") {
		t.Errorf("status %d, %v", m.status, m.err)
	}
	must(t, m.Close())
}

// A machine that is moved by hand, looked at, stopped and continued while KVM fails goes on all the same, with several vCPUs too; and KVM may be taken anew.
func TestKVMFallBackMoved(t *testing.T) {
	defer emu.AcceptKVM()()
	for _, cpus := range []int{1, 3} {
		fake, _ := goodKVM(t, "max", nil)
		var mu sync.Mutex
		failing := false
		fake.Run = func(c *kvmtest.CPU) syscall.Errno {
			mu.Lock()
			f := failing
			mu.Unlock()
			if f {
				return c.ExitInternalError(kvm.EmulationFailed, nil)
			}
			return c.Wait()
		}
		var errs bytes.Buffer
		m := start(t, emu.Config{Accel: emu.AccelKVMOrInterp, CPUs: cpus, PowerOn: true, Stderr: &errs})
		set := func(on bool) {
			mu.Lock()
			failing = on
			mu.Unlock()
		}
		for n := range 4 {
			set(n%2 == 1)
			must(t, m.Pause())
			if _, err := m.Registers(cpus - 1); err != nil {
				t.Error(err)
			}
			must(t, m.Continue())
			_, err := m.Registers(0)
			must(t, err)
			must(t, m.SetAccel(emu.AccelInterp))
			must(t, m.SetAccel(emu.AccelKVM))
		}
		set(true)
		for m.Accel() == emu.AccelKVM && m.Status() != inspect.StatusShutdown {
			_, err := m.Registers(0)
			must(t, err)
		}
		must(t, m.SetAccel(emu.AccelKVM)) // once more
		m.Stop(5)
		<-m.ended
		if m.status != 5 || m.err != nil {
			t.Errorf("%d CPUs: status %d, %v", cpus, m.status, m.err)
		}
		must(t, m.Close())
		if !strings.Contains(errs.String(), "interp goes on\n") {
			t.Errorf("%q", errs.String())
		}
	}
}

// A triple fault in KVM says why the list of exceptions is empty.
func TestKVMTripleFault(t *testing.T) {
	goodKVM(t, "max", func(c *kvmtest.CPU) syscall.Errno { return c.Exit(kvm.ExitShutdown) })
	var log bytes.Buffer
	m := start(t, emu.Config{Accel: emu.AccelKVM, PowerOn: true, NoReboot: true, Log: debuglog.New(debuglog.CPUReset, &log)})
	<-m.ended
	if m.status != 0 || m.err != nil || !strings.Contains(log.String(), "newest last:\nKVM does not tell of them: -accel tcg does.\n") {
		t.Errorf("status %d, %v: %s", m.status, m.err, log.String())
	}
	must(t, m.Close())
}

// needWeakKVM skips a test where KVM does what this test wants it to fail at.
func needWeakKVM(t *testing.T, probes ...string) {
	t.Helper()
	needKVM(t, kvm.ProbeReal, kvm.Probe32)
	h, err := kvm.Open()
	must(t, err)
	defer h.Close()
	for _, p := range h.Probe(probes...) {
		if p.Err != nil && strings.Contains(p.Err.Error(), "cannot emulate") {
			return
		}
	}
	t.Skipf("THIS HOST'S KVM CAN DO %q, and so does not fail", probes)
}

// On a real KVM, what it cannot emulate is executed by the translator, once, and the guest comes to its right end.
func TestKVMFallBackReal(t *testing.T) {
	needWeakKVM(t, kvm.ProbeSSE)
	cfg := emu.Config{
		Accel: emu.AccelKVMOrInterp, NoReboot: true, Kernel: assemble(t, "sse.asm"), Debugcon: "stdio", Devices: []string{"isa-debug-exit,iobase=0xf4,iosize=1"},
	}
	out, errs, m := fallsBack(t, cfg)
	if out != "ab" || m.status != 23<<1|1 || m.err != nil {
		t.Errorf("%q, status %d, %v", out, m.status, m.err)
	}
	oneWarning(t, errs, "movd", emu.AccelInterp)
}

// On a real KVM that fails at one of its runs, the built-in guest goes on elsewhere from there, and says what it says everywhere. Its first runs are all for the serial port. A KVM that
// stands still before that run has not failed.
func TestKVMFallBackTour(t *testing.T) {
	needKVM(t, kvm.ProbeReal, kvm.Probe32, kvm.Probe64)
	real := kvm.System
	defer func() { kvm.System = real }()
	for _, runs := range []int{0, 1, 2, 13, 200, 1001, 2000} {
		for _, errno := range []syscall.Errno{syscall.ENOMEM, syscall.EFAULT} {
			faults := &kvmtest.Faults{Sys: real}
			kvm.System = faults
			faults.Fail(kvm.ReqRun, append(make([]syscall.Errno, runs), errno)...)
			cfg := emu.Config{Accel: emu.AccelKVMOrInterp, IRQChip: emu.IRQChipOff, NoReboot: true, Serial: []string{"stdio"}} // no run is a probe's
			const still = 99
			out, errs, m := fallsBack(t, cfg, func(m *started) {
				late := time.AfterFunc(time.Minute, func() {
					if m.Accel() == emu.AccelKVM {
						m.Stop(still)
					}
				})
				t.Cleanup(func() { late.Stop() })
			})
			if m.status == still {
				t.Skipf("THIS HOST'S KVM STANDS STILL before run %d:\n%s", runs, out)
			}
			if d := cmp.Diff(tourtest.Auto, tourtest.Mask(out)); d != "" || m.status != 0 || m.err != nil {
				t.Errorf("run %d, %v: status %d, %v (-want +got)\n%s", runs, errno, m.status, m.err, d)
			}
			oneWarning(t, errs, "KVM_RUN", emu.AccelInterp)
			t.Logf("run %d, %v: %s", runs, errno, errs)
			must(t, m.Close())
		}
	}
}
