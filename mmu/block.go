package mmu

// BlockHandler is a Handler that does many accesses in one call: for firmware, and for repeated string instructions. The calls mean the
// same as accesses one after the other from the lowest address on, within the region.
type BlockHandler interface {
	Handler
	// ReadBlock and WriteBlock move bytes, as so many accesses of a byte.
	ReadBlock(off uint64, p []byte)
	WriteBlock(off uint64, p []byte)
	// FillBlock writes n elements of size bytes with v.
	FillBlock(off uint64, n, size int, v uint64)
	// CopyBlock reads and writes n elements of size bytes in turn.
	CopyBlock(to, from uint64, n, size int)
}

// BlockAt returns the BlockHandler that answers for all of n bytes at phys, and their place in its region; nil: there is none.
func (s *Space) BlockAt(phys uint64, n int) (h BlockHandler, off uint64) {
	r, at, i := s.find(phys)
	if r == nil || r.RAM != nil || at+uint64(n) > r.Size {
		return nil, 0
	}
	h, _ = r.IO.(BlockHandler)
	return h, at + s.origin[i]
}

// Block moves bytes that lie in one region of a BlockHandler; false: they do not, and nothing was moved.
func (s *Space) Block(phys uint64, p []byte, write bool) bool {
	h, off := s.BlockAt(phys, len(p))
	switch {
	case h == nil:
		return false
	case write:
		h.WriteBlock(off, p)
	default:
		h.ReadBlock(off, p)
	}
	return true
}
