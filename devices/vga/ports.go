package vga

import "goemu/devices"

// Ports. Those of the CRT controller and of status 1 are at 3Bxh while bit 0 of Misc is clear (monochrome), else at 3Dxh.
const (
	portMonoIndex   = 0x3b4
	portMonoStatus  = 0x3ba
	portAttr        = 0x3c0
	portAttrRead    = 0x3c1
	portMisc        = 0x3c2 // read: input status 0
	portEnable      = 0x3c3
	portSeqIndex    = 0x3c4
	portSeqData     = 0x3c5
	portDACMask     = 0x3c6
	portDACRead     = 0x3c7 // read: DAC state
	portDACWrite    = 0x3c8
	portDACData     = 0x3c9
	portFeature     = 0x3ca // read-only here
	portMiscRead    = 0x3cc
	portGfxIndex    = 0x3ce
	portGfxData     = 0x3cf
	portColorIndex  = 0x3d4
	portColorStatus = 0x3da
)

// Bits of Misc.
const (
	miscColor = 1 << 0
	miscRAM   = 1 << 1
	miscClock = 3 << 2
)

// Sequencer registers.
const (
	seqReset  = 0
	seqClock  = 1
	seqMap    = 2
	seqFont   = 3
	seqMemory = 4

	seqClock8     = 1 << 0 // characters of 8 dots
	seqClockHalf  = 1 << 3
	seqScreenOff  = 1 << 5
	seqSequential = 1 << 2 // of seqMemory: odd/even off
	seqChain4     = 1 << 3
)

// Graphics controller registers.
const (
	gfxSetReset   = 0
	gfxEnableSR   = 1
	gfxCompare    = 2
	gfxRotate     = 3
	gfxReadMap    = 4
	gfxMode       = 5
	gfxMisc       = 6
	gfxDontCare   = 7
	gfxBitMask    = 8
	gfxOddEven    = 1 << 4 // of gfxMode
	gfxShift      = 3 << 5
	gfxShift256   = 1 << 6
	gfxInterleave = 1 << 5
	gfxGraphics   = 1 << 0 // of gfxMisc
)

// CRT controller registers.
const (
	crtcTotal      = 0x00
	crtcDisplayEnd = 0x01
	crtcBlankStart = 0x02
	crtcVTotal     = 0x06
	crtcOverflow   = 0x07
	crtcPreset     = 0x08
	crtcMaxScan    = 0x09
	crtcCursorTop  = 0x0a
	crtcCursorEnd  = 0x0b
	crtcStartHigh  = 0x0c
	crtcStartLow   = 0x0d
	crtcCursorHigh = 0x0e
	crtcCursorLow  = 0x0f
	crtcVRetrace   = 0x10
	crtcVRetEnd    = 0x11
	crtcVDisplay   = 0x12
	crtcOffset     = 0x13
	crtcUnderline  = 0x14
	crtcVBlank     = 0x15
	crtcMode       = 0x17
	crtcCompare    = 0x18

	crtcProtect = 1 << 7 // of crtcVRetEnd: registers 0 to 7 are read-only
	crtcDouble  = 1 << 7 // of crtcMaxScan
	crtcDword   = 1 << 6 // of crtcUnderline
	crtcByte    = 1 << 6 // of crtcMode
	crtcWrap16  = 1 << 5
	crtcRow1    = 1 << 1 // clear: address bit 14 is bit 1 of the row scan counter
	crtcRow0    = 1 << 0 // clear: address bit 13 is bit 0 of it
)

// Attribute controller registers.
const (
	attrMode    = 0x10
	attrBorder  = 0x11
	attrPlanes  = 0x12
	attrPanning = 0x13
	attrColor   = 0x14

	attrScreenOn  = 1 << 5 // of the index: palette address source
	attrLineChars = 1 << 2 // of attrMode
	attrBlink     = 1 << 3
	attrPanSplit  = 1 << 5
	attrColor54   = 1 << 7
)

// Bits that exist.
var (
	seqBits  = [numSeq]uint8{0x03, 0x3d, 0x0f, 0x3f, 0x0e, 0, 0, 0xff}
	gfxBits  = [numGfx]uint8{0x0f, 0x0f, 0x0f, 0x1f, 0x03, 0x7b, 0x0f, 0x0f, 0xff}
	attrBits = [numAttr]uint8{
		0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f,
		0xef, 0xff, 0x3f, 0x0f, 0x0f,
	}
)

// ports are the registers in I/O space, which are bytes.
type ports struct{ v *VGA }

// In implements devices.PortDevice.
func (p ports) In(port uint16, size int) uint32 { return uint32(p.v.read(port)) }

// Out implements devices.PortDevice.
func (p ports) Out(port uint16, size int, val uint32) { p.v.write(port, uint8(val)) }

// MaxPortSize implements portmap.Sizer.
func (ports) MaxPortSize() int { return 1 }

// MapInto claims the legacy ports and those of dispi.
func (v *VGA) MapInto(b devices.PortBus) {
	b.MapPorts(portMonoIndex, 2, ports{v})
	b.MapPorts(portMonoStatus, 1, ports{v})
	b.MapPorts(portAttr, 16, ports{v})
	b.MapPorts(portColorIndex, 2, ports{v})
	b.MapPorts(portColorStatus, 1, ports{v})
	b.MapPorts(portDispi, 4, dispiPorts{v})
}

// elsewhere tells whether port belongs to the other kind of monitor.
func (v *VGA) elsewhere(port uint16) bool {
	if port >= portAttr && port < portColorIndex {
		return false
	}
	return port >= portColorIndex != (v.s.Misc&miscColor != 0)
}

func (v *VGA) read(port uint16) uint8 {
	s := &v.s
	if v.elsewhere(port) {
		return 0xff
	}
	switch port {
	case portAttr:
		if s.AttrData {
			return 0
		}
		return s.AttrIndex
	case portAttrRead:
		if i := s.AttrIndex & 0x1f; i < numAttr {
			return s.Attr[i]
		}
		return 0
	case portMisc: // no switches, no interrupt
		return 0
	case portEnable:
		return 1
	case portSeqIndex:
		return s.SeqIndex
	case portSeqData:
		return s.Seq[s.SeqIndex]
	case portDACMask:
		return s.DACMask
	case portDACRead:
		return s.DACState
	case portDACWrite:
		return s.DACWrite
	case portDACData:
		return v.readDAC()
	case portFeature:
		return s.Feature
	case portMiscRead:
		return s.Misc
	case portGfxIndex:
		return s.GfxIndex
	case portGfxData:
		return s.Gfx[s.GfxIndex]
	case portMonoIndex, portColorIndex:
		return s.CRTCIndex
	case portMonoIndex + 1, portColorIndex + 1:
		if s.CRTCIndex < numCRTC {
			return s.CRTC[s.CRTCIndex]
		}
		return 0
	case portMonoStatus, portColorStatus:
		s.AttrData = false
		return v.status1()
	}
	return 0
}

func (v *VGA) write(port uint16, b uint8) {
	s := &v.s
	if v.elsewhere(port) {
		return
	}
	v.touched = true
	switch port {
	case portAttr:
		v.writeAttr(b)
	case portMisc:
		s.Misc = b
		v.retime()
		v.updateWindow()
	case portSeqIndex:
		s.SeqIndex = b & (numSeq - 1)
	case portSeqData:
		s.Seq[s.SeqIndex] = b & seqBits[s.SeqIndex]
		if s.SeqIndex == seqClock {
			v.retime()
		}
		v.updateWindow()
	case portDACMask:
		s.DACMask = b
	case portDACRead:
		s.DACRead, s.DACSub, s.DACState = b, 0, 3
	case portDACWrite:
		s.DACWrite, s.DACSub, s.DACState = b, 0, 0
	case portDACData:
		v.writeDAC(b)
	case portGfxIndex:
		s.GfxIndex = b & (numGfx - 1)
	case portGfxData:
		s.Gfx[s.GfxIndex] = b & gfxBits[s.GfxIndex]
		v.updateWindow()
	case portMonoIndex, portColorIndex:
		s.CRTCIndex = b
	case portMonoIndex + 1, portColorIndex + 1:
		v.writeCRTC(b)
	case portMonoStatus, portColorStatus:
		s.Feature = b & 0x10
	}
}

// writeAttr takes index and data in turn.
func (v *VGA) writeAttr(b uint8) {
	s := &v.s
	if s.AttrData = !s.AttrData; s.AttrData {
		s.AttrIndex = b & 0x3f
		return
	}
	if i := s.AttrIndex & 0x1f; i < numAttr {
		s.Attr[i] = b & attrBits[i]
	}
}

func (v *VGA) writeCRTC(b uint8) {
	s, i := &v.s, v.s.CRTCIndex
	if i >= numCRTC {
		return
	}
	if i <= crtcOverflow && s.CRTC[crtcVRetEnd]&crtcProtect != 0 {
		if i == crtcOverflow { // bit 8 of line compare alone
			s.CRTC[i] = s.CRTC[i]&^0x10 | b&0x10
		}
		return
	}
	s.CRTC[i] = b
	switch i {
	case crtcTotal, crtcDisplayEnd, crtcVTotal, crtcOverflow, crtcVRetrace, crtcVRetEnd, crtcVDisplay:
		v.retime()
	}
}

// wide tells whether the DAC has 8 bits a colour.
func (v *VGA) wide() bool { return v.s.Dispi[dispiEnable]&dispi8BitDAC != 0 }

func (v *VGA) readDAC() uint8 {
	s := &v.s
	b := s.DAC[s.DACRead][s.DACSub]
	if s.DACSub++; s.DACSub == 3 {
		s.DACSub = 0
		s.DACRead++
	}
	return b
}

// writeDAC takes red, green and blue; the entry changes with the last.
func (v *VGA) writeDAC(b uint8) {
	s := &v.s
	if !v.wide() {
		b &= 0x3f
	}
	if s.DACSub < 2 {
		s.DACBuffer[s.DACSub] = b
		s.DACSub++
		return
	}
	s.DAC[s.DACWrite] = [3]uint8{s.DACBuffer[0], s.DACBuffer[1], b}
	s.DACSub = 0
	s.DACWrite++
}
