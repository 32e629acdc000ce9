package vga

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"goemu/devices"
	"goemu/devices/devtest"
	"goemu/devices/pci"
	"goemu/devices/portmap"
)

// memoryBus remembers where BARs are.
type memoryBus struct {
	mmio map[uint64]devices.MMIODevice
	ram  map[uint64][]byte
}

func (b *memoryBus) MapMMIO(base, size uint64, d devices.MMIODevice) { b.mmio[base] = d }
func (b *memoryBus) MapRAM(base uint64, p []byte, readOnly bool)     { b.ram[base] = p }
func (b *memoryBus) UnmapMMIO(base, size uint64) {
	delete(b.mmio, base)
	delete(b.ram, base)
}

type bench struct {
	t     testing.TB
	clock devtest.Clock
	ports *portmap.Map
	bus   memoryBus
	v     *VGA
	win   Window
}

func newBench(t testing.TB) *bench { return newSized(t, 4<<20) }

func newSized(t testing.TB, size int) *bench {
	b := &bench{t: t, ports: portmap.New(), bus: memoryBus{map[uint64]devices.MMIODevice{}, map[uint64][]byte{}}}
	v, err := New(Config{VRAM: make([]byte, size), Clock: &b.clock, ROM: make([]byte, 64<<10)})
	if err != nil {
		t.Fatal(err)
	}
	if err := pci.NewBus(b.ports, &b.bus).Add(2, 0, v.Function); err != nil {
		t.Fatal(err)
	}
	v.MapInto(b.ports)
	v.Reset()
	b.v, b.win = v, v.Window()
	return b
}

func (b *bench) in(port uint16) uint8     { return uint8(b.ports.In(port, 1)) }
func (b *bench) out(port uint16, v uint8) { b.ports.Out(port, 1, uint32(v)) }

// set writes an indexed register.
func (b *bench) set(port uint16, i, v uint8) { b.ports.Out(port, 2, uint32(v)<<8|uint32(i)) }

func (b *bench) get(port uint16, i uint8) uint8 {
	b.out(port, i)
	return b.in(port + 1)
}

func (b *bench) attr(i, v uint8) {
	b.in(portColorStatus)
	b.out(portAttr, i)
	b.out(portAttr, v)
}

func (b *bench) dispi(i, v uint16) {
	b.ports.Out(portDispi, 2, uint32(i))
	b.ports.Out(portDispi+1, 2, uint32(v))
}

func (b *bench) write(off uint64, p ...byte) {
	for i, v := range p {
		b.win.WriteMMIO(off+uint64(i), 1, uint64(v))
	}
}

func (b *bench) want(what string, got, want uint64) {
	b.t.Helper()
	if got != want {
		b.t.Errorf("%s: %#x, want %#x", what, got, want)
	}
}

// planarMode is mode 12h, 640x480 in 16 colours.
func (b *bench) planarMode() {
	b.v.SetTextMode(nil)
	clear(b.v.vram)
	b.set(portSeqIndex, seqClock, 0x01)
	b.set(portSeqIndex, seqMap, 0x0f)
	b.set(portSeqIndex, seqMemory, 0x06)
	b.out(portMisc, 0xe3)
	b.set(portColorIndex, crtcVRetEnd, 0x0c)
	for i, v := range []uint8{0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0x0b, 0x3e, 0, 0x40, 0, 0, 0, 0, 0, 0, 0xea, 0x8c, 0xdf, 0x28, 0, 0xe7, 4, 0xe3, 0xff} {
		b.set(portColorIndex, uint8(i), v)
	}
	b.set(portGfxIndex, gfxMode, 0)
	b.set(portGfxIndex, gfxMisc, 0x05)
	b.attr(attrMode, 0x01)
	b.out(portAttr, attrScreenOn)
}

func TestMasksAndProtection(t *testing.T) {
	b := newBench(t)
	b.out(portMisc, miscColor)
	for _, c := range []struct {
		port uint16
		i, v uint8
	}{{portSeqIndex, 1, 0x3d}, {portSeqIndex, 4, 0x0e}, {portGfxIndex, 5, 0x7b}, {portGfxIndex, 8, 0xff}, {portGfxIndex, 9, 0}, {portColorIndex, 0x10, 0xff}, {portColorIndex, 0x40, 0}} {
		b.set(c.port, c.i, 0xff)
		b.want("all ones read back", uint64(b.get(c.port, c.i)), uint64(c.v))
	}
	b.set(portColorIndex, crtcVRetEnd, 0xff)
	b.set(portColorIndex, 0, 0x11)
	b.want("protected", uint64(b.get(portColorIndex, 0)), 0)
	b.set(portColorIndex, crtcOverflow, 0xff)
	b.want("line compare alone", uint64(b.get(portColorIndex, crtcOverflow)), 0x10)
	b.set(portColorIndex, crtcVRetEnd, 0x7f)
	b.set(portColorIndex, 0, 0x11)
	b.want("open", uint64(b.get(portColorIndex, 0)), 0x11)
	b.want("monochrome port", uint64(b.in(portMonoIndex)), 0xff)
	b.out(portMisc, 0)
	b.want("moved", uint64(b.get(portMonoIndex, 0)), 0x11)
	b.want("colour port", uint64(b.in(portColorIndex)), 0xff)
	b.out(portMonoStatus, 0xff)
	b.want("feature control", uint64(b.in(portFeature)), 0x10)
}

func TestAttributeFlipFlop(t *testing.T) {
	b := newBench(t)
	b.out(portMisc, miscColor)
	b.in(portColorStatus)
	b.out(portAttr, 0x33)
	b.out(portAttr, 0xff) // of register 13h four bits exist
	b.out(portAttr, 0x13)
	b.want("data", uint64(b.in(portAttrRead)), 0x0f)
	b.in(portColorStatus)
	b.want("index", uint64(b.in(portAttr)), 0x13)
	b.out(portAttr, 0x20)
	b.in(portColorStatus) // the data phase is forgotten
	b.out(portAttr, 0x05)
	b.out(portAttr, 0x2a)
	b.want("palette", uint64(b.v.s.Attr[5]), 0x2a)
}

func TestDAC(t *testing.T) {
	b := newBench(t)
	b.out(portDACWrite, 254)
	for v := range uint8(9) {
		b.out(portDACData, 0xc0|v)
	}
	b.want("state", uint64(b.in(portDACRead)), 0)
	b.out(portDACRead, 255)
	b.want("state", uint64(b.in(portDACRead)), 3)
	for _, v := range []uint8{3, 4, 5, 6, 7, 8} {
		b.want("colour", uint64(b.in(portDACData)), uint64(v))
	}
	b.dispi(dispiEnable, dispi8BitDAC)
	b.out(portDACWrite, 7)
	for range 3 {
		b.out(portDACData, 0xfe)
	}
	b.out(portDACRead, 7)
	b.want("8 bits", uint64(b.in(portDACData)), 0xfe)
	b.want("as it is shown", uint64(b.v.palette().all[7]), 0xfefefe)
	b.dispi(dispiEnable, 0)
	b.want("6 bits", uint64(b.v.palette().all[7]), 0xfbfbfb)
}

// TestWriteModes checks the path from the processor to the planes (IBM VGA, graphics controller) on mode 12h.
func TestWriteModes(t *testing.T) {
	b := newBench(t)
	b.planarMode()
	gfx := func(i, v uint8) { b.set(portGfxIndex, i, v) }
	planes := func(what string, want uint32) {
		t.Helper()
		b.win.ReadMMIO(5, 1)
		b.want(what, uint64(b.v.s.Latch), uint64(want))
	}
	b.write(5, 0xa5)
	planes("write mode 0", 0xa5a5a5a5)
	gfx(gfxRotate, 3)
	b.write(5, 0x07)
	planes("rotated", 0xe0e0e0e0)
	gfx(gfxRotate, 0)
	gfx(gfxSetReset, 0x06)
	gfx(gfxEnableSR, 0x03)
	b.write(5, 0x55)
	planes("set/reset of two planes", 0x5555ff00)
	gfx(gfxBitMask, 0xf0)
	b.write(5, 0xaa)
	planes("bit mask keeps the latch", 0xa5a5ff00)
	gfx(gfxBitMask, 0xff)
	gfx(gfxEnableSR, 0)
	for i, want := range []uint32{0x0f0f0f0f, 0x05050f00, 0xafafff0f, 0xaaaaf00f} {
		gfx(gfxRotate, 0)
		b.v.vram[cell(5)], b.v.vram[cell(5)+1], b.v.vram[cell(5)+2], b.v.vram[cell(5)+3] = 0, 0xff, 0xa5, 0xa5
		b.win.ReadMMIO(5, 1)
		gfx(gfxRotate, uint8(i)<<3)
		b.write(5, 0x0f)
		planes("function", want)
	}
	gfx(gfxRotate, 0)
	b.write(5, 0x12)
	planes("source", 0x12121212)
	gfx(gfxMode, 1)
	b.write(9, 0x99)
	b.want("write mode 1", uint64(b.v.vram[cell(9)]), 0x12)
	gfx(gfxMode, 2)
	b.write(5, 0xf9)
	planes("write mode 2", 0xff0000ff)
	gfx(gfxMode, 3)
	gfx(gfxSetReset, 0x0c)
	b.write(5, 0x81)
	planes("write mode 3", 0xff81007e)
	b.set(portSeqIndex, seqMap, 0x02)
	gfx(gfxMode, 0)
	b.write(5, 0x44)
	planes("map mask", 0xff81447e)
	gfx(gfxReadMap, 2)
	b.want("read map", b.win.ReadMMIO(5, 1), 0x81)
	gfx(gfxMode, 8)
	gfx(gfxCompare, 0x0d)
	gfx(gfxDontCare, 0x0f)
	b.want("read mode 1", b.win.ReadMMIO(5, 1), 0x81&^0x44&0x7e)
	gfx(gfxDontCare, 0x04)
	b.want("read mode 1, one plane", b.win.ReadMMIO(5, 1), 0x81)
}

func TestWindows(t *testing.T) {
	b := newBench(t)
	b.v.SetTextMode(nil)
	at := func(off uint64) uint64 { return b.win.ReadMMIO(off, 1) }
	b.win.WriteMMIO(0x18000, 4, 0x1f421e41)
	b.want("text", b.win.ReadMMIO(0x18000, 4), 0x1f421e41)
	b.want("outside", at(0x10000), 0xff)
	b.want("planes", uint64(b.v.vram[cell(2)])<<8|uint64(b.v.vram[cell(2)+1]), 0x421f)
	b.set(portGfxIndex, gfxMisc, 0x0a)
	b.want("B0000h", at(0x10000), 0x41)
	b.want("B8000h", at(0x18000), 0xff)
	b.set(portGfxIndex, gfxMisc, 0x06)
	b.want("A0000h", at(1), 0x1e)
	b.want("64 KiB", at(0x10000), 0xff)
	b.set(portGfxIndex, gfxMisc, 0x02)
	b.want("128 KiB", at(0x10001), 0x1e)
	b.out(portMisc, 0x65)
	b.want("RAM off", at(1), 0xff)
}

// A VGA's chain-4 puts the four bytes of a group in the planes at the group's address.
func TestChain4(t *testing.T) {
	b := newBench(t)
	b.planarMode()
	b.set(portSeqIndex, seqMemory, 0x0e)
	for i := range uint64(64) {
		b.win.WriteMMIO(i, 1, i)
	}
	b.want("contiguous", uint64(b.v.vram[33]), 33)
	b.set(portSeqIndex, seqMemory, 0x06)
	for _, a := range []uint64{0, 4, 8, 60} {
		b.win.ReadMMIO(a, 1)
		b.want("planes", uint64(b.v.s.Latch), a*0x01010101+0x03020100)
	}
	b.set(portSeqIndex, seqMemory, 0x0e)
	b.set(portSeqIndex, seqMap, 0x05)
	b.win.WriteMMIO(0, 4, 0xffffffff)
	b.want("map mask", b.win.ReadMMIO(0, 4), 0x03ff01ff)
}

func TestDispi(t *testing.T) {
	b := newBench(t)
	get := func(i uint16) uint64 {
		b.ports.Out(portDispi, 2, uint32(i))
		return uint64(b.ports.In(portDispi+1, 2))
	}
	b.want("ID", get(dispiID), 0xb0c5)
	b.dispi(dispiID, 0xb0c2)
	b.want("older", get(dispiID), 0xb0c2)
	b.dispi(dispiID, 0xb0c6)
	b.want("unknown", get(dispiID), 0xb0c2)
	b.want("memory", get(dispiMemory), 64)
	b.dispi(dispiEnable, dispiCaps)
	b.want("limits", get(dispiXRes)<<32|get(dispiYRes)<<16|get(dispiBPP), 16000<<32|12000<<16|32)
	b.v.vram[0], b.v.vram[1024*768*4-1], b.v.vram[1024*768*4] = 1, 1, 1
	b.dispi(dispiEnable, 0)
	b.dispi(dispiXRes, 1027)
	b.dispi(dispiYRes, 768)
	b.dispi(dispiBPP, 32)
	b.dispi(dispiEnable, dispiEnabled|dispiLFB)
	b.want("width", get(dispiXRes), 1024)
	b.want("cleared", uint64(b.v.vram[0])+uint64(b.v.vram[1024*768*4-1]), 0)
	b.want("beyond", uint64(b.v.vram[1024*768*4]), 1)
	b.want("virtual height", get(dispiVirtHeight), 1024)
	b.dispi(dispiYOffset, 300)
	b.want("offset out of memory", get(dispiYOffset), 0)
	b.dispi(dispiYOffset, 256)
	b.want("offset", get(dispiYOffset), 256)
	b.dispi(dispiVirtWidth, 1280)
	b.want("virtual width", get(dispiVirtWidth)<<16|get(dispiVirtHeight), 1280<<16|819)
	b.want("offset again", get(dispiYOffset), 0)
	b.dispi(dispiBank, 70)
	b.want("bank", get(dispiBank), 6)
	b.out(portMisc, 3)
	b.write(0x12, 0x77)
	b.want("banked", uint64(b.v.vram[6<<16+0x12]), 0x77)
	b.dispi(dispiEnable, 0)
	b.want("bank", get(dispiBank), 0)
}

func TestRegisterBAR(t *testing.T) {
	b := newBench(t)
	b.v.WriteConfig(pci.BAR0, 4, 0xfd000000)
	b.v.WriteConfig(pci.BAR0+8, 4, 0xfebf0000)
	b.v.WriteConfig(pci.ExpansionROM, 4, 0xfebe0001)
	b.v.WriteConfig(pci.Command, 2, pci.CommandMemory)
	if len(b.bus.ram[0xfd000000]) != 4<<20 || len(b.bus.ram[0xfebe0000]) != 64<<10 {
		t.Fatal("frame buffer or ROM is not mapped")
	}
	r := b.bus.mmio[0xfebf0000]
	b.want("EDID", r.ReadMMIO(0, 8), 0x00ffffffffffff00)
	r.WriteMMIO(0x402, 1, 1)
	r.WriteMMIO(0x414, 2, 0x4711)
	b.want("CRTC", uint64(b.get(portColorIndex, 0x11)), 0x47)
	b.want("CRTC", r.ReadMMIO(0x414, 2), 0x4711)
	r.WriteMMIO(0x502, 2, 640)
	r.WriteMMIO(0x504, 4, 16<<16|480)
	r.WriteMMIO(0x508, 2, dispiEnabled|dispiLFB)
	b.want("dispi", r.ReadMMIO(0x500, 8), 16<<48|480<<32|640<<16|0xb0c5)
	b.want("extended", r.ReadMMIO(0x600, 8), 0x1e1e1e1e<<32|8)
	r.WriteMMIO(0x604, 4, 0xbebebebe)
	b.want("big-endian", r.ReadMMIO(0x604, 4), 0xbebebebe)
}

func TestEDID(t *testing.T) {
	for _, e := range []EDID{{}, {1920, 1080}, {4088, 4088}, {-1, 7}} {
		p := e.block()
		var sum uint8
		for _, c := range p[:128] {
			sum += c
		}
		if sum != 0 {
			t.Errorf("%v: the bytes' sum is %#x", e, sum)
		}
	}
	p := EDID{XRes: 1920, YRes: 1080}.block()
	if x, y := int(p[56])|int(p[58]>>4)<<8, int(p[59])|int(p[61]>>4)<<8; x != 1920 || y != 1080 {
		t.Errorf("preferred mode %dx%d", x, y)
	}
}

func TestRetrace(t *testing.T) {
	b := newBench(t)
	b.v.SetTextMode(nil)
	var seen [16]int
	const step = 10_000
	for range 1_000_000_000 / step { // a second of mode 3: 70 Hz, 449 lines, 400 shown, 2 of retrace
		seen[b.in(portColorStatus)&9]++
		b.clock.Advance(step)
	}
	within := func(what string, n, low, high int) {
		t.Helper()
		if n < low || n > high {
			t.Errorf("%s: %d of %d, want %d to %d", what, n, 1_000_000_000/step, low, high)
		}
	}
	within("retrace", seen[9], 380, 520)
	within("display", seen[0], 69_000, 73_000)
	if seen[8] != 0 {
		t.Error("display during retrace")
	}
	was, frames := false, 0
	for range 100_000 {
		is := b.in(portColorStatus)&8 != 0
		if is && !was {
			frames++
		}
		was = is
		b.clock.Advance(10_000)
	}
	within("frames", frames, 69, 71)
}

func TestText(t *testing.T) {
	b := newBench(t)
	b.v.SetTextMode(nil)
	b.write(0x18000+160, 'H', 7, 'i', 0x9f, 0xb0, 7, 1, 7)
	b.set(portColorIndex, crtcCursorLow, 84)
	var s Screen
	if err := b.v.Text(&s); err != nil {
		t.Fatal(err)
	}
	lines := s.Lines()
	if len(lines) != 25 || lines[1] != "Hi░☺" || lines[0] != "" {
		t.Errorf("%q", lines)
	}
	if d := cmp.Diff(Cell{Char: 'i', Front: 15, Back: 1, Blink: true}, s.Cells[81]); d != "" {
		t.Error(d)
	}
	if s.CursorX != 4 || s.CursorY != 1 {
		t.Errorf("cursor at %d, %d", s.CursorX, s.CursorY)
	}
	b.planarMode()
	if b.v.Text(&s) == nil {
		t.Error("text in a graphics mode")
	}
}

// A dispi mode with 4 bits is planes like any other, of any size.
func TestDispiPlanar(t *testing.T) {
	b := newBench(t)
	b.planarMode()
	b.dispi(dispiXRes, 1024)
	b.dispi(dispiYRes, 768)
	b.dispi(dispiBPP, 4)
	b.dispi(dispiEnable, dispiEnabled)
	b.v.s.Attr[1], b.v.s.Attr[2] = 1, 2
	b.v.s.DAC[1], b.v.s.DAC[2] = [3]uint8{63, 0, 0}, [3]uint8{0, 0, 63}
	b.set(portSeqIndex, seqMap, 1)
	b.write(128+2, 0x20)
	b.set(portSeqIndex, seqMap, 2)
	b.dispi(dispiBank, 1)
	b.write(700*128+5-65536, 0x01)
	var f Frame
	b.v.Look(&f)
	if f.Width != 1024 || f.Height != 768 || f.Pix[1024+18] != 0xff0000 || f.Pix[700*1024+47] != 0xff {
		t.Errorf("%dx%d, %06x, %06x", f.Width, f.Height, f.Pix[1024+18], f.Pix[700*1024+47])
	}
}

func TestState(t *testing.T) {
	b := newBench(t)
	b.planarMode()
	b.dispi(dispiBPP, 16)
	b.dispi(dispiXRes, 320)
	b.dispi(dispiYRes, 200)
	b.dispi(dispiEnable, dispiEnabled)
	s := b.v.SaveState()
	var f Frame
	b.v.Look(&f)
	b.v.Reset()
	if d := cmp.Diff(uint8(0xff), b.v.s.DACMask); d != "" {
		t.Error(d)
	}
	if err := b.v.RestoreState(s); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(s, b.v.SaveState()); d != "" {
		t.Error(d)
	}
	var g Frame
	if b.v.Look(&g); g.Width != 320 || !slices.Equal(f.Pix, g.Pix) {
		t.Error("another picture")
	}
	s.Version++
	if b.v.RestoreState(s) == nil {
		t.Error("a wrong version is taken")
	}
}

func FuzzVGA(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4, 5, 6, 7, 8})
	b := newMapped(f)
	again := func(f *Frame) { // a new one with the memory of the old, as it is large
		*f = Frame{Pix: f.Pix[:0], Dirty: f.Dirty[:0], line: f.line[:0], Live: f.Live}
	}
	var fresh, live Frame
	var s Screen
	live.Live = true
	f.Fuzz(func(t *testing.T, in []byte) {
		b.t = t
		clear(b.v.vram)
		b.v.Reset()
		if len(in) > 0 && in[0]&1 != 0 {
			b.planarMode()
		}
		half := len(in) / 2
		ports := []uint16{0x1ce, 0x1cf, 0x1d0, 0x1d1, 0x3b4, 0x3b5, 0x3ba, 0x3d4, 0x3d5, 0x3d5, 0x3da}
		for p := range uint16(16) {
			ports = append(ports, portAttr+p)
		}
		again(&live)
		look := func() {
			again(&fresh)
			b.v.Look(&fresh)
			b.v.Look(&live)
			if len(fresh.Pix) != fresh.Width*fresh.Height || len(fresh.Dirty) != fresh.Height {
				t.Fatal("a frame of the wrong size")
			}
			if b.v.Text(&s) == nil && len(s.Cells) != s.Columns*s.Rows {
				t.Fatal("a screen of the wrong size")
			}
		}
		devtest.FuzzPorts(in[:half], &b.clock, b.ports, ports...)
		look()
		devtest.FuzzMMIO(in[half:], &b.clock, registers{b.v}, mmioSize)
		look()
		devtest.FuzzMMIO(in[:half], &b.clock, b.win, WindowSize)
		look()
		if err := b.v.RestoreState(b.v.SaveState()); err != nil {
			t.Error(err)
		}
		look()
	})
}
