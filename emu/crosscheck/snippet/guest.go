package snippet

import (
	"encoding/binary"

	"goemu/emu/inspect"
	"goemu/mmu"
)

// physical shows pages of physical memory to a page walk; what is not there reads as 0.
type physical func(page uint64) []byte

// ReadMMIO implements mmu.Handler.
func (p physical) ReadMMIO(off uint64, size int) uint64 {
	var b [8]byte
	if page := p(off &^ (pageSize - 1)); len(page) == pageSize {
		copy(b[:size], page[off&(pageSize-1):])
	}
	return binary.LittleEndian.Uint64(b[:])
}

// WriteMMIO implements mmu.Handler.
func (physical) WriteMMIO(uint64, int, uint64) {}

// Guest is a Look at a guest whose physical memory page gives, by the address of whole pages (nil: none, or zeros), through the page tables that r is for.
func Guest(r *inspect.Registers, page func(phys uint64) []byte) Look {
	s := mmu.NewSpace(52)
	s.MapIO(0, 1<<52, physical(page))
	p := &mmu.Paging{CR0: r.CR0, CR3: r.CR3, CR4: r.CR4, EFER: r.EFER, PKRU: r.PKRU, PhysBits: 52}
	mapped := true
	if r.CR0&inspect.CR0PG != 0 && r.CR4&inspect.CR4PAE != 0 && !r.Long() {
		p.PDPTE, mapped = p.LoadPDPTE(s, r.CR3)
	}
	return func(linear uint64) ([]byte, string, bool) {
		if !mapped {
			return nil, "", false
		}
		t := p.Trace(s, linear)
		if !t.Mapped {
			return nil, "", false
		}
		data := page(t.Phys &^ (pageSize - 1))
		if len(data) != pageSize {
			data = make([]byte, pageSize)
		}
		access := "r"
		if t.Writable {
			access += "w"
		}
		if !t.NX {
			access += "x"
		}
		if t.User {
			return data, access + "u", true
		}
		return data, access + "s", true
	}
}
