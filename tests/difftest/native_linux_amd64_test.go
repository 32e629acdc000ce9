package difftest

import (
	"errors"
	"sync/atomic"
	"testing"
	"unsafe"

	"goemu/decoder"
	"goemu/mmu"
	"goemu/tcg"
	"goemu/tcg/amd64"
	"goemu/tcg/interp"
)

// native runs generated code, and the interpreter where that bails, as emu/accel does. Blocks are kept by
// RIP and linked when they first jump to each other, so running a sequence a second time takes the links.
type native struct {
	e        *amd64.Engine
	t        *testing.T
	optimise bool
	keep     bool // same code as before
	blocks   map[uint64]*compiled
	byID     []*compiled
	bails    map[decoder.Op]int // that did not end in a fault
	runs     int
}

type compiled struct {
	block tcg.Block
	code  *amd64.Code
}

func newNative(t *testing.T, env *tcg.Env, optimise bool) *native {
	t.Helper()
	e, err := amd64.New(amd64.Options{ArenaBytes: 1 << 20, Count: !optimise})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	for i := range env.JumpCache {
		env.JumpCache[i] = tcg.JumpEntry{Mode: tcg.NoMode, Code: uint64(e.LookupStub())}
	}
	return &native{e: e, t: t, optimise: optimise, bails: map[decoder.Op]int{}}
}

func (n *native) start(m *machine) {
	for i := range uint64(dataSize / mmu.PageSize) { // so that misses are seen too
		slot := mmu.TLBIndex(dataBase + i<<mmu.PageShift)
		m.env.TLB.Read[mmu.IndexUser][slot].Page = mmu.EmptyPage(slot)
		m.env.TLB.Write[mmu.IndexUser][slot].Page = mmu.EmptyPage(slot)
	}
	m.env.Budget = 4096
	if n.keep {
		return
	}
	n.blocks = map[uint64]*compiled{}
	n.byID = n.byID[:0]
	n.e.Reset()
}

func (n *native) sync(m *machine) { amd64.SyncX87(m.env) }

// find gives the compiled block at Env.RIP.
func (n *native) find(m *machine) *compiled {
	if c := n.blocks[m.env.RIP]; c != nil {
		return c
	}
	b := m.translate(64)
	if b == nil {
		return nil
	}
	c := &compiled{block: *b}
	c.block.Ops = append([]tcg.Op(nil), b.Ops...)
	c.block.Insts = append([]tcg.SysInst(nil), b.Insts...)
	if n.optimise {
		tcg.Optimise(&c.block, nil)
	} else {
		for i := range c.block.Ops { // every flag may be read
			o := &c.block.Ops[i]
			if o.SetF {
				o.FOut, _ = o.FlagsWritten()
			}
		}
	}
	c.block.ID = uint32(len(n.byID))
	var err error
	if c.code, err = n.e.Compile(&c.block); err != nil {
		if !errors.Is(err, amd64.ErrFull) {
			n.t.Fatalf("compile: %v\n%s", err, &c.block)
		}
		m.vector = unknown
		return nil
	}
	n.byID = append(n.byID, c)
	n.blocks[m.env.RIP] = c
	return c
}

func (n *native) run(m *machine) bool {
	c := n.find(m)
	if c == nil {
		return false
	}
	env, at := m.env, c.code.Entry
	n.runs++
	for {
		n.e.Run(env, at)
		switch env.ExitCode {
		case tcg.ExitEdge:
			from := n.byID[env.ExitBlock]
			if env.RIP-m.start >= codeSize || from.code.Edges[env.ExitSite].Target != env.RIP {
				return true
			}
			to := n.find(m)
			if to == nil {
				return false
			}
			// Linked loops would not end unless instructions are counted.
			if from.code.Edges[env.ExitSite].Linkable && (!n.optimise || env.RIP > from.block.Key.RIP) {
				n.e.Link(from.code, int(env.ExitSite), to.code, env.RIP)
			}
			return true
		case tcg.ExitTLB:
			if !n.fill(m) {
				return n.bail(m)
			}
			at = uintptr(env.Resume)
		case tcg.ExitBail:
			return n.bail(m)
		case tcg.ExitSys:
			from := n.byID[env.ExitBlock]
			return m.Sys(&from.block.Insts[from.code.Sites[env.ExitSite].Sys])
		case tcg.ExitReqd:
			atomic.StoreUint32(&env.ExitReq, 0) // set when the Go runtime wants the thread
			if !n.optimise && env.Budget <= 0 {
				m.vector = unknown
				return false
			}
			return true
		default:
			return true
		}
	}
}

// bail interprets the instruction at Env.RIP.
func (n *native) bail(m *machine) bool {
	amd64.SyncX87(m.env)
	b := m.translate(1)
	if b == nil {
		return false
	}
	var i decoder.Inst
	_ = decoder.Decode(m.code[m.env.RIP-m.start:], decoder.Mode(m.mode&tcg.ModeCode), &i)
	if interp.Run(m.env, m, b) != tcg.ResultNext {
		return false
	}
	n.bails[i.Op]++
	return true
}

// fill enters a data page in the TLB. It is false if it is there already: the access crosses pages.
func (n *native) fill(m *machine) bool {
	page := m.env.MemAddr &^ mmu.PageMask
	p := m.at(page, mmu.PageSize)
	if p == nil {
		m.vector = ended // the interpreter finds out
		return false
	}
	tlb := &m.env.TLB.Read
	if m.env.MemWrite != 0 {
		tlb = &m.env.TLB.Write
	}
	e := &tlb[mmu.IndexUser][mmu.TLBIndex(page)]
	if e.Page == page {
		return false
	}
	*e = mmu.EntryFor(page, uint64(uintptr(unsafe.Pointer(&p[0]))))
	return true
}
