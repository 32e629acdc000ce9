package asm

// class is the kind of a register.
type class int

const (
	gpr class = iota
	sreg
	creg
	dreg
	xmm
)

// register is one register name.
type register struct {
	class class
	num   int
	bits  int
	high  bool // ah ch dh bh: cannot go with a REX prefix
	rex   bool // spl bpl sil dil: need one
}

// registers are all register names.
var registers = func() map[string]register {
	m := make(map[string]register, 128)
	for i, n := range []string{"ax", "cx", "dx", "bx", "sp", "bp", "si", "di"} {
		m[n] = register{class: gpr, num: i, bits: 16}
		m["e"+n] = register{class: gpr, num: i, bits: 32}
		m["r"+n] = register{class: gpr, num: i, bits: 64}
	}
	for i, n := range []string{"al", "cl", "dl", "bl", "ah", "ch", "dh", "bh"} {
		m[n] = register{class: gpr, num: i, bits: 8, high: i >= 4}
	}
	for i, n := range []string{"spl", "bpl", "sil", "dil"} {
		m[n] = register{class: gpr, num: i + 4, bits: 8, rex: true}
	}
	digits := []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15"}
	for i, d := range digits {
		if i >= 8 {
			m["r"+d] = register{class: gpr, num: i, bits: 64}
			m["r"+d+"d"] = register{class: gpr, num: i, bits: 32}
			m["r"+d+"w"] = register{class: gpr, num: i, bits: 16}
			m["r"+d+"b"] = register{class: gpr, num: i, bits: 8}
		}
		m["xmm"+d] = register{class: xmm, num: i, bits: 128}
	}
	for i, n := range []string{"es", "cs", "ss", "ds", "fs", "gs"} {
		m[n] = register{class: sreg, num: i, bits: 16}
	}
	for _, i := range []int{0, 2, 3, 4, 8} {
		m["cr"+digits[i]] = register{class: creg, num: i}
	}
	for _, i := range []int{0, 1, 2, 3, 6, 7} {
		m["dr"+digits[i]] = register{class: dreg, num: i}
	}
	return m
}()

// operandKind tells what an operand is.
type operandKind int

const (
	opReg operandKind = iota
	opMem
	opImm
	opFar // selector:offset
)

// operand is one parsed operand.
type operand struct {
	kind operandKind
	reg  register
	name string // of the register
	size int    // bits by a size keyword or the register; 0: not given
	expr *expr  // opImm: value; opFar: offset; opMem: displacement (nil: none)
	sel  *expr  // opFar
	far  bool   // memory with keyword far
	dist string // "short" or "near" of a branch target

	segment     string // override
	base, index *register
	scale       int
}

// fits tells whether operand o can be what p wants. v is the value of an immediate.
func (p pattern) fits(o *operand, v value) bool {
	isReg := func(c class, size int) bool {
		return o.kind == opReg && o.reg.class == c && (size == 0 || o.reg.bits == size)
	}
	isMem := o.kind == opMem && !o.far && (p.size == 0 || o.size == 0 || o.size == p.size)
	isImm := o.kind == opImm && (o.size == 0 || p.size == 0 || o.size == p.size)
	constant := isImm && v.rel == 0 && !v.unknown
	switch p.kind {
	case patFixed:
		return o.kind == opReg && o.name == p.fixed
	case patReg:
		return isReg(gpr, p.size)
	case patRM:
		return isReg(gpr, p.size) || isMem
	case patMem:
		return o.kind == opMem && !o.far && (p.size == 0 || o.size == 0 || o.size == p.size)
	case patMemFar:
		return o.kind == opMem && o.far
	case patMoffs:
		return isMem && o.base == nil && o.index == nil
	case patImm:
		return isImm
	case patImmS8:
		n := v.n
		switch p.size { // 0xffff is -1 where 16 bits are asked for
		case 16:
			n = int64(int16(n))
		case 32:
			n = int64(int32(n))
		}
		inRange := v.n == n || uint64(v.n) < 1<<p.size
		return constant && n >= -128 && n <= 127 && (p.size == 0 || p.size == 64 || inRange)
	case patUImm32:
		return constant && v.n >= 0 && v.n <= 0xffffffff
	case patSImm32:
		return constant && v.n >= -1<<31 && v.n < 1<<31
	case patOne:
		return constant && v.n == 1
	case patSreg:
		return isReg(sreg, 0)
	case patCreg:
		return isReg(creg, 0)
	case patDreg:
		return isReg(dreg, 0)
	case patXmm:
		return isReg(xmm, 0)
	case patXmmMem:
		return isReg(xmm, 0) || isMem
	case patRel8, patRel:
		return o.kind == opImm && o.size == 0
	case patFar:
		return o.kind == opFar
	}
	return false
}
