package vga

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// Blocks are what so many accesses of a byte are, in any state of the registers.
func TestBlocks(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	one, many := newSized(t, 1<<20), newSized(t, 1<<20)
	for n := range 500 {
		type write struct {
			port uint16
			i, v uint8
		}
		var writes []write
		for range min(n, 3) {
			x := write{portGfxIndex, uint8(random.IntN(9)), uint8(random.Uint32())}
			if random.IntN(2) == 0 {
				x.port, x.i = portSeqIndex, uint8(2+random.IntN(3))
			}
			writes = append(writes, x)
		}
		for _, b := range []*bench{one, many} {
			b.v.SetTextMode(nil)
			for i := range b.v.vram[:0x40000] {
				b.v.vram[i] = uint8(i * 7 >> 3)
			}
			for _, x := range writes {
				b.set(x.port, x.i, x.v)
			}
			clear(b.v.marks)
		}
		off, p := uint64(0x18000+random.IntN(0x7000)), make([]byte, random.IntN(200))
		for i := range p {
			p[i] = uint8(random.Uint32())
		}
		for i, b := range p {
			one.win.WriteMMIO(off+uint64(i), 1, uint64(b))
		}
		many.win.WriteBlock(off, p)
		if !bytes.Equal(one.v.vram[:0x40000], many.v.vram[:0x40000]) {
			t.Fatalf("write %d bytes at %#x: other memory; %+v", len(p), off, writes)
		}
		got, want := make([]byte, len(p)), make([]byte, len(p))
		for i := range want {
			want[i] = uint8(one.win.ReadMMIO(off+uint64(i), 1))
		}
		many.win.ReadBlock(off, got)
		if !bytes.Equal(got, want) || one.v.s.Latch != many.v.s.Latch {
			t.Fatalf("read %d bytes at %#x: % x, want % x; latch %x, %x; %+v", len(p), off, got, want, many.v.s.Latch, one.v.s.Latch, writes)
		}
		for i := range one.v.marks {
			if one.v.marks[i] && !many.v.marks[i] {
				t.Fatalf("page %d is not marked", i)
			}
		}
	}
}
