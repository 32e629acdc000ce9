package emu

import (
	"runtime"
	"time"

	"goemu/emu/kvmcpu"
	"goemu/emu/x86"
)

// Several vCPUs run in turn on one goroutine, but for those in KVM that run together (together.go). A turn ends with the slice, at HLT and at PAUSE. All that one vCPU wants of
// another is a request that the other takes when it runs (x86.CPU.RequestNMI and its like), or is under the machine's lock,
// which is the goroutine.

const (
	sliceTime  = time.Millisecond // real time
	sliceInsns = 50_000           // with -icount, so that runs repeat
)

// several tells whether there is more than one vCPU.
func (m *Machine) several() bool { return len(m.vcpus) > 1 }

// current is the vCPU whose turn it is.
func (m *Machine) current() *vcpu { return m.running.Load() }

// startSlices ends the turns as time goes by.
func (m *Machine) startSlices() (stop func()) {
	if !m.several() || m.cfg.Icount {
		return func() {}
	}
	m.slices = time.NewTicker(sliceTime)
	done, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		for {
			select {
			case <-m.slices.C:
				m.current().pause()
			case <-done:
				return
			}
		}
	}()
	return func() {
		m.slices.Stop()
		close(done)
		<-over
	}
}

// run lets the vCPUs run until the machine ends or is to be reset, or one has shut down.
func (m *Machine) run() {
	m.moving = false
	if !m.several() {
		m.vcpus[0].runner.Run()
		return
	}
	if m.inKVM() && m.kvm.IRQChip() != kvmcpu.UserIRQChip {
		m.runTogether()
		return
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for {
		halted := true
		for _, v := range m.vcpus {
			if !v.cpu.Runnable(v.INTR()) || !m.mayRun(v) {
				continue
			}
			halted = false
			m.turn(v)
			if m.leaving() || v.cpu.State() == x86.Shutdown {
				return
			}
		}
		if halted && m.rest() {
			return
		}
	}
}

// turn lets v run.
func (m *Machine) turn(v *vcpu) {
	v.over.Store(false)
	v.left = sliceInsns
	v.stand()
	v.kick() // it looks at what has happened meanwhile
	v.runner.Run()
}

// rest waits while all vCPUs are halted.
func (m *Machine) rest() (stop bool) {
	if m.slices == nil {
		return m.idle()
	}
	m.slices.Stop()
	defer m.slices.Reset(sliceTime)
	return m.idle()
}

// shutDown gives the vCPU that has shut down, or nil.
func (m *Machine) shutDown() *vcpu {
	for _, v := range m.vcpus {
		if v.cpu.State() == x86.Shutdown {
			return v
		}
	}
	return nil
}
