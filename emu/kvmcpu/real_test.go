package kvmcpu

import (
	"encoding/binary"
	"slices"
	"syscall"
	"testing"

	"goemu/devices/apicbus"
	"goemu/devices/lapic"
	"goemu/emu/cpumodel"
	"goemu/emu/inspect"
	"goemu/emu/kvm"
	"goemu/emu/kvm/kvmtest"
	"goemu/emu/x86"
)

// What KVM of real processors does and others do not.

// A value that KVM refuses of a register of its own is #GP, though the CPU, whose state is old, would take it.
func TestRefusedMSR(t *testing.T) {
	model, _, err := cpumodel.Parse("max", nil)
	if err != nil {
		t.Fatal(err)
	}
	b := newBenchWith(t, kvmtest.NewFake(), nil, UserIRQChip, Controllers{}, x86.Options{Model: model})
	for _, c := range []struct {
		n    uint32
		v    uint64
		fail bool
	}{{msrEFER, 0x100, true}, {msrFSBase, 0x1000, true}, {msrGSBase, 0x1000, true}, {0x8b, 0, false}} {
		fail := false
		b.run(
			func(x *kvmtest.CPU) syscall.Errno { return x.ExitMSR(true, c.n, c.v) },
			func(x *kvmtest.CPU) syscall.Errno {
				_, fail = x.MSRAnswer()
				return syscall.EINTR
			},
		)
		if v, _ := b.cpu.ReadMSR(c.n); fail != c.fail || fail && v == c.v {
			t.Errorf("%#x: %v, value %#x", c.n, fail, v)
		}
	}
}

// AMD's processors have one shadow: KVM says both. As MOV SS's it would keep the guest's traps off.
func TestShadows(t *testing.T) {
	b := newBench(t)
	for _, c := range []struct{ kvm, want uint8 }{{kvm.ShadowSTI, kvm.ShadowSTI}, {kvm.ShadowMOVSS, kvm.ShadowMOVSS}, {kvm.ShadowSTI | kvm.ShadowMOVSS, kvm.ShadowSTI}} {
		b.run(func(x *kvmtest.CPU) syscall.Errno {
			e := x.Events()
			e.Interrupt.Shadow = c.kvm
			x.SetEvents(e)
			return syscall.EINTR
		})
		var got uint8
		b.run(func(x *kvmtest.CPU) syscall.Errno {
			got = x.Events().Interrupt.Shadow
			return syscall.EINTR
		})
		if got != c.want {
			t.Errorf("%d comes back as %d, want %d", c.kvm, got, c.want)
		}
	}
}

// Linux writes the guest's PKRU to the area whatever the header says of it, which is what the host's processor has in use.
func TestPKRUApart(t *testing.T) {
	s := &state{xcr0: true}
	s.areas[areaPKRU] = area{9, 2688}
	s.t.XCR0 = 0x207
	s.t.PKRU = 0x5555_5554
	s.fromVectors()
	binary.LittleEndian.PutUint64(s.xsave[xHeader:], 3)
	s.t.PKRU = 0
	s.toVectors()
	if s.t.PKRU != 0x5555_5554 {
		t.Errorf("%#x", s.t.PKRU)
	}
}

// What null selectors leave in segment registers is the processor's: KVM gives what Intel's or AMD's have, and the state is as goemu's CPU has it.
func TestNullSegments(t *testing.T) {
	var s state
	junk := kvm.Segment{Base: 0x1234_5000, Limit: 0xf_ffff, Type: 3, DPL: 2, S: 1, DB: 1, G: 1, Unusable: 1}
	for _, long := range []bool{false, true} {
		s.sregs = kvm.Sregs{ES: junk, DS: junk, FS: junk, GS: junk, SS: junk, LDT: junk}
		for _, g := range s.segments() {
			g.Selector = 3
		}
		s.sregs.CR0 = inspect.CR0PE
		if long {
			s.sregs.EFER = inspect.EFERLMA
		}
		s.toSegments()
		null := inspect.Segment{Selector: 3}
		based := null
		if long {
			based.Base = junk.Base
		}
		want := [6]inspect.Segment{inspect.ES: null, inspect.DS: null, inspect.FS: based, inspect.GS: based, inspect.SS: {Selector: 3, Limit: 0xffff_ffff, Attr: 2 << 5}}
		want[inspect.CS] = s.t.Seg[inspect.CS]
		if s.t.Seg != want || s.t.LDTR != (inspect.Segment{}) || s.t.CPL != 2 {
			t.Errorf("long mode %v: %+v, LDTR %+v, CPL %d", long, s.t.Seg, s.t.LDTR, s.t.CPL)
		}
	}
}

// IA32_TSC_ADJUST moves, and a move of the counter leaves it alone: Linux would set it back, and the counter with it.
func TestTSCAdjust(t *testing.T) {
	model, _, err := cpumodel.Parse("max", nil)
	if err != nil {
		t.Fatal(err)
	}
	const adjust = 0x3b
	fake := kvmtest.NewFake()
	fake.MSRs[adjust] = 0
	b := newBenchWith(t, fake, nil, UserIRQChip, Controllers{}, x86.Options{Model: model})
	b.cpu.SetTSC(1 << 50)
	b.cpu.WriteMSR(adjust, 7)
	b.run(func(x *kvmtest.CPU) syscall.Errno {
		if x.MSRs[adjust] != 7 || x.MSRs[msrTSC] < 1<<50+7 {
			t.Errorf("%d, TSC %#x", x.MSRs[adjust], x.MSRs[msrTSC])
		}
		x.MSRs[adjust] += 1000
		x.MSRs[msrTSC] = 1 << 51
		return syscall.EINTR
	})
	b.v.Leave()
	if v, _ := b.cpu.ReadMSR(adjust); v != 1007 || b.cpu.TSC() != 1<<51 {
		t.Errorf("%d, TSC %#x", v, b.cpu.TSC())
	}
}

// Machine checks have as many banks in KVM as elsewhere, where KVM has as many.
func TestMachineCheckBanks(t *testing.T) {
	for _, c := range []struct {
		model string
		have  int
		want  bool
	}{{"max", 32, true}, {"max", 4, true}, {"max", 3, false}, {"max", 0, false}, {"486", 32, false}} {
		model, _, err := cpumodel.Parse(c.model, nil)
		if err != nil {
			t.Fatal(err)
		}
		fake := kvmtest.NewFake()
		fake.Caps[kvm.CapMCE] = c.have
		b := newBenchWith(t, fake, nil, UserIRQChip, Controllers{}, x86.Options{Model: model})
		if got := slices.Contains(fake.Requests, kvm.ReqSetupMCE); got != c.want {
			t.Errorf("%s, %d banks: set %v", c.model, c.have, got)
		}
		b.run(func(x *kvmtest.CPU) syscall.Errno {
			var want uint64
			if c.want {
				want = 4
			}
			if v := x.MCGCap(); v != want {
				t.Errorf("%s, %d banks: %d", c.model, c.have, v)
			}
			return syscall.EINTR
		})
	}
}

// A deadline that KVM has from before the local APIC came back does not interrupt when KVM gets that again.
func TestOldDeadline(t *testing.T) {
	s := newSplitBench(t)
	s.apic.WriteMMIO(0x320, 4, 0x4_0041)
	s.run(func(c *kvmtest.CPU) syscall.Errno {
		c.MSRs[msrTSCDeadline], c.MSRs[msrTSC] = 5000, 1000
		return syscall.EINTR
	}, intr)
	s.v.Leave()
	s.apic.WriteMSR(msrTSCDeadline, 1<<40)
	s.v.Begin()
	s.run(func(c *kvmtest.CPU) syscall.Errno {
		if c.MSRs[msrTSCDeadline] != 1<<40 || reg(c, 0x220) != 0 {
			t.Errorf("deadline %d, IRR %#x", c.MSRs[msrTSCDeadline], reg(c, 0x220))
		}
		return syscall.EINTR
	}, intr)
}

// KVM is told anew of an interrupt that waits in the registers that it gets, which some kernels do not look for.
func TestWaiting(t *testing.T) {
	for _, c := range []struct {
		enabled, level bool
		want           uint32
	}{{true, false, 0x4055}, {true, true, 0xc055}, {false, false, 0}} {
		s := newSplitBench(t)
		s.apic.WriteMMIO(0x20, 4, 3<<24)
		s.apic.Accept(apicbus.Message{Vector: 0x44})
		s.apic.Accept(apicbus.Message{Vector: 0x55, Level: c.level})
		if !c.enabled {
			s.apic.WriteMMIO(0xf0, 4, 0xff)
		}
		s.run(func(x *kvmtest.CPU) syscall.Errno {
			if m := s.Message; m.Data != c.want || c.want != 0 && m.AddressLow != lapic.DefaultBase|3<<msiDest || reg(x, 0x220) != 0x20_0010 {
				t.Errorf("%+v: %+v, IRR %#x", c, m, reg(x, 0x220))
			}
			s.Message = kvm.MSI{}
			return syscall.EINTR
		}, intr)
		if s.Message != (kvm.MSI{}) {
			t.Errorf("%+v: sent again: %+v", c, s.Message)
		}
	}
}

// A one-shot timer near its end ends before KVM gets it.
func TestNearEnd(t *testing.T) {
	s := newSplitBench(t)
	s.apic.WriteMMIO(0x3e0, 4, 0xb)
	s.apic.WriteMMIO(0x320, 4, 0x41)
	for _, c := range []struct {
		mode, count uint64
		ns          int64
		ok          bool
	}{{0, 1000, 1000, true}, {0, 0, 0, false}, {2 << 16, 1000, 0, false}} {
		s.apic.WriteMMIO(0x320, 4, c.mode|0x41)
		s.apic.WriteMMIO(0x380, 4, c.count)
		if ns, ok := s.apic.Left(); ns != c.ns || ok != c.ok {
			t.Errorf("%+v: %d, %v", c, ns, ok)
		}
	}
}
