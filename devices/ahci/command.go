package ahci

import (
	"encoding/binary"

	"goemu/devices/ata"
	"goemu/devices/pci"
)

var le = binary.LittleEndian

// The command list and table (4.2.2, 4.2.3).
const (
	headerSize = 32
	cfisSize   = 64
	acmdAt     = 0x40
	prdtAt     = 0x80
	prdSize    = 16
	prdBytes   = 0x3fffff // of the byte count, which is one less than it says

	headATAPI = 1 << 5
	headClear = 1 << 10 // C: BSY is cleared when the frame is received
)

// Frames (Serial ATA 10.5).
const (
	fisHostToDevice = 0x27
	fisRegister     = 0x34
	fisPIOSetup     = 0x5f
	fisSetBits      = 0xa1

	fisIntr    = 1 << 6
	fisToHost  = 1 << 5
	fisCommand = 1 << 7 // of the host's frame: it is a command, else the control register

	controlSRST = 1 << 2
)

// Where received frames are put (4.2.1).
const (
	rfisPIO      = 0x20
	rfisRegister = 0x40
	rfisSetBits  = 0x58
)

// issue fetches commands while the device takes them.
func (p *port) issue() {
	if p.issuing {
		return
	}
	p.issuing = true
	s := &p.s
	for s.CMD&cmdST != 0 && !s.Halted && s.Slot == noSlot && s.CI != 0 && s.TFD&(ata.StatusBSY|ata.StatusDRQ) == 0 && p.dev != nil && !s.Down {
		p.fetch(lowest(s.CI))
	}
	p.issuing = false
}

// fatal stops the port with an error of its own.
func (p *port) fatal(bit uint32) {
	p.s.IS |= bit
	p.s.Halted = true
}

// busRead and busWrite are the controller as bus master.
func (p *port) busRead(addr uint64, b []byte) bool {
	return p.c.Config[pci.Command]&pci.CommandBusMaster != 0 && p.c.memory.ReadPhys(addr, b) == nil
}

func (p *port) busWrite(addr uint64, b []byte) bool {
	return p.c.Config[pci.Command]&pci.CommandBusMaster != 0 && p.c.memory.WritePhys(addr, b) == nil
}

func (p *port) headerAt(slot int) uint64 { return p.s.CLB + uint64(slot)*headerSize }

// header is what a slot's command header says: its first doubleword and the address of the command table.
func (p *port) header(slot int) (flags uint32, table uint64, ok bool) {
	h := p.head[:]
	if !p.busRead(p.headerAt(slot), h) {
		return 0, 0, false
	}
	return le.Uint32(h), le.Uint64(h[8:]) &^ 0x7f, true
}

// fetch gives the device the command in a slot.
func (p *port) fetch(slot int) {
	s := &p.s
	flags, table, ok := p.header(slot)
	f := p.frame[:]
	if !ok || !p.busRead(table, f) {
		p.fatal(isHBFS)
		return
	}
	s.Moved[slot], s.Entry[slot], s.Offset[slot] = 0, 0, 0
	d := p.dev
	if f[0] != fisHostToDevice {
		s.CI &^= 1 << slot // the device does not know such a frame
		return
	}
	if f[1]&fisCommand == 0 {
		p.controlFIS(slot, flags, f[15])
		return
	}
	d.Features = ata.Register{Now: f[3], Prev: f[11]}
	d.LBALow = ata.Register{Now: f[4], Prev: f[8]}
	d.LBAMid = ata.Register{Now: f[5], Prev: f[9]}
	d.LBAHigh = ata.Register{Now: f[6], Prev: f[10]}
	d.Count = ata.Register{Now: f[12], Prev: f[13]}
	d.Device = f[7]
	s.Slot = slot
	s.TFD |= ata.StatusBSY
	d.Command(f[2])
}

// controlFIS is a frame that writes the Device Control register: two of them are a software reset.
func (p *port) controlFIS(slot int, flags uint32, control uint8) {
	s, d := &p.s, p.dev
	if control&controlSRST != 0 {
		s.TFD |= ata.StatusBSY
		d.SoftReset()
		s.CI &^= 1 << slot
		if flags&headClear != 0 {
			s.TFD &^= ata.StatusBSY
		}
		return
	}
	s.CI &^= 1 << slot
	if d.Status&ata.StatusBSY != 0 {
		s.TFD |= ata.StatusBSY
		s.Resetting = true
		return // Complete follows
	}
	p.greet()
}

// Transfer implements ata.Transport.
func (p *port) Transfer(d *ata.Device, intr bool) {
	s := &p.s
	if s.Slot == noSlot {
		d.Short()
		return
	}
	if d.Packet() {
		_, table, ok := p.header(s.Slot)
		if !ok || !p.busRead(table+acmdAt, d.Data()) {
			p.fatal(isHBFS)
			d.Short()
			return
		}
		d.Moved(len(d.Data()))
		return
	}
	p.taskFile()
	n := len(d.Data())
	if !d.DMA() {
		p.pioFIS(n, intr)
		s.PIOIntr = intr
	}
	if p.move(s.Slot, d.Data(), d.In()) < n {
		d.Short()
		return
	}
	d.Moved(n)
}

// Complete implements ata.Transport.
func (p *port) Complete(d *ata.Device, intr bool) {
	s := &p.s
	if s.Slot == noSlot {
		switch {
		case s.Down:
		case s.Resetting:
			p.greet()
		default: // a command that was stopped
			p.taskFile()
		}
		p.c.update()
		return
	}
	p.taskFile()
	p.setMoved(s.Slot)
	failed := d.Status&ata.StatusERR != 0
	if s.PIOIntr {
		s.IS |= isPSS
	}
	if s.PIOIntr = false; intr || failed {
		p.registerFIS(true)
		s.IS |= isDHRS
	}
	if failed {
		p.fatal(isTFES)
	} else {
		s.CI &^= 1 << s.Slot
		s.Slot = noSlot
	}
	p.issue()
	p.c.update()
}

// Accepted implements ata.Transport: the device has taken the queued command in the present slot.
func (p *port) Accepted(*ata.Device) {
	p.taskFile()
	p.registerFIS(false)
	if p.s.Slot != noSlot {
		p.s.CI &^= 1 << p.s.Slot
		p.s.Slot = noSlot
		p.issue()
	}
}

// Queued implements ata.Transport. A command's tag is its slot.
func (p *port) Queued(_ *ata.Device, tag int, b []byte, in bool) int {
	if p.s.SACT>>tag&1 == 0 {
		return len(b) // the host has stopped meanwhile
	}
	return p.move(tag, b, in)
}

// QueuedDone implements ata.Transport.
func (p *port) QueuedDone(d *ata.Device, tags uint32, failed bool) {
	s := &p.s
	if s.CMD&cmdST == 0 {
		return
	}
	status := d.Status & 0x77
	if !failed {
		status &^= ata.StatusERR
	}
	s.TFD = s.TFD&(ata.StatusBSY|ata.StatusDRQ) | uint32(status)
	if failed {
		s.TFD |= uint32(d.Error) << 8
	}
	s.SACT &^= tags
	f := p.frame[:8]
	f[0], f[1], f[2], f[3] = fisSetBits, fisIntr, status, uint8(s.TFD>>8)
	le.PutUint32(f[4:], tags)
	p.receive(rfisSetBits, f)
	s.IS |= isSDBS
	if failed {
		p.fatal(isTFES)
	}
	p.c.update()
}

// receive puts a frame where software sees it.
func (p *port) receive(at uint64, f []byte) {
	if p.s.CMD&cmdFRE != 0 && !p.busWrite(p.s.FB+at, f) {
		p.s.IS |= isHBFS
	}
}

// registerFIS is the device's register frame.
func (p *port) registerFIS(intr bool) {
	f := p.fill(fisRegister)
	if intr {
		f[1] = fisIntr
	}
	p.receive(rfisRegister, f)
}

// pioFIS announces n bytes by PIO.
func (p *port) pioFIS(n int, intr bool) {
	f := p.fill(fisPIOSetup)
	if intr {
		f[1] |= fisIntr
	}
	if p.dev.In() {
		f[1] |= fisToHost
	}
	f[15] = ata.StatusDRDY | ata.StatusDSC // E_STATUS
	le.PutUint16(f[16:], uint16(min(n, 0xfffe)))
	p.receive(rfisPIO, f)
}

// fill begins a frame with the device's registers.
func (p *port) fill(kind uint8) []byte {
	d, f := p.dev, p.frame[:20]
	clear(f)
	f[0], f[2], f[3] = kind, d.Status, d.Error
	f[4], f[5], f[6], f[7] = d.LBALow.Now, d.LBAMid.Now, d.LBAHigh.Now, d.Device
	f[8], f[9], f[10] = d.LBALow.Prev, d.LBAMid.Prev, d.LBAHigh.Prev
	f[12], f[13] = d.Count.Now, d.Count.Prev
	return f
}

// setMoved writes PRDBC, how many bytes of a slot's command were moved.
func (p *port) setMoved(slot int) {
	b := p.frame[:4]
	le.PutUint32(b, p.s.Moved[slot])
	if !p.busWrite(p.headerAt(slot)+4, b) {
		p.s.IS |= isHBFS
	}
}

// move moves data of a slot's command to or from the regions of its table, from where it stands on, and gives how much it could.
func (p *port) move(slot int, data []byte, in bool) int {
	s := &p.s
	flags, table, ok := p.header(slot)
	if !ok {
		p.fatal(isHBFS)
		return 0
	}
	done := 0
	for done < len(data) {
		if uint32(s.Entry[slot]) >= flags>>16 {
			p.fatal(isOFS)
			return done
		}
		e := p.region[:]
		if !p.busRead(table+prdtAt+uint64(s.Entry[slot])*prdSize, e) {
			p.fatal(isHBFS)
			return done
		}
		size := le.Uint32(e[12:])&prdBytes + 1
		addr := le.Uint64(e)&^1 + uint64(s.Offset[slot])
		q := data[done:]
		q = q[:min(len(q), int(size-s.Offset[slot]))]
		if in {
			ok = p.busWrite(addr, q)
		} else {
			ok = p.busRead(addr, q)
		}
		if !ok {
			p.fatal(isHBFS)
			return done
		}
		done += len(q)
		s.Moved[slot] += uint32(len(q))
		if s.Offset[slot] += uint32(len(q)); s.Offset[slot] >= size {
			s.Entry[slot]++
			s.Offset[slot] = 0
		}
	}
	return done
}
