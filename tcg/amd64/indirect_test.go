//go:build linux && amd64

package amd64

import (
	"testing"

	"goemu/tcg"
)

// cached enters a block in the jump cache.
func (m *machine) cached(c *Code) {
	m.env.JumpCache[tcg.JumpIndex(c.RIP)] = tcg.JumpEntry{RIP: c.RIP, Mode: uint64(tcg.ModeCode64), Code: uint64(c.Entry)}
}

// An indirect jump asks for each new target until it knows enough; then the jump cache decides. A target that it knows is
// taken through the jump cache as well, so that a flushed entry is not jumped to.
func TestLearn(t *testing.T) {
	m := newMachine(t, Options{})
	c := m.compile(m.block(tcg.Op{Code: tcg.JmpInd, W: tcg.W64, A: tcg.Reg(0)}))
	site := len(c.Edges) - 1
	targets := []uint64{0x5000, 0x6010, 0x7fff_1234_5020, 0xffff_ffff_8100_0030, 0x9040, 0xa050, 0xb060, 0xc070}
	blocks := map[uint64]*Code{}
	for _, a := range targets {
		blocks[a] = m.compile(m.blockAt(a, tcg.ModeCode64, incRCX))
	}
	for n, a := range targets {
		m.env.GPR[0], m.env.GPR[1] = a, 0
		want := uint32(tcg.ExitLearn)
		if n >= maxLearned {
			want = tcg.ExitLookup
		}
		if code := m.run(c.Entry); code != want || m.env.RIP != a {
			t.Fatalf("target %d: exit %d to %#x", n, code, m.env.RIP)
		}
		m.e.Learn(c, site, a)
		if code := m.run(c.Entry); code != tcg.ExitLookup || m.env.RIP != a {
			t.Errorf("target %d, not in the jump cache: exit %d to %#x", n, code, m.env.RIP)
		}
		m.cached(blocks[a])
		if m.run(c.Entry); m.env.RIP != a+4 || m.env.GPR[1] != 1 {
			t.Errorf("target %d: went to %#x, RCX %d", n, m.env.RIP, m.env.GPR[1])
		}
	}
	for _, a := range targets { // in every order
		m.env.GPR[0] = a
		if m.run(c.Entry); m.env.RIP != a+4 {
			t.Errorf("%#x: went to %#x", a, m.env.RIP)
		}
	}
}

// call is a block that calls target (its return address is not in guest memory here); ret one that returns to RDX.
func (m *machine) callBlock(at, target uint64) *Code {
	return m.compile(m.blockAt(at, tcg.ModeCode64, tcg.Op{Code: tcg.Jmp, W: tcg.W64, Imm: int64(target), Link: tcg.LinkCall, Disp: int64(at + 4)}))
}

func (m *machine) retBlock(at uint64) *Code {
	return m.compile(m.blockAt(at, tcg.ModeCode64, tcg.Op{Code: tcg.JmpInd, W: tcg.W64, A: tcg.Reg(2), Link: tcg.LinkRet}))
}

// A return goes to the newest call's return address without a look-up; to any other through the jump cache, and never
// further than where the guest says.
func TestReturns(t *testing.T) {
	m := newMachine(t, Options{})
	ret := m.retBlock(codeRIP + 0x100)
	m.cached(ret)
	call := m.callBlock(codeRIP, codeRIP+0x100)
	m.e.Link(call, 0, ret, ret.RIP)
	back := m.compile(m.blockAt(codeRIP+4, tcg.ModeCode64, incRCX))
	for i, ed := range call.Edges {
		if ed.Target == back.RIP {
			m.e.Link(call, i, back, back.RIP)
		}
	}
	m.env.GPR[1], m.env.GPR[2] = 0, back.RIP
	if code := m.run(call.Entry); code != tcg.ExitLookup || m.env.RIP != back.RIP+4 || m.env.GPR[1] != 1 {
		t.Errorf("paired return: exit %d at %#x", code, m.env.RIP)
	}
	if m.env.ShadowSP != m.env.ShadowTop {
		t.Errorf("%d bytes are left on the stack of returns", m.env.ShadowTop-m.env.ShadowSP)
	}
	for _, other := range []uint64{0x7777, noReturn} {
		m.env.GPR[2] = other
		if code := m.run(call.Entry); code != tcg.ExitLookup || m.env.RIP != other {
			t.Errorf("return to %#x: exit %d at %#x", other, code, m.env.RIP)
		}
		m.env.DropReturns()
		if code := m.run(ret.Entry); code != tcg.ExitLookup || m.env.RIP != other {
			t.Errorf("return to %#x without a call: exit %d at %#x", other, code, m.env.RIP)
		}
		m.env.DropReturns()
	}
}

// Calls without end do not overrun the stack of returns.
func TestDeepCalls(t *testing.T) {
	m := newMachine(t, Options{})
	const depth = 3 * tcg.ShadowSlots
	b := m.blockAt(codeRIP, tcg.ModeCode64,
		tcg.Op{Code: tcg.Sub, W: tcg.W64, Dst: tcg.Reg(1), A: tcg.Reg(1), B: tcg.RefImm, Imm: 1},
		tcg.Op{Code: tcg.Jnz, W: tcg.W64, A: tcg.Reg(1), Imm: codeRIP + 0x10, Disp: codeRIP + 0x20})
	loop := m.compile(b)
	again := m.callBlock(codeRIP+0x10, codeRIP)
	m.e.Link(again, 0, loop, codeRIP)
	for i, ed := range loop.Edges {
		if ed.Target == again.RIP {
			m.e.Link(loop, i, again, again.RIP)
		}
	}
	m.env.GPR[1] = depth
	if code := m.run(loop.Entry); code != tcg.ExitEdge || m.env.RIP != codeRIP+0x20 || m.env.GPR[1] != 0 {
		t.Errorf("exit %d at %#x with %d calls to go", code, m.env.RIP, m.env.GPR[1])
	}
	if m.env.ShadowSP < m.env.ShadowLow-16 || m.env.ShadowSP > m.env.ShadowTop {
		t.Errorf("the stack pointer %#x has left %#x to %#x", m.env.ShadowSP, m.env.ShadowLow, m.env.ShadowTop)
	}
}
