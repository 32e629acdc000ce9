package bios

import (
	"goemu/devices"
)

// Fields of the BIOS data area that belong to the display: linear addresses (IBM Video Subsystem, BIOS Interface Technical Reference).
const (
	bdaVideoMode    = 0x449
	bdaColumns      = 0x44a // word
	bdaPageSize     = 0x44c // word: bytes of a page
	bdaPageStart    = 0x44e // word: offset of the page that is shown
	bdaCursorPos    = 0x450 // a word for each of eight pages: column, row
	bdaCursorShape  = 0x460 // word: end, start
	bdaVideoPage    = 0x462
	bdaCRTC         = 0x463 // word: 3B4h or 3D4h
	bdaRows         = 0x484 // less 1
	bdaCharHeight   = 0x485 // word
	bdaVideoControl = 0x487 // bit 7: memory was not cleared, bit 0: cursor shapes are taken as they are
	bdaSwitches     = 0x488
	bdaModeControl  = 0x489 // bit 7 and 4: scan lines; bit 3: no default palette; bit 1: gray scales
	bdaDisplayCode  = 0x48a
	bdaSaveTable    = 0x4a8 // far pointer
	bdaPower        = 0x4b9 // state of function 4F10h
	bdaVBEMode      = 0x4ba // word: the mode as function 4F02h was told
)

const (
	modeNoPalette   = 1 << 3
	modeGray        = 1 << 1
	controlNoClear  = 1 << 7
	controlRawShape = 1 << 0

	numPages = 8
)

// Ports of a VGA.
const (
	portAttr     = 0x3c0 // index and data in turn
	portAttrRead = 0x3c1
	portMiscOut  = 0x3c2
	portSeq      = 0x3c4
	portDACMask  = 0x3c6
	portDACRead  = 0x3c7
	portDACWrite = 0x3c8
	portDACData  = 0x3c9
	portMiscIn   = 0x3cc
	portGfx      = 0x3ce
	portCRTC     = 0x3d4
	portMonoCRTC = 0x3b4
	statusOffset = 6 // from the CRTC's index port to input status 1

	attrScreenOn = 0x20 // in the index: the palette belongs to the picture
)

// videoMemory is memory at linear addresses. *Call is one.
type videoMemory interface {
	Read(linear uint32, p []byte)
	Write(linear uint32, p []byte)
}

// physicalMemory is memory before there is a call: linear addresses are physical.
type physicalMemory struct{ m Memory }

// Read fills p.
func (m physicalMemory) Read(a uint32, p []byte) {
	for i := range p {
		p[i] = byte(m.m.Read(uint64(a)+uint64(i), 1))
	}
}

// blockMemory is memory that moves bytes into a device's window at once; false: it cannot, here.
type blockMemory interface {
	Block(phys uint64, p []byte, write bool) bool
}

// Write stores p.
func (m physicalMemory) Write(a uint32, p []byte) {
	if m.m.WritePhys(uint64(a), p) == nil {
		return
	}
	if b, ok := m.m.(blockMemory); ok && b.Block(uint64(a), p, true) {
		return
	}
	for i, b := range p {
		m.m.Write(uint64(a)+uint64(i), 1, uint64(b))
	}
}

// video is the video BIOS. Like one in ROM it keeps all state in guest memory and in the adapter.
type video struct {
	mem   videoMemory
	ports devices.PortDevice
	phys  Memory // for the linear frame buffer
	small [8]byte
	line  []byte // rows on their way

	described videoMode // the VBE mode that was looked for last
}

func (v *video) in(port uint16) uint8       { return uint8(v.ports.In(port, 1)) }
func (v *video) out(port uint16, b uint8)   { v.ports.Out(port, 1, uint32(b)) }
func (v *video) in2(port uint16) uint16     { return uint16(v.ports.In(port, 2)) }
func (v *video) out2(port uint16, w uint16) { v.ports.Out(port, 2, uint32(w)) }

func (v *video) byte(a uint32) uint8 {
	v.mem.Read(a, v.small[:1])
	return v.small[0]
}

func (v *video) word(a uint32) uint16 {
	v.mem.Read(a, v.small[:2])
	return le.Uint16(v.small[:])
}

func (v *video) dword(a uint32) uint32 {
	v.mem.Read(a, v.small[:4])
	return le.Uint32(v.small[:])
}

func (v *video) setByte(a uint32, b uint8) {
	v.small[0] = b
	v.mem.Write(a, v.small[:1])
}

func (v *video) setWord(a uint32, w uint16) {
	le.PutUint16(v.small[:], w)
	v.mem.Write(a, v.small[:2])
}

func (v *video) setDword(a uint32, d uint32) {
	le.PutUint32(v.small[:], d)
	v.mem.Write(a, v.small[:4])
}

// buffer is n bytes to work with.
func (v *video) buffer(n int) []byte {
	if cap(v.line) < n {
		v.line = make([]byte, n)
	}
	return v.line[:n]
}

// Indexed registers.

func (v *video) seq(i uint8) uint8 { return v.indexed(portSeq, i) }
func (v *video) gfx(i uint8) uint8 { return v.indexed(portGfx, i) }
func (v *video) setSeq(i, b uint8) { v.out2(portSeq, uint16(b)<<8|uint16(i)) }
func (v *video) setGfx(i, b uint8) { v.out2(portGfx, uint16(b)<<8|uint16(i)) }

func (v *video) indexed(port uint16, i uint8) uint8 {
	v.out(port, i)
	return v.in(port + 1)
}

// crtcPort is where the CRTC's registers are now.
func (v *video) crtcPort() uint16 {
	if v.in(portMiscIn)&1 != 0 {
		return portCRTC
	}
	return portMonoCRTC
}

func (v *video) crtc(i uint8) uint8 { return v.indexed(v.crtcPort(), i) }
func (v *video) setCRTC(i, b uint8) { v.out2(v.crtcPort(), uint16(b)<<8|uint16(i)) }

// attrIndex has the next write to the attribute controller be an index.
func (v *video) attrIndex() { v.in(v.crtcPort() + statusOffset) }

func (v *video) attr(i uint8) uint8 {
	v.attrIndex()
	v.out(portAttr, i|attrScreenOn)
	b := v.in(portAttrRead)
	v.attrIndex()
	v.out(portAttr, attrScreenOn)
	return b
}

func (v *video) setAttr(i, b uint8) {
	v.attrIndex()
	v.out(portAttr, i)
	v.out(portAttr, b)
	v.out(portAttr, attrScreenOn)
}

// page is the page that is shown.
func (v *video) page() uint8 { return v.byte(bdaVideoPage) }

// cursor is a place on a page, in characters.
type cursor struct{ x, y, page uint8 }

// cursorOf is the cursor of a page; pages that are not there have theirs at the top of page 0.
func (v *video) cursorOf(page uint8) cursor {
	if page >= numPages {
		return cursor{}
	}
	w := v.word(bdaCursorPos + 2*uint32(page))
	return cursor{uint8(w), uint8(w >> 8), page}
}

// moveCursor sets the cursor of a page, and the adapter's if the page is shown.
func (v *video) moveCursor(c cursor) {
	if c.page >= numPages {
		return
	}
	v.setWord(bdaCursorPos+2*uint32(c.page), uint16(c.y)<<8|uint16(c.x))
	if c.page == v.page() {
		at := uint16(uint32(v.word(bdaPageSize))*uint32(c.page)/2) + uint16(c.y)*v.word(bdaColumns) + uint16(c.x)
		v.setCRTC(0x0e, uint8(at>>8))
		v.setCRTC(0x0f, uint8(at))
	}
}

// shapeCursor sets the cursor's first and last row. Unless that is switched off, shapes for cells of eight rows are fitted to
// higher ones.
func (v *video) shapeCursor(start, end uint8) {
	v.setWord(bdaCursorShape, uint16(start)<<8|uint16(end))
	h := int(v.word(bdaCharHeight))
	first, last := int(start), int(end)
	if v.byte(bdaVideoControl)&controlRawShape == 0 && h > 8 && last < 8 && first < 0x20 {
		if last == first+1 {
			first = (last+1)*h/8 - 2
		} else {
			first = (first+1)*h/8 - 1
		}
		last = (last+1)*h/8 - 1
	}
	v.setCRTC(0x0a, uint8(first))
	v.setCRTC(0x0b, uint8(last))
}

// showPage chooses the page that is shown.
func (v *video) showPage(page uint8) {
	if page >= numPages {
		return
	}
	m, ok := v.mode()
	if !ok {
		return
	}
	start := uint32(v.word(bdaPageSize)) * uint32(page)
	v.setWord(bdaPageStart, uint16(start))
	v.setByte(bdaVideoPage, page)
	switch m.kind {
	case kindPlanar:
	case kindPacked, kindDirect:
		start = uint32(uint16(start)) / 4
	default:
		start = uint32(uint16(start)) / 2
	}
	v.setCRTC(0x0c, uint8(start>>8))
	v.setCRTC(0x0d, uint8(start))
	v.moveCursor(v.cursorOf(page))
}
