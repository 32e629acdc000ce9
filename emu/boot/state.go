package boot

import "encoding/binary"

var le = binary.LittleEndian

// Descriptor attributes as in Segment.Attr (SDM vol. 3A 3.4.5): present, accessed.
const (
	attrCode32 = 0xc09b // execute and read, 32-bit, 4 KiB granules
	attrData   = 0xc093 // read and write, 32-bit, 4 KiB granules
	attrCode64 = 0xa09b // execute and read, 64-bit
	attrTSS32  = 0x008b // busy 32-bit TSS
)

// Bits of control registers.
const (
	cr0PE = 1 << 0
	cr0ET = 1 << 4
	cr0PG = 1 << 31

	cr4PAE = 1 << 5

	eferLME = 1 << 8
	eferLMA = 1 << 10

	rflagsFixed = 1 << 1
)

// Selectors of our GDT: Linux asks for code at 0x10 and data at 0x18; the other
// protocols take any.
const (
	selCode = 0x10
	selData = 0x18
)

func descriptor(limit uint32, attr uint16) uint64 {
	if attr&0x8000 != 0 {
		limit >>= 12
	}
	return uint64(limit&0xffff) | uint64(attr&0xf0ff)<<40 | uint64(limit>>16)<<48
}

// flat makes an Entry with flat segments, its GDT in guest memory and everything else 0.
func (l *loader) flat(mode Mode, rip uint64) (*Entry, error) {
	const limit = 0xffffffff
	e := &Entry{Mode: mode, RIP: rip, RFLAGS: rflagsFixed, CR0: cr0PE | cr0ET}
	code := uint16(attrCode32)
	if mode == Long64 {
		code = attrCode64
		e.CR0 |= cr0PG
		e.CR3 = tablesAddr
		e.CR4 = cr4PAE
		e.EFER = eferLME | eferLMA
		if err := l.identityMap(); err != nil {
			return nil, err
		}
	}
	for i := range e.Segs {
		e.Segs[i] = Segment{Selector: selData, Limit: limit, Attr: attrData}
	}
	e.Segs[1] = Segment{Selector: selCode, Limit: limit, Attr: code}
	e.TR = Segment{Limit: 0x67, Attr: attrTSS32}
	var gdt []byte
	for _, d := range []uint64{0, 0, descriptor(limit, code), descriptor(limit, attrData)} {
		gdt = le.AppendUint64(gdt, d)
	}
	e.GDT = TableReg{gdtAddr, uint16(len(gdt) - 1)}
	return e, l.write(gdtAddr, gdt, "GDT")
}

// identityMap writes page tables that map the first 4 GiB to themselves in 2 MiB pages: a PML4, a
// page-directory-pointer table, four page directories.
func (l *loader) identityMap() error {
	const present, writable, large = 1, 2, 1 << 7
	t := make([]byte, 6*4096)
	entry := func(table, i int, v uint64) { le.PutUint64(t[table*4096+i*8:], v) }
	entry(0, 0, tablesAddr+0x1000|present|writable)
	for d := range 4 {
		entry(1, d, uint64(tablesAddr+0x2000+d*0x1000)|present|writable)
		for i := range 512 {
			entry(2+d, i, uint64(d)<<30|uint64(i)<<21|present|writable|large)
		}
	}
	return l.write(tablesAddr, t, "page tables")
}
