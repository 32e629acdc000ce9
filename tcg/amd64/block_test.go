//go:build linux && amd64

package amd64

import (
	"testing"

	"goemu/tcg"
)

func TestMoveAndAdd(t *testing.T) {
	m := newMachine(t, Options{})
	for i := range m.env.GPR {
		m.env.GPR[i] = uint64(i) * 0x1111_1111_1111
	}
	want := m.env.GPR
	want[0] += want[10]
	want[11] += 5
	want[3] = want[14]
	code := m.do(
		tcg.Op{Code: tcg.Add, W: tcg.W64, SetF: true, Dst: tcg.Reg(0), A: tcg.Reg(0), B: tcg.Reg(10)},
		tcg.Op{Code: tcg.Add, W: tcg.W64, SetF: true, Dst: tcg.Reg(11), A: tcg.Reg(11), B: tcg.RefImm, Imm: 5},
		tcg.Op{Code: tcg.Mov, W: tcg.W64, Dst: tcg.Reg(3), A: tcg.Reg(14)},
	)
	if code != tcg.ExitLookup || m.env.RIP != codeRIP+4 {
		t.Fatalf("exit %d at %#x", code, m.env.RIP)
	}
	if m.env.GPR != want {
		t.Errorf("got %#x\nwant %#x", m.env.GPR, want)
	}
}

func TestLoadStoreMiss(t *testing.T) {
	m := newMachine(t, Options{})
	m.env.GPR[3] = ramBase + 0x10
	m.env.GPR[0] = 0x1122334455667788
	code := m.do(
		tcg.Op{Code: tcg.St, W: tcg.W64, AddrW: tcg.W64, Seg: tcg.SegNone, A: tcg.Reg(3), C: tcg.Reg(0), Disp: 8},
		tcg.Op{Code: tcg.Ld, W: tcg.W32, AddrW: tcg.W64, Seg: tcg.SegNone, A: tcg.Reg(3), Dst: tcg.Reg(11), Disp: 10},
	)
	if code != tcg.ExitLookup || m.env.GPR[11] != 0x33445566 || m.misses != 2 {
		t.Fatalf("exit %d, R11 %#x, %d misses", code, m.env.GPR[11], m.misses)
	}
}

func TestCountedLoop(t *testing.T) {
	m := newMachine(t, Options{})
	m.env.GPR[1] = 1000
	c := m.compile(m.block(
		tcg.Op{Code: tcg.Add, W: tcg.W64, SetF: true, Dst: tcg.Reg(0), A: tcg.Reg(0), B: tcg.Reg(1)},
		tcg.Op{Code: tcg.Sub, W: tcg.W64, SetF: true, Dst: tcg.Reg(1), A: tcg.Reg(1), B: tcg.RefImm, Imm: 1},
		tcg.Op{Code: tcg.Jcc, Cond: tcg.CondNE, Imm: codeRIP, Disp: codeRIP + 4},
	))
	if code := m.run(c.Entry); code != tcg.ExitEdge || m.env.RIP != codeRIP+4 || m.env.GPR[0] != 500500 {
		t.Fatalf("exit %d at %#x, RAX %d", code, m.env.RIP, m.env.GPR[0])
	}
	if m.env.CC>>8&0xd5 != 0x44 || m.env.CC&1 != 0 {
		t.Errorf("CC %#x", m.env.CC)
	}
}
