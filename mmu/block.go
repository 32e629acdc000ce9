package mmu

// BlockHandler is a Handler that moves many bytes at once, as so many accesses of a byte.
type BlockHandler interface {
	ReadBlock(off uint64, p []byte)
	WriteBlock(off uint64, p []byte)
}

// Block moves bytes that lie in one region of a BlockHandler; false: they do not, and nothing was moved.
func (s *Space) Block(phys uint64, p []byte, write bool) bool {
	r, off := s.Find(phys)
	if r == nil || r.RAM != nil || off+uint64(len(p)) > r.Size {
		return false
	}
	h, ok := r.IO.(BlockHandler)
	if !ok {
		return false
	}
	off = phys&s.Mask - s.ioBase(phys)
	if write {
		h.WriteBlock(off, p)
	} else {
		h.ReadBlock(off, p)
	}
	return true
}
