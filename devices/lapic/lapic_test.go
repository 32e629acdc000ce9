package lapic

import (
	"fmt"
	"strings"
	"testing"

	"goemu/devices/apicbus"
	"goemu/devices/devtest"
)

// machine is some local APICs on a bus; events of all are noted.
type machine struct {
	t     *testing.T
	clock devtest.Clock
	bus   apicbus.Bus
	apics []*LAPIC
	log   []string
	eois  []uint8
	pic   int
}

func (m *machine) EOI(v uint8) { m.eois = append(m.eois, v) }

func newMachine(t *testing.T, n int) *machine {
	m := &machine{t: t, pic: 0x20}
	m.bus.AddListener(m)
	for i := range n {
		note := func(s string) { m.log = append(m.log, fmt.Sprintf("%d:%s", i, s)) }
		m.apics = append(m.apics, New(&m.clock, &m.bus, uint8(i), i == 0, CPU{
			NMI: func() { note("nmi") }, SMI: func() { note("smi") }, INIT: func() { note("init") },
			SIPI: func(v uint8) { note(fmt.Sprintf("sipi %x", v)) }, ExtINT: func() int { return m.pic },
		}))
		m.apics[i].WriteMMIO(0xf0, 4, 0x1ff)
	}
	return m
}

func (m *machine) w(off uint64, v uint32) { m.apics[0].WriteMMIO(off, 4, uint64(v)) }
func (m *machine) r(off uint64) uint32    { return uint32(m.apics[0].ReadMMIO(off, 4)) }

func (m *machine) want(what string, off uint64, v uint32) {
	m.t.Helper()
	if got := m.r(off); got != v {
		m.t.Errorf("%s: register %#x is %#x, want %#x", what, off, got, v)
	}
}

func (m *machine) ack(i, v int) {
	m.t.Helper()
	if !m.apics[i].INTR() {
		m.t.Errorf("APIC %d: no request, want %#x", i, v)
		return
	}
	if got := m.apics[i].IntAck(); got != v {
		m.t.Errorf("APIC %d: vector %#x, want %#x", i, got, v)
	}
}

func (m *machine) idle(what string, i int) {
	m.t.Helper()
	if m.apics[i].INTR() {
		m.t.Errorf("%s: APIC %d has a request", what, i)
	}
}

func (m *machine) events() string {
	s := strings.Join(m.log, ", ")
	m.log = nil
	return s
}

func fixed(v uint8) apicbus.Message { return apicbus.Message{Vector: v} }

func TestResetValues(t *testing.T) {
	m := newMachine(t, 1)
	m.apics[0].Reset()
	for off, v := range map[uint64]uint32{
		0x20: 0, 0x30: 0x50014, 0x80: 0, 0xd0: 0, 0xe0: 0xffffffff, 0xf0: 0xff, 0x280: 0, 0x300: 0,
		0x320: 0x10000, 0x330: 0x10000, 0x340: 0x10000, 0x350: 0x10000, 0x360: 0x10000, 0x370: 0x10000, 0x380: 0, 0x390: 0, 0x3e0: 0,
	} {
		m.want("reset", off, v)
	}
	if b := m.apics[0].Base(); b != 0xfee00900 {
		t.Errorf("IA32_APIC_BASE %#x", b)
	}
}

func TestPriorities(t *testing.T) {
	m := newMachine(t, 1)
	l := m.apics[0]
	l.Accept(fixed(0x31))
	l.Accept(fixed(0x52))
	m.want("IRR", 0x210, 1<<0x11)
	m.want("IRR", 0x220, 1<<0x12)
	m.ack(0, 0x52)
	m.want("PPR", 0xa0, 0x50)
	l.Accept(fixed(0x5f))
	m.idle("same class", 0)
	l.Accept(fixed(0x60))
	m.ack(0, 0x60)
	m.w(0xb0, 0)
	m.idle("52h is in service still", 0)
	m.w(0xb0, 0)
	m.ack(0, 0x5f)
	m.w(0x80, 0x35) // task priority
	m.w(0xb0, 0)
	m.want("PPR", 0xa0, 0x35)
	m.idle("31h is not above TPR", 0)
	m.w(0x80, 0x2f)
	m.ack(0, 0x31)
	m.w(0xb0, 0)
	m.want("ISR", 0x110, 0)
	m.w(0xb0, 0) // nothing in service
}

func TestRequestsMerge(t *testing.T) {
	m := newMachine(t, 1)
	m.apics[0].Accept(fixed(0x40))
	m.apics[0].Accept(fixed(0x40))
	m.ack(0, 0x40)
	m.apics[0].Accept(fixed(0x40)) // one in service, one waiting
	m.w(0xb0, 0)
	m.ack(0, 0x40)
	m.w(0xb0, 0)
	m.idle("two", 0)
}

func TestEOIBroadcast(t *testing.T) {
	m := newMachine(t, 1)
	m.apics[0].Accept(apicbus.Message{Vector: 0x40, Level: true})
	m.apics[0].Accept(fixed(0x50))
	m.want("TMR", 0x1a0, 1)
	m.ack(0, 0x50)
	m.w(0xb0, 0)
	m.ack(0, 0x40)
	m.w(0xb0, 0)
	if len(m.eois) != 1 || m.eois[0] != 0x40 {
		t.Errorf("EOI broadcasts %x, want 40", m.eois)
	}
	m.apics[0].Accept(fixed(0x40))
	m.want("TMR of an edge interrupt", 0x1a0, 0)
}

func TestInterprocessorInterrupts(t *testing.T) {
	m := newMachine(t, 4)
	for i, l := range m.apics {
		l.WriteMMIO(0xd0, 4, 1<<(24+i))
	}
	for _, c := range []struct {
		name     string
		high, lo uint32
		events   string
		vectors  [4]int
	}{
		{"fixed, physical", 2 << 24, 0x4041, "", [4]int{0, 0, 0x41, 0}},
		{"fixed, broadcast", 0xff << 24, 0x4041, "", [4]int{0x41, 0x41, 0x41, 0x41}},
		{"fixed, logical", 6 << 24, 0x4841, "", [4]int{0, 0x41, 0x41, 0}},
		{"self", 0, 0x44041, "", [4]int{0x41, 0, 0, 0}},
		{"all with self", 0, 0x84041, "", [4]int{0x41, 0x41, 0x41, 0x41}},
		{"all but self", 0, 0xc4041, "", [4]int{0, 0x41, 0x41, 0x41}},
		{"lowest priority", 0x0e << 24, 0x4941, "", [4]int{0, 0x41, 0, 0}},
		{"NMI", 1 << 24, 0x4400, "1:nmi", [4]int{}},
		{"SMI", 1 << 24, 0x4200, "1:smi", [4]int{}},
		{"start-up", 3 << 24, 0x4699, "3:sipi 99", [4]int{}},
		{"INIT", 3 << 24, 0xc500, "3:init", [4]int{}},
		{"INIT de-assert", 3 << 24, 0x8500, "", [4]int{}},
		{"nobody", 9 << 24, 0x4041, "", [4]int{}},
	} {
		m.w(0x310, c.high)
		m.w(0x300, c.lo)
		m.want(c.name+": delivery status", 0x300, c.lo)
		if e := m.events(); e != c.events {
			t.Errorf("%s: events %q, want %q", c.name, e, c.events)
		}
		for i, v := range c.vectors {
			if v == 0 {
				m.idle(c.name, i)
				continue
			}
			m.ack(i, v)
			m.apics[i].WriteMMIO(0xb0, 4, 0)
		}
		m.apics[3].WriteMMIO(0xf0, 4, 0x1ff) // INIT has disabled it
		m.apics[3].WriteMMIO(0xd0, 4, 8<<24)
	}
}

func TestLowestPriorityFollowsTPR(t *testing.T) {
	m := newMachine(t, 2)
	for i, l := range m.apics {
		l.WriteMMIO(0xd0, 4, 1<<(24+i))
	}
	m.w(0x80, 0x20)
	m.bus.Send(nil, apicbus.Message{Dest: 3, Logical: true, Mode: apicbus.Lowest, Vector: 0x50})
	m.idle("lowest priority", 0)
	m.ack(1, 0x50)
}

func TestClusterModel(t *testing.T) {
	m := newMachine(t, 1)
	m.w(0xe0, 0)
	m.w(0xd0, 0x21<<24)
	for dest, want := range map[uint32]bool{0x21: true, 0x23: true, 0x22: false, 0x11: false, 0xf1: true, 0xff: true, 0xf2: false} {
		if got := m.apics[0].Matches(dest, true); got != want {
			t.Errorf("destination %#x: %v, want %v", dest, got, want)
		}
	}
}

func TestErrors(t *testing.T) {
	m := newMachine(t, 1)
	m.w(0x370, 0xfe)
	m.w(0x300, 0x40005) // vector 5 to itself
	m.ack(0, 0xfe)
	m.want("not latched yet", 0x280, 0)
	m.w(0x280, 0)
	m.want("send illegal vector", 0x280, 0x20)
	m.apics[0].Accept(fixed(7))
	m.r(0x3f0)
	m.w(0x280, 0)
	m.want("receive illegal vector, illegal register", 0x280, 0xc0)
	m.w(0x280, 0)
	m.want("cleared", 0x280, 0)
}

func TestSoftwareDisable(t *testing.T) {
	m := newMachine(t, 1)
	m.w(0x320, 0x40)
	m.apics[0].Accept(fixed(0x33))
	m.w(0xf0, 0xff)
	m.idle("disabled", 0)
	m.want("LVT is masked", 0x320, 0x10040)
	m.w(0x320, 0x40)
	m.want("and stays so", 0x320, 0x10040)
	if m.apics[0].Accept(fixed(0x44)) {
		t.Error("a fixed interrupt was taken")
	}
	m.apics[0].Accept(apicbus.Message{Mode: apicbus.NMI})
	if m.events() != "0:nmi" {
		t.Error("NMI was not taken")
	}
	m.w(0xf0, 0x1ff)
	m.ack(0, 0x33)
}

func TestVirtualWire(t *testing.T) {
	m := newMachine(t, 1)
	l := m.apics[0]
	pic, nmi := l.LINT(0), l.LINT(1)
	pic.Set(true)
	m.idle("LINT0 masked", 0)
	l.SetVirtualWire()
	m.ack(0, 0x20)
	m.want("ExtINT sets no ISR bit", 0x110, 0)
	l.Accept(fixed(0x40))
	m.ack(0, 0x40) // the APIC's own come first
	m.w(0x80, 0xff)
	m.ack(0, 0x20) // priorities do not hold ExtINT back
	pic.Set(false)
	m.idle("LINT0 low", 0)
	nmi.Set(true)
	if m.events() != "0:nmi" {
		t.Error("no NMI from LINT1")
	}
	l.SetBase(l.Base() &^ BaseEnable)
	pic.Set(true)
	m.ack(0, 0x20)
	nmi.Set(false)
	nmi.Set(true)
	if m.events() != "0:nmi" {
		t.Error("no NMI while disabled")
	}
	if _, ok := l.Address(); ok {
		t.Error("disabled APIC has an address")
	}
}

func TestExtINTMessage(t *testing.T) {
	m := newMachine(t, 1)
	m.apics[0].Accept(apicbus.Message{Mode: apicbus.ExtINT})
	m.ack(0, 0x20)
	m.idle("once", 0)
}

func TestLINTLevel(t *testing.T) {
	m := newMachine(t, 1)
	line := m.apics[0].LINT(0)
	m.w(0x350, 0x8045)
	line.Set(true)
	m.ack(0, 0x45)
	m.want("remote IRR", 0x350, 0xc045)
	m.w(0xb0, 0)
	m.ack(0, 0x45)
	line.Set(false)
	m.w(0xb0, 0)
	m.idle("low", 0)
	m.want("remote IRR", 0x350, 0x8045)
}

func TestTimer(t *testing.T) {
	m := newMachine(t, 1)
	for dcr, div := range map[uint32]int64{0: 2, 1: 4, 2: 8, 3: 16, 8: 32, 9: 64, 10: 128, 11: 1} {
		m.w(0x3e0, dcr)
		m.w(0x320, 0x40) // one-shot
		m.w(0x380, 100000)
		m.clock.Advance(40000 * div)
		m.want("count", 0x390, 60000)
		m.clock.Advance(60000*div - 1)
		m.idle("early", 0)
		m.clock.Advance(1)
		m.ack(0, 0x40)
		m.w(0xb0, 0)
		m.want("count at the end", 0x390, 0)
		m.clock.Advance(200000 * div)
		m.idle("one shot", 0)
	}
	m.w(0x3e0, 11)
	m.w(0x320, 0x20041) // periodic
	m.w(0x380, 1000000)
	for range 5 {
		m.clock.Advance(1000000)
		m.ack(0, 0x41)
		m.w(0xb0, 0)
	}
	m.clock.Advance(250000)
	m.want("count", 0x390, 750000)
	m.w(0x320, 0x30041)
	m.clock.Advance(1000000)
	m.idle("masked", 0)
	m.want("goes on while masked", 0x390, 750000)
	m.w(0x380, 0)
	m.want("stopped", 0x390, 0)
}

func TestTinyPeriodDoesNotHang(t *testing.T) {
	m := newMachine(t, 1)
	m.w(0x3e0, 11)
	m.w(0x320, 0x20041)
	m.w(0x380, 1)
	m.clock.Fired = 0
	m.clock.Advance(1_000_000_000)
	if m.clock.Fired > 1_000_000_000/minPeriod+1 {
		t.Errorf("%d timer calls in a second", m.clock.Fired)
	}
	m.ack(0, 0x41)
}

func TestAccessWidths(t *testing.T) {
	m := newMachine(t, 1)
	l := m.apics[0]
	l.WriteMMIO(0x80, 1, 0xff)
	l.WriteMMIO(0x82, 4, 0xff)
	m.want("odd writes are ignored", 0x80, 0)
	if got := l.ReadMMIO(0x32, 2); got != 5 {
		t.Errorf("upper word of the version: %#x", got)
	}
	if got := l.ReadMMIO(0x38, 4); got != 0 {
		t.Errorf("between registers: %#x", got)
	}
}

func FuzzLAPIC(f *testing.F) {
	f.Add([]byte{0x25, 0x20, 3, 0x40, 0, 2, 0, 0, 0, 0, 0, 0xa5, 0x80, 3, 9, 0, 0, 0, 0, 0, 0, 0, 200})
	f.Fuzz(func(t *testing.T, in []byte) {
		m := newMachine(t, 2)
		m.w(0xf0, 0x1ff)
		line := m.apics[0].LINT(0)
		line.Set(len(in)%2 == 1)
		devtest.FuzzMMIO(in, &m.clock, m.apics[0], Size)
		for range 300 {
			if v := m.apics[0].IntAck(); v < 0 || v > 255 {
				t.Fatalf("vector %d", v)
			}
			m.w(0xb0, 0)
		}
		if err := m.apics[0].RestoreState(m.apics[0].SaveState()); err != nil {
			t.Error(err)
		}
	})
}
