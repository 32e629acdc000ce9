package ata

import "encoding/binary"

// A raw sector of mode 1 (ECMA-130 clause 14): synchronization, header, user data, EDC, 8 bytes of 0, P and Q parity.
const (
	rawSector = 2352
	rawSync   = 12
	rawHeader = 4
	rawEDC    = rawSync + rawHeader + cdSector
	rawP      = rawEDC + 4 + 8
	rawQ      = rawP + 172
)

// Parts of a sector, in byte 9 of READ CD.
const (
	partSync   = 0x80
	partHeader = 0x20
	partData   = 0x10
	partECC    = 0x08
)

// cdReadCD is READ CD.
func (d *Device) cdReadCD(p []byte) {
	n := int64(p[6])<<16 | int64(p[7])<<8 | int64(p[8])
	layout := p[9] & 0xf8
	kind := p[1] >> 2 & 7
	switch {
	case p[9]&7 != 0 || p[10]&7 != 0: // error flags and subchannels
		d.failPacket(senseField)
		return
	case kind != 0 && kind != 2: // the sectors are mode 1
		d.failPacket(senseMode)
		return
	}
	if layout&0x60 == 0x40 { // sub-header only: mode 1 has none
		layout &^= 0x40
	}
	layout &= partSync | partHeader | partData | partECC
	if layout == 0 {
		n = 0
	}
	if layout == partData {
		layout = 0
	}
	d.cd.Layout = layout
	d.cdStart(be.Uint32(p[2:]), n)
}

// cdFrame is how many bytes of each sector go to the host.
func (d *Device) cdFrame() int {
	n := 0
	for _, part := range [...]struct {
		bit  uint8
		size int
	}{{partSync, rawSync}, {partHeader, rawHeader}, {partData, cdSector}, {partECC, rawSector - rawEDC}} {
		if d.cd.Layout&part.bit != 0 {
			n += part.size
		}
	}
	return n
}

// layOut makes of n sectors' user data in the buffer what READ CD wants of them, from the last one on as they may grow. It gives
// their size in bytes.
func (d *Device) layOut(n int) int {
	size := d.cdFrame()
	var raw [rawSector]byte
	// Frames that are shorter than the user data move the other way.
	for k := range n {
		i := n - 1 - k
		if size < cdSector {
			i = k
		}
		makeRaw(&raw, d.buf[i*cdSector:][:cdSector], uint32(d.lba)+uint32(i))
		to := d.buf[i*size:][:0]
		for _, part := range [...]struct {
			bit      uint8
			from, to int
		}{{partSync, 0, rawSync}, {partHeader, rawSync, rawSync + rawHeader}, {partData, rawSync + rawHeader, rawEDC}, {partECC, rawEDC, rawSector}} {
			if d.cd.Layout&part.bit != 0 {
				to = append(to, raw[part.from:part.to]...)
			}
		}
	}
	return n * size
}

// makeRaw makes the raw sector of user data.
func makeRaw(raw *[rawSector]byte, data []byte, lba uint32) {
	clear(raw[:])
	for i := 1; i < 11; i++ {
		raw[i] = 0xff
	}
	putMSF(raw[rawSync:], lba)
	for i := range 3 {
		v := raw[rawSync+i]
		raw[rawSync+i] = v/10<<4 | v%10
	}
	raw[rawSync+3] = 1
	copy(raw[rawSync+rawHeader:], data)
	crc := uint32(0)
	for _, b := range raw[:rawEDC] {
		crc = crc>>8 ^ edcTable[uint8(crc)^b]
	}
	binary.LittleEndian.PutUint32(raw[rawEDC:], crc)
	parity(raw, 86, 24, 2, 86, raw[rawP:])
	parity(raw, 52, 43, 86, 88, raw[rawQ:])
}

// edcTable is for the polynomial of the EDC, (x^16+x^15+x^2+1)(x^16+x^2+x+1), bits reversed.
var edcTable = func() (t [256]uint32) {
	for i := range t {
		v := uint32(i)
		for range 8 {
			v = v>>1 ^ v&1*0xd8018001
		}
		t[i] = v
	}
	return t
}()

// parity computes vectors of a Reed-Solomon code over GF(2^8), x^8+x^4+x^3+x^2+1, from the header on: the words of vector v lie at
// v/2*up + k*step (ECMA-130 annex A). to takes the first parity byte of all vectors, then the second.
func parity(raw *[rawSector]byte, vectors, words, up, step int, to []byte) {
	area := raw[rawSync:]
	size := vectors * words
	for v := range vectors {
		at := v>>1*up + v&1
		var a, b uint8
		for range words {
			x := area[at]
			if at += step; at >= size {
				at -= size
			}
			a ^= x
			b ^= x
			a = a<<1 ^ a>>7*0x1d
		}
		a = gfDiv3[a<<1^a>>7*0x1d^b]
		to[v] = a
		to[v+vectors] = a ^ b
	}
}

// gfDiv3 divides by alpha+1.
var gfDiv3 = func() (t [256]uint8) {
	for i := range 256 {
		v := uint8(i)
		t[v^(v<<1^v>>7*0x1d)] = v
	}
	return t
}()
