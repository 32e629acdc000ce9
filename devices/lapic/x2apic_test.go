package lapic

import (
	"testing"

	"goemu/devices/apicbus"
	"goemu/devices/devtest"
)

// Modes of the APIC by IA32_APIC_BASE, and the transitions of SDM vol. 3A figure 11-27.
func TestBaseTransitions(t *testing.T) {
	const (
		off    = DefaultBase
		xapic  = DefaultBase | BaseEnable
		x2apic = DefaultBase | BaseEnable | BaseX2APIC
		none   = DefaultBase | BaseX2APIC
	)
	paths := map[uint64][]uint64{off: {off}, xapic: {}, x2apic: {x2apic}}
	for from, path := range paths {
		for to, want := range map[uint64]bool{off: true, xapic: from != x2apic, x2apic: from != off, none: false, xapic | 1: false, xapic | 1<<9: false} {
			m := newMachine(t, 1)
			l := m.apics[0]
			for _, v := range path {
				if !l.SetBase(v) {
					t.Fatalf("to %#x: refused", v)
				}
			}
			if got := l.SetBase(to); got != want {
				t.Errorf("from %#x to %#x: %v, want %v", from, to, got, want)
			}
			expect := from
			if want {
				expect = to
			}
			if got := l.Base(); got != expect|BaseBSP {
				t.Errorf("from %#x to %#x: IA32_APIC_BASE is %#x, want %#x", from, to, got, expect|BaseBSP)
			}
		}
	}
}

// Disabling the APIC resets it; changing to x2APIC mode keeps what it holds.
func TestModesKeepOrLose(t *testing.T) {
	m := newMachine(t, 2)
	l := m.apics[1]
	l.WriteMMIO(0x20, 4, 0x55<<24)
	l.SetTPR(0x42)
	l.Accept(fixed(0x77))
	if !l.SetBase(DefaultBase | BaseEnable | BaseX2APIC) {
		t.Fatal("no x2APIC mode")
	}
	for msr, want := range map[uint32]uint64{0x802: 1, 0x808: 0x42, 0x80d: 2, 0x80f: 0x1ff, 0x823: 1 << 0x17} {
		if v, ok := l.ReadMSR(msr); !ok || v != want {
			t.Errorf("MSR %#x is %#x, %v; want %#x", msr, v, ok, want)
		}
	}
	if _, ok := l.Address(); ok {
		t.Error("registers in memory in x2APIC mode")
	}
	l.SetBase(DefaultBase)
	l.SetBase(DefaultBase | BaseEnable)
	if got := l.ReadMMIO(0x80, 4); got != 0 {
		t.Errorf("TPR %#x after disabling", got)
	}
	if got := l.ReadMMIO(0xf0, 4); got != 0xff {
		t.Errorf("SVR %#x after disabling", got)
	}
}

// Which registers exist in x2APIC mode, and which bits may be set (SDM vol. 3A table 11-6).
func TestX2Registers(t *testing.T) {
	m := newMachine(t, 1)
	l := m.apics[0]
	if _, ok := l.ReadMSR(0x802); ok {
		t.Error("x2APIC registers in xAPIC mode")
	}
	l.SetBase(DefaultBase | BaseEnable | BaseX2APIC)
	readable := map[uint32]bool{0x802: true, 0x803: true, 0x808: true, 0x80a: true, 0x80d: true, 0x80f: true, 0x828: true, 0x830: true,
		0x838: true, 0x839: true, 0x83e: true}
	writable := map[uint32]uint64{0x808: 0xff, 0x80b: 0, 0x80f: 0x3ff, 0x828: 0, 0x830: 0xffffffff_000ccfff, 0x838: 0xffffffff, 0x83e: 0xb, 0x83f: 0xff}
	for n := uint32(0x810); n < 0x828; n++ {
		readable[n] = true
	}
	for n, v := range map[uint32]uint64{0x832: 0x750ff, 0x833: 0x157ff, 0x834: 0x157ff, 0x835: 0x1f7ff, 0x836: 0x1f7ff, 0x837: 0x150ff} {
		readable[n], writable[n] = true, v
	}
	for n := uint32(MSRFirst); n <= MSRLast; n++ {
		if _, ok := l.ReadMSR(n); ok != readable[n] {
			t.Errorf("read of MSR %#x: %v", n, ok)
		}
		valid, can := writable[n]
		if n == 0x80f {
			valid |= svrEnable
		}
		for bit := range 64 {
			v := uint64(1) << bit
			if got, want := l.WriteMSR(n, v), can && v&^valid == 0; got != want {
				t.Errorf("write of %#x to MSR %#x: %v", v, n, got)
			}
		}
		if l.WriteMSR(n, 0) != can {
			t.Errorf("write of 0 to MSR %#x: %v", n, !can)
		}
	}
}

func TestX2Destinations(t *testing.T) {
	m := newMachine(t, 40)
	for _, l := range m.apics {
		l.SetBase(l.Base() | BaseX2APIC)
	}
	for _, c := range []struct {
		name string
		icr  uint64
		want func(id int) bool
	}{
		{"physical", 33<<32 | 0x4041, func(id int) bool { return id == 33 }},
		{"physical, broadcast", 0xffffffff<<32 | 0x4041, func(int) bool { return true }},
		{"FFh is an ID as any", 0xff<<32 | 0x4041, func(int) bool { return false }},
		{"logical, cluster 2", 0x2000a<<32 | 0x4841, func(id int) bool { return id == 33 || id == 35 }},
		{"logical, cluster 0", 0xffff<<32 | 0x4841, func(id int) bool { return id < 16 }},
		{"logical, broadcast", 0xffffffff<<32 | 0x4841, func(int) bool { return true }},
		{"all but self", 0xc4041, func(id int) bool { return id != 0 }},
		{"self", 0x44041, func(id int) bool { return id == 0 }},
	} {
		if !m.apics[0].WriteMSR(0x830, c.icr) {
			t.Errorf("%s: refused", c.name)
		}
		for id, l := range m.apics {
			if got := l.INTR(); got != c.want(id) {
				t.Errorf("%s: APIC %d: %v", c.name, id, got)
			}
			for l.INTR() {
				l.IntAck()
				l.WriteMSR(0x80b, 0)
			}
		}
	}
	if v, _ := m.apics[0].ReadMSR(0x830); v != 0x44041 {
		t.Errorf("ICR reads %#x", v)
	}
	m.apics[5].WriteMSR(0x83f, 0x50)
	m.ack(5, 0x50)
}

// Shorthands that include the sender are for fixed interrupts.
func TestShorthandsWithSelf(t *testing.T) {
	m := newMachine(t, 2)
	for _, icr := range []uint32{0x44400, 0x84400, 0x44500, 0x84500, 0x44608, 0x84608, 0x44200, 0x84200, 0x44141, 0x84141} {
		m.w(0x300, icr)
		if e := m.events(); e != "" {
			t.Errorf("ICR %#x: %s", icr, e)
		}
		m.idle("lowest priority", 0)
		m.idle("lowest priority", 1)
	}
	m.w(0x300, 0xc4400)
	if e := m.events(); e != "1:nmi" {
		t.Errorf("NMI to all but self: %s", e)
	}
}

// The time-stamp counter may run at another rate than the clock's nanoseconds.
func TestDeadlineRate(t *testing.T) {
	m := newMachine(t, 1)
	l := m.apics[0]
	l.cpu.TSCOffset = func() uint64 { return 100 }
	l.cpu.TSCRate = func() uint64 { return 2_500_000_000 }
	m.w(0x320, 0x40045)
	l.WriteMSR(MSRTSCDeadline, 2601) // 2501 ticks: 1000.4 ns
	m.clock.Advance(1000)
	m.idle("early", 0)
	m.clock.Advance(1)
	m.ack(0, 0x45)
	m.w(0xb0, 0)
	l.WriteMSR(MSRTSCDeadline, 100+2_500_000_000*3600)
	m.clock.Advance(3600*1_000_000_000 - 1002)
	m.idle("an hour, early", 0)
	m.clock.Advance(1)
	m.ack(0, 0x45)
}

func TestDeadline(t *testing.T) {
	m := newMachine(t, 1)
	l := m.apics[0]
	offset := uint64(0)
	l.cpu.TSCOffset = func() uint64 { return offset }
	read := func() uint64 { v, _ := l.ReadMSR(MSRTSCDeadline); return v }
	l.WriteMSR(MSRTSCDeadline, 500)
	if read() != 0 {
		t.Error("taken in one-shot mode")
	}
	m.w(0x320, 0x40045)
	l.WriteMSR(MSRTSCDeadline, 5000)
	m.clock.Advance(4999)
	m.idle("early", 0)
	if v := read(); v != 5000 {
		t.Errorf("deadline reads %d", v)
	}
	m.clock.Advance(1)
	m.ack(0, 0x45)
	m.w(0xb0, 0)
	if v := read(); v != 0 {
		t.Errorf("deadline reads %d after it has passed", v)
	}
	m.w(0x380, 10)
	m.want("no count in deadline mode", 0x380, 0)
	l.WriteMSR(MSRTSCDeadline, 1)
	m.ack(0, 0x45)
	m.w(0xb0, 0)

	// The counter is set forward, and back.
	l.WriteMSR(MSRTSCDeadline, 1_000_000)
	offset = 900_000
	l.TSCMoved()
	m.clock.Advance(94_999)
	m.idle("early", 0)
	offset = 800_000
	l.TSCMoved()
	m.clock.Advance(100_000)
	m.idle("set back", 0)
	m.clock.Advance(1)
	m.ack(0, 0x45)
	m.w(0xb0, 0)

	l.WriteMSR(MSRTSCDeadline, 2_000_000)
	m.w(0x320, 0x50045)
	m.clock.Advance(2_000_000)
	m.idle("masked", 0)
	l.WriteMSR(MSRTSCDeadline, 4_000_000)
	m.w(0x320, 0x45)
	m.w(0x320, 0x40045)
	m.clock.Advance(10_000_000)
	m.idle("the mode was another meanwhile", 0)
	l.WriteMSR(MSRTSCDeadline, ^uint64(0))
	m.clock.Advance(1 << 41)
	m.idle("far away", 0)
}

// The window shows each processor its own APIC, where that is.
func TestWindow(t *testing.T) {
	m := newMachine(t, 2)
	cur := 0
	w := Window{Base: DefaultBase, Current: func() *LAPIC { return m.apics[cur] }}
	for cur = range 2 {
		if v := w.ReadMMIO(0x20, 4); v != uint64(cur)<<24 {
			t.Errorf("APIC %d: ID register %#x", cur, v)
		}
	}
	m.apics[1].SetBase(0xfed50000 | BaseEnable)
	w.WriteMMIO(0x80, 4, 0x30)
	if v := w.ReadMMIO(0x20, 4); v != ^uint64(0) || m.apics[1].TPR() != 0 {
		t.Errorf("an APIC that is elsewhere answers %#x", v)
	}
}

func FuzzX2APIC(f *testing.F) {
	f.Add([]byte{1, 0x30, 0x41, 0x40, 0, 0, 1, 0, 0, 0, 0, 0x0b, 9})
	f.Fuzz(func(t *testing.T, in []byte) {
		m := newMachine(t, 3)
		b := devtest.NewBytes(in)
		for n := 0; b.Len() > 0 && n < 2000; n++ {
			l := m.apics[int(b.Byte())%len(m.apics)]
			v := uint64(b.U32()) | uint64(b.Byte())<<32
			switch op := b.Byte(); {
			case op < 0x40:
				l.WriteMSR(MSRFirst+uint32(op), v)
			case op < 0x80:
				l.ReadMSR(MSRFirst + uint32(op-0x40))
			case op < 0xa0:
				l.SetBase(v)
			case op < 0xb0:
				l.WriteMSR(MSRTSCDeadline, v)
			case op < 0xc0:
				l.Accept(apicbus.Message{Vector: uint8(v), Mode: apicbus.Mode(v >> 8 & 7), Level: v&0x8000 != 0})
			case op < 0xd0:
				m.clock.Advance(int64(v & 0xffffff))
			default:
				if v := l.IntAck(); v < 0 || v > 255 {
					t.Fatalf("vector %d", v)
				}
			}
		}
		for _, l := range m.apics {
			s := l.SaveState()
			if s.Base&BaseX2APIC != 0 && s.Base&BaseEnable == 0 {
				t.Fatalf("IA32_APIC_BASE %#x", s.Base)
			}
			if err := l.RestoreState(s); err != nil {
				t.Error(err)
			}
		}
	})
}
