package interp

import (
	"encoding/binary"
	"fmt"
	"testing"

	"goemu/tcg"
)

// cmpxchg2Block is CMPXCHG8B or CMPXCHG16B of [RSP].
func cmpxchg2Block(w tcg.Width) *tcg.Block {
	b := &tcg.Block{Key: tcg.Key{RIP: 0x1000, Mode: tcg.ModeCode64 | tcg.ModeFlat}}
	var bd tcg.Builder
	bd.Reset(b)
	bd.Insn(0x1000, 5)
	bd.Cmpxchg2(w, tcg.Mem{Base: tcg.Reg(4), Seg: tcg.SegNone, AddrW: tcg.W64}, true)
	bd.Jmp(0x1005)
	return b
}

// CMPXCHG8B and CMPXCHG16B exchange or load, write in any case, and change Z alone; by way of the TLB and without.
func TestCmpxchg2(t *testing.T) {
	for _, w := range []tcg.Width{tcg.W32, tcg.W64} {
		for _, fill := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d bits, TLB %v", 2*w.Bits(), fill), func(t *testing.T) {
				m := newMachine()
				m.fillTLB = fill
				n := w.Bytes()
				at := m.ram[0x100:]
				put := func(lo, hi uint64) {
					binary.LittleEndian.PutUint64(at, lo|hi<<(8*n%64))
					if n == 8 {
						binary.LittleEndian.PutUint64(at, lo)
						binary.LittleEndian.PutUint64(at[8:], hi)
					}
				}
				put(1, 2)
				const upper = 0xabcd_0000_0000 // of registers, which CMPXCHG8B does not compare
				g := &m.env.GPR
				*g = [16]uint64{1, 4, 2, 3, ramBase + 0x100}
				if n == 4 {
					g[0] |= upper
				}
				m.env.CC = tcg.CCFixed | tcg.CCC | tcg.CCO
				if Run(m.env, m, cmpxchg2Block(w)) != tcg.ResultNext || m.env.CC != tcg.CCFixed|tcg.CCC|tcg.CCO|tcg.CCZ || at[0] != 3 || at[n] != 4 {
					t.Errorf("equal: flags %x, memory % x", m.env.CC, at[:2*n])
				}
				if n == 4 && g[0] != 1|upper {
					t.Errorf("equal: RAX %x", g[0])
				}
				if Run(m.env, m, cmpxchg2Block(w)) != tcg.ResultNext || m.env.CC != tcg.CCFixed|tcg.CCC|tcg.CCO || g[0] != 3 || g[2] != 4 || at[0] != 3 {
					t.Errorf("different: flags %x, RAX %x, RDX %x, memory % x", m.env.CC, g[0], g[2], at[:2*n])
				}
			})
		}
	}
}

// CMPXCHG16B looks at the alignment before it looks whether the address is canonical, as AMD's processors do.
func TestCmpxchg16Faults(t *testing.T) {
	for _, tt := range []struct {
		rsp  uint64
		want string
	}{{1 << 62, "not canonical 0x4000000000000000 stack=true"}, {1<<62 + 8, "vector 13"}, {ramBase + 8, "vector 13"}, {ramBase, ""}} {
		m := newMachine()
		m.env.GPR[4] = tt.rsp
		Run(m.env, m, cmpxchg2Block(tcg.W64))
		if m.fault != tt.want {
			t.Errorf("[%#x]: %q, want %q", tt.rsp, m.fault, tt.want)
		}
	}
}
