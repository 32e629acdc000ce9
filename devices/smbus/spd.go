package smbus

import (
	"fmt"
	"math/bits"
)

// FirstEEPROM is the address of the first memory module's EEPROM; the others follow.
const FirstEEPROM = 0x50

// MaxModules is how many memory modules there can be.
const MaxModules = 8

const spdSize = 256

// EEPROM is a 24C02 that is protected from writing. The first byte written is the address of the next to be read.
type EEPROM struct {
	Data [spdSize]byte
	Addr uint8
}

// Write implements Slave.
func (e *EEPROM) Write(p []byte) bool {
	if len(p) > 0 {
		e.Addr = p[0] + uint8(len(p)-1)
	}
	return true
}

// Read implements Slave.
func (e *EEPROM) Read(p []byte) {
	for i := range p {
		p[i] = e.Data[e.Addr]
		e.Addr++
	}
}

// Offsets of serial presence detect data (JEDEC standard 21-C, 4.1.2) that depend on the module.
const (
	spdRows     = 3
	spdColumns  = 4
	spdRanks    = 5
	spdWidth    = 13 // of a chip, bits
	spdBanks    = 17
	spdDensity  = 31 // of a rank
	spdChecksum = 63 // of what is before it
	spdPart     = 73
	spdPartSize = 18
)

// kind is a kind of memory: its data sheet's values, and how ranks of 1<<first bytes and of each power of two above are organised.
type kind struct {
	name  string
	base  [64]byte
	first int
	ranks []organisation
	ddr2  bool
}

type organisation struct{ rows, columns, banks, width uint8 }

// sdram is PC133 SDRAM with a CAS latency of 3 (JEDEC 4.1.2.5).
var sdram = kind{
	name: "SDRAM", first: 23,
	base: [64]byte{
		0: 0x80, 0x08, 0x04, 6: 64, 0, 0x01, 0x75, 0x54, 0x00, 0x80, 15: 0x01, 0x8f, 18: 0x06, 0x01, 0x01, 0x00, 0x0e, 0xa0, 0x60,
		27: 20, 15, 20, 45, 32: 0x15, 0x08, 0x15, 0x08, 62: 0x12,
	},
	ranks: []organisation{{11, 8, 2, 16}, {11, 9, 2, 8}, {12, 8, 4, 16}, {12, 9, 4, 8}, {12, 10, 4, 8}, {13, 10, 4, 8}, {13, 11, 4, 8}},
}

// ddr2 is DDR2-667 with a CAS latency of 5 (JEDEC 4.1.2.10).
var ddr2 = kind{
	name: "DDR2", first: 27, ddr2: true,
	base: [64]byte{
		0: 0x80, 0x08, 0x08, 6: 64, 0, 0x05, 0x30, 0x45, 0x00, 0x82, 16: 0x0c, 18: 0x38, 0x01, 0x02, 0x00, 0x03, 0x3d, 0x50, 0x50, 0x60,
		27: 0x3c, 0x1e, 0x3c, 45, 32: 0x20, 0x27, 0x10, 0x17, 0x3c, 0x1e, 0x1e, 0x00, 0x06, 0x3c, 0x7f, 0x80, 0x18, 0x22, 62: 0x12,
	},
	ranks: []organisation{{13, 9, 4, 16}, {13, 10, 4, 8}, {14, 10, 4, 8}, {14, 10, 8, 8}, {15, 10, 8, 8}, {15, 11, 8, 8}, {16, 11, 8, 8}, {16, 12, 8, 8}},
}

// Modules are the EEPROMs of the memory modules that ram bytes are made of, as far as there are modules of such sizes.
func Modules(ram uint64) []*EEPROM {
	k := &ddr2
	if ram < 4<<30 && ram%(1<<ddr2.first) != 0 {
		k = &sdram
	}
	var all []*EEPROM
	for left := ram; left>>k.first != 0 && len(all) < MaxModules; {
		log2 := min(bits.Len64(left)-1, k.first+len(k.ranks)-1)
		size := uint64(1) << log2
		ranks := 1
		// Where slots would not do, modules have two ranks.
		if left/size > uint64(MaxModules-len(all)) {
			ranks, size = 2, 2*size
		}
		all = append(all, k.module(log2, ranks))
		left -= min(left, size)
	}
	return all
}

// module is the EEPROM of a module with ranks of 1<<log2 bytes.
func (k *kind) module(log2, ranks int) *EEPROM {
	e := &EEPROM{}
	p := &e.Data
	copy(p[:], k.base[:])
	o := k.ranks[log2-k.first]
	p[spdRows], p[spdColumns], p[spdBanks], p[spdWidth] = o.rows, o.columns, o.banks, o.width
	p[spdRanks] = uint8(ranks)
	density := log2 - 22 // SDRAM: bit 0 is 4 MiB
	if k.ddr2 {
		p[spdRanks] = 0x60 | uint8(ranks-1) // a height of 30 mm
		density = (log2 - 30 + 8) % 8       // bit 0 is 1 GiB, bit 5 128 MiB
	}
	p[spdDensity] = 1 << density
	for _, b := range p[:spdChecksum] {
		p[spdChecksum] += b
	}
	part := p[spdPart : spdPart+spdPartSize]
	for i := copy(part, fmt.Sprintf("GOEMU %s %dM", k.name, ranks<<(log2-20))); i < spdPartSize; i++ {
		part[i] = ' '
	}
	if !k.ddr2 {
		p[126], p[127] = 0x64, 0x87 // 100 MHz
	}
	return e
}
