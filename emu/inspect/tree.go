package inspect

import (
	"fmt"
	"strings"
)

// Property is a named value.
type Property struct{ Name, Value string }

// Node is a bus, a device, or a region, and what is on, at or in it.
type Node struct {
	Kind     string // bus, dev, memory, io, ram, rom, i/o
	Name     string // bus: pci.0; device: its QEMU name; region: what it is
	ID       string // of a device
	Props    []Property
	Lo, Hi   uint64 // first and last address of a region
	Children []Node
}

// QTree is the text of `info qtree`.
func QTree(nodes []Node) string {
	var b strings.Builder
	for i := range nodes {
		nodes[i].qtree(&b, 0)
	}
	return b.String()
}

func (n *Node) qtree(b *strings.Builder, depth int) {
	in := strings.Repeat("  ", depth)
	switch n.Kind {
	case "bus":
		fmt.Fprintf(b, "%sbus: %s\n", in, n.Name)
	default:
		fmt.Fprintf(b, "%s%s: %s, id %q\n", in, n.Kind, n.Name, n.ID)
	}
	for _, p := range n.Props {
		fmt.Fprintf(b, "%s  %s = %s\n", in, p.Name, p.Value)
	}
	for i := range n.Children {
		n.Children[i].qtree(b, depth+1)
	}
}

// MTree is the text of `info mtree`.
func MTree(nodes []Node) string {
	var b strings.Builder
	for i := range nodes {
		nodes[i].mtree(&b, 0)
	}
	return b.String()
}

func (n *Node) mtree(b *strings.Builder, depth int) {
	if n.Kind == "space" {
		fmt.Fprintf(b, "%s: %s\n", "address-space", n.Name)
	} else {
		fmt.Fprintf(b, "%s%016x-%016x (prio 0, %s): %s\n", strings.Repeat("  ", depth), n.Lo, n.Hi, n.Kind, n.Name)
	}
	for i := range n.Children {
		n.Children[i].mtree(b, depth+1)
	}
}

// BAR is a base address register of a PCI function.
type BAR struct {
	Number   int // 6: the expansion ROM
	IO       bool
	Bits64   bool
	Prefetch bool
	Mapped   bool // decoding is on and an address has been set
	Addr     uint64
	Size     uint64
}

// PCI is a PCI function.
type PCI struct {
	Bus, Slot, Func int
	Name            string // of the device
	Class           uint16
	Vendor, Device  uint16
	SubVendor, Sub  uint16
	Pin             int // INTA is 1; 0: none
	Line            int // what firmware has written for drivers
	BARs            []BAR
	Config          [256]byte
}

// Controllers are the interrupt controllers.
type Controllers struct {
	PIC    [2]PIC // master, slave
	IOAPIC []IOAPIC
	LAPIC  []LAPIC     // by CPU
	Counts [256]uint64 // exceptions and interrupts by vector, over all CPUs
}

// PIC is an 8259A.
type PIC struct {
	IRR, ISR, IMR uint8
	ELCR          uint8    // edge/level control of the chip set
	Base          uint8    // vector of line 0
	Raised        []uint64 // how often each input has gone high
}

// IOAPIC is an I/O APIC.
type IOAPIC struct {
	ID     uint8
	Lines  []uint64 // redirection table
	Raised []uint64 // how often each input has gone high
}

// LAPIC is a local APIC.
type LAPIC struct {
	Base                                    uint64 // IA32_APIC_BASE
	ID                                      uint32
	TPR, PPR                                uint8
	SVR, LDR, DFR                           uint32
	ICR                                     uint64
	ESR                                     uint32
	LVT                                     []LVT
	ISR, IRR, TMR                           [8]uint32
	TimerInitial, TimerCurrent, TimerDivide uint32
}

// LVT is an entry of the local vector table.
type LVT struct {
	Name  string
	Value uint32
}

// DriveStats counts what was done for a drive.
type DriveStats struct {
	ID                     string
	ReadBytes, WriteBytes  uint64
	Reads, Writes, Flushes uint64
}

// Stats is what a machine has done.
type Stats struct {
	Engine       string // tcg, interp
	GuestTime    int64  // ns since power-on
	Instructions uint64 // executed, with -icount; else 0
	Counted      bool   // Instructions is counted
	Exits        uint64 // of generated code or, without, of the interpreter
	Interrupts   uint64 // and exceptions
	Drives       []DriveStats
}
