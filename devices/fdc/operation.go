package fdc

import "goemu/devices/block"

// opcode is a data command without its modifiers.
type opcode uint8

const (
	opReadTrack    opcode = 0x02
	opWrite        opcode = 0x05
	opRead         opcode = 0x06
	opWriteDeleted opcode = 0x09
	opReadID       opcode = 0x0a
	opReadDeleted  opcode = 0x0c
	opFormat       opcode = 0x0d
	opScanEqual    opcode = 0x11
	opVerify       opcode = 0x16
	opScanLow      opcode = 0x19
	opScanHigh     opcode = 0x1d
)

// stage is what a data command waits for.
type stage uint8

const (
	stageStart  stage = iota // the head to settle
	stageDisk                // the drive
	stageDelay               // the sector to pass by
	stageHost                // data from or for the host
	stageGiveUp              // index pulses without address marks
)

// Operation is the data command under way.
type Operation struct {
	Code          opcode
	MT, MFM, SK   bool
	Drive, Side   uint8 // Side is the head that is selected
	C, H, R, N    uint8 // the sector that is looked for
	EOT, GPL, DTL uint8
	Left          int // sectors to go: READ TRACK, VERIFY with EC, FORMAT TRACK
	Stage         stage
	Started       int64 // when the sector's time began, in ns
	ST0, ST1, ST2 uint8
	TC            bool // terminal count was reached
	OtherMark     bool // the sector has the data mark that the command is not for

	Data     [SectorSize]uint8
	Pos, Len int // of Data: where the host is
	Host     [SectorSize]uint8
	Filler   uint8 // FORMAT TRACK: what fills sectors
}

// marks has a bit for each sector of a disk, of those that have a deleted data mark.
type marks [(MaxSize/SectorSize + 63) / 64]uint64

func (m *marks) has(sector int64) bool { return m[sector/64]>>(sector%64)&1 != 0 }

func (m *marks) set(sector int64, on bool) {
	if m[sector/64] &^= 1 << (sector % 64); on {
		m[sector/64] |= 1 << (sector % 64)
	}
}

func (o *Operation) writes() bool {
	return o.Code == opWrite || o.Code == opWriteDeleted || o.Code == opFormat
}

func (o *Operation) scans() bool {
	return o.Code == opScanEqual || o.Code == opScanLow || o.Code == opScanHigh
}

// toHost tells the direction of data.
func (o *Operation) toHost() bool { return !o.writes() && !o.scans() }

// counted tells whether Left ends the command and not EOT.
func (o *Operation) counted() bool {
	return o.Code == opReadTrack || o.Code == opFormat || o.Code == opVerify && o.Left > 0
}

// dataCommand begins a command with C, H, R, N, EOT, GPL and DTL.
func (c *Controller) dataCommand() {
	p := &c.s.FIFO
	o := c.begin(p[0] & 0x1f)
	o.MT, o.SK = p[0]&0x80 != 0, p[0]&0x20 != 0
	o.C, o.H, o.R, o.N, o.EOT, o.GPL, o.DTL = p[2], p[3], p[4], p[5], p[6], p[7], p[8]
	c.s.LastSC = o.EOT
	switch {
	case o.Code == opReadTrack:
		o.Left = max(int(o.EOT), 1)
	case o.Code == opVerify && p[1]&0x80 != 0: // EC: DTL is the number of sectors
		if o.Left = int(o.DTL); o.Left == 0 {
			o.Left = 256
		}
	}
	if c.s.Config&cfgImplied != 0 {
		d := &c.s.Drives[o.Drive]
		steps := int64(d.Track) - int64(o.C)
		c.arrive(o.Drive, o.C)
		c.at(settleTime + max(steps, -steps)*stepTime)
	}
}

func (c *Controller) readID() { c.begin(uint8(opReadID)) }

func (c *Controller) formatTrack() {
	p := &c.s.FIFO
	o := c.begin(p[0] & 0x1f)
	o.N, o.GPL, o.Left, o.Filler = p[2], p[4], int(p[3]), p[5]
	c.s.LastSC = p[3]
}

// begin starts the execution phase.
func (c *Controller) begin(code uint8) *Operation {
	c.s.Op = Operation{
		Code: opcode(code), MFM: c.s.FIFO[0]&0x40 != 0, Drive: c.s.FIFO[1] & 3, Side: c.s.FIFO[1] >> 2 & 1,
	}
	c.s.Phase = phaseExecute
	c.at(sectorTime)
	return &c.s.Op
}

// layout is that of the disk under the head; ok is false where no address marks can be read.
func (c *Controller) layout(o *Operation) (g Geometry, ok bool) {
	if !c.motor(o.Drive) || !o.MFM {
		return g, false
	}
	m, ok := c.drives[o.Drive].Medium()
	if !ok || m.Sector != SectorSize {
		return g, false
	}
	g, err := GeometryOf(m.Size)
	if err != nil || o.Side >= g.Heads || c.s.Drives[o.Drive].Track >= g.Cylinders {
		return g, false
	}
	// A drive of 1.2 MB turns faster and reads disks of 360 KB at 300 kbit/s.
	return g, c.s.Rate == g.rate || g.rate == rate250 && c.s.Rate == rate300
}

// step goes on with the command after a delay.
func (c *Controller) step() {
	o := &c.s.Op
	switch o.Stage {
	case stageStart:
		c.start()
	case stageDelay:
		c.passed()
	case stageGiveUp:
		c.finish(st0Abnormal, o.ST1|st1NoMark, o.ST2)
	}
}

// start looks at the disk for the first time.
func (c *Controller) start() {
	o := &c.s.Op
	g, ok := c.layout(o)
	switch {
	case !ok:
		o.Stage = stageGiveUp
		c.at(noMarkTime)
		return
	case o.writes():
		if m, _ := c.drives[o.Drive].Medium(); m.ReadOnly {
			c.finish(st0Abnormal, st1Protected, 0)
			return
		}
	}
	switch o.Code {
	case opReadID: // whichever comes by
		o.C, o.H, o.N = c.s.Drives[o.Drive].Track, o.Side, sizeCode
		o.R = uint8(c.clock.Now()/sectorTime%int64(g.Sectors)) + 1
		c.finish(0, 0, 0)
	case opFormat:
		c.host(4)
	case opWrite, opWriteDeleted:
		if c.search() {
			c.host(SectorSize)
		}
	case opReadTrack: // from the index on, whether the named sector is the first or not
		track := c.s.Drives[o.Drive].Track
		if o.C != track || o.H != o.Side || o.R != 1 || o.N != sizeCode {
			o.ST1 = st1NoData
		}
		o.C, o.H, o.R, o.N = track, o.Side, 1, sizeCode
		c.fetch()
	default:
		c.fetch()
	}
}

// search looks for the sector C, H, R, N on the track; where it is not the command ends.
func (c *Controller) search() bool {
	o := &c.s.Op
	track := c.s.Drives[o.Drive].Track
	g, ok := c.layout(o)
	switch {
	case !ok:
		o.Stage = stageGiveUp
		c.at(noMarkTime)
	case o.C != track && o.C == 0xff:
		c.finish(st0Abnormal, st1NoData, o.ST2|st2BadCyl|st2WrongCyl)
	case o.C != track:
		c.finish(st0Abnormal, st1NoData, o.ST2|st2WrongCyl)
	case o.H != o.Side || o.N != sizeCode || o.R == 0 || o.R > g.Sectors || c.offset(g) < 0:
		c.finish(st0Abnormal, st1NoData, o.ST2)
	default:
		return true
	}
	return false
}

// offset is the place of the sector in the image, in bytes; -1 behind its end.
func (c *Controller) offset(g Geometry) int64 {
	o := &c.s.Op
	track := int64(c.s.Drives[o.Drive].Track)
	at := ((track*int64(g.Heads)+int64(o.Side))*int64(g.Sectors) + int64(o.R) - 1) * SectorSize
	if m, ok := c.drives[o.Drive].Medium(); !ok || at+SectorSize > m.Size {
		return -1
	}
	return at
}

// fetch reads the sector.
func (c *Controller) fetch() {
	if c.search() {
		c.s.Op.Started = c.clock.Now()
		c.submit()
	}
}

// submit gives the drive the operation's request, when it has no other.
func (c *Controller) submit() {
	o := &c.s.Op
	o.Stage = stageDisk
	if c.queued = c.flying; c.queued {
		return
	}
	g, ok := c.layout(o)
	at := int64(-1)
	if ok {
		at = c.offset(g)
	}
	if at < 0 { // the medium has gone meanwhile
		o.Stage = stageGiveUp
		c.at(noMarkTime)
		return
	}
	c.req.Op, c.req.Offset, c.req.Data, c.req.Err = block.Read, at, c.buf[:], nil
	if o.writes() {
		c.req.Op = block.Write
		c.buf = o.Data
		if o.Code == opFormat {
			for i := range c.buf {
				c.buf[i] = o.Filler
			}
		}
	}
	c.flying, c.dropped = true, false
	c.drives[o.Drive].Submit(&c.req)
}

// done is the end of a request.
func (c *Controller) done(r *block.Request) {
	c.flying = false
	switch {
	case c.queued:
		c.queued = false
		c.submit()
		return
	case c.dropped:
		c.dropped = false
		return
	}
	o := &c.s.Op
	if r.Err != nil {
		c.failed(r.Err)
		return
	}
	m, n := &c.s.Deleted[o.Drive], r.Offset/SectorSize
	if r.Op == block.Read {
		o.Data = c.buf
		o.OtherMark = o.Code != opReadTrack && m.has(n) != (o.Code == opReadDeleted)
	} else {
		m.set(n, o.Code == opWriteDeleted)
	}
	o.Stage = stageDelay
	c.at(max(o.Started+sectorTime-c.clock.Now(), 0))
}

// failed tells the guest of an error of the host's in the controller's words.
func (c *Controller) failed(err error) {
	st1, st2 := uint8(st1DataError), uint8(st2DataError)
	switch err {
	case block.ErrReadOnly:
		st1, st2 = st1Protected, 0
	case block.ErrNoMedium:
		st1, st2 = st1NoMark, 0
	case block.ErrRange:
		st1, st2 = st1NoData, 0
	}
	c.finish(st0Abnormal, c.s.Op.ST1|st1, c.s.Op.ST2|st2)
}

// finish begins the result phase of a data command.
func (c *Controller) finish(st0, st1, st2 uint8) {
	o := &c.s.Op
	c.timer.Stop()
	c.s.At = 0
	c.dma.SetDREQ(DMAChannel, false)
	c.reply(st0|o.Side<<2|o.Drive, st1, st2, o.C, o.H, o.R, o.N)
	c.interrupt()
}
