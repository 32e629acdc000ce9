package vnc

import (
	"encoding/binary"
	"errors"
	"math/bits"
)

// format is how a viewer wants its pixels (RFC 6143 7.4).
type format struct {
	bits, depth uint8
	big, mapped bool
	max         [3]uint16 // red, green, blue
	shift       [3]uint8
}

// standard is the format in which the screen is.
var standard = format{bits: 32, depth: 24, max: [3]uint16{255, 255, 255}, shift: [3]uint8{16, 8, 0}}

// cube is what the colour map holds: colours of 8 bits by their parts.
var cube = format{bits: 8, depth: 8, max: [3]uint16{7, 7, 3}, shift: [3]uint8{5, 2, 0}}

// parseFormat reads the 16 bytes of a pixel format.
func parseFormat(p []byte) (f format, err error) {
	f.bits, f.depth, f.big, f.mapped = p[0], p[1], p[2] != 0, p[3] == 0
	if f.bits != 8 && f.bits != 16 && f.bits != 32 {
		return f, errors.New("pixels that do not have 8, 16 or 32 bits")
	}
	if f.mapped {
		f.max, f.shift = cube.max, cube.shift
		return f, nil
	}
	for i := range f.max {
		f.max[i], f.shift[i] = binary.BigEndian.Uint16(p[4+2*i:]), p[10+i]
		n := bits.Len16(f.max[i])
		if f.max[i]&(f.max[i]+1) != 0 || n+int(f.shift[i]) > int(f.bits) {
			return f, errors.New("a colour that has no place in a pixel")
		}
	}
	return f, nil
}

// pixels turns 00RRGGBBh into what a viewer wants.
type pixels struct {
	format
	size   int            // of a pixel in bytes
	csize  int            // of one in ZRLE (RFC 6143 7.7.5)
	cshift uint           // what is left out of it, in bits from the right
	plain  bool           // it is 00RRGGBBh in the order of this host's memory
	parts  [3][256]uint32 // of a pixel, by the part of a colour
}

func (x *pixels) set(f format) {
	*x = pixels{format: f, size: int(f.bits) / 8, csize: int(f.bits) / 8}
	var all uint32
	for i := range x.parts {
		m := uint32(f.max[i])
		for v := range x.parts[i] {
			x.parts[i][v] = (uint32(v)*m + 127) / 255 << f.shift[i]
		}
		all |= m << f.shift[i]
	}
	if f.bits == 32 && f.depth <= 24 && !f.mapped {
		switch {
		case all < 1<<24:
			x.csize = 3
		case all&0xff == 0:
			x.csize, x.cshift = 3, 8
		}
	}
	x.plain = f.max == standard.max && f.shift == standard.shift
}

func (x *pixels) value(c uint32) uint32 {
	if x.plain {
		return c
	}
	return x.parts[0][uint8(c>>16)] | x.parts[1][uint8(c>>8)] | x.parts[2][uint8(c)]
}

// put appends a value in n bytes.
func (x *pixels) put(p []byte, v uint32, n int) []byte {
	switch {
	case n == 1:
		return append(p, byte(v))
	case n == 2 && x.big:
		return append(p, byte(v>>8), byte(v))
	case n == 2:
		return append(p, byte(v), byte(v>>8))
	case n == 3 && x.big:
		return append(p, byte(v>>16), byte(v>>8), byte(v))
	case n == 3:
		return append(p, byte(v), byte(v>>8), byte(v>>16))
	case x.big:
		return binary.BigEndian.AppendUint32(p, v)
	}
	return binary.LittleEndian.AppendUint32(p, v)
}

// line appends a line of colours.
func (x *pixels) line(p []byte, colors []uint32) []byte {
	for _, c := range colors {
		p = x.put(p, x.value(c), x.size)
	}
	return p
}

// cpixel appends a value as ZRLE has it.
func (x *pixels) cpixel(p []byte, v uint32) []byte { return x.put(p, v>>x.cshift, x.csize) }
