package vga

import "encoding/binary"

// Whole blocks through the legacy window: what firmware and bus masters move at once. Each byte is as one access of a processor; text
// modes, in which nothing but the address chooses the plane, have a short way.

// ReadBlock implements mmu.BlockHandler.
func (w Window) ReadBlock(off uint64, p []byte) {
	v := w.v
	if !v.plainText(uint32(off), len(p)) || !v.readsText() {
		for k := range p {
			p[k] = v.readWindow(uint32(off) + uint32(k))
		}
		return
	}
	a, _ := v.decode(uint32(off))
	for k := range p {
		i := cell(a &^ 1)
		p[k] = v.vram[i+a&1]
		a++
	}
	if len(p) > 0 {
		v.s.Latch = binary.LittleEndian.Uint32(v.vram[cell((a-1)&^1):])
	}
}

// WriteBlock implements mmu.BlockHandler.
func (w Window) WriteBlock(off uint64, p []byte) {
	v := w.v
	if !v.plainText(uint32(off), len(p)) || !v.writesText() {
		for k, b := range p {
			v.writeWindow(uint32(off)+uint32(k), b)
		}
		return
	}
	a, _ := v.decode(uint32(off))
	v.touched = true
	for _, b := range p {
		i := cell(a &^ 1)
		v.vram[i+a&1] = b
		v.marks[i>>pageShift] = true
		a++
	}
}

// plainText tells whether n bytes from off on are text memory as text modes have it: even addresses in plane 0, odd ones in plane 1.
func (v *VGA) plainText(off uint32, n int) bool {
	a, ok := v.decode(off)
	if !ok || !v.oddEven() {
		return false
	}
	_, ok = v.decode(off + uint32(max(n, 1)) - 1)
	return ok && a+uint32(n) <= 0x10000
}

// FillBlock writes n elements.
func (w Window) FillBlock(off uint64, n, size int, val uint64) {
	for i := range n * size {
		w.v.writeWindow(uint32(off)+uint32(i), uint8(val>>(8*(i%size))))
	}
}

// CopyBlock reads and writes n elements in turn.
func (w Window) CopyBlock(to, from uint64, n, size int) {
	for range n {
		w.WriteMMIO(to, size, w.ReadMMIO(from, size))
		to, from = to+uint64(size), from+uint64(size)
	}
}
