//go:build linux && amd64

package amd64

import (
	"fmt"
	"math/bits"

	"goemu/mmu"
	"goemu/tcg"
)

// compiler is the state of compiling one block. Its buffers are kept from block to block.
type compiler struct {
	asm
	e    *Engine
	b    *tcg.Block
	code *Code
	bmi2 bool

	live  []tcg.Flags // after each op: flags read later or seen at an exit
	cross []tcg.Flags // after each op: those of them that must outlive host EFLAGS

	startLive tcg.Flags // flags live at the start

	last  []int32 // temporary -> op of its last use
	place []uint8 // temporary -> where it is
	slots uint32  // spill slots in use
	inRDX int     // temporary in RDX, or -1

	op     *tcg.Op
	i      int // index of op
	insn   int // guest instruction in the block, from 0
	length int // of the guest instruction
	rip    uint64
	site   int // of the guest instruction, or -1

	fl         flagState
	dropRecipe bool // the recipe ends with this op
	sse, x87   bool // known to be in host registers
	avx        bool // so are the upper halves
	ymm        bool // Env.YMMUsed is known to be YMMInUse

	cold  []stub
	sites []Site
	edges []Edge
	saves []int32 // Code.save of the edges
}

// Places of a temporary; from placeSlot on it is in a spill slot.
const (
	placeNone uint8 = iota
	placeRDX
	placeSlot
)

// Bounds on the host code of a block, by which the room left is judged.
const (
	maxOpBytes    = 512
	maxBlockBytes = 2048
)

// Compile makes host code of b. The code refers to b by its ID only.
func (e *Engine) Compile(b *tcg.Block) (*Code, error) {
	c := &e.c
	if room := maxBlockBytes + len(b.Ops)*maxOpBytes; e.hot.end-c.n < room || e.cold.end-e.cold.n < room {
		return nil, ErrFull
	}
	e.trimView()
	start, cold := c.n, e.cold.n
	code, err := c.compile(b)
	if err != nil {
		c.n, e.cold.n = start, cold
		return nil, fmt.Errorf("compiling the block at %#x: %w", b.Key.RIP, err)
	}
	return code, nil
}

func (c *compiler) reset(b *tcg.Block) {
	c.b = b
	n := len(b.Ops)
	if cap(c.live) < n {
		c.live, c.cross = make([]tcg.Flags, n, 2*n), make([]tcg.Flags, n, 2*n)
	}
	c.live, c.cross = c.live[:n], c.cross[:n]
	if cap(c.last) < b.Temps {
		c.last, c.place = make([]int32, b.Temps, 2*b.Temps), make([]uint8, b.Temps, 2*b.Temps)
	}
	c.last, c.place = c.last[:b.Temps], c.place[:b.Temps]
	clear(c.last)
	clear(c.place)
	for i := range b.Ops {
		o := &b.Ops[i]
		for _, r := range [3]tcg.Ref{o.A, o.B, o.C} {
			if r.IsTemp() {
				c.last[r.Index()] = int32(i)
			}
		}
	}
	c.slots, c.inRDX = 0, -1
	c.insn, c.length, c.rip, c.site = -1, 0, b.Key.RIP, -1
	c.fl = flagState{mem: true}
	c.dropRecipe, c.sse, c.x87, c.avx, c.ymm = false, false, false, false, false
	c.cold, c.sites, c.edges, c.saves = c.cold[:0], c.sites[:0], c.edges[:0], c.saves[:0]
}

func (c *compiler) compile(b *tcg.Block) (*Code, error) {
	c.reset(b)
	c.align(16, 0)
	code := &Code{ID: b.ID, RIP: b.Key.RIP, mode: b.Key.Mode, start: int32(c.n), cold: int32(c.e.cold.n), e: c.e}
	c.code = code
	// With Count or Quota there is an exit behind Body, and there the flags must be in Env.CC.
	dead := c.liveness() == 0
	code.KillsFlags = dead && !c.e.opts.Count && !c.e.opts.Quota
	code.Entry = c.e.rx + uintptr(c.n)
	c.noteRIP(b.Key.RIP)
	code.near = c.e.rx + uintptr(c.n)
	c.aluMI(0, aluCmp, tcg.W32, env(offExitReq), 0)
	c.addCold(stub{kind: coldReqd, from: c.jcc(tcg.CondNE)})
	code.Body = c.e.rx + uintptr(c.n)
	if c.e.opts.Quota {
		c.aluMI(0, aluSub, tcg.W32, env(offQuota), 1)
		c.addCold(stub{kind: coldReqd, from: c.jcc(tcg.CondS)})
	}
	if c.e.opts.Count {
		c.aluMI(0, aluSub, tcg.W32, env(offBudget), int32(b.NInsns))
		c.addCold(stub{kind: coldBudget, from: c.jcc(tcg.CondS)})
		c.aluMI(0, aluAdd, tcg.W64, env(offInsns), int32(b.NInsns))
	}
	ended := false
	for i := 0; i < len(b.Ops); i++ {
		if ended {
			return nil, fmt.Errorf("op %d follows the block's end", i)
		}
		c.op, c.i = &b.Ops[i], i
		if c.fuse() {
			i = c.i
			c.finish()
			continue
		}
		end, err := c.emit()
		if err != nil {
			return nil, fmt.Errorf("op %d: %w", i, err)
		}
		c.finish()
		ended = end
	}
	if !ended {
		return nil, fmt.Errorf("block has no end")
	}
	hot := c.n
	c.n = c.e.cold.n
	c.emitCold()
	if crosses(b) {
		code.Guard = c.e.rx + uintptr(c.n)
		c.jumpTo(b.Key.RIP)
	}
	c.e.cold.n, c.n = c.n, hot
	code.hotSize = c.n - int(code.start)
	code.Size = code.hotSize + c.e.cold.n - int(code.cold)
	code.Sites = append([]Site(nil), c.sites...)
	code.Edges = append([]Edge(nil), c.edges...)
	copy(code.save[:], c.saves)
	return code, nil
}

// crosses tells whether the guest code of b lies on two pages.
func crosses(b *tcg.Block) bool {
	first := b.Key.CSBase + b.Key.RIP
	return (first^(first+uint64(b.Bytes)-1))>>mmu.PageShift != 0 && b.Bytes > 0
}

// finish ends an op: temporaries whose last use it was are freed, and dead flags forgotten.
func (c *compiler) finish() {
	o := c.op
	c.free(o.A)
	c.free(o.B)
	c.free(o.C)
	if o.Dst.IsTemp() && c.last[o.Dst.Index()] <= int32(c.i) {
		c.release(o.Dst.Index())
	}
	if c.dropRecipe {
		c.fl.rec.kind, c.dropRecipe = recNone, false
	}
	if c.live[c.i] == 0 {
		c.fl = flagState{mem: true}
	}
}

// free releases a temporary operand if this op was its last use.
func (c *compiler) free(r tcg.Ref) {
	if r.IsTemp() && c.last[r.Index()] == int32(c.i) {
		c.release(r.Index())
	}
}

func (c *compiler) release(t int) {
	switch p := c.place[t]; {
	case p == placeRDX:
		if c.inRDX == t { // not handed on by freeEarly
			c.inRDX = -1
		}
	case p >= placeSlot:
		c.slots &^= 1 << (p - placeSlot)
	}
	c.place[t] = placeNone
}

// freeRDX moves the temporary in RDX to a spill slot.
func (c *compiler) freeRDX() {
	if c.inRDX < 0 {
		return
	}
	t := c.inRDX
	s := c.slot()
	c.rm(opMovStore|rexW, rdx, spillMem(s))
	c.place[t], c.inRDX = placeSlot+uint8(s), -1
}

// slot takes a free spill slot. The translator's blocks never hold so many temporaries at once; reserve checks it.
func (c *compiler) slot() int {
	s := bits.TrailingZeros32(^c.slots)
	c.slots |= 1 << s
	return s
}

// alloc finds a place for temporary t: RDX if free.
func (c *compiler) alloc(t int) {
	if c.place[t] != placeNone {
		return
	}
	if c.inRDX < 0 {
		c.inRDX, c.place[t] = t, placeRDX
		return
	}
	c.place[t] = placeSlot + uint8(c.slot())
}

// siteIndex gives the number of the current instruction's site.
func (c *compiler) siteIndex() int {
	if c.site < 0 {
		c.site = c.addSite(-1)
	}
	return c.site
}

func (c *compiler) addSite(sys int) int {
	c.sites = append(c.sites, Site{RIP: int32(c.rip - c.b.Key.RIP), Insn: uint16(max(c.insn, 0)), Sys: int32(sys)})
	return len(c.sites) - 1
}

// emit writes the code of one op; end tells that it ends the block.
func (c *compiler) emit() (end bool, err error) {
	o := c.op
	if bits.OnesCount32(c.slots) >= freeSlots-1 {
		return false, fmt.Errorf("more than %d temporaries live", freeSlots-2)
	}
	switch o.Code {
	case tcg.Nop:
	case tcg.Insn:
		c.insn++
		c.rip, c.length, c.site = uint64(o.Imm), int(o.Disp), -1
	case tcg.Mov:
		c.mov()
	case tcg.Zext, tcg.Sext:
		c.extend()
	case tcg.Lea:
		c.lea()
	case tcg.Bswap:
		c.unaryPlain(func(r reg) { c.bswap(o.W, r) })
	case tcg.Not:
		c.unaryPlain(func(r reg) { c.rr(sized(opGrp3, o.W), 2, r) })
	case tcg.Add, tcg.Adc, tcg.Sub, tcg.Sbb, tcg.And, tcg.Or, tcg.Xor:
		c.binary(aluOf[o.Code])
	case tcg.Cmp:
		c.compare(aluCmp)
	case tcg.Test:
		c.compare(aluAnd)
	case tcg.Inc, tcg.Dec, tcg.Neg:
		c.unary()
	case tcg.Shl, tcg.Shr, tcg.Sar, tcg.Rol, tcg.Ror, tcg.Rcl, tcg.Rcr:
		c.shift()
	case tcg.Shld, tcg.Shrd:
		c.doubleShift()
	case tcg.Imul:
		c.imul()
	case tcg.MulX, tcg.ImulX:
		c.mulX()
	case tcg.DivX:
		c.divX()
	case tcg.IdivX:
		c.idivX()
	case tcg.Bsf, tcg.Bsr, tcg.Tzcnt, tcg.Lzcnt, tcg.Popcnt:
		c.bitScan()
	case tcg.Bt, tcg.Bts, tcg.Btr, tcg.Btc:
		c.bitTest()
	case tcg.Andn, tcg.Blsi, tcg.Blsmsk, tcg.Blsr, tcg.Bzhi, tcg.Bextr, tcg.Pdep, tcg.Pext:
		c.bmi()
	case tcg.Mulh:
		c.mulHigh()
	case tcg.Adcx, tcg.Adox:
		c.adx()
	case tcg.Setcc:
		c.setcc()
	case tcg.Cmov:
		c.cmov()
	case tcg.GetF:
		c.getF()
	case tcg.PutF:
		c.putF()
	case tcg.Clc, tcg.Stc, tcg.Cmc:
		c.carry()
	case tcg.Cld, tcg.Std, tcg.Cli, tcg.Sti:
		c.control()
	case tcg.GetEF:
		c.getState(opMovLoad, offEFlags)
	case tcg.GetCR2:
		c.getState(opMovLoad|rexW, offCR2)
	case tcg.Swapgs:
		c.swapgs()
	case tcg.ClearZ:
		for k := range 4 {
			c.rm(opMovImm|rexW, 0, env(offZMMH+32*int(c.op.Imm&15)+8*k))
			c.immW(tcg.W64, 0)
		}
	case tcg.Ld, tcg.Lds, tcg.Ldz:
		c.load()
	case tcg.St:
		c.store()
	case tcg.Rmw:
		c.rmw()
	case tcg.Cmpxchg:
		c.cmpxchg()
	case tcg.Cmpxchg2:
		c.cmpxchg2()
	case tcg.Fence:
		c.head(map0F|0xae, 0, false) // MFENCE
		c.byte(0xf0)
	case tcg.Vec:
		c.vec()
	case tcg.Fpu:
		c.fpu()
	case tcg.Sys:
		return c.sys(), nil
	case tcg.ChkIP:
		c.clobber()
		c.bailIf(c.testIP(c.srcReg(o.A, tcg.W64, rax)) ^ 1)
	case tcg.Jmp, tcg.Jcc, tcg.Jz, tcg.Jnz, tcg.JmpInd, tcg.Exit:
		c.branch()
		return true, nil
	default:
		return false, fmt.Errorf("unknown opcode %d", o.Code)
	}
	return false, nil
}

// aluOf gives the host operation of micro-ops that are one of the classic eight.
var aluOf = [tcg.NumOpcodes]alu{
	tcg.Add: aluAdd, tcg.Adc: aluAdc, tcg.Sub: aluSub, tcg.Sbb: aluSbb,
	tcg.And: aluAnd, tcg.Or: aluOr, tcg.Xor: aluXor,
}
