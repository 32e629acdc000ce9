package x86

import "testing"

// RDRAND and RDSEED set C and clear the other arithmetic flags; a 16-bit one leaves the rest of the register alone.
func TestRDRAND(t *testing.T) {
	n := uint64(0)
	m := newMachine(t, func(o *Options) { o.Random = func() uint64 { n++; return 0x1111_2222_3333_4444 * n } }).long(3)
	for _, c := range []struct {
		code []byte
		want uint64
	}{
		{[]byte{0x0f, 0xc7, 0xf0}, 0x3333_4444},
		{[]byte{0x48, 0x0f, 0xc7, 0xf0}, 0x2222_4444_6666_8888},
		{[]byte{0x66, 0x0f, 0xc7, 0xf8}, 0xffff_ffff_ffff_cccc}, // RDSEED
	} {
		m.env.GPR[regAX] = ^uint64(0)
		m.SetFlags(flagsArith&^flagCF | flagDF)
		if !m.exec(c.code...) || m.env.GPR[regAX] != c.want || m.Flags()&(flagsArith|flagDF) != flagCF|flagDF {
			t.Errorf("% x: RAX %#x, flags %#x", c.code, m.env.GPR[regAX], m.Flags())
		}
	}
}

// Without a generator of its own the CPU takes the host's, which does not repeat.
func TestRDRANDOfHost(t *testing.T) {
	m := newMachine(t).long(0)
	seen := map[uint64]bool{}
	for range 200 {
		m.exec(0x48, 0x0f, 0xc7, 0xf0)
		if v := m.env.GPR[regAX]; seen[v] || v == 0 {
			t.Fatalf("%#x twice", v)
		} else {
			seen[v] = true
		}
	}
}

// RDFSBASE and its kin need CR4.FSGSBASE, run at any level, and take canonical bases only.
func TestFSGSBASE(t *testing.T) {
	wrfs := []byte{0xf3, 0x48, 0x0f, 0xae, 0xd0} // WRFSBASE RAX
	rdgs := []byte{0xf3, 0x48, 0x0f, 0xae, 0xc9} // RDGSBASE RCX
	m := newMachine(t).long(3)
	m.exec(wrfs...)
	m.wantFault("WRFSBASE without CR4.FSGSBASE", vecUD, 0)
	m.exec(rdgs...)
	m.wantFault("RDGSBASE without CR4.FSGSBASE", vecUD, 0)
	m.pg.CR4 |= cr4FSGSBASE
	g := &m.env.GPR
	g[regAX] = 0xffff_8000_1234_5678
	if !m.exec(wrfs...) || m.Segment(segFS).Base != g[regAX] || m.env.SegBase[segFS] != g[regAX] {
		t.Errorf("WRFSBASE: base %#x", m.Segment(segFS).Base)
	}
	if m.exec(0xf3, 0x0f, 0xae, 0xd8); m.Segment(segGS).Base != 0x1234_5678 { // WRGSBASE EAX
		t.Errorf("WRGSBASE of 32 bits: base %#x", m.Segment(segGS).Base)
	}
	if m.exec(rdgs...); g[regCX] != 0x1234_5678 {
		t.Errorf("RDGSBASE: %#x", g[regCX])
	}
	if m.exec(0xf3, 0x0f, 0xae, 0xc1); g[regCX] != 0x1234_5678 { // RDFSBASE ECX
		t.Errorf("RDFSBASE of 32 bits: %#x", g[regCX])
	}
	g[regAX] = 1 << 47
	m.exec(wrfs...)
	m.wantFault("WRFSBASE of an address that is not canonical", vecGP, 0)
}

func TestRDPID(t *testing.T) {
	m := newMachine(t).long(3)
	m.msr.tscAux = 0x1234_5678
	m.env.GPR[regCX] = ^uint64(0)
	if !m.exec(0xf3, 0x0f, 0xc7, 0xf9) || m.env.GPR[regCX] != 0x1234_5678 {
		t.Errorf("RCX %#x", m.env.GPR[regCX])
	}
}

var (
	monitorCode = []byte{0x0f, 0x01, 0xc8}
	mwaitCode   = []byte{0x0f, 0x01, 0xc9}
)

// The checks of MONITOR and MWAIT (SDM vol. 2B): level 0, rCX, and that the address can be read.
func TestMonitorFaults(t *testing.T) {
	for _, c := range []struct {
		name    string
		cpl     int
		code    []byte
		ax, cx  uint64
		vector  int
		errCode uint32
	}{
		{"MONITOR", 0, monitorCode, dataAt, 0, -1, 0},
		{"MONITOR at level 3", 3, monitorCode, dataAt, 0, vecUD, 0},
		{"MONITOR with an extension", 0, monitorCode, dataAt, 1, vecGP, 0},
		{"MONITOR with RCX above 32 bits", 0, monitorCode, dataAt, 1 << 32, vecGP, 0},
		{"MONITOR of an address that is not canonical", 0, monitorCode, 1 << 62, 0, vecGP, 0},
		{"MONITOR of an absent page", 0, monitorCode, 1 << 30, 0, vecPF, 0},
		{"MWAIT", 0, mwaitCode, 0, 0, -1, 0},
		{"MWAIT with masked interrupts", 0, mwaitCode, 0, 1, -1, 0},
		{"MWAIT at level 3", 3, mwaitCode, 0, 0, vecUD, 0},
		{"MWAIT with another extension", 0, mwaitCode, 0, 2, vecGP, 0},
	} {
		m := newMachine(t).long(c.cpl)
		m.env.GPR[regAX], m.env.GPR[regCX] = c.ax, c.cx
		m.exec(c.code...)
		m.wantFault(c.name, c.vector, c.errCode)
		if m.Halted() {
			t.Errorf("%s: halted, without a monitor", c.name)
		}
	}
}

// MWAIT waits for an interrupt or a change of the line, and not at all when that came before.
func TestMWAIT(t *testing.T) {
	m := newMachine(t).long(0)
	m.env.GPR[regAX] = dataAt + 5
	m.exec(monitorCode...)
	m.exec(mwaitCode...)
	if !m.Halted() {
		t.Error("does not wait")
	}
	m.MaskedInterrupt()
	if !m.Halted() {
		t.Error("a masked interrupt ends the wait")
	}
	m.put(dataAt+0x40, 1, 1)
	if !m.Halted() {
		t.Error("a store to the next line ends the wait")
	}
	m.put(dataAt+0x3f, 1, 1)
	if m.Halted() {
		t.Error("a store to the line does not end the wait")
	}
	m.exec(mwaitCode...)
	if m.Halted() {
		t.Error("waits with a monitor that has been used up")
	}
	m.exec(monitorCode...)
	m.put(dataAt, 1, 0xff)
	m.exec(mwaitCode...)
	if m.Halted() {
		t.Error("waits after a store to the line")
	}
	m.exec(monitorCode...)
	m.env.GPR[regCX] = 1
	m.exec(mwaitCode...)
	if !m.Halted() {
		t.Error("with the extension does not wait")
	}
	m.MaskedInterrupt()
	if m.Halted() {
		t.Error("a masked interrupt does not end the wait that asked for it")
	}
}
