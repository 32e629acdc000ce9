package x86

import (
	"bytes"
	_ "embed"
	"encoding/binary"
	"testing"

	"goemu/tcg"
)

// fxGolden was recorded on a real processor: see testdata/fxsave.asm.
//
//go:embed testdata/fxsave.golden
var fxGolden []byte

// sse turns on SSE and XSAVE.
func (m *machine) sse() *machine {
	m.long(0)
	m.writeCR(4, cr4PAE|cr4OSFXSR|cr4OSXSAVE)
	m.xcr0 = xcr0Known
	m.env.GPR[regDI] = dataAt
	return m
}

func TestFXSAVEAgainstSilicon(t *testing.T) {
	m := newMachine(t).sse()
	for p, n := fxGolden, 0; len(p) > 0; p, n = p[728:], n+1 {
		image, area, again := p[:108], p[108:620], p[620:728]
		resetX87(m.env)
		copy(m.env.X87[:], image)
		clear(m.ram[dataAt : dataAt+512])
		if !m.exec(0x48, 0x0f, 0xae, 0x07) { // FXSAVE64 [RDI]
			t.Fatal("FXSAVE64 faulted")
		}
		got := m.ram[dataAt : dataAt+512]
		if !bytes.Equal(got[:5], area[:5]) {
			t.Errorf("image %d: control, status, tags % x, want % x", n, got[:5], area[:5])
		}
		if !bytes.Equal(got[fxRegs:fxXMM], area[fxRegs:fxXMM]) {
			t.Errorf("image %d: registers differ", n)
		}
		copy(m.ram[dataAt:], area)
		binary.LittleEndian.PutUint32(m.ram[dataAt+fxMXCSR:], mxcsrInit)
		resetX87(m.env)
		if !m.exec(0x48, 0x0f, 0xae, 0x0f) {
			t.Fatal("FXRSTOR64 faulted")
		}
		if !bytes.Equal(m.env.X87[:10], again[:10]) || !bytes.Equal(m.env.X87[fpRegs:fpSaveSize], again[fpRegs:]) {
			t.Errorf("image %d: FXRSTOR gives % x, want % x", n, m.env.X87[:12], again[:12])
		}
	}
}

func TestFXSAVELayout(t *testing.T) {
	m := newMachine(t).sse()
	for k := range 16 {
		m.env.XMM[k] = tcg.Vec128{uint64(k), ^uint64(k)}
	}
	m.env.MXCSR = 0x9fc0
	m.put(dataAt+fxUsed, 8, 0x5555)
	m.exec(0x48, 0x0f, 0xae, 0x07)
	for k := range uint64(16) {
		if m.get(dataAt+fxXMM+16*k, 8) != k || m.get(dataAt+fxXMM+16*k+8, 8) != ^k {
			t.Errorf("XMM%d", k)
		}
	}
	if m.get(dataAt+fxMXCSR, 4) != 0x9fc0 || m.get(dataAt+fxMask, 4) != mxcsrKnown || m.get(dataAt+fxUsed, 8) != 0x5555 {
		t.Error("MXCSR, its mask or the bytes after the registers")
	}
	m.env.GPR[regDI]++
	m.exec(0x48, 0x0f, 0xae, 0x07)
	m.wantFault("misaligned FXSAVE", vecGP, 0)
	m.env.GPR[regDI]--
	m.put(dataAt+fxMXCSR, 4, 1<<16)
	m.exec(0x48, 0x0f, 0xae, 0x0f)
	m.wantFault("reserved MXCSR bit", vecGP, 0)
	m.pg.CR0 |= cr0TS
	m.exec(0x0f, 0xae, 0x07)
	m.wantFault("FXSAVE with TS", vecNM, 0)
}

// SDM vol. 1 13.7 and 13.8.
func TestXSAVE(t *testing.T) {
	m := newMachine(t).sse()
	g := &m.env.GPR
	m.env.XMM[3] = tcg.Vec128{3, 33}
	m.env.MXCSR = 0x1f80 | 0x8000
	clear(m.ram[dataAt : dataAt+1024])
	g[regAX], g[regDX] = compSSE, 0
	if !m.exec(0x48, 0x0f, 0xae, 0x27) {
		t.Fatal("XSAVE64 faulted")
	}
	if m.get(dataAt+xsHeader, 8) != compSSE || m.get(dataAt+fxCW, 2) != 0 || m.get(dataAt+fxXMM+48, 8) != 3 {
		t.Errorf("header %#x", m.get(dataAt+xsHeader, 8))
	}
	m.env.XMM[3], m.env.MXCSR = tcg.Vec128{}, mxcsrInit
	setX87Word(m.env, fpCW, 0x27f)
	g[regAX] = compSSE | compX87
	if !m.exec(0x48, 0x0f, 0xae, 0x2f) {
		t.Fatal("XRSTOR64 faulted")
	}
	if m.env.XMM[3] != (tcg.Vec128{3, 33}) || m.env.MXCSR != 0x9f80 || x87Word(m.env, fpCW) != 0x37f {
		t.Errorf("XMM3 %v MXCSR %#x CW %#x", m.env.XMM[3], m.env.MXCSR, x87Word(m.env, fpCW))
	}
	for _, tt := range []struct {
		name string
		off  uint64
		v    uint64
	}{{"XSTATE_BV not in XCR0", 0, 8}, {"XCOMP_BV", 8, 1}, {"reserved header", 16, 1}} {
		old := m.get(dataAt+xsHeader+tt.off, 8)
		m.put(dataAt+xsHeader+tt.off, 8, tt.v)
		m.exec(0x48, 0x0f, 0xae, 0x2f)
		m.wantFault(tt.name, vecGP, 0)
		m.put(dataAt+xsHeader+tt.off, 8, old)
	}
	g[regDI] += 16
	m.exec(0x48, 0x0f, 0xae, 0x27)
	m.wantFault("alignment 64", vecGP, 0)
	g[regCX], g[regAX], g[regDX] = 0, 2, 0
	m.exec(0x0f, 0x01, 0xd1)
	m.wantFault("XSETBV without x87", vecGP, 0)
	m.pg.CR4 &^= cr4OSXSAVE
	m.exec(0x0f, 0x01, 0xd0)
	m.wantFault("XGETBV without OSXSAVE", vecUD, 0)
}

// The environment in its four formats (SDM vol. 1 figures 8-9 to 8-12) goes out and comes back.
func TestEnvironmentFormats(t *testing.T) {
	for _, tt := range []struct {
		name string
		set  func(m *machine)
		code []byte
		size int
		want map[uint64]uint64 // word offset: contents
	}{
		{"32-bit protected", func(m *machine) { m.protected32(0) }, []byte{}, 28, map[uint64]uint64{12: 0x79b8, 14: 0x0014, 16: 0, 18: 0x5d9, 20: 0x45d1, 22: 8, 24: 0, 26: 0xffff}},
		{"16-bit protected", func(m *machine) { m.protected32(0) }, []byte{0x66}, 14, map[uint64]uint64{6: 0x79b8, 8: 0, 10: 0x45d1, 12: 0}},
		{"16-bit real", func(m *machine) { m.real16() }, []byte{0x67}, 14, map[uint64]uint64{6: 0x79b8, 8: 0x45d9, 10: 0x45d1, 12: 0x8000}},
		{"32-bit real", func(m *machine) { m.real16() }, []byte{0x67, 0x66}, 28, map[uint64]uint64{12: 0x79b8, 16: 0x45d9, 18: 0x1, 20: 0x45d1, 24: 0x8000, 26: 0}},
	} {
		m := newMachine(t)
		tt.set(m)
		e := m.env
		e.X87IP, e.X87DP, e.X87Op = 0x14_79b8, 0x8_45d1, 0x5d9
		m.env.GPR[regDI] = 0x6000
		if !m.exec(append(tt.code, 0xd9, 0x37)...) { // FNSTENV [EDI]
			t.Fatalf("%s: FNSTENV faulted", tt.name)
		}
		for off, w := range tt.want {
			if got := m.get(0x6000+off, 2); got != w {
				t.Errorf("%s: word at %d is %#x, want %#x", tt.name, off, got, w)
			}
		}
		if x87Word(m.env, fpCW)&0x3f != 0x3f {
			t.Errorf("%s: FNSTENV must mask all exceptions", tt.name)
		}
		saved, ip, dp := e.X87, e.X87IP, e.X87DP
		m.exec(0xdb, 0xe3) // FNINIT
		if !m.exec(append(tt.code, 0xd9, 0x27)...) {
			t.Fatalf("%s: FLDENV faulted", tt.name)
		}
		if e.X87 != saved {
			t.Errorf("%s: FLDENV gives % x, want % x", tt.name, e.X87[:28], saved[:28])
		}
		if tt.size == 28 && (e.X87IP != ip || e.X87DP != dp || e.X87Op != 0x5d9) {
			t.Errorf("%s: FLDENV gives %#x %#x %#x", tt.name, e.X87IP, e.X87DP, e.X87Op)
		}
	}
}

func TestX87AndSSEPermission(t *testing.T) {
	m := newMachine(t).sse()
	if m.env.SSEOK != 1 || m.env.X87OK != 1 {
		t.Error("not ready after reset")
	}
	m.put(dataAt, 4, 0x1f00) // invalid operation unmasked
	m.exec(0x0f, 0xae, 0x17)
	if m.env.SSEOK != 0 || m.env.MXCSR != 0x1f00 {
		t.Error("unmasked MXCSR runs natively")
	}
	m.put(dataAt, 4, 0x37e)
	m.exec(0xd9, 0x2f) // FLDCW
	if m.env.X87OK != 0 {
		t.Error("unmasked control word runs natively")
	}
	// A pending exception that becomes unmasked sets ES; the next waiting instruction reports it.
	setX87Word(m.env, fpSW, 1)
	m.exec(0xd9, 0x2f)
	m.pg.CR0 |= cr0NE
	if m.CheckFPU(true) {
		t.Error("no #MF")
	}
	m.wantFault("waiting instruction", vecMF, 0)
	if !m.CheckFPU(false) {
		t.Error("a non-waiting instruction faults")
	}
	m.pg.CR0 &^= cr0NE
	if m.CheckFPU(true) || m.Pending() || !m.bus.ferr {
		t.Error("with NE clear FERR reports the error")
	}
	m.exec(0xdb, 0xe2) // FNCLEX
	if !m.CheckFPU(true) || m.bus.ferr {
		t.Error("FNCLEX does not clear the error")
	}
	m.writeCR(0, m.pg.CR0|cr0TS)
	if m.env.SSEOK != 0 || m.env.X87OK != 0 {
		t.Error("TS does not stop native FP")
	}
	m.CheckSSE(false)
	m.wantFault("SSE with TS", vecNM, 0)
	m.exec(0x0f, 0x06) // CLTS
	m.pg.CR4 &^= cr4OSFXSR
	m.CheckSSE(false)
	m.wantFault("SSE without OSFXSR", vecUD, 0)
}

func TestMASKMOVDQU(t *testing.T) {
	m := newMachine(t).sse()
	m.env.XMM[0] = tcg.Vec128{0x0807060504030201, 0x100f0e0d0c0b0a09}
	m.env.XMM[1] = tcg.Vec128{0x80, 0x8000000000000000}
	clear(m.ram[dataAt : dataAt+16])
	m.exec(0x66, 0x0f, 0xf7, 0xc1)
	if m.get(dataAt, 8) != 1 || m.get(dataAt+8, 8) != 0x1000000000000000 {
		t.Errorf("%x %x", m.get(dataAt, 8), m.get(dataAt+8, 8))
	}
	m.env.XMM[1] = tcg.Vec128{}
	m.env.GPR[regDI] = 0x100_0000
	if !m.exec(0x66, 0x0f, 0xf7, 0xc1) {
		t.Error("an empty mask accesses memory")
	}
}

// The example of the manual that every implementation quotes: CRC32-C of "123456789" is E3069283H.
func TestCRC32(t *testing.T) {
	m := newMachine(t).sse()
	m.env.GPR[regAX] = 0xffff_ffff
	for _, b := range []byte("123456789") {
		m.env.GPR[regDX] = uint64(b)
		if !m.exec(0xf2, 0x0f, 0x38, 0xf0, 0xc2) {
			t.Fatal("CRC32 faulted")
		}
	}
	if got := ^uint32(m.env.GPR[regAX]); got != 0xe306_9283 {
		t.Errorf("%#x", got)
	}
}
