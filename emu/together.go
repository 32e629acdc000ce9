package emu

import (
	"sync"
	"sync/atomic"
	"time"
)

// Several vCPUs run in KVM together, each on a goroutine of its own, if KVM has their local APICs. The machine's lock, which elsewhere is the goroutine, is a mutex then: all is
// under it but the guest's stay in KVM. Run's goroutine does what the vCPU's does elsewhere: it fires timers, takes input in, and does what other goroutines want. While it
// waits because the machine is held it keeps the lock.

// together is what they have in common.
type together struct {
	on   atomic.Bool // they run so
	lock sync.Mutex
	more sync.Cond // the machine goes on, or they are to stop
	stop bool      // they are to stop
	left bool      // one has stopped

	due     int       // vCPUs that somebody had leave the guest, and that have not been back since
	entered sync.Cond // there are none any more
}

// runTogether is run for vCPUs in KVM that has their local APICs.
func (m *Machine) runTogether() {
	t := &m.together
	t.more.L, t.entered.L = &t.lock, &t.lock
	t.stop, t.left = false, false
	m.slices.Stop() // the host's processors are enough
	defer m.slices.Reset(sliceTime)
	t.lock.Lock()
	t.on.Store(true)
	var all sync.WaitGroup
	for _, v := range m.vcpus {
		all.Go(v.runAlong)
	}
	for !m.poll() && !t.left {
		t.more.Broadcast()
		t.lock.Unlock()
		<-m.wake
		t.lock.Lock()
		for t.due > 0 && !t.left && !m.leaving() { // else who looks all the time would keep them from going on
			t.entered.Wait()
		}
	}
	t.stop = true
	t.more.Broadcast()
	m.kickAll()
	t.lock.Unlock()
	all.Wait()
	t.on.Store(false)
}

// runAlong lets the vCPU run until all are to stop.
func (v *vcpu) runAlong() {
	v.Acquire()
	v.kick() // it looks at what has happened meanwhile
	v.runner.Run()
	v.m.together.left = true
	v.m.together.entered.Signal()
	v.m.rouse()
	v.Release()
}

// allOut notes that all vCPUs have left the guest.
func (m *Machine) allOut() {
	if t := &m.together; t.on.Load() {
		t.due = len(m.vcpus)
		for _, v := range m.vcpus {
			v.due = true
		}
	}
}

// goesOn notes that the vCPU goes back to the guest, or may not.
func (v *vcpu) goesOn() {
	if t := &v.m.together; v.due {
		v.due = false
		if t.due--; t.due == 0 {
			t.entered.Signal()
		}
	}
}

// kickAll is kick for all vCPUs.
func (m *Machine) kickAll() {
	for _, v := range m.vcpus {
		v.kick()
	}
}

// rouse has whoever looks at the world look: any goroutine may call it.
func (m *Machine) rouse() {
	if m.together.on.Load() {
		m.awake()
	} else {
		m.kick()
	}
}

// awake ends the wait of whoever looks at the world, or keeps the next one from waiting.
func (m *Machine) awake() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// Acquire implements kvmcpu.World.
func (v *vcpu) Acquire() {
	if t := &v.m.together; t.on.Load() {
		t.lock.Lock()
		v.await()
	}
}

// Release implements kvmcpu.World.
func (v *vcpu) Release() {
	if t := &v.m.together; t.on.Load() {
		v.goesOn()
		t.lock.Unlock()
	}
}

// await waits until the vCPU may run, or is to stop.
func (v *vcpu) await() {
	m := v.m
	for t := &m.together; !t.stop && !m.leaving() && (m.held.on || !m.mayRun(v)); {
		v.goesOn()
		t.more.Wait()
	}
	v.stand()
}

// stand makes the vCPU the one that the machine and its devices deal with.
func (v *vcpu) stand() {
	v.m.running.Store(v)
	v.m.board.SetSMM(v.cpu.InSMM())
}

// InPlace implements kvmcpu.World.
func (v *vcpu) InPlace(fn func()) {
	was := v.m.current()
	v.stand()
	fn()
	was.stand()
}

// pollAlong is Poll for a vCPU that runs together with others.
func (v *vcpu) pollAlong() (stop bool) {
	v.await()
	return v.m.together.stop || v.m.leaving() || v.translated() || v.lent && v.over.Load()
}

// yield lets the others have the machine, after a slice of time in which the translator has run the vCPU.
func (v *vcpu) yield() {
	if !v.m.together.on.Load() {
		return
	}
	v.Release()
	if v.cpu.Halted() {
		time.Sleep(sliceTime)
	}
	v.Acquire()
}
