package mmu

import "unsafe"

// Slot is a piece of the address space that a processor may reach by itself: whole pages of memory.
type Slot struct {
	Base     uint64
	Mem      []byte // whole pages, on a page boundary of the host
	ReadOnly bool   // writes come to Space.Write
	Tracked  bool   // a Tracker wants to know of writes
}

// lineA20 is the address line that the A20 gate switches off.
const lineA20 = 1 << 20

// foldTop bounds the addresses below which Slots shows what the A20 gate does: those of the 80286, for whose programs it is.
const foldTop = 16 << 20

// Slots lists the memory in order. What lies beside, also pages that are memory only in part, is left to Read and Write.
func (s *Space) Slots() []Slot {
	list := s.pieces()
	if s.Mask&lineA20 == 0 {
		list = fold(list)
	}
	return list
}

// pieces puts neighbours in the host's memory together, and leaves out pages that are not whole.
func (s *Space) pieces() (list []Slot) {
	var last Slot
	flush := func() {
		skip := -last.Base & PageMask
		if n := uint64(len(last.Mem)); n > skip {
			last.Mem = last.Mem[skip : skip+(n-skip)&^PageMask]
			last.Base += skip
		} else {
			last.Mem = nil
		}
		if len(last.Mem) > 0 && place(last.Mem)&PageMask == 0 {
			list = append(list, last)
		}
	}
	for _, r := range s.flat {
		if r.RAM == nil || !r.ReadOnly && r.IO != nil {
			continue
		}
		x := Slot{Base: r.Base, Mem: r.RAM, ReadOnly: r.ReadOnly, Tracked: s.tracks(r.RAM)}
		if n := uint64(len(last.Mem)); n > 0 && last.Base+n == x.Base && place(last.Mem)+uintptr(n) == place(x.Mem) &&
			last.ReadOnly == x.ReadOnly && last.Tracked == x.Tracked && uint64(cap(last.Mem)) >= n+uint64(len(x.Mem)) {
			last.Mem = last.Mem[:n+uint64(len(x.Mem))]
			continue
		}
		flush()
		last = x
	}
	flush()
	return list
}

// fold puts what lies in each even MiB below foldTop in the odd one above it.
func fold(list []Slot) (folded []Slot) {
	for at := uint64(0); at < foldTop; at += lineA20 {
		for _, x := range list {
			if c, ok := x.cut(at&^lineA20, at&^lineA20+lineA20); ok {
				c.Base |= at & lineA20
				folded = append(folded, c)
			}
		}
	}
	for _, x := range list {
		if c, ok := x.cut(foldTop, ^uint64(PageMask)); ok {
			folded = append(folded, c)
		}
	}
	return folded
}

// cut is the part of x from lo to hi.
func (x Slot) cut(lo, hi uint64) (Slot, bool) {
	from, to := max(x.Base, lo), min(x.Base+uint64(len(x.Mem)), hi)
	if from >= to {
		return x, false
	}
	x.Mem = x.Mem[from-x.Base : to-x.Base]
	x.Base = from
	return x, true
}

// place is where host memory is.
func place(p []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(p))) }

// tracks tells whether a Tracker is for host memory p.
func (s *Space) tracks(p []byte) bool {
	for _, t := range s.tracked {
		if place(p)-place(t.ram) < uintptr(len(t.ram)) {
			return true
		}
	}
	return false
}

// Wrote notes that a processor has written by itself to host memory p, for Trackers. Pages that it has a part of count.
func (s *Space) Wrote(p []byte) {
	for _, t := range s.tracked {
		off := place(p) - place(t.ram)
		if off >= uintptr(len(t.ram)) {
			continue
		}
		last := min(off+uintptr(len(p))-1, uintptr(len(t.ram))-1)
		for i := off >> PageShift; i <= last>>PageShift; i++ {
			clearFlag(&t.flags[i], PageClean)
		}
	}
}
