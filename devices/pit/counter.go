package pit

// Bits of the control word. RW 0 is the counter latch command.
const (
	rwLow  = 1 << 4
	rwHigh = 2 << 4
	rwBoth = 3 << 4
	rwMask = 3 << 4
	bcdBit = 1
)

// Counter is the state of one counter. Times are in input clock ticks since the machine was made.
type Counter struct {
	Control uint8 // last control word, bits 5..0
	Gate    bool

	CR      uint16 // count register as written
	Null    bool   // CR has not reached the counting element
	Running bool   // the counting element has been loaded
	Start   int64  // tick at which N was loaded
	N       int32  // count loaded: 1 to 65536, in BCD mode to 10000
	Old     uint16 // counting element before the load at Start
	OldOut  bool   // output before the load
	Frozen  bool   // gate low in modes 0, 2, 3 and 4
	Elapsed int64  // ticks counted when the gate went low

	NextAt int64 // modes 2 and 3: tick at which NextN is loaded, 0: none
	NextN  int32

	WriteHigh   bool // the next byte written is the high one
	Low         uint8
	ReadHigh    bool // the next byte read is the high one
	Latched     bool
	Latch       uint16
	StatusReady bool
	Status      uint8
}

// mode is 0 to 5; the control word's 6 and 7 are 2 and 3.
func (c *Counter) mode() int {
	m := int(c.Control >> 1 & 7)
	if m > 5 {
		m -= 4
	}
	return m
}

func (c *Counter) modulus() int64 {
	if c.Control&bcdBit != 0 {
		return 10000
	}
	return 65536
}

// count is the number that the count register stands for.
func (c *Counter) count() int32 {
	n := int32(c.CR)
	if c.Control&bcdBit != 0 {
		n = int32(c.CR>>12)*1000 + int32(c.CR>>8&0xf)*100 + int32(c.CR>>4&0xf)*10 + int32(c.CR&0xf)
		n %= 10000
	}
	if n == 0 {
		n = int32(c.modulus())
	}
	return n
}

// sync loads the count that was written during a period when the period has ended.
func (c *Counter) sync(now int64) {
	if c.NextAt == 0 || now < c.NextAt {
		return
	}
	c.N, c.Start = c.NextN, c.NextAt
	if c.mode() == 3 && c.Elapsed != 0 {
		// Loaded at the end of the high half: the low half of the new count follows.
		c.Start -= c.high()
	}
	c.NextAt, c.Elapsed, c.Null = 0, 0, false
}

// high is the length of the high half of a square wave.
func (c *Counter) high() int64 { return (int64(c.N) + 1) / 2 }

// elapsed is how many ticks the counter has counted; it is negative before the load.
func (c *Counter) elapsed(now int64) int64 {
	if c.Frozen {
		return c.Elapsed
	}
	return now - c.Start
}

// out is the level of the output at tick now.
func (c *Counter) out(now int64) bool {
	c.sync(now)
	if !c.Running {
		return c.mode() != 0
	}
	e, n := c.elapsed(now), int64(c.N)
	switch c.mode() {
	case 0:
		return e >= n
	case 1:
		return e < 0 && c.OldOut || e >= n
	case 2:
		return c.Frozen || e < 0 || e%n != n-1
	case 3:
		return c.Frozen || e < 0 || e%n < c.high()
	}
	return e != n
}

// value is what the counting element shows at tick now.
func (c *Counter) value(now int64) uint16 {
	c.sync(now)
	if !c.Running {
		return c.Old
	}
	e, n := c.elapsed(now), int64(c.N)
	if e < 0 {
		return c.Old
	}
	var v int64
	switch c.mode() {
	case 2:
		v = n - e%n
	case 3:
		e %= n
		if h := c.high(); e >= h {
			e -= h
		}
		v = n&^1 - 2*e
	default:
		v = n - e
	}
	m := c.modulus()
	if v = v % m; v < 0 {
		v += m
	}
	if c.Control&bcdBit != 0 {
		v = v/1000<<12 | v/100%10<<8 | v/10%10<<4 | v%10
	}
	return uint16(v)
}

// nextEdge is the first tick after now at which the output may change.
func (c *Counter) nextEdge(now int64) (int64, bool) {
	c.sync(now)
	if !c.Running || c.Frozen {
		return 0, false
	}
	n, e := int64(c.N), now-c.Start
	var at int64
	switch mode := c.mode(); {
	case mode == 1 && e < 0, (mode == 2 || mode == 3) && e < 0:
		at = 0
	case mode == 2 || mode == 3:
		low := n - 1
		if mode == 3 {
			low = c.high()
		}
		at = e - e%n + low
		if at <= e {
			at = e - e%n + n
		}
	case e < n:
		at = n
	case mode >= 4 && e == n:
		at = n + 1
	default:
		return 0, false
	}
	at += c.Start
	if c.NextAt != 0 {
		at = min(at, c.NextAt)
	}
	return at, true
}

// rise is the first tick after from, up to now, at which the output rises.
func (c *Counter) rise(from, now int64) (at int64, ok bool) {
	level := c.out(from)
	// Two edges are enough to see: after that a period repeats.
	for range 4 {
		at, ok := c.nextEdge(from)
		if !ok || at > now {
			return 0, false
		}
		l := c.out(at)
		if l && !level {
			return at, true
		}
		from, level = at, l
	}
	return 0, false
}

// slow tells whether the output is periodic, with a period in which a host can do something.
func (c *Counter) slow() bool {
	mode := c.mode()
	return (mode == 2 || mode == 3) && c.N >= 2*minRearm*Hz/second
}

// load puts the count register into the counting element at tick at.
func (c *Counter) load(now, at int64) {
	old, out := c.value(now), c.out(now)
	c.Old, c.OldOut, c.N, c.Start = old, out, c.count(), at
	c.Running, c.NextAt, c.Elapsed = true, 0, 0
	c.Frozen = !c.Gate && c.mode() != 1 && c.mode() != 5
	c.Null = false
}

// control is a control word for this counter.
func (c *Counter) control(now int64, b uint8) {
	if b&rwMask == 0 {
		c.latchCount(now)
		return
	}
	old := c.value(now)
	*c = Counter{Control: b & 0x3f, Gate: c.Gate, CR: c.CR, Null: true, Old: old}
}

// write takes a byte of a new count.
func (c *Counter) write(now int64, b uint8) {
	c.sync(now)
	switch c.Control & rwMask {
	case rwLow:
		c.CR = uint16(b)
	case rwHigh:
		c.CR = uint16(b) << 8
	default:
		if c.WriteHigh = !c.WriteHigh; c.WriteHigh {
			c.Low = b
			if c.mode() == 0 && c.Running {
				// The first byte stops mode 0 and makes the output low.
				c.Old, c.Running = c.value(now), false
			}
			return
		}
		c.CR = uint16(b)<<8 | uint16(c.Low)
	}
	c.Null = true
	switch mode := c.mode(); {
	case mode == 1 || mode == 5: // waits for a trigger
	case (mode == 2 || mode == 3) && c.Running && !c.Frozen:
		c.replaceLater(now)
	default:
		c.load(now, now+1)
	}
}

// replaceLater keeps a count written in mode 2 or 3 until the end of the period (mode 3: half period).
func (c *Counter) replaceLater(now int64) {
	e, n := now-c.Start, int64(c.N)
	c.NextN = c.count()
	if e < 0 {
		c.load(now, c.Start)
		return
	}
	c.NextAt, c.Elapsed = c.Start+e-e%n+n, 0
	if h := c.high(); c.mode() == 3 && e%n < h {
		c.NextAt, c.Elapsed = c.Start+e-e%n+h, h
	}
}

// setGate changes the gate input.
func (c *Counter) setGate(now int64, level bool) {
	if level == c.Gate {
		return
	}
	c.sync(now)
	c.Gate = level
	switch mode := c.mode(); {
	case mode == 1 || mode == 5:
		if level && (c.Running || c.Null) {
			c.load(now, now+1)
		}
	case !c.Running:
	case !level:
		c.freeze(now)
	case mode == 2 || mode == 3:
		c.load(now, now+1)
	default:
		c.Frozen = false
		c.Start = now - c.Elapsed
	}
}

// freeze stops counting. A count that waits for the end of the period is then loaded by the gate's next edge.
func (c *Counter) freeze(now int64) {
	c.Elapsed = max(now-c.Start, 0)
	c.Frozen, c.NextAt = true, 0
}

func (c *Counter) latchCount(now int64) {
	if !c.Latched {
		c.Latched, c.Latch = true, c.value(now)
	}
}

func (c *Counter) latchStatus(now int64) {
	if c.StatusReady {
		return
	}
	c.StatusReady, c.Status = true, c.Control
	if c.out(now) {
		c.Status |= 0x80
	}
	if c.Null || c.Running && !c.Frozen && now < c.Start {
		c.Status |= 0x40
	}
}

// read gives the next byte: latched status, latched count, or the count as it runs.
func (c *Counter) read(now int64) uint8 {
	if c.StatusReady {
		c.StatusReady = false
		return c.Status
	}
	v := c.Latch
	if !c.Latched {
		v = c.value(now)
	}
	switch c.Control & rwMask {
	case rwLow:
		c.Latched = false
		return uint8(v)
	case rwHigh:
		c.Latched = false
		return uint8(v >> 8)
	}
	if c.ReadHigh = !c.ReadHigh; c.ReadHigh {
		return uint8(v)
	}
	c.Latched = false
	return uint8(v >> 8)
}
