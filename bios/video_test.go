package bios

import (
	"bytes"
	"encoding/binary"
	"testing"

	"goemu/bios/font"
	"goemu/devices"
	"goemu/devices/devtest"
	"goemu/devices/pci"
	"goemu/devices/portmap"
	"goemu/devices/vga"
	"goemu/mmu"
)

// videoBench is a display adapter on a PCI bus, memory, and a processor whose program is the test.
type videoBench struct {
	t     testing.TB
	clock devtest.Clock
	space *mmu.Space
	ports *portmap.Map
	vga   *vga.VGA
	fw    *Firmware
	state State
}

// spaceBus maps BARs.
type spaceBus struct{ s *mmu.Space }

func (b spaceBus) MapMMIO(base, size uint64, d devices.MMIODevice) { b.s.MapIO(base, size, d) }
func (b spaceBus) MapRAM(base uint64, p []byte, readOnly bool)     { b.s.MapRAM(base, p, readOnly) }
func (b spaceBus) UnmapMMIO(base, size uint64)                     { b.s.Unmap(base, size) }

const benchFrameBuffer = 0xe000_0000

func newVideoBench(t testing.TB) *videoBench {
	b := &videoBench{t: t, space: mmu.NewSpace(36), ports: portmap.New()}
	ram, err := mmu.AllocRAM(1 << 20)
	if err != nil {
		t.Fatal(err)
	}
	b.space.MapRAM(0, ram[:vga.WindowBase], false)
	b.space.MapRAM(videoROMBase, ram[videoROMBase:], false)
	vram, err := mmu.AllocRAM(16 << 20)
	if err != nil {
		t.Fatal(err)
	}
	if b.vga, err = vga.New(vga.Config{VRAM: vram, Clock: &b.clock}); err != nil {
		t.Fatal(err)
	}
	bus := pci.NewBus(b.ports, spaceBus{b.space})
	bus.MapInto(b.ports)
	if err := bus.Add(2, 0, b.vga.Function); err != nil {
		t.Fatal(err)
	}
	b.vga.MapInto(b.ports)
	b.space.MapIO(vga.WindowBase, vga.WindowSize, b.vga.Window())
	if b.fw, err = NewFirmware(Options{Memory: b.space, Ports: b.ports, Clock: &b.clock, VideoOnly: true}); err != nil {
		t.Fatal(err)
	}
	b.reset()
	return b
}

// reset is power-on and what firmware does then.
func (b *videoBench) reset() {
	b.vga.Reset()
	s := ConfigSpace{b.ports}
	s.Write(2<<3, regBAR, 4, benchFrameBuffer)
	s.Write(2<<3, regBAR+8, 4, 0xfe00_0000)
	s.Write(2<<3, regCommand, 2, commandMemory|commandIO)
	b.poke(0, make([]byte, 0x600))
	if err := InitVideo(b.space, b.ports); err != nil {
		b.t.Fatal(err)
	}
}

// Load implements CPU.
func (b *videoBench) Load(s *State) bool { *s = b.state; return true }

// Store implements CPU.
func (b *videoBench) Store(s *State) { b.state = *s }

// Access implements CPU: linear addresses are physical.
func (b *videoBench) Access(a uint64, p []byte, write bool) bool {
	if r, off := b.space.Find(a); r != nil && r.RAM != nil && off+uint64(len(p)) <= r.Size {
		if write {
			_ = b.space.WritePhys(a, p)
		} else {
			copy(p, r.RAM[off:])
		}
		return true
	}
	if b.space.Block(a, p, write) {
		return true
	}
	for len(p) > 0 { // as a processor does
		n := 1
		for n < 8 && 2*n <= len(p) && a&uint64(2*n-1) == 0 {
			n *= 2
		}
		var w [8]byte
		if write {
			copy(w[:], p[:n])
			b.space.Write(a, n, binary.LittleEndian.Uint64(w[:]))
		} else {
			binary.LittleEndian.PutUint64(w[:], b.space.Read(a, n))
			copy(p[:n], w[:])
		}
		a, p = a+uint64(n), p[n:]
	}
	return true
}

// call is INT 10h, with ES:DI and ES:BP at 20000h. It returns the registers.
func (b *videoBench) call(ax, bx, cx, dx uint16) *State {
	s := &b.state
	s.GPR = [8]uint32{AX: uint32(ax), BX: uint32(bx), CX: uint32(cx), DX: uint32(dx), SP: 0x7000}
	s.Seg[ES] = Segment{Selector: 0x2000, Base: 0x20000, Limit: 0xffff}
	s.At = b.fw.rom.symbols["video10"] + sizeOfOut
	b.fw.Trap(b)
	return s
}

func (b *videoBench) poke(a uint64, p []byte) {
	if err := b.space.WritePhys(a, p); err != nil {
		b.t.Fatal(err)
	}
}

func (b *videoBench) peek(a uint64, n int) []byte {
	p := make([]byte, n)
	b.Access(a, p, false)
	return p
}

func (b *videoBench) out(port uint16, v uint16) { b.ports.Out(port, 2, uint32(v)) }

func TestVideoROM(t *testing.T) {
	p, err := VideoROM()
	if err != nil {
		t.Fatal(err)
	}
	if len(p) != 32<<10 || int(p[2])*512 != len(p) || sum(p) != 0 || p[0] != 0x55 || p[1] != 0xaa {
		t.Errorf("%d bytes, header % x, sum %#x", len(p), p[:3], sum(p))
	}
	if !bytes.HasPrefix(p[0x1e:], []byte("IBM")) {
		t.Errorf("%q at 1Eh", p[0x1e:0x22])
	}
	pcir := p[le.Uint16(p[0x18:]):]
	if string(pcir[:4]) != "PCIR" || le.Uint32(pcir[4:]) != 0x1111_1234 || le.Uint16(pcir[0x10:]) != 64 || pcir[0x15] != 0x80 {
		t.Errorf("PCI data structure % x", pcir[:0x18])
	}
	for _, x := range []struct {
		at romOffset
		h  int
	}{{romFont8, 8}, {romFont14, 14}, {romFont16, 16}} {
		if !bytes.Equal(p[x.at:][:256*x.h], font.Glyphs(x.h)) {
			t.Errorf("font of %d rows", x.h)
		}
	}
	parts := []romOffset{romStrings, romStatic, romSave, romSave2, romCodes, romParameters, romFont8, romFont14, romFont16, romNine14, romNine16}
	ends := []int{int(uint16(vbeText(len(vbeTexts)))), 0x810, 0x83c, 0x85a, 0x870, 0x900 + 29*64, 0x2800, 0x3600, 0x4600,
		0x4600 + len(font.Nine(14)), 0x4800 + len(font.Nine(16))}
	for i := range parts[:len(parts)-1] {
		if ends[i] > int(parts[i+1]) {
			t.Errorf("what is at %#x ends at %#x, in what is at %#x", parts[i], ends[i], parts[i+1])
		}
	}
}

// Text mode 3 as InitVideo leaves it: what is written is on the screen, and the whole picture is the fonts' dots.
func TestTextScreen(t *testing.T) {
	b := newVideoBench(t)
	for _, ch := range []byte("Hello,\r\n\xc9\xcd\xbb") {
		b.call(0x0e00|uint16(ch), 7, 0, 0)
	}
	var s vga.Screen
	if err := b.vga.Text(&s); err != nil {
		t.Fatal(err)
	}
	if l := s.Lines(); l[0] != "Hello," || l[1] != "╔═╗" {
		t.Errorf("%q", l[:2])
	}
	if s.CursorX != 3 || s.CursorY != 1 {
		t.Errorf("cursor at %d,%d", s.CursorX, s.CursorY)
	}
	var f vga.Frame
	b.vga.Look(&f)
	if f.Width != 720 || f.Height != 400 {
		t.Fatalf("%dx%d", f.Width, f.Height)
	}
	for y := range 16 { // H, of 9 dots
		for x := range 9 {
			want := x < 8 && font.Glyphs(16)['H'*16+y]>>(7-x)&1 != 0
			if got := f.Pix[y*720+x] != f.Pix[719]; got != want {
				t.Errorf("dot %d,%d is %v", x, y, got)
			}
		}
	}
}

// A full screen scrolls by a line with each line feed at the bottom, for any page and size.
func TestTeletypeScrolls(t *testing.T) {
	for _, mode := range []uint16{1, 3, 7} {
		b := newVideoBench(t)
		b.call(mode, 0, 0, 0)
		for n := range 40 {
			for _, ch := range []byte{byte('A' + n%26), '\r', '\n'} {
				b.call(0x0e00|uint16(ch), 7, 0, 0)
			}
		}
		var s vga.Screen
		if err := b.vga.Text(&s); err != nil {
			t.Fatal(err)
		}
		for i, l := range s.Lines()[:24] {
			if want := string(rune('A' + (i+16)%26)); l != want {
				t.Errorf("mode %d, line %d: %q, want %q", mode, i, l, want)
			}
		}
	}
}

// State saved in one mode brings it back from another.
func TestSavedState(t *testing.T) {
	for _, modes := range [][2]uint16{{0x12, 3}, {3, 0x13}, {0x4101, 3}, {7, 3}, {3, 7}, {0x4115, 0x12}} {
		b := newVideoBench(t)
		set := func(n uint16) {
			if n >= 0x100 {
				b.call(0x4f02, n, 0, 0)
			} else {
				b.call(n, 0, 0, 0)
			}
		}
		set(modes[0])
		b.call(0x0200, 0, 0, 0x0507)
		b.call(0x1010, 0x0005, 0x1122, 0x3300)
		want := b.vga.SaveState()
		size := b.call(0x4f04, 0, 15, 0).GPR[BX] * 64
		b.poke(0x20000+uint64(size), []byte{0x5a})
		b.call(0x4f04, 0, 15, 1)
		if p := b.peek(0x20000+uint64(size), 1); p[0] != 0x5a {
			t.Errorf("%x: more than %d bytes were saved", modes, size)
		}
		bda := b.peek(0x449, 0x42)
		set(modes[1])
		b.call(0x4f04, 0, 15, 2)
		got := b.vga.SaveState()
		if got.CRTC != want.CRTC || got.Attr != want.Attr || got.Misc != want.Misc || got.DAC != want.DAC || got.Seq != want.Seq || got.Dispi != want.Dispi ||
			got.Gfx != want.Gfx {
			t.Errorf("%x: other registers:\n%+v\nwant\n%+v", modes, got, want)
		}
		if p := b.peek(0x449, 0x42); !bytes.Equal(p, bda) {
			t.Errorf("%x: BIOS data area\n% x, want\n% x", modes, p, bda)
		}
	}
}

// Every mode of VBE's list can be set, shows what is written into the linear frame buffer, and has a window on it; characters appear.
func TestVBEModes(t *testing.T) {
	b := newVideoBench(t)
	for _, m := range vbeModes {
		b.call(0x4f01, 0, m.number, 0)
		if b.state.GPR[AX] != vbeOK {
			if m.width*m.height*(m.bpp+7)/8 <= 16<<20 {
				t.Errorf("mode %x is not there", m.number)
			}
			continue
		}
		info := b.peek(0x20000, 256)
		if w, h := le.Uint16(info[0x12:]), le.Uint16(info[0x14:]); int(w) != m.width || int(h) != m.height || int(info[0x19]) != m.bpp {
			t.Errorf("mode %x: %dx%d, %d bits", m.number, w, h, info[0x19])
		}
		if b.call(0x4f02, m.number|vbeLinear, 0, 0).GPR[AX] != vbeOK {
			t.Errorf("mode %x cannot be set", m.number)
			continue
		}
		if got := b.call(0x4f03, 0, 0, 0).GPR[BX]; got != uint32(m.number|vbeLinear) {
			t.Errorf("mode %x: %x is set", m.number, got)
		}
		var f vga.Frame
		b.vga.Look(&f)
		if f.Width != m.width || f.Height != m.height {
			t.Errorf("mode %x: picture of %dx%d", m.number, f.Width, f.Height)
			continue
		}
		if m.bpp == 4 {
			continue
		}
		at := uint64(le.Uint32(info[0x28:])) + uint64(m.height-1)*uint64(le.Uint16(info[0x10:]))
		white := byte(0xff)
		if m.bpp == 8 {
			white = 15
		}
		b.poke(at, bytes.Repeat([]byte{white}, (m.bpp+7)/8))
		b.call(0x0e41, 15, 0, 0)
		b.vga.Look(&f)
		if f.Pix[(m.height-1)*m.width] == f.Pix[m.width-1] {
			t.Errorf("mode %x: the last line is not where it should be", m.number)
		}
		glyph := font.Glyphs(16)['A'*16+5]
		for x := range 8 {
			if got := f.Pix[5*m.width+x] != f.Pix[m.width-1]; got != (glyph>>(7-x)&1 != 0) {
				t.Errorf("mode %x: dot %d of a character is %v", m.number, x, got)
			}
		}
	}
}

// FuzzInt10 makes calls with any registers, on a BIOS data area with anything in it.
func FuzzInt10(f *testing.F) {
	f.Add([]byte{0, 0x13, 0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{0, 3, 0x4f, 1, 0x41, 0, 0, 0, 0, 0, 0, 9, 1, 2, 3, 4, 5})
	b := newVideoBench(f)
	f.Fuzz(func(t *testing.T, in []byte) {
		b.t = t
		b.reset()
		p := devtest.NewBytes(in)
		word := func() uint16 { return uint16(p.Byte()) | uint16(p.Byte())<<8 }
		for n := 0; n < 50 && p.Len() > 0; n++ {
			switch op := p.Byte(); op & 7 {
			case 0:
				b.call(uint16(p.Byte()), 0, 0, 0)
			case 1:
				b.call(0x4f02, word(), 0, 0)
			case 2:
				b.call(0x4f00|uint16(p.Byte()%24), word(), word(), word())
			case 3:
				b.poke(0x400+uint64(p.Byte()), []byte{p.Byte(), p.Byte()})
			case 4:
				b.poke(uint64(vecGraphicsFont*4), []byte{p.Byte(), p.Byte(), p.Byte(), p.Byte()})
			case 5:
				b.out(0x3c0+uint16(p.Byte()&0x1f), word())
			default:
				b.call(uint16(p.Byte()%0x1d)<<8|uint16(p.Byte()), word(), word(), word())
			}
		}
	})
}

// BenchmarkScroll is a line feed at the bottom of the screen.
func BenchmarkScroll(b *testing.B) {
	bench := newVideoBench(b)
	bench.call(0x0200, 0, 0, 0x1800)
	for b.Loop() {
		bench.call(0x0e0a, 7, 0, 0)
	}
}
