package kvm

import (
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"
)

// VCPU is a processor of a virtual machine. All methods but RequestExit belong to one goroutine at a time, which in Run is locked to its thread.
type VCPU struct {
	vm   *VM
	sys  Sys
	fd   int
	id   int
	page []byte
	run  *runPage
	ring *coalescedRing // nil: KVM does not collect writes

	mu     sync.Mutex   // RequestExit against Close
	thread atomic.Int64 // in KVM_RUN, 0: none

	// What requests need stays here, so that they do not allocate.
	word uint32
	intr interrupt
	msrs msrs
	xcrs xcrs
}

// ID is the number that the processor was made with.
func (v *VCPU) ID() int { return v.id }

// Close gives the processor back.
func (v *VCPU) Close() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.run == nil {
		return errors.New("closed twice")
	}
	err := v.sys.Munmap(v.page)
	v.page, v.run, v.ring = nil, nil, nil
	if e := v.sys.Close(v.fd); err == nil {
		err = e
	}
	return err
}

// ask makes a request with a structure; doing tells what for.
func (v *VCPU) ask(r Request, p unsafe.Pointer, doing string) error {
	if _, errno := v.sys.Ioctl(v.fd, r, 0, p); errno != 0 {
		return v.failed(r, errno, doing)
	}
	return nil
}

// failed is the error of a request to this processor.
func (v *VCPU) failed(r Request, errno syscall.Errno, doing string) error {
	return failed("processor "+strconv.Itoa(v.id)+": "+doing, r, errno)
}

// Run lets the guest run until an exit (KVM API 4.10 and chapter 5). A request for an exit, or any signal to the thread, is ExitIntr: the caller
// looks at what it wants, and calls Run again. Exits for I/O are finished by the next Run. An error means that the kernel refused.
func (v *VCPU) Run() (ExitReason, error) {
	v.thread.Store(int64(v.sys.Thread()))
	_, errno := v.sys.Ioctl(v.fd, ReqRun, 0, nil)
	v.thread.Store(0)
	switch errno {
	case 0:
		return v.run.exitReason, nil
	case syscall.EINTR, syscall.EAGAIN:
		// Requests that come from here on are for the next Run. Whoever made this one has first said what it is for.
		atomic.AndUint32(&v.run.control, ^uint32(immediateExit))
		return ExitIntr, nil
	case syscall.EFAULT:
		return 0, &Error{"processor " + strconv.Itoa(v.id) + ": running (KVM_RUN)", errno,
			"the guest used memory that the host cannot give it, or ran code where no slot is"}
	}
	return 0, v.failed(ReqRun, errno, "running")
}

// RequestExit makes the Run that is under way, or else the next one, end with ExitIntr. I/O that is to be finished is finished first. Any
// goroutine may call it, also when the processor is closed.
func (v *VCPU) RequestExit() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.run == nil {
		return
	}
	atomic.OrUint32(&v.run.control, immediateExit)
	if t := v.thread.Load(); t != 0 {
		v.sys.Kick(int(t))
	}
}

// RequestInterruptWindow makes Run end with ExitIRQWindow as soon as the guest can take an interrupt, or no longer (user-space interrupt
// controllers only). A KVM that emulates may let the guest go on for some instructions, even to the next exit.
func (v *VCPU) RequestInterruptWindow(on bool) {
	if on {
		atomic.OrUint32(&v.run.control, interruptWindow)
	} else {
		atomic.AndUint32(&v.run.control, ^uint32(interruptWindow))
	}
}

// CanInterrupt tells whether Interrupt would be taken now, as of the last exit.
func (v *VCPU) CanInterrupt() bool { return v.run.readyForInterrupt != 0 }

// IF is the guest's interrupt flag as of the last exit.
func (v *VCPU) IF() bool { return v.run.ifFlag != 0 }

// InSMM tells whether the guest was in system management mode at the last exit.
func (v *VCPU) InSMM() bool { return v.run.flags&runSMM != 0 }

// CR8 and APICBase are those of the last exit; SetCR8 and SetAPICBase are for the next Run (user-space interrupt controllers only: they are
// taken at each Run, so they must be right).
func (v *VCPU) CR8() uint64 { return v.run.cr8 }

// SetCR8 sets CR8 for the next Run.
func (v *VCPU) SetCR8(x uint64) { v.run.cr8 = x }

// APICBase is IA32_APIC_BASE as of the last exit.
func (v *VCPU) APICBase() uint64 { return v.run.apicBase }

// SetAPICBase sets IA32_APIC_BASE for the next Run.
func (v *VCPU) SetAPICBase(x uint64) { v.run.apicBase = x }

// interrupt is struct kvm_interrupt.
type interrupt struct{ vector uint32 }

// Interrupt queues an external interrupt for the next Run, with user-space interrupt controllers; the guest must be able to take it
// (KVM API 4.16).
func (v *VCPU) Interrupt(vector uint8) error {
	v.intr.vector = uint32(vector)
	return v.ask(ReqInterrupt, unsafe.Pointer(&v.intr), "injecting an interrupt")
}

// NMI queues a non-maskable interrupt (KVM API 4.64).
func (v *VCPU) NMI() error { return v.ask(ReqNMI, nil, "injecting an NMI") }

// SMI queues a system management interrupt (KVM API 4.96).
func (v *VCPU) SMI() error { return v.ask(ReqSMI, nil, "injecting an SMI") }

// MPState is whether the processor runs, with in-kernel interrupt controllers (KVM API 4.38).
type MPState uint32

// The states.
const (
	Runnable MPState = iota
	Uninitialized
	InitReceived
	Halted
	SIPIReceived
)

// MPState reads the state.
func (v *VCPU) MPState() (MPState, error) {
	err := v.ask(ReqGetMPState, unsafe.Pointer(&v.word), "reading whether it runs")
	return MPState(v.word), err
}

// SetMPState sets it (KVM API 4.39).
func (v *VCPU) SetMPState(s MPState) error {
	v.word = uint32(s)
	return v.ask(ReqSetMPState, unsafe.Pointer(&v.word), "setting whether it runs")
}

// SetupMCE sets IA32_MCG_CAP, whose lower 8 bits are how many banks of registers there are for machine checks (KVM API 4.105). Without it there are all that KVM has.
func (v *VCPU) SetupMCE(mcgCap uint64) error {
	return v.ask(ReqSetupMCE, unsafe.Pointer(&mcgCap), "setting the banks for machine checks")
}

// SetTSCKHz sets the rate of the guest's TSC (KVM API 4.55), which wants CapTSCControl but for the host's own rate.
func (v *VCPU) SetTSCKHz(khz uint32) error {
	if _, errno := v.sys.Ioctl(v.fd, ReqSetTSCKHz, uintptr(khz), nil); errno != 0 {
		return v.failed(ReqSetTSCKHz, errno, "setting the TSC's rate to "+strconv.Itoa(int(khz))+" kHz")
	}
	return nil
}

// TSCKHz is the rate of the guest's TSC (KVM API 4.56).
func (v *VCPU) TSCKHz() (uint32, error) {
	n, errno := v.sys.Ioctl(v.fd, ReqGetTSCKHz, 0, nil)
	if errno != 0 {
		return 0, v.failed(ReqGetTSCKHz, errno, "reading the TSC's rate")
	}
	return uint32(n), nil
}
