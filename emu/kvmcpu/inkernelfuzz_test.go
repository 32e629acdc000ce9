package kvmcpu

import (
	"syscall"
	"testing"

	"goemu/emu/kvm"

	"github.com/google/go-cmp/cmp"
)

// FuzzInKernel has requests fail while interrupt controllers go to KVM and back and inputs change. What is in them stays, whatever fails, and each failure is told once.
func FuzzInKernel(f *testing.F) {
	f.Add([]byte{0x80, 0, 1, 2, 3, 4, 5, 6, 7})
	f.Add([]byte{0, 0x81, 0, 0x82, 0, 2, 0x83, 3, 0, 0x84, 4, 5, 6, 0x85, 0})
	f.Add([]byte{0, 1, 0x86, 2, 0, 0x8e, 3, 0, 0x96, 0, 1, 2, 0xc0, 0xc0, 0, 5})
	requests := []kvm.Request{
		kvm.ReqSetIRQChip, kvm.ReqSetLAPIC, kvm.ReqIRQLine, kvm.ReqGetIRQChip, kvm.ReqGetLAPIC, kvm.ReqSetMSRs, kvm.ReqSetMPState, kvm.ReqGetMPState, kvm.ReqSignalMSI,
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		if len(p) > 100 {
			return
		}
		s, own := newOnBench(t), newControllers()
		for _, c := range []*controllers{s.controllers, own} {
			c.out(firmware...)
			c.out(0x21, 0, 0x4d1, 0x0c)
			c.entry(4, 0x8054)
			c.entry(5, 0x18055)
		}
		fails := 0
		for _, x := range p {
			if s.machine.Error() != nil {
				break // for good
			}
			n := int(x&0x7f) % 8
			if x >= 0x80 {
				s.Fail(requests[int(x&0x7f)%len(requests)], syscall.ENOMEM)
				fails++
				continue
			}
			switch n {
			case 0:
				if s.v.fail.why != nil {
					s.v.Leave()
					s.v.Begin()
				}
				s.run(intr)
			case 1:
				s.v.Recall()
			case 2, 3:
				level := own.io.SaveState().Lines>>5&1 == 0
				s.io.Pin(5).Set(level)
				own.io.Pin(5).Set(level)
			case 4, 5:
				level := own.pic.SaveState().Chips[1].Lines>>2&1 == 0
				s.pic.IRQ(10).Set(level)
				own.pic.IRQ(10).Set(level)
			case 6:
				s.local.SetTPR(0x20)
				own.local.SetTPR(0x20)
			case 7:
				s.entry(7, 0x10000|uint32(x))
				own.entry(7, 0x10000|uint32(x))
			}
			if s.lost {
				return
			}
		}
		if len(s.log) > fails {
			t.Errorf("%d failures, told: %q", fails, s.log)
		}
		s.v.Leave()
		if s.lost {
			return
		}
		a, b := own.pic.SaveState(), s.pic.SaveState()
		b.INT = a.INT
		if d := cmp.Diff(a.Chips, b.Chips); d != "" {
			t.Errorf("8259As (-want +got)\n%s", d)
		}
		if d := cmp.Diff(own.io.SaveState(), s.io.SaveState()); d != "" {
			t.Errorf("I/O APIC (-want +got)\n%s", d)
		}
	})
}
