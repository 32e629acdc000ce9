package ata

import (
	"math"
)

func (d *Device) cdNothing([]byte) { d.finishPacket() }

func (d *Device) cdTestReady([]byte) { d.finishPacket() }

// cdRequestSense is REQUEST SENSE, in the fixed format.
func (d *Device) cdRequestSense(p []byte) {
	s := d.cd.Sense
	if s == senseNone {
		s, d.cd.UA = d.cd.UA, senseNone
	}
	b := d.clearBuf(18)
	b[0], b[2], b[7], b[12], b[13] = 0x70, s.Key, 10, s.ASC, s.ASCQ
	d.cd.Sense = senseNone
	d.reply(len(b), int(p[4]))
}

// putASCII fills b with s and blanks.
func putASCII(b []byte, s string) {
	for i := copy(b, s); i < len(b); i++ {
		b[i] = ' '
	}
}

// cdInquiry is INQUIRY, with the page of the serial number.
func (d *Device) cdInquiry(p []byte) {
	room := int(be.Uint16(p[3:]))
	if p[1]&1 == 0 {
		if p[2] != 0 {
			d.failPacket(senseField)
			return
		}
		b := d.clearBuf(36)
		b[0], b[1], b[3], b[4] = 5, 0x80, 0x21, 31 // CD, removable, ATAPI
		putASCII(b[8:16], cdVendor)
		putASCII(b[16:32], or(d.info.Model, cdProduct))
		putASCII(b[32:36], or(d.info.Version, noVersion))
		d.reply(len(b), room)
		return
	}
	b := d.clearBuf(24)
	b[0], b[1] = 5, p[2]
	n := 0
	switch p[2] {
	case 0:
		n = copy(b[4:], []byte{0, 0x80})
	case 0x80:
		n = copy(b[4:], d.serial())
	default:
		d.failPacket(senseField)
		return
	}
	b[3] = uint8(n)
	d.reply(4+n, room)
}

// cdStartStop is START STOP UNIT.
func (d *Device) cdStartStop(p []byte) {
	load, start := p[4]&2 != 0, p[4]&1 != 0
	_, in := d.drive.Medium()
	switch {
	case p[4]&0xf0 != 0 || !load: // power conditions, spinning up and down
	case start:
		if d.drive.TrayOpen() {
			d.drive.Insert()
			if _, in := d.drive.Medium(); in {
				d.mediumChanged()
			}
		}
	case d.cd.Locked:
		d.failPacket(senseLocked)
		return
	default:
		d.drive.Eject()
		if in {
			d.mediumChanged()
		}
	}
	d.finishPacket()
}

// cdPrevent is PREVENT ALLOW MEDIUM REMOVAL.
func (d *Device) cdPrevent(p []byte) {
	d.cd.Locked = p[4]&1 != 0
	d.drive.Lock(d.cd.Locked)
	d.finishPacket()
}

// cdCapacity is READ CAPACITY.
func (d *Device) cdCapacity([]byte) {
	b := d.clearBuf(8)
	be.PutUint32(b, max(d.cdBlocks(), 1)-1)
	be.PutUint32(b[4:], cdSector)
	d.reply(8, 8)
}

// cdSeek is SEEK (10), cdVerify is VERIFY (10) without data.
func (d *Device) cdSeek(p []byte) {
	if be.Uint32(p[2:]) >= d.cdBlocks() {
		d.failPacket(senseRange)
		return
	}
	d.finishPacket()
}

func (d *Device) cdVerify(p []byte) {
	lba, n := be.Uint32(p[2:]), uint32(be.Uint16(p[7:]))
	switch total := d.cdBlocks(); {
	case p[1]&2 != 0:
		d.failPacket(senseField)
	case lba > total || n > total-lba:
		d.failPacket(senseRange)
	default:
		d.finishPacket()
	}
}

// putMSF writes an address as minutes, seconds and frames after the lead-in.
func putMSF(b []byte, lba uint32) {
	lba += 150
	b[0], b[1], b[2] = uint8(min(lba/(60*75), math.MaxUint8)), uint8(lba/75%60), uint8(lba%75)
}

// cdTOC is READ TOC/PMA/ATIP: the disc has one data track, in one session.
func (d *Device) cdTOC(p []byte) {
	msf, format, first := p[1]&2 != 0, p[2]&0xf, p[6]
	if format == 0 {
		format = p[9] >> 6 // where old commands have it
	}
	put := func(b []byte, lba uint32) {
		if msf {
			putMSF(b[1:], lba)
			return
		}
		be.PutUint32(b, lba)
	}
	room := int(be.Uint16(p[7:]))
	b := d.clearBuf(64)
	b[2], b[3] = 1, 1
	n := 4
	track := func(number uint8, lba uint32) {
		b[n+1], b[n+2] = 0x14, number
		put(b[n+4:], lba)
		n += 8
	}
	switch format {
	case 0: // tracks
		if first > 1 && first != 0xaa {
			d.failPacket(senseField)
			return
		}
		if first <= 1 {
			track(1, 0)
		}
		track(0xaa, d.cdBlocks())
	case 1: // sessions
		track(1, 0)
	case 2: // all of the lead-in
		for _, e := range [...]struct {
			point uint8
			lba   uint32
			text  bool // PMIN is a number of a track
		}{{0xa0, 0, true}, {0xa1, 0, true}, {0xa2, d.cdBlocks(), false}, {1, 0, false}} {
			q := b[n : n+11]
			q[0], q[1], q[3] = 1, 0x14, e.point
			if e.text {
				q[8] = 1
			} else {
				putMSF(q[8:], e.lba)
			}
			n += 11
		}
	default:
		d.failPacket(senseField)
		return
	}
	be.PutUint16(b, uint16(n-2))
	d.reply(n, room)
}

// cdSubchannel is READ SUB-CHANNEL: nothing plays.
func (d *Device) cdSubchannel(p []byte) {
	b := d.clearBuf(24)
	b[1] = 0x15 // no audio status
	n := 4
	if p[2]&0x40 != 0 {
		switch b[4] = p[3]; p[3] {
		case 1: // position
			b[5], b[6], b[7] = 0x14, 1, 1
			n = 16
		case 2, 3: // media catalogue number, ISRC: none
			n = 24
		default:
			d.failPacket(senseField)
			return
		}
		b[3] = uint8(n - 4)
	}
	d.reply(n, int(be.Uint16(p[7:])))
}

// cdEvent is GET EVENT STATUS NOTIFICATION, polled; it knows of media events.
func (d *Device) cdEvent(p []byte) {
	const media = 4
	if p[1]&1 == 0 { // asynchronous
		d.failPacket(senseField)
		return
	}
	b := d.clearBuf(8)
	b[3] = 1 << media
	n := 4
	if p[4]&(1<<media) != 0 {
		n = 8
		b[1], b[2] = 4, media
		b[4] = d.cd.Event
		if d.drive.TrayOpen() {
			b[5] |= 1
		}
		if _, in := d.drive.Medium(); in {
			b[5] |= 2
		}
		d.cd.Event = eventNone
	} else {
		b[1], b[2] = 2, 0x80 // no class of events that was asked for
	}
	d.reply(n, int(be.Uint16(p[7:])))
}

// cdMechanism is MECHANISM STATUS.
func (d *Device) cdMechanism(p []byte) {
	b := d.clearBuf(8)
	if d.drive.TrayOpen() {
		b[1] = 0x10
	}
	d.reply(8, int(be.Uint16(p[8:])))
}

// cdDiscInfo is READ DISC INFORMATION: one finished session.
func (d *Device) cdDiscInfo(p []byte) {
	if p[1]&7 != 0 {
		d.failPacket(senseField)
		return
	}
	b := d.clearBuf(34)
	b[1], b[2], b[3], b[4], b[5], b[6], b[7] = 32, 0xe, 1, 1, 1, 1, 0x20
	for i := 16; i < 24; i++ {
		b[i] = 0xff // no further session can begin
	}
	d.reply(len(b), int(be.Uint16(p[7:])))
}

// cdTrackInfo is READ TRACK INFORMATION.
func (d *Device) cdTrackInfo(p []byte) {
	n := be.Uint32(p[2:])
	total := d.cdBlocks()
	if kind := p[1] & 3; kind == 0 && n >= total || kind != 0 && n != 1 {
		d.failPacket(senseField)
		return
	}
	b := d.clearBuf(36)
	b[1], b[2], b[3], b[5], b[6] = 34, 1, 1, 4, 1
	be.PutUint32(b[24:], total)
	d.reply(len(b), int(be.Uint16(p[7:])))
}

// Profiles (MMC-5 5.3.1).
const (
	profileCD  = 0x08
	profileDVD = 0x10
	cdLongest  = 80 * 60 * 75 // sectors; more are a DVD
)

// profile is that of the medium; 0: there is none.
func (d *Device) profile() uint16 {
	n := d.cdBlocks()
	switch {
	case n == 0:
		return 0
	case n > cdLongest:
		return profileDVD
	}
	return profileCD
}

// features are what the drive can do (MMC-5 5.3): code, version and flags, data.
var features = []struct {
	code    uint16
	flags   uint8 // version<<2 | persistent<<1
	profile uint16
	data    []byte
}{
	{0x0000, 3, 0, nil}, // profiles: the data is made
	{0x0001, 2<<2 | 3, 0, []byte{0, 0, 0, 2, 1, 0, 0, 0}},    // core: ATAPI
	{0x0002, 1<<2 | 3, 0, []byte{2, 0, 0, 0}},                // morphing
	{0x0003, 3, 0, []byte{0x29, 0, 0, 0}},                    // removable medium: tray, eject, lock
	{0x0010, 0, profileDVD, []byte{0, 0, 8, 0, 0, 16, 0, 0}}, // random readable
	{0x001e, 2 << 2, profileCD, []byte{0, 0, 0, 0}},          // CD read
	{0x001f, 0, profileDVD, []byte{0, 0, 0, 0}},              // DVD read
	{0x0100, 3, 0, nil},                                      // power management
	{0x0105, 3, 0, []byte{0, 0, 0, 0}},                       // timeout
}

// cdConfiguration is GET CONFIGURATION.
func (d *Device) cdConfiguration(p []byte) {
	kind, first := p[1]&3, be.Uint16(p[2:])
	if kind == 3 {
		d.failPacket(senseField)
		return
	}
	b := d.clearBuf(256)
	profile := d.profile()
	be.PutUint16(b[6:], profile)
	n := 8
	for _, f := range features {
		current := f.flags&1 != 0 || f.profile != 0 && f.profile == profile || f.code == 0x10 && profile != 0
		if f.code < first || kind == 2 && f.code != first || kind == 1 && !current {
			continue
		}
		be.PutUint16(b[n:], f.code)
		b[n+2] = f.flags &^ 1
		if current {
			b[n+2] |= 1
		}
		data := n + 4
		n = data + copy(b[data:], f.data)
		if f.code == 0 {
			for _, id := range [...]uint16{profileDVD, profileCD} {
				be.PutUint16(b[n:], id)
				if id == profile {
					b[n+2] = 1
				}
				n += 4
			}
		}
		b[data-1] = uint8(n - data)
	}
	be.PutUint32(b, uint32(n-4))
	d.reply(n, int(be.Uint16(p[7:])))
}

// cdDVDStructure is READ DVD STRUCTURE: physical format, copyright and manufacturer's information.
func (d *Device) cdDVDStructure(p []byte) {
	room := int(be.Uint16(p[8:]))
	if p[1]&0xf != 0 || p[6] > 0 && p[7] != 0xff {
		d.failPacket(senseField)
		return
	}
	n := d.cdBlocks()
	if p[7] != 0xff {
		switch d.profile() {
		case 0:
			d.noMedium()
			return
		case profileCD:
			d.failPacket(sense{5, 0x30, 2}) // incompatible format
			return
		}
	}
	length := 0
	switch p[7] {
	case 0x00:
		b := d.clearBuf(2048 + 4)
		b[4], b[5], b[6] = 1, 0xf, 1 // DVD-ROM version 1, 120 mm, one layer with embossed data
		be.PutUint32(b[8:], 0x30000)
		be.PutUint32(b[12:], 0x30000+n-1)
		length = len(b)
	case 0x01:
		length = len(d.clearBuf(8))
	case 0x04:
		length = len(d.clearBuf(2048 + 4))
	case 0xff:
		b := d.clearBuf(16)
		for i, f := range [...]struct {
			format uint8
			size   uint16
		}{{0, 2052}, {1, 8}, {4, 2052}} {
			b[4+4*i], b[5+4*i] = f.format, 0x40
			be.PutUint16(b[6+4*i:], f.size)
		}
		length = len(b)
	default:
		d.failPacket(senseField)
		return
	}
	be.PutUint16(d.buf, uint16(length-2))
	d.reply(length, room)
}
