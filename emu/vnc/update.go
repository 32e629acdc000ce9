package vnc

// Encodings of pixels, and what else is sent as if it were one (RFC 6143 7.7, 7.8, and the community's list).
const (
	encRaw          = 0
	encCopyRect     = 1
	encZlib         = 6
	encZRLE         = 16
	encDesktopSize  = -223
	encCursor       = -239
	encRelative     = -257 // QEMU pointer motion change
	encExtendedKey  = -258 // QEMU extended key event
	encLED          = -261
	encExtendedSize = -308
)

// Messages to viewers.
const (
	msgUpdate    = 0
	msgColourMap = 1
)

// accepts is which encodings a viewer takes.
type accepts struct {
	chosen                                                    bool
	pixels                                                    int32 // the first of those that there are
	copyRect, size, extendedSize, cursor, relative, keys, led bool
}

func (a *accepts) add(e int32) {
	switch e {
	case encRaw, encZlib, encZRLE:
		if !a.chosen {
			a.chosen, a.pixels = true, e
		}
	case encCopyRect:
		a.copyRect = true
	case encDesktopSize:
		a.size = true
	case encExtendedSize:
		a.extendedSize = true
	case encCursor:
		a.cursor = true
	case encRelative:
		a.relative = true
	case encExtendedKey:
		a.keys = true
	case encLED:
		a.led = true
	}
}

// write sends the viewer what it wants until it goes.
func (c *client) write() {
	for {
		select {
		case <-c.s.done:
			return
		case <-c.done:
			return
		case <-c.wake:
		}
		c.mu.Lock()
		w := c.wishes
		c.wishes = wishes{format: w.format, accepts: w.accepts}
		c.busy = true
		c.mu.Unlock()
		rest, err := c.update(w)
		if err != nil {
			return
		}
		c.mu.Lock()
		c.busy = false
		if rest.pending { // nothing has changed yet
			c.pending = true
			c.changes = c.changes.union(rest.changes)
		}
		c.mu.Unlock()
		signal(c.s.kick)
	}
}

// resize makes the viewer's picture one of which nothing is known.
func (c *client) resize(w, h int) {
	c.w, c.h = w, h
	c.painter.resize(w, h)
}

// update sends what is due of what the viewer wants, and gives back what is not.
func (c *client) update(w wishes) (rest wishes, err error) {
	p := &c.painter
	if p.pixels.format != w.format {
		p.pixels.set(w.format)
		if w.format.mapped {
			c.colourMap()
		}
	}
	v := &c.s.screen
	v.RLock()
	fw, fh, lamps := v.frame.Width, v.frame.Height, v.lamps
	resizable := w.accepts.size || w.accepts.extendedSize
	resized := resizable && (fw != c.w || fh != c.h)
	p.rects, p.scrolled = p.rects[:0], scrolled{}
	switch {
	case resized:
		c.resize(fw, fh)
	case w.pending:
		p.forget(w.full.clip(c.w, c.h))
		p.compare(v, w.full.union(w.changes).clip(c.w, c.h), w.accepts.copyRect)
	}
	v.RUnlock()

	n := p.count()
	tell := struct{ size, reply, cursor, relative, keys, led bool }{
		size:     resized || w.news && w.accepts.extendedSize,
		reply:    w.sizeless && w.accepts.extendedSize,
		cursor:   w.news && w.accepts.cursor,
		relative: w.news && w.accepts.relative,
		keys:     w.news && w.accepts.keys,
		led:      w.accepts.led && (w.news || lamps != p.lamps),
	}
	for _, b := range [...]bool{tell.size, tell.reply, tell.cursor, tell.relative, tell.keys, tell.led} {
		if b {
			n++
		}
	}
	if n == 0 {
		return w, c.out.Flush()
	}
	c.u8(msgUpdate)
	c.u8(0)
	c.u16(uint16(n))
	if tell.cursor { // of one transparent dot: the pointer that counts is the one that the guest draws
		c.header(rect{0, 0, 1, 1}, encCursor)
		c.bytes(p.pixels.put(p.raw[:0], 0, p.pixels.size))
		c.u8(0)
	}
	if tell.relative {
		c.header(rect{0, 0, c.w, c.h}, encRelative)
	}
	if tell.keys {
		c.header(rect{0, 0, c.w, c.h}, encExtendedKey)
	}
	if tell.led {
		p.lamps = lamps
		c.header(rect{}, encLED)
		c.u8(lamps)
	}
	if s := p.scrolled; s.h > 0 {
		c.header(rect{0, s.to, c.w, s.h}, encCopyRect)
		c.u16(0)
		c.u16(uint16(s.from))
	}
	for _, r := range p.rects {
		if err := c.paint(r, w.accepts.pixels); err != nil {
			return w, err
		}
	}
	if tell.reply {
		c.size(1, 1)
	}
	if tell.size { // the last, as nothing behind it is of the old size
		if w.accepts.extendedSize {
			c.size(0, 0)
		} else {
			c.header(rect{0, 0, c.w, c.h}, encDesktopSize)
		}
	}
	if !w.pending || resized || p.count() > 0 {
		return wishes{}, c.out.Flush()
	}
	return w, c.out.Flush()
}

// header begins a rectangle (RFC 6143 7.6.1).
func (c *client) header(r rect, encoding int32) {
	c.u16(uint16(r.x))
	c.u16(uint16(r.y))
	c.u16(uint16(r.w))
	c.u16(uint16(r.h))
	c.u32(uint32(encoding))
}

// size tells the size of the screen, by whom it was asked for (0: the guest, 1: this viewer) and what came of it (0: it is so, 1: it is not allowed).
func (c *client) size(by, status int) {
	c.header(rect{by, status, c.w, c.h}, encExtendedSize)
	c.u32(1 << 24) // screens
	c.u32(0)       // ID
	c.u32(0)       // place
	c.u16(uint16(c.w))
	c.u16(uint16(c.h))
	c.u32(0) // flags
}

// colourMap tells what colours there are.
func (c *client) colourMap() {
	c.u8(msgColourMap)
	c.u8(0)
	c.u16(0)
	c.u16(256)
	for i := range uint32(256) {
		for part, m := range cube.max {
			c.u16(uint16((i >> cube.shift[part] & uint32(m)) * 0xffff / uint32(m)))
		}
	}
}
