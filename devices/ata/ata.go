// Package ata is what a disk or a CD drive does with ATA commands, whatever the way on which they come to it.
//
// It follows ATA/ATAPI-7 volume 1 and, for what is newer, ACS-2; the packet commands follow MMC-5 and SPC-3. A Transport has the registers written,
// moves data and passes interrupts on: package ide for parallel ATA, package ahci for SATA.
//
// Not done: security, host protected area (its size is read only), device configuration overlay, streaming, overlapped and queued commands of ATA-4, CFA,
// media card pass through, writing to CDs, audio.
package ata

import (
	"goemu/devices/block"
)

// Bits of the Status register.
const (
	StatusERR  = 1 << 0 // CHK for packet commands
	StatusDRQ  = 1 << 3
	StatusDSC  = 1 << 4 // seek complete; SERV for packet commands
	StatusDF   = 1 << 5
	StatusDRDY = 1 << 6
	StatusBSY  = 1 << 7
)

// Bits of the Error register.
const (
	ErrorABRT = 1 << 2
	ErrorIDNF = 1 << 4
	ErrorUNC  = 1 << 6
	ErrorICRC = 1 << 7
)

// Bits of the Device register.
const (
	DeviceDEV = 1 << 4
	DeviceLBA = 1 << 6
)

// Bits of the Count register as interrupt reason of packet commands.
const (
	reasonCD = 1 << 0 // command, not data
	reasonIO = 1 << 1 // to the host
)

// Register is a register of the command block that is written as a pair: the last value and the one before ("previous").
type Register struct {
	Now, Prev uint8
}

// Set writes a register.
func (r *Register) Set(v uint8) { r.Prev, r.Now = r.Now, v }

// Registers is the command block.
type Registers struct {
	Features, Count, LBALow, LBAMid, LBAHigh Register
	Device                                   uint8
	Status, Error                            uint8
}

// Transport is what a device is connected by. It calls the device, and is called, with the machine's lock held.
type Transport interface {
	// Transfer says that Data is to be moved: the device has set DRQ. intr is set where a parallel device asserts INTRQ for it.
	// The transport may move at once and call Moved within Transfer.
	Transfer(d *Device, intr bool)
	// Complete says that the command is over: Status and Error are final. intr is as for Transfer.
	Complete(d *Device, intr bool)
	// Accepted says that the device has taken a queued command and is ready for another.
	Accepted(d *Device)
	// Queued moves data of the queued command with this tag; how much it could.
	Queued(d *Device, tag int, p []byte, in bool) int
	// QueuedDone says that the queued commands whose bits are set are over; failed: with an error, after which all others are too.
	QueuedDone(d *Device, tags uint32, failed bool)
}

// Sizes of data that is moved at a time, in bytes.
const (
	chunk      = 256 << 10
	packetSize = 12
	logSector  = 512 // of IDENTIFY, SMART and logs
)

// maxMultiple is the most sectors of a block of READ and WRITE MULTIPLE.
const maxMultiple = 16

// Config says how a device is made.
type Config struct {
	SATA  bool // queued commands; no blocks smaller than what there is
	Index int  // among the drives of the machine, for its serial number
	Unit  int  // 1: it is device 1 of a parallel channel
}

// Device is one disk or packet device.
type Device struct {
	Registers

	cfg   Config
	drive block.Drive
	info  block.Info
	t     Transport
	atapi bool

	req    block.Request
	buf    []byte
	busy   bool // req is the drive's
	stale  bool // ... for a command from before a reset
	drain  int  // requests of abandoned commands that are not done yet
	held   heldBy
	step   step // what follows the request or the transfer
	in     bool // direction of the transfer
	dma    bool
	packet bool // the transfer is that of a command packet
	pos    int  // of buf[:length], what the host has moved
	stop   int  // end of this DRQ block
	length int
	blocks int // bytes of a DRQ block

	cmd  uint8  // the present or last command
	form form   // of cmd, if it moves sectors
	lba  uint64 // of the next sector
	left int64  // sectors of the command that are not transferred yet, or bytes of a packet command

	settings settings
	cd       optical
	queue    *queue
}

// settings survive a software reset, unless SET FEATURES says otherwise.
type settings struct {
	Cylinders, Heads, Sectors int // of the current translation
	Multiple                  int // sectors of a block; 0: READ MULTIPLE and WRITE MULTIPLE are off
	DMAMode                   uint8
	WriteCache                bool
	ReadAhead                 bool
	APM                       uint8
	Standby                   uint8 // power mode as CHECK POWER MODE tells it
	Asleep                    bool
	SMARTOff                  bool
}

// New makes a device for a drive.
func New(drive block.Drive, t Transport, cfg Config) *Device {
	d := &Device{cfg: cfg, drive: drive, info: drive.Info(), t: t, buf: make([]byte, chunk)}
	d.atapi = d.info.Kind == block.CD
	d.req.Done = d.requestDone
	if cfg.SATA && !d.atapi {
		d.queue = newQueue(d)
	}
	drive.OnChange(d.mediumChanged)
	drive.OnEjectRequest(d.ejectRequested)
	d.Reset()
	return d
}

// ATAPI tells whether the device takes packet commands.
func (d *Device) ATAPI() bool { return d.atapi }

// Reset is a power-on or hardware reset.
func (d *Device) Reset() {
	d.settings = settings{Multiple: maxMultiple, DMAMode: modeUDMA | 5, WriteCache: d.info.WriteCache, ReadAhead: true}
	g := d.geometry()
	d.settings.Cylinders, d.settings.Heads, d.settings.Sectors = g.cylinders, g.heads, g.sectors
	d.resetOptical()
	d.SoftReset()
}

// SoftReset is SRST, or the reset of EXECUTE DEVICE DIAGNOSTIC and DEVICE RESET. The device is busy while the drive
// still works for a command from before it.
func (d *Device) SoftReset() {
	d.abandon()
	d.settings.Asleep = false
	d.Signature()
	d.Error = 1 // no error found
	if d.drain > 0 {
		d.Status |= StatusBSY
		d.held = heldReset
	}
}

// heldBy is what waits until the drive has done the requests of abandoned commands. The device is busy as long.
type heldBy uint8

const (
	heldNothing heldBy = iota
	heldReset
	heldCommand // Device.cmd
)

// abandon forgets the present command. What the drive still does for it is waited for.
func (d *Device) abandon() {
	d.held = heldNothing
	if d.busy {
		d.busy, d.stale = false, true
		d.drain++
	}
	if d.queue != nil {
		d.queue.abandon()
	}
	d.pos, d.stop, d.length, d.step, d.packet = 0, 0, 0, stepNone, false
}

// Signature fills in the registers by which software tells what a device is.
func (d *Device) Signature() {
	d.Features = Register{}
	d.Count, d.LBALow = Register{Now: 1}, Register{Now: 1}
	d.Device &= DeviceDEV
	if d.atapi {
		d.LBAMid, d.LBAHigh = Register{Now: 0x14}, Register{Now: 0xeb}
		d.Status = 0
		return
	}
	d.LBAMid, d.LBAHigh = Register{}, Register{}
	d.Status = StatusDRDY | StatusDSC
}

// Idle tells whether the device takes a command.
func (d *Device) Idle() bool { return d.Status&(StatusBSY|StatusDRQ) == 0 }

// submit gives the drive the request in d.req.
func (d *Device) submit(next step) {
	d.step, d.busy = next, true
	d.Status = d.Status&^StatusDRQ | StatusBSY
	d.drive.Submit(&d.req)
}

func (d *Device) requestDone(*block.Request) {
	if d.stale {
		d.stale = false
		d.drained()
		return
	}
	d.busy = false
	steps[d.step](d)
}

// drained is told of each request of an abandoned command.
func (d *Device) drained() {
	if d.drain--; d.drain > 0 {
		return
	}
	held := d.held
	d.held = heldNothing
	switch held {
	case heldReset:
		d.Status &^= StatusBSY
		d.t.Complete(d, false)
	case heldCommand:
		d.run()
	}
}

// step says what is next: a number, so that it can be saved.
type step uint8

const (
	stepNone step = iota
	stepDone
	stepRead
	stepReadMoved
	stepWriteGot
	stepWritten
	stepFlushed
	stepTrimGot
	stepTrimmed
	stepLogRead
	stepPacket
	stepPacketDone
	stepCDRead
	stepCDMoved
	stepModeSelect
	numSteps
)

var steps [numSteps]func(*Device)

func init() {
	steps = [numSteps]func(*Device){
		stepNone:       func(*Device) {},
		stepDone:       (*Device).moved,
		stepRead:       (*Device).readDone,
		stepReadMoved:  (*Device).readMoved,
		stepWriteGot:   (*Device).writeGot,
		stepWritten:    (*Device).written,
		stepFlushed:    (*Device).flushed,
		stepTrimGot:    (*Device).trimGot,
		stepTrimmed:    (*Device).trimmed,
		stepLogRead:    (*Device).moved,
		stepPacket:     (*Device).packetGot,
		stepPacketDone: (*Device).packetDone,
		stepCDRead:     (*Device).cdReadDone,
		stepCDMoved:    (*Device).cdMoved,
		stepModeSelect: (*Device).modeSelectGot,
	}
}

// Data is what is to be moved now, to the host if In. It is empty without DRQ.
func (d *Device) Data() []byte { return d.buf[d.pos:d.stop] }

// In tells whether Data goes to the host.
func (d *Device) In() bool { return d.in }

// DMA tells whether Data is moved by DMA.
func (d *Device) DMA() bool { return d.dma }

// Packet tells whether Data is a command packet.
func (d *Device) Packet() bool { return d.packet }

// transfer begins to move buf[:n] in blocks of d.blocks bytes.
func (d *Device) transfer(n int, in, intr bool, next step) {
	d.pos, d.stop, d.length, d.in, d.step = 0, 0, n, in, next
	d.block(intr)
}

// block begins the next DRQ block.
func (d *Device) block(intr bool) {
	n := d.length - d.pos
	if d.blocks > 0 && !d.dma && !d.cfg.SATA {
		n = min(n, d.blocks)
	}
	d.stop = d.pos + n
	d.Status = d.Status&^StatusBSY | StatusDRQ
	if d.atapi {
		d.packetBlock(n)
	}
	d.t.Transfer(d, intr)
}

// Moved says that the transport has moved the first n bytes of Data.
func (d *Device) Moved(n int) {
	d.pos += n
	if d.pos < d.stop || d.Status&StatusDRQ == 0 {
		return
	}
	d.Status &^= StatusDRQ
	if d.pos < d.length {
		d.block(true)
		return
	}
	d.pos, d.stop = 0, 0
	d.Status |= StatusBSY
	steps[d.step](d)
}

// Short says that the transport cannot move the rest of Data: the host gave too little memory. The command ends there.
func (d *Device) Short() {
	d.pos, d.stop, d.length = 0, 0, 0
	if d.atapi {
		d.finishPacket()
		return
	}
	d.fail(ErrorABRT)
}

// finish ends a command without error.
func (d *Device) finish(intr bool) {
	d.Status = d.ready()
	d.Error = 0
	d.step = stepNone
	d.t.Complete(d, intr)
}

// moved ends a command after its data has gone to the host: the interrupt came before it, but for DMA.
func (d *Device) moved() { d.finish(d.dma) }

func (d *Device) ready() uint8 { return StatusDRDY | StatusDSC }

// fail ends a command with an error.
func (d *Device) fail(e uint8) {
	d.Status = d.ready() | StatusERR
	d.Error = e
	d.step = stepNone
	d.t.Complete(d, true)
}
