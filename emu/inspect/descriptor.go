package inspect

import (
	"fmt"
	"strings"
)

// Table names a table of descriptors.
type Table uint8

// Tables of descriptors.
const (
	GDT Table = iota
	LDT
	IDT
)

// String is the name.
func (t Table) String() string { return [...]string{"GDT", "LDT", "IDT"}[t] }

// Descriptor is an entry of a descriptor table, decoded (SDM vol. 3A 3.4.5, 3.5, 5.8.3, 6.11).
type Descriptor struct {
	Index    int    // of 8 bytes each, 16 in the IDT of long mode
	Selector uint16 // GDT and LDT
	Linear   uint64 // where it is
	Raw      [16]byte
	Size     int  // bytes: 8 or 16
	Bad      bool // memory that is not mapped

	Type    string // of code, data or system: "CS64 [-RA]", "IntGate64"; "null": all 0
	Present bool
	DPL     int

	// Segments and tables.
	Base  uint64
	Limit uint32 // last byte
	Attr  uint32 // as Segment.Attr

	// Gates.
	Gate   bool
	Target uint16 // selector
	Offset uint64
	IST    int // interrupt stack, or parameters of a call gate
}

// String is a line.
func (d *Descriptor) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%3d", d.Index)
	if d.Selector != 0 || d.Index == 0 && !d.Gate {
		fmt.Fprintf(&b, " %04x", d.Selector)
	}
	switch {
	case d.Bad:
		fmt.Fprintf(&b, " not mapped at %#x", d.Linear)
	case d.Type == "null":
		b.WriteString(" null")
	case d.Gate:
		fmt.Fprintf(&b, " %-12s %04x:%016x DPL=%d", d.Type, d.Target, d.Offset, d.DPL)
		if d.IST != 0 {
			fmt.Fprintf(&b, " IST=%d", d.IST)
		}
	default:
		fmt.Fprintf(&b, " %-12s base %016x limit %08x DPL=%d", d.Type, d.Base, d.Limit, d.DPL)
	}
	if !d.Bad && d.Type != "null" && !d.Present {
		b.WriteString(" not present")
	}
	return b.String()
}

// TSS is a task-state segment, decoded (SDM vol. 3A 7.2.1, 7.2.2, 7.7). Fields of another size's are 0.
type TSS struct {
	Selector uint16
	Base     uint64
	Limit    uint32
	Bits     int // 16, 32, 64; 0: TR has none

	Stack [3]struct { // for privilege levels 0 to 2
		SS  uint16 // 0 in 64-bit mode
		ESP uint64
	}
	IST   [8]uint64 // 64-bit: 1 to 7
	CR3   uint64    // 32-bit
	EIP   uint64
	Flags uint64
	GPR   [8]uint64
	Seg   [6]uint16
	LDTR  uint16
	Link  uint16 // of the task before
	IOMap uint16 // offset of the I/O permission bitmap
}

// String is some lines.
func (t *TSS) String() string {
	var b strings.Builder
	if t.Bits == 0 {
		return "TR holds no task-state segment\n"
	}
	fmt.Fprintf(&b, "TSS of %d bits, selector %04x, base %016x, limit %08x\n", t.Bits, t.Selector, t.Base, t.Limit)
	for i, s := range t.Stack {
		if t.Bits == 64 {
			fmt.Fprintf(&b, "  RSP%d %016x\n", i, s.ESP)
		} else {
			fmt.Fprintf(&b, "  SS%d:ESP%d %04x:%08x\n", i, i, s.SS, s.ESP)
		}
	}
	if t.Bits == 64 {
		for i := 1; i < 8; i++ {
			fmt.Fprintf(&b, "  IST%d %016x\n", i, t.IST[i])
		}
	} else {
		fmt.Fprintf(&b, "  link %04x, LDT %04x, CR3 %08x, EIP %08x, EFLAGS %08x\n", t.Link, t.LDTR, t.CR3, t.EIP, t.Flags)
		for i, v := range t.GPR {
			fmt.Fprintf(&b, "  E%s %08x", strings.ToUpper(GPRNames[i][1:]), v)
			if i%4 == 3 {
				b.WriteByte('\n')
			}
		}
		for i, v := range t.Seg {
			fmt.Fprintf(&b, "  %s %04x", strings.ToUpper(SegmentNames[i]), v)
		}
		b.WriteByte('\n')
	}
	if t.Bits != 16 {
		fmt.Fprintf(&b, "  I/O bitmap at %#x\n", t.IOMap)
	}
	return b.String()
}
