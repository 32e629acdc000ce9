package x86

import (
	"bytes"
	"encoding/binary"

	"goemu/decoder"
	"goemu/mmu"
	"goemu/tcg"
)

var stringOps = map[decoder.Op]handler{
	decoder.MOVS: sysMOVS,
	decoder.STOS: sysSTOS,
	decoder.LODS: sysLODS,
	decoder.SCAS: sysSCAS,
	decoder.CMPS: sysCMPS,
	decoder.INS:  sysINS,
	decoder.OUTS: sysOUTS,
}

// Elements that are done one by one between two looks at Env.ExitReq.
const slowBatch = 256

// strOp is a string instruction on its way. The registers are current after every piece,
// so that a fault or an interrupt leaves it restartable (SDM vol. 1 7.3.9.2).
type strOp struct {
	c     *CPU
	size  int    // of an element, bytes
	mask  uint64 // address size
	step  uint64 // size, or -size with DF
	down  bool
	rep   bool
	count uint64
	src   tcg.Seg
	rest  uint64 // repetitions beyond count: with TF set each is followed by a trap
	rip   uint64 // of the instruction
	end   uint64 // of the one after it
	done  bool   // some piece has been done
	idx   int
}

// stringSize is the element size: byte forms have even opcodes.
func stringSize(i *tcg.SysInst) int {
	if i.Opcode&1 == 0 {
		return 1
	}
	return int(i.OpSize)
}

func (c *CPU) newString(i *tcg.SysInst) strOp {
	o := strOp{c: c, size: stringSize(i), mask: sizeMask(int(i.AddrSize)), src: tcg.SegDS, count: 1, idx: c.index(), rip: i.RIP, end: c.next}
	o.step = uint64(o.size)
	if c.env.EFlags&flagDF != 0 {
		o.step, o.down = -o.step, true
	}
	if i.Prefix&decoder.PrefixSeg != 0 {
		o.src = tcg.Seg(i.Seg)
	}
	if i.Prefix&(decoder.PrefixRep|decoder.PrefixRepne) != 0 {
		o.rep = true
		o.count = c.env.GPR[regCX] & o.mask
		if (c.mode&tcg.ModeTF != 0 || c.debug.watch.single) && o.count > 1 {
			o.count, o.rest = 1, o.count-1
		}
	}
	return o
}

// setMasked writes the part of a register that the address size covers.
func (o *strOp) setMasked(r int, v uint64) {
	if o.mask == 0xffff {
		o.c.env.GPR[r] = o.c.env.GPR[r]&^0xffff | v&0xffff
	} else {
		o.c.env.GPR[r] = v & o.mask
	}
}

func (o *strOp) move(r int, n uint64) { o.setMasked(r, o.c.env.GPR[r]+n*o.step) }

// took accounts for n elements; regs are the index registers that move.
func (o *strOp) took(n uint64, regs ...int) {
	for _, r := range regs {
		o.move(r, n)
	}
	o.count -= n
	o.done = true
	if o.c.debug.hits != 0 || o.c.debug.watch.met { // each repetition is followed by its trap
		o.count, o.rest = 0, o.rest+o.count
	}
	if o.rep {
		o.setMasked(regCX, o.count+o.rest)
	}
	if o.count == 0 && o.rest > 0 {
		o.again()
	}
}

// more tells whether to go on. When the vCPU loop is wanted, the instruction is left to be restarted.
func (o *strOp) more() bool {
	if o.count == 0 {
		return false
	}
	if o.done && o.c.exitRequested() {
		o.again()
		return false
	}
	return true
}

// again leaves the rest of the repetitions to the same instruction. What comes between finds RF set
// (SDM vol. 3B 18.3.1.1).
func (o *strOp) again() { o.c.next, o.c.resume, o.c.env.Again = o.rip, true, 1 }

// run gives how many elements from register r on lie in one page, do not wrap
// and do not leave the segment, and the linear address of the lowest byte of them. n is 0 if the
// next element needs the slow path.
func (o *strOp) run(r int, seg tcg.Seg, write bool) (low uint64, n uint64) {
	c := o.c
	off := c.env.GPR[r] & o.mask
	size := uint64(o.size)
	a, ok := c.linearQuiet(seg, off, o.size, write)
	if !ok || a&mmu.PageMask > mmu.PageSize-size {
		return 0, 0
	}
	if !o.down {
		n = min((mmu.PageSize-a&mmu.PageMask)/size, o.count)
		if n > 1 {
			last := off + n*size - 1
			if last > o.mask || last < off {
				return a, 1
			}
			if _, ok := c.linearQuiet(seg, off, int(n*size), write); !ok {
				return a, 1
			}
		}
		return a, n
	}
	n = min(a&mmu.PageMask/size+1, o.count)
	if n > 1 {
		first := off - (n-1)*size
		if first > off {
			return a, 1
		}
		if _, ok := c.linearQuiet(seg, first, int(n*size), write); !ok {
			return a, 1
		}
	}
	return a - (n-1)*size, n
}

// linearQuiet is Linear without recording a fault.
func (c *CPU) linearQuiet(seg tcg.Seg, off uint64, size int, write bool) (uint64, bool) {
	if c.mode&tcg.ModeAlign != 0 {
		return 0, false
	}
	if c.long64 {
		if seg == tcg.SegFS || seg == tcg.SegGS {
			off += c.env.SegBase[seg]
		}
		return off, c.canonical(off) && c.canonical(off+uint64(size)-1)
	}
	top := c.env.SegRdTop[seg]
	if write {
		top = c.env.SegWrTop[seg]
	}
	if off+uint64(size) > top {
		return 0, false
	}
	a := (c.seg[seg].Base + off) & 0xffff_ffff
	return a, a+uint64(size) <= 1<<32
}

// piece narrows n so that only the elements nearest to the current one remain.
func (o *strOp) piece(low, have, want uint64) uint64 {
	if o.down {
		return low + (have-want)*uint64(o.size)
	}
	return low
}

// readElem and writeElem do one element exactly.
func (o *strOp) readElem(r int, seg tcg.Seg) (uint64, bool) {
	return o.c.read(uint8(seg), o.c.env.GPR[r]&o.mask, o.size)
}

func (o *strOp) writeElem(v uint64) bool {
	return o.c.write(segES, o.c.env.GPR[regDI]&o.mask, o.size, v)
}

func sysMOVS(c *CPU, i *tcg.SysInst) bool {
	o := c.newString(i)
	for slow := 0; o.count > 0; {
		if slow == 0 && !o.more() {
			return true
		}
		if n := o.copyPiece(); n > 0 {
			o.took(n, regSI, regDI)
			slow = 0
			continue
		}
		if n := o.copyBlock(); n > 0 {
			o.took(n, regSI, regDI)
			slow = 0
			continue
		}
		v, ok := o.readElem(regSI, o.src)
		if !ok || !o.writeElem(v) {
			return false
		}
		o.took(1, regSI, regDI)
		slow = (slow + 1) % slowBatch
	}
	return true
}

// copyPiece copies as many elements as lie in one page on both sides; 0: none.
func (o *strOp) copyPiece() uint64 {
	if o.count < 2 {
		return 0
	}
	src, ns := o.run(regSI, o.src, false)
	dst, nd := o.run(regDI, tcg.SegES, true)
	n := min(ns, nd)
	if n < 2 {
		return 0
	}
	src, dst = o.piece(src, ns, n), o.piece(dst, nd, n)
	hs := o.quiet(src, false)
	if hs == 0 {
		return 0
	}
	hd := o.quiet(dst, true)
	if hd == 0 {
		return 0
	}
	total := n * uint64(o.size)
	overlap := hd < hs+total && hs < hd+total
	switch {
	case !overlap, hd == hs, (hd < hs) != o.down:
		// memmove does what the instruction does.
		copy(hostBytes(hd, int(total)), hostBytes(hs, int(total)))
	case o.down:
		for k := total; k > 0; k -= uint64(o.size) {
			storeHost(hd+k-uint64(o.size), o.size, loadHost(hs+k-uint64(o.size), o.size))
		}
	default:
		for k := uint64(0); k < total; k += uint64(o.size) {
			storeHost(hd+k, o.size, loadHost(hs+k, o.size))
		}
	}
	return n
}

// quiet gives the host address of a piece without recording a fault; 0: there is none.
func (o *strOp) quiet(linear uint64, write bool) uint64 {
	t := &o.c.env.TLB.Read[o.idx]
	if write {
		t = &o.c.env.TLB.Write[o.idx]
	}
	e := &t[mmu.TLBIndex(linear)]
	if e.Page != linear&^mmu.PageMask && !o.c.Fill(linear, write, o.idx) {
		return 0
	}
	return linear + e.Addend
}

func sysSTOS(c *CPU, i *tcg.SysInst) bool {
	o := c.newString(i)
	v := c.env.GPR[regAX] & sizeMask(o.size)
	for slow := 0; o.count > 0; {
		if slow == 0 && !o.more() {
			return true
		}
		if o.count > 1 {
			if dst, n := o.run(regDI, tcg.SegES, true); n > 1 {
				if h := o.quiet(dst, true); h != 0 {
					fill(hostBytes(h, int(n)*o.size), v, o.size)
					o.took(n, regDI)
					slow = 0
					continue
				}
			}
		}
		if n := o.fillBlock(v); n > 0 {
			o.took(n, regDI)
			slow = 0
			continue
		}
		if !o.writeElem(v) {
			return false
		}
		o.took(1, regDI)
		slow = (slow + 1) % slowBatch
	}
	return true
}

// fill repeats a value of size bytes over p.
func fill(p []byte, v uint64, size int) {
	if v == 0 {
		clear(p)
		return
	}
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], v)
	n := copy(p, b[:size])
	for n < len(p) {
		n += copy(p[n:], p[:n])
	}
}

func sysLODS(c *CPU, i *tcg.SysInst) bool {
	o := c.newString(i)
	for slow := 0; o.count > 0; {
		if slow == 0 && !o.more() {
			return true
		}
		v, ok := o.readElem(regSI, o.src)
		if !ok {
			return false
		}
		c.setReg(regAX, o.size, v)
		o.took(1, regSI)
		slow = (slow + 1) % slowBatch
	}
	return true
}

// setSubFlags sets the flags of a - b.
func (c *CPU) setSubFlags(a, b uint64, size int) {
	bits := uint(size * 8)
	m := sizeMask(size)
	a, b = a&m, b&m
	r := (a - b) & m
	var f uint32
	if a < b {
		f |= flagCF
	}
	f |= flagAF & uint32(a^b^r)
	if ((a^b)&(a^r))>>(bits-1)&1 != 0 {
		f |= flagOF
	}
	c.setCC(f | resultFlags(r, size))
}

// resultFlags gives SF, ZF and PF of a result.
func resultFlags(r uint64, size int) uint32 {
	var f uint32
	if r&sizeMask(size) == 0 {
		f |= flagZF
	}
	if r>>(uint(size)*8-1)&1 != 0 {
		f |= flagSF
	}
	p := uint8(r)
	p ^= p >> 4
	if 0x6996>>(p&15)&1 == 0 {
		f |= flagPF
	}
	return f
}

// stop tells whether a repeated compare ends after elements a and b: REPE while equal, REPNE while not.
func stop(i *tcg.SysInst, equal bool) bool {
	return equal == (i.Prefix&decoder.PrefixRepne != 0)
}

func sysSCAS(c *CPU, i *tcg.SysInst) bool {
	o := c.newString(i)
	cc := c.env.CC // a fault leaves the flags as they were before the instruction
	a := c.env.GPR[regAX] & sizeMask(o.size)
	for slow := 0; o.count > 0; {
		if slow == 0 && !o.more() {
			return true
		}
		if o.rep && !o.down && o.count > 2 {
			if low, n := o.run(regDI, tcg.SegES, false); n > 2 {
				if h := o.quiet(low, false); h != 0 {
					// Skip elements that cannot end the search; the next one is done below.
					p := hostBytes(h, int(n-1)*o.size)
					if k := scan(p, a, o.size, i.Prefix&decoder.PrefixRepne != 0); k > 0 {
						o.took(k, regDI)
						slow = slowBatch - 1 // the next element ends the batch
					}
				}
			}
		}
		v, ok := o.readElem(regDI, tcg.SegES)
		if !ok {
			c.env.CC = cc
			return false
		}
		c.setSubFlags(a, v, o.size)
		o.took(1, regDI)
		if o.rep && stop(i, a == v) {
			c.next, c.resume = o.end, false
			return true
		}
		slow = (slow + 1) % slowBatch
	}
	return true
}

// scan counts leading elements that do not end the search: unequal to a
// if wantEqual, equal to it if not.
func scan(p []byte, a uint64, size int, wantEqual bool) uint64 {
	if size == 1 && wantEqual {
		if k := bytes.IndexByte(p, byte(a)); k >= 0 {
			return uint64(k)
		}
		return uint64(len(p))
	}
	n := len(p) / size
	for k := range n {
		var v uint64
		switch q := p[k*size:]; size {
		case 1:
			v = uint64(q[0])
		case 2:
			v = uint64(binary.LittleEndian.Uint16(q))
		case 4:
			v = uint64(binary.LittleEndian.Uint32(q))
		default:
			v = binary.LittleEndian.Uint64(q)
		}
		if (v == a) == wantEqual {
			return uint64(k)
		}
	}
	return uint64(n)
}

func sysCMPS(c *CPU, i *tcg.SysInst) bool {
	o := c.newString(i)
	cc := c.env.CC // a fault leaves the flags as they were before the instruction
	for slow := 0; o.count > 0; {
		if slow == 0 && !o.more() {
			return true
		}
		if o.rep && !o.down && o.count > 2 && i.Prefix&decoder.PrefixRepne == 0 {
			if k := o.equalPiece(); k > 0 {
				o.took(k, regSI, regDI)
				slow = slowBatch - 1 // the next element ends the batch
			}
		}
		a, ok := o.readElem(regSI, o.src)
		if !ok {
			c.env.CC = cc
			return false
		}
		b, ok := o.readElem(regDI, tcg.SegES)
		if !ok {
			c.env.CC = cc
			return false
		}
		c.setSubFlags(a, b, o.size)
		o.took(1, regSI, regDI)
		if o.rep && stop(i, a == b) {
			c.next, c.resume = o.end, false
			return true
		}
		slow = (slow + 1) % slowBatch
	}
	return true
}

// equalPiece counts leading equal elements, all but the last of what lies in one page on both sides.
func (o *strOp) equalPiece() uint64 {
	src, ns := o.run(regSI, o.src, false)
	dst, nd := o.run(regDI, tcg.SegES, false)
	n := min(ns, nd)
	if n < 3 {
		return 0
	}
	hs := o.quiet(src, false)
	if hs == 0 {
		return 0
	}
	hd := o.quiet(dst, false)
	if hd == 0 {
		return 0
	}
	total := int(n-1) * o.size
	p, q := hostBytes(hs, total), hostBytes(hd, total)
	k := 0
	for k+8 <= total && binary.LittleEndian.Uint64(p[k:]) == binary.LittleEndian.Uint64(q[k:]) {
		k += 8
	}
	for k < total && p[k] == q[k] {
		k++
	}
	return uint64(k / o.size)
}
