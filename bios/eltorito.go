package bios

import (
	"bytes"
	"errors"
	"fmt"
)

// CDs that boot: the "El Torito" specification 1.0.

const (
	cdSector  = 2048
	bootRec   = 17 // sector of the boot record volume descriptor
	idSize    = 19 // bytes of the specification packet
	maxCDLoad = 0x9f000
)

// Media of a boot entry.
const (
	mediaNone = iota // no emulation
	media1200
	media1440
	media2880
	mediaDisk
)

// bootEntry is the initial entry of a CD's boot catalogue.
type bootEntry struct {
	media   uint8
	segment uint16
	count   int // virtual sectors of 512 bytes to load
	lba     uint32
}

// catalogue finds the initial entry. errWait: it is being read.
func (f *Firmware) catalogue(c *Call, s *sectors, d *Drive) (e bootEntry, err error) {
	rec, err := f.read(c, s, d, bootRec*cdSector, cdSector)
	if err != nil {
		return e, err
	}
	if rec[0] != 0 || string(rec[1:6]) != "CD001" || !bytes.HasPrefix(rec[7:], []byte("EL TORITO SPECIFICATION")) {
		return e, errors.New("no El Torito boot record: the CD is not bootable")
	}
	at := le.Uint32(rec[0x47:])
	cat, err := f.read(c, s, d, int64(at)*cdSector, cdSector)
	if err != nil {
		return e, fmt.Errorf("boot catalogue in sector %d: %w", at, err)
	}
	var sum uint16
	for i := 0; i < 32; i += 2 {
		sum += le.Uint16(cat[i:])
	}
	switch {
	case cat[0] != 1 || cat[30] != 0x55 || cat[31] != 0xaa || sum != 0:
		return e, errors.New("the validation entry of the boot catalogue is wrong")
	case cat[1] != 0:
		return e, fmt.Errorf("the boot catalogue is for platform %#x, not for a PC", cat[1])
	case cat[32] != 0x88:
		return e, errors.New("the initial entry of the boot catalogue is not bootable")
	}
	e = bootEntry{media: cat[33] & 0x0f, segment: le.Uint16(cat[34:]), count: int(le.Uint16(cat[38:])), lba: le.Uint32(cat[40:])}
	if e.segment == 0 {
		e.segment = 0x07c0
	}
	if e.media > mediaDisk {
		return e, fmt.Errorf("the boot catalogue wants emulation of unknown media (%d)", e.media)
	}
	return e, nil
}

// emulation is a diskette or hard disk whose sectors are on a CD.
type emulation struct {
	drive   *Drive
	cd      uint8 // the CD's own number
	number  uint8 // 00h or 80h
	entry   bootEntry
	chs     chs
	sectors int64
	active  bool
}

// unit is the emulated drive.
func (e *emulation) unit() unit {
	return unit{
		Drive: e.drive, geometry: geometry{e.chs, e.chs}, floppy: e.number < firstDisk, size: e.sectors, sector: 512,
		offset: int64(e.entry.lba) * cdSector, ro: true,
	}
}

// bootCD loads what the CD wants booted.
func (f *Firmware) bootCD(c *Call, s *sectors, d *Drive, number uint8) error {
	if _, ok := d.Medium(); !ok {
		return errors.New("there is no medium")
	}
	e, err := f.catalogue(c, s, d)
	if err != nil {
		return err
	}
	if e.media == mediaNone {
		n := max(e.count, 1) * 512
		if int(e.segment)<<4+n > maxCDLoad {
			return fmt.Errorf("the boot image, %d bytes at %#x, does not fit below %#x", n, int(e.segment)<<4, maxCDLoad)
		}
		image, err := f.readLong(c, s, d, int64(e.lba)*cdSector, n)
		if err != nil {
			return fmt.Errorf("boot image in sector %d: %w", e.lba, err)
		}
		f.disks.emulated = &emulation{drive: d, cd: number, number: number, entry: e}
		f.startAt(c, e.segment, image, number)
		return nil
	}
	return f.bootEmulated(c, s, d, number, e)
}

// readLong reads n bytes, more than fit one transfer, in pieces.
func (f *Firmware) readLong(c *Call, s *sectors, d *Drive, offset int64, n int) ([]byte, error) {
	var all []byte
	for len(all) < n {
		piece := min((n-len(all)+cdSector-1)/cdSector*cdSector, maxTransfer)
		p, err := f.read(c, s, d, offset+int64(len(all)), piece)
		if err != nil {
			return nil, err
		}
		all = append(all, p...)
	}
	return all[:n], nil
}

// bootEmulated makes the image on the CD a drive, and boots from it.
func (f *Firmware) bootEmulated(c *Call, s *sectors, d *Drive, number uint8, e bootEntry) error {
	first, err := f.read(c, s, d, int64(e.lba)*cdSector, cdSector)
	if err != nil {
		return fmt.Errorf("boot image in sector %d: %w", e.lba, err)
	}
	m := &emulation{drive: d, cd: number, entry: e, active: true}
	switch e.media {
	case media1200:
		m.chs = chs{80, 2, 15}
	case media1440:
		m.chs = chs{80, 2, 18}
	case media2880:
		m.chs = chs{80, 2, 36}
	case mediaDisk:
		m.number = firstDisk
		p := first[0x1be:] // the partition's last sector tells the geometry
		m.chs = chs{int(p[7]) + int(p[6]&0xc0)<<2 + 1, int(p[5]) + 1, int(p[6] & 0x3f)}
		if m.chs.sectors == 0 {
			return errors.New("the hard disk's image has no partition that tells its geometry")
		}
	}
	m.sectors = m.chs.total()
	image := first[:512]
	if e.count > 1 {
		n := min(e.count, 128) * 512
		if int(e.segment)<<4+n > maxCDLoad {
			return fmt.Errorf("the boot image, %d bytes at %#x, does not fit below %#x", n, int(e.segment)<<4, maxCDLoad)
		}
		if image, err = f.readLong(c, s, d, int64(e.lba)*cdSector, n); err != nil {
			return fmt.Errorf("boot image in sector %d: %w", e.lba, err)
		}
	}
	f.disks.emulated = m
	if m.number < firstDisk {
		equip := c.Word(bdaEquipment)
		if equip&1 == 0 {
			equip |= 1
		} else {
			equip |= 1 << 6
		}
		c.SetWord(bdaEquipment, equip)
	} else {
		c.SetByte(bdaDiskCount, f.hardCount())
	}
	f.startAt(c, e.segment, image, m.number)
	return nil
}

// int13CD is INT 13h for CDs.
func (f *Firmware) int13CD(c *Call, u *unit, fn uint8) Result {
	switch fn {
	case 0x01:
		return f.lastStatus(c)
	case 0x00, 0x09, 0x0c, 0x0d, 0x10, 0x11, 0x14:
		return f.diskReturn(c, diskOK)
	case 0x15:
		f.diskReturn(c, diskOK)
		c.SetR8(AH, 2)
		return Done
	case 0x02, 0x03, 0x04, 0x05, 0x08:
		return f.diskReturn(c, diskParam) // there are no cylinders
	}
	return f.int13Extended(c, u, fn)
}

// specSize is the size of the specification packet of functions 4Ah to 4Dh.
const specSize = 0x13

// int13Emulation is functions 4Ah to 4Dh: starting, ending and asking for disk emulation.
func (f *Firmware) int13Emulation(c *Call) Result {
	e := f.disks.emulated
	fn := c.R8(AH)
	if e == nil || fn == 0x4b && c.R8(DL) != e.number && c.R8(DL) != 0x7f || fn != 0x4b && c.R8(DL) != e.number {
		return f.diskReturn(c, diskParam)
	}
	switch fn {
	case 0x4b:
		p := make([]byte, specSize)
		p[0] = specSize
		p[1] = e.entry.media
		p[2] = e.number
		p[3] = uint8(e.drive.Channel)
		le.PutUint32(p[4:], e.entry.lba)
		le.PutUint16(p[8:], uint16(e.drive.Unit))
		le.PutUint16(p[12:], e.entry.segment)
		le.PutUint16(p[14:], uint16(e.entry.count))
		if e.entry.media != mediaNone {
			cyl := e.chs.cylinders - 1
			p[16], p[17], p[18] = uint8(cyl), uint8(cyl>>8)<<6|uint8(e.chs.sectors), uint8(e.chs.heads-1)
		}
		c.Write(c.Addr(DS, uint32(c.R16(SI))), p)
		if c.R8(AL) == 0 {
			e.active = false
		}
		return f.diskReturn(c, diskOK)
	}
	return f.diskReturn(c, diskParam)
}
