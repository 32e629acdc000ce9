package kvmcpu

import (
	"encoding/binary"
	"fmt"
	"sync/atomic"
	"syscall"
	"testing"

	"goemu/emu/kvm"
	"goemu/emu/kvm/kvmtest"
)

// What KVM was about to deliver when somebody looked at the state, or wanted an NMI of the CPU, is delivered before the guest goes on: once, and before all that waits besides.
func TestLookBeforeDelivery(t *testing.T) {
	const (
		from, stack        = 0x0700, 0x8000
		handler, nmi, next = 0x1234, 0x5678, 0x4321
		waiting            = 0x21 // a vector
	)
	for _, c := range []struct {
		what   string
		vector int
		set    func(ev *kvm.Events)
		asked  bool // for an NMI, and by that for the state
	}{
		{"interrupt", 0x20, func(ev *kvm.Events) { ev.Interrupt.Injected, ev.Interrupt.Vector = 1, 0x20 }, false},
		{"NMI", 2, func(ev *kvm.Events) { ev.NMI.Injected = 1 }, false},
		{"fault", 0, func(ev *kvm.Events) { ev.Exception.Injected, ev.Exception.Vector = 1, 0 }, false},
		{"trap", 1, func(ev *kvm.Events) { ev.Exception.Pending, ev.Exception.Vector = 1, 1 }, false},
		{"interrupt and an NMI", 0x20, func(ev *kvm.Events) { ev.Interrupt.Injected, ev.Interrupt.Vector = 1, 0x20 }, true},
		{"fault and an NMI", 0, func(ev *kvm.Events) { ev.Exception.Injected, ev.Exception.Vector = 1, 0 }, true},
	} {
		t.Run(c.what, func(t *testing.T) {
			b := newBench(t)
			le := binary.LittleEndian
			le.PutUint16(b.ram[waiting*4:], next)
			le.PutUint16(b.ram[2*4:], nmi)
			le.PutUint16(b.ram[c.vector*4:], handler)
			b.cpu.SetFlags(0x202)
			b.cpu.Env().GPR[4] = stack
			frames := []string{fmt.Sprintf("%#x", from)} // where handlers return to
			at := uint64(handler)
			if c.asked {
				frames, at = append([]string{fmt.Sprintf("%#x", handler)}, frames...), nmi
			} else {
				b.looks = func() { b.v.Store() }
			}
			ran := false
			b.run(
				func(k *kvmtest.CPU) syscall.Errno {
					r, s := k.Regs(), k.Sregs()
					r.RIP = from
					k.SetRegs(r)
					s.CS.Base, s.CS.Selector = 0, 0
					k.SetSregs(s)
					var ev kvm.Events
					c.set(&ev)
					k.SetEvents(ev)
					k.Ready(false, true)
					b.vector = waiting
					if c.asked {
						b.cpu.RequestNMI()
					}
					atomic.StoreUint32(&b.cpu.Env().ExitReq, 1)
					return syscall.EINTR
				},
				func(k *kvmtest.CPU) syscall.Errno {
					ran = true
					r, ev := k.Regs(), k.Events()
					if r.RIP != at || r.RFLAGS&0x200 != 0 {
						t.Errorf("the guest goes on at %#x with flags %#x, want %#x", r.RIP, r.RFLAGS, at)
					}
					var got []string
					for sp := r.RSP; sp < stack; sp += 6 {
						got = append(got, fmt.Sprintf("%#x", le.Uint16(b.ram[sp:])))
					}
					if fmt.Sprint(got) != fmt.Sprint(frames) {
						t.Errorf("handlers return to %v, want %v", got, frames)
					}
					if ev.Interrupt.Injected|ev.NMI.Injected|ev.Exception.Injected|ev.Exception.Pending|ev.NMI.Pending != 0 || (ev.NMI.Masked != 0) != (c.vector == 2 || c.asked) {
						t.Errorf("KVM has %+v besides", ev)
					}
					if b.vector != waiting || k.Page[0]&1 == 0 {
						t.Errorf("the interrupt that waits is %#x, and KVM is asked for a window: %v", b.vector, k.Page[0]&1 != 0)
					}
					return k.Exit(kvm.ExitShutdown)
				},
			)
			if !ran {
				t.Error("the guest does not go on")
			}
		})
	}
}
