package kvmcpu

import (
	"slices"
	"syscall"
	"testing"

	"goemu/emu/kvm"
	"goemu/emu/kvm/kvmtest"
)

// KVM's time-stamp counter has the CPU's rate where that can be set, and else the CPU tells of KVM's, or of none.
func TestTSCRate(t *testing.T) {
	const host = 2_800_000 // kHz
	for _, c := range []struct {
		what           string
		control, rate  bool // capabilities
		khz            uint32
		set, get       syscall.Errno
		want           uint32   // kHz of KVM's
		told           []uint64 // Hz
		crystal, ratio uint32   // of CPUID 15h
	}{
		{what: "it can be set", control: true, rate: true, khz: host, want: 1_000_000, crystal: 1_000_000_000, ratio: 1},
		{what: "it cannot", rate: true, khz: host, want: host, told: []uint64{2_800_000_000}, crystal: 1_000_000_000, ratio: 14},
		{what: "it is the same", rate: true, khz: 1_000_000, want: 1_000_000, crystal: 1_000_000_000, ratio: 1},
		{what: "setting fails", control: true, rate: true, khz: host, set: syscall.EINVAL, want: host, told: []uint64{2_800_000_000}, crystal: 1_000_000_000, ratio: 14},
		{what: "nobody tells", khz: host, want: host, told: []uint64{0}},
		{what: "reading fails", rate: true, khz: host, get: syscall.EIO, want: host, told: []uint64{0}},
	} {
		fake := kvmtest.NewFake()
		fake.TSCKHz = c.khz
		fake.Caps[kvm.CapGetTSCKHz], fake.Caps[kvm.CapTSCControl] = number(c.rate), number(c.control)
		b := newBenchOn(t, fake, func(f *kvmtest.Faults) {
			f.Fail(kvm.ReqSetTSCKHz, c.set)
			f.Fail(kvm.ReqGetTSCKHz, c.get)
		})
		b.run(func(p *kvmtest.CPU) syscall.Errno {
			if p.TSCKHz != c.want {
				t.Errorf("%s: KVM's has %d kHz, want %d", c.what, p.TSCKHz, c.want)
			}
			return syscall.EINTR
		})
		if !slices.Equal(b.rate, c.told) {
			t.Errorf("%s: told %d, want %d", c.what, b.rate, c.told)
		}
		if _, ratio, crystal, _ := b.cpu.StaticCPUID(0x15, 0); ratio != c.ratio || crystal != c.crystal {
			t.Errorf("%s: CPUID tells %d, %d Hz", c.what, ratio, crystal)
		}
		if mhz, _, _, _ := b.cpu.StaticCPUID(0x16, 0); c.ratio != 0 && mhz != c.want/1000 || c.ratio == 0 && mhz != 0 {
			t.Errorf("%s: CPUID tells %d MHz", c.what, mhz)
		}
	}
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

// A guest that comes back does not see the counter go back, though Linux takes a write near its value for one that is to synchronize.
func TestTSCBack(t *testing.T) {
	b := newBench(t)
	const second = 1_000_000_000
	writes := 0
	b.OnTSC = func(was, to uint64) uint64 {
		writes++
		if diff := to - was; writes > 1 && (diff < second || -diff < second) {
			return was
		}
		return to
	}
	idle := func(c *kvmtest.CPU) syscall.Errno { return syscall.EINTR }
	sees := func(least uint64) func(c *kvmtest.CPU) syscall.Errno {
		return func(c *kvmtest.CPU) syscall.Errno {
			if v := c.MSRs[msrTSC]; v < least || v > least+second {
				t.Errorf("the guest reads %d, want %d", v, least)
			}
			c.MSRs[msrTSC] += 700
			return syscall.EINTR
		}
	}
	b.cpu.SetTSC(50_000)
	b.run(sees(50_000), idle)
	b.v.Leave()
	if v := b.cpu.TSC(); v != 50_700 {
		t.Errorf("the CPU has %d after KVM", v)
	}
	b.cpu.SetTSC(60_000) // time goes by
	b.v.Begin()
	b.run(sees(60_000), idle)
	b.v.Leave()
	if writes != 4 {
		t.Errorf("%d writes", writes)
	}

	// A KVM without the register, and one that refuses.
	b.v.Begin()
	b.Fail(kvm.ReqSetMSRs, syscall.ENOMEM)
	b.run(idle)
	if len(b.log) != 1 {
		t.Errorf("%q", b.log)
	}
	fake := kvmtest.NewFake()
	delete(fake.MSRs, msrTSC)
	b = newBenchOn(t, fake, nil)
	b.run(idle)
	b.said()
}
