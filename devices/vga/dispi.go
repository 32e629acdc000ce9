package vga

// The Bochs display interface: 16-bit registers behind an index.
const (
	portDispi     = 0x1ce // index; data is at 1CFh, or aligned at 1D0h
	dispiVersion  = 0xb0c5
	dispiOldest   = 0xb0c0
	dispiMaxXRes  = 16000
	dispiMaxYRes  = 12000
	dispiMaxDepth = 32
)

// Dispi registers.
const (
	dispiID = iota
	dispiXRes
	dispiYRes
	dispiBPP
	dispiEnable
	dispiBank
	dispiVirtWidth
	dispiVirtHeight
	dispiXOffset
	dispiYOffset
	dispiMemory // VRAM in units of 64 KiB
	numDispi
)

// Bits of dispiEnable.
const (
	dispiEnabled = 1 << 0
	dispiCaps    = 1 << 1 // XRes, YRes and BPP read as their limits
	dispi8BitDAC = 1 << 5
	dispiLFB     = 1 << 6
	dispiNoClear = 1 << 7
)

// dispiPorts are index and data in I/O space.
type dispiPorts struct{ v *VGA }

// MaxPortSize implements portmap.Sizer.
func (dispiPorts) MaxPortSize() int { return 2 }

// In implements devices.PortDevice. The registers are words; a byte reads as the low half.
func (p dispiPorts) In(port uint16, size int) uint32 {
	if port == portDispi {
		return uint32(p.v.s.DispiIndex)
	}
	return uint32(p.v.readDispi(p.v.s.DispiIndex))
}

// Out implements devices.PortDevice.
func (p dispiPorts) Out(port uint16, size int, val uint32) {
	if size != 2 {
		return
	}
	if port == portDispi {
		p.v.s.DispiIndex = uint16(val)
		return
	}
	p.v.writeDispi(p.v.s.DispiIndex, uint16(val))
}

func (v *VGA) readDispi(i uint16) uint16 {
	if i >= numDispi {
		return 0
	}
	if v.s.Dispi[dispiEnable]&dispiCaps != 0 {
		switch i {
		case dispiXRes:
			return dispiMaxXRes
		case dispiYRes:
			return dispiMaxYRes
		case dispiBPP:
			return dispiMaxDepth
		}
	}
	switch i {
	case dispiID:
		if v.s.Dispi[dispiID] == 0 {
			return dispiVersion
		}
	case dispiMemory:
		return uint16(len(v.vram) >> 16)
	}
	return v.s.Dispi[i]
}

func (v *VGA) writeDispi(i, val uint16) {
	r := &v.s.Dispi
	v.touched = true
	switch i {
	case dispiID:
		if val >= dispiOldest && val <= dispiVersion {
			r[i] = val
		}
	case dispiXRes, dispiYRes, dispiBPP, dispiVirtWidth, dispiXOffset, dispiYOffset:
		r[i] = val
		if v.dispiOn() {
			v.fixDispi()
			v.programVGA()
		}
	case dispiBank:
		r[i] = val
		v.s.Bank = uint32(val)
		v.limitBank()
		r[i] = uint16(v.s.Bank)
		v.updateWindow()
	case dispiEnable:
		v.enableDispi(val)
	}
}

func (v *VGA) dispiOn() bool { return v.s.Dispi[dispiEnable]&dispiEnabled != 0 }

// limitBank keeps the window's bank within VRAM: in planar modes a bank is 64 KiB of each plane.
func (v *VGA) limitBank() {
	banks := uint32(len(v.vram) >> 16)
	if v.s.Dispi[dispiBPP] == 4 {
		banks /= 4
	}
	v.s.Bank &= banks - 1
}

func (v *VGA) enableDispi(val uint16) {
	r := &v.s.Dispi
	was := v.dispiOn()
	v.storeText() // before VRAM is cleared
	r[dispiEnable] = val
	switch {
	case val&dispiEnabled == 0:
		v.s.Bank, r[dispiBank] = 0, 0
	case !was:
		r[dispiVirtWidth], r[dispiXOffset], r[dispiYOffset] = r[dispiXRes], 0, 0
		v.fixDispi()
		if val&dispiNoClear == 0 {
			n := int(r[dispiYRes]) * v.dispiPitch()
			clear(v.vram[:n])
			v.wrote(0, n)
		}
		v.programVGA()
	}
	v.retime()
	v.updateWindow()
}

// dispiBits is the memory that a pixel takes, in bits.
func (v *VGA) dispiBits() int {
	if n := int(v.s.Dispi[dispiBPP]); n != 15 {
		return n
	}
	return 16
}

// dispiPitch is the bytes of VRAM from line to line.
func (v *VGA) dispiPitch() int { return int(v.s.Dispi[dispiVirtWidth]) * v.dispiBits() / 8 }

// dispiStart is where the picture begins in VRAM.
func (v *VGA) dispiStart() int {
	return int(v.s.Dispi[dispiYOffset])*v.dispiPitch() + int(v.s.Dispi[dispiXOffset])*v.dispiBits()/8
}

// fixDispi keeps the registers of a mode that is on within what the adapter can show: multiples of 8 pixels, all of
// the picture in VRAM.
func (v *VGA) fixDispi() {
	if !v.dispiOn() {
		return
	}
	r := &v.s.Dispi
	switch r[dispiBPP] {
	case 4, 8, 15, 16, 24, 32:
	default:
		r[dispiBPP] = 8
	}
	clamp := func(i int, lo, hi uint16) { r[i] = max(lo, min(r[i], hi)) }
	r[dispiXRes] &^= 7
	clamp(dispiXRes, 8, dispiMaxXRes)
	r[dispiVirtWidth] &^= 7
	clamp(dispiVirtWidth, r[dispiXRes], dispiMaxXRes)
	lines := len(v.vram) / v.dispiPitch()
	clamp(dispiYRes, 1, uint16(min(lines, dispiMaxYRes)))
	clamp(dispiXOffset, 0, dispiMaxXRes)
	clamp(dispiYOffset, 0, dispiMaxYRes)
	r[dispiVirtHeight] = uint16(min(lines, 0xffff))
	if size := int(r[dispiYRes]) * v.dispiPitch(); v.dispiStart()+size > len(v.vram) {
		if r[dispiYOffset] = 0; v.dispiStart()+size > len(v.vram) {
			r[dispiXOffset] = 0
		}
	}
	v.limitBank()
}

// programVGA sets the VGA's registers as the mode needs them, so that the window works and that software which looks at them
// sees the resolution.
func (v *VGA) programVGA() {
	s := &v.s
	r, c := &s.Dispi, &s.CRTC
	s.Gfx[gfxMisc] = s.Gfx[gfxMisc]&^0x0c | 0x04 | gfxGraphics
	c[crtcMode] |= crtcRow0 | crtcRow1
	c[crtcOffset] = uint8(v.dispiPitch() >> 3)
	c[crtcDisplayEnd] = uint8(r[dispiXRes]>>3 - 1)
	h := r[dispiYRes] - 1
	c[crtcVDisplay] = uint8(h)
	c[crtcOverflow] = c[crtcOverflow]&^0x42 | uint8(h>>7&2|h>>3&0x40) | 0x10
	c[crtcCompare] = 0xff
	c[crtcMaxScan] = c[crtcMaxScan]&^0x9f | 0x40
	s.Gfx[gfxMode] &^= gfxShift
	if r[dispiBPP] == 4 {
		s.Seq[seqClock] &^= seqClockHalf
		s.Seq[seqMemory] &^= seqChain4
	} else {
		s.Seq[seqMemory] |= seqChain4
		s.Seq[seqMap] = 0x0f
		s.Gfx[gfxMode] |= gfxShift256
	}
}
