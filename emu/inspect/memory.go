package inspect

import (
	"fmt"
	"strings"
)

// Address is where to look: a linear address of a CPU, or a physical one.
type Address struct {
	Addr     uint64
	Physical bool
}

// Linear and Physical make an Address.
func Linear(a uint64) Address   { return Address{Addr: a} }
func Physical(a uint64) Address { return Address{Addr: a, Physical: true} }

// String is the address in hexadecimal, with a word for what kind it is.
func (a Address) String() string {
	if a.Physical {
		return fmt.Sprintf("physical %#x", a.Addr)
	}
	return fmt.Sprintf("linear %#x", a.Addr)
}

// Bits of paging-structure entries (SDM vol. 3A 4.3 to 4.5).
const (
	PTEPresent  = 1 << 0
	PTEWrite    = 1 << 1
	PTEUser     = 1 << 2
	PTEPWT      = 1 << 3
	PTEPCD      = 1 << 4
	PTEAccessed = 1 << 5
	PTEDirty    = 1 << 6
	PTELarge    = 1 << 7
	PTEGlobal   = 1 << 8
	PTENX       = 1 << 63
)

// WalkEnd is why a page walk ends.
type WalkEnd uint8

// Ends of a walk.
const (
	WalkMapped       WalkEnd = iota // at a page
	WalkOff                         // paging is off: linear addresses are physical
	WalkNotPresent                  // an entry has P clear
	WalkReserved                    // an entry has reserved bits set
	WalkNotCanonical                // the address is not canonical
)

// String says it in words.
func (e WalkEnd) String() string {
	return [...]string{"mapped", "paging is off", "not present", "reserved bits are set", "not canonical"}[e]
}

// WalkStep is one level of a page walk.
type WalkStep struct {
	Level int    // 5 PML5, 4 PML4, 3 PDPT, 2 PD, 1 PT
	Name  string // PML4E, PDPTE, PDE, PTE ...
	Index int    // of the entry in its table
	Phys  uint64 // where the entry is; PAE's PDPTEs are in the processor: 0
	Entry uint64
	Size  int // bytes of an entry
	InCPU bool
	Leaf  bool // it maps the page
}

// Walk is how a linear address is translated.
type Walk struct {
	Linear uint64
	Format string // 32-bit, PAE, 4-level, 5-level; "": paging is off
	CR3    uint64
	Steps  []WalkStep
	End    WalkEnd

	// If End is WalkMapped or WalkOff:
	Phys           uint64 // of Linear, A20 applied
	Page           uint64 // bytes of the page
	Writable, User bool   // at all levels
	NX, Global     bool
	Key            int // protection key
}

// EntryBits names the flags of an entry as letters.
func EntryBits(e uint64) string {
	b := []byte("P W U A D L G X")
	for i, m := range []uint64{PTEPresent, PTEWrite, PTEUser, PTEAccessed, PTEDirty, PTELarge, PTEGlobal, PTENX} {
		if e&m == 0 {
			b[2*i] = '-'
		}
	}
	return string(b)
}

// String is a line for each level, and how it ends.
func (w *Walk) String() string {
	var b strings.Builder
	if w.End == WalkOff {
		return fmt.Sprintf("%#x: paging is off, physical %#x\n", w.Linear, w.Phys)
	}
	fmt.Fprintf(&b, "%#x: %s paging, CR3 %#x\n", w.Linear, w.Format, w.CR3)
	for i := range w.Steps {
		s := &w.Steps[i]
		at := fmt.Sprintf("at %#011x", s.Phys)
		if s.InCPU {
			at = "in the CPU    "
		}
		fmt.Fprintf(&b, "  %-5s[%3d] %s = %0*x %s\n", s.Name, s.Index, at, 2*s.Size, s.Entry, EntryBits(s.Entry))
	}
	if w.End != WalkMapped {
		fmt.Fprintf(&b, "  %s\n", w.End)
		return b.String()
	}
	fmt.Fprintf(&b, "  physical %#x, page of %d KiB, writable %v, user %v, no-execute %v, global %v\n", w.Phys, w.Page>>10, w.Writable, w.User, w.NX, w.Global)
	return b.String()
}

// Mapping is a page of the guest's page tables.
type Mapping struct {
	Linear, Phys uint64
	Size         uint64 // bytes
	Entry        uint64 // that maps the page
	Rights       uint64 // PTEWrite and PTEUser: at all levels; PTENX: at some level
}

// TLBText is the text of `info tlb`.
func TLBText(list []Mapping) string {
	var b strings.Builder
	for i := range list {
		m := &list[i]
		f := []byte("XGPDACTUW")
		for k, bit := range []uint64{PTENX, PTEGlobal, PTELarge, PTEDirty, PTEAccessed, PTEPCD, PTEPWT, PTEUser, PTEWrite} {
			set := m.Entry&bit != 0
			if bit == PTELarge {
				set = m.Size > 4096 // in a PTE the bit is PAT
			}
			if !set {
				f[k] = '-'
			}
		}
		fmt.Fprintf(&b, "%016x: %016x %s\n", m.Linear, m.Phys, f)
	}
	return b.String()
}

// MemText is the text of `info mem`: ranges with equal rights at all levels.
func MemText(list []Mapping) string {
	var b strings.Builder
	const rights = PTEUser | PTEWrite
	shift := 16 // addresses have 48 bits, or 57
	for i := range list {
		if a := list[i].Linear; uint64(int64(a)<<16>>16) != a {
			shift = 7
		}
	}
	extend := func(a uint64) uint64 { // as QEMU prints addresses and sizes
		if a>>(63-shift)&1 != 0 {
			a |= ^uint64(0) << (64 - shift)
		}
		return a
	}
	for i := 0; i < len(list); {
		first, r := list[i].Linear<<shift>>shift, list[i].Rights&rights
		end := first
		for ; i < len(list) && list[i].Linear<<shift>>shift == end && list[i].Rights&rights == r; i++ {
			end += list[i].Size
		}
		f := []byte("urw")
		if r&PTEUser == 0 {
			f[0] = '-'
		}
		if r&PTEWrite == 0 {
			f[2] = '-'
		}
		fmt.Fprintf(&b, "%016x-%016x %016x %s\n", extend(first), extend(end), extend(end-first), f)
	}
	return b.String()
}

// TLBEntry is an entry of the translator's soft TLB.
type TLBEntry struct {
	Linear uint64 // of the page
	Phys   uint64
	Write  bool // for stores: there are tables for loads and stores
	Index  int  // rights: 0 kernel, SMAP checked; 1 kernel; 2 user
	Global bool
	Size   uint64 // of the page that it is part of
	Key    int
	Victim bool // it has had to give up its place
}

// IndexNames are the names of TLBEntry.Index.
var IndexNames = [3]string{"kernel (SMAP)", "kernel", "user"}

// String is a line.
func (e *TLBEntry) String() string {
	kind := "load "
	if e.Write {
		kind = "store"
	}
	s := fmt.Sprintf("%016x: %016x %s %s", e.Linear, e.Phys, kind, IndexNames[e.Index])
	if e.Size > 4096 {
		s += fmt.Sprintf(", of a page of %d KiB", e.Size>>10)
	}
	if e.Global {
		s += ", global"
	}
	if e.Victim {
		s += ", victim"
	}
	return s
}
