package mmu

import (
	"sync/atomic"
	"unsafe"
)

// Tracker tells which pages of a piece of RAM have been written to. While it is on, pages that have not been are marked
// PageClean: the first store to each comes to Space, later ones go on at full speed. Off it costs nothing.
type Tracker struct {
	s     *Space
	ram   []byte
	flags []uint32 // of all mappings of the RAM
	on    bool
}

// NewTracker makes a tracker of host memory p (as for MapRAM), which is not yet mapped.
func (s *Space) NewTracker(p []byte) *Tracker {
	t := &Tracker{s: s, ram: p, flags: make([]uint32, len(p)>>PageShift)}
	s.tracked = append(s.tracked, t)
	return t
}

// flagsFor returns the flags of the pages of p: those of its tracker, or new ones.
func (s *Space) flagsFor(p []byte) []uint32 {
	for _, t := range s.tracked {
		off := uintptr(unsafe.Pointer(unsafe.SliceData(p))) - uintptr(unsafe.Pointer(unsafe.SliceData(t.ram)))
		if off < uintptr(len(t.ram)) {
			return t.flags[off>>PageShift:]
		}
	}
	return make([]uint32, len(p)>>PageShift)
}

// Start begins to track. All pages count as not written to.
func (t *Tracker) Start() {
	t.on = true
	t.Harvest(func(int) {})
}

// Stop ends it.
func (t *Tracker) Stop() {
	t.on = false
	for i := range t.flags {
		clearFlag(&t.flags[i], PageClean)
	}
}

// Harvest calls f for each page that has been written to since Start or the last call.
func (t *Tracker) Harvest(f func(page int)) {
	if !t.on {
		return
	}
	if t.s.OnHarvest != nil {
		t.s.OnHarvest(t.ram)
	}
	found := false
	for i := range t.flags {
		if atomic.LoadUint32(&t.flags[i])&PageClean == 0 {
			orFlag(&t.flags[i], PageClean)
			found = true
			f(i)
		}
	}
	if found && t.s.OnClean != nil {
		lo := uintptr(unsafe.Pointer(unsafe.SliceData(t.ram)))
		t.s.OnClean(lo, lo+uintptr(len(t.ram)))
	}
}

func clearFlag(f *uint32, bit uint32) {
	for {
		o := atomic.LoadUint32(f)
		if o&bit == 0 || atomic.CompareAndSwapUint32(f, o, o&^bit) {
			return
		}
	}
}
