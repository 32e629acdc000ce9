package fdc

// Status register 0.
const (
	st0Abnormal  = 1 << 6 // IC: abnormal termination
	st0Invalid   = 2 << 6 // IC: invalid command
	st0Polled    = 3 << 6 // IC: the drive's ready line has changed, as it has after reset
	st0SeekEnd   = 1 << 5
	st0Equipment = 1 << 4 // no track 0
)

// Status register 1.
const (
	st1EndCylinder = 1 << 7
	st1DataError   = 1 << 5
	st1NoData      = 1 << 2
	st1Protected   = 1 << 1
	st1NoMark      = 1 << 0
)

// Status register 2.
const (
	st2Control    = 1 << 6 // a sector with the other kind of data mark
	st2DataError  = 1 << 5 // the CRC error is in the data
	st2WrongCyl   = 1 << 4
	st2ScanEqual  = 1 << 3
	st2ScanFailed = 1 << 2
	st2BadCyl     = 1 << 1
)

// Status register 3.
const (
	st3Protected = 1 << 6
	st3Fixed     = 1<<5 | 1<<3
	st3Track0    = 1 << 4
)

// Bits of CONFIGURE's second byte, LOCK, PERPENDICULAR MODE, SPECIFY and DRIVE SPECIFICATION.
const (
	cfgImplied  = 1 << 6 // EIS
	cfgNoFIFO   = 1 << 5
	cfgNoPoll   = 1 << 4
	cfgThresh   = 0xf
	lockOn      = 1 << 7
	perpGapGate = 3
	perpKeep    = 1 << 7 // OW: drive bits are written
	specNonDMA  = 1 << 0
	specDone    = 1 << 7
	specNoReply = 1 << 6
)

const (
	version = 0x90
	partID  = 0x41 // 82078
)

// A command: how it is recognised, how many bytes it has in all, and what it does. Those with a bit of modifiers (MT, MFM, SK, EC and
// their like) have it left out of mask.
var commands = [...]struct {
	code, mask uint8
	bytes      int
	run        func(*Controller)
}{
	{0x02, 0xbf, 9, (*Controller).dataCommand}, // READ TRACK
	{0x03, 0xff, 3, (*Controller).specify},
	{0x04, 0xff, 2, (*Controller).senseDrive},
	{0x05, 0x3f, 9, (*Controller).dataCommand}, // WRITE DATA
	{0x06, 0x1f, 9, (*Controller).dataCommand}, // READ DATA
	{0x07, 0xff, 2, (*Controller).recalibrate},
	{0x08, 0xff, 1, (*Controller).senseInterrupt},
	{0x09, 0x3f, 9, (*Controller).dataCommand}, // WRITE DELETED DATA
	{0x0a, 0xbf, 2, (*Controller).readID},
	{0x0c, 0x1f, 9, (*Controller).dataCommand}, // READ DELETED DATA
	{0x0d, 0xbf, 6, (*Controller).formatTrack},
	{0x0e, 0xff, 1, (*Controller).dumpRegisters},
	{0x0f, 0xff, 3, (*Controller).seek},
	{0x10, 0xff, 1, func(c *Controller) { c.reply(version) }},
	{0x11, 0x1f, 9, (*Controller).dataCommand}, // SCAN EQUAL
	{0x12, 0xff, 2, (*Controller).perpendicular},
	{0x13, 0xff, 4, (*Controller).configure},
	{0x14, 0x7f, 1, (*Controller).lock},
	{0x16, 0x1f, 9, (*Controller).dataCommand}, // VERIFY
	{0x17, 0xff, 2, (*Controller).powerDown},
	{0x18, 0xff, 1, func(c *Controller) { c.reply(partID) }},
	{0x19, 0x1f, 9, (*Controller).dataCommand}, // SCAN LOW OR EQUAL
	{0x1d, 0x1f, 9, (*Controller).dataCommand}, // SCAN HIGH OR EQUAL
	{0x2e, 0xff, 1, (*Controller).save},
	{0x33, 0xff, 2, (*Controller).option},
	{0x4e, 0xff, 17, (*Controller).restore},
	{0x8e, 0xff, 0, (*Controller).driveSpecification}, // as long as it says
	{0x8f, 0xbf, 3, (*Controller).relativeSeek},
}

// collect carries a command out when all its bytes are there.
func (c *Controller) collect() {
	s := &c.s
	for i := range commands {
		k := &commands[i]
		if s.FIFO[0]&k.mask != k.code {
			continue
		}
		if s.Len >= k.bytes && (k.bytes > 0 || s.Len > 1 && (s.FIFO[s.Len-1]&specDone != 0 || s.Len > maxDrives+1)) {
			s.Len, s.Phase = 0, phaseIdle
			k.run(c)
		}
		return
	}
	s.Len = 0
	c.reply(st0Invalid)
}

// reply begins the result phase.
func (c *Controller) reply(p ...uint8) {
	c.s.Len, c.s.Pos, c.s.Phase = copy(c.s.FIFO[:], p), 0, phaseResult
}

func (c *Controller) specify() { copy(c.s.Specify[:], c.s.FIFO[1:3]) }

// pio tells whether data goes through the FIFO by software (ND of SPECIFY).
func (c *Controller) pio() bool { return c.s.Specify[1]&specNonDMA != 0 }

func (c *Controller) senseDrive() {
	n := c.s.FIFO[1] & 7
	v := n | st3Fixed
	if n &= 3; n < NumDrives && c.drives[n] != nil {
		if c.s.Drives[n].Track == 0 {
			v |= st3Track0
		}
		if m, ok := c.drives[n].Medium(); !ok || m.ReadOnly {
			v |= st3Protected
		}
	}
	c.reply(v)
}

// senseInterrupt tells what the oldest drive's interrupt was for; without one the command is invalid.
func (c *Controller) senseInterrupt() {
	s := &c.s
	s.IRQ = false
	for i := range s.Drives {
		d := &s.Drives[i]
		if !d.Pending {
			continue
		}
		d.Pending = false
		s.Busy &^= 1 << i
		c.reply(d.ST0, d.Track)
		s.IRQ = c.seekEnded()
		c.drive()
		return
	}
	c.drive()
	c.reply(st0Invalid)
}

// seekEnded tells whether a seek has ended that nobody has asked for.
func (c *Controller) seekEnded() bool {
	for _, d := range c.s.Drives {
		if d.Pending && d.ST0&st0Polled != st0Polled {
			return true
		}
	}
	return false
}

func (c *Controller) perpendicular() {
	v := c.s.FIFO[1]
	if v&perpKeep != 0 {
		c.s.Perpendicular = v &^ perpKeep & 0x3f
		return
	}
	c.s.Perpendicular = c.s.Perpendicular&^perpGapGate | v&perpGapGate
}

func (c *Controller) configure() { c.s.Config, c.s.PreTrack = c.s.FIFO[2]&0x7f, c.s.FIFO[3] }

func (c *Controller) lock() {
	c.s.Lock = c.s.FIFO[0]&lockOn != 0
	c.reply(c.lockBit() >> 3)
}

func (c *Controller) lockBit() uint8 {
	if c.s.Lock {
		return lockOn
	}
	return 0
}

func (c *Controller) powerDown() {
	c.s.PowerDown = c.s.FIFO[1]
	c.reply(c.s.PowerDown)
}

func (c *Controller) option() { c.s.Option = c.s.FIFO[1] }

func (c *Controller) dumpRegisters() {
	s := &c.s
	c.reply(s.Drives[0].Track, s.Drives[1].Track, s.Drives[2].Track, s.Drives[3].Track, s.Specify[0], s.Specify[1], s.LastSC,
		c.lockBit()|s.Perpendicular, s.Config, s.PreTrack)
}

// save gives what RESTORE takes: the registers of DUMPREG between those of the clock, precompensation and power-down.
func (c *Controller) save() {
	s := &c.s
	c.reply(0, 0, s.Drives[0].Track, s.Drives[1].Track, s.Drives[2].Track, s.Drives[3].Track, s.Specify[0], s.Specify[1], s.LastSC,
		c.lockBit()|s.Perpendicular, s.Config, s.PreTrack, s.PowerDown, 0, 0, 0)
}

func (c *Controller) restore() {
	s := &c.s
	p := s.FIFO[1:]
	for i := range s.Drives {
		s.Drives[i].Track = p[2+i]
	}
	copy(s.Specify[:], p[6:8])
	s.LastSC, s.Lock, s.Perpendicular = p[8], p[9]&lockOn != 0, p[9]&0x3f
	s.Config, s.PreTrack, s.PowerDown = p[10]&0x7f, p[11], p[12]
}

// driveSpecification stores a byte for each drive that it names, up to the one that ends it.
func (c *Controller) driveSpecification() {
	s := &c.s
	reply := true
	for _, v := range s.FIFO[1 : maxDrives+2] {
		if v&specDone != 0 {
			reply = v&specNoReply == 0
			break
		}
		s.Drives[v>>5&3].Spec = v & 0x1f
	}
	if reply {
		c.reply(s.Drives[0].Spec, s.Drives[1].Spec, s.Drives[2].Spec, s.Drives[3].Spec)
	}
}

// seek is SEEK: to a cylinder.
func (c *Controller) seek() { c.move(c.s.FIFO[1]&3, c.s.FIFO[2], c.s.FIFO[1]&4, false) }

func (c *Controller) recalibrate() { c.move(c.s.FIFO[1]&3, 0, 0, true) }

// relativeSeek steps inwards (DIR) or outwards by a number of cylinders.
func (c *Controller) relativeSeek() {
	n, by := c.s.FIFO[1]&3, int(c.s.FIFO[2])
	if c.s.FIFO[0]&0x40 == 0 {
		by = -by
	}
	to := min(max(int(c.s.Drives[n].Track)+by, 0), 255)
	c.move(n, uint8(to), c.s.FIFO[1]&4, false)
}

// move begins to step a drive's head. The drive is busy until SENSE INTERRUPT STATUS.
func (c *Controller) move(n, to, head uint8, recal bool) {
	s := &c.s
	d := &s.Drives[n]
	steps := int64(d.Track) - int64(to)
	present := n < NumDrives && c.drives[n] != nil
	d.Target, d.Recal, d.NoTrack0 = to, recal, recal && !present
	d.ST0, d.Pending = st0SeekEnd|head|n, false
	s.Busy |= 1 << n
	d.SeekAt = c.clock.Now() + settleTime + max(steps, -steps)*stepTime
	c.seeks[n].At(d.SeekAt)
}

func (c *Controller) seekDone(n int) {
	d := &c.s.Drives[n]
	if d.SeekAt == 0 {
		return
	}
	d.SeekAt = 0
	if d.NoTrack0 {
		d.ST0 |= st0Abnormal | st0Equipment
	}
	c.arrive(uint8(n), d.Target)
	d.Pending = true
	c.interrupt()
}

// arrive puts a drive's head on a track. Its steps tell a drive with a medium in it that the change of media has been seen.
func (c *Controller) arrive(n, track uint8) {
	d := &c.s.Drives[n]
	if d.Track != track && n < NumDrives && c.drives[n] != nil {
		if _, ok := c.drives[n].Medium(); ok {
			d.Changed = false
		}
	}
	d.Track = track
}
