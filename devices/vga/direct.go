package vga

import (
	"bytes"
	"encoding/binary"
)

// Parts of the legacy window that the processor reaches as memory, while the registers leave nothing to do between it and the bytes. Reads there
// do not load the latches.

// DirectSize is the part of the window that shows VRAM: what banks move over it. TextSize is text memory, at B0000h or B8000h.
const (
	DirectSize = 64 << 10
	TextSize   = 32 << 10
)

// direct is what of the window is memory.
type direct struct {
	size uint32 // 0: nothing
	off  uint32 // in the window
	from uint32 // in VRAM
	text bool   // text memory
}

// text is the processor's view of planes 0 and 1 in text modes: characters and attributes side by side, which they are not in VRAM. While it is
// mapped, the planes follow when somebody needs them (see storeText), and what is written to VRAM otherwise does not show in it.
type textMemory struct {
	mem    []byte // TextSize bytes, or none: text memory is not mapped
	stored []byte // what of it the planes have
}

// plain tells whether what the processor reads and writes at A0000h is the bytes of VRAM from the bank on.
func (v *VGA) plain() bool {
	s := &v.s
	g := &s.Gfx
	return s.Seq[seqMemory]&seqChain4 != 0 && s.Seq[seqMap] == 0x0f && s.Misc&miscRAM != 0 && g[gfxMisc]>>2&3 <= 1 &&
		g[gfxMode]&(8|3) == 0 && (v.dispiOn() || g[gfxBitMask] == 0xff && g[gfxRotate] == 0 && g[gfxEnableSR] == 0)
}

// oddEven tells whether even addresses are plane 0 and odd ones plane 1.
func (v *VGA) oddEven() bool {
	s := &v.s
	return s.Seq[seqMemory]&(seqChain4|seqSequential) == 0 && s.Bank == 0 && !v.dispiOn()
}

// readsText and writesText tell whether with oddEven nothing but that happens to bytes on their way.
func (v *VGA) readsText() bool {
	g := &v.s.Gfx
	return g[gfxMode]&gfxOddEven != 0 && g[gfxMode]&8 == 0 && g[gfxReadMap] <= 1
}

func (v *VGA) writesText() bool {
	g := &v.s.Gfx
	return g[gfxMode]&3 == 0 && g[gfxRotate] == 0 && g[gfxEnableSR]&3 == 0 && g[gfxBitMask] == 0xff && v.s.Seq[seqMap] == 3
}

// wanted is what can be memory now.
func (v *VGA) wanted() direct {
	w := &windows[v.s.Gfx[gfxMisc]>>2&3]
	switch {
	case v.plain():
		return direct{size: DirectSize, from: v.s.Bank << 16}
	case v.text.mem != nil && w.size == TextSize && v.s.Misc&miscRAM != 0 && v.oddEven() && v.readsText() && v.writesText():
		return direct{size: TextSize, off: w.base, text: true}
	}
	return direct{}
}

// updateWindow maps what can be memory.
func (v *VGA) updateWindow() {
	w := v.wanted()
	if v.mapWindow == nil || w == v.direct {
		return
	}
	v.storeText()
	v.unmapWindow()
	switch {
	case w.text:
		v.loadText()
		v.mapWindow(w.off, w.size, v.text.mem)
	case w.size > 0:
		v.mapWindow(w.off, w.size, v.vram[w.from:w.from+w.size:w.from+w.size])
	}
	v.direct = w
}

// unmapWindow takes away what is mapped. What was written to text memory is lost unless it is stored.
func (v *VGA) unmapWindow() {
	if v.direct.size > 0 {
		v.mapWindow(v.direct.off, v.direct.size, nil)
	}
	v.direct = direct{}
}

// loadText fills text memory from the planes.
func (v *VGA) loadText() {
	t := &v.text
	for a := uint32(0); a < TextSize; a += 2 {
		copy(t.mem[a:a+2], v.vram[cell(a):])
	}
	copy(t.stored, t.mem)
}

// storeText brings to the planes what has been written to text memory.
func (v *VGA) storeText() {
	t := &v.text
	if !v.direct.text || bytes.Equal(t.mem, t.stored) {
		return
	}
	v.touched = true
	for a := uint32(0); a < TextSize; a += 2 {
		c := binary.LittleEndian.Uint16(t.mem[a:])
		if c == binary.LittleEndian.Uint16(t.stored[a:]) {
			continue
		}
		i := cell(a)
		binary.LittleEndian.PutUint16(v.vram[i:], c)
		binary.LittleEndian.PutUint16(t.stored[a:], c)
		v.marks[i>>pageShift] = true
	}
}
