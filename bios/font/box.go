package font

// Box drawing: each glyph is four arms that meet in the middle. A single line is two columns wide and one row high; the lines of a
// double one lie at equal distances from where the single one is. The cell's columns 0 and 7 belong to
// the arms: VGA repeats column 7 of codes C0h-DFh in the ninth.

// arms are the lines that leave the middle to the left, right, up and down: 0 none, 1 single, 2 double.
type arms struct{ l, r, u, d int }

var boxes = map[int]arms{
	0xb3: {0, 0, 1, 1}, 0xb4: {1, 0, 1, 1}, 0xb5: {2, 0, 1, 1}, 0xb6: {1, 0, 2, 2}, 0xb7: {1, 0, 0, 2}, 0xb8: {2, 0, 0, 1}, 0xb9: {2, 0, 2, 2},
	0xba: {0, 0, 2, 2}, 0xbb: {2, 0, 0, 2}, 0xbc: {2, 0, 2, 0}, 0xbd: {1, 0, 2, 0}, 0xbe: {2, 0, 1, 0}, 0xbf: {1, 0, 0, 1},
	0xc0: {0, 1, 1, 0}, 0xc1: {1, 1, 1, 0}, 0xc2: {1, 1, 0, 1}, 0xc3: {0, 1, 1, 1}, 0xc4: {1, 1, 0, 0}, 0xc5: {1, 1, 1, 1}, 0xc6: {0, 2, 1, 1},
	0xc7: {0, 1, 2, 2}, 0xc8: {0, 2, 2, 0}, 0xc9: {0, 2, 0, 2}, 0xca: {2, 2, 2, 0}, 0xcb: {2, 2, 0, 2}, 0xcc: {0, 2, 2, 2}, 0xcd: {2, 2, 0, 0},
	0xce: {2, 2, 2, 2}, 0xcf: {2, 2, 1, 0}, 0xd0: {1, 1, 2, 0}, 0xd1: {2, 2, 0, 1}, 0xd2: {1, 1, 0, 2}, 0xd3: {0, 1, 2, 0}, 0xd4: {0, 2, 1, 0},
	0xd5: {0, 2, 0, 1}, 0xd6: {0, 1, 0, 2}, 0xd7: {1, 1, 2, 2}, 0xd8: {2, 2, 1, 1}, 0xd9: {1, 0, 1, 0}, 0xda: {0, 1, 0, 1},
}

// axis says where lines lie in one direction: first and last dot of the single line, of the first and of the second of a double one.
type axis struct {
	size                    int
	mid, midEnd             int
	near, nearEnd           int
	far, farEnd             int
	beginOfFirst, endOfLast int
}

var columns = axis{8, 3, 4, 1, 2, 5, 6, 1, 6}

func rowsOf(h int) axis {
	mid := h/2 - 1
	return axis{h, mid, mid, mid - 1, mid - 1, mid + 1, mid + 1, mid - 1, mid + 1}
}

func box(a arms, h int) glyph {
	g := make(glyph, h)
	dot := func(x, y int) { g[y] |= 0x80 >> x }
	x, y := columns, rowsOf(h)
	span(a.l, a.r, a.u, a.d, x, y, dot)
	span(a.u, a.d, a.l, a.r, y, x, func(y, x int) { dot(x, y) })
	return g
}

// span draws the arms along one axis: before and after the middle; low and high are the arms across, towards smaller and larger.
func span(before, after, low, high int, along, across axis, dot func(along, across int)) {
	line := func(from, to, first, last int) {
		for a := from; a <= to; a++ {
			for c := first; c <= last; c++ {
				dot(a, c)
			}
		}
	}
	switch before {
	case 1:
		line(0, singleEnd(after, low, high, along.midEnd, along.nearEnd, along.endOfLast), across.mid, across.midEnd)
	case 2:
		line(0, doubleEnd(after, low, high, along.midEnd, along.nearEnd, along.endOfLast), across.near, across.nearEnd)
		line(0, doubleEnd(after, high, low, along.midEnd, along.nearEnd, along.endOfLast), across.far, across.farEnd)
	}
	last := along.size - 1
	switch after {
	case 1:
		line(singleEnd(before, low, high, along.mid, along.far, along.beginOfFirst), last, across.mid, across.midEnd)
	case 2:
		line(doubleEnd(before, low, high, along.mid, along.far, along.beginOfFirst), last, across.near, across.nearEnd)
		line(doubleEnd(before, high, low, along.mid, along.far, along.beginOfFirst), last, across.far, across.farEnd)
	}
}

// singleEnd says where a single arm ends: in the middle, at the first line of a double one that it only touches, or round its corner.
func singleEnd(opposite, low, high, mid, first, corner int) int {
	switch {
	case opposite != 0 || low != 2 && high != 2:
		return mid
	case low == 2 && high == 2:
		return first
	}
	return corner
}

// doubleEnd says where one of an arm's two lines ends. side is the arm across on that line's side, other that on the other side.
func doubleEnd(opposite, side, other, mid, first, corner int) int {
	switch {
	case side == 2:
		return first
	case side == 1 || opposite != 0 || other != 2:
		return mid
	}
	return corner
}

// block is a solid or shaded part of the cell: from and to in halves of it, across and down; density 1 to 4 quarters.
type block struct {
	left, right, top, bottom int
	density                  int
}

var blocks = map[int]block{
	0xb0: {0, 2, 0, 2, 1}, 0xb1: {0, 2, 0, 2, 2}, 0xb2: {0, 2, 0, 2, 3}, 0xdb: {0, 2, 0, 2, 4},
	0xdc: {0, 2, 1, 2, 4}, 0xdd: {0, 1, 0, 2, 4}, 0xde: {1, 2, 0, 2, 4}, 0xdf: {0, 2, 0, 1, 4},
}

// shade has the rows of a density that take turns.
var shade = [5][2]byte{1: {0x22, 0x88}, 2: {0x55, 0xaa}, 3: {0xdd, 0x77}, 4: {0xff, 0xff}}

func (b block) draw(h int) glyph {
	g := make(glyph, h)
	across := byte(0xff>>(b.left*4)) & byte(0xff<<(8-b.right*4))
	for y := b.top * h / 2; y < b.bottom*h/2; y++ {
		g[y] = shade[b.density][y&1] & across
	}
	return g
}
