package emu

import (
	"io"
	"syscall"
	"testing"
	"time"

	"goemu/devices"
	"goemu/emu/kvm"
	"goemu/emu/kvm/kvmtest"
)

// A machine that begins in a KVM whose time-stamp counter has its own rate has that rate, also when it has left KVM, and never goes back; one that begins elsewhere, or whose KVM
// takes a rate, has 1 GHz.
func TestTSCRate(t *testing.T) {
	const khz = 2_500_000
	real := kvm.System
	defer func() { kvm.System = real }()
	for _, c := range []struct {
		accel   Accel
		control bool
		want    uint64
	}{
		{AccelKVM, false, khz * 1000}, {AccelKVM, true, devices.GHz}, {AccelInterp, false, devices.GHz}, {AccelInterp, true, devices.GHz},
	} {
		fake := kvmtest.NewFake()
		fake.TSCKHz, fake.CPUID = khz, []kvm.CPUIDEntry{{Leaf: 0, EAX: 1}, {Leaf: 1, EDX: 1}} // an x87
		fake.Caps[kvm.CapGetTSCKHz] = 1
		if c.control {
			fake.Caps[kvm.CapTSCControl] = 1
		}
		// What each CPU has seen of its counter. KVM's goes on further than goemu's clock.
		var seen [2]uint64
		sees := func(cpu int, tsc uint64) {
			if tsc < seen[cpu] {
				t.Errorf("%v, control %v: the counter of CPU %d goes back from %d to %d", c.accel, c.control, cpu, seen[cpu], tsc)
			}
			seen[cpu] = tsc
		}
		fake.Run = func(p *kvmtest.CPU) syscall.Errno {
			sees(p.ID, p.MSRs[0x10])
			p.MSRs[0x10] += uint64(time.Hour)
			sees(p.ID, p.MSRs[0x10])
			return p.Wait()
		}
		kvm.System = fake
		m, err := New(Config{Accel: c.accel, CPU: "386", PowerOn: true, ConsoleOut: io.Discard, Serial: []string{"null"}, CPUs: 2})
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			if status, err := m.Run(); status != 3 || err != nil {
				t.Error(status, err)
			}
		}()
		for began := false; !began; time.Sleep(time.Millisecond) {
			if err := m.do(func() error { began = m.began; return nil }); err != nil {
				t.Fatal(err)
			}
		}
		for _, a := range []Accel{c.accel, AccelKVM, AccelInterp, AccelKVM, AccelInterp} {
			if err := m.SetAccel(a); err != nil {
				t.Error(err)
			}
			if err := m.do(func() error {
				for _, v := range m.vcpus {
					if !m.inKVM() {
						sees(v.n, v.cpu.TSC())
					}
					if freq := v.cpu.TSCFrequency(); freq != c.want || m.tscRate != c.want {
						t.Errorf("%v, control %v: CPUID tells %d Hz, it has %d, want %d", c.accel, c.control, freq, m.tscRate, c.want)
					}
				}
				return nil
			}); err != nil {
				t.Error(err)
			}
		}
		m.Stop(3)
		<-done
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
}
