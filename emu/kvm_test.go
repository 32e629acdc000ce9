package emu_test

import (
	"bytes"
	"io"
	"maps"
	"os"
	"strings"
	"syscall"
	"testing"

	"goemu/emu"
	"goemu/emu/inspect"
	"goemu/emu/kvm"
	"goemu/emu/kvm/kvmtest"
	"goemu/emu/tour/tourtest"

	"github.com/google/go-cmp/cmp"
)

// needKVM skips a test where there is no KVM, or one that fails at a guest of package kvm's, and says so loudly.
func needKVM(t *testing.T, probes ...string) {
	t.Helper()
	h, err := kvm.Open()
	if err != nil {
		t.Skip("NO KVM HERE: ", err)
	}
	defer h.Close()
	if len(probes) == 0 {
		return
	}
	for _, p := range h.Probe(probes...) {
		if p.Err != nil {
			t.Skip("THIS HOST'S KVM CANNOT: ", p)
		}
	}
}

// kvmAnd gives the engines, and KVM where it is and runs guests of package kvm's.
func kvmAnd(t *testing.T, probes ...string) map[string]emu.Accel {
	all := maps.Clone(engines)
	t.Run("KVM is there", func(t *testing.T) {
		needKVM(t, probes...)
		all["kvm"] = emu.AccelKVM
	})
	return all
}

// onKVM runs the built-in guest on KVM, and moves it to another engine when the guest has said a word; "": not at all. Meanwhile it stops at each letter, so that
// it is where it should be however late this goroutine is: some hosts' KVM cannot run the tasks in user mode that come later.
func onKVM(t *testing.T, word string, to emu.Accel, more ...emu.Accel) string {
	return onKVMWith(t, emu.IRQChipAuto, word, to, more...)
}

// onKVMWith is onKVM with interrupt controllers of the test's choice.
func onKVMWith(t *testing.T, chip emu.IRQChip, word string, to emu.Accel, more ...emu.Accel) string {
	var out bytes.Buffer
	m := start(t, emu.Config{Accel: emu.AccelKVM, IRQChip: chip, ConsoleOut: &out, Serial: []string{"stdio"}, Stopped: true})
	if m.Accel() != emu.AccelKVM {
		t.Fatal("not on KVM")
	}
	if word != "" {
		id, err := m.AddBreakpoint(inspect.Breakpoint{Kind: inspect.BreakPort, Addr: 0x3f8})
		must(t, err)
		for said := ""; !strings.HasSuffix(said, word); {
			m.cont()
			r, err := m.Registers(0)
			must(t, err)
			said += string(byte(r.GPR[0]))
		}
		for _, a := range append(more, to) {
			must(t, m.SetAccel(a))
			if got := m.Accel(); got != a && a != emu.AccelAuto {
				t.Error("not on ", a)
			}
			m.cont()
		}
		must(t, m.RemoveBreakpoint(id))
	}
	must(t, m.Continue())
	<-m.ended
	if m.status != 0 || m.err != nil {
		t.Errorf("%d, %v\n%s", m.status, m.err, out.String())
	}
	return tourtest.Mask(out.String())
}

// The built-in guest says on KVM what it says elsewhere.
func TestKVMTour(t *testing.T) {
	needKVM(t, kvm.ProbeReal, kvm.Probe64, kvm.Probe64User, kvm.ProbeInterrupt, kvm.ProbeSyscall, kvm.ProbeX87)
	if d := cmp.Diff(tourtest.Auto, onKVM(t, "", 0)); d != "" {
		t.Errorf("(-want +KVM)\n%s", d)
	}
}

// It begins on KVM and goes on elsewhere, from real, protected and long mode, with interrupts and timers under way, and back and forth.
func TestKVMMove(t *testing.T) {
	needKVM(t, kvm.ProbeReal, kvm.Probe32, kvm.Probe64)
	for _, c := range []struct {
		word string
		more []emu.Accel
	}{
		{"real mode: came", nil},
		{"GDT loaded", []emu.Accel{emu.AccelInterp, emu.AccelKVM}},
		{"flat 32-bit", []emu.Accel{emu.AccelTCG, emu.AccelKVM, emu.AccelInterp, emu.AccelKVM}},
		{"page tables built", nil},
		{"IDT with 32 exceptions", []emu.Accel{emu.AccelTCG, emu.AccelKVM}},
		{"tour begins", []emu.Accel{emu.AccelTCG, emu.AccelKVM, emu.AccelTCG, emu.AccelKVM}},
	} {
		t.Run(c.word, func(t *testing.T) {
			if d := cmp.Diff(tourtest.Auto, onKVM(t, c.word, emu.AccelAuto, c.more...)); d != "" {
				t.Errorf("(-want +KVM, then another)\n%s", d)
			}
		})
	}
}

// What debuggers do, on KVM as elsewhere: the guest stops at the same places with the same registers.
func TestKVMDebug(t *testing.T) {
	needKVM(t, kvm.Probe32, kvm.ProbeStep)
	var want []string
	for _, accel := range []emu.Accel{emu.AccelInterp, emu.AccelKVM} {
		// A processor that both have.
		m, at := debuggedGuest(t, "points.asm", emu.Config{Accel: accel, CPU: "pentium2"})
		var got []string
		note := func(n inspect.Notice) {
			r, err := m.Registers(0)
			must(t, err)
			r.CR0 &^= 1 << 4
			got = append(got, n.Why.String()+" "+r.String())
		}
		var ids []int
		for _, b := range []inspect.Breakpoint{
			{Kind: inspect.BreakExec, Addr: at["loop1.mid"]}, {Kind: inspect.BreakExec, Addr: at["func"]}, {Kind: inspect.BreakPort, Addr: 0xe9},
		} {
			id, err := m.AddBreakpoint(b)
			must(t, err)
			ids = append(ids, id)
		}
		for range 20 {
			note(m.cont())
		}
		for _, id := range ids[:2] {
			must(t, m.RemoveBreakpoint(id))
		}
		for range 3 {
			note(m.cont())
		}
		for n := range 30 {
			kind := inspect.StepInstruction
			if n%3 == 2 {
				kind = inspect.StepOver
			}
			must(t, m.Step(0, inspect.Step{Kind: kind}))
			m.next(inspect.NoticeResumed)
			note(m.next(inspect.NoticeStopped))
		}
		if accel == emu.AccelKVM {
			if _, err := m.AddBreakpoint(inspect.Breakpoint{Kind: inspect.BreakRead, Addr: 0x1000, Len: 4}); err == nil || !strings.Contains(err.Error(), "reads alone") {
				t.Error(err)
			}
			for n := range 5 {
				_, err := m.AddBreakpoint(inspect.Breakpoint{Kind: inspect.BreakExec, Addr: uint64(0x200000 + n)})
				if full := n == 4; full != (err != nil) {
					t.Errorf("point %d: %v", n, err)
				} else if full && !strings.Contains(err.Error(), "4 debug registers") {
					t.Error(err)
				}
			}
		}
		if want == nil {
			want = got
		} else if d := cmp.Diff(want, got); d != "" {
			t.Errorf("(-interp +KVM)\n%s", d)
		}
	}
}

// A watchpoint stops the guest behind the store.
func TestKVMWatch(t *testing.T) {
	needKVM(t, kvm.Probe32)
	m, at := debuggedGuest(t, "points.asm", emu.Config{Accel: emu.AccelKVM, CPU: "pentium2"})
	for _, b := range []inspect.Breakpoint{{Kind: inspect.BreakWrite, Addr: at["data"] + 4, Len: 4}, {Kind: inspect.BreakExec, Addr: at["load"]}} {
		_, err := m.AddBreakpoint(b)
		must(t, err)
	}
	n := m.cont()
	if n.Why == inspect.StopBreakpoint {
		h, err := kvm.Open()
		must(t, err)
		defer h.Close()
		if p := h.Probe(kvm.Probe32); p[0].Slow() {
			t.Skip("THIS HOST'S KVM CANNOT: it emulates kernel mode without looking at watchpoints")
		}
	}
	if r, err := m.Registers(0); n.Why != inspect.StopWatchpoint || n.Address != at["data"]+4 || err != nil || r.RIP <= at["store"] || r.RIP >= at["load"] {
		t.Errorf("%+v, %v\n%s", n, err, &r)
	}
}

// KVM that cannot be had is an error that says why, or a warning where there is an alternative.
func TestKVMRefused(t *testing.T) {
	m, err := emu.New(emu.Config{Accel: emu.AccelKVMOrInterp, Icount: true})
	must(t, err)
	defer m.Close()
	if w := m.Warnings(); m.Accel() != emu.AccelInterp || len(w) != 1 || !strings.Contains(w[0], "-icount") || strings.Contains(w[0], "\n") {
		t.Error(m.Accel(), w)
	}
	if _, err := os.Stat(kvm.Device); err == nil {
		return
	}
	for _, icount := range []bool{false, true} {
		m, err := emu.New(emu.Config{Icount: icount})
		must(t, err)
		defer m.Close()
		if err := m.SetAccel(emu.AccelKVM); err == nil || !strings.Contains(err.Error(), kvm.Device) {
			t.Error(err)
		}
		if _, err := emu.New(emu.Config{Accel: emu.AccelKVM, Icount: icount}); err == nil || !strings.Contains(err.Error(), kvm.Device) {
			t.Error(err)
		}
	}
}

// A machine that KVM gives up on ends with an error that names the instruction and what to do; one that cannot be made takes the alternative.
func TestKVMFails(t *testing.T) {
	real := kvm.System
	defer func() { kvm.System = real }()
	fake := kvmtest.NewFake()
	fake.Run = func(c *kvmtest.CPU) syscall.Errno { return c.ExitInternalError(1, []byte{0x0f, 0x58, 0xc1}) }
	faults := &kvmtest.Faults{Sys: fake}
	kvm.System = faults
	cfg := emu.Config{Accel: emu.AccelKVM, ConsoleOut: io.Discard}
	m, err := emu.New(cfg)
	must(t, err)
	status, err := m.Run()
	if err == nil || !strings.Contains(err.Error(), "0f58c1") || !strings.Contains(err.Error(), "-accel tcg") || !strings.Contains(err.Error(), "at 0xfffffff0, ") {
		t.Error(status, err)
	}
	must(t, m.Close())
	for _, r := range []kvm.Request{kvm.ReqCreateVM, kvm.ReqCreateVCPU, kvm.ReqSetUserMemoryRegion, kvm.ReqSetCPUID2} {
		faults.Fail(r, syscall.ENOMEM)
		if _, err := emu.New(cfg); err == nil || !strings.HasPrefix(err.Error(), "-accel kvm: ") || !strings.Contains(err.Error(), r.String()) {
			t.Errorf("%s fails: %v", r, err)
		}
	}
	if n := fake.Files(); n != 0 {
		t.Errorf("%d files are left open", n)
	}
	// A guest that loops in KVM ends when it is told to.
	fake.Run = nil
	m, err = emu.New(cfg)
	must(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if status, err := m.Run(); status != 7 || err != nil {
			t.Error(status, err)
		}
	}()
	for range 3 {
		if _, err := m.Registers(0); err != nil {
			t.Error(err)
		}
	}
	m.Stop(7)
	<-done
	must(t, m.Close())
}

// A machine that began elsewhere moves to KVM if that has its CPU, with its breakpoints if there are debug registers for them, and back.
func TestKVMEnter(t *testing.T) {
	needKVM(t, kvm.Probe32)
	m, at := debuggedGuest(t, "points.asm", emu.Config{Accel: emu.AccelInterp, CPU: "pentium2"})
	for _, name := range []string{"loop1.mid", "func"} {
		_, err := m.AddBreakpoint(inspect.Breakpoint{Kind: inspect.BreakExec, Addr: at[name]})
		must(t, err)
	}
	var want uint64
	for n, accel := range []emu.Accel{emu.AccelInterp, emu.AccelKVM, emu.AccelAuto, emu.AccelKVM, emu.AccelInterp, emu.AccelKVM} {
		must(t, m.SetAccel(accel))
		if n := m.cont(); n.Why != inspect.StopBreakpoint || n.Address != at["loop1.mid"] {
			t.Fatalf("%v: %+v", accel, n)
		}
		r, err := m.Registers(0)
		must(t, err)
		if want++; r.GPR[inspect.RBX] != want {
			t.Errorf("stop %d, on %v: EBX is %d", n, accel, r.GPR[inspect.RBX])
		}
	}
	must(t, m.SetAccel(emu.AccelInterp))
	for n := range uint64(3) {
		_, err := m.AddBreakpoint(inspect.Breakpoint{Kind: inspect.BreakExec, Addr: 0x200000 + n})
		must(t, err)
	}
	if err := m.SetAccel(emu.AccelKVM); err == nil || !strings.Contains(err.Error(), "5 breakpoints") || m.Accel() != emu.AccelInterp {
		t.Error(m.Accel(), err)
	}
	// What KVM lacks is named.
	h, err := kvm.Open()
	must(t, err)
	defer h.Close()
	if p, ok := h.Weakness(); !ok && p.Err != nil { // such a KVM ends at SSE2
		other, err := emu.New(emu.Config{Accel: emu.AccelInterp})
		must(t, err)
		defer other.Close()
		if err := other.SetAccel(emu.AccelKVM); err == nil || !strings.Contains(err.Error(), "avx2") || !strings.Contains(err.Error(), "-cpu") {
			t.Error(err)
		}
	}
}
