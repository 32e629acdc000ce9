package vga

import "slices"

const (
	pageShift = 12
	pageSize  = 1 << pageShift
)

// Frame is a picture of the screen that its owner keeps from one look to the next. The zero value is ready.
type Frame struct {
	Width, Height int
	Pix           []uint32 // 00RRGGBBh; Height lines of Width
	Dirty         []bool   // the lines that the last look changed

	// Live makes cursor and blinking characters follow guest time. They are shown else, so that a still screen is one picture.
	Live bool

	mode   mode
	colors palette
	blink  blink
	words  []uint32 // what the lines of a VGA mode were drawn from, mode.units+1 each
	line   []uint32 // room for one line
	seen   int      // view.looks when it was drawn
}

// palette is the 16 colours of text and planar modes and all 256.
type palette struct {
	low [16]uint32
	all [256]uint32
}

// blink is what of the blinking things is shown.
type blink struct{ cursor, text bool }

// view is what looking at the screen needs.
type view struct {
	touched bool   // a register or memory through the window has changed since the last look
	marks   []bool // pages of VRAM that the window has written to since then
	pages   []int  // looks when each page was found written to
	looks   int
	changed int // looks when something but pages was found changed, or a page that VGA modes show
	tracker Tracker
	viewers int
	since   int // looks when the tracker was started
}

func (w *view) init(t Tracker, size int) {
	w.tracker = t
	w.marks = make([]bool, size>>pageShift)
	w.pages = make([]int, size>>pageShift)
}

// wrote notes that bytes of VRAM have changed.
func (w *view) wrote(from, n int) {
	w.touched = true
	for i := from >> pageShift; n > 0 && i <= (from+n-1)>>pageShift; i++ {
		w.marks[i] = true
	}
}

// Watch says that somebody is going to look again and again: what the guest writes is tracked until Unwatch.
func (w *view) Watch() {
	if w.viewers++; w.viewers == 1 && w.tracker != nil {
		w.tracker.Start()
		w.since = w.looks + 1
	}
}

// Unwatch takes back a Watch.
func (w *view) Unwatch() {
	if w.viewers--; w.viewers == 0 && w.tracker != nil {
		w.tracker.Stop()
	}
}

func (w *view) tracking() bool { return w.viewers > 0 && w.tracker != nil }

// harvest brings pages and changed up to date.
func (w *view) harvest() {
	w.looks++
	if w.touched {
		w.touched = false
		w.changed = w.looks
		for i, m := range w.marks {
			if m {
				w.marks[i] = false
				w.pages[i] = w.looks
			}
		}
	}
	if !w.tracking() {
		return
	}
	w.tracker.Harvest(func(page int) {
		if w.pages[page] = w.looks; page < legacyMem>>pageShift {
			w.changed = w.looks
		}
	})
}

// Look brings f up to date and tells whether that changed it.
func (v *VGA) Look(f *Frame) bool {
	v.storeText()
	v.harvest()
	m := v.mode()
	full := f.mode != m
	if f.Width != m.width || f.Height != m.height {
		f.Width, f.Height = m.width, m.height
		f.Pix = slices.Grow(f.Pix[:0], m.width*m.height)[:m.width*m.height]
		f.Dirty = slices.Grow(f.Dirty[:0], m.height)[:m.height]
		f.line = slices.Grow(f.line[:0], m.width+32)[:m.width+32]
		clear(f.Pix)
	}
	f.mode = m
	clear(f.Dirty)
	p := v.palette()
	if f.colors != p {
		f.colors, full = p, true
	}
	b := v.blinking(f.Live)
	all := full || !v.tracking() || f.seen < v.since
	switch {
	case m.kind == blank:
		if full {
			clear(f.Pix)
		}
	case m.kind == linear:
		v.lookLinear(f, all)
	case all || f.blink != b || v.changed > f.seen:
		v.lookVGA(f, full, b)
	}
	f.blink, f.seen = b, v.looks
	if full {
		for i := range f.Dirty {
			f.Dirty[i] = true
		}
	}
	return slices.Contains(f.Dirty, true)
}

// blinking tells what is shown now: a cursor for 16 frames of 32, blinking characters for 32 of 64.
func (v *VGA) blinking(live bool) blink {
	if !live {
		return blink{true, true}
	}
	n := v.clock.Now() / v.frame
	return blink{n&16 == 0, n&32 == 0}
}

// palette works the colours out.
func (v *VGA) palette() (p palette) {
	s := &v.s
	for i := range p.all {
		c := &s.DAC[uint8(i)&s.DACMask]
		r, g, b := uint32(c[0]), uint32(c[1]), uint32(c[2])
		if !v.wide() {
			r, g, b = r&63, g&63, b&63
			r, g, b = r<<2|r>>4, g<<2|g>>4, b<<2|b>>4
		}
		p.all[i] = r<<16 | g<<8 | b
	}
	for i := range p.low {
		a, c := s.Attr[uint8(i)&s.Attr[attrPlanes]&15], s.Attr[attrColor]
		if s.Attr[attrMode]&attrColor54 != 0 {
			a = a&15 | c<<4
		} else {
			a = a&63 | c<<4&0xc0
		}
		p.low[i] = p.all[a]
	}
	return p
}
