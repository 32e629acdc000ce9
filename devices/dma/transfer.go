package dma

// Attach connects a device to a channel: notify is called when the channel, whose DREQ is up, can be served again, as software has
// unmasked it. The device then calls Write or Read.
func (c *Controller) Attach(ch int, notify func()) { c.notify[ch&7] = notify }

// SetDREQ is a device's request line. Write and Read need it up.
func (c *Controller) SetDREQ(ch int, level bool) {
	if level {
		c.s.DREQ |= 1 << (ch & 7)
	} else {
		c.s.DREQ &^= 1 << (ch & 7)
	}
}

// enabled tells whether a channel is not masked and its controllers are on.
func (c *Controller) enabled(ch int) bool {
	n := ch >> 2
	if c.s.Command[n]&cmdDisable != 0 || c.s.Mask[n]>>(ch&3)&1 != 0 {
		return false
	}
	return n == 1 || c.enabled(Cascade)
}

// run serves the channels that wait: devices are told, requests by software run to the end.
func (c *Controller) run() {
	for ch := range numChannels {
		if ch == Cascade || !c.enabled(ch) {
			continue
		}
		if c.s.DREQ>>ch&1 != 0 && c.notify[ch] != nil {
			c.notify[ch]()
		} else if c.s.Request[ch>>2]>>(ch&3)&1 != 0 {
			c.alone(ch)
		}
	}
}

// alone runs a channel to its terminal count for a request by software, when no device drives or reads the bus.
func (c *Controller) alone(ch int) {
	nobody := [2]byte{0xff, 0xff}
	size := 1 << (ch >> 2)
	for range 1 << 16 {
		if n, tc := c.transfer(ch, nobody[:size], typeWrite); tc || n == 0 {
			return
		}
	}
}

// Write moves p from a device to memory. It returns how many bytes the channel took (none while it is masked) and whether the last was at
// the terminal count. On a channel that is not programmed for this direction they are counted and dropped. p has whole words on channels 5 to 7.
func (c *Controller) Write(ch int, p []byte) (n int, tc bool) { return c.move(ch, p, typeWrite) }

// Read moves bytes from memory to a device, like Write. Bytes that no memory drives are FFh.
func (c *Controller) Read(ch int, p []byte) (n int, tc bool) { return c.move(ch, p, typeRead) }

func (c *Controller) move(ch int, p []byte, want uint8) (n int, tc bool) {
	ch &= 7
	for ch != Cascade && n < len(p) && !tc && c.s.DREQ>>ch&1 != 0 && c.enabled(ch) {
		var done int
		if done, tc = c.transfer(ch, p[n:], want); done == 0 {
			break
		}
		n += done
	}
	return n, tc
}

// transfer moves as much as lies in one piece of memory and counts it. A channel's address never leaves its 64 KiB (128 KiB).
func (c *Controller) transfer(ch int, p []byte, want uint8) (n int, tc bool) {
	s := &c.s.Channels[ch]
	if s.Mode&modeCascade == modeCascade {
		return 0, false
	}
	shift := ch >> 2 // words
	units := min(len(p)>>shift, int(s.Count)+1)
	switch {
	case units == 0:
		return 0, false
	case s.Mode&modeDown != 0:
		units = 1
	default:
		units = min(units, 1<<16-int(s.Addr))
	}
	n = units << shift
	c.access(ch, p[:n], want)
	if s.Mode&modeDown != 0 {
		s.Addr -= uint16(units)
	} else {
		s.Addr += uint16(units)
	}
	tc = units == int(s.Count)+1
	s.Count -= uint16(units)
	if tc {
		c.terminal(ch)
	}
	return n, tc
}

// access moves p between the bus and memory.
func (c *Controller) access(ch int, p []byte, want uint8) {
	s := &c.s.Channels[ch]
	page := uint64(c.s.Pages[pagePort[ch]])
	at := page<<16 | uint64(s.Addr)
	if ch > Cascade {
		at = page&^1<<16 | uint64(s.Addr)<<1
	}
	got := s.Mode & modeType
	switch {
	case want == typeWrite && got == typeWrite:
		// Where there is no RAM the bytes are lost.
		_ = c.mem.WritePhys(at, p)
	case want == typeRead && got == typeRead:
		if c.mem.ReadPhys(at, p) == nil {
			return
		}
		fallthrough
	case want == typeRead:
		for i := range p {
			p[i] = 0xff
		}
	}
}

// terminal is the end of a channel's count.
func (c *Controller) terminal(ch int) {
	s, n, bit := &c.s.Channels[ch], ch>>2, uint8(1)<<(ch&3)
	c.s.TC[n] |= bit
	c.s.Request[n] &^= bit
	if s.Mode&modeAutoinit != 0 {
		s.Addr, s.Count = s.BaseAddr, s.BaseCount
	} else {
		c.s.Mask[n] |= bit
	}
}
