package lapic

import (
	"testing"

	"goemu/devices/apicbus"

	"github.com/google/go-cmp/cmp"
)

// keeper has the registers, and what it does with them in a test.
type keeper struct {
	page     Page
	base     uint64
	deadline uint64
	settle   func(p *Page)
	log      string
}

func (k *keeper) Hold()                    { k.log += "hold " }
func (k *keeper) Registers(p *Page) uint64 { *p = k.page; return k.base }
func (k *keeper) Settle() {
	k.log += "settle "
	if k.settle != nil {
		k.settle(&k.page)
	}
}
func (k *keeper) Return() uint64 { k.log += "return "; return k.deadline }

func (m *machine) lend() *keeper {
	k := &keeper{base: m.apics[0].Base()}
	k.deadline = m.apics[0].Lend(k, &k.page)
	return k
}

// What is lent comes back the same, and is in the page where the manual has it.
func TestLend(t *testing.T) {
	m := newMachine(t, 1)
	l := m.apics[0]
	for off, v := range map[uint64]uint32{
		0x20: 3 << 24, 0x80: 0x35, 0xd0: 0x1200_0000, 0xe0: 0x0fff_ffff, 0x310: 0x0500_0000, 0x330: 0x1_0440, 0x340: 0x400, 0x350: 0x1_0700, 0x360: 0x400, 0x370: 0xfe, 0x3e0: 3,
	} {
		m.w(off, v)
	}
	m.w(0x320, 0x2_0041)
	m.w(0x380, 1000)
	l.Accept(apicbus.Message{Vector: 0x61, Level: true})
	m.ack(0, 0x61)
	l.Accept(apicbus.Message{Vector: 0x72})
	m.clock.Advance(16 * 100)
	want := l.SaveState()
	k := m.lend()
	if !l.Lent() || l.INTR() {
		t.Error("not lent, or an interrupt that is the keeper's")
	}
	for off, v := range map[int]uint32{0x20: 3 << 24, 0x80: 0x35, 0xf0: 0x1ff, 0x130: 2, 0x1b0: 2, 0x230: 4 << 16, 0x320: 0x2_0041, 0x380: 1000, 0x390: 900, 0x3e0: 3} {
		if got := k.page.get(off / 16); got != v {
			t.Errorf("register %#x is %#x, want %#x", off, got, v)
		}
	}
	m.clock.Advance(1 << 40) // the timer is not here
	if l.INTR() {
		t.Error("the timer interrupts")
	}
	// Time goes on for the keeper too.
	k.page.put(regCCT, 900)
	l.Recall()
	got := l.SaveState()
	if got.TimerStart != m.clock.Now()-16*100 {
		t.Errorf("the timer began at %d", got.TimerStart)
	}
	got.TimerStart = want.TimerStart
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-lent +back)\n%s", d)
	}
	m.ack(0, 0x72)
	m.w(0xb0, 0)
	m.w(0xb0, 0)
	m.w(0x80, 0)
	m.clock.Advance(minPeriod)
	m.ack(0, 0x41)
}

// What looks has the keeper's registers; what changes them takes them back.
func TestLendUse(t *testing.T) {
	for name, use := range map[string]struct {
		do    func(l *LAPIC)
		takes bool
	}{
		"Base":       {func(l *LAPIC) { l.Base() }, false},
		"TPR":        {func(l *LAPIC) { l.TPR() }, false},
		"View":       {func(l *LAPIC) { l.View() }, false},
		"Matches":    {func(l *LAPIC) { l.Matches(0, false) }, false},
		"Priority":   {func(l *LAPIC) { l.Priority() }, false},
		"Address":    {func(l *LAPIC) { l.Address() }, false},
		"NMI":        {func(l *LAPIC) { l.Accept(apicbus.Message{Mode: apicbus.NMI}) }, false},
		"ExtINT":     {func(l *LAPIC) { l.Accept(apicbus.Message{Mode: apicbus.ExtINT}) }, false},
		"TSCMoved":   {func(l *LAPIC) { l.TSCMoved() }, false},
		"SetTPR":     {func(l *LAPIC) { l.SetTPR(1) }, true},
		"SetBase":    {func(l *LAPIC) { l.SetBase(l.Base()) }, true},
		"fixed":      {func(l *LAPIC) { l.Accept(fixed(0x50)) }, true},
		"INIT":       {func(l *LAPIC) { l.Accept(apicbus.Message{Mode: apicbus.INIT}) }, true},
		"ReadMMIO":   {func(l *LAPIC) { l.ReadMMIO(0x20, 4) }, true},
		"WriteMMIO":  {func(l *LAPIC) { l.WriteMMIO(0x80, 4, 0) }, true},
		"ReadMSR":    {func(l *LAPIC) { l.ReadMSR(0x802) }, true},
		"WriteMSR":   {func(l *LAPIC) { l.WriteMSR(0x808, 0) }, true},
		"Wire":       {func(l *LAPIC) { l.SetVirtualWire() }, true},
		"Reset":      {func(l *LAPIC) { l.Reset() }, true},
		"fixed LINT": {func(l *LAPIC) { l.LINT(0).Set(true) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t, 1)
			l := m.apics[0]
			m.w(0x350, 0x40)
			k := m.lend()
			k.page.put(regTPR, 0x77)
			use.do(l)
			if l.Lent() == use.takes {
				t.Errorf("lent %v", l.Lent())
			}
			if !use.takes && l.View().TPR != 0x77 {
				t.Errorf("%+v", l.View())
			}
		})
	}
}

// The 8259A's output is INTR's whatever the keeper has, which knows whether it passes.
func TestLendExternal(t *testing.T) {
	m := newMachine(t, 1)
	l := m.apics[0]
	for _, lvt := range []uint32{0x700, 0x1_0700, 0x1_0040} {
		m.w(0x350, lvt)
		m.lend()
		l.LINT(0).Set(true)
		m.ack(0, 0x20)
		l.LINT(0).Set(false)
		m.idle("the input is low", 0)
		if !l.Lent() {
			t.Error("taken back")
		}
	}
	l.Accept(apicbus.Message{Mode: apicbus.ExtINT})
	m.ack(0, 0x20)
	m.idle("the message is taken", 0)
}

// The timer's interrupt that no register shows is asked for, and comes once.
func TestLendTimer(t *testing.T) {
	pending := func(p *Page) { p.put(regIRR+2, 1<<1) }
	for name, c := range map[string]struct {
		lvt     uint32
		settle  func(p *Page)
		isr     uint32 // bit of the vector in ISR
		count   uint32
		log     string
		comes   bool
		running bool
	}{
		"one shot, on its way":   {0x41, pending, 0, 0, "hold settle return ", true, false},
		"one shot, long ago":     {0x41, nil, 0, 0, "hold settle return ", false, false},
		"one shot, in service":   {0x41, nil, 1 << 1, 0, "hold return ", false, false},
		"one shot, running":      {0x41, nil, 0, 10, "hold return ", false, true},
		"one shot, masked":       {0x1_0041, nil, 0, 0, "hold return ", false, false},
		"periodic, on its way":   {0x2_0041, pending, 0, 10, "hold settle return ", true, true},
		"periodic, not yet":      {0x2_0041, nil, 0, 10, "hold settle return ", false, true},
		"periodic, at its end":   {0x2_0041, nil, 0, 0, "hold settle return ", true, true},
		"deadline, not over yet": {0x4_0041, nil, 0, 0, "hold return ", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t, 1)
			l := m.apics[0]
			m.w(0x3e0, 0xb)
			m.w(0x320, c.lvt)
			k := m.lend()
			k.settle, k.deadline = c.settle, 1<<50
			if c.lvt>>17 != 2 {
				k.page.put(regICT, 1000)
			}
			k.page.put(regCCT, c.count)
			k.page.put(regISR+2, c.isr)
			l.Recall()
			if k.log != c.log || l.INTR() != c.comes || l.s.TimerRunning != c.running {
				t.Errorf("%q, INTR %v, running %v", k.log, l.INTR(), l.s.TimerRunning)
			}
			// At its end it has no count for the keeper.
			if k := m.lend(); !c.running && k.page.get(regICT) != 0 {
				t.Errorf("count %d", k.page.get(regICT))
			}
		})
	}
}

// In x2APIC mode the ID keeps its place, and LDR follows from it.
func TestLendX2APIC(t *testing.T) {
	m := newMachine(t, 2)
	l := m.apics[1]
	if !l.SetBase(l.Base() | BaseX2APIC) {
		t.Fatal("no x2APIC mode")
	}
	l.WriteMSR(0x830, 0x1234_5678_0000_c0f0)
	want := l.SaveState()
	k := &keeper{base: l.Base()}
	l.Lend(k, &k.page)
	if k.page.get(regID) != 1<<24 || k.page.get(regLDR) != 2 || k.page.get(regICRHigh) != 0x1234_5678 {
		t.Errorf("ID %#x, LDR %#x, ICR %#x", k.page.get(regID), k.page.get(regLDR), k.page.get(regICRHigh))
	}
	l.Recall()
	got := l.SaveState()
	got.TimerStart = want.TimerStart
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-lent +back)\n%s", d)
	}
}

// lender is an I/O APIC that is lent too.
type lender struct{ do func() }

func (*lender) EOI(uint8) {}
func (l *lender) Recall() { l.do() }

// An I/O APIC goes back before a local APIC, whose registers have then what was sent; it may itself take them back.
func TestRecallOrder(t *testing.T) {
	m := newMachine(t, 1)
	l := m.apics[0]
	k := m.lend()
	calls := 0
	m.bus.AddListener(&lender{func() {
		calls++
		k.page.put(regIRR+2, 1<<3)
	}})
	l.Recall()
	l.Recall()
	m.ack(0, 0x43)
	if calls != 1 {
		t.Errorf("%d calls", calls)
	}
	m.lend()
	lent := true
	m.bus.AddListener(&lender{func() {
		if lent {
			lent = false
			l.Accept(apicbus.Message{Mode: apicbus.INIT})
		}
	}})
	l.Recall()
	if l.Lent() {
		t.Error("lent")
	}
}

// What a keeper cannot take is here as it was.
func TestRefused(t *testing.T) {
	m := newMachine(t, 1)
	l := m.apics[0]
	m.w(0x320, 0x41)
	m.w(0x380, 100_000)
	want := l.SaveState()
	k := m.lend()
	k.page = Page{}
	l.Refused()
	if d := cmp.Diff(want, l.SaveState()); d != "" || k.log != "" || l.Lent() {
		t.Errorf("(-before +after)\n%s%s", d, k.log)
	}
	m.clock.Advance(200_000) // divided by 2
	m.ack(0, 0x41)
}
