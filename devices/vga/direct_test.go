package vga

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
)

// window is the processor's side of a VGA whose window is mapped where it can be.
type window struct {
	*bench
	off  uint32
	mem  []byte
	maps int
}

func newMapped(t testing.TB) *window {
	w := &window{bench: newSized(t, 1<<20)}
	w.v.mapWindow = func(off, size uint32, p []byte) {
		if (p == nil) != (w.mem != nil) || p == nil && (off != w.off || int(size) != len(w.mem)) || p != nil && int(size) != len(p) {
			t.Fatalf("mapped %d bytes at %#x, now %d of %d bytes at %#x", len(w.mem), w.off, len(p), size, off)
		}
		w.off, w.mem = off, p
		w.maps++
	}
	w.v.text = textMemory{mem: make([]byte, TextSize), stored: make([]byte, TextSize)}
	return w
}

// store writes a byte as the processor does.
func (w *window) store(off uint32, b uint8) {
	if at := off - w.off; at < uint32(len(w.mem)) {
		w.mem[at] = b
		return
	}
	w.win.WriteMMIO(uint64(off), 1, uint64(b))
}

// Whether parts of the window are memory is nothing that a program, a picture or a saved state shows.
func TestMappedWindow(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	w, want := newMapped(t), newSized(t, 1<<20)
	settings := [][]struct {
		port uint16
		i, v uint8
	}{
		{{portGfxIndex, gfxMisc, 0x0e}}, // colour text
		{{portGfxIndex, gfxMisc, 0x0a}}, // monochrome text
		{{portSeqIndex, seqMap, 4}, {portSeqIndex, seqMemory, 6}, {portGfxIndex, gfxReadMap, 2}, {portGfxIndex, gfxMode, 0}, {portGfxIndex, gfxMisc, 0}}, // fonts
		{{portSeqIndex, seqMap, 3}, {portSeqIndex, seqMemory, 2}, {portGfxIndex, gfxReadMap, 0}, {portGfxIndex, gfxMode, 0x10}, {portGfxIndex, gfxMisc, 0x0e}},
		{{portSeqIndex, seqMap, 15}, {portSeqIndex, seqMemory, 0x0e}, {portGfxIndex, gfxMode, 0x40}, {portGfxIndex, gfxMisc, 5}}, // 256 colours
		{{portGfxIndex, gfxRotate, 1}}, {{portGfxIndex, gfxRotate, 0}},
		{{portGfxIndex, gfxBitMask, 0xf0}}, {{portGfxIndex, gfxBitMask, 0xff}},
		{{portGfxIndex, gfxEnableSR, 1}}, {{portGfxIndex, gfxEnableSR, 0}},
		{{portSeqIndex, seqMap, 1}}, {{portSeqIndex, seqMap, 3}},
	}
	var f, g Frame
	mapped := 0
	for n := range 1000 {
		what := random.IntN(20)
		s, off, count := settings[random.IntN(len(settings))], uint32(random.IntN(WindowSize)), random.IntN(100)
		if random.IntN(2) == 0 {
			off = 0x18000 + off%4000
		}
		seed := random.Uint64()
		for _, b := range []*bench{w.bench, want} {
			switch {
			case what == 0 || n == 0:
				b.v.SetTextMode(bytes.Repeat([]byte{0x81}, 4096))
			case what == 1:
				b.dispi(dispiXRes, 320)
				b.dispi(dispiYRes, 200)
				b.dispi(dispiBPP, 8)
				b.dispi(dispiEnable, dispiEnabled)
			case what == 2:
				b.dispi(dispiEnable, 0)
			case what == 3:
				if err := b.v.RestoreState(b.v.SaveState()); err != nil {
					t.Fatal(err)
				}
			case what < 10:
				for _, x := range s {
					b.set(x.port, x.i, x.v)
				}
			}
		}
		if w.mem != nil {
			mapped++
		}
		values := rand.New(rand.NewPCG(seed, 0))
		for i := range uint32(count) {
			c := uint8(values.Uint32())
			w.store((off+i)%WindowSize, c)
			want.win.WriteMMIO(uint64((off+i)%WindowSize), 1, uint64(c))
		}
		for i, c := range w.mem {
			if n%16 == 0 && c != want.v.readWindow(w.off+uint32(i)) {
				t.Fatalf("step %d: byte %#x is %#x", n, w.off+uint32(i), c)
			}
		}
		w.v.s.Latch, want.v.s.Latch = 0, 0
		if random.IntN(4) == 0 {
			if w.v.Look(&f) != want.v.Look(&g) || !slices.Equal(f.Pix, g.Pix) || !slices.Equal(f.Dirty, g.Dirty) {
				t.Fatalf("step %d: other pictures", n)
			}
			var a, b Screen
			if (w.v.Text(&a) == nil) != (want.v.Text(&b) == nil) || !a.Equal(&b) {
				t.Fatalf("step %d: other texts", n)
			}
		}
		if random.IntN(4) == 0 {
			if w.v.SaveState(); !bytes.Equal(w.v.vram, want.v.vram) {
				t.Fatalf("step %d: other memory", n)
			}
		}
	}
	if w.maps < 50 || mapped < 200 {
		t.Errorf("the window was memory in %d steps, and mapped %d times", mapped, w.maps)
	}
}
