package decoder

import "slices"

// buildFast makes the fast path's tables from forms and cells.
func buildFast() {
	b := fastBuilder{memo: make([]uint16, len(forms)<<3), leaves: append(leaves[:0:len(leaves)], leaf{reject: always}), leafOf: append(leafOf[:0:len(leafOf)], 0)}
	for mode := range fastTables {
		t := &fastTables[mode]
		*t = fastTable{
			rexHigh: 0xff, mode: Mode(mode), addrSize: 2 << mode,
			legacy: new([256]legacyPrefix), entries: new([2 << 11]entry), addresses: new([2 << 8]address),
		}
		if t.mode == Mode64 {
			t.rexHigh = 4
		}
		t.buildPrefixes()
		t.buildAddresses()
		b.entries(t)
	}
	if len(b.leaves) > len(leaves) || len(b.leafOf) > len(leafOf) {
		panic("decoder: the fast path's tables are too small")
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
		in := Inst{Mode: t.mode, AddrSize: t.addrSize, ModRM: m, Base: NoReg, Index: NoReg, Seg: SegDS}
		s.memory(&in, &form{}, NoReg)
		a := address{base: in.Base, index: in.Index, seg: in.Seg, size: uint8(s.pos - 1), sib: t.addrSize != 2 && m&7 == 4}
		a.dispAt = a.size - s.dispN
		if s.dispN != 0 {
			a.dispShift, a.dispMask = 64-8*s.dispN, -1
		}
		t.addresses[i] = a
	}
}

// fastBuilder collects the leaves.
type fastBuilder struct {
	leaves []leaf
	leafOf []uint16
	memo   []uint16 // leaf by form, operand size and ModRM.mod == 3
	last   []uint16 // what was added to leafOf last
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
		e := entry{noModRM: 0xff}
		if c.kind&cellModRM != 0 {
			e.noModRM, e.mask = 0, 1
			if c.kind&cellGrouped != 0 {
				e.mask = 15
			} else {
				for _, f := range order[c.first : c.first+uint16(c.n)] {
					if forms[f].mask&keyReg != 0 {
						e.mask = 15
					}
				}
			}
		}
		var buf [16]uint16
		list := buf[:e.mask+1]
		for class := range list {
			list[class] = fb.leaf(t, c, e.mask, uint8(class), space, col, w)
			n := fb.leaves[list[class]].immLen
			if class == 0 {
				e.immLen = n
			} else if e.immLen != n {
				e.immLen = immVaries
			}
		}
		if !slices.Equal(list, fb.last) {
			fb.leafOf = append(fb.leafOf, list...)
			fb.last = fb.leafOf[len(fb.leafOf)-len(list):]
		}
		e.first = uint16(len(fb.leafOf) - len(list))
		t.entries[i] = e
	}
}

// leaf gives the leaf of a class of ModRM bytes in a cell, or 0 if only the general path can tell.
func (fb *fastBuilder) leaf(t *fastTable, c *cell, mask, class uint8, space, col, w int) uint16 {
	key, known := uint32(w)*keyW, uint32(keyW|key64|keyRexB) // with REX.B 0
	if t.mode == Mode64 {
		key |= key64
	}
	modrm, isReg := c.kind&cellModRM != 0, class&1 != 0
	if modrm {
		key |= uint32(class&1) * keyIsReg
		known |= keyIsReg
	}
	if mask == 15 {
		key |= uint32(class>>1) << 3
		known |= keyReg
	}
	if c.kind&cellGrouped != 0 {
		c = &groups[c.first+uint16(class>>1|class&1<<3)]
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
		n := &fb.memo[int(i)<<3|int(osz)<<1|int(class&1)]
		if *n == 0 {
			l := makeLeaf(f, osz, modrm, isReg)
			if l.reject&always != 0 {
				return 0
			}
			l.inst.Map = uint8(space)
			*n = uint16(len(fb.leaves))
			fb.leaves = append(fb.leaves, l)
		}
		return *n
	}
	return 0
}

// makeLeaf makes the leaf of a form; it rejects everything if the form has operands that the fast path does not know.
func makeLeaf(f *form, osz uint8, modrm, isReg bool) leaf {
	l := leaf{keep: withRexB - 1, reject: PrefixLock}
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
	switch f.cc {
	case ccOpcode:
		l.cond = 15
	case ccFCMOV:
		l.reject = always
	}
	imms := 0
	for i := range f.args[:f.nargs] {
		var from source
		o := &f.args[i]
		switch o.cl {
		case clE, clW:
			if isReg {
				from = source{0, 15}
			}
		case clQ:
			if isReg {
				from = source{0, 7}
			}
		case clSTi:
			from = source{0, 7}
		case clG, clV:
			from = source{8, 15}
		case clP:
			from = source{8, 7}
		case clZ:
			from = source{0, 15}
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
		if i < len(l.regs) {
			l.regs[i] = from
			if from.mask == 15 && size(o.rsz, osz, 0) == 1 {
				l.bytes = true
			}
		} else if from.mask != 0 {
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
	l.inst = Inst{Op: f.op, Row: f.row, StackOp: f.attr&Stk != 0, PP: f.pp, OpSize: 1 << osz, HasModRM: modrm, Base: NoReg, Index: NoReg, Scale: 1, Seg: SegDS}
	s.operands(&l.inst, f, osz, &bad)
	return l
}
