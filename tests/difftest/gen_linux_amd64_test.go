package difftest

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"

	"goemu/decoder"
)

// gen makes random sequences.
type gen struct {
	*rand.Rand
	mode     decoder.Mode
	base     int   // of addresses of data
	pointers []int // registers that hold addresses of data at the start of a sequence
	pick     []pattern
}

// pattern is a row of the instruction table made ready for encoding.
type pattern struct {
	row      *decoder.Row
	prefix   byte // mandatory prefix
	noOpSize bool // 66 is not allowed
	rexW     bool // REX.W must be set
	map0F    []byte
	opcode   byte
	span     int // how many opcodes from it on (+r, +cc, +i)
	modrm    bool
	ext      int // ModRM.reg, -1: any
	fixed    int // second opcode byte that takes the place of ModRM, -1: none
	mod      int // +1: register only, -1: memory only
	imms     []string
	vex      bool
	vexMap   byte
	vexPP    byte
	vexL     int  // -1: any
	vexW     int  // -1: any
	vvvv     bool // some operand is in VEX.vvvv
}

// one is a generated instruction.
type one struct {
	code []byte
	inst decoder.Inst
}

// newGen makes a generator of the rows that want accepts, with the weight it gives.
func newGen(seed uint64, mode decoder.Mode, want func(*decoder.Row) int) *gen {
	g := &gen{Rand: rand.New(rand.NewPCG(seed, 0)), mode: mode, base: dataBase, pointers: []int{4, 5, 6, 7, 8, 12, 13, 15}}
	if !g.long() {
		g.pointers = []int{3, 4, 5, 6, 7}
	}
	if mode == decoder.Mode16 {
		g.base = 0 // segment offsets
	}
	rows := decoder.Rows()
	for i := range rows {
		r := &rows[i]
		if strings.Contains(r.Enc, "EVEX") || g.long() && !r.Valid64() || !g.long() && !r.Valid32() {
			continue
		}
		if p, ok := parse(r); ok {
			for range want(r) {
				g.pick = append(g.pick, p)
			}
		}
	}
	return g
}

// parseVEX reads VEX.L.pp.map.W.
func (p *pattern) parseVEX(tok string) bool {
	p.vex, p.noOpSize, p.vexL, p.vexW = true, true, -1, -1
	for _, s := range strings.Split(tok, ".")[1:] {
		switch s {
		case "LIG", "WIG":
		case "LZ", "128":
			p.vexL = 0
		case "256":
			p.vexL = 1
		case "66":
			p.vexPP = 1
		case "F3":
			p.vexPP = 2
		case "F2":
			p.vexPP = 3
		case "0F":
			p.vexMap = 1
		case "0F38":
			p.vexMap = 2
		case "0F3A":
			p.vexMap = 3
		case "W0":
			p.vexW = 0
		case "W1":
			p.vexW = 1
		default:
			return false
		}
	}
	return true
}

func (g *gen) long() bool { return g.mode == decoder.Mode64 }

// parse reads Row.Enc and Row.Args.
func parse(r *decoder.Row) (p pattern, ok bool) {
	p = pattern{row: r, ext: -1, fixed: -1, span: 1}
	var bytes []byte
	for _, tok := range strings.Fields(r.Enc) {
		switch {
		case strings.HasPrefix(tok, "VEX."):
			if !p.parseVEX(tok) {
				return p, false
			}
		case tok == "NP":
			p.noOpSize = true
		case tok == "NFx", tok == "NB":
		case tok == "REX.W":
			p.rexW = true
		case tok == "/r":
			p.modrm = true
		case tok[0] == '/':
			p.modrm, p.ext = true, int(tok[1]-'0')
		case (tok == "66" || tok == "F2" || tok == "F3") && len(bytes) == 0:
			v, _ := strconv.ParseUint(tok, 16, 8)
			p.prefix = byte(v)
		default:
			hex, plus, _ := strings.Cut(tok, "+")
			v, err := strconv.ParseUint(hex, 16, 8)
			if err != nil {
				return p, false
			}
			bytes = append(bytes, byte(v))
			switch plus {
			case "r", "i":
				p.span = 8
			case "cc":
				p.span = 16
			}
		}
	}
	if len(bytes) == 0 {
		return p, false
	}
	n := 0
	if bytes[0] == 0x0f {
		n = 1
		if len(bytes) > 2 && (bytes[1] == 0x38 || bytes[1] == 0x3a) {
			n = 2
		}
	}
	p.map0F, bytes = bytes[:n], bytes[n:]
	if len(bytes) == 0 {
		return p, false
	}
	p.opcode = bytes[0]
	if len(bytes) > 1 {
		p.fixed = int(bytes[1])
	}
	for _, a := range strings.Split(r.Args, ",") {
		a, _, _ = strings.Cut(a, " ")
		switch {
		case a == "":
		case p.vex && (a[0] == 'B' || a[0] == 'H'):
			p.vvvv = true
		case p.vex && a[0] == 'L': // a register in the immediate
			p.imms = append(p.imms, "Ib")
		case strings.HasPrefix(a, "VM"):
			return p, false // gathers
		case a[0] == 'M':
			p.mod = -1
		case a[0] == 'R' || a[0] == 'N' || a[0] == 'U':
			p.mod = 1
		case strings.HasPrefix(a, "I") || a[0] == 'J' || a[0] == 'O':
			p.imms = append(p.imms, a)
		}
	}
	return p, true
}

// insn makes one instruction; ok is false if the decoder takes it for something else than its row.
func (g *gen) insn(pc uint64) (o one, ok bool) {
	p := &g.pick[g.IntN(len(g.pick))]
	b := make([]byte, 0, 16)
	prefix66 := !p.noOpSize && p.prefix != 0x66 && g.IntN(6) == 0
	mem := p.modrm && p.mod != 1 && (p.mod == -1 || g.IntN(2) == 0)
	if prefix66 {
		b = append(b, 0x66)
	}
	small := prefix66 != (g.mode == decoder.Mode16) // operands of 16 bits
	prefix67 := g.mode != decoder.Mode32 && mem && g.IntN(16) == 0
	if prefix67 {
		b = append(b, 0x67)
	}
	switch {
	case !mem:
	case g.long() && g.IntN(12) == 0:
		b = append(b, [2]byte{0x64, 0x65}[g.IntN(2)])
	case g.mode == decoder.Mode16 && g.IntN(4) == 0:
		b = append(b, [6]byte{0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65}[g.IntN(6)])
	}
	if mem && p.row.Lockable() && g.IntN(5) == 0 {
		b = append(b, 0xf0)
	}
	if p.prefix != 0 {
		b = append(b, p.prefix)
	} else if isString(p.row.Op) && g.IntN(2) == 0 {
		b = append(b, [2]byte{0xf2, 0xf3}[g.IntN(2)])
	}
	rex := byte(0)
	if g.long() && g.IntN(2) == 0 {
		rex = 0x40 | byte(g.IntN(16))
	}
	if p.rexW {
		rex |= 0x48
	}
	if mem {
		rex &^= 3 // base and index are chosen below
	}
	if p.vex { // of REX, the place is taken here by the three bytes that hold its bits
		b = append(b, 0xc4, 0)
	}
	rexAt := len(b)
	b = append(b, rex)
	b = append(b, p.map0F...)
	if p.fixed >= 0 {
		b = append(b, p.opcode, byte(p.fixed+g.IntN(p.span)))
	} else {
		b = append(b, p.opcode+byte(g.IntN(p.span)))
	}
	ripAt := -1
	if p.modrm {
		reg := p.ext
		if reg < 0 {
			reg = g.IntN(8)
		}
		m := byte(reg << 3)
		switch {
		case !mem:
			b = append(b, 0xc0|m|byte(g.IntN(8)))
		case g.mode == decoder.Mode16 && !prefix67:
			b = g.operand16(b, m)
		default:
			b, ripAt = g.operand(b, m, &rex)
		}
	}
	b = g.immediates(b, p, small, prefix67, rex&8 != 0)
	switch {
	case p.vex:
		g.putVEX(b[rexAt-1:], p, rex)
	case rex == 0:
		b = append(b[:rexAt], b[rexAt+1:]...)
		ripAt--
	default:
		b[rexAt] = rex
	}
	if ripAt > 0 && b[ripAt-1]&0xc7 == 5 {
		disp := g.addr()
		if g.long() {
			disp -= pc + uint64(len(b))
		}
		binary.LittleEndian.PutUint32(b[ripAt:], uint32(disp))
	}
	o.code = b
	err := decoder.Decode(b, g.mode, &o.inst)
	ok = err == nil && int(o.inst.Len) == len(b) && o.inst.Op == p.row.Op
	return o, ok
}

// putVEX fills in the second and third byte of a VEX prefix.
func (g *gen) putVEX(b []byte, p *pattern, rex byte) {
	b[0] = ^rex<<5 | p.vexMap
	v := byte(15)
	if p.vvvv {
		v = byte(g.IntN(16))
	}
	l := byte(p.vexL)
	if p.vexL < 0 {
		l = byte(g.IntN(2))
	}
	w := rex >> 3 & 1
	switch {
	case p.vexW >= 0:
		w = byte(p.vexW)
	case !g.long(): // W means nothing
		w = byte(g.IntN(2))
	}
	b[1] = w<<7 | v<<3 | l<<2 | p.vexPP
}

func isString(op decoder.Op) bool {
	switch op {
	case decoder.MOVS, decoder.STOS, decoder.LODS, decoder.CMPS, decoder.SCAS, decoder.INS, decoder.OUTS:
		return true
	}
	return false
}

// addr is an address in the data pages, away from their ends most of the time.
func (g *gen) addr() uint64 {
	a := uint64(g.base + 0x40 + g.IntN(dataSize-0x80))
	if g.IntN(2) == 0 {
		a &^= 15
	}
	if g.IntN(24) == 0 {
		a = uint64(g.base + dataSize - g.IntN(16))
	}
	return a
}

// operand appends ModRM with reg field m, SIB and displacement of a memory operand. disp gives the place of a 32-bit
// displacement, which the caller changes if it is relative to RIP.
func (g *gen) operand(b []byte, m byte, rex *byte) (out []byte, disp int) {
	base := g.pointers[g.IntN(len(g.pointers))]
	d := g.IntN(256) - 128
	if g.IntN(2) == 0 {
		d &^= 15
	}
	setBase := func() byte { *rex |= rexBit(base, 1); return byte(base & 7) }
	switch kind := g.IntN(8); {
	case kind == 0: // RIP-relative, or absolute in 32-bit code
		b = append(b, m|5)
		return append(b, 0, 0, 0, 0), len(b)
	case kind == 1: // absolute
		b = append(b, m|4, 0x25)
		return binary.LittleEndian.AppendUint32(b, uint32(g.addr())), len(b)
	case kind <= 3: // base + index
		index := g.IntN(16)
		if !g.long() {
			index &= 7
		}
		if index == 4 {
			index = 0
		}
		*rex |= rexBit(index, 2)
		sib := byte(g.IntN(4)<<6|(index&7)<<3) | setBase()
		b = append(b, 0x44|m, sib, byte(d))
		if g.IntN(3) == 0 {
			b[len(b)-3] ^= 0xc0 // disp32
			b = append(b[:len(b)-1], 0, 0, 0, 0)
			binary.LittleEndian.PutUint32(b[len(b)-4:], uint32(int32(d*4)))
		}
		return b, -1
	case base&7 == 4: // needs SIB
		b = append(b, 0x44|m, 0x20|setBase(), byte(d))
		return b, -1
	case kind == 4 && base&7 != 5:
		return append(b, m|setBase()), -1
	case kind == 5:
		b = append(b, 0x80|m|setBase())
		return binary.LittleEndian.AppendUint32(b, uint32(int32(d*4))), -1
	default:
		return append(b, 0x40|m|setBase(), byte(d)), -1
	}
}

// operand16 is operand with 16-bit addressing.
func (g *gen) operand16(b []byte, m byte) []byte {
	rm := byte(g.IntN(8))
	switch kind := g.IntN(4); {
	case kind == 0:
		return binary.LittleEndian.AppendUint16(append(b, m|6), uint16(g.addr()))
	case kind == 1 && rm != 6:
		return append(b, m|rm)
	case kind == 2 && rm < 4: // two registers, each of which points to data
		return binary.LittleEndian.AppendUint16(append(b, 0x80|m|rm), uint16(g.IntN(0x800)-0xc00))
	default:
		return append(b, 0x40|m|rm, byte(g.IntN(256)))
	}
}

func rexBit(reg int, bit byte) byte {
	if reg >= 8 {
		return 0x40 | bit
	}
	return 0
}

// immediates appends immediates, branch displacements (0, patched later) and absolute addresses.
func (g *gen) immediates(b []byte, p *pattern, small, prefix67, w bool) []byte {
	for _, a := range p.imms {
		n := 1
		switch a {
		case "Iw":
			n = 2
		case "Iz":
			n = 4
			if small && !w {
				n = 2
			}
		case "Iv":
			n = 4
			if w {
				n = 8
			} else if small {
				n = 2
			}
		case "Jz":
			b = append(b, 0, 0)
			if !small || g.long() {
				b = append(b, 0, 0)
			}
			continue
		case "Jb":
			b = append(b, 0)
			continue
		}
		if a[0] == 'O' {
			switch {
			case g.long() && !prefix67:
				b = binary.LittleEndian.AppendUint64(b, g.addr())
			case g.mode == decoder.Mode16 && !prefix67:
				b = binary.LittleEndian.AppendUint16(b, uint16(g.addr()))
			default:
				b = binary.LittleEndian.AppendUint32(b, uint32(g.addr()))
			}
			continue
		}
		v := g.value()
		for i := range n {
			b = append(b, byte(v>>(8*i)))
		}
	}
	return b
}

// value is an integer likely to be near some boundary.
func (g *gen) value() uint64 {
	v := g.Uint64()
	switch g.IntN(8) {
	case 0:
		return v & 0xff
	case 1:
		return -(v & 0xff)
	case 2:
		return uint64(1)<<(v&63) - v>>63
	case 3:
		return [...]uint64{0, 1, 0x7f, 0x80, 0x7fff, 0x8000, 0x7fffffff, 0x80000000, 1<<63 - 1, 1 << 63, math.MaxUint64}[g.IntN(11)]
	case 4:
		return uint64(uint32(v))
	}
	return v
}

// float64bits is a double likely to be special.
func (g *gen) float64bits() uint64 {
	sign := g.Uint64() & (1 << 63)
	switch g.IntN(10) {
	case 0:
		return sign
	case 1:
		return sign | 0x7ff<<52
	case 2:
		return sign | 0x7ff<<52 | g.Uint64()>>12
	case 3:
		return sign | g.Uint64()>>12>>g.IntN(52)
	case 4, 5:
		return math.Float64bits(float64(int64(g.Uint64()) >> g.IntN(63)))
	case 6, 7:
		return sign | uint64(1023-40+g.IntN(80))<<52 | g.Uint64()>>12
	case 8:
		return g.value()
	}
	return g.Uint64()
}

func (g *gen) float32bits() uint32 {
	sign := g.Uint32() & (1 << 31)
	switch g.IntN(10) {
	case 0:
		return sign
	case 1:
		return sign | 0xff<<23
	case 2:
		return sign | 0xff<<23 | g.Uint32()>>9
	case 3:
		return sign | g.Uint32()>>9>>g.IntN(23)
	case 4, 5:
		return math.Float32bits(float32(int32(g.Uint32()) >> g.IntN(31)))
	case 6, 7:
		return sign | uint32(127-20+g.IntN(40))<<23 | g.Uint32()>>9
	}
	return g.Uint32()
}

// float80 is a double extended value as FSTP stores it; unnormals come now and then.
func (g *gen) float80(p []byte) {
	sign := uint16(g.IntN(2)) << 15
	mant, exp := g.Uint64()|1<<63, uint16(16383-60+g.IntN(120))
	switch g.IntN(12) {
	case 0:
		mant, exp = 0, 0
	case 1:
		mant, exp = 1<<63, 0x7fff
	case 2:
		exp = 0x7fff
	case 3:
		mant, exp = g.Uint64()>>1, 0
	case 4:
		mant, exp = g.Uint64(), uint16(g.IntN(0x8000))
	case 5, 6:
		exp = 16383 + uint16(g.IntN(64))
		mant = mant >> g.IntN(63) << g.IntN(63)
		mant |= 1 << 63
	}
	binary.LittleEndian.PutUint64(p, mant)
	binary.LittleEndian.PutUint16(p[8:], sign|exp)
}

// fill writes values of one kind over p, whose length is a multiple of 16.
func (g *gen) fill(p []byte) {
	le := binary.LittleEndian
	for ; len(p) > 0; p = p[16:] {
		switch g.IntN(4) {
		case 0:
			for i := 0; i < 16; i += 4 {
				le.PutUint32(p[i:], g.float32bits())
			}
		case 1:
			for i := 0; i < 16; i += 8 {
				le.PutUint64(p[i:], g.float64bits())
			}
		case 2:
			g.float80(p)
			le.PutUint16(p[10:], uint16(g.value()))
			le.PutUint32(p[12:], uint32(g.value()))
		default:
			for i := 0; i < 16; i += 8 {
				le.PutUint64(p[i:], g.value())
			}
		}
	}
}

// state makes a random state to start from.
func (g *gen) state() *state {
	s := &state{Mode: g.mode, RIP: codeStart(g.mode), FSBase: g.addr() &^ 15, GSBase: g.addr() &^ 15}
	s.FSBase -= dataBase // segment offsets are addresses of the data most of the time
	s.FSBase &= 0xff0
	s.GSBase = 0
	for i := range s.GPR {
		s.GPR[i] = g.value()
	}
	for _, r := range g.pointers {
		s.GPR[r] = uint64(g.base + 0x400 + g.IntN(dataSize-0x800)&^15)
	}
	for _, r := range []int{0, 1, 11} { // likely indices
		if g.IntN(2) == 0 {
			s.GPR[r] = uint64(g.IntN(64))
		}
	}
	if !g.long() {
		for i := range s.GPR {
			s.GPR[i] = uint64(uint32(s.GPR[i]))
		}
		clear(s.GPR[8:])
	}
	s.Flags = 0x202 | g.Uint32()&flagMask
	le := binary.LittleEndian
	le.PutUint16(s.FP[0:], 0x7f|[4]uint16{0x300, 0x300, 0x200, 0}[g.IntN(4)]|uint16(g.IntN(4))<<10)
	le.PutUint16(s.FP[2:], uint16(g.Uint32())&0x7f7f)
	s.FP[4] = byte(g.Uint32() | g.Uint32())
	mxcsr := uint32(0x1f80)
	if g.IntN(3) == 0 {
		mxcsr |= g.Uint32() & 0xe07f
	}
	le.PutUint32(s.FP[24:], mxcsr)
	le.PutUint32(s.FP[28:], 0xffff)
	for i := range 8 {
		g.float80(s.FP[32+16*i:])
	}
	g.fill(s.FP[160:416])
	g.fill(s.Mem[:])
	return s
}

// flagMask is the flags that sequences start with and that are compared: the arithmetic flags and DF.
const flagMask = 0xcd5

// sequence makes up to n instructions; branches go forward to the start of another one or to the end.
func (g *gen) sequence(n int) []one {
	var seq []one
	pc := codeStart(g.mode)
	for len(seq) < n {
		o, ok := g.insn(pc)
		if !ok || differs(&o.inst) {
			continue
		}
		seq = append(seq, o)
		if undefinedFlags(&o.inst) != 0 {
			break // nothing may read them
		}
		pc += uint64(len(o.code))
	}
	g.patch(seq)
	return seq
}

// patch gives relative branches their targets.
func (g *gen) patch(seq []one) {
	for i := range seq {
		o := &seq[i]
		if o.inst.NArgs == 0 || o.inst.Args[0].Kind != decoder.KRel {
			continue
		}
		disp := 0
		for j := i + 1 + g.IntN(len(seq)-i); j > i+1; j-- {
			disp += len(seq[j-1].code)
		}
		at := len(o.code) - 1
		switch {
		case o.inst.Args[0].Size == 1:
			o.code[at] = byte(disp)
		case g.long() || o.inst.OpSize != 2:
			binary.LittleEndian.PutUint32(o.code[at-3:], uint32(disp))
		default:
			binary.LittleEndian.PutUint16(o.code[at-1:], uint16(disp))
		}
		if decoder.Decode(o.code, g.mode, &o.inst) != nil || int(o.inst.Len) != len(o.code) {
			panic(fmt.Sprintf("patched branch % x does not decode", o.code))
		}
	}
}
