package bios

import (
	"strconv"
	"strings"
)

// SMBIOS 2.8 structures (DMTF DSP0134): what an operating system shows as the machine's make.

// smbiosEntry is the 32-bit entry point structure (5.2.1).
func smbiosEntry(table uint64, length, count, longest int) []byte {
	p := make([]byte, 31)
	copy(p, "_SM_")
	p[5] = 31
	p[6], p[7] = 2, 8
	le.PutUint16(p[8:], uint16(longest))
	copy(p[16:], "_DMI_")
	le.PutUint16(p[22:], uint16(length))
	le.PutUint32(p[24:], uint32(table))
	le.PutUint16(p[28:], uint16(count))
	p[30] = 0x28
	fix(p[16:], 5)
	fix(p, 4)
	return p
}

// smbiosEntry3 is the 64-bit entry point structure of SMBIOS 3.0 (5.2.2).
func smbiosEntry3(table uint64, length int) []byte {
	p := make([]byte, 24)
	copy(p, "_SM3_")
	p[6], p[7], p[8] = 24, 3, 0
	p[10] = 1 // revision of this structure
	le.PutUint32(p[12:], uint32(length))
	le.PutUint64(p[16:], table)
	fix(p, 5)
	return p
}

type smbiosBuilder struct {
	table          []byte
	count, longest int
}

// add appends a structure: header, formatted fields, strings.
func (b *smbiosBuilder) add(kind byte, handle uint16, body []byte, texts ...string) {
	p := le.AppendUint16([]byte{kind, byte(4 + len(body))}, handle)
	p = append(p, body...)
	for _, s := range texts {
		p = append(append(p, s...), 0)
	}
	if len(texts) == 0 {
		p = append(p, 0)
	}
	p = append(p, 0)
	b.table = append(b.table, p...)
	b.count++
	b.longest = max(b.longest, len(p))
}

// Handles of structures that others refer to.
const (
	handleChassis  = 0x300
	handleCPU      = 0x400
	handleArray    = 0x1000
	handleDevice   = 0x1100
	handleMapArray = 0x1300
	noHandle       = 0xffff
	noErrorInfo    = 0xfffe
)

// SMBIOS is what the user wants the structures to say.
type SMBIOS struct {
	UUID  [16]byte                  // as it is written; 0: none
	Texts map[int]map[string]string // by type of structure and name of the field, see SMBIOSFields
	OEM   []string                  // type 11
	Extra [][]byte                  // whole structures
}

// SMBIOSFields are the fields of Texts, by type of structure. Those of type 2 make the structure.
var SMBIOSFields = map[int][]string{
	0:  {"vendor", "version", "date", "release"},
	1:  {"manufacturer", "product", "version", "serial", "sku", "family"},
	2:  {"manufacturer", "product", "version", "serial", "asset", "location"},
	3:  {"manufacturer", "version", "serial", "asset", "sku"},
	4:  {"sock_pfx", "manufacturer", "version", "serial", "asset", "part", "max-speed", "current-speed"},
	17: {"loc_pfx", "bank", "manufacturer", "serial", "asset", "part", "speed"},
}

// smbiosStructure is a structure in the making: what is said of it, and its strings.
type smbiosStructure struct {
	said    map[string]string
	strings []string
}

// say returns what the user says of a field, or the preset.
func (f *smbiosStructure) say(name, preset string) string {
	if s, ok := f.said[name]; ok {
		return s
	}
	return preset
}

// text adds the string of a field and returns its number; 0: it is empty.
func (f *smbiosStructure) text(name, preset string) byte {
	s := f.say(name, preset)
	if s == "" {
		return 0
	}
	f.strings = append(f.strings, s)
	return byte(len(f.strings))
}

// number is a field that is a number; what is none is 0.
func (f *smbiosStructure) number(name string) uint16 {
	n, _ := strconv.ParseUint(f.say(name, "0"), 10, 16)
	return uint16(n)
}

func smbiosTable(c Config) (table []byte, count, longest int) {
	b := new(smbiosBuilder)
	add := func(kind byte, handle uint16, make func(c *Config, f *smbiosStructure) []byte) {
		f := &smbiosStructure{said: c.SMBIOS.Texts[int(kind)]}
		p := make(&c, f)
		b.add(kind, handle, p, f.strings...)
	}
	add(0, 0, biosInformation)
	add(1, 0x100, systemInformation)
	if c.SMBIOS.Texts[2] != nil {
		add(2, 0x200, baseBoard)
	}
	add(3, handleChassis, chassis)
	for i := range c.CPUs {
		add(4, uint16(handleCPU+i), func(_ *Config, f *smbiosStructure) []byte { return processor(f, i) })
	}
	if n := len(c.SMBIOS.OEM); n > 0 {
		b.add(11, 0xe00, []byte{byte(n)}, c.SMBIOS.OEM...)
	}
	ram := c.LowRAM + c.HighRAM
	b.add(16, handleArray, memoryArray(ram))
	add(17, handleDevice, func(_ *Config, f *smbiosStructure) []byte { return memoryDevice(f, ram) })
	b.add(19, handleMapArray, mappedAddress(0, c.LowRAM))
	if c.HighRAM > 0 {
		b.add(19, handleMapArray+1, mappedAddress(1<<32, c.HighRAM))
	}
	b.add(32, 0x2000, make([]byte, 7)) // no errors detected at boot
	for _, p := range c.SMBIOS.Extra {
		b.table = append(b.table, p...)
		b.count++
		b.longest = max(b.longest, len(p))
	}
	b.add(127, 0x7f00, nil)
	return b.table, b.count, b.longest
}

// biosInformation is type 0 (7.1), 24 bytes with the header.
func biosInformation(_ *Config, f *smbiosStructure) []byte {
	p := make([]byte, 20)
	p[0], p[1] = f.text("vendor", "goemu"), f.text("version", "1")
	le.PutUint16(p[2:], Area>>4)
	p[4] = f.text("date", "01/01/2026")
	p[5] = (AreaEnd-Area)>>16 - 1
	le.PutUint64(p[6:], 1<<3) // characteristics are not supported
	p[14] = 1                 // ACPI
	p[15] = 1<<4 | 1<<2       // virtual machine; targeted content distribution
	p[16], p[17] = 1, 0       // release 1.0
	if major, minor, ok := strings.Cut(f.say("release", ""), "."); ok {
		for i, s := range []string{major, minor} {
			n, _ := strconv.ParseUint(s, 10, 8)
			p[16+i] = byte(n)
		}
	}
	p[18], p[19] = 0xff, 0xff // no embedded controller
	return p
}

// systemInformation is type 1 (7.2), 27 bytes.
func systemInformation(c *Config, f *smbiosStructure) []byte {
	p := make([]byte, 23)
	p[0], p[1], p[2], p[3] = f.text("manufacturer", "goemu"), f.text("product", c.board().Name), f.text("version", "1"), f.text("serial", "")
	u := &c.SMBIOS.UUID
	copy(p[4:], u[:])
	// The first three parts are numbers in this machine's byte order.
	le.PutUint32(p[4:], be.Uint32(u[0:]))
	le.PutUint16(p[8:], be.Uint16(u[4:]))
	le.PutUint16(p[10:], be.Uint16(u[6:]))
	p[20] = 6 // wake-up: power switch
	p[21], p[22] = f.text("sku", ""), f.text("family", "")
	return p
}

// baseBoard is type 2 (7.3), 15 bytes.
func baseBoard(c *Config, f *smbiosStructure) []byte {
	const hosting, motherboard = 1, 0x0a
	p := make([]byte, 11)
	p[0], p[1], p[2] = f.text("manufacturer", "goemu"), f.text("product", c.board().Name), f.text("version", "1")
	p[3], p[4], p[5], p[6] = f.text("serial", ""), f.text("asset", ""), hosting, f.text("location", "")
	le.PutUint16(p[7:], handleChassis)
	p[9] = motherboard
	return p
}

// chassis is type 3 (7.4), 22 bytes of version 2.7.
func chassis(_ *Config, f *smbiosStructure) []byte {
	const other, safe, noSecurity = 1, 3, 3
	p := make([]byte, 18)
	p[0], p[1] = f.text("manufacturer", "goemu"), other
	p[2], p[3], p[4] = f.text("version", ""), f.text("serial", ""), f.text("asset", "")
	p[5], p[6], p[7], p[8] = safe, safe, safe, noSecurity
	p[17] = f.text("sku", "")
	return p
}

// processor is type 4 (7.5), 42 bytes.
func processor(f *smbiosStructure, n int) []byte {
	p := make([]byte, 38)
	name := "CPU"
	if prefix, ok := f.said["sock_pfx"]; ok {
		name = prefix + " " + strconv.Itoa(n)
	}
	f.strings = append(f.strings, name)
	p[0] = 1 // socket
	p[1] = 3 // central processor
	p[2] = 1 // family: other
	p[3], p[12] = f.text("manufacturer", ""), f.text("version", "")
	le.PutUint16(p[16:], f.number("max-speed")) // MHz; 0: unknown
	le.PutUint16(p[18:], f.number("current-speed"))
	p[20] = 1<<6 | 1 // socket populated, CPU enabled
	p[21] = 1        // upgrade: other
	le.PutUint16(p[22:], noHandle)
	le.PutUint16(p[24:], noHandle)
	le.PutUint16(p[26:], noHandle)
	p[28], p[29], p[30] = f.text("serial", ""), f.text("asset", ""), f.text("part", "")
	p[31], p[32], p[33] = 1, 1, 1 // one core, enabled, one thread
	le.PutUint16(p[34:], 1<<2)    // 64-bit capable
	le.PutUint16(p[36:], 1)       // family 2: other
	return p
}

// memoryArray is type 16 (7.17), 23 bytes.
func memoryArray(ram uint64) []byte {
	const systemBoard, systemMemory, noECC = 1, 3, 3
	const useExtended = 0x80000000 // KiB; then the 64-bit field counts
	p := make([]byte, 19)
	p[0], p[1], p[2] = systemBoard, systemMemory, noECC
	if kib := ram >> 10; kib < useExtended {
		le.PutUint32(p[3:], uint32(kib))
	} else {
		le.PutUint32(p[3:], useExtended)
		le.PutUint64(p[11:], ram)
	}
	le.PutUint16(p[7:], noErrorInfo)
	le.PutUint16(p[9:], 1) // devices
	return p
}

// memoryDevice is type 17 (7.18), 40 bytes of version 2.8.
func memoryDevice(f *smbiosStructure, ram uint64) []byte {
	const dimm, ramType = 9, 7
	p := make([]byte, 36)
	le.PutUint16(p[0:], handleArray)
	le.PutUint16(p[2:], noErrorInfo)
	le.PutUint16(p[4:], 0xffff) // widths unknown
	le.PutUint16(p[6:], 0xffff)
	if mib := ram >> 20; mib < 0x7fff {
		le.PutUint16(p[8:], uint16(mib))
	} else {
		le.PutUint16(p[8:], 0x7fff)
		le.PutUint32(p[24:], uint32(mib))
	}
	p[10] = dimm
	f.strings = append(f.strings, f.say("loc_pfx", "DIMM")+" 0")
	p[12], p[13] = 1, f.text("bank", "")
	p[14] = ramType
	le.PutUint16(p[15:], 1<<1)              // detail: other
	le.PutUint16(p[17:], f.number("speed")) // MT/s; 0: unknown
	p[19], p[20], p[21], p[22] = f.text("manufacturer", "goemu"), f.text("serial", ""), f.text("asset", ""), f.text("part", "")
	le.PutUint16(p[28:], f.number("speed"))
	return p
}

// mappedAddress is type 19 (7.20), 31 bytes: where the array answers.
func mappedAddress(base, size uint64) []byte {
	p := make([]byte, 27)
	if end := (base + size - 1) >> 10; end < 0xffffffff {
		le.PutUint32(p[0:], uint32(base>>10))
		le.PutUint32(p[4:], uint32(end))
	} else {
		le.PutUint32(p[0:], 0xffffffff)
		le.PutUint32(p[4:], 0xffffffff)
		le.PutUint64(p[11:], base)
		le.PutUint64(p[19:], base+size-1)
	}
	le.PutUint16(p[8:], handleArray)
	p[10] = 1 // partition width
	return p
}
