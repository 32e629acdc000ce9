// Package vga is a VGA with a linear frame buffer: registers, memory, and the way from them to a picture.
//
// The VGA part follows the register description of IBM's VGA (PS/2 Hardware Interface Technical Reference, Video Subsystem, and FreeVGA);
// beyond it there are the Bochs display interface ("dispi", version B0C5h) and the PCI function 1234:1111 with a register BAR, as QEMU's
// "standard VGA" documents them. There is no video BIOS in it: fonts and palettes come from the firmware.
//
// Memory: the four planes' bytes at one address lie side by side. In chain-4 modes processor addresses count through the linear frame buffer.
//
// Not done: the border (overscan), changes within a frame (a picture shows the registers as they are when it is taken), counting by
// two and four, 16- and 32-bit shift loads, interlace, the light pen, the vertical retrace interrupt, blinking in graphics modes.
package vga

import (
	"fmt"

	"goemu/devices"
	"goemu/devices/pci"
)

// PCI identity and resources.
const (
	Vendor = 0x1234
	Model  = 0x1111

	mmioSize  = 4096
	legacyMem = 256 << 10 // what a VGA has; planes of 64 KiB

	// DefaultVRAM, MinVRAM and MaxVRAM are sizes of the frame buffer, in MiB: powers of two.
	DefaultVRAM = 16
	MinVRAM     = 1
	MaxVRAM     = 256
)

// The legacy window: physical addresses.
const (
	WindowBase = 0xa0000
	WindowSize = 0x20000
)

// Config says what a VGA is made of.
type Config struct {
	VRAM  []byte // MinVRAM to MaxVRAM MiB, a power of two, page-aligned
	Clock devices.Clock
	ROM   []byte // video BIOS as pci.Function.SetROM takes it; nil: none
	EDID  EDID   // what the monitor says; the zero value: 1024x768

	// Tracker watches writes to VRAM by the processor and by bus masters; nil: a look finds out by comparing.
	Tracker Tracker

	// MapWindow lies p, of size bytes, over the window from off on: memory that the processor reaches directly. nil takes it away.
	// Without the function all accesses come through Window.
	MapWindow func(off, size uint32, p []byte)
	// Text is TextSize bytes, page-aligned, for MapWindow in text modes; nil: text memory is not mapped.
	Text []byte
}

// Tracker tells which pages of VRAM have been written to since it was asked last.
type Tracker interface {
	Start() // all pages count as written
	Stop()
	// Harvest calls f for each page (of 4096 bytes, from the start of VRAM) that has been written to.
	Harvest(f func(page int))
}

// Numbers of registers.
const (
	numSeq  = 8
	numGfx  = 16
	numCRTC = 0x19
	numAttr = 0x15
)

// State is the saved state but for the contents of VRAM, which the machine saves as it does RAM: after SaveState, and it is there again before RestoreState.
type State struct {
	Version   int
	Function  pci.FunctionState
	SeqIndex  uint8
	Seq       [numSeq]uint8
	GfxIndex  uint8
	Gfx       [numGfx]uint8
	CRTCIndex uint8
	CRTC      [numCRTC]uint8
	AttrIndex uint8 // with bit 5, palette address source
	AttrData  bool  // the next write to 3C0h is data
	Attr      [numAttr]uint8
	Misc      uint8
	Feature   uint8
	Latch     uint32

	DACState   uint8 // as read at 3C7h
	DACRead    uint8
	DACWrite   uint8
	DACSub     uint8 // which of red, green, blue is next
	DACBuffer  [2]uint8
	DACMask    uint8
	DAC        [256][3]uint8 // 6 bits each, or 8
	DispiIndex uint16
	Dispi      [numDispi]uint16
	Bank       uint32 // in units of 64 KiB
	BigEndian  bool
}

const stateVersion = 1

// VGA is the adapter.
type VGA struct {
	*pci.Function
	s     State
	vram  []byte
	clock devices.Clock
	edid  [256]byte
	timing
	view

	mapWindow func(off, size uint32, p []byte)
	direct    direct
	text      textMemory
}

// New makes a VGA. It is to be put on a PCI bus, mapped by MapInto, and its Window at WindowBase.
func New(cfg Config) (*VGA, error) {
	n := len(cfg.VRAM)
	if n < MinVRAM<<20 || n > MaxVRAM<<20 || n&(n-1) != 0 {
		return nil, fmt.Errorf("VGA memory of %d bytes: want a power of two from %d to %d MiB", n, MinVRAM, MaxVRAM)
	}
	v := &VGA{vram: cfg.VRAM, clock: cfg.Clock, edid: cfg.EDID.block(), mapWindow: cfg.MapWindow}
	if cfg.Text != nil {
		if len(cfg.Text) != TextSize {
			return nil, fmt.Errorf("VGA text memory of %d bytes: want %d", len(cfg.Text), TextSize)
		}
		v.text = textMemory{mem: cfg.Text, stored: make([]byte, TextSize)}
	}
	v.view.init(cfg.Tracker, n)
	f := pci.NewFunction("VGA", Vendor, Model, 2, 0x030000)
	v.Function = f
	f.Config[pci.SubsystemID-2], f.Config[pci.SubsystemID-1] = 0xf4, 0x1a
	f.Config[pci.SubsystemID], f.Config[pci.SubsystemID+1] = 0x00, 0x11
	f.SetBAR(0, pci.BAR{Size: uint64(n), RAM: cfg.VRAM, Prefetch: true})
	f.SetBAR(2, pci.BAR{Size: mmioSize, MMIO: registers{v}})
	if cfg.ROM != nil {
		f.SetROM(cfg.ROM)
	}
	return v, nil
}

// Reset implements devices.Device. VRAM keeps what it holds.
func (v *VGA) Reset() {
	v.Function.Reset()
	v.s = State{DACMask: 0xff}
	v.retime()
	v.touched = true
	v.updateWindow()
}

// SaveState returns a copy of the state. VRAM is complete then.
func (v *VGA) SaveState() State {
	v.storeText()
	s := v.s
	s.Version, s.Function = stateVersion, v.Function.SaveState()
	return s
}

// RestoreState takes over a saved state.
func (v *VGA) RestoreState(s State) error {
	if s.Version != stateVersion {
		return fmt.Errorf("VGA state has version %d, want %d", s.Version, stateVersion)
	}
	if err := v.Function.RestoreState(s.Function); err != nil {
		return err
	}
	s.Function = pci.FunctionState{}
	s.SeqIndex, s.GfxIndex, s.AttrIndex = s.SeqIndex&(numSeq-1), s.GfxIndex&(numGfx-1), s.AttrIndex&0x3f
	s.DACSub %= 3
	for i := range s.Seq {
		s.Seq[i] &= seqBits[i]
	}
	for i := range s.Gfx {
		s.Gfx[i] &= gfxBits[i]
	}
	for i := range s.Attr {
		s.Attr[i] &= attrBits[i]
	}
	if v.mapWindow != nil {
		v.unmapWindow()
	}
	v.s = s
	v.limitBank()
	v.fixDispi()
	v.retime()
	v.touched = true
	v.updateWindow()
	return nil
}
