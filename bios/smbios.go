package bios

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
func (b *smbiosBuilder) add(kind byte, handle uint16, fields []byte, strings ...string) {
	p := le.AppendUint16([]byte{kind, byte(4 + len(fields))}, handle)
	p = append(p, fields...)
	for _, s := range strings {
		p = append(append(p, s...), 0)
	}
	if len(strings) == 0 {
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

func smbiosTable(c Config) (table []byte, count, longest int) {
	b := new(smbiosBuilder)
	b.add(0, 0, biosInformation(), "goemu", "1", "01/01/2026")
	b.add(1, 0x100, systemInformation(), "goemu", c.board().Name, "1")
	b.add(3, handleChassis, chassis(), "goemu")
	for i := range c.CPUs {
		b.add(4, uint16(handleCPU+i), processor(), "CPU")
	}
	ram := c.LowRAM + c.HighRAM
	b.add(16, handleArray, memoryArray(ram))
	b.add(17, handleDevice, memoryDevice(ram), "DIMM 0", "goemu")
	b.add(19, handleMapArray, mappedAddress(0, c.LowRAM))
	if c.HighRAM > 0 {
		b.add(19, handleMapArray+1, mappedAddress(1<<32, c.HighRAM))
	}
	b.add(32, 0x2000, make([]byte, 7)) // no errors detected at boot
	b.add(127, 0x7f00, nil)
	return b.table, b.count, b.longest
}

// biosInformation is type 0 (7.1), 24 bytes with the header.
func biosInformation() []byte {
	p := make([]byte, 20)
	p[0], p[1], p[4] = 1, 2, 3 // strings: vendor, version, date
	le.PutUint16(p[2:], Area>>4)
	p[5] = (AreaEnd-Area)>>16 - 1
	le.PutUint64(p[6:], 1<<3) // characteristics are not supported
	p[14] = 1                 // ACPI
	p[15] = 1<<4 | 1<<2       // virtual machine; targeted content distribution
	p[16], p[17] = 1, 0       // release 1.0
	p[18], p[19] = 0xff, 0xff // no embedded controller
	return p
}

// systemInformation is type 1 (7.2), 27 bytes.
func systemInformation() []byte {
	p := make([]byte, 23)
	p[0], p[1], p[2] = 1, 2, 3
	p[20] = 6 // wake-up: power switch
	return p
}

// chassis is type 3 (7.4), 22 bytes of version 2.7.
func chassis() []byte {
	const other, safe, noSecurity = 1, 3, 3
	p := make([]byte, 18)
	p[0], p[1] = 1, other
	p[5], p[6], p[7], p[8] = safe, safe, safe, noSecurity
	return p
}

// processor is type 4 (7.5), 42 bytes.
func processor() []byte {
	p := make([]byte, 38)
	p[0] = 1         // socket
	p[1] = 3         // central processor
	p[2] = 1         // family: other
	p[20] = 1<<6 | 1 // socket populated, CPU enabled
	p[21] = 1        // upgrade: other
	le.PutUint16(p[22:], noHandle)
	le.PutUint16(p[24:], noHandle)
	le.PutUint16(p[26:], noHandle)
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
func memoryDevice(ram uint64) []byte {
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
	p[12] = 1 // locator
	p[14] = ramType
	le.PutUint16(p[15:], 1<<1) // detail: other
	p[19] = 2                  // manufacturer
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
