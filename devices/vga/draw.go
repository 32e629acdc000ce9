package vga

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// nibbles spreads the bits of a byte over 8 nibbles, bit 7 in the lowest: pixels from left to right.
var nibbles = func() (t [256]uint32) {
	for b := range t {
		for k := range 8 {
			t[b] |= uint32(b) >> (7 - k) & 1 << (4 * k)
		}
	}
	return t
}()

// pairs spreads the four pairs of bits of a byte over 4 nibbles in the same way.
var pairs = func() (t [256]uint32) {
	for b := range t {
		for k := range 4 {
			t[b] |= uint32(b) >> (6 - 2*k) & 3 << (4 * k)
		}
	}
	return t
}()

// draw makes dots of what gather and gatherText have fetched. The first pan dots are out of sight.
func (f *Frame) draw(to []uint32, words []uint32, pan int) {
	m, line := &f.mode, f.line
	low := &f.colors.low
	n := 0
	for _, w := range words {
		var p uint32
		switch m.kind {
		case text:
			colors := [2]uint32{low[w>>24&15], low[w>>16&15]}
			for k := range m.dots {
				line[n+k] = colors[w>>(8-k)&1]
			}
			n += m.dots
			continue
		case chunky:
			for k := range 4 {
				c := f.colors.all[w>>(8*k)&255]
				line[n+2*k], line[n+2*k+1] = c, c
			}
			n += 8
			continue
		case cga:
			p = pairs[w&255] | pairs[w>>8&255]<<16 | pairs[w>>16&255]<<2 | pairs[w>>24]<<18
		default:
			p = nibbles[w&255] | nibbles[w>>8&255]<<1 | nibbles[w>>16&255]<<2 | nibbles[w>>24]<<3
		}
		for k := range 8 {
			line[n+k] = low[p>>(4*k)&15]
		}
		n += 8
	}
	if !m.half {
		copy(to, line[pan:])
		return
	}
	for x := range to {
		to[x] = line[(x+pan)/2]
	}
}

// lookLinear draws the lines of a dispi mode on whose pages something has been written; all of them if all is set.
func (v *VGA) lookLinear(f *Frame, all bool) {
	m := &f.mode
	size := (m.width*v.dispiBits() + 7) / 8
	for y := range m.height {
		from := m.start + y*m.pitch
		if !all && !v.writtenSince(f.seen, from, size) {
			continue
		}
		to := f.Pix[y*m.width : (y+1)*m.width]
		line := f.line[:m.width]
		f.pixels(line, v.piece(from, size))
		if !slices.Equal(to, line) {
			copy(to, line)
			f.Dirty[y] = true
		}
	}
}

// writtenSince tells whether pages of VRAM have been found written to after look seen.
func (v *VGA) writtenSince(seen, from, size int) bool {
	for p := from >> pageShift; p <= (from+size-1)>>pageShift; p++ {
		if v.pages[p%len(v.pages)] > seen {
			return true
		}
	}
	return false
}

// piece is a piece of VRAM, whose end is followed by its start.
func (v *VGA) piece(from, size int) []byte {
	from %= len(v.vram)
	if from+size <= len(v.vram) {
		return v.vram[from : from+size]
	}
	p := make([]byte, size)
	copy(p[copy(p, v.vram[from:]):], v.vram)
	return p
}

// pixels decodes a line of a linear mode.
func (f *Frame) pixels(to []uint32, p []byte) {
	big := f.mode.big
	word := func(x int) uint16 {
		w := binary.LittleEndian.Uint16(p[2*x:])
		if big {
			w = bits.ReverseBytes16(w)
		}
		return w
	}
	switch f.mode.bits {
	case 8:
		for x := range to {
			to[x] = f.colors.all[p[x]]
		}
	case 15:
		for x := range to {
			w := uint32(word(x))
			to[x] = wide5(w>>10)<<16 | wide5(w>>5)<<8 | wide5(w)
		}
	case 16:
		for x := range to {
			w := uint32(word(x))
			g := w >> 5 & 63
			to[x] = wide5(w>>11)<<16 | (g<<2|g>>4)<<8 | wide5(w)
		}
	case 24:
		for x := range to {
			q := p[3*x : 3*x+3]
			to[x] = uint32(q[2])<<16 | uint32(q[1])<<8 | uint32(q[0])
			if big {
				to[x] = bits.ReverseBytes32(to[x]) >> 8
			}
		}
	default:
		for x := range to {
			w := binary.LittleEndian.Uint32(p[4*x:])
			if big {
				w = bits.ReverseBytes32(w)
			}
			to[x] = w & 0xffffff
		}
	}
}

// wide5 makes 8 bits of 5.
func wide5(c uint32) uint32 { c &= 31; return c<<3 | c>>2 }
