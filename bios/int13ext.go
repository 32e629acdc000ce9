package bios

// The extensions of INT 13h, functions 41h to 4Eh (Phoenix's EDD specification 3.0, 8).

// Fields of the disk address packet.
const (
	dapSize   = 0  // bytes: 16, or 24 with a 64-bit address
	dapCount  = 2  // word: sectors, at most 127
	dapBuffer = 4  // far pointer; FFFF:FFFF: see dapFlat
	dapLBA    = 8  // quadword
	dapFlat   = 16 // quadword: linear address
)

func (f *Firmware) int13Extended(c *Call, u *unit, fn uint8) Result {
	switch fn {
	case 0x41:
		if c.R16(BX) != 0x55aa {
			return f.diskReturn(c, diskParam)
		}
		c.SetR16(BX, 0xaa55)
		c.SetR16(CX, 0x0007) // packets, removable drives, enhanced drive parameters
		c.SetCF(false)
		c.SetR8(AH, 0x30) // EDD 3.0
		c.SetByte(statusAt(c.R8(DL)), diskOK)
		return Done
	case 0x42, 0x43, 0x44:
		return f.transferLBA(c, u, transferOps[fn-0x42])
	case 0x45:
		return f.lockMedium(c, u)
	case 0x46:
		return f.ejectMedium(c, u)
	case 0x47:
		at := c.Addr(DS, uint32(c.R16(SI)))
		if lba := c.Qword(at + dapLBA); c.Byte(at) < 16 || lba >= uint64(u.size) {
			return f.diskReturn(c, diskParam)
		}
		return f.diskReturn(c, diskOK)
	case 0x48:
		return f.driveParameters(c, u)
	case 0x49:
		if u.Removable() && changes(u.Drive) != f.disks.seen[u.Drive] {
			f.noteChange(u)
			return f.diskReturn(c, diskChanged)
		}
		return f.diskReturn(c, diskOK)
	case 0x4e:
		switch c.R8(AL) {
		case 0x01, 0x03, 0x04, 0x06: // no prefetch, PIO 0, default PIO, no DMA: nothing is to be done
			return f.diskReturn(c, diskOK)
		}
	}
	return f.diskReturn(c, diskParam)
}

// transferLBA is functions 42h to 44h, with a packet at DS:SI.
func (f *Firmware) transferLBA(c *Call, u *unit, op transferOp) Result {
	at := c.Addr(DS, uint32(c.R16(SI)))
	size, count := c.Byte(at+dapSize), int(c.Word(at+dapCount))
	lba := c.Qword(at + dapLBA)
	if size < 16 || lba >= 1<<62/uint64(u.sector) {
		return f.diskReturn(c, diskParam)
	}
	buffer := c.Dword(at + dapBuffer)
	addr := buffer>>16<<4 + buffer&0xffff
	if size >= 24 && buffer == 0xffffffff {
		flat := c.Qword(at + dapFlat)
		if flat >= 1<<32 {
			return f.diskReturn(c, diskBoundary)
		}
		addr = uint32(flat)
	}
	if count == 0 {
		return f.diskReturn(c, diskOK)
	}
	done, status, again := f.move(c, u, op, int64(lba), count, addr)
	if again {
		return Again
	}
	if status != diskParam {
		c.SetWord(at+dapCount, uint16(done))
	}
	return f.diskReturn(c, status)
}

// lockMedium is function 45h: AL 0 locks, 1 unlocks, 2 asks.
func (f *Firmware) lockMedium(c *Call, u *unit) Result {
	al := c.R8(AL)
	switch {
	case al > 2:
		return f.diskReturn(c, diskParam)
	case !u.cd: // it does not come out anyway
		return f.diskReturn(c, diskOK)
	}
	n := f.disks.locks[u.Drive]
	switch al {
	case 0:
		if n == 255 {
			c.SetR8(AL, 1)
			return f.diskReturn(c, diskLockCount)
		}
		n++
		u.Lock(true)
	case 1:
		if n == 0 {
			c.SetR8(AL, 0)
			return f.diskReturn(c, diskUnlocked)
		}
		if n--; n == 0 {
			u.Lock(false)
		}
	}
	f.disks.locks[u.Drive] = n
	c.SetR8(AL, min(n, 1))
	return f.diskReturn(c, diskOK)
}

// ejectMedium is function 46h.
func (f *Firmware) ejectMedium(c *Call, u *unit) Result {
	switch _, ok := u.Medium(); {
	case !u.cd:
		return f.diskReturn(c, diskNotRemov)
	case f.disks.locks[u.Drive] > 0:
		return f.diskReturn(c, diskLocked)
	case !ok:
		return f.diskReturn(c, diskNoMedia)
	}
	u.Eject()
	return f.diskReturn(c, diskOK)
}

// Sizes of the buffer of function 48h.
const (
	paramsV1   = 26 // EDD 1.0
	paramsV2   = 30 // with a pointer to device parameters
	paramsPath = 66 // EDD 3.0: with the device path of Phoenix
	paramsT13  = 74 // with the longer one of T13
)

// driveParameters is function 48h: the size of the buffer at DS:SI says how much is wanted.
func (f *Firmware) driveParameters(c *Call, u *unit) Result {
	at := c.Addr(DS, uint32(c.R16(SI)))
	room := int(c.Word(at))
	if room < paramsV1 {
		return f.diskReturn(c, diskParam)
	}
	p := make([]byte, paramsT13)
	n := paramsV1
	if u.cd {
		le.PutUint16(p[2:], 0x74) // removable, change line, lockable, no geometry
		for i := 4; i < 24; i++ {
			p[i] = 0xff
		}
		le.PutUint16(p[24:], uint16(u.sector))
	} else {
		// Physical geometry is of no use for disks of more than 15.5 million sectors (EDD 3.0, 8.8).
		g := u.physical
		le.PutUint16(p[2:], 2)
		if u.size > 16383*16*63 {
			g.cylinders = 16383
		}
		le.PutUint32(p[4:], uint32(g.cylinders))
		le.PutUint32(p[8:], uint32(g.heads))
		le.PutUint32(p[12:], uint32(g.sectors))
		le.PutUint64(p[16:], uint64(u.size))
		le.PutUint16(p[24:], uint16(u.sector))
	}
	if room >= paramsV2 {
		n = paramsV2
		f.deviceParameters(c, u)
		le.PutUint16(p[26:], ebdaDPTE)
		le.PutUint16(p[28:], ebdaSegment)
	}
	if room >= paramsPath {
		n = paramsPath
		size := 36
		if room >= paramsT13 {
			n, size = paramsT13, 44
		}
		devicePath(p[:n], u, size)
	}
	le.PutUint16(p, uint16(n))
	c.Write(at, p[:n])
	return f.diskReturn(c, diskOK)
}

// deviceParameters fills in the device parameter table extension, in the EBDA.
func (f *Firmware) deviceParameters(c *Call, u *unit) {
	p := make([]byte, 16)
	ports := [2][2]uint16{{0x1f0, 0x3f6}, {0x170, 0x376}}[u.Channel&1]
	irq := uint8(14 + u.Channel&1)
	if u.SATA {
		ports, irq = [2]uint16{}, uint8(f.config().Read(u.PCI, regLine, 1))
	}
	le.PutUint16(p, ports[0])
	le.PutUint16(p[2:], ports[1])
	p[4] = 0xe0 | uint8(u.Unit&1)<<4 // LBA
	p[5] = 0xcb
	p[6] = irq
	p[7] = 1 // sectors of a block
	options := uint16(1 << 4)
	if u.cd {
		options |= 1<<5 | 1<<6 // removable, ATAPI
	} else if u.chs != u.physical {
		options |= 1<<3 | 1<<9 // translated by LBA assistance
	}
	le.PutUint16(p[10:], options)
	p[14] = 0x11
	fix(p, 15)
	c.Write(ebdaBase+ebdaDPTE, p)
}

// devicePath fills in where the drive hangs: behind PCI, on ATA or SATA.
func devicePath(p []byte, u *unit, size int) {
	iface, unit := "ATA     ", uint8(u.Unit)
	switch {
	case u.SATA:
		iface, unit = "SATA    ", 0
	case u.cd:
		iface = "ATAPI   "
	}
	le.PutUint16(p[30:], 0xbedd)
	p[32] = uint8(size)
	copy(p[36:], "PCI "+iface)
	p[48], p[49], p[50], p[51] = uint8(u.PCI>>8), u.PCI.Slot(), uint8(u.PCI&7), uint8(u.Channel)
	p[56] = unit
	fix(p[30:30+size], size-1)
}
