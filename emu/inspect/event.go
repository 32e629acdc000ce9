package inspect

import (
	"fmt"
	"strings"
)

// EventKind is what an Event tells of; bits, so that several can be asked for.
type EventKind uint16

// Kinds of events.
const (
	EventException EventKind = 1 << iota // exceptions and software interrupts
	EventInterrupt                       // of hardware, and NMIs
	EventPort                            // IN and OUT
	EventMMIO                            // loads and stores of devices' memory
	EventMode                            // CR0, CR4, EFER or the size of code has changed
	EventSMI                             // system management mode is entered or left
	EventReset

	EventAll = 1<<iota - 1
)

var eventNames = [...]string{"exception", "interrupt", "port", "mmio", "mode", "smi", "reset"}

// String names the kinds.
func (k EventKind) String() string {
	var l []string
	for i, n := range eventNames {
		if k>>i&1 != 0 {
			l = append(l, n)
		}
	}
	return strings.Join(l, ",")
}

// ParseEventKinds reads names separated by commas; "all" is all of them, "" none.
func ParseEventKinds(s string) (k EventKind, err error) {
	if s == "" {
		return 0, nil
	}
next:
	for _, name := range strings.Split(s, ",") {
		if name == "all" {
			k |= EventAll
			continue
		}
		for i, n := range eventNames {
			if n == name {
				k |= 1 << i
				continue next
			}
		}
		return 0, fmt.Errorf("no kind of events is called %q (have: all, %s)", name, strings.Join(eventNames[:], ", "))
	}
	return k, nil
}

// Event is something that the guest did, or that was done to it.
type Event struct {
	Number uint64 // counts from 1
	Time   int64  // guest time, ns
	CPU    int
	Kind   EventKind
	RIP    uint64
	CPL    int

	Vector int    // exceptions, interrupts
	Code   uint32 // error code
	CR2    uint64 // page faults
	Soft   bool   // INT n

	Addr  uint64 // ports, MMIO
	Size  int
	Write bool
	Value uint64
	Text  string // mode, SMI and reset: what
}

// Traced is an event of -trace, and whether it is traced.
type Traced struct {
	Name string
	On   bool
}

var vectorNames = map[int]string{
	0: "#DE", 1: "#DB", 2: "NMI", 3: "#BP", 4: "#OF", 5: "#BR", 6: "#UD", 7: "#NM", 8: "#DF", 10: "#TS", 11: "#NP", 12: "#SS", 13: "#GP", 14: "#PF", 16: "#MF", 17: "#AC", 18: "#MC", 19: "#XM",
}

// VectorName names an exception: #GP; "" if it has none.
func VectorName(vector int) string { return vectorNames[vector] }

// String is a line.
func (e *Event) String() string {
	s := fmt.Sprintf("%d.%06d CPU %d %016x ", e.Time/1e9, e.Time%1e9/1e3, e.CPU, e.RIP)
	switch e.Kind {
	case EventException:
		kind := "exception"
		if e.Soft {
			kind = "software interrupt"
		}
		s += fmt.Sprintf("%s %#02x %s code %#x", kind, e.Vector, VectorName(e.Vector), e.Code)
		if e.Vector == 14 && !e.Soft {
			s += fmt.Sprintf(" CR2 %#x", e.CR2)
		}
	case EventInterrupt:
		s += fmt.Sprintf("interrupt %#02x", e.Vector)
	case EventPort, EventMMIO:
		kind := "port"
		if e.Kind == EventMMIO {
			kind = "memory"
		}
		dir := "->"
		if e.Write {
			dir = "<-"
		}
		s += fmt.Sprintf("%s %#04x %s %0*x", kind, e.Addr, dir, 2*e.Size, e.Value)
	default:
		s += e.Text
	}
	return s
}
