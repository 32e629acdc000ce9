package ata

import (
	"encoding/binary"
	"fmt"

	"goemu/devices/block"
)

// geometry is a translation of sectors to cylinders, heads and sectors.
type geometry struct {
	cylinders, heads, sectors int
}

// geometry is the default translation: what the user gave, or 16 heads of 63 sectors, at most 16383 cylinders.
func (d *Device) geometry() geometry {
	if i := d.info; i.Cylinders > 0 {
		return geometry{i.Cylinders, i.Heads, i.Sectors}
	}
	return geometry{int(min(max(d.total()/(16*63), 1), 16383)), 16, 63}
}

// putText puts ASCII into words, the first character of each in its upper byte, filled up with blanks.
func putText(p []byte, s string) {
	for i := range p {
		c := byte(' ')
		if i < len(s) {
			c = s[i]
		}
		p[i^1] = c
	}
}

// Text that a drive has if its user gave none.
const (
	diskModel  = "GOEMU HARDDISK"
	cdModel    = "GOEMU DVD-ROM"
	noVersion  = "1.0"
	cdVendor   = "GOEMU"
	cdProduct  = "GOEMU DVD-ROM"
	serialText = "GE%05d"
)

func or(s, preset string) string {
	if s == "" {
		return preset
	}
	return s
}

func (d *Device) serial() string { return or(d.info.Serial, fmt.Sprintf(serialText, d.cfg.Index+1)) }

// identify is IDENTIFY DEVICE and IDENTIFY PACKET DEVICE.
func (d *Device) identify() {
	p := d.buf[:logSector]
	clear(p)
	w := func(n int, v uint16) { binary.LittleEndian.PutUint16(p[2*n:], v) }
	d.identifyCommon(p, w)
	if d.atapi {
		d.identifyPacket(w)
	} else {
		d.identifyDisk(w)
	}
	p[510] = 0xa5
	sum := byte(0)
	for _, b := range p[:511] {
		sum += b
	}
	p[511] = -sum
	d.blocks = logSector
	d.transfer(logSector, true, true, stepDone)
}

// identifyCommon fills in what both kinds of devices have.
func (d *Device) identifyCommon(p []byte, w func(int, uint16)) {
	model := diskModel
	if d.atapi {
		model = cdModel
	}
	putText(p[20:40], d.serial())
	putText(p[46:54], or(d.info.Version, noVersion))
	putText(p[54:94], or(d.info.Model, model))
	w(53, 1<<1|1<<2) // words 64 to 70 and 88 are valid
	w(64, 3)         // PIO modes 3 and 4
	for n := 65; n < 69; n++ {
		w(n, 120) // cycle times in ns
	}
	multi, ultra := uint16(7), uint16(0x3f)
	if m := d.settings.DMAMode; m&^7 == modeUDMA {
		ultra |= 0x100 << (m & 7)
	} else {
		multi |= 0x100 << (m & 7)
	}
	w(63, multi)
	w(88, ultra)
	w(80, 0xf0) // ATA/ATAPI-4 to 7
	w(81, 0x16) // ATA/ATAPI-6 T13 1410D revision 3a
	if d.cfg.SATA {
		signalling := uint16(1<<1 | 1<<2) // generations 1 and 2
		if d.queue != nil {
			signalling |= 1 << 8 // queued commands
			w(75, queueDepth-1)
		}
		w(76, signalling)
		w(78, 0)
		w(80, 0x1f0) // up to ATA8-ACS
		w(93, 0)
	} else {
		w(93, 1<<14|1<<13|1) // 80-conductor cable
	}
}

// identifyDisk fills in the words of a disk.
func (d *Device) identifyDisk(w func(int, uint16)) {
	g, s, total := d.geometry(), &d.settings, d.total()
	w(0, 0x0040) // fixed
	w(1, uint16(g.cylinders))
	w(3, uint16(g.heads))
	w(6, uint16(g.sectors))
	w(47, 0x8000|maxMultiple)
	w(48, 0)
	w(49, 1<<13|1<<11|1<<9|1<<8) // standby timer, IORDY, LBA, DMA
	w(50, 1<<14)
	w(53, 7)
	w(54, uint16(s.Cylinders))
	w(55, uint16(s.Heads))
	w(56, uint16(s.Sectors))
	current := uint64(s.Cylinders * s.Heads * s.Sectors)
	w(57, uint16(current))
	w(58, uint16(current>>16))
	if s.Multiple > 0 {
		w(59, 0x100|uint16(s.Multiple))
	}
	low := min(total, 1<<28-1)
	w(60, uint16(low))
	w(61, uint16(low>>16))
	for n := range 4 {
		w(100+n, uint16(total>>(16*n)))
	}
	w(69, 1<<14) // DATA SET MANAGEMENT is deterministic: what it discards is as before or 0
	w(105, 8)    // sectors of ranges
	w(169, 1)
	const cmd82 = 1<<14 | 1<<6 | 1<<5 | 1<<3 | 1<<0    // NOP, read ahead, write cache, power management, SMART
	const cmd83 = 1<<14 | 1<<13 | 1<<12 | 1<<10 | 1<<3 // FLUSH EXT, FLUSH, 48 bits, APM
	cmd84 := uint16(1<<14 | 1<<6 | 1<<5)               // FUA, general purpose logs
	if d.info.WWN != 0 {
		cmd84 |= 1 << 8
		for n := range 4 {
			w(108+n, uint16(d.info.WWN>>(48-16*n)))
		}
	}
	w(82, cmd82)
	w(83, cmd83)
	w(84, cmd84)
	on85, on86 := uint16(cmd82), uint16(cmd83)&^(1<<14|1<<3)
	if !s.WriteCache {
		on85 &^= 1 << 5
	}
	if !s.ReadAhead {
		on85 &^= 1 << 6
	}
	if s.SMARTOff {
		on85 &^= 1
	}
	if s.APM > 0 {
		on86 |= 1 << 3
		w(91, uint16(s.APM))
	}
	w(85, on85)
	w(86, on86)
	w(87, cmd84)
	d.identifySectors(w)
	w(217, 1) // does not rotate
}

// identifySectors fills in the sizes of sectors.
func (d *Device) identifySectors(w func(int, uint16)) {
	m, ok := d.drive.Medium()
	if !ok {
		m = block.Medium{Sector: logSector, Physical: logSector}
	}
	v := uint16(1 << 14)
	for n := m.Physical / m.Sector; n > 1 && v&0xf < 15; n >>= 1 {
		v = v&^(1<<13) | 1<<13
		v++
	}
	if m.Sector > logSector {
		v |= 1 << 12
		w(117, uint16(m.Sector/2))
		w(118, uint16(m.Sector/2>>16))
	}
	w(106, v)
}

// identifyPacket fills in the words of a CD drive.
func (d *Device) identifyPacket(w func(int, uint16)) {
	w(0, 0x85c0)           // packet device, CD, removable, DRQ within 50 us, packets of 12 bytes
	w(49, 1<<11|1<<9|1<<8) // IORDY, LBA, DMA
	w(50, 1<<14)
	w(71, 30)
	w(72, 30)
	const cmd82 = 1<<14 | 1<<9 | 1<<4 | 1<<3 // NOP, DEVICE RESET, PACKET, power management
	w(82, cmd82)
	w(83, 1<<14)
	w(84, 1<<14)
	w(85, cmd82)
	w(87, 1<<14)
}
