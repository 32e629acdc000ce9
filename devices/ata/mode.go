package ata

// Mode pages (MMC-5 7, SPC-3 7.4).
const (
	pageRecovery     = 0x01
	pageAudio        = 0x0e
	pageCapabilities = 0x2a
	pageAll          = 0x3f
)

// modePages are the pages in their order, with their code and length.
var modePages = [][]byte{
	{pageRecovery, 6, 0, 5, 0, 0, 0, 0},
	{pageAudio, 14, 4, 0, 0, 0, 0, 75, 1, 0xff, 2, 0xff, 0, 0, 0, 0},
	// Reads CD-R, CD-RW and DVD-ROM; mode 2, several sessions; lock, eject, tray; 706 KiB/s.
	{pageCapabilities, 18, 0x0b, 0, 0x70, 0, 0x29, 0, 2, 0xc2, 0, 2, 2, 0, 2, 0xc2, 0, 0, 0, 0},
}

// cdModeSense is MODE SENSE (6) and (10).
func (d *Device) cdModeSense(p []byte) {
	head, room := 8, int(be.Uint16(p[7:]))
	if p[0] == 0x1a {
		head, room = 4, int(p[4])
	}
	page, control := p[2]&0x3f, p[2]>>6
	if control == 3 {
		d.failPacket(senseSaving)
		return
	}
	b := d.clearBuf(256)
	n := head
	for _, m := range modePages {
		if page != pageAll && page != m[0] {
			continue
		}
		to := b[n:]
		n += copy(to, m)
		if control == 1 { // what can be changed: nothing
			clear(to[2:len(m)])
		} else if m[0] == pageCapabilities && d.cd.Locked {
			to[6] |= 2
		}
	}
	if n == head {
		d.failPacket(senseField)
		return
	}
	medium := uint8(0x70) // closed without a disc
	switch {
	case d.drive.TrayOpen():
		medium = 0x71
	case d.profile() == profileDVD:
		medium = 0x41
	case d.profile() == profileCD:
		medium = 0x01
	}
	if head == 4 {
		b[0], b[1] = uint8(n-1), medium
	} else {
		be.PutUint16(b, uint16(n-2))
		b[2] = medium
	}
	d.reply(n, room)
}

// cdModeSelect is MODE SELECT (6) and (10).
func (d *Device) cdModeSelect(p []byte) {
	n := int(be.Uint16(p[7:]))
	if p[0] == 0x15 {
		n = int(p[4])
	}
	if p[1]&1 != 0 { // save
		d.failPacket(senseField)
		return
	}
	if n == 0 {
		d.finishPacket()
		return
	}
	if d.setBlocks() {
		d.transfer(n, false, !d.dma, stepModeSelect)
	}
}

// modeSelectGot takes the parameters: pages that the drive has are taken, though nothing in them changes what it does.
func (d *Device) modeSelectGot() {
	b := d.buf[:d.length]
	head := 8
	if d.cd.Packet[0] == 0x15 {
		head = 4
	}
	if len(b) < head {
		d.failPacket(senseParameter)
		return
	}
	descriptors := int(b[head-1])
	if head == 8 {
		descriptors |= int(b[6]) << 8
	}
	for at := head + descriptors; at < len(b); {
		ok := false
		for _, m := range modePages {
			if at+1 < len(b) && b[at]&0x3f == m[0] && b[at+1] == m[1] && at+len(m) <= len(b) {
				at, ok = at+len(m), true
				break
			}
		}
		if !ok {
			d.failPacket(senseParameter)
			return
		}
	}
	d.finishPacket()
}
