package mmu

// Geometry of the software TLB. One table serves one kind of access (read or
// write) of one MMU index; generated code knows these numbers.
const (
	PageShift = 12
	PageSize  = 1 << PageShift
	PageMask  = PageSize - 1

	TLBBits    = 10
	TLBEntries = 1 << TLBBits

	// Victims of one table of entries, kept when others took their place.
	Victims = 8
)

// EmptyPage is the Page of an empty TLB entry at index i: a page that belongs at
// another index, so that no address whatever that is looked up at i is near it.
func EmptyPage(i uint64) uint64 { return (i ^ TLBEntries/2) % TLBEntries << PageShift }

// TLBIndex gives the slot of a guest-linear address.
func TLBIndex(linear uint64) uint64 { return linear >> PageShift & (TLBEntries - 1) }

// TLBEntry maps one guest-linear page to host memory. An access of n bytes at
// linear address a hits when uint64(a-Page) <= PageSize-n; its host address is
// then a + Addend, which need not wait for the comparison.
type TLBEntry struct {
	Page   uint64 // guest-linear address of the page, or EmptyPage
	Addend uint64 // host address of the page less its linear one, modulo 2^64
}

// EntryFor maps the page that holds linear to the host's page at host.
func EntryFor(linear, host uint64) TLBEntry {
	page := linear &^ PageMask
	return TLBEntry{Page: page, Addend: host - page}
}

// Host is the host address of the page's first byte.
func (e *TLBEntry) Host() uint64 { return e.Page + e.Addend }

// Index is an MMU index: the rights with which an access is made.
const (
	IndexKernel   = 0 // CPL 0-2, user pages forbidden for data (CR4.SMAP and EFLAGS.AC clear)
	IndexKernelAC = 1 // CPL 0-2, user pages allowed
	IndexUser     = 2 // CPL 3
	NumIndexes    = 3
)

// TLB holds what generated code looks up inline. Entries of the write table
// exist only for pages that may be stored to without telling anybody: RAM,
// dirty bit already set in the page tables, no translated code on the page.
type TLB struct {
	Read  [NumIndexes][TLBEntries]TLBEntry
	Write [NumIndexes][TLBEntries]TLBEntry
	// Entries that had to leave the tables of Read (0) and Write (1). Generated code looks here before it leaves.
	Victim [2][NumIndexes][Victims]TLBEntry
}

// NoVictim is the Page of an unused Victim: no page has such an address.
const NoVictim = 1
