package x86

import (
	"goemu/mmu"
	"goemu/tcg"
)

// ioSide is one side of a repeated string instruction: memory (host), or a device that takes blocks.
type ioSide struct {
	host uint64
	dev  mmu.BlockHandler
	off  uint64
}

// side finds out what lies at n bytes from linear, which are in one page; ok is false if the slow path must be taken.
func (o *strOp) side(linear uint64, n uint64, write bool) (s ioSide, ok bool) {
	if s.host = o.quiet(linear, write); s.host != 0 {
		return s, true
	}
	t, _, ok := o.c.pg.Walk(o.c.space, linear, o.c.access(write, o.idx))
	if !ok {
		return s, false
	}
	s.dev, s.off = o.c.space.BlockAt(t.Phys, int(n))
	return s, s.dev != nil
}

// blocks tells whether blocks may be tried at all: upwards, with nobody watching data accesses.
func (o *strOp) blocks() bool {
	return !o.down && o.count > 1 && !o.c.debug.data && !o.c.debug.watch.single
}

// copyBlock is copyPiece where a device is on one side or both.
func (o *strOp) copyBlock() uint64 {
	if !o.blocks() {
		return 0
	}
	src, ns := o.run(regSI, o.src, false)
	dst, nd := o.run(regDI, tcg.SegES, true)
	n := min(ns, nd)
	if n < 2 {
		return 0
	}
	total := n * uint64(o.size)
	from, ok := o.side(src, total, false)
	if !ok {
		return 0
	}
	to, ok := o.side(dst, total, true)
	switch {
	case !ok:
		return 0
	case from.dev == nil && to.dev != nil:
		to.dev.WriteBlock(to.off, hostBytes(from.host, int(total)))
	case from.dev != nil && to.dev == nil:
		from.dev.ReadBlock(from.off, hostBytes(to.host, int(total)))
	case from.dev != nil && from.dev == to.dev:
		to.dev.CopyBlock(to.off, from.off, int(n), o.size)
	default: // two devices; memory on both sides is copyPiece's
		return 0
	}
	return n
}

// fillBlock stores v to as many elements as lie in one page of a device.
func (o *strOp) fillBlock(v uint64) uint64 {
	if !o.blocks() {
		return 0
	}
	dst, n := o.run(regDI, tcg.SegES, true)
	if n < 2 {
		return 0
	}
	to, ok := o.side(dst, n*uint64(o.size), true)
	if !ok || to.dev == nil {
		return 0
	}
	to.dev.FillBlock(to.off, int(n), o.size, v)
	return n
}
