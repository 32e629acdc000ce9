package mmu

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type noIO struct{}

func (noIO) ReadMMIO(uint64, int) uint64   { return 0 }
func (noIO) WriteMMIO(uint64, int, uint64) {}

func alloc(t *testing.T, n uint64) []byte {
	t.Helper()
	p, err := AllocRAM(n)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { FreeRAM(p) })
	return p
}

// show tells where slots are and which page of ram each begins with.
func show(list []Slot, ram []byte) (lines []string) {
	for _, x := range list {
		l := fmt.Sprintf("%#x+%#x", x.Base, len(x.Mem))
		if off := place(x.Mem) - place(ram); off < uintptr(len(ram)) {
			l += fmt.Sprintf(" ram %#x", off)
		}
		if x.ReadOnly {
			l += " ro"
		}
		if x.Tracked {
			l += " tracked"
		}
		lines = append(lines, l)
	}
	return lines
}

func TestSlots(t *testing.T) {
	ram, rom, video := alloc(t, 1<<21), alloc(t, 0x10000), alloc(t, 0x8000)
	s := NewSpace(40)
	s.NewTracker(video)
	s.MapRAM(0, ram, false)
	s.MapIO(0xa0000, 0x20000, noIO{})
	smram := s.MapWindow(0xa0000, ram[0xa0000:0xc0000])
	check := func(what string, want ...string) {
		t.Helper()
		if d := cmp.Diff(want, show(s.Slots(), ram)); d != "" {
			t.Errorf("%s: (-want +got)\n%s", what, d)
		}
	}
	check("RAM with a hole", "0x0+0xa0000 ram 0x0", "0xc0000+0x140000 ram 0xc0000")
	s.OpenWindow(smram, true)
	check("SMRAM fills it", "0x0+0x200000 ram 0x0")
	s.OpenWindow(smram, false)
	s.MapRAM(0xb8000, video, false)
	s.MapRAM(0xf0000, rom, true)
	check("video memory and ROM", "0x0+0xa0000 ram 0x0", "0xb8000+0x8000 tracked", "0xc0000+0x30000 ram 0xc0000", "0xf0000+0x10000 ro", "0x100000+0x100000 ram 0x100000")
	s.Unmap(0xf0000, 0x10000)
	s.MapROM(0xf0000, rom, noIO{})
	check("flash", "0x0+0xa0000 ram 0x0", "0xb8000+0x8000 tracked", "0xc0000+0x30000 ram 0xc0000", "0xf0000+0x10000 ro", "0x100000+0x100000 ram 0x100000")
	s.Unmap(0xf0000, 0x10000)
	s.Unmap(0xb8000, 0x8000)
	s.MapIO(0x10010, 0x20, noIO{})
	check("a device of less than a page", "0x0+0x10000 ram 0x0", "0x11000+0x8f000 ram 0x11000", "0xc0000+0x140000 ram 0xc0000")
	s.Unmap(0x10010, 0x20)
	s.MapRAM(0x1000, ram[0x3000:0x5000], false)
	check("RAM over RAM", "0x0+0x1000 ram 0x0", "0x1000+0x2000 ram 0x3000", "0x3000+0x9d000 ram 0x3000", "0xc0000+0x140000 ram 0xc0000")
	s.Unmap(0x1000, 0x2000)
	s.MapIO(0x100000, 0x1000, noIO{})
	s.Mask &^= 1 << 20
	check("A20 off", "0x0+0xa0000 ram 0x0", "0xc0000+0x40000 ram 0xc0000", "0x100000+0xa0000 ram 0x0", "0x1c0000+0x40000 ram 0xc0000")
}

// Wherever a slot is, it has the bytes that the space has, with and without A20, and pages beside slots are not all plain memory.
func TestSlotsRandom(t *testing.T) {
	ram := alloc(t, 4<<20)
	for i := range ram {
		ram[i] = byte(i>>PageShift ^ i*7)
	}
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		s := NewSpace(40)
		s.MapRAM(0, ram[:3<<20], false)
		for range r.IntN(12) {
			page := r.Uint64N(1024)
			n := 1 + r.Uint64N(64)
			switch r.IntN(4) {
			case 0:
				s.MapIO(page<<PageShift+r.Uint64N(2)*16, n*32, noIO{})
			case 1:
				s.MapIO(page<<PageShift, n<<PageShift, noIO{})
			case 2:
				from := r.Uint64N(960) << PageShift
				s.MapRAM(page<<PageShift, ram[from:from+n<<PageShift], r.IntN(2) == 0)
			default:
				from := r.Uint64N(960) << PageShift
				s.OpenWindow(s.MapWindow(page<<PageShift, ram[from:from+n<<PageShift]), true)
			}
		}
		if r.IntN(2) == 0 {
			s.Mask &^= 1 << 20
		}
		slots := s.Slots()
		var next uint64
		covered := map[uint64]bool{}
		for _, x := range slots {
			if x.Base < next || x.Base&PageMask != 0 || len(x.Mem)&PageMask != 0 || len(x.Mem) == 0 {
				t.Fatalf("seed %d: slot at %#x of %#x bytes", seed, x.Base, len(x.Mem))
			}
			next = x.Base + uint64(len(x.Mem))
			for off := uint64(0); off < uint64(len(x.Mem)); off += PageSize {
				covered[x.Base+off] = true
				for in := off; in < off+PageSize; in += 16 {
					reg, at := s.Find(x.Base + in)
					if reg == nil || reg.RAM == nil || place(reg.RAM[at:]) != place(x.Mem[in:]) || reg.ReadOnly != x.ReadOnly {
						t.Fatalf("seed %d: slot at %#x has other memory at %#x", seed, x.Base, x.Base+in)
					}
				}
			}
		}
		for at := uint64(0); at < 5<<20; at += PageSize {
			if _, _, ok := s.HostPage(at); ok && !covered[at] {
				t.Fatalf("seed %d: no slot has the page at %#x", seed, at)
			}
		}
	}
}

// What a processor writes by itself is harvested.
func TestWrote(t *testing.T) {
	ram := alloc(t, 8<<PageShift)
	s := NewSpace(40)
	tr := s.NewTracker(ram)
	s.MapRAM(0, ram, false)
	tr.Start()
	asked := 0
	s.OnHarvest = func(p []byte) {
		if asked++; place(p) == place(ram) && len(p) == len(ram) && asked == 1 {
			s.Wrote(ram[2<<PageShift : 4<<PageShift])
			s.Wrote(ram[7<<PageShift+5 : 7<<PageShift+6])
		}
	}
	var got []int
	for range 2 {
		tr.Harvest(func(p int) { got = append(got, p) })
	}
	if d := cmp.Diff([]int{2, 3, 7}, got); d != "" || asked != 2 {
		t.Error(asked, d)
	}
}
