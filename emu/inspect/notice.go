package inspect

import (
	"fmt"
	"time"
)

// NoticeKind is what a Notice tells of.
type NoticeKind uint8

// Kinds of notices.
const (
	NoticeStopped    NoticeKind = iota // vCPUs have stopped: Why, Status, CPU
	NoticeResumed                      // and go on
	NoticeReset                        // the machine has been reset: Reason
	NoticeShutdown                     // it is about to end, or has stopped for good: Reason
	NoticePowerDown                    // the power button has been pressed
	NoticeSuspended                    // the guest sleeps in S3
	NoticeWakeUp                       // and no more
	NoticePanicked                     // pvpanic: Action, Reason
	NoticeBlockError                   // a drive: Device, Write, Error
	NoticeTrayMoved                    // a drive: Device, TrayOpen
	NoticeRTCChanged                   // the guest has set the clock: Offset
)

// String is QMP's name of the event.
func (k NoticeKind) String() string {
	return [...]string{"STOP", "RESUME", "RESET", "SHUTDOWN", "POWERDOWN", "SUSPEND", "WAKEUP", "GUEST_PANICKED", "BLOCK_IO_ERROR", "DEVICE_TRAY_MOVED", "RTC_CHANGE"}[k]
}

// StopReason is why vCPUs have stopped.
type StopReason uint8

// Reasons for stopping.
const (
	StopPause      StopReason = iota // somebody wanted it
	StopStep                         // a step is done
	StopBreakpoint                   // Breakpoint is the one that was hit
	StopWatchpoint                   // Breakpoint, Address and Write
	StopPort                         // Breakpoint, Address is the port, Write
	StopPanic                        // the guest has panicked
	StopShutdown                     // the guest has powered off
	StopIOError                      // a drive's error
	StopStart                        // the machine begins stopped (-S)
)

// String names the reason.
func (r StopReason) String() string {
	return [...]string{"pause", "step", "breakpoint", "watchpoint", "port breakpoint", "panic", "shutdown", "io-error", "start"}[r]
}

// Reasons of NoticeShutdown and NoticeReset: QMP's ShutdownCause.
const (
	ReasonGuestShutdown  = "guest-shutdown"
	ReasonGuestReset     = "guest-reset"
	ReasonGuestPanic     = "guest-panic"
	ReasonHostQMPQuit    = "host-qmp-quit"
	ReasonHostQMPReset   = "host-qmp-system-reset"
	ReasonHostSignal     = "host-signal"
	ReasonHostUI         = "host-ui"
	ReasonHostError      = "host-error"
	ReasonSubsystemReset = "subsystem-reset"
)

// Notice is something that has happened to the machine as a whole.
type Notice struct {
	Kind NoticeKind
	Time time.Time // of the host

	Status     Status     // of the machine, after it
	Why        StopReason // Stopped
	CPU        int        // Stopped: the one at fault
	Breakpoint int        // ID
	Address    uint64     // Stopped at a watchpoint: the linear address; at a port: the port
	Write      bool
	Reason     string // Reset, Shutdown: Reason...
	Exit       int    // Shutdown: the status with which goemu ends
	Action     string // Panicked: pause, poweroff or run; BlockError: stop

	Device   string // of a drive
	TrayOpen bool
	Error    string
	Offset   int64 // seconds from the host's clock

	Lost uint64 // how many notices this subscriber has lost so far, as it did not read them
}

// Guest tells whether the guest itself is the reason of a NoticeReset or NoticeShutdown.
func (n *Notice) Guest() bool {
	return n.Reason == ReasonGuestShutdown || n.Reason == ReasonGuestReset || n.Reason == ReasonGuestPanic
}

// String is a line for people.
func (n *Notice) String() string {
	switch n.Kind {
	case NoticeStopped:
		s := fmt.Sprintf("stopped: %s", n.Why)
		switch n.Why {
		case StopBreakpoint:
			s += fmt.Sprintf(" %d, CPU %d", n.Breakpoint, n.CPU)
		case StopWatchpoint, StopPort:
			kind := "read"
			if n.Write {
				kind = "write"
			}
			s += fmt.Sprintf(" %d, CPU %d, %s at %#x", n.Breakpoint, n.CPU, kind, n.Address)
		}
		return s
	case NoticeResumed:
		return "running"
	case NoticeReset:
		return "reset: " + n.Reason
	case NoticeShutdown:
		return "shutdown: " + n.Reason
	case NoticePowerDown:
		return "power button pressed"
	case NoticeSuspended:
		return "the guest sleeps"
	case NoticeWakeUp:
		return "the guest has woken up"
	case NoticePanicked:
		return "the guest has panicked"
	case NoticeBlockError:
		return fmt.Sprintf("drive %s: %s", n.Device, n.Error)
	case NoticeTrayMoved:
		if n.TrayOpen {
			return fmt.Sprintf("drive %s: tray open", n.Device)
		}
		return fmt.Sprintf("drive %s: tray closed", n.Device)
	default: // NoticeRTCChanged
		return fmt.Sprintf("the guest has set the clock, %+d s", n.Offset)
	}
}
