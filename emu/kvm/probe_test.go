package kvm_test

import (
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"goemu/emu/accel"
	"goemu/emu/cpumodel"
	"goemu/emu/inspect"
	"goemu/emu/kvm"
	"goemu/emu/kvm/kvmtest"
	"goemu/emu/x86"
	"goemu/mmu"
	"goemu/tcg"
)

// interpreted is a KVM whose guests run on goemu's interpreter, so that the probes' guests are seen to be right wherever the test runs.
type interpreted struct {
	t    *testing.T
	fake *kvmtest.Fake
	env  *tcg.Env
	cpu  *x86.CPU
	eng  *accel.Engine
	ram  []byte
	out  []byte // what the guest wrote to its port
	left int
	sets int // how many times a guest has been set up
}

func (w *interpreted) In(uint16, int) uint32 { return 0 }
func (w *interpreted) Out(port uint16, size int, v uint32) {
	w.out = append(w.out, byte(v))
	w.left = 0
}
func (w *interpreted) TSC() uint64             { return 0 }
func (w *interpreted) APICBase() uint64        { return 0xfee0_0900 }
func (w *interpreted) SetAPICBase(uint64) bool { return true }
func (w *interpreted) TPR() uint8              { return 0 }
func (w *interpreted) SetTPR(uint8)            {}
func (w *interpreted) SetFERR(bool)            {}
func (w *interpreted) IGNNE() bool             { return false }
func (w *interpreted) Poll() bool              { return w.left <= 0 }
func (w *interpreted) Wait() bool              { return true }
func (w *interpreted) INTR() bool              { return false }
func (w *interpreted) IntAck() int             { return -1 }
func (w *interpreted) Budget() int32           { return int32(max(w.left, 1)) }
func (w *interpreted) Spent(n int32)           { w.left -= int(n) }

// run is KVM_RUN of the fake.
func (w *interpreted) run(c *kvmtest.CPU) syscall.Errno {
	if n := count(w.fake.Requests, kvm.ReqSetSregs); n != w.sets {
		w.sets = n
		w.free()
		w.load(c)
	}
	if d := c.GuestDebug(); d.Control&kvm.DebugSingleStep != 0 {
		// The instructions stepped over are all NOPs.
		w.env.RIP++
		return c.ExitDebug(1, w.env.RIP, 0x4000, 0)
	}
	w.left = 100_000
	w.env.ExitReq = 1
	w.eng.Run()
	regs := c.Regs()
	regs.RCX, regs.RIP = w.env.GPR[1], w.env.RIP
	c.SetRegs(regs)
	switch {
	case w.cpu.State() == x86.Shutdown:
		return c.Exit(kvm.ExitShutdown)
	case len(w.out) > 0:
		out := w.out
		w.out = nil
		return c.ExitIO(true, 0x80, 1, 1, out)
	}
	// It counts. A count like a processor's in the time that the probe takes.
	regs.RCX += 1 << 40
	w.env.GPR[1] = regs.RCX
	c.SetRegs(regs)
	return c.Wait()
}

func count(l []kvm.Request, r kvm.Request) (n int) {
	for _, x := range l {
		if x == r {
			n++
		}
	}
	return n
}

// load gives the interpreter what the probe set.
func (w *interpreted) load(c *kvmtest.CPU) {
	model, _, err := cpumodel.Parse("max", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	if w.env, err = accel.NewEnv(); err != nil {
		w.t.Fatal(err)
	}
	memory := w.fake.Slots[0].Memory
	if w.ram, err = mmu.AllocRAM(uint64(len(memory))); err != nil {
		w.t.Fatal(err)
	}
	copy(w.ram, memory)
	space := mmu.NewSpace(model.PhysBits)
	space.MapRAM(0, w.ram, false)
	w.cpu = x86.New(w.env, space, w, x86.Options{Model: model, SyncX87: accel.SyncX87, Random: func() uint64 { return 0 }})
	if w.eng, err = accel.New(w.cpu, space, w, accel.Options{Count: true, ArenaBytes: 1 << 20}); err != nil {
		w.t.Fatal(err)
	}
	var r inspect.Registers
	w.cpu.Inspect(&r)
	g, s := c.Regs(), c.Sregs()
	r.RIP, r.RFLAGS = g.RIP, g.RFLAGS
	r.GPR[4] = g.RSP
	r.CR0, r.CR3, r.CR4, r.EFER = s.CR0, s.CR3, s.CR4, s.EFER
	r.GDTR, r.IDTR = inspect.TableRegister{Base: s.GDT.Base, Limit: uint32(s.GDT.Limit)}, inspect.TableRegister{Base: s.IDT.Base, Limit: uint32(s.IDT.Limit)}
	for n, x := range []kvm.Segment{s.ES, s.CS, s.SS, s.DS, s.FS, s.GS} {
		r.Seg[n] = segmentOf(x)
	}
	r.TR = segmentOf(s.TR)
	r.CPL = int(s.CS.DPL)
	r.STAR, r.LSTAR = c.MSRs[0xc000_0081], c.MSRs[0xc000_0082]
	if err := w.cpu.SetRegisters(&r); err != nil {
		w.t.Fatal(err)
	}
}

func segmentOf(s kvm.Segment) inspect.Segment {
	return inspect.Segment{
		Selector: s.Selector, Base: s.Base, Limit: s.Limit,
		Attr: uint32(s.Type) | uint32(s.S)<<4 | uint32(s.DPL)<<5 | uint32(s.Present)<<7 | uint32(s.AVL)<<12 | uint32(s.L)<<13 | uint32(s.DB)<<14 | uint32(s.G)<<15,
	}
}

// free gives all back, for the next guest.
func (w *interpreted) free() {
	if w.eng == nil {
		return
	}
	for _, err := range []error{w.eng.Close(), accel.FreeEnv(w.env), mmu.FreeRAM(w.ram)} {
		check(w.t, err)
	}
	w.eng = nil
}

// names of the probes, in their order.
var names = []string{
	kvm.ProbeReal, kvm.Probe32, kvm.Probe32User, kvm.Probe64, kvm.Probe64User, kvm.ProbeSSE, kvm.ProbeX87, kvm.ProbeREP, kvm.ProbeInterrupt,
	kvm.ProbeSyscall, kvm.ProbeStep,
}

// measured are those whose speed is told.
var measured = map[string]bool{kvm.ProbeReal: true, kvm.Probe32: true, kvm.Probe32User: true, kvm.Probe64: true, kvm.Probe64User: true}

// probing makes a fake for probes.
func probing(t *testing.T) (*kvmtest.Fake, *kvm.Host) {
	t.Helper()
	fake := kvmtest.NewFake()
	fake.MSRs[0xc000_0081], fake.MSRs[0xc000_0082] = 0, 0
	h, err := kvm.OpenSys(fake)
	if err != nil {
		t.Fatal(err)
	}
	return fake, h
}

// TestProbeGuests: on a processor that works, every probe says so.
func TestProbeGuests(t *testing.T) {
	defer kvm.ProbesHangAfter(time.Hour)()
	for _, name := range names {
		fake, h := probing(t)
		w := &interpreted{t: t, fake: fake}
		fake.Run = w.run
		l := h.Probe(name)
		w.free()
		switch {
		case len(l) != 1 || l[0].Name != name:
			t.Errorf("%s: %v", name, l)
		case l[0].Err != nil || l[0].Slow() || measured[name] != (l[0].PerSecond > 0):
			t.Errorf("%s: %v", name, l[0])
		}
		if n := fake.Files(); n != 1 {
			t.Errorf("%s: %d files are open", name, n)
		}
	}
}

// TestProbeVerdicts: each way in which a guest may fare.
func TestProbeVerdicts(t *testing.T) {
	tell := func(al byte) func(c *kvmtest.CPU) syscall.Errno {
		return func(c *kvmtest.CPU) syscall.Errno { return c.ExitIO(true, 0x80, 1, 1, []byte{al}) }
	}
	for _, c := range []struct {
		text string
		slow bool
		run  func(c *kvmtest.CPU) syscall.Errno
	}{
		{"64-bit ring 0 is emulated, ", true, func(c *kvmtest.CPU) syscall.Errno {
			if c.Runs == 0 {
				return tell(1)(c)
			}
			r := c.Regs()
			r.RCX += 1000
			c.SetRegs(r)
			return c.Wait()
		}},
		{"64-bit ring 0 works, ", false, func(c *kvmtest.CPU) syscall.Errno {
			if c.Runs == 0 {
				return tell(1)(c)
			}
			r := c.Regs()
			r.RCX += 1 << 40
			c.SetRegs(r)
			return c.Wait()
		}},
		{"64-bit ring 0 fails: it computes something else", false, tell(0)},
		{"64-bit ring 0 fails: KVM_EXIT_SHUTDOWN in place of its OUT", false, func(c *kvmtest.CPU) syscall.Errno { return c.Exit(kvm.ExitShutdown) }},
		{"64-bit ring 0 fails: KVM cannot emulate an instruction, bytes 0f77", false, func(c *kvmtest.CPU) syscall.Errno {
			return c.ExitInternalError(1, []byte{0x0f, 0x77})
		}},
		{"64-bit ring 0 fails: KVM: processor 0: running (KVM_RUN)", false, func(c *kvmtest.CPU) syscall.Errno { return syscall.EINVAL }},
		{"64-bit ring 0 fails: it does not come to an end", false, (*kvmtest.CPU).Wait},
		{"64-bit ring 0 fails: a loop does not go on", false, func(c *kvmtest.CPU) syscall.Errno {
			if c.Runs == 0 {
				return tell(1)(c)
			}
			return c.Wait()
		}},
	} {
		limit := time.Hour
		if strings.HasSuffix(c.text, "does not come to an end") {
			limit = 50 * time.Millisecond
		}
		restore := kvm.ProbesHangAfter(limit)
		fake, h := probing(t)
		fake.Run = c.run
		l := h.Probe(kvm.Probe64)
		restore()
		if len(l) != 1 || !strings.HasPrefix(l[0].String(), c.text) || l[0].Slow() != c.slow {
			t.Errorf("%v: want %s", l, c.text)
		}
		if advice := kvm.Advice(l); (advice != "") != (c.slow || l[0].Err != nil) {
			t.Errorf("%v: advice %q", l, advice)
		}
	}
}

// TestWeakness finds the one thing that a KVM cannot.
func TestWeakness(t *testing.T) {
	defer kvm.ProbesHangAfter(time.Hour)()
	order := []string{kvm.ProbeSSE, kvm.ProbeX87, kvm.ProbeREP, kvm.ProbeInterrupt, kvm.ProbeSyscall, kvm.ProbeStep, kvm.ProbeReal, kvm.Probe32, kvm.Probe32User, kvm.Probe64, kvm.Probe64User}
	for _, bad := range append([]string{"", "slow"}, order...) {
		fake, h := probing(t)
		n, first := 0, 0
		fake.Run = func(c *kvmtest.CPU) syscall.Errno {
			if sets := count(fake.Requests, kvm.ReqSetSregs); sets != n {
				n, first = sets, c.Runs
			}
			runs, d := c.Runs-first, c.GuestDebug()
			switch {
			case order[n-1] == bad:
				return c.Exit(kvm.ExitShutdown)
			case d.Control&kvm.DebugSingleStep != 0:
				return c.ExitDebug(1, c.Regs().RIP+uint64(runs)+1, 0x4000, 0)
			case runs == 0 || order[n-1] == kvm.ProbeStep:
				return c.ExitIO(true, 0x80, 1, 1, []byte{1})
			}
			r := c.Regs()
			if r.RCX += 1 << 40; bad == "slow" && order[n-1] == kvm.Probe32User {
				r.RCX -= 1<<40 - 10
			}
			c.SetRegs(r)
			return c.Wait()
		}
		p, ok := h.Weakness()
		if bad == "slow" && p.Name == kvm.Probe32User && p.Slow() {
			p.Name = bad
		}
		if ok != (bad == "") || p.Name != bad {
			t.Errorf("%q: %v, %v", bad, p, ok)
		}
		if n := fake.Files(); n != 1 {
			t.Errorf("%s: %d files are open", bad, n)
		}
	}
}

// TestNoWeakness: on a processor that works, all guests run on one machine, after each other.
func TestNoWeakness(t *testing.T) {
	defer kvm.ProbesHangAfter(time.Hour)()
	fake, h := probing(t)
	w := &interpreted{t: t, fake: fake}
	fake.Run = w.run
	p, ok := h.Weakness()
	w.free()
	if !ok || w.sets != len(names) {
		t.Errorf("%v after %d of %d guests", p, w.sets, len(names))
	}
}

// TestProbeFaults: a KVM that refuses makes no probe panic, and leaves nothing open.
func TestProbeFaults(t *testing.T) {
	for _, r := range []kvm.Request{
		kvm.ReqCreateVM, kvm.ReqSetUserMemoryRegion, kvm.ReqSetTSSAddr, kvm.ReqCreateVCPU, kvm.ReqGetSupportedCPUID, kvm.ReqSetCPUID2, kvm.ReqGetSregs,
		kvm.ReqSetSregs, kvm.ReqSetMSRs, kvm.ReqSetRegs, kvm.ReqSetGuestDebug, kvm.ReqRun,
	} {
		fake := kvmtest.NewFake()
		fake.MSRs[0xc000_0081], fake.MSRs[0xc000_0082] = 0, 0
		faults := &kvmtest.Faults{Sys: fake}
		h, err := kvm.OpenSys(faults)
		if err != nil {
			t.Fatal(err)
		}
		faults.Fail(r, syscall.ENOMEM)
		if l := h.Probe(kvm.ProbeStep); !errors.Is(l[0].Err, syscall.ENOMEM) || !strings.Contains(l[0].String(), r.String()) {
			t.Errorf("%v: %v", r, l[0])
		}
		if r != kvm.ReqSetGuestDebug { // not before the first guest
			faults.Fail(r, syscall.ENOMEM)
			if p, ok := h.Weakness(); ok || !errors.Is(p.Err, syscall.ENOMEM) || !strings.Contains(p.String(), r.String()) {
				t.Errorf("%v: %v, %v", r, p, ok)
			}
		}
		if n := fake.Files(); n != 1 {
			t.Errorf("%v: %d files are open", r, n)
		}
	}
}

// TestProbeHost only says what this host's KVM does.
func TestProbeHost(t *testing.T) {
	h, err := kvm.Open()
	if err != nil {
		t.Skipf("NOT RUN on KVM: %v", err)
	}
	defer h.Close()
	for _, p := range h.Probe() {
		t.Log(p)
	}
	if p, ok := h.Weakness(); !ok {
		t.Logf("the first weakness: %v", p)
	}
}
