package interp

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"goemu/tcg"
)

// Random blocks must do the same before and after the optimiser: registers,
// flags, memory, the order of accesses, and the state at an injected fault.

// gen makes random verified blocks. RBX and RSI hold addresses in RAM and are never written.
type gen struct {
	*rand.Rand
	b       tcg.Builder
	temps   []tcg.Ref // assigned in this instruction or before
	changed bool      // the instruction has changed guest state: nothing may fault
}

const rbx, rsi = 3, 6

func (g *gen) width() tcg.Width { return tcg.Width(g.IntN(4)) }
func (g *gen) wide() tcg.Width  { return tcg.Width(1 + g.IntN(3)) }

// value draws an operand for width w.
func (g *gen) value(w tcg.Width, imm bool) tcg.Ref {
	switch k := g.IntN(10); {
	case k < 4 && len(g.temps) > 0:
		return g.temps[len(g.temps)-1-g.IntN(min(4, len(g.temps)))]
	case k == 4 && imm:
		return g.b.Imm(int64(int32(operand(g.Rand))))
	case k == 5 && w == tcg.W8:
		return tcg.High(g.IntN(4))
	}
	return tcg.Reg(g.IntN(16))
}

// guest draws a guest register that may be written.
func (g *gen) guest(w tcg.Width) tcg.Ref {
	if w == tcg.W8 && g.IntN(4) == 0 {
		return tcg.High(g.IntN(3)) // not BH
	}
	for {
		if n := g.IntN(16); n != rbx && n != rsi {
			return tcg.Reg(n)
		}
	}
}

// dst draws a destination; a temporary becomes usable only afterwards.
func (g *gen) dst(w tcg.Width) (tcg.Ref, func()) {
	if g.IntN(2) == 0 {
		t := g.b.Temp()
		return t, func() { g.temps = append(g.temps, t) }
	}
	return g.guest(w), func() { g.changed = true }
}

func (g *gen) mem() tcg.Mem {
	m := tcg.Mem{Base: tcg.Reg([]int{rbx, rsi}[g.IntN(2)]), Disp: int64(g.IntN(256)), Seg: tcg.SegNone, AddrW: tcg.W64}
	switch g.IntN(10) {
	case 0: // mostly faults
		m.Base, m.Index, m.Scale = g.value(tcg.W64, false), g.value(tcg.W64, false), uint8(g.IntN(4))
		if m.Base.IsHigh() || m.Index.IsHigh() {
			m.Base, m.Index = tcg.None, tcg.None
		}
	case 1, 2, 3: // through a temporary
		t := g.b.Temp()
		w := tcg.W64
		if g.IntN(3) == 0 {
			w, m.AddrW = tcg.W32, tcg.W32
		}
		if g.IntN(2) == 0 {
			g.b.ALU([]tcg.Opcode{tcg.Add, tcg.Sub}[g.IntN(2)], w, t, m.Base, g.b.Imm(int64(g.IntN(64))), false)
		} else {
			g.b.Lea(w, t, tcg.Mem{Base: m.Base, Disp: int64(g.IntN(64)), AddrW: m.AddrW})
		}
		m.Base = t
	case 4: // with a constant index
		t := g.b.Temp()
		g.b.Mov(tcg.W64, t, g.b.Imm(int64(g.IntN(64))))
		m.Index, m.Scale = t, uint8(g.IntN(4))
	case 5: // absolute
		t := g.b.Temp()
		g.b.Mov(tcg.W64, t, g.b.Imm(ramBase+int64(g.IntN(4096))))
		m.Base = t
	}
	return m
}

var (
	dyadic = []tcg.Opcode{tcg.Add, tcg.Adc, tcg.Sub, tcg.Sbb, tcg.And, tcg.Or, tcg.Xor,
		tcg.Shl, tcg.Shr, tcg.Sar, tcg.Rol, tcg.Ror, tcg.Rcl, tcg.Rcr}
	bitops    = []tcg.Opcode{tcg.Bts, tcg.Btr, tcg.Btc, tcg.Imul}
	unary     = []tcg.Opcode{tcg.Inc, tcg.Dec, tcg.Neg}
	bitCounts = []tcg.Opcode{tcg.Tzcnt, tcg.Lzcnt, tcg.Popcnt}
	rmwSubs   = []tcg.Opcode{tcg.Add, tcg.Or, tcg.Adc, tcg.Sbb, tcg.And, tcg.Sub, tcg.Xor, tcg.Shl, tcg.Sar, tcg.Rcl, tcg.Mov}
)

func pick(g *gen, l []tcg.Opcode) tcg.Opcode { return l[g.IntN(len(l))] }

// access makes an op that may fault.
func (g *gen) access() {
	w := g.width()
	m := g.mem()
	switch g.IntN(8) {
	case 7:
		if g.IntN(4) == 0 {
			g.b.Flag(tcg.Fence)
			g.changed = true
			break
		}
		g.b.Cmpxchg2(tcg.W32+tcg.Width(g.IntN(2)), m, g.IntN(2) == 0)
		g.changed = true
	case 0, 1:
		d, done := g.dst(w)
		g.b.Ld(w, d, m).MemWr = g.IntN(4) == 0
		done()
	case 2:
		sw := g.width()
		w = max(w, sw)
		d, done := g.dst(w)
		if g.IntN(2) == 0 {
			g.b.Ldz(w, sw, d, m)
		} else {
			g.b.Lds(w, sw, d, m)
		}
		done()
	case 3, 4:
		g.b.St(w, m, g.value(w, true))
		g.changed = true
	case 5:
		sub := pick(g, rmwSubs)
		old := tcg.None
		if (sub == tcg.Add || sub == tcg.Mov) && g.IntN(2) == 0 {
			old = g.guest(w)
		}
		g.b.Rmw(sub, w, m, g.value(w, old == tcg.None && sub != tcg.Mov), old, sub != tcg.Mov && g.IntN(4) > 0, false)
		g.changed = true
	case 6:
		g.b.Cmpxchg(w, m, g.value(w, false), g.IntN(2) == 0)
		g.changed = true
	}
}

// pure makes an op that cannot fault.
func (g *gen) pure() {
	w := g.width()
	setF := g.IntN(2) == 0
	switch g.IntN(15) {
	case 14:
		w = tcg.W32 + tcg.Width(g.IntN(2))
		op := tcg.Andn + tcg.Opcode(g.IntN(int(tcg.Adox-tcg.Andn)+1))
		setF = setF && (op < tcg.Pdep || op > tcg.Mulh)
		a, b := g.value(w, false), g.value(w, false)
		if op >= tcg.Blsi && op <= tcg.Blsr {
			b = tcg.None
		}
		d, done := g.dst(w)
		g.b.ALU(op, w, d, a, b, setF)
		done()
	case 0, 1, 2, 3:
		a, b := g.value(w, false), g.value(w, true)
		d, done := g.dst(w)
		g.b.ALU(pick(g, dyadic), w, d, a, b, setF)
		done()
	case 4:
		w = g.wide()
		a, b := g.value(w, false), g.value(w, true)
		d, done := g.dst(w)
		g.b.ALU(pick(g, bitops), w, d, a, b, setF)
		done()
	case 5:
		a := g.value(w, false)
		d, done := g.dst(w)
		g.b.Un(pick(g, unary), w, d, a, setF)
		done()
	case 6:
		w = g.wide()
		if g.IntN(2) == 0 {
			g.b.Un([]tcg.Opcode{tcg.Bsf, tcg.Bsr}[g.IntN(2)], w, g.guest(w), g.value(w, false), setF)
			g.changed = true
			break
		}
		a := g.value(w, false)
		d, done := g.dst(w)
		g.b.Un(pick(g, bitCounts), w, d, a, setF)
		done()
	case 7:
		a := g.value(w, true)
		d, done := g.dst(w)
		switch g.IntN(3) {
		case 0:
			setF = false
			g.b.Mov(w, d, a)
		default:
			setF = false
			sw := tcg.Width(g.IntN(int(w) + 1))
			if a.IsHigh() {
				sw = tcg.W8
			}
			if g.IntN(2) == 0 {
				g.b.Zext(w, sw, d, a)
			} else {
				g.b.Sext(w, sw, d, a)
			}
		}
		done()
	case 8:
		setF = true
		g.b.ALU([]tcg.Opcode{tcg.Cmp, tcg.Test}[g.IntN(2)], w, tcg.None, g.value(w, false), g.value(w, true), true)
	case 9:
		setF = false
		if g.IntN(2) == 0 {
			d, done := g.dst(tcg.W8)
			g.b.Setcc(tcg.Cond(g.IntN(16)), d)
			done()
			break
		}
		w = g.wide()
		g.b.Cmov(tcg.Cond(g.IntN(16)), w, g.guest(w), g.value(w, false))
		g.changed = true
	case 10:
		w = g.wide()
		a, f, c := g.value(w, false), g.value(w, false), g.value(w, true)
		d, done := g.dst(w)
		g.b.Shd([]tcg.Opcode{tcg.Shld, tcg.Shrd}[g.IntN(2)], w, d, a, f, c, setF)
		done()
	case 11:
		g.b.MulDiv([]tcg.Opcode{tcg.MulX, tcg.ImulX}[g.IntN(2)], w, g.value(w, false), setF)
		g.changed = true
	case 12:
		setF = false
		lw := []tcg.Width{tcg.W16, tcg.W32, tcg.W64}
		m := tcg.Mem{Base: g.value(tcg.W64, false), Index: g.value(tcg.W64, false), Scale: uint8(g.IntN(4)),
			Disp: int64(int32(operand(g.Rand))), AddrW: lw[g.IntN(3)]}
		if m.Base.IsHigh() || g.IntN(4) == 0 {
			m.Base = tcg.None
		}
		if m.Index.IsHigh() || g.IntN(2) == 0 {
			m.Index = tcg.None
		}
		w = lw[g.IntN(3)]
		d, done := g.dst(w)
		g.b.Lea(w, d, m)
		done()
	case 13:
		setF = true
		switch g.IntN(4) {
		case 0:
			g.b.PutF(tcg.Flags(1+g.IntN(63)), g.value(tcg.W64, true))
		case 1:
			setF = false
			d, done := g.dst(tcg.W64)
			g.b.GetF(d)
			done()
			if g.IntN(2) == 0 {
				d, done = g.dst(tcg.W64)
				g.b.Get([]tcg.Opcode{tcg.GetEF, tcg.GetCR2}[g.IntN(2)], d)
				done()
			}
		default:
			g.b.Flag([]tcg.Opcode{tcg.Clc, tcg.Stc, tcg.Cmc}[g.IntN(3)])
		}
	}
	g.changed = g.changed || setF
}

func (g *gen) block() *tcg.Block {
	b := &tcg.Block{Key: tcg.Key{RIP: 0x1000, Mode: tcg.ModeCode64 | tcg.ModeFlat}}
	g.b.Reset(b)
	g.temps = g.temps[:0]
	rip := uint64(0x1000)
	for range 1 + g.IntN(6) {
		g.b.Insn(rip, 4)
		rip += 4
		g.changed = false
		for range 1 + g.IntN(5) {
			if !g.changed && g.IntN(3) == 0 {
				g.access()
			} else {
				g.pure()
			}
		}
	}
	switch g.IntN(4) {
	case 0:
		g.b.Jmp(0x5000)
	case 1:
		w := g.width()
		g.b.Jz(w, g.value(w, false), 0x5000, rip)
	case 2:
		g.b.Jcc(tcg.Cond(g.IntN(16)), 0x5000, rip)
	case 3:
		g.b.JmpInd(g.value(tcg.W64, false))
	}
	return b
}

// outcome is all that a run shows.
type outcome struct {
	Result tcg.Result
	GPR    [16]uint64
	CC     uint32
	RIP    uint64
	Insns  uint64
	Fault  string
	Log    string
	RAM    string
	Calls  int
}

type state struct {
	gpr [16]uint64
	cc  uint32
	ram []byte
}

func play(m *machine, s *state, b *tcg.Block, failAt int) outcome {
	*m = machine{env: m.env, ram: m.ram, failAt: failAt}
	clear(m.ram[copy(m.ram, s.ram):])
	m.env.GPR, m.env.CC, m.env.Insns = s.gpr, s.cc, 0
	r := Run(m.env, m, b)
	return outcome{r, m.env.GPR, m.env.CC | tcg.CCFixed, m.env.RIP, m.env.Insns, m.fault, strings.Join(m.log, "\n"), string(m.ram), m.calls}
}

func same(t *testing.T, what string, before, after *tcg.Block, want, got outcome) bool {
	t.Helper()
	if want == got {
		return true
	}
	t.Errorf("%s (-plain +optimised):\n%s\nplain:\n%s\noptimised:\n%s", what, cmp.Diff(want, got), before, after)
	return false
}

// spoil returns b with flags that the optimiser calls unneeded overwritten by noise: those in
// neither FOut nor FObs, or also those in FObs only.
func spoil(g *gen, b *tcg.Block, observed bool) *tcg.Block {
	c := *b
	c.Ops = nil
	for _, o := range b.Ops {
		c.Ops = append(c.Ops, o)
		if !o.SetF {
			continue
		}
		w, _ := o.FlagsWritten()
		dead := w &^ o.FOut
		if !observed {
			dead &^= o.FObs
		}
		if dead != 0 {
			c.Ops = append(c.Ops, tcg.Op{Code: tcg.PutF, W: tcg.W64, SetF: true, FMask: dead, A: tcg.RefImm, Seg: tcg.SegNone,
				Imm: int64(g.Uint32() & tcg.EFlagsArith)})
		}
	}
	return &c
}

func TestOptimisedBlocksDoTheSame(t *testing.T) {
	g := &gen{Rand: rng(t)}
	m := newMachine()
	n := 6000
	if testing.Short() {
		n = 600
	}
	for range n {
		before := g.block()
		if err := tcg.Verify(before); err != nil {
			t.Fatalf("generated:\n%s%v", before, err)
		}
		after := *before
		after.Ops = slices.Clone(before.Ops)
		opt := &tcg.Options{Dump: func(pass string, b *tcg.Block) {
			if err := tcg.Verify(b); err != nil {
				t.Fatalf("after %s:\n%s%v\nfrom:\n%s", pass, b, err, before)
			}
		}}
		if g.IntN(4) == 0 {
			opt.Skip = map[string]bool{tcg.Passes()[g.IntN(2)]: true}
		}
		tcg.Optimise(&after, opt)
		s := &state{cc: tcg.EFlagsToCC(g.Uint32()), ram: make([]byte, 4096)}
		for i := range s.gpr {
			s.gpr[i] = operand(g.Rand)
		}
		s.gpr[rbx], s.gpr[rsi] = ramBase+uint64(g.IntN(1024)), ramBase+1024+uint64(g.IntN(1024))
		for i := range s.ram {
			s.ram[i] = byte(g.Uint32())
		}
		plain := play(m, s, before, -1)
		ok := same(t, "run", before, &after, plain, play(m, s, &after, -1))
		ok = ok && same(t, "run with dead flags spoilt", before, &after, plain, play(m, s, spoil(g, &after, false), -1))
		if ok && plain.Result == tcg.ResultNext {
			ok = same(t, "run with observed flags spoilt", before, &after, plain, play(m, s, spoil(g, &after, true), -1))
		}
		for f := 0; ok && f < plain.Calls; f++ {
			want := play(m, s, before, f)
			ok = same(t, fmt.Sprintf("fault at access %d", f), before, &after, want, play(m, s, &after, f)) &&
				same(t, fmt.Sprintf("fault at access %d with dead flags spoilt", f), before, &after, want, play(m, s, spoil(g, &after, false), f))
		}
		if ok && after.KillsFlags {
			s.cc = tcg.EFlagsToCC(^tcg.CCToEFlags(s.cc))
			ok = same(t, "run with other flags on entry", before, &after, plain, play(m, s, &after, -1))
		}
		if !ok {
			return
		}
	}
}
