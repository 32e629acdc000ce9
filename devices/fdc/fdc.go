// Package fdc is the Intel 82078 floppy disk controller with two drives on a PC/AT's board.
//
// It follows the Intel 82078 data sheet (and that of the 82077AA for what both have): registers in AT mode, DMA and non-DMA transfers, all data
// commands with implied seek, multi-track and skip, overlapped seeks, polling after reset, the change line of the drives.
//
// A disk is an image of 512-byte sectors, numbered from 1 on each track; the layout follows from its size. So what an image
// cannot hold is not there: other sector sizes and numbers, single density. Deleted data marks are kept until the disk is taken out. Delays
// are short, and the times of SPECIFY are stored. A reset finds heads at track 0. Where there is no medium, the motor is off or the data rate is wrong,
// data commands end with a missing address mark after a while, where a real controller without index pulses waits
// for a reset. Power-down and tape modes are stored.
package fdc

import (
	"fmt"

	"goemu/devices"
	"goemu/devices/block"
)

// Place on the board.
const (
	Base       = 0x3f0
	IRQ        = 6
	DMAChannel = 2
	NumDrives  = 2 // drives that can be there; the controller knows four
)

const (
	stateVersion = 2
	maxDrives    = 4
	fifoSize     = 17
)

// Registers, by port offset.
const (
	regDOR  = 2
	regTDR  = 3
	regMSR  = 4 // write: DSR
	regFIFO = 5
	regDIR  = 7 // write: CCR
)

// Register bits.
const (
	dorSelect = 3
	dorRun    = 1 << 2 // RESET#
	dorGate   = 1 << 3 // DMAGATE#: interrupt and DMA request reach the board
	dorMotor0 = 1 << 4

	dsrReset = 1 << 7

	msrBusy = 1 << 4 // CMD BSY
	msrNDM  = 1 << 5 // NON DMA
	msrDIO  = 1 << 6
	msrRQM  = 1 << 7

	dirChanged = 1 << 7
)

// Times, in ns.
const (
	resetTime  = 50_000
	stepTime   = 30_000
	settleTime = 100_000
	sectorTime = 80_000
	noMarkTime = 10_000_000 // until a command gives up
)

// DMA is the channel of the board that the controller uses (dma.Controller).
type DMA interface {
	Attach(ch int, notify func())
	SetDREQ(ch int, level bool)
	Write(ch int, p []byte) (n int, tc bool)
	Read(ch int, p []byte) (n int, tc bool)
}

// phase is what the controller does.
type phase uint8

const (
	phaseIdle phase = iota
	phaseCommand
	phaseExecute
	phaseResult
	phaseReset // after a reset, until it is ready
)

// DriveState is the saved state of a drive.
type DriveState struct {
	Track    uint8
	Changed  bool  // DSKCHG: set with the medium out, until the first step with one in
	Target   uint8 // of a seek under way
	SeekAt   int64 // when it ends, in ns; 0: none
	Pending  bool  // an interrupt of this drive waits for SENSE INTERRUPT STATUS
	ST0      uint8 // for it
	Recal    bool  // the seek is a RECALIBRATE
	Spec     uint8 // DRIVE SPECIFICATION
	NoTrack0 bool  // the seek will not find track 0
}

// State is the saved state.
type State struct {
	Version             int
	DOR, TDR, DSR, Rate uint8
	Specify             [2]uint8
	Config, PreTrack    uint8
	LastSC              uint8 // SC or EOT of the last command, for DUMPREG
	Perpendicular       uint8
	Lock                bool
	PowerDown, Option   uint8
	Phase               phase
	FIFO                [fifoSize]uint8
	Len, Pos            int  // bytes of FIFO: of the command so far, or of the result
	IRQ                 bool // before the gate
	Busy                uint8
	Drives              [maxDrives]DriveState
	Deleted             [NumDrives]marks
	Op                  Operation
	At                  int64 // when what is going on goes on, in ns; 0: not by time
}

// Controller is the floppy disk controller.
type Controller struct {
	s      State
	clock  devices.Clock
	irq    devices.Line
	dma    DMA
	drives [NumDrives]block.Drive
	timer  devices.Timer
	seeks  [maxDrives]devices.Timer

	req     block.Request
	buf     [SectorSize]byte // of req
	flying  bool             // req is the drive's
	dropped bool             // nobody wants its result
	queued  bool             // the operation waits for req
}

// New returns a controller with the drives, of which nil ones are not there.
func New(clock devices.Clock, irq devices.Line, dma DMA, drives [NumDrives]block.Drive) *Controller {
	c := &Controller{clock: clock, irq: irq, dma: dma, drives: drives}
	c.timer = clock.NewTimer(c.timeout)
	for i := range c.seeks {
		c.seeks[i] = clock.NewTimer(func() { c.seekDone(i) })
	}
	c.req.Done = c.done
	dma.Attach(DMAChannel, c.serve)
	for i, d := range drives {
		if d != nil {
			d.OnChange(func() { c.s.Drives[i].Changed, c.s.Deleted[i] = true, marks{} })
		}
	}
	c.Reset()
	return c
}

// MapInto claims the ports 3F2h to 3F5h and 3F7h; 3F6h is of a disk controller.
func (c *Controller) MapInto(b devices.PortBus) {
	b.MapPorts(Base+regDOR, 4, c)
	b.MapPorts(Base+regDIR, 1, c)
}

// Name implements devices.Device.
func (c *Controller) Name() string { return "82078" }

// MaxPortSize makes wider accesses come as bytes.
func (c *Controller) MaxPortSize() int { return 1 }

// Reset is the RESET pin: the controller waits for DOR.
func (c *Controller) Reset() {
	c.halt()
	c.s = State{Rate: rate250, DSR: rate250, Deleted: c.s.Deleted}
	for i := range c.s.Drives {
		c.s.Drives[i].Changed = true
	}
	c.defaults()
	c.drive()
}

// defaults are those of CONFIGURE.
func (c *Controller) defaults() { c.s.Config, c.s.PreTrack = cfgNoFIFO, 0 }

// halt ends whatever goes on.
func (c *Controller) halt() {
	c.timer.Stop()
	for _, t := range c.seeks {
		t.Stop()
	}
	c.dropped, c.queued = c.flying, false
	c.dma.SetDREQ(DMAChannel, false)
}

// softReset is the reset by DOR or DSR (data sheet, "Reset Pin, DOR Reset vs. DSR Reset"). LOCK keeps what CONFIGURE has set.
func (c *Controller) softReset() {
	c.halt()
	s := &c.s
	if !s.Lock {
		c.defaults()
	}
	s.Perpendicular &^= perpGapGate
	s.Op, s.Busy, s.Len, s.Pos, s.IRQ = Operation{}, 0, 0, 0, false
	for i := range s.Drives {
		d := &s.Drives[i]
		d.Track, d.SeekAt, d.Pending = 0, 0, false
	}
	s.Phase = phaseReset
	c.at(resetTime)
	c.drive()
}

// ready is the end of a reset: the drives are polled, and each has something to tell.
func (c *Controller) ready() {
	s := &c.s
	s.Phase = phaseIdle
	if s.Config&cfgNoPoll != 0 {
		return
	}
	for i := range s.Drives {
		s.Drives[i].Pending, s.Drives[i].ST0 = true, st0Polled|uint8(i)
	}
	c.interrupt()
}

// at arms the timer.
func (c *Controller) at(delay int64) {
	c.s.At = c.clock.Now() + delay
	c.timer.At(c.s.At)
}

func (c *Controller) timeout() {
	c.s.At = 0
	switch {
	case c.s.DOR&dorRun == 0:
	case c.s.Phase == phaseReset:
		c.ready()
	case c.s.Phase == phaseExecute:
		c.step()
	}
}

func (c *Controller) interrupt() {
	c.s.IRQ = true
	c.drive()
}

// drive sets the interrupt line.
func (c *Controller) drive() { c.irq.Set(c.s.IRQ && c.s.DOR&dorGate != 0) }

// SaveState returns a copy of the state.
func (c *Controller) SaveState() State {
	s := c.s
	s.Version = stateVersion
	return s
}

// RestoreState takes over a saved state. A sector on its way to or from a drive is asked for again.
func (c *Controller) RestoreState(s State) error {
	switch {
	case s.Version != stateVersion:
		return fmt.Errorf("82078 state has version %d, want %d", s.Version, stateVersion)
	case s.Len < 0 || s.Len > fifoSize || s.Pos < 0 || s.Pos > s.Len:
		return fmt.Errorf("82078 state has byte %d of %d in a FIFO of %d", s.Pos, s.Len, fifoSize)
	case s.Op.Len < 0 || s.Op.Len > SectorSize || s.Op.Pos < 0 || s.Op.Pos > s.Op.Len:
		return fmt.Errorf("82078 state has byte %d of %d in a sector of %d", s.Op.Pos, s.Op.Len, SectorSize)
	case s.Op.Drive >= maxDrives:
		return fmt.Errorf("82078 state has an operation of drive %d", s.Op.Drive)
	}
	c.halt()
	c.s = s
	for i, d := range s.Drives {
		if d.SeekAt != 0 {
			c.seeks[i].At(d.SeekAt)
		}
	}
	if s.At != 0 {
		c.timer.At(s.At)
	}
	if s.Phase == phaseExecute {
		switch s.Op.Stage {
		case stageDisk:
			c.submit()
		case stageHost:
			c.dma.SetDREQ(DMAChannel, !c.pio() && s.DOR&dorGate != 0)
		}
	}
	return nil
}

// In reads a register.
func (c *Controller) In(port uint16, _ int) uint32 {
	switch port & 7 {
	case regDOR:
		return uint32(c.s.DOR)
	case regTDR:
		return uint32(c.s.TDR)
	case regMSR:
		return uint32(c.status())
	case regFIFO:
		return uint32(c.readFIFO())
	case regDIR:
		if n := c.s.DOR & dorSelect; c.motor(n) && c.s.Drives[n].Changed {
			return dirChanged
		}
		return 0
	}
	return 0xff
}

// Out writes a register.
func (c *Controller) Out(port uint16, _ int, val uint32) {
	v := uint8(val)
	switch port & 7 {
	case regDOR:
		c.writeDOR(v)
	case regTDR:
		c.s.TDR = v & 3
	case regMSR:
		c.s.DSR, c.s.Rate = v&^dsrReset, v&3
		if v&dsrReset != 0 && c.s.DOR&dorRun != 0 {
			c.softReset()
		}
	case regFIFO:
		c.writeFIFO(v)
	case regDIR:
		c.s.Rate = v & 3
	}
}

func (c *Controller) writeDOR(v uint8) {
	was := c.s.DOR
	c.s.DOR = v
	if (v^was)&dorRun != 0 {
		c.softReset()
		if v&dorRun == 0 { // until DOR says otherwise
			c.timer.Stop()
			c.s.At = 0
		}
		return
	}
	c.drive()
	c.request()
}

// motor tells whether a drive is selected and turning: present, and its motor on.
func (c *Controller) motor(n uint8) bool {
	return n < NumDrives && c.drives[n] != nil && c.s.DOR&(dorMotor0<<n) != 0
}

// status is MSR.
func (c *Controller) status() uint8 {
	s := &c.s
	if s.DOR&dorRun == 0 {
		return 0
	}
	switch s.Phase {
	case phaseIdle:
		return msrRQM | s.Busy
	case phaseCommand:
		return msrRQM | msrBusy | s.Busy
	case phaseResult:
		return msrRQM | msrDIO | msrBusy | s.Busy
	case phaseExecute:
		v := msrBusy | s.Busy
		if !c.pio() {
			return v
		}
		v |= msrNDM
		if s.Op.Stage == stageHost {
			v |= msrRQM
			if s.Op.toHost() {
				v |= msrDIO
			}
		}
		return v
	}
	return 0
}

func (c *Controller) readFIFO() uint8 {
	s := &c.s
	switch {
	case s.DOR&dorRun == 0:
		return 0xff
	case s.Phase == phaseExecute:
		return c.pioRead()
	case s.Phase != phaseResult:
		return 0xff
	}
	v := s.FIFO[s.Pos]
	if s.Pos == 0 {
		s.IRQ = c.seekEnded()
		c.drive()
	}
	if s.Pos++; s.Pos >= s.Len {
		s.Phase, s.Len, s.Pos = phaseIdle, 0, 0
	}
	return v
}

func (c *Controller) writeFIFO(v uint8) {
	s := &c.s
	switch {
	case s.DOR&dorRun == 0:
	case s.Phase == phaseExecute:
		c.pioWrite(v)
	case s.Phase == phaseIdle, s.Phase == phaseCommand:
		s.Phase = phaseCommand
		s.FIFO[s.Len] = v
		s.Len++
		c.collect()
	}
}
