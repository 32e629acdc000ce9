package kvm

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"time"
	"unsafe"
)

// Probed is how a small guest of a kind fares on the host's KVM.
type Probed struct {
	Name      string
	PerSecond float64 // instructions of a simple loop, 0: not measured
	Err       error   // nil: it does what it should
}

// slowBelow tells emulation from a processor, in instructions a second: processors do hundreds of millions even on a busy host, KVM's emulator about one.
const slowBelow = 50e6

// Advice says what to do about probes that did not go well; "" if all did.
func Advice(l []Probed) string {
	for _, p := range l {
		if p.Err != nil || p.Slow() {
			return "kernels that need it do not come up, or are slow, with this KVM: -accel tcg runs them"
		}
	}
	return ""
}

// Slow tells whether KVM, or what is below it, emulates such code.
func (p Probed) Slow() bool { return p.Err == nil && p.PerSecond > 0 && p.PerSecond < slowBelow }

// String is "works", "is emulated", or "fails" with the reason.
func (p Probed) String() string {
	switch {
	case p.Err != nil:
		return p.Name + " fails: " + p.Err.Error()
	case p.Slow():
		return fmt.Sprintf("%s is emulated, %.1f million instructions a second", p.Name, p.PerSecond/1e6)
	case p.PerSecond > 0:
		return fmt.Sprintf("%s works, %.0f million instructions a second", p.Name, p.PerSecond/1e6)
	}
	return p.Name + " works"
}

// Limits of a probe.
var (
	probeHangs  = 5 * time.Second      // a guest of a few instructions that takes longer hangs
	probeWindow = 5 * time.Millisecond // of measuring, in which an emulator does some thousand instructions

	quickWindow = 500 * time.Microsecond // of Weakness; a processor does hundreds of thousands in it
)

// Patience is how long Weakness, for which a machine waits, lets a guest of a few instructions run until it counts as hanging. Only tests change it.
var Patience = 500 * time.Millisecond

// Names of the probes.
const (
	ProbeReal      = "real mode"
	Probe32        = "32-bit ring 0"
	Probe32User    = "32-bit ring 3"
	Probe64        = "64-bit ring 0"
	Probe64User    = "64-bit ring 3"
	ProbeSSE       = "SSE in ring 0"
	ProbeX87       = "x87 in ring 0"
	ProbeREP       = "REP in ring 0"
	ProbeInterrupt = "an interrupt of ring 3"
	ProbeSyscall   = "a system call of ring 3"
	ProbeStep      = "a single step"
)

// Probe runs small guests, each on a machine of its own, and tells how each fared: those with the names, or all. What a KVM says it has tells too little:
// some emulate kernel mode, and fail at what their emulator does not have.
func (h *Host) Probe(names ...string) []Probed {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var l []Probed
	for i := range guests {
		g := &guests[i]
		if len(names) > 0 && !slices.Contains(names, g.name) {
			continue
		}
		perSecond, err := h.try(g)
		l = append(l, Probed{g.name, perSecond, err})
	}
	return l
}

// Weakness is the first probe that fails or is slow; ok if there is none. All run on one machine, so that it takes a few milliseconds.
func (h *Host) Weakness() (p Probed, ok bool) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	machine, err := h.newProbe(Patience, quickWindow, false)
	if err != nil {
		return Probed{Name: "a small guest", Err: err}, false
	}
	defer func() {
		if err := machine.close(); err != nil && ok {
			p, ok = Probed{Name: "a small guest", Err: err}, false
		}
	}()
	// Those that take no time first.
	for _, measured := range []bool{false, true} {
		for i := range guests {
			g := &guests[i]
			if g.measured != measured {
				continue
			}
			perSecond, err := machine.run(g)
			if p := (Probed{g.name, perSecond, err}); p.Err != nil || p.Slow() {
				return p, false
			}
		}
	}
	return Probed{}, true
}

// probe is a machine for guests.
type probe struct {
	guest *guest
	room  []byte
	ram   []byte
	vm    *VM
	cpu   *VCPU
	fresh Sregs // of a processor that has not run
	cpuid []CPUIDEntry

	hangs, window time.Duration
}

// try runs a guest on a machine of its own.
func (h *Host) try(g *guest) (perSecond float64, err error) {
	p, err := h.newProbe(probeHangs, probeWindow, g.apic())
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	return p.run(g)
}

// newProbe makes a machine for guests, with the local APIC in the kernel or not.
func (h *Host) newProbe(hangs, window time.Duration, apic bool) (p *probe, err error) {
	p = &probe{hangs: hangs, window: window}
	if p.vm, err = h.CreateVM(); err != nil {
		return nil, err
	}
	p.room = make([]byte, probeRAM+pageSize)
	p.ram = p.room[-uintptr(unsafe.Pointer(&p.room[0]))%pageSize:][:probeRAM]
	if apic {
		err = p.vm.SplitIRQChip(apicPins)
	}
	if err == nil {
		err = p.make(h)
	}
	if err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

// make gives it memory and a processor.
func (p *probe) make(h *Host) (err error) {
	if err := p.vm.SetMemory(Slot{Memory: p.ram}); err != nil {
		return err
	}
	if p.vm.Check(CapSetTSSAddr) > 0 {
		if err := p.vm.SetTSSAddr(0xfffb_d000); err != nil {
			return err
		}
	}
	if p.cpu, err = p.vm.CreateVCPU(0); err != nil {
		return err
	}
	if p.cpuid, err = h.SupportedCPUID(); err != nil {
		return err
	}
	if err := p.cpu.SetCPUID(p.cpuid); err != nil {
		return err
	}
	return p.cpu.Sregs(&p.fresh)
}

// close gives it back.
func (p *probe) close() (err error) {
	if p.cpu != nil {
		err = p.cpu.Close()
	}
	err = errors.Join(err, p.vm.Close())
	runtime.KeepAlive(p.room)
	return err
}

// run runs a guest to its end, and measures it. After an error no other may run.
func (p *probe) run(g *guest) (perSecond float64, err error) {
	p.guest = g
	clear(p.ram)
	if err := p.prepare(); err != nil {
		return 0, err
	}
	switch {
	case g == &localAPIC:
		return 0, p.interrupts()
	case g == &startUp:
		return 0, p.start()
	case g == &msrExits:
		return 0, p.writesMSR()
	case g.steps > 0:
		if err := p.step(); err != nil {
			return 0, err
		}
	}
	if err := p.result(); err != nil || !g.measured {
		return 0, err
	}
	return p.measure()
}

// runFor runs to an exit that the guest made, or ExitIntr when the time is over.
func (p *probe) runFor(d time.Duration) (ExitReason, error) {
	var over, done atomic.Bool
	t := time.AfterFunc(d, func() {
		over.Store(true)
		p.cpu.RequestExit()
		done.Store(true)
	})
	defer func() {
		if !t.Stop() {
			// The request must not come when the processor is closed.
			for !done.Load() {
				runtime.Gosched()
			}
		}
	}()
	for {
		r, err := p.cpu.Run()
		if err == nil && r != ExitIntr {
			err = p.cpu.why()
		}
		if err != nil || r != ExitIntr || over.Load() {
			return r, err
		}
	}
}

// result runs to the OUT that says whether all was well.
func (p *probe) result() error {
	r, err := p.runFor(p.hangs)
	switch {
	case err != nil:
		return err
	case r == ExitIntr:
		return fmt.Errorf("it does not come to an end within %v", p.hangs)
	case r != ExitIO:
		return fmt.Errorf("%v in place of its OUT", r)
	}
	if io := p.cpu.IO(); !io.Write || io.Port != probePort || len(io.Data) != 1 || io.Data[0] != 1 {
		return errors.New("it computes something else than a processor")
	}
	p.cpu.RequestExit() // behind the OUT, which only a run finishes
	if r, err := p.cpu.Run(); err != nil || r != ExitIntr {
		return errors.Join(fmt.Errorf("%v when its OUT is to be finished", r), err)
	}
	return nil
}

// measure lets it count in RCX for a while. A busy host may not give it any time, so the best of some counts.
func (p *probe) measure() (best float64, err error) {
	for range 3 {
		var before, after Regs
		if err := p.cpu.Regs(&before); err != nil {
			return 0, err
		}
		start := time.Now()
		switch r, err := p.runFor(p.window); {
		case err != nil:
			return 0, err
		case r != ExitIntr:
			return 0, fmt.Errorf("%v in a loop", r)
		}
		elapsed := time.Since(start).Seconds()
		if err := p.cpu.Regs(&after); err != nil {
			return 0, err
		}
		best = max(best, 2*float64(after.RCX-before.RCX)/elapsed)
		if best >= slowBelow {
			break
		}
	}
	if best == 0 {
		return 0, errors.New("a loop does not go on")
	}
	return best, nil
}

// step steps over the guest's first instructions.
func (p *probe) step() error {
	if err := p.cpu.SetGuestDebug(&GuestDebug{Control: DebugEnable | DebugSingleStep}); err != nil {
		return err
	}
	for i := range p.guest.steps {
		r, err := p.runFor(p.hangs)
		if err != nil {
			return err
		}
		if want := uint64(probeCode + i + 1); r != ExitDebug || p.cpu.Debug().PC != want {
			return fmt.Errorf("%v at %#x after step %d, not at %#x", r, p.cpu.Debug().PC, i+1, want)
		}
	}
	return p.cpu.SetGuestDebug(&GuestDebug{})
}
