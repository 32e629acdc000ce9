package x86

import (
	"unsafe"

	"goemu/mmu"
)

// hostPtr turns a host address from the TLB into a pointer. Guest RAM is outside
// the Go heap, so the address stays valid.
func hostPtr(a uint64) unsafe.Pointer {
	return *(*unsafe.Pointer)(unsafe.Pointer(&a))
}

func hostBytes(a uint64, n int) []byte { return unsafe.Slice((*byte)(hostPtr(a)), n) }

func loadHost(a uint64, size int) uint64 {
	p := hostPtr(a)
	switch size {
	case 1:
		return uint64(*(*uint8)(p))
	case 2:
		return uint64(*(*uint16)(p))
	case 4:
		return uint64(*(*uint32)(p))
	default:
		return *(*uint64)(p)
	}
}

func storeHost(a uint64, size int, v uint64) {
	p := hostPtr(a)
	switch size {
	case 1:
		*(*uint8)(p) = uint8(v)
	case 2:
		*(*uint16)(p) = uint16(v)
	case 4:
		*(*uint32)(p) = uint32(v)
	default:
		*(*uint64)(p) = v
	}
}

// translate walks for a data access, installs the TLB entry where that can be
// done, and records a page fault where the access is not allowed. host is 0 unless
// the bytes up to the end of the page can be accessed there directly.
func (c *CPU) translate(linear uint64, write bool, idx int) (phys, host uint64, ok bool) {
	off := linear & mmu.PageMask
	t, code, ok := c.pg.Walk(c.space, linear, c.access(write, idx))
	if !ok {
		return 0, 0, c.pageFault(linear, code)
	}
	if h := c.install(linear, &t, write, idx); h != 0 {
		host = uint64(h) + off
	}
	return t.Phys, host, true
}

// direct gives the host address of linear for an access that stays in its page; 0 if
// there is none. It looks in the TLB first.
func (c *CPU) direct(linear uint64, write bool, idx int) (host uint64, ok bool) {
	t := &c.env.TLB.Read[idx]
	if write {
		t = &c.env.TLB.Write[idx]
	}
	if e := &t[mmu.TLBIndex(linear)]; e.Page == linear&^mmu.PageMask {
		return linear + e.Addend, true
	}
	_, host, ok = c.translate(linear, write, idx)
	return host, ok
}

// ReadMem reads size (1, 2, 4, 8) bytes at a linear address: see tcg.Machine.
func (c *CPU) ReadMem(linear uint64, size, idx int) (uint64, bool) {
	e := &c.env.TLB.Read[idx][mmu.TLBIndex(linear)]
	if t := linear - e.Page; t <= mmu.PageSize-uint64(size) {
		return loadHost(linear+e.Addend, size), true
	}
	if c.debug.data {
		c.watchData(linear, size, false)
	}
	if linear&mmu.PageMask > mmu.PageSize-uint64(size) {
		return c.readSplit(linear, size, idx)
	}
	phys, host, ok := c.translate(linear, false, idx)
	if !ok {
		return 0, false
	}
	if host != 0 {
		return loadHost(host, size), true
	}
	return c.space.Read(phys, size), true
}

// nextPage is the linear address of the page after linear's.
func (c *CPU) nextPage(linear uint64) uint64 {
	return c.wrap((linear | mmu.PageMask) + 1)
}

func (c *CPU) readSplit(linear uint64, size, idx int) (uint64, bool) {
	lo, _, ok := c.translate(linear, false, idx)
	if !ok {
		return 0, false
	}
	hi, _, ok := c.translate(c.nextPage(linear), false, idx)
	if !ok {
		return 0, false
	}
	n := mmu.PageSize - int(linear&mmu.PageMask)
	var v uint64
	for i := range size {
		p := lo + uint64(i)
		if i >= n {
			p = hi + uint64(i-n)
		}
		v |= c.space.Read(p, 1) << (8 * i)
	}
	return v, true
}

// WriteMem writes size bytes: see tcg.Machine.
func (c *CPU) WriteMem(linear uint64, size int, v uint64, idx int) bool {
	e := &c.env.TLB.Write[idx][mmu.TLBIndex(linear)]
	if t := linear - e.Page; t <= mmu.PageSize-uint64(size) {
		storeHost(linear+e.Addend, size, v)
		return true
	}
	if c.debug.data {
		c.watchData(linear, size, true)
	}
	if linear&mmu.PageMask > mmu.PageSize-uint64(size) {
		return c.writeSplit(linear, size, v, idx)
	}
	phys, host, ok := c.translate(linear, true, idx)
	if !ok {
		return false
	}
	if host != 0 {
		storeHost(host, size, v)
	} else {
		c.space.Write(phys, size, v)
	}
	return true
}

func (c *CPU) writeSplit(linear uint64, size int, v uint64, idx int) bool {
	lo, _, ok := c.translate(linear, true, idx)
	if !ok {
		return false
	}
	hi, _, ok := c.translate(c.nextPage(linear), true, idx)
	if !ok {
		return false
	}
	n := mmu.PageSize - int(linear&mmu.PageMask)
	for i := range size {
		p := lo + uint64(i)
		if i >= n {
			p = hi + uint64(i-n)
		}
		c.space.Write(p, 1, v>>(8*i)&0xff)
	}
	return true
}

// ReadBytes reads an operand of up to 512 bytes, and WriteBytes writes one: see tcg.Machine.
func (c *CPU) ReadBytes(linear uint64, p []byte, idx int) bool {
	return c.bytes(linear, p, idx, false)
}

// WriteBytes writes an operand of up to 512 bytes; nothing is written unless all of it can be.
func (c *CPU) WriteBytes(linear uint64, p []byte, idx int) bool {
	return c.Probe(linear, len(p), idx) && c.bytes(linear, p, idx, true)
}

func (c *CPU) bytes(linear uint64, p []byte, idx int, write bool) bool {
	if c.debug.data {
		c.watchData(linear, len(p), write)
	}
	t := &c.env.TLB.Read[idx]
	if write {
		t = &c.env.TLB.Write[idx]
	}
	for len(p) > 0 {
		n := min(len(p), mmu.PageSize-int(linear&mmu.PageMask))
		var phys, host uint64
		ok := true
		if e := &t[mmu.TLBIndex(linear)]; e.Page == linear&^mmu.PageMask {
			host = linear + e.Addend
		} else {
			phys, host, ok = c.translate(linear, write, idx)
		}
		switch {
		case !ok:
			return false
		case host != 0 && write:
			copy(hostBytes(host, n), p[:n])
		case host != 0:
			copy(p[:n], hostBytes(host, n))
		default:
			c.bytesSlow(phys, p[:n], write)
		}
		p, linear = p[n:], c.nextPage(linear)
	}
	return true
}

// bytesSlow moves bytes to or from MMIO, ROM or a page with code, in naturally aligned pieces.
func (c *CPU) bytesSlow(phys uint64, p []byte, write bool) {
	for i := 0; i < len(p); {
		size := 8
		for size > len(p)-i || (phys+uint64(i))&uint64(size-1) != 0 {
			size /= 2
		}
		var v uint64
		if write {
			for j := range size {
				v |= uint64(p[i+j]) << (8 * j)
			}
			c.space.Write(phys+uint64(i), size, v)
		} else {
			v = c.space.Read(phys+uint64(i), size)
			for j := range size {
				p[i+j] = byte(v >> (8 * j))
			}
		}
		i += size
	}
}

// Probe checks that size bytes could be written: see tcg.Machine.
func (c *CPU) Probe(linear uint64, size, idx int) bool {
	if _, ok := c.direct(linear, true, idx); !ok {
		return false
	}
	if linear&mmu.PageMask+uint64(size) > mmu.PageSize {
		_, ok := c.direct(c.nextPage(linear), true, idx)
		return ok
	}
	return true
}
