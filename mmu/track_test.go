package mmu

import (
	"slices"
	"testing"
)

func TestTracker(t *testing.T) {
	s := NewSpace(40)
	ram, err := AllocRAM(8 << PageShift)
	if err != nil {
		t.Fatal(err)
	}
	tr := s.NewTracker(ram)
	s.MapRAM(0x10000, ram, false)
	s.MapRAM(0xa0000, ram[2<<PageShift:4<<PageShift], false) // a second way to pages 2 and 3
	cleaned := 0
	s.OnClean = func(lo, hi uintptr) { cleaned++ }
	writable := func(phys uint64) bool {
		_, w, _ := s.HostPage(phys)
		return w
	}
	pages := func(want ...int) {
		t.Helper()
		var got []int
		tr.Harvest(func(p int) { got = append(got, p) })
		if !slices.Equal(got, want) {
			t.Errorf("pages %v, want %v", got, want)
		}
	}
	if s.Write(0x10000, 1, 1); !writable(0x10000) || cleaned != 0 {
		t.Error("tracked before Start")
	}
	pages()
	tr.Start()
	if writable(0x10000) || writable(0xa1000) || cleaned != 1 {
		t.Error("stores need not come to Space")
	}
	pages()
	s.Write(0x10ffc, 8, 1)
	s.Write(0xa0000, 1, 1)
	if err := s.WritePhys(0x15fff, []byte{1, 2}); err != nil {
		t.Fatal(err)
	}
	if !writable(0x10000) || !writable(0x12000) || writable(0x13000) {
		t.Error("pages that are written to are not written to directly from then on, or others are")
	}
	pages(0, 1, 2, 5, 6)
	pages()
	s.Unmap(0x10000, uint64(len(ram)))
	s.MapRAM(0x40000, ram, false)
	if writable(0x40000) {
		t.Error("forgotten when it was moved")
	}
	s.Write(0x47000, 4, 1)
	pages(7)
	tr.Stop()
	if !writable(0x40000) || !writable(0xa0000) {
		t.Error("tracked after Stop")
	}
	pages()
}
