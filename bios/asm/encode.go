package asm

import (
	"fmt"
	"math/bits"
)

// instruction appends one instruction.
func (a *assembler) instruction(st *statement) error {
	m := &st.ins
	var values [3]value
	if len(m.operands) > len(values) {
		return fmt.Errorf("%s has too many operands", m.name)
	}
	for i := range m.operands {
		if o := &m.operands[i]; o.kind == opImm {
			v, err := a.eval(o.expr)
			if err != nil {
				return err
			}
			values[i] = v
		}
	}
	f, err := a.choose(st, values[:])
	if err != nil {
		return err
	}
	return a.emit(f, m, values[:])
}

// choose picks the first form that fits.
func (a *assembler) choose(st *statement, values []value) (*form, error) {
	m := &st.ins
	var found *form
	wrongMode := false
	for i := range m.forms {
		f := &m.forms[i]
		if !a.matches(f, st, values) {
			continue
		}
		if f.no64 && a.bits == 64 || f.only64 && a.bits != 64 || f.size == 64 && a.bits != 64 {
			wrongMode = true
			continue
		}
		if found == nil {
			found = f
			if unsized(m) < 0 {
				break
			}
			continue
		}
		// Memory without a size: every form that fits must mean the same size.
		if n := unsized(m); found.operands[n].size != f.operands[n].size {
			return nil, fmt.Errorf("%s: the size of the memory operand is not given", m.name)
		}
	}
	if found == nil {
		if wrongMode {
			return nil, fmt.Errorf("%s with these operands does not exist in %d-bit mode", m.name, a.bits)
		}
		return nil, fmt.Errorf("%s does not take these operands", m.name)
	}
	return found, nil
}

// unsized is the index of the memory operand without a size, or -1.
func unsized(m *mnemonic) int {
	for i := range m.operands {
		if o := &m.operands[i]; o.kind == opMem && o.size == 0 && !o.far {
			return i
		}
	}
	return -1
}

func (a *assembler) matches(f *form, st *statement, values []value) bool {
	m := &st.ins
	if len(f.operands) != len(m.operands) {
		return false
	}
	for i, p := range f.operands {
		o := &m.operands[i]
		if p.kind == patImmS8 && p.size == 0 {
			p.size = a.bits
		}
		if !p.fits(o, values[i]) {
			return false
		}
		// push's immediate and the like have the mode's size when nothing else says one.
		if p.kind == patImm && f.d64 && o.size == 0 && p.size != a.bits {
			return false
		}
		if p.kind == patRel8 && !a.short(st, o, values[i], len(f.opcode)+1) {
			return false
		}
		if p.kind == patRel && o.dist == "short" {
			return false
		}
	}
	return true
}

// short tells whether a branch of n bytes reaches its target with a byte. Once
// it did not, the branch stays long, so that passes come to an end.
func (a *assembler) short(st *statement, o *operand, v value, n int) bool {
	if o.dist == "near" || st.long {
		return false
	}
	hasLong := st.ins.forms[len(st.ins.forms)-1].operands[0].kind != patRel8
	if o.dist == "short" || !hasLong || v.unknown {
		return true
	}
	d := v.n - int64(a.here()) - int64(n)
	if d >= -128 && d <= 127 {
		return true
	}
	st.long, a.changed = true, true
	return false
}

// roles tells which operands go into ModRM's r/m and reg fields (or, with +r, into the opcode).
func (f *form) roles(m *mnemonic) (rm, reg *operand) {
	var general *operand
	for i := range m.operands {
		o := &m.operands[i]
		switch f.operands[i].kind {
		case patRM, patMem, patMemFar, patXmmMem:
			rm = o
		case patReg:
			general = o
		case patSreg, patCreg, patDreg, patXmm:
			reg = o
		}
	}
	if reg == nil {
		reg = general
	}
	if rm == nil { // as in mov between a general and a control register
		rm = general
	}
	return rm, reg
}

// emit appends form f with the operands of m.
func (a *assembler) emit(f *form, m *mnemonic, values []value) error {
	rm, reg := f.roles(m)
	rex, needREX, noREX := 0, false, false
	for i := range m.operands {
		if o := &m.operands[i]; o.kind == opReg {
			needREX = needREX || o.reg.rex
			noREX = noREX || o.reg.high
		}
	}
	if f.size == 64 && !f.d64 {
		rex |= 8
	}
	ea := address{}
	var err error
	var memory *operand
	for i := range m.operands {
		if o := &m.operands[i]; o.kind == opMem {
			memory = o
		}
	}
	if memory != nil {
		if ea, err = a.address(memory); err != nil {
			return err
		}
	}
	if f.modRM {
		if reg != nil && f.ext < 0 {
			rex |= reg.reg.num >> 3 << 2
		}
		if rm.kind == opReg {
			rex |= rm.reg.num >> 3
		} else {
			rex |= ea.rex
		}
	} else if f.plusR {
		rex |= reg.reg.num >> 3
	}
	if rex != 0 || needREX {
		if a.bits != 64 {
			return fmt.Errorf("%s: registers that only 64-bit mode has", m.name)
		}
		if noREX {
			return fmt.Errorf("%s: ah, ch, dh and bh cannot go with registers that need a REX prefix", m.name)
		}
	}

	// Prefixes, in NASM's order.
	a.out = append(a.out, m.prefixes...)
	if memory != nil && memory.segment != "" {
		a.out = append(a.out, segmentPrefix[memory.segment])
	}
	size := f.size
	if memory != nil && memory.far || len(m.operands) == 1 && m.operands[0].kind == opFar {
		size = farSize(&m.operands[0], a.bits)
		if size == 64 {
			rex |= 8
		}
	}
	if size == 16 && a.bits != 16 || size == 32 && a.bits == 16 {
		a.out = append(a.out, 0x66)
	}
	if memory != nil && ea.size != a.bits {
		a.out = append(a.out, 0x67)
	}
	if f.prefix != 0 {
		a.out = append(a.out, f.prefix)
	}
	if rex != 0 || needREX {
		a.out = append(a.out, 0x40|byte(rex))
	}

	last := len(f.opcode) - 1
	a.out = append(a.out, f.opcode...)
	if f.plusR {
		a.out[len(a.out)-1] = f.opcode[last] | byte(reg.reg.num&7)
	}
	if f.modRM {
		field := f.ext
		if field < 0 {
			field = reg.reg.num & 7
		}
		if rm.kind == opReg {
			a.out = append(a.out, 0xc0|byte(field<<3|rm.reg.num&7))
		} else {
			a.out = append(a.out, ea.bytes[:ea.n]...)
			a.out[len(a.out)-ea.n] |= byte(field << 3)
			if err := a.imm(ea.disp, ea.dispSize, a.bits == 64); err != nil {
				return fmt.Errorf("displacement: %w", err)
			}
		}
	}
	return a.tail(f, m, values, size, ea)
}

// tail appends what follows the ModRM byte and its displacement.
func (a *assembler) tail(f *form, m *mnemonic, values []value, size int, ea address) error {
	for i, p := range f.operands {
		o, v := &m.operands[i], values[i]
		var err error
		switch p.kind {
		case patImm, patImmS8, patUImm32, patSImm32:
			if p.kind == patImmS8 {
				v.n = int64(int8(v.n))
			}
			err = a.imm(v, f.imm, f.size == 64 && f.imm == 4 && p.kind != patUImm32)
		case patRel8:
			err = a.relative(v, 1)
		case patRel:
			err = a.relative(v, min(a.bits/8, 4))
		case patMoffs:
			err = a.imm(ea.disp, ea.size/8, false)
		case patFar:
			var offset, sel value
			if offset, err = a.eval(o.expr); err != nil {
				return err
			}
			if sel, err = a.eval(o.sel); err != nil {
				return err
			}
			if err = a.imm(offset, size/8, false); err == nil {
				err = a.imm(sel, 2, false)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (a *assembler) relative(v value, n int) error {
	v.n -= int64(a.here()) + int64(n)
	if err := a.imm(v, n, true); err != nil {
		return fmt.Errorf("branch target is %d bytes away: %w", v.n, err)
	}
	return nil
}

// farSize is the offset's size of a far pointer.
func farSize(o *operand, mode int) int {
	if o.size != 0 {
		return o.size
	}
	return mode
}

var segmentPrefix = map[string]byte{"es": 0x26, "cs": 0x2e, "ss": 0x36, "ds": 0x3e, "fs": 0x64, "gs": 0x65}

// address is an encoded memory operand: ModRM (with reg 0) and SIB, then a displacement.
type address struct {
	bytes    [2]byte
	n        int
	disp     value
	dispSize int
	rex      int
	size     int // address size in bits
}

func (a *assembler) address(o *operand) (address, error) {
	var e address
	if o.expr != nil {
		v, err := a.eval(o.expr)
		if err != nil {
			return e, err
		}
		e.disp = v
	}
	e.size = a.bits
	for _, r := range []*register{o.base, o.index} {
		if r != nil {
			e.size = r.bits
		}
	}
	if o.base != nil && o.index != nil && o.base.bits != o.index.bits {
		return e, fmt.Errorf("base and index of an address differ in size")
	}
	switch {
	case e.size == 16 && a.bits == 64:
		return e, fmt.Errorf("64-bit mode has no 16-bit addresses")
	case e.size == 64 && a.bits != 64:
		return e, fmt.Errorf("64-bit addresses exist only in 64-bit mode")
	case e.size == 16:
		return e, e.encode16(o)
	}
	return e, e.encode32(o, a.bits == 64)
}

// displacement chooses mod and the size of the displacement; must says that mod 0 means something else here.
func (e *address) displacement(must bool, full int) (mod int) {
	constant := e.disp.rel == 0 && !e.disp.unknown
	switch {
	case constant && e.disp.n == 0 && !must:
		return 0
	case constant && e.disp.n >= -128 && e.disp.n <= 127:
		e.dispSize = 1
		return 1
	}
	e.dispSize = full
	return 2
}

// encode16 follows SDM vol. 2, table 2-1.
func (e *address) encode16(o *operand) error {
	const bx, bp, si, di = 3, 5, 6, 7
	if o.base == nil && o.index == nil {
		e.bytes[0], e.n, e.dispSize = 6, 1, 2
		return nil
	}
	set := 0
	for _, r := range []*register{o.base, o.index} {
		if r != nil {
			set |= 1 << r.num
		}
	}
	rm := -1
	for i, want := range []int{1<<bx | 1<<si, 1<<bx | 1<<di, 1<<bp | 1<<si, 1<<bp | 1<<di, 1 << si, 1 << di, 1 << bp, 1 << bx} {
		if set == want {
			rm = i
		}
	}
	if rm < 0 || o.scale > 1 {
		return fmt.Errorf("not a 16-bit address")
	}
	mod := e.displacement(rm == 6, 2)
	e.bytes[0], e.n = byte(mod<<6|rm), 1
	return nil
}

// encode32 follows SDM vol. 2, tables 2-2 and 2-3.
func (e *address) encode32(o *operand, mode64 bool) error {
	const sp, bp, noIndex = 4, 5, 4
	base, index, scale := o.base, o.index, o.scale
	if index != nil && index.num == sp {
		if scale != 1 || base == nil || base.num == sp {
			return fmt.Errorf("the stack pointer cannot be an index")
		}
		base, index = index, base // it may be the base then
	}
	if base == nil && index != nil && scale == 1 {
		base, index = index, nil
	}
	switch {
	case base == nil && index == nil:
		e.dispSize = 4
		if mode64 { // rm 5 is relative to RIP here
			e.bytes, e.n = [2]byte{sp, noIndex<<3 | bp}, 2
		} else {
			e.bytes[0], e.n = bp, 1
		}
		return nil
	case base == nil:
		e.dispSize = 4
		e.rex = index.num >> 3 << 1
		e.bytes, e.n = [2]byte{sp, byte(scaleBits(scale)<<6 | index.num&7<<3 | bp)}, 2
		return nil
	}
	e.rex = base.num >> 3
	mod := e.displacement(base.num&7 == bp, 4)
	if index == nil && base.num&7 != sp {
		e.bytes[0], e.n = byte(mod<<6|base.num&7), 1
		return nil
	}
	sib := noIndex<<3 | base.num&7
	if index != nil {
		e.rex |= index.num >> 3 << 1
		sib = scaleBits(scale)<<6 | index.num&7<<3 | base.num&7
	}
	e.bytes, e.n = [2]byte{byte(mod<<6 | sp), byte(sib)}, 2
	return nil
}

func scaleBits(scale int) int { return bits.TrailingZeros(uint(scale)) }
