package display

import (
	"encoding/binary"
	"math/rand/v2"
)

// Operations of script.asm.
const (
	opEnd = iota
	opOutB
	opOutW
	opInB
	opInW
	opCopy
	opFill
	opPeek
	opFrame
	opZero
	opMove
	opScroll
	opDrop
)

// script is what the guest is to do.
type script []byte

func (s *script) u16(v ...uint16) {
	for _, v := range v {
		*s = binary.LittleEndian.AppendUint16(*s, v)
	}
}

func (s *script) u32(v ...uint32) {
	for _, v := range v {
		*s = binary.LittleEndian.AppendUint32(*s, v)
	}
}

func (s *script) out(port uint16, v uint8) {
	*s = append(*s, opOutB)
	s.u16(port)
	*s = append(*s, v)
}

func (s *script) outw(port, v uint16) {
	*s = append(*s, opOutW)
	s.u16(port, v)
}

func (s *script) in(port uint16) {
	*s = append(*s, opInB)
	s.u16(port)
}

func (s *script) inw(port uint16) {
	*s = append(*s, opInW)
	s.u16(port)
}

func (s *script) copy(at uint32, p []byte) {
	*s = append(*s, opCopy)
	s.u32(at, uint32(len(p)))
	*s = append(*s, p...)
}

func (s *script) fill(at, n uint32, v uint8) {
	*s = append(*s, opFill)
	s.u32(at, n)
	*s = append(*s, v)
}

func (s *script) peek(at uint32) {
	*s = append(*s, opPeek)
	s.u32(at)
}

func (s *script) move(to, from, n uint32) {
	*s = append(*s, opMove)
	s.u32(to, from, n)
}

func (s *script) scroll(times, to, from, words uint32) {
	*s = append(*s, opScroll)
	s.u32(times, to, from, words)
}

// frame does what f says with addresses in the frame buffer.
func (s *script) frame(f func()) {
	*s = append(*s, opFrame)
	f()
	*s = append(*s, opZero)
}

// set writes an indexed register.
func (s *script) set(port uint16, i, v uint8) {
	s.out(port, i)
	s.out(port+1, v)
}

func (s *script) seq(i, v uint8)  { s.set(0x3c4, i, v) }
func (s *script) crtc(i, v uint8) { s.set(0x3d4, i, v) }
func (s *script) gfx(i, v uint8)  { s.set(0x3ce, i, v) }

// reset makes the next write to the attribute controller an index: status 1 is read, but not printed, as it changes with time.
func (s *script) reset() {
	*s = append(*s, opDrop)
	s.u16(0x3da)
}

// attr writes a register of the attribute controller and leaves the screen on.
func (s *script) attr(i, v uint8) {
	s.reset()
	s.out(0x3c0, i)
	s.out(0x3c0, v)
	s.out(0x3c0, 0x20)
}

// dispi writes a register of the Bochs display interface.
func (s *script) dispi(i, v uint16) {
	s.outw(0x1ce, i)
	s.outw(0x1cf, v)
}

// vgaMode is the registers of a mode: miscellaneous output, sequencer, CRT, graphics and attribute controllers.
type vgaMode struct {
	misc uint8
	seq  [5]uint8
	crtc [25]uint8
	gfx  [9]uint8
	attr [21]uint8
}

func (s *script) mode(m *vgaMode) {
	s.dispi(4, 0)
	s.out(0x3c2, m.misc)
	for i, v := range m.seq {
		s.seq(uint8(i), v)
	}
	s.crtc(0x11, 0)
	for i, v := range m.crtc {
		s.crtc(uint8(i), v)
	}
	for i, v := range m.gfx {
		s.gfx(uint8(i), v)
	}
	for i, v := range m.attr {
		s.attr(uint8(i), v)
	}
	s.palette()
}

// palette fills the DAC with colours that all differ.
func (s *script) palette() {
	s.out(0x3c6, 0xff)
	s.out(0x3c8, 0)
	for i := range 256 {
		for _, c := range [3]int{i >> 2, i&3<<4 | i>>4, i * 5 & 63} {
			s.out(0x3c9, uint8(c))
		}
	}
}

// noise is n bytes that depend on seed alone.
func noise(n int, seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(r.Uint32())
	}
	return p
}

// font loads glyphs of 16 rows in font 0, and others in font 1.
func (s *script) font() {
	s.seq(2, 4)
	s.seq(4, 6)
	s.gfx(5, 0)
	s.gfx(6, 4)
	s.copy(0xa0000, noise(16<<10, 7))
	s.seq(2, 3)
	s.seq(4, 2)
	s.gfx(5, 0x10)
	s.gfx(6, 0x0e)
}

// planes fills n bytes of each plane.
func (s *script) planes(n int, seed uint64) {
	for p := range uint8(4) {
		s.seq(2, 1<<p)
		s.copy(0xa0000, noise(n, seed+uint64(p)))
	}
	s.seq(2, 15)
}

func seqAttr(mode, planes uint8) (a [21]uint8) {
	for i := range uint8(16) {
		a[i] = i
	}
	a[16], a[18] = mode, planes
	return a
}

// egaAttr is the palette of the EGA.
func egaAttr(mode, planes uint8) (a [21]uint8) {
	for i := range uint8(16) {
		a[i] = i&7 | i>>3*0x38
	}
	a[6], a[16], a[18] = 0x14, mode, planes
	return a
}

// panned sets the horizontal panning: 8 is none where characters have 9 dots.
func panned(a [21]uint8, n uint8) [21]uint8 {
	a[19] = n
	return a
}

// The modes of IBM's VGA, by number.
var (
	mode3 = vgaMode{0x67, [5]uint8{3, 0, 3, 0, 2},
		[25]uint8{0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0, 0x4f, 0x20, 0x0e, 0, 0, 0, 0, 0x9c, 0x8e, 0x8f, 0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff},
		[9]uint8{0, 0, 0, 0, 0, 0x10, 0x0e, 0, 0xff}, panned(egaAttr(0x04, 0x0f), 8)}
	mode1 = vgaMode{0x67, [5]uint8{3, 9, 3, 0, 2},
		[25]uint8{0x2d, 0x27, 0x28, 0x90, 0x2b, 0xa0, 0xbf, 0x1f, 0, 0x4f, 0x20, 0x0e, 0, 0, 0, 0, 0x9c, 0x8e, 0x8f, 0x14, 0x1f, 0x96, 0xb9, 0xa3, 0xff},
		[9]uint8{0, 0, 0, 0, 0, 0x10, 0x0e, 0, 0xff}, egaAttr(0x00, 0x0f)}
	mode4 = vgaMode{0x63, [5]uint8{3, 9, 3, 0, 2},
		[25]uint8{0x2d, 0x27, 0x28, 0x90, 0x2b, 0x80, 0xbf, 0x1f, 0, 0xc1, 0, 0, 0, 0, 0, 0, 0x9c, 0x8e, 0x8f, 0x14, 0, 0x96, 0xb9, 0xa2, 0xff},
		[9]uint8{0, 0, 0, 0, 0, 0x30, 0x0f, 0, 0xff},
		[21]uint8{0, 0x13, 0x15, 0x17, 2, 4, 6, 7, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 1, 0, 3, 0, 0}}
	mode6 = vgaMode{0x63, [5]uint8{3, 1, 1, 0, 6},
		[25]uint8{0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f, 0, 0xc1, 0, 0, 0, 0, 0, 0, 0x9c, 0x8e, 0x8f, 0x28, 0, 0x96, 0xb9, 0xc2, 0xff},
		[9]uint8{0, 0, 0, 0, 0, 0, 0x0d, 0, 0xff},
		[21]uint8{0, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 1, 0, 1, 0, 0}}
	mode0D = vgaMode{0x63, [5]uint8{3, 9, 15, 0, 6},
		[25]uint8{0x2d, 0x27, 0x28, 0x90, 0x2b, 0x80, 0xbf, 0x1f, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x9c, 0x8e, 0x8f, 0x14, 0, 0x96, 0xb9, 0xe3, 0xff},
		[9]uint8{0, 0, 0, 0, 0, 0, 5, 15, 0xff}, seqAttr(1, 15)}
	mode0E = vgaMode{0x63, [5]uint8{3, 1, 15, 0, 6},
		[25]uint8{0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x9c, 0x8e, 0x8f, 0x28, 0, 0x96, 0xb9, 0xe3, 0xff},
		[9]uint8{0, 0, 0, 0, 0, 0, 5, 15, 0xff}, seqAttr(1, 15)}
	mode10 = vgaMode{0xa3, [5]uint8{3, 1, 15, 0, 6},
		[25]uint8{0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f, 0, 0x40, 0, 0, 0, 0, 0, 0, 0x83, 0x85, 0x5d, 0x28, 0x0f, 0x63, 0xba, 0xe3, 0xff},
		[9]uint8{0, 0, 0, 0, 0, 0, 5, 15, 0xff}, egaAttr(1, 15)}
	mode12 = vgaMode{0xe3, [5]uint8{3, 1, 15, 0, 6},
		[25]uint8{0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0x0b, 0x3e, 0, 0x40, 0, 0, 0, 0, 0, 0, 0xea, 0x8c, 0xdf, 0x28, 0, 0xe7, 4, 0xe3, 0xff},
		[9]uint8{0, 0, 0, 0, 0, 0, 5, 15, 0xff}, egaAttr(1, 15)}
	mode13 = vgaMode{0x63, [5]uint8{3, 1, 15, 0, 14},
		[25]uint8{0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f, 0, 0x41, 0, 0, 0, 0, 0, 0, 0x9c, 0x8e, 0x8f, 0x28, 0x40, 0x96, 0xb9, 0xa3, 0xff},
		[9]uint8{0, 0, 0, 0, 0, 0x40, 5, 15, 0xff}, seqAttr(0x41, 15)}
	modeX = vgaMode{0xe3, [5]uint8{3, 1, 15, 0, 6}, // 320x240
		[25]uint8{0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0x0d, 0x3e, 0, 0x41, 0, 0, 0, 0, 0, 0, 0xea, 0xac, 0xdf, 0x28, 0, 0xe7, 6, 0xe3, 0xff},
		[9]uint8{0, 0, 0, 0, 0, 0x40, 5, 15, 0xff}, seqAttr(0x41, 15)}
)
