package kvmcpu

import (
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"unsafe"

	"goemu/devices/lapic"
	"goemu/emu/accel"
	"goemu/emu/kvm"
	"goemu/emu/kvm/kvmtest"
	"goemu/emu/x86"

	"github.com/google/go-cmp/cmp"
)

// pair is a bench with a second vCPU, on a goroutine of its own. The test has the machine, but for the time in which it says so.
type pair struct {
	*splitBench
	lock    sync.Mutex
	stop    bool
	inPlace int // calls

	other struct {
		cpu  *x86.CPU
		apic *lapic.LAPIC
		v    *VCPU
		run  func(c *kvmtest.CPU) syscall.Errno
		over chan struct{}
	}
}

// second is the world of the second vCPU.
type second struct {
	*bench
	p *pair
}

func (w *second) Poll() bool       { return w.p.stop }
func (w *second) Acquire()         { w.p.lock.Lock() }
func (w *second) Release()         { w.p.lock.Unlock() }
func (w *second) APICBase() uint64 { return w.p.other.apic.Base() }
func (w *second) INTR() bool       { return w.p.other.apic.INTR() }
func (w *second) InPlace(fn func()) {
	w.p.inPlace++
	fn()
}

func newPair(t *testing.T) *pair {
	t.Helper()
	p := &pair{splitBench: newSplitBench(t)}
	o := &p.other
	o.apic = lapic.New(&p.clock, &p.bus, 1, false, lapic.CPU{})
	with := &p.machine.chips.with
	with.LAPICs = append(with.LAPICs, o.apic)
	env, err := accel.NewEnv()
	if err != nil {
		t.Fatal(err)
	}
	w := &second{p.bench, p}
	o.cpu = x86.New(env, p.space, w, x86.Options{Model: p.cpu.Model(), APICID: 1, AP: true})
	if o.v, err = p.machine.NewVCPU(1, o.cpu, w); err != nil {
		t.Fatal(err)
	}
	o.v.SetDebugger(p.bench)
	o.v.Begin()
	first := p.Fake.Run
	p.Fake.Run = func(c *kvmtest.CPU) syscall.Errno {
		if c.ID == 1 {
			return o.run(c)
		}
		return first(c)
	}
	p.lock.Lock()
	t.Cleanup(func() {
		if err := accel.FreeEnv(env); err != nil {
			t.Error(err)
		}
	})
	return p
}

// begin has the second vCPU run, as soon as the test does not have the machine.
func (p *pair) begin() {
	o := &p.other
	o.over = make(chan struct{})
	go func() {
		defer close(o.over)
		p.lock.Lock()
		defer p.lock.Unlock()
		o.v.Run()
	}()
}

// end ends its run.
func (p *pair) end() {
	p.stop = true
	atomic.StoreUint32(&p.other.cpu.Env().ExitReq, 1)
	p.other.v.RequestExit()
	p.lock.Unlock()
	<-p.other.over
	p.lock.Lock()
}

// Who has the machine has a vCPU leave the guest, and does what it left for in its place, once: then its state is there.
func TestStill(t *testing.T) {
	p := newPair(t)
	in, runs := make(chan struct{}), 0
	p.other.run = func(c *kvmtest.CPU) syscall.Errno {
		if runs++; runs > 1 {
			return c.Wait()
		}
		close(in)
		c.Wait()
		r := c.Regs()
		r.RIP, r.RAX = 0x1234, 0x5a
		c.SetRegs(r)
		c.SetMPState(kvm.Runnable)
		return c.ExitIO(true, 0x80, 1, 1, []byte{0x5a})
	}
	p.begin()
	p.lock.Unlock()
	<-in
	p.lock.Lock()
	p.other.v.Store()
	if got := p.other.cpu.Env().RIP; got != 0x1234 || p.inPlace != 1 || runs != 1 || p.other.v.unfinished {
		t.Errorf("RIP %#x, %d exits in its place, %d runs", got, p.inPlace, runs)
	}
	p.said("out 0x80 1 0x5a")
	p.other.v.Store() // it stays where it is
	p.end()
	p.said()
	if p.inPlace != 1 {
		t.Errorf("%d exits in its place", p.inPlace)
	}
}

// No vCPU is in the guest while a local APIC is not in KVM, or memory changes.
func TestOut(t *testing.T) {
	for name, do := range map[string]func(p *pair){
		"a local APIC comes back": func(p *pair) { p.apic.Recall() },
		"and its own":             func(p *pair) { p.other.apic.Recall() },
		"memory":                  func(p *pair) { p.machine.Remap() },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPair(t)
			var inside atomic.Bool
			in := make(chan struct{}, 10)
			p.other.run = func(c *kvmtest.CPU) syscall.Errno {
				if !p.apic.Lent() || !p.other.apic.Lent() {
					t.Error("it runs while a local APIC is not in KVM")
				}
				inside.Store(true)
				in <- struct{}{}
				c.Wait()
				inside.Store(false)
				return syscall.EINTR
			}
			p.begin()
			for range 3 {
				p.lock.Unlock()
				<-in
				p.lock.Lock()
				do(p)
				if inside.Load() {
					t.Error("it is in the guest")
				}
			}
			p.end()
		})
	}
}

// A processor that waits for a start-up interrupt does so in KVM, which starts it.
func TestStartUp(t *testing.T) {
	p := newPair(t)
	var states []kvm.MPState
	o := &p.other
	o.run = func(c *kvmtest.CPU) syscall.Errno {
		states = append(states, c.MPState())
		if len(states) == 2 {
			c.SetMPState(kvm.Runnable)
		}
		p.stop = true
		atomic.StoreUint32(&o.cpu.Env().ExitReq, 1)
		return syscall.EINTR
	}
	for range 3 {
		p.stop = false
		o.v.Run()
	}
	if d := cmp.Diff([]kvm.MPState{kvm.InitReceived, kvm.InitReceived, kvm.Runnable}, states); d != "" || o.cpu.State() != x86.Running {
		t.Errorf("%v\n%s", o.cpu.State(), d)
	}
}

// An NMI that another vCPU has sent while the CPU had the state comes, once.
func TestLateNMI(t *testing.T) {
	s := newSplitBench(t)
	const handler = 0x1357
	s.ram[2*4], s.ram[2*4+1] = handler&0xff, handler>>8
	var kept *kvmtest.CPU
	s.run(func(c *kvmtest.CPU) syscall.Errno {
		kept = c
		return syscall.EINTR
	})
	e := kept.Events()
	e.NMI.Pending = 1
	kept.SetEvents(e)
	var rips []uint64
	note := func(c *kvmtest.CPU) syscall.Errno {
		rips = append(rips, c.Regs().RIP)
		return syscall.EINTR
	}
	s.run(note, note)
	if d := cmp.Diff([]uint64{handler, handler}, rips); d != "" || kept.Events().NMI.Pending != 0 {
		t.Errorf("%s%d waits", d, kept.Events().NMI.Pending)
	}
	// One that waits in KVM when the state comes to the CPU does not stay there too.
	s.run(func(c *kvmtest.CPU) syscall.Errno {
		e := c.Events()
		e.NMI.Pending = 1
		c.SetEvents(e)
		return syscall.EINTR
	})
	if kept.Events().NMI.Pending != 0 {
		t.Error("it waits at both places")
	}
}

// accepting is a KVM that does something when it is asked whether a vCPU runs.
type accepting struct {
	kvm.Sys
	accept func()
}

// Ioctl implements kvm.Sys.
func (a *accepting) Ioctl(fd int, r kvm.Request, value uintptr, p unsafe.Pointer) (int, syscall.Errno) {
	if r == kvm.ReqGetMPState {
		a.accept()
	}
	return a.Sys.Ioctl(fd, r, value, p)
}

// Linux has a vCPU take a start-up interrupt when it is asked whether it runs: then it is where that says, both when its state is looked at, and when an interrupt of the timer is waited for.
func TestStartUpLookedAt(t *testing.T) {
	for _, recall := range []bool{false, true} {
		p := newPair(t)
		o := &p.other
		var other *kvmtest.CPU
		o.run = func(c *kvmtest.CPU) syscall.Errno {
			other, p.stop = c, true
			atomic.StoreUint32(&o.cpu.Env().ExitReq, 1)
			return syscall.EINTR
		}
		sys := &accepting{p.Fake, func() {}}
		p.Faults.Sys = sys
		sipi := func() {
			if other.MPState() != kvm.InitReceived {
				return
			}
			r := other.Regs()
			r.RIP = 0x9000
			other.SetRegs(r)
			other.SetMPState(kvm.Runnable)
			sys.accept = func() {}
		}
		if !recall {
			o.run = func(c *kvmtest.CPU) syscall.Errno {
				other, p.stop, sys.accept = c, true, sipi
				atomic.StoreUint32(&o.cpu.Env().ExitReq, 1)
				return syscall.EINTR
			}
		}
		o.v.Run()
		if recall {
			if o.cpu.State() != x86.WaitSIPI {
				t.Error("it runs already")
			}
			page := other.LAPIC()
			page[0x380], page[0x322] = 100, 2 // a periodic timer, which may just have run out
			other.SetLAPIC(page)
			sys.accept = sipi
			o.apic.Recall()
		}
		if o.cpu.State() != x86.Running || o.cpu.Env().RIP != 0x9000 {
			t.Errorf("recall %v: %v at %#x", recall, o.cpu.State(), o.cpu.Env().RIP)
		}
	}
}
