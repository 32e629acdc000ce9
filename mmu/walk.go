package mmu

import (
	"sync/atomic"
	"unsafe"
)

// Control-register and EFER bits that paging depends on (SDM vol. 3A 2.5, 4.1.1).
const (
	CR0WP   = 1 << 16
	CR0PG   = 1 << 31
	CR4PSE  = 1 << 4
	CR4PAE  = 1 << 5
	CR4PGE  = 1 << 7
	CR4LA57 = 1 << 12
	CR4SMEP = 1 << 20
	CR4SMAP = 1 << 21
	CR4PKE  = 1 << 22
	EFERLMA = 1 << 10
	EFERNXE = 1 << 11
)

// Bits of paging-structure entries (SDM vol. 3A 4.3 to 4.5).
const (
	PTEPresent  = 1 << 0
	PTEWrite    = 1 << 1
	PTEUser     = 1 << 2
	PTEAccessed = 1 << 5
	PTEDirty    = 1 << 6
	PTELarge    = 1 << 7 // PS
	PTEGlobal   = 1 << 8
	PTENX       = 1 << 63

	pteKeyShift = 59 // protection key, in the entry that maps the page
)

// Bits of the page-fault error code (SDM vol. 3A 4.7).
const (
	FaultPresent  = 1 << 0 // protection violation, not a missing page
	FaultWrite    = 1 << 1
	FaultUser     = 1 << 2
	FaultReserved = 1 << 3
	FaultFetch    = 1 << 4
	FaultKey      = 1 << 5 // a protection key does not permit the access
)

// Paging is the state that decides how linear addresses are translated.
type Paging struct {
	CR0, CR3, CR4, EFER uint64
	PDPTE               [4]uint64 // PAE only: loaded when CR3 is (SDM vol. 3A 4.4.1)
	PKRU                uint32    // rights for protection keys: AD and WD of key n in bits 2n and 2n+1
	PhysBits            int       // MAXPHYADDR
	NoGiB               bool      // the processor has no 1 GiB pages: PS of a PDPTE is reserved
	NoPSE36             bool      // 4 MiB pages have addresses of 32 bits
}

// Access is what a translation is wanted for.
type Access struct {
	Write, Exec bool
	User        bool // user-mode access (CPL 3, not implicit)
	NoUserPages bool // supervisor data access that SMAP checks: EFLAGS.AC clear or implicit
}

// Translation is the result of a page walk.
type Translation struct {
	Phys     uint64
	Shift    uint8 // log2 of the page size: 12, 21, 22, 30; 32 without paging
	Key      uint8 // protection key; 0 where there are none
	Writable bool  // R/W at all levels
	User     bool  // U/S at all levels
	NX       bool
	Global   bool // G, and CR4.PGE is set
	Dirty    bool // D is set (also by this walk)
}

// format describes one paging mode: how the linear address is cut up.
type format struct {
	name     string
	entry    int // bytes of an entry
	bits     uint
	top      int // level of the first table in memory: 5 PML5, 4 PML4, 3 PDPT, 2 PD, 1 PT
	addrMask uint64
}

var (
	format32  = format{"32-bit", 4, 10, 2, 0xffff_f000}
	formatPAE = format{"PAE", 8, 9, 2, 0x000f_ffff_ffff_f000}
	format4   = format{"4-level", 8, 9, 4, 0x000f_ffff_ffff_f000}
	format5   = format{"5-level", 8, 9, 5, 0x000f_ffff_ffff_f000}
)

// step is one entry that a walk has used.
type step struct {
	level int
	addr  uint64
	value uint64
}

func (p *Paging) format() *format {
	switch {
	case p.EFER&EFERLMA != 0 && p.CR4&CR4LA57 != 0:
		return &format5
	case p.EFER&EFERLMA != 0:
		return &format4
	case p.CR4&CR4PAE != 0:
		return &formatPAE
	default:
		return &format32
	}
}

// errorCode adds the bits that describe the access to a fault's cause.
func (p *Paging) errorCode(cause uint32, a Access) uint32 {
	if a.Write {
		cause |= FaultWrite
	}
	if a.User {
		cause |= FaultUser
	}
	if a.Exec && (p.CR4&CR4SMEP != 0 || p.CR4&CR4PAE != 0 && p.EFER&EFERNXE != 0) {
		cause |= FaultFetch
	}
	return cause
}

// reserved gives the bits that must be 0 in a present entry (SDM vol. 3A tables 4-4 to 4-19).
func (p *Paging) reserved(f *format, level int, e uint64) uint64 {
	if f.entry == 4 {
		if level == 2 && e&PTELarge != 0 && p.CR4&CR4PSE != 0 {
			m := min(p.PhysBits, 40)
			if p.NoPSE36 {
				m = 32
			}
			return 1<<22 - 1<<(m-19) // PSE-36: address bits 32 and up stand at 13 and up
		}
		return 0
	}
	hi := uint64(1)<<52 - 1<<p.PhysBits
	if f == &formatPAE {
		hi |= 1<<63 - 1<<52
	}
	if p.EFER&EFERNXE == 0 {
		hi |= PTENX
	}
	switch {
	case level >= 4 || level == 3 && p.NoGiB:
		return hi | PTELarge
	case level > 1 && e&PTELarge != 0:
		return hi | (1<<(12+9*uint(level-1)) - 1<<13)
	}
	return hi
}

// Walk translates a linear address (SDM vol. 3A chapter 4) and sets accessed
// and dirty bits if the access is permitted. If ok is false, code is the page-fault error
// code. The address must be canonical; outside 64-bit mode its upper half is 0.
func (p *Paging) Walk(s *Space, linear uint64, a Access) (t Translation, code uint32, ok bool) {
	if p.CR0&CR0PG == 0 {
		return Translation{Phys: linear, Shift: 32, Writable: true, User: true, Dirty: true}, 0, true
	}
	for {
		t, code, ok, again := p.walk(s, linear, a, nil)
		if !again {
			return t, code, ok
		}
	}
}

// Probe is Walk without any change to the page tables, and without access
// rights: what a debugger sees. present is false if some level is missing.
func (p *Paging) Probe(s *Space, linear uint64) (t Translation, present bool) {
	if p.CR0&CR0PG == 0 {
		t, _, ok := p.Walk(s, linear, Access{})
		return t, ok
	}
	q := *p
	q.CR4 &^= CR4SMAP | CR4PKE
	var steps []step
	t, _, ok, _ := q.walk(s, linear, Access{}, &steps)
	return t, ok
}

// walk does one attempt. With trace it records the entries and changes nothing.
func (p *Paging) walk(s *Space, linear uint64, a Access, trace *[]step) (t Translation, code uint32, ok, again bool) {
	f := p.format()
	var used [5]step
	n := 0
	rights := uint64(PTEWrite | PTEUser)
	nx := false
	table := p.CR3 & f.addrMask
	if f == &formatPAE {
		e := p.PDPTE[linear>>30&3]
		if e&PTEPresent == 0 {
			return t, p.errorCode(0, a), false, false
		}
		table = e & f.addrMask
	}
	var region *Region
	for level := f.top; ; level-- {
		shift := PageShift + f.bits*uint(level-1)
		index := linear >> shift & (1<<f.bits - 1)
		addr := table + index*uint64(f.entry)
		var e uint64
		e, region = s.readEntry(addr, f.entry, region)
		if trace != nil {
			*trace = append(*trace, step{level, addr, e})
		}
		if e&PTEPresent == 0 {
			return t, p.errorCode(0, a), false, false
		}
		if e&p.reserved(f, level, e) != 0 {
			return t, p.errorCode(FaultPresent|FaultReserved, a), false, false
		}
		used[n] = step{level, addr, e}
		n++
		rights &= e
		nx = nx || e&PTENX != 0
		large := level > 1 && e&PTELarge != 0 && (f.entry == 8 || p.CR4&CR4PSE != 0)
		if level > 1 && !large {
			table = e & f.addrMask
			continue
		}
		base := e & f.addrMask &^ (1<<shift - 1)
		if f.entry == 4 && large {
			base |= e >> 13 & 0xff << 32
		}
		t = Translation{
			Phys:     base | linear&(1<<shift-1),
			Shift:    uint8(shift),
			Writable: rights&PTEWrite != 0,
			User:     rights&PTEUser != 0,
			NX:       nx,
			Global:   e&PTEGlobal != 0 && p.CR4&CR4PGE != 0,
			Dirty:    e&PTEDirty != 0 || a.Write,
		}
		if p.CR4&CR4PKE != 0 && f.top >= 4 {
			t.Key = uint8(e >> pteKeyShift & 15)
		}
		break
	}
	if !p.permits(&t, a) {
		code = FaultPresent
		if p.keyDenies(&t, a) {
			code |= FaultKey
		}
		return t, p.errorCode(code, a), false, false
	}
	if trace != nil {
		return t, 0, true, false
	}
	for i := range used[:n] {
		u := &used[i]
		want := u.value | PTEAccessed
		if i == n-1 && a.Write {
			want |= PTEDirty
		}
		if want != u.value && !s.updateEntry(u.addr, f.entry, u.value, want) {
			return t, 0, false, true
		}
	}
	return t, 0, true, false
}

// keyDenies applies protection keys (SDM vol. 3A 4.6.2). They are about data on user pages, whoever accesses it.
func (p *Paging) keyDenies(t *Translation, a Access) bool {
	if p.CR4&CR4PKE == 0 || p.EFER&EFERLMA == 0 || !t.User || a.Exec {
		return false
	}
	r := p.PKRU >> (2 * t.Key)
	return r&1 != 0 || r&2 != 0 && a.Write && (a.User || p.CR0&CR0WP != 0)
}

// permits applies the access rights of SDM vol. 3A 4.6.
func (p *Paging) permits(t *Translation, a Access) bool {
	if p.keyDenies(t, a) {
		return false
	}
	if a.User {
		return t.User && (!a.Write || t.Writable) && (!a.Exec || !t.NX)
	}
	if t.User {
		if a.Exec && p.CR4&CR4SMEP != 0 {
			return false
		}
		if !a.Exec && a.NoUserPages && p.CR4&CR4SMAP != 0 {
			return false
		}
	}
	if a.Write && !t.Writable && p.CR0&CR0WP != 0 {
		return false
	}
	return !a.Exec || !t.NX
}

// readEntry reads a paging-structure entry; hint is the region of the last one.
func (s *Space) readEntry(phys uint64, size int, hint *Region) (uint64, *Region) {
	phys &= s.Mask
	if hint == nil || phys-hint.Base >= hint.Size {
		hint, _ = s.Find(phys)
	}
	if hint == nil || hint.RAM == nil || hint.Size-(phys-hint.Base) < 8 {
		return s.Read(phys, size), nil
	}
	q := unsafe.Pointer(&hint.RAM[phys-hint.Base])
	if size == 4 {
		return uint64(atomic.LoadUint32((*uint32)(q))), hint
	}
	return atomic.LoadUint64((*uint64)(q)), hint
}

// updateEntry replaces an entry if it still is old. Entries in ROM and MMIO stay as they are.
func (s *Space) updateEntry(phys uint64, size int, old, v uint64) bool {
	r, off := s.Find(phys)
	if r == nil || r.RAM == nil || r.ReadOnly || r.Size-off < uint64(size) {
		return true
	}
	q := unsafe.Pointer(&r.RAM[off])
	var done bool
	if size == 4 {
		done = atomic.CompareAndSwapUint32((*uint32)(q), uint32(old), uint32(v))
	} else {
		done = atomic.CompareAndSwapUint64((*uint64)(q), old, v)
	}
	if done {
		s.wrote(r, phys, off, size)
	}
	return done
}

// LoadPDPTE reads the four page-directory-pointer-table entries of PAE paging
// from the table at cr3. ok is false if one has reserved bits set: #GP(0).
func (p *Paging) LoadPDPTE(s *Space, cr3 uint64) (e [4]uint64, ok bool) {
	for i := range e {
		e[i] = s.Read(cr3&0xffff_ffe0+uint64(i)*8, 8)
		if e[i]&PTEPresent != 0 && e[i]&(0x1e6|^uint64(0)<<p.PhysBits) != 0 {
			return e, false
		}
	}
	return e, true
}
