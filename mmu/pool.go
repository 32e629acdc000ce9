package mmu

// Pool is host memory of AllocRAM that is given back at once, at the end of what uses it. The zero value is empty. Without a Pool (nil)
// memory is never given back.
type Pool struct{ parts [][]byte }

// Alloc is AllocRAM.
func (p *Pool) Alloc(n uint64) ([]byte, error) {
	m, err := AllocRAM(n)
	if err == nil && p != nil {
		p.parts = append(p.parts, m)
	}
	return m, err
}

// Free gives all of it back: nobody may touch it any more.
func (p *Pool) Free() error {
	var first error
	for _, m := range p.parts {
		if err := FreeRAM(m); first == nil {
			first = err
		}
	}
	p.parts = nil
	return first
}
