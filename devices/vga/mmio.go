package vga

// Layout of the register BAR.
const (
	mmioVGA    = 0x400 // ports 3C0h to 3DFh
	mmioDispi  = 0x500 // the dispi registers, without an index
	mmioExt    = 0x600 // size of this block, byte order of the frame buffer
	mmioExtLen = 8

	orderBig    = 0xbebebebe
	orderLittle = 0x1e1e1e1e
)

// registers is the register BAR.
type registers struct{ v *VGA }

// ReadMMIO implements devices.MMIODevice.
func (r registers) ReadMMIO(off uint64, size int) uint64 {
	var val uint64
	switch {
	case off >= mmioExt && off < mmioExt+mmioExtLen:
		words := [2]uint64{mmioExtLen, orderLittle}
		if r.v.s.BigEndian {
			words[1] = orderBig
		}
		val = (words[1]<<32 | words[0]) >> (8 * (off & 7))
	case off >= mmioDispi && off < mmioDispi+2*numDispi:
		for i := uint64(0); i < uint64(size+1)/2; i++ {
			val |= uint64(r.v.readDispi(uint16((off-mmioDispi)/2+i))) << (16 * i)
		}
		val >>= 8 * (off & 1)
	default:
		for i := range size {
			val |= uint64(r.readByte(off+uint64(i))) << (8 * i)
		}
	}
	return val & (^uint64(0) >> (64 - 8*size))
}

func (r registers) readByte(off uint64) uint8 {
	switch {
	case off < uint64(len(r.v.edid)):
		return r.v.edid[off]
	case off < mmioVGA:
		return 0
	case off < mmioVGA+0x20:
		return r.v.read(uint16(portAttr + off - mmioVGA))
	}
	return 0xff
}

// WriteMMIO implements devices.MMIODevice. Dispi registers are written as words.
func (r registers) WriteMMIO(off uint64, size int, val uint64) {
	switch {
	case off >= mmioExt && off < mmioExt+mmioExtLen:
		if off == mmioExt+4 && size == 4 && (val == orderBig || val == orderLittle) {
			r.v.s.BigEndian = val == orderBig
			r.v.touched = true
		}
	case off >= mmioDispi && off < mmioDispi+2*numDispi:
		if off&1 != 0 {
			return
		}
		for i := 0; i < size/2; i++ {
			r.v.writeDispi(uint16((off-mmioDispi)/2)+uint16(i), uint16(val>>(16*i)))
		}
	default:
		for i := range uint64(size) {
			if p := off + i; p >= mmioVGA && p < mmioVGA+0x20 {
				r.v.write(uint16(portAttr+p-mmioVGA), uint8(val>>(8*i)))
			}
		}
	}
}
