package bios

import "goemu/devices/block"

// int13Floppy is INT 13h for diskettes.
func (f *Firmware) int13Floppy(c *Call, u *unit, fn uint8) Result {
	if fn >= 0x02 && fn <= 0x05 && f.floppyChanged(u) {
		f.noteChange(u)
		return f.diskReturn(c, diskChanged)
	}
	switch fn {
	case 0x00:
		return f.diskReturn(c, diskOK)
	case 0x01:
		return f.lastStatus(c)
	case 0x02, 0x03, 0x04:
		return f.transferCHS(c, u, transferOps[fn-0x02])
	case 0x05:
		return f.formatTrack(c, u)
	case 0x08:
		c.SetR16(AX, 0)
		c.SetR16(BX, uint16(floppyType(u.Drive)))
		f.setLast(c, u.chs)
		c.SetR8(DL, f.floppyCount())
		c.SetSeg(ES, romSeg)
		c.SetR16(DI, f.rom.offset("diskette_table"))
		return f.diskReturn(c, diskOK)
	case 0x15:
		f.diskReturn(c, diskOK)
		c.SetR8(AH, 2) // a diskette drive with change line
		return Done
	case 0x16:
		if f.floppyChanged(u) {
			f.noteChange(u)
			return f.diskReturn(c, diskChanged)
		}
		return f.diskReturn(c, diskOK)
	case 0x17, 0x18:
		return f.setMedia(c, u, fn)
	}
	return f.diskReturn(c, diskParam)
}

// floppyChanged tells whether the medium has changed since INT 13h has last said so.
func (f *Firmware) floppyChanged(u *unit) bool { return changes(u.Drive) != f.disks.seen[u.Drive] }

func (f *Firmware) noteChange(u *unit) { f.disks.seen[u.Drive] = changes(u.Drive) }

// formatTrack is function 05h: the track is filled with the byte of the diskette parameter table, INT 1Eh. The four bytes for
// each sector at ES:BX are looked at for the sectors' size only.
func (f *Firmware) formatTrack(c *Call, u *unit) Result {
	count, cyl, head := int(c.R8(AL)), int(c.R8(CH)), int(c.R8(DH))
	if count == 0 || count > u.sectors || cyl >= u.cylinders || head >= u.heads {
		return f.diskReturn(c, diskParam)
	}
	t := f.transferOf(c)
	if !c.Retry || t == nil {
		switch _, ok := u.Medium(); {
		case !ok:
			return f.diskReturn(c, diskTimeout)
		case u.ro:
			return f.diskReturn(c, diskProtected)
		}
		at := c.Addr(ES, uint32(c.R16(BX)))
		for i := range uint32(count) {
			if c.Byte(at+4*i+3) != 2 { // 512 bytes
				return f.diskReturn(c, diskBadTrack)
			}
		}
		lba := (int64(cyl)*int64(u.heads) + int64(head)) * int64(u.sectors)
		if lba+int64(count) > u.size {
			return f.diskReturn(c, diskNotFound)
		}
		t = f.begin(c, u.Drive, block.Write, 512*lba, 512*count)
		seg, off := c.Vector(0x1e)
		fill := c.Byte(uint32(seg)<<4 + uint32(off) + 8)
		for i := range t.req.Data {
			t.req.Data[i] = fill
		}
		t.submit(u.Drive)
		return Again
	}
	if !t.done {
		return Again
	}
	err := t.req.Err
	f.drop(t)
	if err != nil {
		return f.diskReturn(c, diskStatus(u, err))
	}
	return f.diskReturn(c, diskOK)
}

// setMedia is functions 17h (by a number for the drive and the medium) and 18h (by the last cylinder and sector).
func (f *Firmware) setMedia(c *Call, u *unit, fn uint8) Result {
	if _, ok := u.Medium(); !ok {
		return f.diskReturn(c, diskTimeout)
	}
	if fn == 0x17 {
		if n := c.R8(AL); n < 1 || n > 4 {
			return f.diskReturn(c, diskParam)
		}
		return f.diskReturn(c, diskOK)
	}
	cyl, sec := int(c.R8(CH))|int(c.R8(CL)&0xc0)<<2, int(c.R8(CL)&0x3f)
	if cyl+1 != u.cylinders || sec != u.sectors {
		return f.diskReturn(c, diskBadTrack)
	}
	c.SetSeg(ES, romSeg)
	c.SetR16(DI, f.rom.offset("diskette_table"))
	return f.diskReturn(c, diskOK)
}
