package bios

// Names of the fw_cfg files by which firmware that has no tables of its own installs those of the machine. TableLoader is a list of
// commands for the linker in it: allocate memory for a file, add the address of one file to a pointer in another, set a checksum. The format is in
// QEMU's docs/specs and known to SeaBIOS, OVMF and others.
const (
	FileTableLoader  = "etc/table-loader"
	FileTables       = "etc/acpi/tables"
	FileRSDP         = "etc/acpi/rsdp"
	FileSMBIOSTables = "etc/smbios/smbios-tables"
	FileSMBIOSAnchor = "etc/smbios/smbios-anchor"
	FileE820         = "etc/e820"
	FileSystemStates = "etc/system-states"
)

// Commands of the linker, entries of 128 bytes.
const (
	loaderEntry    = 128
	loaderFile     = 56 // bytes of a file name, with its zero
	cmdAllocate    = 1  // file, align (32 bits), zone (8 bits)
	cmdAddPointer  = 2  // file with the pointer, file pointed to, offset (32 bits), size (8 bits)
	cmdAddChecksum = 3  // file, offset of the sum, start, length (32 bits each)
	zoneHigh       = 1  // anywhere below 4 GiB
	zoneFSeg       = 2  // F0000h to FFFFFh, where it is searched for
	tableAlign     = 64
)

// Loader is the contents of the files.
type Loader struct {
	Script, Tables, RSDP []byte
}

// pointers are the offsets and sizes of the pointers to other tables.
func pointers(t Table) (at [][2]int) {
	switch t.Name {
	case "FACP":
		at = [][2]int{{36, 4}, {40, 4}, {132, 8}, {140, 8}}
	case "RSDT", "XSDT":
		size := 4
		if t.Name == "XSDT" {
			size = 8
		}
		for off := 36; off < len(t.Data); off += size {
			at = append(at, [2]int{off, size})
		}
	}
	return at
}

// NewLoader makes the ACPI tables that Build makes, relative to the file that holds them, and the commands that put them in place.
func NewLoader(c Config) *Loader {
	l := &layout{tables: new(Tables)}
	roots := l.acpi(c)
	x := &Loader{Tables: make([]byte, l.next), RSDP: rsdp(roots.rsdt, roots.xsdt)}
	x.allocate(FileTables, tableAlign, zoneHigh)
	x.allocate(FileRSDP, 16, zoneFSeg)
	for _, t := range l.tables.All {
		copy(x.Tables[t.Addr:], t.Data)
		for _, p := range pointers(t) {
			x.pointer(FileTables, int(t.Addr)+p[0], p[1])
		}
		if t.Name != "FACS" {
			x.checksum(FileTables, x.Tables, int(t.Addr)+9, int(t.Addr), len(t.Data))
		}
	}
	x.pointer(FileRSDP, 16, 4)
	x.pointer(FileRSDP, 24, 8)
	x.checksum(FileRSDP, x.RSDP, 8, 0, 20)
	x.checksum(FileRSDP, x.RSDP, 32, 0, 36)
	return x
}

func (x *Loader) command(cmd uint32, names ...string) []byte {
	x.Script = append(x.Script, make([]byte, loaderEntry)...)
	e := x.Script[len(x.Script)-loaderEntry:]
	le.PutUint32(e, cmd)
	e = e[4:]
	for _, n := range names {
		copy(e[:loaderFile], n)
		e = e[loaderFile:]
	}
	return e
}

func (x *Loader) allocate(file string, align uint32, zone byte) {
	e := x.command(cmdAllocate, file)
	le.PutUint32(e, align)
	e[4] = zone
}

// pointer adds the address of the tables to the offset that stands in file.
func (x *Loader) pointer(file string, off, size int) {
	e := x.command(cmdAddPointer, file, FileTables)
	le.PutUint32(e, uint32(off))
	e[4] = byte(size)
}

// checksum asks for the sum of n bytes from start on at off, where there must be 0 until then.
func (x *Loader) checksum(file string, data []byte, off, start, n int) {
	data[off] = 0
	e := x.command(cmdAddChecksum, file)
	le.PutUint32(e, uint32(off))
	le.PutUint32(e[4:], uint32(start))
	le.PutUint32(e[8:], uint32(n))
}

// SMBIOSFiles are structure table and entry point without its address, which the firmware fills in. The structure of type 0, which
// tells of the firmware, is its own unless the user says what it is to be.
func SMBIOSFiles(c Config) (tables, anchor []byte) {
	tables, count, longest := smbiosTable(c)
	for end := int(tables[1]); tables[0] == 0 && c.SMBIOS.Texts[0] == nil; end++ {
		if tables[end] == 0 && tables[end+1] == 0 {
			tables = tables[end+2:]
			count--
			break
		}
	}
	return tables, smbiosEntry(0, len(tables), count, longest)
}

// E820File is the RAM of a machine in the form of FileE820: address, size (64 bits each) and type (32 bits).
func E820File(low, high uint64) []byte {
	var p []byte
	for _, r := range []E820Entry{{0, low, E820RAM}, {1 << 32, high, E820RAM}} {
		if r.Size > 0 {
			p = le.AppendUint64(p, r.Addr)
			p = le.AppendUint64(p, r.Size)
			p = le.AppendUint32(p, r.Type)
		}
	}
	return p
}

// SystemStates tells which of the states S0 to S5 there are (bit 7) and what SLP_TYP S3 and S4 have.
func (b *Board) SystemStates() []byte {
	const there = 0x80
	return []byte{there, 0, 0, there | b.s3, there | b.s4, there}
}
