package kvmcpu

import (
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"

	"goemu/devices/apicbus"
	"goemu/devices/devtest"
	"goemu/devices/ioapic"
	"goemu/devices/lapic"
	"goemu/devices/pic"
	"goemu/emu/kvm"
	"goemu/emu/kvm/kvmtest"
	"goemu/emu/x86"

	"github.com/google/go-cmp/cmp"
)

// controllers are a machine's, wired as on a board.
type controllers struct {
	clock devtest.Clock
	bus   apicbus.Bus
	pic   *pic.PIC
	local *lapic.LAPIC
	io    *ioapic.IOAPIC
}

func newControllers() *controllers {
	c := &controllers{}
	c.local = lapic.New(&c.clock, &c.bus, 0, true, lapic.CPU{ExtINT: func() int { return c.pic.IntAck() }})
	c.io = ioapic.New(&c.bus, 0)
	c.pic = pic.New(c.local.LINT(0))
	c.local.WriteMMIO(0xf0, 4, 0x1ff)
	c.local.WriteMMIO(0x350, 4, 0x700)
	return c
}

func (c *controllers) all() Controllers {
	return Controllers{Bus: &c.bus, IOAPIC: c.io, LAPICs: []*lapic.LAPIC{c.local}, PIC: c.pic}
}

// out is writes to ports.
func (c *controllers) out(w ...uint16) {
	for i := 0; i < len(w); i += 2 {
		c.pic.Out(w[i], 1, uint32(w[i+1]))
	}
}

// entry sets an entry of the I/O APIC.
func (c *controllers) entry(pin int, low uint32) {
	c.io.WriteMMIO(0, 4, uint64(0x10+2*pin))
	c.io.WriteMMIO(0x10, 4, uint64(low))
}

// firmware is the initialisation of the 8259As by PC firmware, all masked.
var firmware = []uint16{0x20, 0x11, 0x21, 8, 0x21, 4, 0x21, 1, 0xa0, 0x11, 0xa1, 0x70, 0xa1, 2, 0xa1, 1, 0x21, 0xff, 0xa1, 0xff}

// onBench is a bench whose interrupt controllers KVM has.
type onBench struct {
	*bench
	*controllers
}

func newOnBench(t *testing.T) *onBench {
	t.Helper()
	s := &onBench{controllers: newControllers()}
	fake := kvmtest.NewFake()
	fake.MSRs[msrTSCDeadline] = 0
	s.bench = newBenchWith(t, fake, nil, InKernelIRQChip, s.all(), x86.Options{})
	return s
}

// Before the guest runs KVM has the controllers, with a line to each input; what KVM does comes back.
func TestInKernel(t *testing.T) {
	s := newOnBench(t)
	s.out(firmware...)
	s.out(0x4d1, 0x0c, 0xa0, 0x11, 0xa1, 0x78, 0x21, 0xf8, 0x20, 0xc3) // the slave waits for ICW3, and 4 is the first of the master's
	s.entry(5, 0x8055)
	s.entry(6, 0x56)
	s.io.Pin(5).Set(true)
	s.io.Pin(6).Set(true)
	s.pic.IRQ(1).Set(true)
	s.run(func(c *kvmtest.CPU) syscall.Errno {
		want := kvm.PIC{LastIRR: 2, IRR: 2, IMR: 0xf8, PriorityAdd: 4, Base: 8, Init4: 1, ELCRMask: 0xf8}
		if d := cmp.Diff(want, s.PIC(kvm.ChipMaster)); d != "" {
			t.Errorf("master (-want +got)\n%s", d)
		}
		want = kvm.PIC{Base: 0x78, InitState: 2, Init4: 1, ELCR: 0x0c, ELCRMask: 0xde}
		if d := cmp.Diff(want, s.PIC(kvm.ChipSlave)); d != "" {
			t.Errorf("slave (-want +got)\n%s", d)
		}
		io := s.IOAPIC()
		if io.Base != ioapic.DefaultBase || io.Select != 0x1c || io.IRR != 1<<5 || io.Redirections[5] != 0xc055 || io.Redirections[6] != 0x56 || io.Redirections[0] != 0x10000 {
			t.Errorf("%#x", io)
		}
		if len(s.Routes) != 40 || s.Routes[23] != kvm.ChipRoute(23, kvm.ChipIOAPIC, 23) || s.Routes[24] != kvm.ChipRoute(24, kvm.ChipMaster, 0) ||
			s.Routes[39] != kvm.ChipRoute(39, kvm.ChipSlave, 7) {
			t.Errorf("%+v", s.Routes)
		}
		if irr := reg(c, 0x220); irr != 1<<0x15|1<<0x16 {
			t.Errorf("IRR %#x", irr)
		}
		s.io.Pin(23).Set(true)
		s.pic.IRQ(12).Set(true)
		s.pic.IRQ(12).Set(false)
		if want := []kvmtest.Line{{GSI: 23, High: true}, {GSI: 36, High: true}, {GSI: 36}}; !slices.Equal(s.Lines, want) {
			t.Errorf("%+v", s.Lines)
		}
		// A PCI function's message.
		if s.bus.SendMSI(0xfee00000, 0x66); s.Message.Data != 0x4066 {
			t.Errorf("%+v", s.Message)
		}
		p := s.PIC(kvm.ChipMaster)
		p.ISR, p.IRR, p.SpecialMask, p.AutoEOI, p.PriorityAdd = 2, 1, 1, 1, 0
		s.SetPIC(kvm.ChipMaster, p)
		io.Redirections[7], io.ID = 0x57, 3
		s.SetIOAPIC(io)
		return syscall.EINTR
	}, intr)
	if !s.pic.Lent() || !s.io.Lent() || !s.local.Lent() {
		t.Error("they are not KVM's any more")
	}
	s.v.Leave()
	m := s.pic.SaveState().Chips[0]
	if m.ISR != 2 || m.IRR != 1 || !m.SpecialMask || !m.AutoEOI() || m.Lowest != 7 || m.Lines != 2 || m.Step != 0 {
		t.Errorf("%+v", m)
	}
	if c := s.pic.SaveState().Chips[1]; c.Step != 3 || !c.WantICW4 || c.Base != 0x78 {
		t.Errorf("%+v", c)
	}
	if a := s.io.SaveState(); a.Table[7] != 0x57 || a.ID != 3 || a.Lines != 1<<23|1<<6|1<<5 {
		t.Errorf("%#x", a)
	}
	if s.pic.Lent() || s.io.Lent() || s.local.Lent() || !s.local.INTR() {
		t.Error("they are still KVM's")
	}
}

// A local APIC that goes back takes the I/O APIC with it; the next run lends both. The 8259As stay until somebody uses them here.
func TestRecalled(t *testing.T) {
	s := newOnBench(t)
	s.out(firmware...)
	s.run(intr)
	s.Requests = nil
	s.local.SetTPR(0x20)
	if s.local.Lent() || s.io.Lent() || !s.pic.Lent() {
		t.Error(s.local.Lent(), s.io.Lent(), s.pic.Lent())
	}
	s.run(intr)
	s.out(0x21, 0xfb)
	if s.pic.Lent() || !s.io.Lent() {
		t.Error(s.pic.Lent(), s.io.Lent())
	}
	s.run(func(*kvmtest.CPU) syscall.Errno {
		if p := s.PIC(kvm.ChipMaster); p.IMR != 0xfb {
			t.Errorf("%+v", p)
		}
		return syscall.EINTR
	})
	var order []string
	for _, r := range s.Requests {
		switch r {
		case kvm.ReqSetIRQChip, kvm.ReqGetIRQChip, kvm.ReqSetLAPIC, kvm.ReqRun:
			if name := strings.TrimPrefix(r.String(), "KVM_"); len(order) == 0 || order[len(order)-1] != name {
				order = append(order, name)
			}
		}
	}
	if got := strings.Join(order, " "); got != "GET_IRQCHIP SET_LAPIC SET_IRQCHIP RUN GET_IRQCHIP SET_IRQCHIP RUN" {
		t.Error(got)
	}
	s.v.Recall()
	if s.local.Lent() || s.io.Lent() || s.pic.Lent() {
		t.Error(s.local.Lent(), s.io.Lent(), s.pic.Lent())
	}
}

// HLT is KVM's with an interrupt of the 8259As waiting, which nobody acknowledges here.
func TestExternalInKernel(t *testing.T) {
	s := newOnBench(t)
	s.out(firmware...)
	s.out(0x21, 0)
	s.pic.IRQ(3).Set(true)
	s.cpu.SetFlags(0x202)
	s.cpu.Halt()
	if !s.local.INTR() {
		t.Error("no interrupt waits")
	}
	s.run(func(c *kvmtest.CPU) syscall.Errno {
		if c.MPState() != kvm.Halted || c.Events().Interrupt.Injected != 0 || s.PIC(kvm.ChipMaster).IRR != 8 {
			t.Errorf("%d, %+v", c.MPState(), c.Events())
		}
		p := s.PIC(kvm.ChipMaster)
		p.IRR, p.ISR = 0, 8
		s.SetPIC(kvm.ChipMaster, p)
		e := c.Events()
		e.Interrupt.Injected, e.Interrupt.Vector = 1, 0x0b // acknowledged, and not delivered yet
		c.SetEvents(e)
		c.SetMPState(kvm.Runnable)
		return syscall.EINTR
	})
	s.ram[0x0b*4], s.ram[0x0b*4+1] = 0x34, 0x12
	s.run(func(c *kvmtest.CPU) syscall.Errno {
		if rip := c.Regs().RIP; rip != 0x1234 {
			t.Errorf("the handler is at %#x", rip)
		}
		return syscall.EINTR
	})
	if c := s.pic.SaveState().Chips[0]; c.ISR != 8 || c.IRR != 0 {
		t.Errorf("%+v", c)
	}
}

// randomPIC is a state that the chips can be in; n is 0 for the master.
func randomPIC(r *rand.Rand, n int) pic.Chip {
	bit := func() bool { return r.IntN(2) == 0 }
	c := pic.Chip{
		IMR: uint8(r.Uint32()), ISR: uint8(r.Uint32()), Lines: uint8(r.Uint32()), ELCR: uint8(r.Uint32()) & elcrMask[n], Base: uint8(r.Uint32()) &^ 7,
		ICW3: uint8(r.Uint32()), ICW4: uint8(r.Uint32()), Lowest: uint8(r.UintN(8)), WantICW4: bit(),
		ReadISR: bit(), Poll: bit(), SpecialMask: bit(), RotateAEOI: bit(), Single: n == 1 && bit(),
	}
	if r.IntN(3) == 0 {
		c.Step = uint8(2 + r.IntN(3))
	}
	if n == 0 {
		c.Lines &^= 1 << pic.Cascade
	}
	c.IRR = uint8(r.Uint32())&c.Lines&^c.ELCR | c.Lines&c.ELCR
	return c
}

// randomState is one that the pair can be in: the master's request for the slave is as it follows.
func randomState(r *rand.Rand) pic.State {
	p := pic.New(&devtest.Line{})
	s := p.SaveState()
	s.Chips = [2]pic.Chip{randomPIC(r, 0), randomPIC(r, 1)}
	if err := p.RestoreState(s); err != nil {
		panic(err)
	}
	p.IRQ(9).Set(s.Chips[1].Lines>>1&1 != 0) // nothing new, but seen
	return p.SaveState()
}

// All of the 8259As' state but what KVM does not know goes there and comes back.
func TestPICState(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 1))
	for range 2000 {
		want := randomState(r)
		got := want
		for i := range got.Chips {
			c := &got.Chips[i]
			p := kernelPIC(c, i)
			*c = pic.Chip{Lines: c.Lines, ICW3: c.ICW3, ICW4: c.ICW4 &^ 0x12, Single: c.Single}
			takePIC(c, &p, &p)
		}
		if d := cmp.Diff(want.Chips, got.Chips); d != "" {
			t.Fatalf("(-given +back)\n%s", d)
		}
	}
	// An initialisation in KVM ends single mode, which KVM does not know.
	c := pic.Chip{Base: 8, Single: true}
	was := kernelPIC(&c, 0)
	now := was
	now.InitState = 1
	if takePIC(&c, &now, &was); c.Single || c.Step != 2 {
		t.Errorf("%+v", c)
	}
}

// What KVM fails at ends the run with one report, and what was not taken is here as it was.
func TestInKernelFailures(t *testing.T) {
	for name, c := range map[string]struct {
		r    kvm.Request
		errs []syscall.Errno
		lost bool
	}{
		"the slave":   {kvm.ReqSetIRQChip, []syscall.Errno{syscall.EINVAL}, false},
		"the master":  {kvm.ReqSetIRQChip, []syscall.Errno{0, syscall.EINVAL}, false},
		"the I/OAPIC": {kvm.ReqSetIRQChip, []syscall.Errno{0, 0, syscall.EINVAL}, false},
		"local APIC":  {kvm.ReqSetLAPIC, []syscall.Errno{syscall.EINVAL}, false},
		"back":        {kvm.ReqGetIRQChip, []syscall.Errno{syscall.EINVAL, syscall.EINVAL}, true},
		"I/O back":    {kvm.ReqGetIRQChip, []syscall.Errno{0, 0, syscall.EINVAL, syscall.EINVAL}, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newOnBench(t)
			s.out(firmware...)
			s.entry(9, 0x59)
			s.local.WriteMMIO(0x320, 4, 0x41)
			want, io, local := s.pic.SaveState(), s.io.SaveState(), s.local.SaveState()
			s.Fail(c.r, c.errs...)
			s.run(intr)
			s.pic.SaveState()
			s.io.SaveState()
			if len(s.log) != 1 || !strings.HasPrefix(s.log[0], "failed: ") || !strings.Contains(s.log[0], c.r.String()) || s.lost != c.lost {
				t.Errorf("%q, lost %v", s.log, s.lost)
			}
			if c.lost {
				return
			}
			s.v.Leave()
			if d := cmp.Diff([]any{want, io, local}, []any{s.pic.SaveState(), s.io.SaveState(), s.local.SaveState()}); d != "" {
				t.Errorf("(-before +after)\n%s", d)
			}
		})
	}
	// Once is not lost.
	s := newOnBench(t)
	s.run(intr)
	s.Fail(kvm.ReqGetIRQChip, syscall.ENOMEM, 0, 0, syscall.ENOMEM)
	s.pic.SaveState()
	s.io.SaveState()
	s.said()
	// An input that KVM does not take: it counts here, and the next run ends.
	for n := range 2 {
		s := newOnBench(t)
		s.out(firmware...)
		s.out(0x21, 0)
		s.entry(4, 0x54)
		s.Fail(kvm.ReqIRQLine, syscall.EINVAL)
		s.run(func(*kvmtest.CPU) syscall.Errno {
			if n == 0 {
				s.pic.IRQ(4).Set(true)
			} else {
				s.io.Pin(4).Set(true)
			}
			return syscall.EINTR
		}, intr)
		if len(s.log) != 1 || !strings.Contains(s.log[0], "KVM_IRQ_LINE") || !strings.Contains(s.log[0], "interrupts") {
			t.Errorf("%q", s.log)
		}
		s.v.Leave()
		if irr := s.pic.SaveState().Chips[0].IRR; n == 0 && irr != 0x10 {
			t.Errorf("IRR %#x", irr)
		}
		if n == 1 && s.Message.Data != 0x4054 {
			t.Errorf("%+v", s.Message)
		}
	}
	// A machine cannot be made.
	fake := kvmtest.NewFake()
	faults := &kvmtest.Faults{Sys: fake}
	host, err := kvm.OpenSys(faults)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []kvm.Request{kvm.ReqCreateIRQChip, kvm.ReqSetGSIRouting} {
		faults.Fail(r, syscall.EINVAL)
		if _, err := New(host, s.space, InKernelIRQChip, s.all()); err == nil || !strings.Contains(err.Error(), r.String()) {
			t.Error(err)
		}
	}
	if err := CheckInKernel(host); err == nil || !strings.Contains(err.Error(), "KVM_CAP_IRQCHIP, KVM_CAP_SIGNAL_MSI, KVM_CAP_IRQ_ROUTING") {
		t.Error(err)
	}
	if err := host.Close(); err != nil || fake.Files() != 0 {
		t.Error(err, fake.Files())
	}
}
