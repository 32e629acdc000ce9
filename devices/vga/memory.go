package vga

import (
	"encoding/binary"
	"math/bits"
)

const each = 0x01010101 // a byte in each plane

// planes spreads bits 0 to 3 over the bytes of the four planes.
var planes = [16]uint32{
	0x00000000, 0x000000ff, 0x0000ff00, 0x0000ffff, 0x00ff0000, 0x00ff00ff, 0x00ffff00, 0x00ffffff,
	0xff000000, 0xff0000ff, 0xff00ff00, 0xff00ffff, 0xffff0000, 0xffff00ff, 0xffffff00, 0xffffffff,
}

// cell is where in VRAM the four planes' bytes at an address of the planes lie. A VGA in a chain-4 mode uses every fourth address of
// a plane; in this order what the processor sees in these modes is contiguous.
func cell(o uint32) uint32 { return o&^0xffff<<2 | o&0xfffc | o&3<<16 }

// Window is the legacy window, as the processor sees it from WindowBase on: devices.MMIODevice.
type Window struct{ v *VGA }

// Window returns the legacy window.
func (v *VGA) Window() Window { return Window{v} }

// ReadMMIO implements devices.MMIODevice.
func (w Window) ReadMMIO(off uint64, size int) uint64 {
	var val uint64
	for i := range size {
		val |= uint64(w.v.readWindow(uint32(off)+uint32(i))) << (8 * i)
	}
	return val
}

// WriteMMIO implements devices.MMIODevice.
func (w Window) WriteMMIO(off uint64, size int, val uint64) {
	for i := range size {
		w.v.writeWindow(uint32(off)+uint32(i), uint8(val>>(8*i)))
	}
}

// windows are the parts of the window that bits 2 and 3 of gfxMisc choose.
var windows = [4]struct{ base, size uint32 }{{0, 0x20000}, {0, 0x10000}, {0x10000, 0x8000}, {0x18000, 0x8000}}

// decode gives the address that an offset in the window means; ok is false where nobody answers.
func (v *VGA) decode(off uint32) (a uint32, ok bool) {
	w := &windows[v.s.Gfx[gfxMisc]>>2&3]
	a = off - w.base
	return a, a < w.size && v.s.Misc&miscRAM != 0
}

// place finds the byte of VRAM where the planes of processor address a begin, and the planes that the address selects.
func (v *VGA) place(a uint32, oddEven bool) (i, sel uint32) {
	s := &v.s
	switch {
	case s.Seq[seqMemory]&seqChain4 != 0:
		i, sel = a&^3+s.Bank<<16, 1<<(a&3)
	case oddEven:
		i, sel = cell(a&0xfffe+s.Bank<<16), 5<<(a&1)
	default:
		i, sel = cell(a&0xffff+s.Bank<<16), 15
	}
	return i & uint32(len(v.vram)-1), sel
}

func (v *VGA) readWindow(off uint32) uint8 {
	a, ok := v.decode(off)
	if !ok {
		return 0xff
	}
	s := &v.s
	i, _ := v.place(a, s.Gfx[gfxMode]&gfxOddEven != 0)
	s.Latch = binary.LittleEndian.Uint32(v.vram[i:])
	if s.Gfx[gfxMode]&8 != 0 { // read mode 1: compare colours
		return compare(s.Latch, planes[s.Gfx[gfxCompare]], planes[s.Gfx[gfxDontCare]])
	}
	plane := uint32(s.Gfx[gfxReadMap])
	switch {
	case s.Seq[seqMemory]&seqChain4 != 0:
		plane = a & 3
	case s.Gfx[gfxMode]&gfxOddEven != 0:
		plane = plane&2 | a&1
	}
	return uint8(s.Latch >> (8 * plane))
}

// compare gives a 1 for each of eight pixels whose planes in mask are as those of colour.
func compare(latch, colour, mask uint32) uint8 {
	d := (latch ^ colour) & mask
	d |= d >> 16
	return ^uint8(d | d>>8)
}

func (v *VGA) writeWindow(off uint32, b uint8) {
	a, ok := v.decode(off)
	if !ok {
		return
	}
	s := &v.s
	i, sel := v.place(a, s.Seq[seqMemory]&seqSequential == 0)
	mask := planes[sel&uint32(s.Seq[seqMap])]
	x := uint32(b) * each
	if !v.dispiOn() || s.Seq[seqMemory]&seqChain4 == 0 { // there is no graphics controller on the way to linear modes
		x = v.value(b)
	}
	p := v.vram[i : i+4]
	old := binary.LittleEndian.Uint32(p)
	binary.LittleEndian.PutUint32(p, old&^mask|x&mask)
	v.touched = true
	v.marks[i>>pageShift] = true
}

// value is what the graphics controller makes of a byte that the processor writes, for the four planes.
func (v *VGA) value(b uint8) uint32 {
	s := &v.s
	var x uint32
	mask := uint32(s.Gfx[gfxBitMask]) * each
	switch s.Gfx[gfxMode] & 3 {
	case 0:
		x = uint32(bits.RotateLeft8(b, -int(s.Gfx[gfxRotate]&7))) * each
		set := planes[s.Gfx[gfxEnableSR]]
		x = x&^set | planes[s.Gfx[gfxSetReset]]&set
	case 1:
		return s.Latch
	case 2:
		x = planes[b&15]
	case 3:
		mask &= uint32(bits.RotateLeft8(b, -int(s.Gfx[gfxRotate]&7))) * each
		x = planes[s.Gfx[gfxSetReset]]
	}
	switch s.Gfx[gfxRotate] >> 3 & 3 {
	case 1:
		x &= s.Latch
	case 2:
		x |= s.Latch
	case 3:
		x ^= s.Latch
	}
	return x&mask | s.Latch&^mask
}
