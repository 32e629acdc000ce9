package vnc

const (
	tileSide   = 64  // dots, of a tile of ZRLE
	maxPalette = 127 // colours
	packable   = 16  // colours that are packed into bits
	runLength  = 128 // that a tile is of runs
)

// tileCoder is room for one tile: its values, and their palette by a hash table of values.
type tileCoder struct {
	dots    [tileSide * tileSide]uint32
	palette []uint32
	slots   [512]uint32 // value
	index   [512]int16  // in palette, +1; 0: the slot is free
}

// find gives the place of a value in the palette; -1: it is not there. It puts it there if there is room.
func (t *tileCoder) find(v uint32) int {
	i := v * 0x9e3779b1 >> 23
	for t.index[i] != 0 {
		if t.slots[i] == v {
			return int(t.index[i]) - 1
		}
		i = (i + 1) % uint32(len(t.slots))
	}
	if len(t.palette) >= maxPalette {
		return -1
	}
	t.palette = append(t.palette, v)
	t.slots[i], t.index[i] = v, int16(len(t.palette))
	return len(t.palette) - 1
}

// zrleTiles appends the tiles of a rectangle to e.raw (RFC 6143 7.7.6).
func (e *encoder) zrleTiles(p *painter, r rect) {
	for y := r.y; y < r.y+r.h; y += tileSide {
		h := min(tileSide, r.y+r.h-y)
		for x := r.x; x < r.x+r.w; x += tileSide {
			w := min(tileSide, r.x+r.w-x)
			dots := e.tile.dots[:0]
			for i := range h {
				for _, c := range p.have[(y+i)*p.w+x:][:w] {
					dots = append(dots, p.pixels.value(c))
				}
			}
			e.zrleTile(&p.pixels, dots, w)
		}
	}
}

// zrleTile appends a tile in the shortest of the forms that it can have.
func (e *encoder) zrleTile(x *pixels, dots []uint32, w int) {
	t := &e.tile
	t.palette = t.palette[:0]
	clear(t.index[:])
	runs, lengths, singles := 0, 0, 0 // runs of one value, bytes of all their lengths, and runs of one
	many := false
	for i := 0; i < len(dots); {
		n := run(dots[i:])
		runs, lengths = runs+1, lengths+(n-1)/255+1
		if n == 1 {
			singles++
		}
		many = many || t.find(dots[i]) < 0
		i += n
	}
	colors := len(t.palette)
	if colors == 1 && !many {
		e.raw = x.cpixel(append(e.raw, 1), dots[0])
		return
	}
	const raw, packed, plainRuns, paletteRuns = 0, 1, 2, 3
	form, size := raw, len(dots)*x.csize
	choose := func(f, n int) {
		if n < size {
			form, size = f, n
		}
	}
	depth := 4
	switch {
	case colors <= 2:
		depth = 1
	case colors <= 4:
		depth = 2
	}
	rowBytes := (w*depth + 7) / 8
	if !many && colors <= packable {
		choose(packed, colors*x.csize+len(dots)/w*rowBytes)
	}
	choose(plainRuns, runs*x.csize+lengths)
	if !many {
		choose(paletteRuns, colors*x.csize+runs+lengths-singles)
	}
	switch form {
	case raw:
		e.raw = append(e.raw, 0)
		for _, v := range dots {
			e.raw = x.cpixel(e.raw, v)
		}
	case packed:
		e.head(x, uint8(colors))
		for ; len(dots) > 0; dots = dots[w:] {
			e.pack(dots[:w], depth)
		}
	case plainRuns:
		e.raw = append(e.raw, runLength)
		for i := 0; i < len(dots); {
			n := run(dots[i:])
			e.raw = x.cpixel(e.raw, dots[i])
			e.length(n)
			i += n
		}
	case paletteRuns:
		e.head(x, runLength+uint8(colors))
		for i := 0; i < len(dots); {
			n, at := run(dots[i:]), uint8(t.find(dots[i]))
			if n == 1 {
				e.raw = append(e.raw, at)
			} else {
				e.raw = append(e.raw, at|runLength)
				e.length(n)
			}
			i += n
		}
	}
}

// run is how many dots from the first on are like it.
func run(dots []uint32) int {
	n := 1
	for n < len(dots) && dots[n] == dots[0] {
		n++
	}
	return n
}

// head begins a tile with a palette.
func (e *encoder) head(x *pixels, form uint8) {
	e.raw = append(e.raw, form)
	for _, v := range e.tile.palette {
		e.raw = x.cpixel(e.raw, v)
	}
}

// length appends the length of a run.
func (e *encoder) length(n int) {
	for n--; n >= 255; n -= 255 {
		e.raw = append(e.raw, 255)
	}
	e.raw = append(e.raw, uint8(n))
}

// pack appends a line of places in the palette, of depth bits each, the first in the highest.
func (e *encoder) pack(line []uint32, depth int) {
	b, n := 0, 0
	for _, v := range line {
		b = b<<depth | e.tile.find(v)
		if n += depth; n == 8 {
			e.raw = append(e.raw, uint8(b))
			b, n = 0, 0
		}
	}
	if n > 0 {
		e.raw = append(e.raw, uint8(b<<(8-n)))
	}
}
