package x86

import (
	"testing"

	"goemu/tcg"
)

// What VEX instructions need (SDM vol. 2A 2.4): CR4.OSXSAVE, SSE and AVX in XCR0, CR0.TS clear. CR0.EM and CR4.OSFXSR do not matter.
func TestCheckAVX(t *testing.T) {
	for _, tt := range []struct {
		name   string
		set    func(m *machine)
		vector int
	}{
		{"all there", func(m *machine) {}, -1},
		{"no OSXSAVE", func(m *machine) { m.pg.CR4 &^= cr4OSXSAVE }, vecUD},
		{"no AVX in XCR0", func(m *machine) { m.xcr0 = compX87 | compSSE }, vecUD},
		{"neither", func(m *machine) { m.xcr0 = compX87 }, vecUD},
		{"TS", func(m *machine) { m.pg.CR0 |= cr0TS }, vecNM},
		{"TS, no OSXSAVE", func(m *machine) { m.pg.CR0 |= cr0TS; m.pg.CR4 &^= cr4OSXSAVE }, vecUD},
		{"EM, no OSFXSR", func(m *machine) { m.pg.CR0 |= cr0EM; m.pg.CR4 &^= cr4OSFXSR }, -1},
	} {
		m := newMachine(t).sse()
		tt.set(m)
		m.updateFP()
		if ok := m.CheckAVX(); ok != (tt.vector < 0) || m.env.AVXOK != 0 != ok {
			t.Errorf("%s: CheckAVX %v, AVXOK %d", tt.name, ok, m.env.AVXOK)
		}
		if v, _ := m.fault(); v != tt.vector {
			t.Errorf("%s: exception %d, want %d", tt.name, v, tt.vector)
		}
	}
	m := newMachine(t).sse()
	m.env.MXCSR &^= 1 << 7
	m.UpdateFP()
	if m.env.AVXOK != 0 {
		t.Error("AVXOK with an unmasked exception")
	}
}

// XCR0 always has x87, AVX needs SSE, and nothing else than what CPUID shows can be set (SDM vol. 1 13.3).
func TestXSETBV(t *testing.T) {
	m := newMachine(t).sse()
	g := &m.env.GPR
	for v, ok := range map[uint64]bool{1: true, 3: true, 7: true, 5: false, 2: false, 0: false, 6: false, 0x10007: false, 1 << 63: false} {
		g[regCX], g[regAX], g[regDX] = 0, v&0xffff_ffff, v>>32
		old := m.xcr0
		if got := m.exec(0x0f, 0x01, 0xd1); got != ok || ok && m.xcr0 != v || !ok && m.xcr0 != old {
			t.Errorf("XSETBV %#x: %v, XCR0 %#x", v, got, m.xcr0)
		}
		m.fault()
	}
	m.msrWrite(t, msrXSS, 1, false)
	m.msrWrite(t, msrXSS, 0, true)
}

func (m *machine) msrWrite(t *testing.T, n uint32, v uint64, want bool) {
	t.Helper()
	if got := m.WriteMSR(n, v); got != want {
		t.Errorf("WRMSR %#x of %#x: %v, want %v", n, v, got, want)
	}
}

// Components in their initial configuration: not in XSTATE_BV, not written by XSAVEOPT and XSAVEC, written by XSAVE; XGETBV 1 shows
// them (SDM vol. 1 13.6 to 13.10).
func TestXSAVEInitial(t *testing.T) {
	m := newMachine(t).sse()
	m.xcr0 = compX87 | compSSE | compAVX
	g := &m.env.GPR
	const mark = 0x1122334455667788
	for _, tt := range []struct {
		name   string
		code   []byte
		writes bool
	}{
		{"XSAVE64", []byte{0x48, 0x0f, 0xae, 0x27}, true}, {"XSAVEOPT64", []byte{0x48, 0x0f, 0xae, 0x37}, false},
		{"XSAVEC64", []byte{0x48, 0x0f, 0xc7, 0x27}, false}, {"XSAVES64", []byte{0x48, 0x0f, 0xc7, 0x2f}, false},
	} {
		for k := uint64(0); k < 1024; k += 8 {
			m.put(dataAt+k, 8, mark)
		}
		m.put(dataAt+xsHeader, 8, compAVX|1<<40)
		g[regAX], g[regDX] = 7, 0
		if !m.exec(tt.code...) {
			t.Fatalf("%s faulted", tt.name)
		}
		bv := uint64(1 << 40)
		if tt.code[1] == 0x0f && tt.code[2] == 0xc7 {
			bv = 0
			if got := m.get(dataAt+xsHeader+8, 8); got != 7|compacted {
				t.Errorf("%s: XCOMP_BV %#x", tt.name, got)
			}
		}
		if got := m.get(dataAt+xsHeader, 8); got != bv {
			t.Errorf("%s: XSTATE_BV %#x, want %#x", tt.name, got, bv)
		}
		for _, off := range []uint64{fxRegs, fxXMM, xsExtended} {
			if wrote := m.get(dataAt+off, 8) != mark; wrote != tt.writes {
				t.Errorf("%s: component at %d written: %v", tt.name, off, wrote)
			}
		}
	}
	used := func() uint64 {
		g[regCX] = 1
		m.exec(0x0f, 0x01, 0xd0)
		return m.edxeax()
	}
	if got := used(); got != 0 {
		t.Errorf("in use %#x, want nothing", got)
	}
	m.env.YMMH[9][1] = 1
	if got := used(); got != compAVX {
		t.Errorf("in use %#x, want AVX", got)
	}
	setX87Word(m.env, fpCW, 0x27f)
	m.env.XMM[15] = tcg.Vec128{0, 1}
	if got := used(); got != 7 {
		t.Errorf("in use %#x, want all", got)
	}
}

// The compacted format leaves out what XCOMP_BV does not have, and XRSTORS takes no other.
func TestXRSTORS(t *testing.T) {
	m := newMachine(t).sse()
	m.xcr0 = xcr0Known & m.valid.xcr0
	g := &m.env.GPR
	m.env.YMMH[2] = tcg.Vec128{2, 22}
	g[regAX], g[regDX] = compAVX, 0
	if !m.exec(0x48, 0x0f, 0xc7, 0x2f) || m.get(dataAt+xsExtended+32, 8) != 2 {
		t.Fatal("XSAVES64")
	}
	m.env.YMMH[2] = tcg.Vec128{}
	g[regAX] = 7
	m.env.MXCSR = 0x1fc0
	if !m.exec(0x48, 0x0f, 0xc7, 0x1f) || m.env.YMMH[2] != (tcg.Vec128{2, 22}) || m.env.MXCSR != mxcsrInit || m.env.YMMUsed != tcg.YMMInUse {
		t.Errorf("XRSTORS64: YMMH2 %v MXCSR %#x", m.env.YMMH[2], m.env.MXCSR)
	}
	m.put(dataAt+xsHeader+8, 8, 0)
	m.exec(0x48, 0x0f, 0xc7, 0x1f)
	m.wantFault("XRSTORS of the standard format", vecGP, 0)
	m.cpl = 3
	m.exec(0x48, 0x0f, 0xc7, 0x1f)
	m.wantFault("XRSTORS at level 3", vecGP, 0)
}

// Outside 64-bit code VZEROALL clears eight registers.
func TestVZERO32(t *testing.T) {
	m := newMachine(t).protected32(0)
	m.pg.CR4 |= cr4OSXSAVE
	m.xcr0 = 7
	for i := range 16 {
		m.env.XMM[i], m.env.YMMH[i] = tcg.Vec128{1, 1}, tcg.Vec128{1, 1}
	}
	if !m.exec(0xc5, 0xf8, 0x77) || m.env.YMMH[7] != (tcg.Vec128{}) || m.env.XMM[7] == (tcg.Vec128{}) || m.env.YMMH[8] == (tcg.Vec128{}) {
		t.Error("VZEROUPPER")
	}
	if !m.exec(0xc5, 0xfc, 0x77) || m.env.XMM[7] != (tcg.Vec128{}) || m.env.XMM[8] == (tcg.Vec128{}) {
		t.Error("VZEROALL")
	}
}

// PKRU is at 2688 in the standard format, and follows what is there in the compacted one (SDM vol. 1 13.4.3).
func TestXSAVEPKRU(t *testing.T) {
	m := newMachine(t).sse()
	m.xcr0 = m.valid.xcr0
	g := &m.env.GPR
	m.env.YMMH[0] = tcg.Vec128{5, 6}
	for _, tt := range []struct {
		name          string
		save, restore []byte
		mask, at      uint64
	}{
		{"standard", []byte{0x48, 0x0f, 0xae, 0x27}, []byte{0x48, 0x0f, 0xae, 0x2f}, compAVX | compPKRU, 2688},
		{"compacted", []byte{0x48, 0x0f, 0xc7, 0x27}, []byte{0x48, 0x0f, 0xae, 0x2f}, compAVX | compPKRU, xsExtended + 256},
		{"compacted, alone", []byte{0x48, 0x0f, 0xc7, 0x2f}, []byte{0x48, 0x0f, 0xc7, 0x1f}, compPKRU, xsExtended},
	} {
		clear(m.ram[dataAt : dataAt+4096])
		m.setPKRU(0x5555_5550)
		g[regAX], g[regDX] = tt.mask, 0
		if !m.exec(tt.save...) || m.get(dataAt+tt.at, 8) != 0x5555_5550 || m.get(dataAt+xsHeader, 8) != tt.mask {
			t.Errorf("%s: XSTATE_BV %#x, PKRU %#x", tt.name, m.get(dataAt+xsHeader, 8), m.get(dataAt+tt.at, 8))
		}
		m.setPKRU(0)
		if !m.exec(tt.restore...) || m.pg.PKRU != 0x5555_5550 || m.env.YMMH[0] != (tcg.Vec128{5, 6}) {
			t.Errorf("%s: restored PKRU %#x, YMMH0 %v", tt.name, m.pg.PKRU, m.env.YMMH[0])
		}
		m.put(dataAt+xsHeader, 8, 0)
		if !m.exec(tt.restore...) || m.pg.PKRU != 0 {
			t.Errorf("%s: initial PKRU %#x", tt.name, m.pg.PKRU)
		}
		m.env.YMMH[0] = tcg.Vec128{5, 6}
	}
}
