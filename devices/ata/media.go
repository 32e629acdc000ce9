package ata

import (
	"encoding/binary"

	"goemu/devices/block"
)

const (
	opRead    = block.Read
	opWrite   = block.Write
	opFlush   = block.Flush
	opDiscard = block.Discard
)

// request fills in d.req.
func (d *Device) request(op block.Op, off int64, p []byte) {
	d.req.Op, d.req.Offset, d.req.Data, d.req.Length = op, off, p, 0
}

// sector is the size of a logical sector in bytes.
func (d *Device) sector() int {
	if m, ok := d.drive.Medium(); ok {
		return m.Sector
	}
	return logSector
}

// total is the number of sectors.
func (d *Device) total() uint64 {
	m, ok := d.drive.Medium()
	if !ok {
		return 0
	}
	return uint64(m.Size) / uint64(m.Sector)
}

// lba48 is the address in the registers of a 48-bit command.
func (d *Device) lba48() uint64 {
	return uint64(d.LBALow.Now) | uint64(d.LBAMid.Now)<<8 | uint64(d.LBAHigh.Now)<<16 |
		uint64(d.LBALow.Prev)<<24 | uint64(d.LBAMid.Prev)<<32 | uint64(d.LBAHigh.Prev)<<40
}

// address is the number of the first sector that the registers name; ok is false if there can be no such sector.
func (d *Device) address(f form) (lba uint64, ok bool) {
	if f&fExt != 0 {
		return d.lba48(), true
	}
	if d.Device&DeviceLBA != 0 {
		return uint64(d.LBALow.Now) | uint64(d.LBAMid.Now)<<8 | uint64(d.LBAHigh.Now)<<16 | uint64(d.Device&0xf)<<24, true
	}
	s := &d.settings
	cylinder, head, sector := int(d.LBAHigh.Now)<<8|int(d.LBAMid.Now), int(d.Device&0xf), int(d.LBALow.Now)
	if sector == 0 || sector > s.Sectors || head >= s.Heads {
		return 0, false
	}
	return uint64((cylinder*s.Heads+head)*s.Sectors + sector - 1), true
}

// setLBA puts a sector's address into the registers, in the form in which the command had it.
func (d *Device) setLBA(lba uint64, ext bool) {
	set := func(low, mid, high uint64) {
		d.LBALow.Now, d.LBAMid.Now, d.LBAHigh.Now = uint8(low), uint8(mid), uint8(high)
	}
	s := &d.settings
	switch {
	case ext:
		set(lba, lba>>8, lba>>16)
		d.LBALow.Prev, d.LBAMid.Prev, d.LBAHigh.Prev = uint8(lba>>24), uint8(lba>>32), uint8(lba>>40)
	case d.Device&DeviceLBA != 0:
		set(lba, lba>>8, lba>>16)
		d.Device = d.Device&0xf0 | uint8(lba>>24)&0xf
	default:
		track := lba / uint64(s.Sectors)
		cylinder := track / uint64(s.Heads)
		set(lba%uint64(s.Sectors)+1, cylinder, cylinder>>8)
		d.Device = d.Device&0xf0 | uint8(track%uint64(s.Heads))
	}
}

// media begins a command that moves sectors.
func (d *Device) media(f form) {
	n := int64(d.Count.Now)
	switch {
	case f&fExt != 0:
		if n |= int64(d.Count.Prev) << 8; n == 0 {
			n = 1 << 16
		}
	case n == 0:
		n = 256
	}
	if f&fMulti != 0 && d.settings.Multiple == 0 {
		d.fail(ErrorABRT)
		return
	}
	lba, ok := d.address(f)
	if total := d.total(); !ok || lba >= total || uint64(n) > total-lba {
		d.fail(ErrorIDNF)
		return
	}
	d.form, d.lba, d.left, d.dma = f, lba, n, f&fDMA != 0
	if d.blocks = d.sector(); f&fMulti != 0 {
		d.blocks *= d.settings.Multiple
	}
	if f&fWrite != 0 {
		d.receive(false)
		return
	}
	d.load()
}

// piece is how many bytes are moved next.
func (d *Device) piece() int { return int(min(d.left*int64(d.sector()), chunk)) }

// load has the drive read the next piece.
func (d *Device) load() {
	d.request(opRead, int64(d.lba)*int64(d.sector()), d.buf[:d.piece()])
	d.submit(stepRead)
}

func (d *Device) readDone() {
	if d.req.Err != nil {
		d.mediaError(ErrorUNC)
		return
	}
	if d.form&fNone != 0 {
		d.readMoved()
		return
	}
	d.transfer(len(d.req.Data), true, !d.dma, stepReadMoved)
}

// advance accounts for the piece that is done.
func (d *Device) advance() {
	n := len(d.req.Data) / d.sector()
	d.lba += uint64(n)
	d.left -= int64(n)
	if !d.dma && d.form&fNone == 0 || d.left == 0 {
		d.setLBA(d.lba-1, d.form&fExt != 0) // of the last sector done
	}
}

func (d *Device) readMoved() {
	if d.advance(); d.left > 0 {
		d.load()
		return
	}
	d.Count = Register{}
	d.finish(d.dma || d.form&fNone != 0)
}

// receive asks the host for the next piece to write.
func (d *Device) receive(intr bool) { d.transfer(d.piece(), false, intr && !d.dma, stepWriteGot) }

func (d *Device) writeGot() {
	d.request(opWrite, int64(d.lba)*int64(d.sector()), d.buf[:d.length])
	d.submit(stepWritten)
}

func (d *Device) written() {
	if d.req.Err != nil {
		d.mediaError(ErrorABRT)
		return
	}
	if d.advance(); d.left > 0 {
		d.receive(true)
		return
	}
	d.Count = Register{}
	if d.form&fFUA != 0 || !d.settings.WriteCache {
		d.flush()
		return
	}
	d.finish(true)
}

// mediaError ends a command whose piece the host could not read or write.
func (d *Device) mediaError(e uint8) {
	d.setLBA(d.lba, d.form&fExt != 0)
	d.fail(e)
}

// trimEntry is the size of a range of DATA SET MANAGEMENT in bytes: 48 bits of address, 16 bits of length in sectors.
const trimEntry = 8

// trim is DATA SET MANAGEMENT.
func (d *Device) trim() {
	n := (int(d.Count.Now) | int(d.Count.Prev)<<8) * logSector
	if d.Features.Now&1 == 0 || n == 0 || n > chunk {
		d.fail(ErrorABRT)
		return
	}
	d.dma = true
	d.transfer(n, false, false, stepTrimGot)
}

func (d *Device) trimGot() {
	d.left = 0 // bytes of the list that are done
	d.trimNext()
}

func (d *Device) trimNext() {
	for ; d.left < int64(d.length); d.left += trimEntry {
		e := binary.LittleEndian.Uint64(d.buf[d.left:])
		lba, n := e&(1<<48-1), e>>48
		if n == 0 {
			continue
		}
		if total := d.total(); lba >= total || n > total-lba {
			d.fail(ErrorIDNF)
			return
		}
		size := int64(d.sector())
		d.request(opDiscard, int64(lba)*size, nil)
		d.req.Length = int64(n) * size
		d.submit(stepTrimmed)
		return
	}
	d.finish(true)
}

func (d *Device) trimmed() {
	if d.req.Err != nil {
		d.fail(ErrorABRT)
		return
	}
	d.left += trimEntry
	d.trimNext()
}
