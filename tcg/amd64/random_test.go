//go:build linux && amd64

package amd64

import (
	"math/rand/v2"
	"testing"

	"goemu/tcg"
	"goemu/tcg/interp"
	"goemu/tests/seed"
)

// blockMaker makes random blocks of which every flag that is read or compared is defined.
type blockMaker struct {
	*rand.Rand
	b     *tcg.Block
	undef tcg.Flags // flags with undefined values
	temps int
	mode  tcg.Mode
	unit  func(*blockMaker) // makes half of the instructions, if not nil
}

func (g *blockMaker) add(o tcg.Op) {
	g.b.Ops = append(g.b.Ops, o)
}

func (g *blockMaker) temp() tcg.Ref {
	g.temps++
	return tcg.Temp(g.temps - 1)
}

// dst is a register that may be written: not RBX, RSI or R13.
func (g *blockMaker) dst(w tcg.Width) tcg.Ref {
	if w == tcg.W8 && g.IntN(3) == 0 {
		return tcg.High(g.IntN(3))
	}
	for {
		if n := g.IntN(16); n != 3 && n != 6 && n != 13 {
			return tcg.Reg(n)
		}
	}
}

func (g *blockMaker) reg(w tcg.Width) tcg.Ref {
	if w == tcg.W8 && g.IntN(4) == 0 {
		return tcg.High(g.IntN(4))
	}
	return tcg.Reg(g.IntN(16))
}

func (g *blockMaker) width(min tcg.Width) tcg.Width {
	return min + tcg.Width(g.IntN(int(tcg.W64-min)+1))
}

// value is a register or an immediate.
func (g *blockMaker) value(o *tcg.Op) tcg.Ref {
	if g.IntN(3) == 0 {
		o.Imm = int64(randomValue(g.Rand))
		return tcg.RefImm
	}
	return g.reg(o.W)
}

// mem gives o a memory operand in RAM.
func (g *blockMaker) mem(o *tcg.Op) {
	o.AddrW, o.Seg = tcg.W64, tcg.SegNone
	if g.mode.CodeBits() == 32 {
		o.AddrW = tcg.W32
		o.Seg = tcg.Seg(g.IntN(7))
	} else if g.IntN(8) == 0 {
		o.Seg = tcg.SegFS
	}
	o.A = [2]tcg.Ref{tcg.Reg(3), tcg.Reg(13)}[g.IntN(2)]
	if g.IntN(3) == 0 {
		o.B, o.Scale = tcg.Reg(6), uint8(g.IntN(4))
	}
	o.Disp = int64(g.IntN(0x400)) - 0x200
	if g.IntN(8) == 0 {
		o.A, o.B, o.Disp = tcg.None, tcg.None, ramBase+int64(g.IntN(ramSize-16))
	}
}

// flags books the flags that o writes, or reports false if it reads undefined ones.
func (g *blockMaker) flags(o *tcg.Op, count tcg.Ref) bool {
	reads, must := flagEffect(o)
	if reads&g.undef != 0 {
		return false
	}
	if !o.SetF {
		return true
	}
	n := int(shiftCount(o))
	if count != tcg.RefImm {
		n = 40 // any
	}
	g.undef = g.undef&^must | interp.Undefined(o, n)
	return true
}

func (g *blockMaker) setF() bool { return g.IntN(5) != 0 }

var (
	alu2s  = []tcg.Opcode{tcg.Add, tcg.Adc, tcg.Sub, tcg.Sbb, tcg.And, tcg.Or, tcg.Xor}
	alu1s  = []tcg.Opcode{tcg.Inc, tcg.Dec, tcg.Neg, tcg.Not}
	shifts = []tcg.Opcode{tcg.Shl, tcg.Shr, tcg.Sar, tcg.Rol, tcg.Ror, tcg.Rcl, tcg.Rcr}
	bts    = []tcg.Opcode{tcg.Bts, tcg.Btr, tcg.Btc}
)

func pick[T any](g *blockMaker, s []T) T { return s[g.IntN(len(s))] }

// insn appends one guest instruction of a random kind.
func (g *blockMaker) insn() {
	if g.unit != nil && g.IntN(2) == 0 {
		g.unit(g)
		return
	}
	o := tcg.Op{W: g.width(tcg.W8), SetF: g.setF()}
	switch g.IntN(28) {
	case 0, 1, 2, 3: // two operands
		o.Code = pick(g, alu2s)
		o.Dst = g.dst(o.W)
		o.A = o.Dst
		if g.IntN(4) == 0 {
			o.A = g.reg(o.W)
		}
		o.B = g.value(&o)
		if g.IntN(4) == 0 { // by way of a temporary
			t := g.temp()
			g.load(o.W, t)
			o.B = t
		}
	case 4, 5: // comparisons
		o.Code, o.SetF = tcg.Cmp+tcg.Opcode(g.IntN(2)), true
		o.A = g.reg(o.W)
		o.B = g.value(&o)
		switch g.IntN(4) {
		case 0:
			t := g.temp()
			g.load(o.W, t)
			o.A = t
		case 1:
			t := g.temp()
			g.load(o.W, t)
			o.B = t
		}
	case 6:
		o.Code = pick(g, alu1s)
		o.SetF = o.SetF && o.Code != tcg.Not
		o.Dst = g.dst(o.W)
		o.A = o.Dst
		if g.IntN(4) == 0 {
			o.A = g.reg(o.W)
		}
	case 7, 8:
		o.Code = pick(g, shifts)
		o.Dst = g.dst(o.W)
		o.A, o.B = o.Dst, g.value(&o)
		if g.IntN(4) == 0 {
			o.A = g.reg(o.W)
		}
		if !g.flags(&o, o.B) {
			return
		}
		g.add(o)
		return
	case 9: // moves
		o.SetF = false
		o.Code, o.Dst = tcg.Mov, g.dst(o.W)
		o.A = g.value(&o)
		if o.W != tcg.W8 && g.IntN(2) == 0 {
			o.Code = tcg.Zext + tcg.Opcode(g.IntN(2))
			o.SrcW = tcg.Width(g.IntN(int(o.W)))
			o.A = g.reg(o.SrcW)
		}
	case 10: // exchange
		o.SetF = false
		t := g.temp()
		x, y := g.dst(o.W), g.dst(o.W)
		g.add(tcg.Op{Code: tcg.Mov, W: o.W, Dst: t, A: x})
		g.add(tcg.Op{Code: tcg.Mov, W: o.W, Dst: x, A: y})
		g.add(tcg.Op{Code: tcg.Mov, W: o.W, Dst: y, A: t})
		return
	case 11:
		o.SetF = false
		o.Code, o.W = tcg.Lea, g.width(tcg.W16)
		o.Dst, o.A, o.AddrW, o.Seg = g.dst(o.W), tcg.Reg(g.IntN(16)), g.width(tcg.W16), tcg.SegNone
		if g.IntN(2) == 0 {
			o.B, o.Scale = tcg.Reg(g.IntN(16)), uint8(g.IntN(4))
		}
		o.Disp = int64(randomValue(g.Rand))
		if g.IntN(2) == 0 {
			o.Disp = int64(int8(o.Disp))
		}
	case 12: // load
		if g.IntN(2) == 0 {
			g.load(o.W, g.dst(o.W))
			return
		}
		// Temporaries that live over accesses to memory, as in PUSH [mem] and MOVS.
		t := []tcg.Ref{g.temp(), g.temp(), g.temp(), g.temp()}
		g.add(tcg.Op{Code: tcg.Mov, W: o.W, Dst: t[0], A: g.reg(o.W)})
		g.load(o.W, t[1])
		g.load(o.W, t[2])
		g.add(tcg.Op{Code: pick(g, []tcg.Opcode{tcg.Add, tcg.And, tcg.Sub, tcg.Shl, tcg.Imul}), W: max(o.W, tcg.W16), Dst: t[3],
			A: t[g.IntN(3)], B: t[g.IntN(3)]})
		st := tcg.Op{Code: tcg.St, W: o.W, C: t[g.IntN(4)]}
		g.mem(&st)
		g.add(st)
		g.add(tcg.Op{Code: tcg.Mov, W: tcg.W64, Dst: g.dst(tcg.W64), A: t[g.IntN(4)]})
		g.add(tcg.Op{Code: tcg.Mov, W: tcg.W64, Dst: g.dst(tcg.W64), A: t[g.IntN(4)]})
		return
	case 13: // store
		o.Code, o.SetF = tcg.St, false
		g.mem(&o)
		o.C = g.value(&o)
	case 14, 15: // read-modify-write
		o.Code = tcg.Rmw
		g.mem(&o)
		switch g.IntN(5) {
		case 0:
			o.Sub = pick(g, alu1s)
			o.SetF = o.SetF && o.Sub != tcg.Not
		case 1:
			o.Sub, o.C = pick(g, shifts), g.value(&o)
		case 2:
			o.W = g.width(tcg.W16)
			o.Sub, o.C = pick(g, bts), g.value(&o)
		case 3:
			o.Sub, o.C, o.Dst = tcg.Add, g.value(&o), g.dst(o.W)
		default:
			o.Sub, o.C = pick(g, alu2s), g.value(&o)
		}
		o.Lock = g.IntN(3) == 0 && (o.Sub < tcg.Shl || o.Sub > tcg.Rcr)
		if !g.flags(&o, o.C) {
			return
		}
		g.add(o)
		return
	case 16:
		o.Code, o.C, o.Lock = tcg.Cmpxchg, g.reg(o.W), g.IntN(2) == 0
		g.mem(&o)
	case 17: // exchange with memory
		o.Code, o.Sub, o.SetF, o.C, o.Lock = tcg.Rmw, tcg.Mov, false, g.reg(o.W), true
		o.Dst = o.C
		if o.C == tcg.Reg(3) || o.C == tcg.Reg(6) || o.C == tcg.Reg(13) || o.C == tcg.High(3) {
			o.Dst = tcg.Reg(0)
		}
		g.mem(&o)
	case 18: // conditions
		o.Cond, o.SetF = tcg.Cond(g.IntN(16)), false
		o.Code, o.W, o.Dst = tcg.Setcc, tcg.W8, g.dst(tcg.W8)
		if g.IntN(2) == 0 {
			o.Code, o.W = tcg.Cmov, g.width(tcg.W16)
			o.Dst, o.A = g.dst(o.W), g.reg(o.W)
		}
	case 19:
		o.Code, o.A = [4]tcg.Opcode{tcg.MulX, tcg.ImulX, tcg.DivX, tcg.IdivX}[g.IntN(4)], g.reg(o.W)
		if o.Code >= tcg.DivX {
			o.SetF = false
			g.undef = tcg.FlagsAll
			if g.IntN(2) == 0 && o.W != tcg.W8 { // a dividend that fits
				if o.Code == tcg.DivX {
					g.add(tcg.Op{Code: tcg.Mov, W: o.W, Dst: tcg.Reg(2), A: tcg.RefImm})
				} else {
					g.add(tcg.Op{Code: tcg.Sar, W: o.W, Dst: tcg.Reg(2), A: tcg.Reg(0), B: tcg.RefImm, Imm: int64(o.W.Bits() - 1)})
				}
				g.next()
			}
		}
	case 20:
		o.Code, o.W = tcg.Imul, g.width(tcg.W16)
		o.Dst = g.dst(o.W)
		o.A, o.B = o.Dst, g.value(&o)
		if g.IntN(2) == 0 {
			o.A = g.reg(o.W)
		}
	case 21:
		o.W = g.width(tcg.W16)
		o.Code, o.Dst, o.A = tcg.Bsf+tcg.Opcode(g.IntN(5)), g.dst(o.W), g.reg(o.W)
	case 22:
		o.W = g.width(tcg.W16)
		o.Code, o.A = tcg.Bt, g.reg(o.W)
		if g.IntN(2) == 0 {
			o.Code, o.Dst = pick(g, bts), g.dst(o.W)
			o.A = o.Dst
		}
		o.B = g.value(&o)
	case 23:
		o.W, o.SetF = tcg.W64, true
		switch g.IntN(6) {
		case 0:
			o.Code, o.Dst, o.SetF = [...]tcg.Opcode{tcg.GetF, tcg.GetF, tcg.GetEF, tcg.GetCR2}[g.IntN(4)], g.dst(o.W), false
		case 1:
			o.Code, o.A, o.FMask = tcg.PutF, g.reg(o.W), tcg.Flags(1+g.IntN(63))
		case 2:
			o.Code, o.SetF = pick(g, []tcg.Opcode{tcg.Cld, tcg.Std, tcg.Swapgs}), false
		default:
			o.Code = tcg.Clc + tcg.Opcode(g.IntN(3))
		}
	case 24:
		o.W = g.width(tcg.W16)
		o.Code, o.Dst = tcg.Shld+tcg.Opcode(g.IntN(2)), g.dst(o.W)
		o.A, o.B = o.Dst, g.reg(o.W)
		o.C = g.value(&o)
		if o.W == tcg.W16 {
			o.C, o.Imm = tcg.RefImm, int64(g.IntN(17))
		}
		if !g.flags(&o, o.C) {
			return
		}
		g.add(o)
		return
	case 25: // BMI and ADX
		o.W = g.width(tcg.W32)
		o.Code, o.Dst, o.A = tcg.Andn+tcg.Opcode(g.IntN(int(tcg.Adox-tcg.Andn)+1)), g.dst(o.W), g.reg(o.W)
		if o.Code < tcg.Blsi || o.Code > tcg.Blsr {
			o.B = g.reg(o.W)
			if g.IntN(4) == 0 {
				t := g.temp()
				g.load(o.W, t)
				o.A, o.B = o.B, t
			}
		}
		o.SetF = o.SetF && (o.Code < tcg.Pdep || o.Code > tcg.Mulh)
	case 26:
		if g.IntN(2) == 0 {
			o = tcg.Op{Code: tcg.Fence}
			break
		}
		o.Code, o.W, o.Lock = tcg.Cmpxchg2, g.width(tcg.W32), g.IntN(2) == 0
		g.mem(&o)
		o.Disp &^= 15
	default:
		o.Code = tcg.Bswap
		o.W, o.SetF, o.Dst = g.width(tcg.W32), false, g.dst(tcg.W64)
		o.A = o.Dst
	}
	if !g.flags(&o, tcg.RefImm) {
		return
	}
	g.add(o)
}

// load appends a load of w bits.
func (g *blockMaker) load(w tcg.Width, dst tcg.Ref) {
	o := tcg.Op{Code: tcg.Ld, W: w, Dst: dst}
	if w != tcg.W8 && g.IntN(3) == 0 {
		o.Code = tcg.Lds + tcg.Opcode(g.IntN(2))
		o.SrcW = tcg.Width(g.IntN(int(w)))
	}
	o.MemWr = o.Code == tcg.Ld && g.IntN(4) == 0
	g.mem(&o)
	g.add(o)
}

// next begins a guest instruction.
func (g *blockMaker) next() {
	g.b.Ops = append(g.b.Ops, tcg.Op{Code: tcg.Insn, Imm: codeRIP + 4*int64(g.b.NInsns), Disp: 4})
	g.b.NInsns++
}

// end appends the block's end.
func (g *blockMaker) end() {
	o := tcg.Op{W: g.width(tcg.W8), Imm: codeRIP - 0x80, Disp: codeRIP + 0x400}
	switch g.IntN(6) {
	case 0:
		o.Code = tcg.Jmp
	case 1, 2:
		o.Code, o.Cond = tcg.Jcc, tcg.Cond(g.IntN(16))
		if g.IntN(2) == 0 {
			o.Imm = codeRIP + 0x3000
		}
		if condFlags[o.Cond]&g.undef != 0 {
			o = tcg.Op{Code: tcg.Exit, Imm: codeRIP}
		}
	case 3:
		o.W = g.width(tcg.W16)
		o.Code, o.A = tcg.Jz+tcg.Opcode(g.IntN(2)), g.reg(o.W)
	case 4:
		o.Code, o.A = tcg.JmpInd, tcg.Reg(g.IntN(16))
	default:
		o.Code = tcg.Exit
	}
	g.b.Ops = append(g.b.Ops, o)
}

// make gives a block of n instructions.
func (g *blockMaker) make(id uint32, n int) *tcg.Block {
	g.b = &tcg.Block{ID: id, Key: tcg.Key{RIP: codeRIP, Mode: g.mode}, Bytes: 4 * n}
	g.undef, g.temps = 0, 0
	for g.b.NInsns < n {
		g.next()
		g.insn()
	}
	g.next()
	g.end()
	g.b.Temps = g.temps
	return g.b
}

func TestRandomBlocks(t *testing.T) {
	d := newDuo(t, Options{ArenaBytes: 64 << 20})
	s := seed.Of(t)
	g := &blockMaker{Rand: rand.New(rand.NewPCG(s, 1))}
	for i := range 30000 {
		g.mode = tcg.ModeCode64
		if i%4 == 0 {
			g.mode = tcg.ModeCode32 | tcg.ModeFlat
		}
		b := g.make(uint32(i), 1+g.IntN(6))
		d.randomise(g.Rand)
		d.compare(b, g.undef)
		if i%512 == 0 {
			d.e.Reset()
		}
	}
}
