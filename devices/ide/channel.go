package ide

import (
	"encoding/binary"

	"goemu/devices"
	"goemu/devices/ata"
)

// Registers of the command block.
const (
	regData = iota
	regError
	regCount
	regLBALow
	regLBAMid
	regLBAHigh
	regDevice
	regStatus
)

// Bits of the Device Control register.
const (
	controlNIEN = 1 << 1
	controlSRST = 1 << 2
	controlHOB  = 1 << 7
)

// channel is one cable with up to two devices.
type channel struct {
	c        *Controller
	n        int
	units    [2]unit
	control  uint8
	selected int
	irq      devices.Line
	line     bool // what irq was told
	bus      BusMasterState
	mapped   bool
	region   [8]byte // the entry of the table that is being read
}

// unit is a device's place on the cable. It is the device's transport.
type unit struct {
	ch    *channel
	n     int
	dev   *ata.Device
	intrq bool // the device has an interrupt pending
}

func (ch *channel) reset() {
	ch.control, ch.selected, ch.bus = 0, 0, BusMasterState{}
	for i := range ch.units {
		if u := &ch.units[i]; u.dev != nil {
			u.dev.Reset()
			ch.bus.Status |= bmDrive0 << i
		}
		ch.units[i].intrq = false
	}
	ch.update()
}

// update drives the interrupt line: the selected device's INTRQ, unless nIEN is set.
func (ch *channel) update() {
	level := ch.units[ch.selected].intrq && ch.control&controlNIEN == 0
	if level == ch.line {
		return
	}
	if ch.line = level; level {
		ch.bus.Status |= bmInterrupt
	}
	ch.irq.Set(level)
}

// raise asserts a device's INTRQ.
func (u *unit) raise() {
	u.intrq = true
	u.ch.update()
}

// lower takes it back.
func (u *unit) lower() {
	u.intrq = false
	u.ch.update()
}

// Transfer implements ata.Transport.
func (u *unit) Transfer(d *ata.Device, intr bool) {
	if intr {
		u.raise()
	}
	if d.DMA() && !d.Packet() {
		u.ch.moveDMA()
	}
}

// Complete implements ata.Transport.
func (u *unit) Complete(_ *ata.Device, intr bool) {
	if intr {
		u.raise()
	}
}

// Accepted, Queued and QueuedDone implement ata.Transport: parallel devices have no queue.
func (u *unit) Accepted(*ata.Device)                       {}
func (u *unit) Queued(*ata.Device, int, []byte, bool) int  { return 0 }
func (u *unit) QueuedDone(_ *ata.Device, _ uint32, _ bool) {}
func (ch *channel) device() *ata.Device                    { return ch.units[ch.selected].dev }
func (ch *channel) pio(d *ata.Device, in bool) (p []byte, ok bool) {
	if d == nil || d.Status&ata.StatusDRQ == 0 || d.In() != in || d.DMA() && !d.Packet() {
		return nil, false
	}
	return d.Data(), true
}

// In reads from the command block. The data register is as wide as the access, the others are bytes.
func (ch *channel) In(port uint16, size int) uint32 {
	reg := int(port - legacy[ch.n].command)
	if reg == regData {
		return ch.readData(size)
	}
	var v uint32
	for i := range size {
		v |= uint32(ch.read(reg+i)) << (8 * i)
	}
	return v
}

// Out writes to the command block.
func (ch *channel) Out(port uint16, size int, v uint32) {
	reg := int(port - legacy[ch.n].command)
	if reg == regData {
		ch.writeData(size, v)
		return
	}
	for i := range size {
		ch.write(reg+i, uint8(v>>(8*i)))
	}
}

func (ch *channel) readData(size int) uint32 {
	d := ch.device()
	p, ok := ch.pio(d, true)
	if !ok {
		return 0
	}
	n := min(size, len(p))
	var v [4]byte
	copy(v[:n], p)
	d.Moved(n)
	return binary.LittleEndian.Uint32(v[:])
}

func (ch *channel) writeData(size int, v uint32) {
	d := ch.device()
	p, ok := ch.pio(d, false)
	if !ok {
		return
	}
	var b [4]byte
	binary.LittleEndian.PutUint32(b[:], v)
	d.Moved(copy(p, b[:size]))
}

// read reads a register of the selected device.
func (ch *channel) read(reg int) uint8 {
	u := &ch.units[ch.selected]
	d := u.dev
	if d == nil {
		return 0
	}
	pick := func(r ata.Register) uint8 {
		if ch.control&controlHOB != 0 {
			return r.Prev
		}
		return r.Now
	}
	switch reg {
	case regError:
		return d.Error
	case regCount:
		return pick(d.Count)
	case regLBALow:
		return pick(d.LBALow)
	case regLBAMid:
		return pick(d.LBAMid)
	case regLBAHigh:
		return pick(d.LBAHigh)
	case regDevice:
		return d.Device | 0xa0
	case regStatus:
		u.lower()
		return ch.status(d)
	}
	return 0
}

// status is the Status register of a device that is there.
func (ch *channel) status(d *ata.Device) uint8 {
	if ch.control&controlSRST != 0 {
		return ata.StatusBSY
	}
	return d.Status
}

// write writes a register: of both devices, but for commands.
func (ch *channel) write(reg int, v uint8) {
	ch.control &^= controlHOB
	if reg == regStatus {
		ch.command(v)
		return
	}
	if d := ch.device(); d != nil && (!d.Idle() || ch.control&controlSRST != 0) {
		return
	}
	for i := range ch.units {
		d := ch.units[i].dev
		if d == nil || !d.Idle() {
			continue
		}
		switch reg {
		case regError:
			d.Features.Set(v)
		case regCount:
			d.Count.Set(v)
		case regLBALow:
			d.LBALow.Set(v)
		case regLBAMid:
			d.LBAMid.Set(v)
		case regLBAHigh:
			d.LBAHigh.Set(v)
		case regDevice:
			d.Device = v
		}
	}
	if reg == regDevice {
		ch.selected = int(v >> 4 & 1)
		ch.update()
	}
}

// command is a write of the Command register.
func (ch *channel) command(v uint8) {
	u := &ch.units[ch.selected]
	if ch.control&controlSRST != 0 {
		return
	}
	if v == ata.CmdDiagnostic {
		ch.diagnose()
		return
	}
	if u.dev != nil {
		u.lower()
		u.dev.Command(v)
	}
}

// diagnose is EXECUTE DEVICE DIAGNOSTIC, which is for both devices. Device 0 answers.
func (ch *channel) diagnose() {
	for i := range ch.units {
		if u := &ch.units[i]; u.dev != nil {
			u.intrq = false
			u.dev.Command(ata.CmdDiagnostic)
		}
	}
	ch.selected = 0
	ch.units[1].intrq = false
	ch.update()
}

// control is the port of the Device Control and Alternate Status registers.
type control struct {
	ch *channel
}

// In reads Alternate Status.
func (c control) In(uint16, int) uint32 {
	if d := c.ch.device(); d != nil {
		return uint32(c.ch.status(d))
	}
	return 0
}

// Out writes Device Control.
func (c control) Out(_ uint16, _ int, v uint32) {
	ch := c.ch
	was := ch.control
	ch.control = uint8(v)
	if ch.control&^was&controlSRST != 0 {
		for i := range ch.units {
			u := &ch.units[i]
			u.intrq = false
			if u.dev != nil {
				u.dev.SoftReset()
			}
		}
		ch.selected = 0
	}
	ch.update()
}
