package decoder

import "slices"

// buildFast makes the fast path's tables from forms and cells.
func buildFast() {
	b := fastBuilder{
		pool: make([]leaf, 1, 1<<13), memo: make([]uint16, len(forms)<<3),
		leaves: append(leaves[:0:len(leaves)], leaf{reject: always}), firsts: map[[17]uint16]uint16{},
	}
	b.pool[0] = b.leaves[0]
	for mode := range fastTables {
		t := &fastTables[mode]
		t.mode, t.addrSize, t.rexHigh = Mode(mode), 2<<mode, 0xff
		if t.mode == Mode64 {
			t.rexHigh = 4
		}
		t.buildPrefixes()
		t.buildAddresses()
		b.entries(t)
	}
	if len(b.leaves) > len(leaves) {
		panic("decoder: the fast path's table is too small")
	}
}

// buildPrefixes sets legacy.
func (t *fastTable) buildPrefixes() {
	for b := range t.legacy {
		p := legacyPrefix{kind: legacyYes, seg: NoReg}
		switch c := prefixClass[b]; c {
		case pfSeg + SegES, pfSeg + SegCS, pfSeg + SegSS, pfSeg + SegDS, pfSeg + SegFS, pfSeg + SegGS:
			p.bits = PrefixSeg
			if t.mode != Mode64 || c >= pfSeg+SegFS {
				p.seg = c - pfSeg
			}
		case pfOpSize:
			p.col, p.bits = pp66, PrefixOpSize
		case pfRep:
			p.col, p.bits = ppF3, PrefixRep
		case pfRepne:
			p.col, p.bits = ppF2, PrefixRepne
		case pfLock:
			p.bits = PrefixLock
		case pfAddrSize, pfVex:
			p.kind = legacySlow
			if c == pfVex && t.mode == Mode64 {
				p.kind = legacyVEX
			}
		default:
			p.kind = legacyNone
		}
		p.bits |= always
		t.legacy[b] = p
	}
}

// buildAddresses sets addresses by asking the general path what each ModRM byte means.
func (t *fastTable) buildAddresses() {
	var zero [MaxLen]byte
	for i := range t.addresses {
		m := byte(i)
		if m >= 0xC0 {
			continue
		}
		s := state{code: zero[:], pos: 1, baseB: uint8(i>>8) << 3}
		in := Inst{Mode: t.mode, AddrSize: t.addrSize, ModRM: m, Memory: noMemory}
		s.memory(&in, &form{}, NoReg)
		a := address{Memory: in.Memory, size: uint8(s.pos - 1), dispAt: 2 + uint8(s.pos-1) - s.dispN, sib: t.addrSize != 2 && m&7 == 4}
		if s.dispN != 0 {
			a.dispShift, a.dispMask = 64-8*s.dispN, -1
		}
		t.addresses[i] = a
	}
}

// fastBuilder collects the leaves.
type fastBuilder struct {
	pool   []leaf // all that are different
	buf    [numFull]uint16
	memo   []uint16 // of pool, by form, operand size and ModRM.mod == 3
	leaves []leaf
	firsts map[[17]uint16]uint16 // entry.first by pool
}

// entries sets t.entries.
func (fb *fastBuilder) entries(t *fastTable) {
	for i := range t.entries {
		space, b, col, w := i>>11, byte(i>>3), i>>1&3, i&1
		if w != 0 && t.mode != Mode64 {
			continue
		}
		if space == 0 && prefixClass[b] != pfNone && (prefixClass[b] != pfRex || t.mode == Mode64) {
			continue
		}
		c := &cells[(space<<8|int(b))<<2|col]
		if c.n == 0 && c.kind&cellGrouped == 0 || c.kind&cellNoMod != 0 {
			continue
		}
		if j := i &^ 6; col >= ppF3 && *c == cells[(space<<8|int(b))<<2] {
			t.entries[i] = t.entries[j] // F2 and F3 change nothing
			continue
		}
		e := entry{length: 1}
		if c.kind&cellModRM != 0 {
			e = entry{length: 2, modrm: 0xff, mask: c.mask()}
		}
		list := fb.list(t, c, e.mask, space, int(b), col, w)
		length, varies := uint8(0), e.mask == maskFull
		for i, n := range list {
			switch length {
			case fb.pool[n].immLen:
			case 0:
				length = fb.pool[n].immLen
				varies = varies || slices.ContainsFunc(list[:i], func(n uint16) bool { return n != 0 })
			default:
				varies = varies || n != 0
			}
		}
		if varies {
			list = fb.list(t, c, maskFull, space, int(b), col, w)
			e.mask, e.full = 0, true
		} else {
			e.length += length
		}
		e.first = fb.first(list)
		t.entries[i] = e
	}
}

// list gives the leaves of a cell by class, as indices of pool.
func (fb *fastBuilder) list(t *fastTable, c *cell, mask uint8, space, op, col, w int) []uint16 {
	list := fb.buf[:mask+1]
	if mask == maskFull {
		list = fb.buf[:numFull]
	}
	for class := range list {
		m := class>>1<<3 | class&1*0xC0
		switch {
		case mask != maskFull:
		case class == 0:
			list[0] = 0
			continue
		case class < fullReg:
			m = (class - 1) << 3
		default:
			m = class - fullReg + 0xC0
		}
		list[class] = fb.leaf(t, c, byte(m), mask, space, op, col, w)
	}
	return list
}

// first puts a list of pool's leaves into leaves, unless it is there, and tells where.
func (fb *fastBuilder) first(list []uint16) uint16 {
	key := [17]uint16{uint16(len(list))}
	if copy(key[1:], list) == len(list) {
		if n, ok := fb.firsts[key]; ok {
			return n
		}
	}
	n := uint16(len(fb.leaves))
	for _, k := range list {
		fb.leaves = append(fb.leaves, fb.pool[k])
	}
	fb.firsts[key] = n
	return n
}

// What a class of ModRM bytes tells apart: memory and register, ModRM.reg too, or everything.
const (
	maskMod   = 1
	maskGroup = 15
	maskFull  = 0xff
)

// mask tells how many ModRM bytes an opcode must tell apart.
func (c *cell) mask() uint8 {
	list := []cell{*c}
	mask := uint8(maskMod)
	if c.kind&cellGrouped != 0 {
		list, mask = groups[c.first:c.first+16], maskGroup
	}
	for _, c := range list {
		for _, f := range order[c.first : c.first+uint16(c.n)] {
			switch m := forms[f].mask; {
			case m&keyModRM&^keyReg != 0:
				return maskFull
			case m&keyReg != 0:
				mask = maskGroup
			}
		}
	}
	return mask
}

// leaf gives the leaf of the class of a ModRM byte in a cell, or 0 if only the general path can tell.
func (fb *fastBuilder) leaf(t *fastTable, c *cell, m byte, mask uint8, space, op, col, w int) uint16 {
	key, known := uint32(w)*keyW|uint32(m), uint32(keyW|key64|keyRexB) // with REX.B 0
	if t.mode == Mode64 {
		key |= key64
	}
	modrm, isReg := c.kind&cellModRM != 0, m >= 0xC0
	class := 0
	if isReg {
		class = 1
		key |= keyIsReg
	}
	switch mask {
	case maskMod:
		known |= keyIsReg
	case maskGroup:
		known |= keyIsReg | keyReg
	case maskFull:
		known |= keyIsReg | keyReg
		if isReg {
			known |= keyModRM
		}
	}
	if c.kind&cellGrouped != 0 {
		c = &groups[int(c.first)+int(m>>3&7)+class<<3]
	}
	for _, i := range order[c.first : c.first+uint16(c.n)] {
		f := &forms[i]
		if (key^f.match)&f.mask&known != 0 {
			continue
		}
		if f.mask&^known != 0 {
			return 0
		}
		k := w << 1
		if col == pp66 && f.pp != 0x66 {
			k |= 1
		}
		osz := opSizes[f.osize][t.mode][k]
		n := &fb.memo[int(i)<<3|int(osz)<<1|class]
		if *n == 0 || fb.pool[*n].inst.Opcode != uint8(op) {
			l := makeLeaf(f, osz, modrm, isReg)
			if l.reject&always != 0 {
				return 0
			}
			l.inst.Map, l.inst.Opcode = uint8(space), uint8(op)
			if f.cc == ccOpcode {
				l.inst.Cond = uint8(op) & 15
			}
			*n = uint16(len(fb.pool))
			fb.pool = append(fb.pool, l)
		}
		return *n
	}
	return 0
}

// makeLeaf makes the leaf of a form; it rejects everything if the form has operands that the fast path does not know.
func makeLeaf(f *form, osz uint8, modrm, isReg bool) leaf {
	l := leaf{keep: withRexB - 1, reject: PrefixLock, regs: [4]uint8{regNone, regNone, regNone, regNone}}
	if f.attr&Lock != 0 && !isReg {
		l.reject = 0
	}
	if f.mask&keyRexB != 0 {
		l.reject |= withRexB
	}
	switch f.pp {
	case 0x66:
		l.keep &^= PrefixOpSize
	case 0xF3:
		l.keep &^= PrefixRep
	case 0xF2:
		l.keep &^= PrefixRepne
	}
	if f.cc == ccFCMOV {
		l.reject = always
	}
	imms := 0
	for i := range f.args[:f.nargs] {
		from := uint8(regNone)
		o := &f.args[i]
		switch o.cl {
		case clE, clW:
			if isReg {
				from = regRM
			}
		case clQ:
			if isReg {
				from = regRM3
			}
		case clSTi:
			from = regRM3
		case clG, clV:
			from = regReg
		case clP:
			from = regReg3
		case clZ:
			from = regRM
		case clI, clIs, clJ:
			imms++
			l.immLen = size(o.sz, osz, 0)
			l.immShift = 64 - 8*l.immLen
			l.immMask = -1
			if o.cl == clI {
				l.immMask = 1<<(8*l.immLen) - 1
			}
		case clM, clA, clCL, clDX, clI1, clST0, clSegFix, clXMM0:
		default:
			l.reject = always
		}
		if from <= regReg && size(o.rsz, osz, 0) == 1 && o.cl != clV && o.cl != clW {
			from += regRM8
		}
		if i < 2 {
			l.regs[i] = from
		} else if from != regNone {
			l.reject = always
		}
	}
	if imms > 1 {
		l.reject = always
	}
	if l.reject&always != 0 {
		return l
	}
	// The general path fills the operands, from a ModRM byte, prefixes and immediates that are 0.
	var zero [MaxLen]byte
	s, bad := state{code: zero[:], isReg: isReg}, false
	l.inst = Inst{Op: f.op, Row: f.row, StackOp: f.attr&Stk != 0, PP: f.pp, OpSize: 1 << osz, HasModRM: modrm, Memory: noMemory}
	s.operands(&l.inst, f, osz, &bad)
	return l
}
