package kvm

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"unsafe"
)

// ExitReason is why Run ended (KVM API chapter 5, exit_reason).
type ExitReason uint32

// The reasons that x86 has.
const (
	ExitUnknown       ExitReason = 0
	ExitException     ExitReason = 1
	ExitIO            ExitReason = 2
	ExitHypercall     ExitReason = 3
	ExitDebug         ExitReason = 4
	ExitHLT           ExitReason = 5
	ExitMMIO          ExitReason = 6
	ExitIRQWindow     ExitReason = 7
	ExitShutdown      ExitReason = 8
	ExitFailEntry     ExitReason = 9
	ExitIntr          ExitReason = 10
	ExitSetTPR        ExitReason = 11
	ExitTPRAccess     ExitReason = 12
	ExitNMI           ExitReason = 16
	ExitInternalError ExitReason = 17
	ExitSystemEvent   ExitReason = 24
	ExitIOAPICEOI     ExitReason = 26
	ExitRDMSR         ExitReason = 29
	ExitWRMSR         ExitReason = 30
	ExitBusLock       ExitReason = 33
)

// exitNames are the kernel's names without KVM_EXIT_.
var exitNames = map[ExitReason]string{
	ExitUnknown: "UNKNOWN", ExitException: "EXCEPTION", ExitIO: "IO", ExitHypercall: "HYPERCALL", ExitDebug: "DEBUG", ExitHLT: "HLT",
	ExitMMIO: "MMIO", ExitIRQWindow: "IRQ_WINDOW_OPEN", ExitShutdown: "SHUTDOWN", ExitFailEntry: "FAIL_ENTRY", ExitIntr: "INTR",
	ExitSetTPR: "SET_TPR", ExitTPRAccess: "TPR_ACCESS", ExitNMI: "NMI", ExitInternalError: "INTERNAL_ERROR", ExitSystemEvent: "SYSTEM_EVENT",
	ExitIOAPICEOI: "IOAPIC_EOI", ExitRDMSR: "X86_RDMSR", ExitWRMSR: "X86_WRMSR", ExitBusLock: "X86_BUS_LOCK",
}

// String is the kernel's name.
func (r ExitReason) String() string {
	if n, ok := exitNames[r]; ok {
		return "KVM_EXIT_" + n
	}
	return "exit " + strconv.Itoa(int(r))
}

// runPage is struct kvm_run, at the start of what a processor shares with the kernel.
type runPage struct {
	control           uint32 // request_interrupt_window, immediate_exit, padding; atomic
	_                 uint32
	exitReason        ExitReason
	readyForInterrupt uint8
	ifFlag            uint8
	flags             uint16
	cr8               uint64
	apicBase          uint64
	exit              [256]byte // a union
	validRegs         uint64
	dirtyRegs         uint64
	sync              SyncedRegs
	_                 [2048 - unsafe.Sizeof(SyncedRegs{})]byte
}

// Bits of runPage.
const (
	interruptWindow = 1 << 0 // of control
	immediateExit   = 1 << 8
	runSMM          = 1 << 0 // of flags
)

// The members of the union.
type (
	exitIO struct {
		direction, size uint8
		port            uint16
		count           uint32
		offset          uint64
	}
	exitMMIO struct {
		addr    uint64
		data    [8]byte
		length  uint32
		isWrite uint8
	}
	exitFailEntry struct {
		reason uint64
		cpu    uint32
	}
	exitInternal struct {
		suberror, n uint32
		data        [16]uint64
	}
	exitMSR struct {
		fail   uint8
		_      [7]byte
		reason uint32
		index  uint32
		data   uint64
	}
)

// IO is a port access: Count elements of Size bytes each, more than one for string instructions (KVM API chapter 5, KVM_EXIT_IO).
type IO struct {
	Write bool
	Size  int // 1, 2 or 4
	Port  uint16
	Count int
	Data  []byte // shared with the kernel: what is written, or to be filled before the next Run
}

// IO tells what ExitIO is for. An access beyond the shared memory, which no kernel asks for, has no data.
func (v *VCPU) IO() IO {
	e := (*exitIO)(unsafe.Pointer(&v.run.exit))
	io := IO{Write: e.direction != 0, Size: int(e.size), Port: e.port, Count: int(e.count)}
	n := uint64(e.size) * uint64(e.count)
	if e.offset > uint64(len(v.page)) || n > uint64(len(v.page))-e.offset {
		io.Count = 0
		return io
	}
	io.Data = v.page[e.offset:][:n:n]
	return io
}

// MMIO is a memory access where no slot is, or a write to one that is read only (KVM API chapter 5, KVM_EXIT_MMIO).
type MMIO struct {
	Write bool
	Addr  uint64 // physical
	Data  []byte // shared with the kernel, 1 to 8 bytes: what is written, or to be filled before the next Run
}

// MMIO tells what ExitMMIO is for.
func (v *VCPU) MMIO() MMIO {
	e := (*exitMMIO)(unsafe.Pointer(&v.run.exit))
	return MMIO{e.isWrite != 0, e.addr, e.data[:min(e.length, 8)]}
}

// DebugExit is a debug exception or breakpoint that was asked for with SetGuestDebug; struct kvm_debug_exit_arch.
type DebugExit struct {
	Exception uint32 // 1: #DB, 3: #BP
	_         uint32
	PC        uint64 // linear address
	DR6, DR7  uint64
}

// Debug tells what ExitDebug is for.
func (v *VCPU) Debug() DebugExit { return *(*DebugExit)(unsafe.Pointer(&v.run.exit)) }

// Reasons of exits for MSRs, and the argument by which EnableCap(CapUserSpaceMSR) asks for them (KVM API 7.21).
const (
	MSRInvalid  = 1 << 0 // the MSR does not take the value, or may not be accessed so
	MSRUnknown  = 1 << 1 // KVM has no such MSR
	MSRFiltered = 1 << 2
)

// MSRExit is an access to an MSR that KVM leaves to the caller (KVM API chapter 5, KVM_EXIT_X86_RDMSR).
type MSRExit struct {
	Index  uint32
	Reason uint32
	Data   uint64 // what WRMSR writes
}

// MSR tells what ExitRDMSR or ExitWRMSR is for.
func (v *VCPU) MSR() MSRExit {
	e := (*exitMSR)(unsafe.Pointer(&v.run.exit))
	return MSRExit{e.index, e.reason, e.data}
}

// AnswerMSR gives RDMSR its value; with fail the access is #GP.
func (v *VCPU) AnswerMSR(value uint64, fail bool) {
	e := (*exitMSR)(unsafe.Pointer(&v.run.exit))
	e.data, e.fail = value, 0
	if fail {
		e.fail = 1
	}
}

// EOI is the vector that ExitIOAPICEOI, of a split interrupt controller, tells of.
func (v *VCPU) EOI() uint8 { return v.run.exit[0] }

// EmulationFailed is the sub-error of ExitInternalError where KVM cannot emulate an instruction.
const EmulationFailed = 1

// internalErrors are the sub-errors of ExitInternalError.
var internalErrors = map[uint32]string{
	EmulationFailed: "KVM cannot emulate an instruction",
	2:               "exceptions came at the same time",
	3:               "delivering an event failed",
	4:               "the processor left the guest for a reason that KVM does not know",
}

// InternalError is what KVM itself failed at.
type InternalError struct {
	Sub  uint32   // 1: the instruction cannot be emulated, 2: simultaneous exceptions, 3: delivery of an event, 4: unexpected exit
	Data []uint64 // depends on the kernel
	Code []byte   // of the instruction that cannot be emulated, where KVM tells
}

// InternalError tells what ExitInternalError is for. It allocates.
func (v *VCPU) InternalError() InternalError {
	e := (*exitInternal)(unsafe.Pointer(&v.run.exit))
	i := InternalError{Sub: e.suberror, Data: append([]uint64(nil), e.data[:min(e.n, 16)]...)}
	const flags, code = 8, 16 // struct emulation_failure: flags, insn_size, insn_bytes[15]
	if i.Sub == EmulationFailed && e.n >= 3 && v.run.exit[flags]&1 != 0 {
		i.Code = append(i.Code, v.run.exit[code+1:][:min(v.run.exit[code], 15)]...)
	}
	return i
}

// String tells it in words.
func (i InternalError) String() string {
	s, ok := internalErrors[i.Sub]
	if !ok {
		s = "internal error " + strconv.Itoa(int(i.Sub))
	}
	if len(i.Code) > 0 {
		s += ", bytes " + hex.EncodeToString(i.Code)
	} else if len(i.Data) > 0 {
		s += fmt.Sprintf(", data %#x", i.Data)
	}
	return s
}

// Failure is an error for those exits after which the guest cannot go on: internal errors, entries that the processor refused, and those
// unknown. Others give nil.
func (v *VCPU) Failure() error {
	why := v.why()
	if why == nil {
		return nil
	}
	return &Error{"processor " + strconv.Itoa(v.id) + ": " + v.run.exitReason.String(), why, "-accel tcg runs guests that this host's KVM cannot"}
}

// why is Failure without who and what helps.
func (v *VCPU) why() error {
	switch r := v.run.exitReason; r {
	case ExitInternalError:
		return errors.New(v.InternalError().String())
	case ExitFailEntry:
		e := (*exitFailEntry)(unsafe.Pointer(&v.run.exit))
		return fmt.Errorf("the host's processor %d refused the guest's state, reason %#x", e.cpu, e.reason)
	case ExitUnknown:
		return fmt.Errorf("the host's processor left the guest for the unknown reason %#x", *(*uint64)(unsafe.Pointer(&v.run.exit)))
	case ExitIO, ExitDebug, ExitHLT, ExitMMIO, ExitIRQWindow, ExitShutdown, ExitIntr, ExitSetTPR, ExitNMI, ExitIOAPICEOI, ExitRDMSR, ExitWRMSR, ExitSystemEvent:
		return nil
	}
	return errors.New("an exit that nobody asked for")
}
