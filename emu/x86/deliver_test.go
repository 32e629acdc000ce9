package x86

import (
	"testing"

	"goemu/tcg"
)

func TestRealModeInterrupt(t *testing.T) {
	m := newMachine(t).real16()
	m.put(0x21*4, 4, 0x1234_5678)
	m.SetFlags(flagIF | flagCF | flagTF)
	m.seg[segCS].Selector, m.seg[segCS].Base = 0x7c0, 0x7c00
	m.update()
	m.env.RIP = 0x10
	if !m.exec(0xcd, 0x21) {
		t.Fatal("INT faulted")
	}
	if m.env.RIP != 0x5678 || m.seg[segCS].Selector != 0x1234 || m.seg[segCS].Base != 0x12340 {
		t.Errorf("at %#x:%#x", m.seg[segCS].Selector, m.env.RIP)
	}
	if m.get(0x6ffa, 2) != 0x12 || m.get(0x6ffc, 2) != 0x7c0 || m.get(0x6ffe, 2) != flagFixed|flagIF|flagCF|flagTF || m.env.GPR[regSP] != 0x6ffa {
		t.Errorf("frame %#x, SP %#x", m.get(0x6ffa, 6), m.env.GPR[regSP])
	}
	if m.Flags()&(flagIF|flagTF) != 0 {
		t.Errorf("flags %#x", m.Flags())
	}
	// IRET takes it back.
	if !m.exec(0xcf) || m.env.RIP != 0x12 || m.seg[segCS].Base != 0x7c00 || m.Flags() != flagFixed|flagIF|flagCF|flagTF || m.env.GPR[regSP] != 0x7000 {
		t.Errorf("IRET: RIP %#x flags %#x SP %#x", m.env.RIP, m.Flags(), m.env.GPR[regSP])
	}
}

func TestRealModeLimits(t *testing.T) {
	m := newMachine(t).real16()
	m.idtr.Limit = 0x21*4 + 2
	m.exec(0xcd, 0x21)
	m.wantFault("vector beyond the IVT's limit", vecGP, 0)
	m.real16()
	m.env.GPR[regSP] = 1
	m.exec(0xcd, 0x20)
	m.wantFault("push with SP 1", vecSS, 0)
	m.env.GPR[regSI] = 0xffff
	m.env.GPR[regSP] = 0x7000
	m.exec(0xad) // LODSW
	m.wantFault("word at FFFF", vecGP, 0)
	if m.env.GPR[regSP] != 0x7000 {
		t.Error("SP changed")
	}
}

// frames checks what delivery pushes in each mode and how the stack is found.
func TestProtectedDelivery(t *testing.T) {
	for _, tt := range []struct {
		name   string
		cpl    int
		typ    uint64
		vector int
		code   uint32
		kind   eventKind
		want   []uint64 // from the top of the stack down
		sp     uint64   // where the frame begins
		ifOn   bool
	}{
		{"same level, interrupt gate", 0, typeInt32, 32, 0, evExternal, []uint64{codeAt, selCode32, flagFixed | flagIF}, stackAt, false},
		{"same level, trap gate", 0, typeTrap32, 32, 0, evExternal, []uint64{codeAt, selCode32, flagFixed | flagIF}, stackAt, true},
		{"same level, error code", 0, typeInt32, vecGP, 0x18, evFault, []uint64{0x18, codeAt, selCode32, flagFixed | flagIF | flagRF}, stackAt, false},
		{"inner level", 3, typeInt32, 32, 0, evExternal, []uint64{codeAt, selUCode32, flagFixed | flagIF, stackAt, selUData}, stack0, false},
		{"inner level, error code", 3, typeInt32, vecPF, 6, evFault, []uint64{6, codeAt, selUCode32, flagFixed | flagIF | flagRF, stackAt, selUData}, stack0, false},
		{"INT of a vector with error code pushes none", 0, typeInt32, vecGP, 0, evSoft, []uint64{codeAt, selCode32, flagFixed | flagIF}, stackAt, false},
	} {
		m := newMachine(t).protected32(tt.cpl)
		m.gate(tt.vector, selCode32, 0x1234_5678, tt.typ, 3, 0)
		m.SetFlags(flagIF)
		m.dispatch(event{set: true, kind: tt.kind, vector: tt.vector, code: tt.code, rip: codeAt})
		if m.env.RIP != 0x1234_5678 || m.seg[segCS].Selector != selCode32 || m.cpl != 0 {
			t.Errorf("%s: at %#x:%#x CPL %d", tt.name, m.seg[segCS].Selector, m.env.RIP, m.cpl)
		}
		sp := m.env.GPR[regSP]
		if want := tt.sp - 4*uint64(len(tt.want)); sp != want {
			t.Fatalf("%s: ESP %#x, want %#x", tt.name, sp, want)
		}
		for k, w := range tt.want {
			if got := m.get(sp+4*uint64(k), 4); got != w {
				t.Errorf("%s: frame[%d] %#x, want %#x", tt.name, k, got, w)
			}
		}
		if on := m.Flags()&flagIF != 0; on != tt.ifOn {
			t.Errorf("%s: IF %v", tt.name, on)
		}
	}
}

func TestProtected16BitGate(t *testing.T) {
	m := newMachine(t).protected32(3)
	m.gate(0x40, selCode32, 0x5678, typeInt16, 3, 0)
	if !m.exec(0xcd, 0x40) {
		t.Fatal("faulted")
	}
	sp := m.env.GPR[regSP]
	if sp != stack0-10 || m.get(sp, 2) != (codeAt+2)&0xffff || m.get(sp+2, 2) != selUCode32 || m.get(sp+8, 2) != selUData {
		t.Errorf("SP %#x frame %#x %#x", sp, m.get(sp, 8), m.get(sp+8, 2))
	}
}

func TestLongDelivery(t *testing.T) {
	for _, tt := range []struct {
		name     string
		cpl      int
		ist      uint64
		rsp      uint64 // before
		wantTop  uint64 // where the frame begins
		wantSS   uint16
		frameSS  uint64
		withCode bool
	}{
		{"same level aligns the stack", 0, 0, stackAt - 3, stackAt - 16, selData, selData, false},
		{"same level on an IST", 0, 1, stackAt, istStack, selData, selData, false},
		{"inner level", 3, 0, stackAt, stack0, 0, selUData, true},
		{"inner level on an IST", 3, 1, stackAt, istStack, 0, selUData, false},
	} {
		m := newMachine(t).long(tt.cpl)
		vec := 32
		ev := event{set: true, kind: evExternal, vector: 32, rip: codeAt}
		if tt.withCode {
			vec = vecPF
			ev = event{set: true, kind: evFault, vector: vec, code: 5, rip: codeAt}
		}
		m.gate(vec, selCode64, 0xffff_8000_1234_5678, typeInt32, 0, tt.ist)
		m.env.GPR[regSP] = tt.rsp
		m.dispatch(ev)
		if m.env.RIP != 0xffff_8000_1234_5678 || m.cpl != 0 || m.seg[segSS].Selector != tt.wantSS {
			t.Errorf("%s: RIP %#x CPL %d SS %#x", tt.name, m.env.RIP, m.cpl, m.seg[segSS].Selector)
		}
		n := uint64(5)
		if tt.withCode {
			n = 6
		}
		sp := m.env.GPR[regSP]
		if sp != tt.wantTop-8*n {
			t.Fatalf("%s: RSP %#x, want %#x", tt.name, sp, tt.wantTop-8*n)
		}
		if tt.withCode {
			if m.get(sp, 8) != 5 {
				t.Errorf("%s: error code %#x", tt.name, m.get(sp, 8))
			}
			sp += 8
		}
		cs := uint64(selCode64)
		if tt.cpl == 3 {
			cs = selUCode64
		}
		if m.get(sp, 8) != codeAt || m.get(sp+8, 8) != cs || m.get(sp+24, 8) != tt.rsp || m.get(sp+32, 8) != tt.frameSS {
			t.Errorf("%s: frame RIP %#x CS %#x RSP %#x SS %#x", tt.name, m.get(sp, 8), m.get(sp+8, 8), m.get(sp+24, 8), m.get(sp+32, 8))
		}
		// IRETQ returns to where it was.
		if tt.withCode {
			m.env.GPR[regSP] += 8
		}
		if !m.exec(0x48, 0xcf) {
			v, c := m.fault()
			t.Fatalf("%s: IRETQ raised %d %#x", tt.name, v, c)
		}
		if m.env.RIP != codeAt || m.cpl != tt.cpl || m.env.GPR[regSP] != tt.rsp || uint64(m.seg[segSS].Selector) != tt.frameSS {
			t.Errorf("%s: after IRETQ RIP %#x CPL %d RSP %#x SS %#x", tt.name, m.env.RIP, m.cpl, m.env.GPR[regSP], m.seg[segSS].Selector)
		}
	}
}

// The order and error codes of SDM vol. 3A 6.12.1 and 6.13.
func TestGateChecks(t *testing.T) {
	const v = 0x40
	idtCode := uint32(v*8 | 2)
	for _, tt := range []struct {
		name   string
		setup  func(m *machine)
		vector int
		code   uint32
	}{
		{"beyond the limit", func(m *machine) { m.idtr.Limit = v*8 + 6 }, vecGP, idtCode},
		{"wrong type", func(m *machine) { m.gate(v, selCode32, 0, typeCall32, 3, 0) }, vecGP, idtCode},
		{"gate DPL below CPL", func(m *machine) { m.gate(v, selCode32, 0, typeInt32, 0, 0) }, vecGP, idtCode},
		{"not present", func(m *machine) { m.put(idtAt+v*8+5, 1, typeInt32|3<<5) }, vecNP, idtCode},
		{"DPL comes before presence", func(m *machine) { m.put(idtAt+v*8+5, 1, typeInt32) }, vecGP, idtCode},
		{"null code selector", func(m *machine) { m.gate(v, 3, 0, typeInt32, 3, 0) }, vecGP, 0},
		{"code selector beyond the GDT", func(m *machine) { m.gate(v, 0xfff8, 0, typeInt32, 3, 0) }, vecGP, 0xfff8},
		{"data segment", func(m *machine) { m.gate(v, selData, 0, typeInt32, 3, 0) }, vecGP, selData},
		{"code segment absent", func(m *machine) {
			m.setDesc(selCode32, desc(0, 0xfffff, code32&^AttrP))
		}, vecNP, selCode32},
		{"TSS too short", func(m *machine) { m.tr.Limit = 8 }, vecTS, selTSS},
		{"null stack", func(m *machine) { m.put(tssAt+8, 2, 0) }, vecTS, 0},
		{"stack of the wrong DPL", func(m *machine) { m.put(tssAt+8, 2, selUData) }, vecTS, selUData &^ 3},
		{"stack not writable", func(m *machine) { m.put(tssAt+8, 2, selRO) }, vecTS, selRO},
		{"stack absent", func(m *machine) { m.put(tssAt+8, 2, selAbsent) }, vecSS, selAbsent},
		{"stack too small", func(m *machine) {
			m.setDesc(selData, desc(0, 0x100, data32&^AttrG))
		}, vecSS, selData},
		{"offset beyond the code segment", func(m *machine) {
			m.setDesc(selCode32, desc(0, 0xfff, code32&^AttrG))
		}, vecGP, 0},
	} {
		m := newMachine(t).protected32(3)
		m.gate(v, selCode32, 0x2000, typeInt32, 3, 0)
		tt.setup(m)
		before := m.env.GPR
		if m.exec(0xcd, v) {
			t.Errorf("%s: no exception", tt.name)
			continue
		}
		m.wantFault(tt.name, tt.vector, tt.code)
		if m.env.GPR != before || m.env.RIP != codeAt || m.cpl != 3 {
			t.Errorf("%s: state changed", tt.name)
		}
	}
}

// INT1 is not subject to the gate's DPL.
func TestINT1IgnoresDPL(t *testing.T) {
	m := newMachine(t).protected32(3)
	m.gate(vecDB, selCode32, 0x2000, typeInt32, 0, 0)
	if !m.exec(0xf1) || m.env.RIP != 0x2000 {
		t.Errorf("RIP %#x", m.env.RIP)
	}
}

// SDM vol. 3A table 6-5.
func TestCombine(t *testing.T) {
	contributory := []int{vecDE, vecTS, vecNP, vecSS, vecGP}
	benign := []int{vecDB, vecNMI, vecBP, vecOF, vecBR, vecUD, vecNM, vecMF, vecAC, 32}
	check := func(a, b, want int, wantDown bool) {
		t.Helper()
		if v, down := combine(a, b); down != wantDown || !down && v != want {
			t.Errorf("%d then %d: %d shutdown %v, want %d %v", a, b, v, down, want, wantDown)
		}
	}
	for _, a := range contributory {
		for _, b := range contributory {
			check(a, b, vecDF, false)
			check(vecDF, b, 0, true)
			check(vecPF, b, vecDF, false)
		}
		check(a, vecPF, vecPF, false)
		for _, b := range benign {
			check(a, b, b, false)
			check(b, a, a, false)
		}
	}
	check(vecPF, vecPF, vecDF, false)
	check(vecDF, vecPF, 0, true)
	check(vecDF, vecUD, vecUD, false)
}

func TestDoubleAndTripleFault(t *testing.T) {
	down := 0
	m := newMachine(t, func(o *Options) { o.OnTripleFault = func() { down++ } }).protected32(0)
	m.gate(vecDF, selCode32, 0x3000, typeInt32, 0, 0)
	m.raise(vecGP, 0x18) // no gate for #GP: contributory in contributory
	m.Deliver()
	if m.env.RIP != 0x3000 || m.get(m.env.GPR[regSP], 4) != 0 || m.State() != Running {
		t.Errorf("RIP %#x, code %#x", m.env.RIP, m.get(m.env.GPR[regSP], 4))
	}
	var got []int
	for _, r := range m.History() {
		got = append(got, r.Vector)
	}
	if len(got) != 2 || got[0] != vecGP || got[1] != vecDF {
		t.Errorf("history %v", got)
	}

	m.put(idtAt+vecDF*8+5, 1, 0)
	m.raise(vecGP, 0x18)
	m.Deliver()
	if m.State() != Shutdown || down != 1 || m.env.ExitReq == 0 {
		t.Errorf("state %v, hook called %d times", m.State(), down)
	}
	if m.InterruptWindow() {
		t.Error("an interrupt is taken after shutdown")
	}
}

// A fault while an external interrupt is delivered sets EXT; a page fault's code has no such bit.
func TestExternalBit(t *testing.T) {
	m := newMachine(t).protected32(0)
	m.gate(vecGP, selCode32, 0x3000, typeInt32, 0, 0)
	m.Interrupt(0x50) // no gate
	if sp := m.env.GPR[regSP]; m.env.RIP != 0x3000 || m.get(sp, 4) != 0x50*8|3 || m.get(sp+4, 4) != codeAt {
		t.Errorf("RIP %#x code %#x pushed RIP %#x", m.env.RIP, m.get(sp, 4), m.get(sp+4, 4))
	}
	m.protected32(0)
	m.exec(0xcd, 0x50)
	m.wantFault("INT without a gate", vecGP, 0x50*8|2)
}

// A fault in the delivery of a page fault is a double fault.
func TestPageFaultDelivery(t *testing.T) {
	m := newMachine(t).long(3)
	m.gate(vecPF, selCode64, 0x1111, typeInt32, 0, 0)
	m.gate(vecDF, selCode64, 0x2222, typeInt32, 0, 1)
	m.put(pte(0x200000), 8, 0)
	if _, ok := m.ReadMem(0x200010, 4, m.index()); ok || m.CR2() != 0x200010 {
		t.Fatalf("ok %v CR2 %#x", ok, m.CR2())
	}
	m.Deliver()
	if m.env.RIP != 0x1111 || m.get(m.env.GPR[regSP], 8) != 4 {
		t.Errorf("RIP %#x code %#x", m.env.RIP, m.get(m.env.GPR[regSP], 8))
	}
	// Now with a kernel stack that is not mapped.
	m.long(3)
	m.put(pte(0x200000), 8, 0)
	m.put(pte(stack0-8), 8, 0)
	m.FlushTLB(true)
	m.ReadMem(0x200010, 4, m.index())
	m.Deliver()
	if m.env.RIP != 0x2222 || m.env.GPR[regSP] != istStack-48 {
		t.Errorf("RIP %#x RSP %#x", m.env.RIP, m.env.GPR[regSP])
	}
}

func TestInterruptShadow(t *testing.T) {
	m := newMachine(t).protected32(0)
	if m.InterruptWindow() {
		t.Error("window with IF clear")
	}
	m.env.IntrPending = 1
	m.exec(0xfb) // STI
	if m.env.ExitReq == 0 {
		t.Error("STI with an interrupt waiting does not ask for the loop")
	}
	if m.InterruptWindow() {
		t.Error("window right after STI")
	}
	if !m.InterruptWindow() {
		t.Error("the hold lasts longer than one look")
	}
	m.exec(0xfb) // IF was set: no hold
	if !m.InterruptWindow() {
		t.Error("STI with IF set holds interrupts")
	}
	m.env.GPR[regAX] = selData
	m.exec(0x8e, 0xd0) // MOV SS, AX
	if m.InterruptWindow() {
		t.Error("window right after MOV SS")
	}
}

func TestNMIMaskedUntilIRET(t *testing.T) {
	m := newMachine(t).protected32(0)
	m.gate(vecNMI, selCode32, 0x3000, typeInt32, 0, 0)
	m.RequestNMI()
	m.TakeRequests()
	if !m.NMIWaiting() {
		t.Fatal("the request is lost")
	}
	m.NMI()
	m.RequestNMI()
	m.TakeRequests()
	if m.NMIWaiting() {
		t.Error("NMI inside an NMI handler")
	}
	m.exec(0xcf)
	if m.env.RIP != codeAt || !m.NMIWaiting() {
		t.Errorf("RIP %#x, waiting NMI lost", m.env.RIP)
	}
}

func TestSingleStep(t *testing.T) {
	m := newMachine(t).protected32(0)
	m.gate(vecDB, selCode32, 0x3000, typeTrap32, 0, 0)
	m.SetFlags(flagTF)
	m.exec(0xfc)
	m.AfterStep(tcg.ModeTF)
	if !m.Pending() || m.dr[6]&dr6BS == 0 {
		t.Fatal("no trap")
	}
	m.Deliver()
	sp := m.env.GPR[regSP]
	if m.env.RIP != 0x3000 || m.get(sp, 4) != codeAt+1 || m.get(sp+8, 4) != flagFixed|flagTF || m.Flags()&flagTF != 0 {
		t.Errorf("RIP %#x frame %#x %#x", m.env.RIP, m.get(sp, 4), m.get(sp+8, 4))
	}
	m.env.RIP = codeAt
	m.SetFlags(flagTF)
	m.env.GPR[regAX] = selData
	m.exec(0x8e, 0xd0)
	m.AfterStep(tcg.ModeTF)
	if m.Pending() {
		t.Error("trap after MOV SS")
	}
	m.exec(0xfc)
	m.AfterStep(tcg.ModeTF)
	if !m.Pending() {
		t.Error("no trap after the instruction that follows MOV SS")
	}
}

// Images of RFLAGS: faults set RF, and what interrupts a repeated string instruction; interrupts keep what IRET
// has loaded, which lasts until the next instruction begins (SDM vol. 3B 18.3.1.1).
func TestResumeFlag(t *testing.T) {
	frame := func(m *machine) uint64 { return m.get(m.env.GPR[regSP]+16, 8) & flagRF }
	long := func() *machine {
		m := newMachine(t).long(0)
		for v := range 256 {
			m.gate(v, selCode64, 0x3000, typeInt32, 0, 0)
		}
		return m
	}
	iret := func(m *machine) {
		m.env.GPR[regSP] = stackAt - 64
		for k, v := range []uint64{codeAt, selCode64, flagFixed | flagIF | flagRF, stackAt, selData} {
			m.put(stackAt-64+8*uint64(k), 8, v)
		}
		if !m.exec(0x48, 0xcf) {
			t.Fatal("IRET faults")
		}
	}
	for _, tt := range []struct {
		name string
		run  func(m *machine)
		want uint64
	}{
		{"interrupt", func(m *machine) { m.Interrupt(0x20) }, 0},
		{"INT n", func(m *machine) { m.exec(0xcd, 0x80) }, 0},
		{"fault", func(m *machine) { m.ud(); m.Deliver() }, flagRF},
		{"trap", func(m *machine) { m.AfterStep(tcg.ModeTF); m.Deliver() }, 0},
		{"interrupt after IRET", func(m *machine) { iret(m); m.Interrupt(0x20) }, flagRF},
		{"interrupt after the instruction after IRET", func(m *machine) {
			iret(m)
			m.FetchPhys(m.env.RIP)
			m.exec(0xfc)
			m.Interrupt(0x20)
		}, 0},
		{"second interrupt", func(m *machine) { iret(m); m.Interrupt(0x20); m.Interrupt(0x21) }, 0},
		{"interrupt within REP STOSB", func(m *machine) {
			m.env.GPR[regDI], m.env.GPR[regCX], m.env.ExitReq = dataAt, 0x3000, 1
			m.exec(0xf3, 0xaa)
			m.Interrupt(0x20)
		}, flagRF},
		{"interrupt after REP STOSB", func(m *machine) {
			m.env.GPR[regDI], m.env.GPR[regCX] = dataAt, 0x3000
			m.exec(0xf3, 0xaa)
			m.Interrupt(0x20)
		}, 0},
		{"single step within REP SCASB", func(m *machine) {
			m.SetFlags(flagTF)
			m.env.GPR[regDI], m.env.GPR[regCX], m.env.GPR[regAX] = dataAt, 2, 1
			m.exec(0xf2, 0xae)
			m.AfterStep(tcg.ModeTF)
			m.Deliver()
		}, flagRF},
		{"single step after REP SCASB has found", func(m *machine) {
			m.SetFlags(flagTF)
			m.env.GPR[regDI], m.env.GPR[regCX], m.env.GPR[regAX] = dataAt, 2, 0
			m.exec(0xf2, 0xae)
			m.AfterStep(tcg.ModeTF)
			m.Deliver()
		}, 0},
	} {
		m := long()
		tt.run(m)
		if m.env.RIP != 0x3000 {
			t.Errorf("%s: RIP %#x", tt.name, m.env.RIP)
		}
		if got := frame(m); got != tt.want {
			t.Errorf("%s: RF in the image is %#x, want %#x", tt.name, got, tt.want)
		}
		if m.Flags()&flagRF != 0 {
			t.Errorf("%s: RF is set in the handler", tt.name)
		}
	}
}
