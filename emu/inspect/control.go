package inspect

import "fmt"

// Status is what a machine is doing: QEMU's RunState.
type Status uint8

// States of a machine.
const (
	StatusPrelaunch     Status = iota // not begun (-S, or before Run)
	StatusRunning                     // vCPUs run, or are halted
	StatusPaused                      // by somebody
	StatusDebug                       // at a breakpoint, a watchpoint, or after a step
	StatusSuspended                   // the guest sleeps in S3
	StatusShutdown                    // the guest has powered off, and the machine is kept (-no-shutdown), or has ended
	StatusGuestPanicked               // the guest has panicked, and the machine is kept
	StatusIOError                     // a drive's error stopped it
	StatusInternalError               // goemu has failed
)

var statusNames = [...]string{"prelaunch", "running", "paused", "debug", "suspended", "shutdown", "guest-panicked", "io-error", "internal-error"}

// String is QEMU's name.
func (s Status) String() string { return statusNames[s] }

// Running tells whether the machine is not stopped, as QMP's query-status tells it: a guest that sleeps is not running.
func (s Status) Running() bool { return s == StatusRunning }

// Text is the text of `info status`.
func (s Status) Text() string {
	switch s {
	case StatusRunning:
		return "VM status: running"
	case StatusPaused:
		return "VM status: paused"
	}
	return fmt.Sprintf("VM status: paused (%s)", s)
}

// StepKind is how far to go.
type StepKind uint8

// Kinds of steps.
const (
	StepInstruction StepKind = iota // one instruction; an iteration of a string instruction with repeat prefix
	StepBlock                       // to the end of the block: up to the next instruction that may jump, and over it
	StepOver                        // an instruction; calls, software interrupts and repeated string instructions as a whole
	StepFrame                       // to the next frame of the display: 1/60 s of guest time
)

// Step is how to step.
type Step struct {
	Kind StepKind

	// Interrupts lets interrupts be delivered and timers fire while stepping: a step may then end at a handler's first instruction. Else they wait, and guest time
	// stands still, as QEMU's gdbstub has it (sstep NOIRQ and NOTIMER). StepOver and StepFrame let go by themselves whatever they go over.
	Interrupts bool
}

// BreakKind is what a breakpoint waits for.
type BreakKind uint8

// Kinds of breakpoints.
const (
	BreakExec   BreakKind = iota // execution of the instruction at a linear address: stops before it
	BreakWrite                   // stores to Len bytes: stops behind the instruction
	BreakRead                    // loads
	BreakAccess                  // loads and stores
	BreakPort                    // IN and OUT, at Len ports: stops behind the instruction
)

// String names the kind.
func (k BreakKind) String() string {
	return [...]string{"breakpoint", "write watchpoint", "read watchpoint", "access watchpoint", "port breakpoint"}[k]
}

// Breakpoint is a place at which the machine stops. It is the machine's: guest memory and the guest's debug registers know nothing of it.
type Breakpoint struct {
	ID   int // by AddBreakpoint
	Kind BreakKind
	Addr uint64 // linear address, or port
	Len  int    // bytes or ports, 1 to 8; 0: 1. Without meaning for BreakExec
	Once bool   // removed when it is hit
	Hits uint64 // how often it has stopped the machine
}

// String is a line.
func (b *Breakpoint) String() string {
	s := fmt.Sprintf("%d: %s at %#x", b.ID, b.Kind, b.Addr)
	if b.Kind != BreakExec && b.Len > 1 {
		s += fmt.Sprintf(", %d bytes", b.Len)
	}
	return s + fmt.Sprintf(", %d hits", b.Hits)
}
