package bios

import (
	"errors"

	"goemu/devices/block"
)

// Status of INT 13h, in AH (IBM PC AT Technical Reference, section 5; Phoenix's EDD specification 3.0, 8).
const (
	diskOK        = 0x00
	diskParam     = 0x01 // function or parameter
	diskNoAddress = 0x02
	diskProtected = 0x03
	diskNotFound  = 0x04
	diskChanged   = 0x06
	diskBoundary  = 0x09
	diskBadTrack  = 0x0c
	diskNoMedia   = 0x31
	diskTimeout   = 0x80
	diskUnlocked  = 0xb0
	diskLocked    = 0xb1
	diskNotRemov  = 0xb2
	diskNotReady  = 0xaa
	diskLockCount = 0xb4
)

// unit is a drive of INT 13h as a call names it.
type unit struct {
	*Drive
	geometry
	floppy bool
	cd     bool
	size   int64 // sectors
	sector int   // bytes of one
	offset int64 // of sector 0 in the medium, bytes
	ro     bool
}

// find is the drive with a number; ok is false if there is none.
func (f *Firmware) find(number uint8) (u unit, ok bool) {
	d := &f.disks
	if e := d.emulated; e != nil && e.active {
		if number == e.number {
			return e.unit(), true
		}
		if number&0x80 == e.number&0x80 && number < firstCD { // the real ones move up
			number--
		}
	}
	list, first := d.hard, uint8(firstDisk)
	switch {
	case number < uint8(len(d.floppies)):
		x := d.floppies[number]
		if x == nil {
			return u, false
		}
		g := formatOf(x).chs
		u = unit{Drive: x, geometry: geometry{g, g}, floppy: true, sector: 512, size: g.total()}
		m, ok := x.Medium()
		if ok && m.Size/512 < u.size {
			u.size = m.Size / 512
		}
		u.ro = ok && m.ReadOnly
		return u, true
	case number >= firstCD:
		list, first = d.cds, firstCD
	case number < firstDisk:
		return u, false
	}
	i := int(number - first)
	if i >= len(list) {
		return u, false
	}
	u = unit{Drive: list[i], cd: first == firstCD, sector: 512}
	m, ok := u.Medium()
	if u.cd {
		u.sector, u.ro = 2048, true
		u.geometry = geometry{}
	} else {
		u.geometry = diskGeometry(u.Drive)
		if ok {
			u.sector, u.ro = m.Sector, m.ReadOnly
		}
	}
	u.size = m.Size / int64(u.sector)
	return u, true
}

// statusAt is where the status of a drive's last operation stands.
func statusAt(number uint8) uint32 {
	if number < firstDisk {
		return bdaFloppyStatus
	}
	return bdaDiskStatus
}

// diskReturn ends a call with a status.
func (f *Firmware) diskReturn(c *Call, status uint8) Result {
	c.SetR8(AH, status)
	c.SetByte(statusAt(c.R8(DL)), status)
	c.SetCF(status != diskOK)
	return Done
}

// int13 is INT 13h: diskettes, hard disks and CDs.
func (f *Firmware) int13(c *Call) Result {
	if f.disks.seen == nil {
		return f.diskReturn(c, diskParam) // before POST
	}
	fn := c.R8(AH)
	if fn == 0x4b {
		return f.int13Emulation(c)
	}
	u, ok := f.find(c.R8(DL))
	if !ok {
		return f.noDrive(c, fn)
	}
	switch {
	case fn == 0x4a || fn == 0x4c || fn == 0x4d:
		return f.int13Emulation(c)
	case u.cd:
		return f.int13CD(c, &u, fn)
	case u.floppy:
		return f.int13Floppy(c, &u, fn)
	}
	return f.int13Hard(c, &u, fn)
}

// noDrive answers for a drive that is not there.
func (f *Firmware) noDrive(c *Call, fn uint8) Result {
	switch fn {
	case 0x08:
		if c.R8(DL) < firstDisk {
			c.SetR16(AX, 0)
			c.SetR16(BX, 0)
			c.SetR16(CX, 0)
			c.SetR16(DX, uint16(f.floppyCount()))
			return f.diskReturn(c, diskOK)
		}
	case 0x15:
		f.diskReturn(c, diskOK)
		c.SetR8(AH, 0)
		return Done
	case 0x01:
		return f.lastStatus(c)
	}
	return f.diskReturn(c, diskParam)
}

func (f *Firmware) floppyCount() uint8 {
	n := uint8(0)
	for _, x := range f.disks.floppies {
		if x != nil {
			n++
		}
	}
	if e := f.disks.emulated; e != nil && e.active && e.number < firstDisk {
		n++
	}
	return n
}

func (f *Firmware) hardCount() uint8 {
	n := len(f.disks.hard)
	if e := f.disks.emulated; e != nil && e.active && e.number >= firstDisk {
		n++
	}
	return uint8(min(n, firstCD-firstDisk))
}

// lastStatus is function 01h.
func (f *Firmware) lastStatus(c *Call) Result {
	v := c.Byte(statusAt(c.R8(DL)))
	c.SetR8(AH, v)
	c.SetCF(v != 0)
	return Done
}

// int13Hard is INT 13h for hard disks.
func (f *Firmware) int13Hard(c *Call, u *unit, fn uint8) Result {
	switch fn {
	case 0x01:
		return f.lastStatus(c)
	case 0x02, 0x03, 0x04:
		return f.transferCHS(c, u, transferOps[fn-0x02])
	case 0x00, 0x05, 0x09, 0x0c, 0x0d, 0x10, 0x11, 0x14:
		return f.diskReturn(c, diskOK)
	case 0x08:
		c.SetR8(AL, 0)
		g := u.chs
		g.cylinders-- // the last cylinder is for diagnostics, as it was in the PC AT
		f.setLast(c, g)
		c.SetR8(DL, f.hardCount())
		c.SetR8(AH, 0)
		c.SetByte(bdaDiskStatus, 0)
		c.SetCF(false)
		return Done
	case 0x15:
		g := u.chs
		g.cylinders--
		n := uint32(g.total())
		c.SetR16(CX, uint16(n>>16))
		c.SetR16(DX, uint16(n))
		c.SetByte(bdaDiskStatus, 0)
		c.SetR8(AH, 3)
		c.SetCF(false)
		return Done
	}
	return f.int13Extended(c, u, fn)
}

// setLast puts the last cylinder, head and sector in CX and DH.
func (f *Firmware) setLast(c *Call, g chs) {
	cyl := min(g.cylinders, maxCylinders) - 1
	c.SetR8(CH, uint8(cyl))
	c.SetR8(CL, uint8(cyl>>8)<<6|uint8(g.sectors&0x3f))
	c.SetR8(DH, uint8(g.heads-1))
}

// transferOp is what is done with sectors.
type transferOp uint8

const (
	opRead transferOp = iota
	opWrite
	opVerify
)

var transferOps = [...]transferOp{opRead, opWrite, opVerify}

// transferCHS is functions 02h to 04h: AL sectors from cylinder, head and sector in CX and DH, at ES:BX.
func (f *Firmware) transferCHS(c *Call, u *unit, op transferOp) Result {
	count := int(c.R8(AL))
	cyl := int(c.R8(CH)) | int(c.R8(CL)&0xc0)<<2
	head, sector := int(c.R8(DH)), int(c.R8(CL)&0x3f)
	if count == 0 || count > 128 || sector == 0 || cyl >= u.cylinders || head >= u.heads || sector > u.sectors {
		return f.diskReturn(c, diskParam)
	}
	lba := (int64(cyl)*int64(u.heads)+int64(head))*int64(u.sectors) + int64(sector) - 1
	done, status, again := f.move(c, u, op, lba, count, c.Addr(ES, uint32(c.R16(BX))))
	if again {
		return Again
	}
	c.SetR8(AL, uint8(done))
	return f.diskReturn(c, status)
}

// move transfers sectors between a drive and memory. again: it is not done yet.
func (f *Firmware) move(c *Call, u *unit, op transferOp, lba int64, count int, addr uint32) (done int, status uint8, again bool) {
	t := f.transferOf(c)
	if !c.Retry || t == nil {
		if _, ok := u.Medium(); !ok {
			return 0, noMedium(u), false
		}
		if op == opWrite && u.ro {
			return 0, diskProtected, false
		}
		if lba < 0 || lba >= u.size || lba+int64(count) > u.size {
			return 0, beyond(u), false
		}
		n := count * u.sector
		if n > maxTransfer {
			return 0, diskParam, false
		}
		t = f.begin(c, u.Drive, [...]block.Op{block.Read, block.Write, block.Read}[op], u.offset+lba*int64(u.sector), n)
		if t.req.Offset%sectorOf(u) != 0 || int64(n)%sectorOf(u) != 0 {
			t.widen(u) // a drive emulated on a CD, which is not written to
		}
		if op == opWrite {
			c.Read(addr, t.req.Data)
		}
		t.submit(u.Drive)
		return 0, 0, true
	}
	if !t.done {
		return 0, 0, true
	}
	err := t.req.Err
	if err == nil && op == opRead {
		lead := int((u.offset + lba*int64(u.sector)) % sectorOf(u))
		c.Write(addr, t.req.Data[lead:lead+count*u.sector])
	}
	f.drop(t)
	if err != nil {
		return 0, diskStatus(u, err), false
	}
	if u.floppy {
		c.SetByte(bdaFloppyTicks, 37)
	}
	return count, diskOK, false
}

// sectorOf is the sector size of the medium behind a unit, which may be emulated on a CD.
func sectorOf(u *unit) int64 {
	m, _ := u.Medium()
	return int64(max(m.Sector, 512))
}

// widen extends a read to whole sectors of the medium.
func (t *transfer) widen(u *unit) {
	s := sectorOf(u)
	from := t.req.Offset / s * s
	to := (t.req.Offset + int64(len(t.req.Data)) + s - 1) / s * s
	if n := int(to - from); n > len(t.buf) {
		t.buf = make([]byte, n)
	}
	t.req.Offset, t.req.Data = from, t.buf[:to-from]
}

// noMedium is the status of a drive without a medium.
func noMedium(u *unit) uint8 {
	if u.floppy {
		return diskTimeout
	}
	return diskNoMedia
}

// beyond is the status of sectors that the medium does not have.
func beyond(u *unit) uint8 {
	switch {
	case u.floppy:
		return diskNotFound
	case u.cd:
		return diskBadTrack
	}
	return diskParam
}

// diskStatus is the status for the error of a drive.
func diskStatus(u *unit, err error) uint8 {
	switch {
	case errors.Is(err, block.ErrReadOnly):
		return diskProtected
	case errors.Is(err, block.ErrNoMedium):
		return noMedium(u)
	case errors.Is(err, block.ErrRange):
		return beyond(u)
	}
	return diskBadTrack
}
