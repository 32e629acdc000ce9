package vnc

import "slices"

const (
	tile      = 16        // dots by which changes are told apart
	maxRects  = 4096      // that are told apart; below that, one for 16 lines
	rectSize  = 128 << 10 // dots of a rectangle, unless it is lower than the next
	minRect   = 64        // lines
	minScroll = 32        // lines
	unknown   = 0xff << 24
)

// scrolled is lines of the screen that the viewer has elsewhere.
type scrolled struct{ from, to, h int }

// painter has what a viewer shows, and makes rectangles of what it should.
type painter struct {
	w, h     int
	have     []uint32 // 00RRGGBBh, or unknown
	seen     []uint64 // generation of each line, up to which have is the screen's
	rects    []rect
	scrolled scrolled
	lamps    uint8
	line     []uint32 // room for one
	marks    []bool   // tiles that have changed
	hashes   hashes
	pixels   pixels
	encoder  encoder
	raw      [4]byte
}

func (p *painter) resize(w, h int) {
	p.w, p.h = w, h
	p.have = slices.Grow(p.have[:0], w*h)[:w*h]
	p.seen = slices.Grow(p.seen[:0], h)[:h]
	p.line = slices.Grow(p.line[:0], w)[:w]
	p.marks = slices.Grow(p.marks[:0], w/tile+1)[:w/tile+1]
	p.forget(rect{0, 0, w, h})
}

// forget has a part sent whatever it was.
func (p *painter) forget(r rect) {
	if r.empty() {
		return
	}
	for y := r.y; y < r.y+r.h; y++ {
		p.seen[y] = 0
		row := p.have[y*p.w+r.x:][:r.w]
		for i := range row {
			row[i] = unknown
		}
	}
}

// target is a line as it should be: beyond the screen it is black.
func (p *painter) target(v *screen, y int) []uint32 {
	f := &v.frame
	if y < f.Height && f.Width >= p.w {
		return f.Pix[y*f.Width:][:p.w]
	}
	n := 0
	if y < f.Height {
		n = copy(p.line, f.Pix[y*f.Width:][:f.Width])
	}
	clear(p.line[n:])
	return p.line
}

// lineGen is when a line changed.
func (v *screen) lineGen(y int) uint64 {
	if y < v.frame.Height {
		return v.changed[y]
	}
	return v.sized
}

// compare brings have up to date in r, and keeps what has to be sent for that in rects, and in scrolled if the viewer can copy.
func (p *painter) compare(v *screen, r rect, canCopy bool) {
	if r.empty() {
		return
	}
	if canCopy && r == (rect{0, 0, p.w, p.h}) && v.frame.Width == p.w && v.frame.Height == p.h {
		p.findScroll(v)
	}
	marks := p.marks[:(r.w+tile-1)/tile]
	last := 0 // where the rectangles of the band above begin
	for y := r.y; y < r.y+r.h; y += tile {
		h := min(tile, r.y+r.h-y)
		clear(marks)
		if !p.mark(v, rect{r.x, y, r.w, h}, marks) {
			last = len(p.rects)
			continue
		}
		last = p.band(rect{r.x, y, r.w, h}, marks, last)
	}
}

// mark compares a band of lines and takes over those tiles that have changed.
func (p *painter) mark(v *screen, r rect, marks []bool) (any bool) {
	for y := r.y; y < r.y+r.h; y++ {
		gen := v.lineGen(y)
		if p.seen[y] >= gen {
			continue
		}
		should, has := p.target(v, y)[r.x:][:r.w], p.have[y*p.w+r.x:][:r.w]
		for i := range marks {
			from, to := i*tile, min(i*tile+tile, r.w)
			if !slices.Equal(should[from:to], has[from:to]) {
				copy(has[from:to], should[from:to])
				marks[i], any = true, true
			}
		}
		if r.w == p.w {
			p.seen[y] = gen
		}
	}
	return any
}

// band makes rectangles of marked tiles. Those like one of the band above, which begin at last, make it larger.
func (p *painter) band(r rect, marks []bool, last int) (begin int) {
	begin = len(p.rects)
	above := p.rects[last:begin]
	if begin >= maxRects { // one that has all
		from := slices.Index(marks, true)
		for i := from; i < len(marks); i++ {
			if marks[i] {
				r.w = min((i+1)*tile, r.w)
			}
		}
		r.x, r.w = r.x+from*tile, r.w-from*tile
		p.rects = append(p.rects, r)
		return begin
	}
	merged := false
	for i := 0; i < len(marks); i++ {
		if !marks[i] {
			continue
		}
		from := i
		for i < len(marks) && marks[i] {
			i++
		}
		x := r.x + from*tile
		n := rect{x, r.y, min(i*tile, r.w) - from*tile, r.h}
		j := slices.IndexFunc(above, func(a rect) bool { return a.x == n.x && a.w == n.w && a.y+a.h == n.y })
		if j >= 0 && (n.w*(above[j].h+n.h) <= rectSize || above[j].h+n.h <= minRect) {
			above[j].h += n.h
			merged = true
			continue
		}
		p.rects = append(p.rects, n)
	}
	if merged {
		return last
	}
	return begin
}

// count is how many rectangles are to be sent.
func (p *painter) count() int {
	n := len(p.rects)
	if p.scrolled.h > 0 {
		n++
	}
	return n
}
