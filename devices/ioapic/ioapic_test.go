package ioapic

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"goemu/devices/apicbus"
	"goemu/devices/devtest"
)

// cpu is a local APIC that notes messages.
type cpu struct {
	got     []apicbus.Message
	refuses bool
}

func (c *cpu) Matches(dest uint32, logical bool) bool { return dest == 1 }
func (c *cpu) Priority() int                          { return 0 }
func (c *cpu) Accept(m apicbus.Message) bool {
	c.got = append(c.got, m)
	return !c.refuses
}

func (c *cpu) vectors() (v []uint8) {
	for _, m := range c.got {
		v = append(v, m.Vector)
	}
	c.got = nil
	return v
}

func newBench() (*IOAPIC, *cpu, *apicbus.Bus) {
	bus, c := &apicbus.Bus{}, &cpu{}
	bus.AddAgent(c)
	return New(bus, 2), c, bus
}

func write(a *IOAPIC, reg uint8, v uint32) {
	a.WriteMMIO(0x00, 4, uint64(reg))
	a.WriteMMIO(0x10, 4, uint64(v))
}

func read(a *IOAPIC, reg uint8) uint32 {
	a.WriteMMIO(0x00, 4, uint64(reg))
	return uint32(a.ReadMMIO(0x10, 4))
}

// program sets a redirection entry for destination 1.
func program(a *IOAPIC, pin uint8, low uint32) {
	write(a, 0x11+2*pin, 1<<24)
	write(a, 0x10+2*pin, low)
}

func TestRegisters(t *testing.T) {
	a, _, _ := newBench()
	for reg, want := range map[uint8]uint32{0: 2 << 24, 1: 0x00170011, 2: 2 << 24, 0x10: 0x10000, 0x11: 0, 0x3e: 0x10000, 0x40: 0} {
		if got := read(a, reg); got != want {
			t.Errorf("register %#x: %#x, want %#x", reg, got, want)
		}
	}
	write(a, 0, 0xff<<24)
	if got := read(a, 0); got != 0x0f<<24 {
		t.Errorf("ID %#x", got)
	}
	write(a, 0x12, 0xffffffff)
	if got := read(a, 0x12); got != 0x1afff {
		t.Errorf("entry %#x: delivery status and remote IRR are read-only", got)
	}
}

func TestEdge(t *testing.T) {
	a, c, _ := newBench()
	program(a, 4, 0x34)
	a.Pin(4).Set(true)
	a.Pin(4).Set(true)
	a.Pin(4).Set(false)
	a.Pin(4).Set(true)
	if d := cmp.Diff([]uint8{0x34, 0x34}, c.vectors()); d != "" {
		t.Error(d)
	}
	a.Pin(4).Set(false)
	program(a, 4, 0x10034)
	a.Pin(4).Set(true)
	program(a, 4, 0x34)
	if len(c.got) != 0 {
		t.Error("an edge on a masked pin was kept")
	}
}

func TestLevel(t *testing.T) {
	a, c, bus := newBench()
	program(a, 9, 0x8039)
	a.Pin(9).Set(true)
	a.Pin(9).Set(false)
	a.Pin(9).Set(true)
	if d := cmp.Diff([]uint8{0x39}, c.vectors()); d != "" {
		t.Error(d)
	}
	if got := read(a, 0x22); got != 0xc039 {
		t.Errorf("entry %#x: no remote IRR", got)
	}
	bus.EOI(0x40)
	if len(c.got) != 0 {
		t.Error("EOI of another vector")
	}
	bus.EOI(0x39)
	if d := cmp.Diff([]uint8{0x39}, c.vectors()); d != "" {
		t.Errorf("still asserted after EOI: %s", d)
	}
	a.Pin(9).Set(false)
	bus.EOI(0x39)
	if got := read(a, 0x22); got != 0x8039 || len(c.got) != 0 {
		t.Errorf("entry %#x after the end", got)
	}
	program(a, 9, 0x18039)
	a.Pin(9).Set(true)
	program(a, 9, 0x8039)
	if d := cmp.Diff([]uint8{0x39}, c.vectors()); d != "" {
		t.Errorf("unmasking an asserted pin: %s", d)
	}
	program(a, 9, 0x10039) // edge: the way to clear remote IRR without an EOI
	if got := read(a, 0x22); got != 0x10039 {
		t.Errorf("entry %#x: remote IRR stays in edge mode", got)
	}
}

func TestRefusedInterruptIsTriedAgain(t *testing.T) {
	a, c, _ := newBench()
	c.refuses = true
	program(a, 9, 0x8039)
	a.Pin(9).Set(true)
	if got := read(a, 0x22); got != 0x8039 {
		t.Errorf("entry %#x: remote IRR without a taker", got)
	}
	c.refuses, c.got = false, nil
	a.Pin(9).Set(true)
	if len(c.vectors()) != 1 {
		t.Error("not tried again")
	}
}

func TestMessage(t *testing.T) {
	a, c, _ := newBench()
	write(a, 0x13, 1<<24)
	write(a, 0x12, 0x8c21) // logical, NMI, level
	a.Pin(1).Set(true)
	want := []apicbus.Message{{Dest: 1, Logical: true, Mode: apicbus.NMI, Vector: 0x21, Level: true}}
	if d := cmp.Diff(want, c.got); d != "" {
		t.Error(d)
	}
	c.got = nil
	write(a, 0x14, 0x322) // a reserved delivery mode
	a.Pin(2).Set(true)
	if len(c.got) != 0 {
		t.Error("a reserved delivery mode was sent")
	}
}

func FuzzIOAPIC(f *testing.F) {
	f.Add([]byte{5, 0, 0, 0x12, 0, 0, 0, 0, 0, 0, 0, 5, 0x10, 0, 0x39, 0x80, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, in []byte) {
		var clock devtest.Clock
		a, _, bus := newBench()
		for _, b := range in {
			a.Pin(int(b) % NumPins).Set(b&0x80 != 0)
			if b&0x40 != 0 {
				bus.EOI(b)
			}
		}
		devtest.FuzzMMIO(in, &clock, a, 0x20)
		for _, b := range in {
			a.Pin(int(b) % NumPins).Set(b&0x80 != 0)
			bus.EOI(b)
		}
	})
}

// An EOI that nobody has told of ends the interrupt when it is neither pending nor in service any more.
func TestSettle(t *testing.T) {
	bus := &apicbus.Bus{}
	a := New(bus, 0)
	sent := 0
	bus.Deliver = func(m apicbus.Message) (taken, done bool) {
		sent++
		return true, true
	}
	changes := 0
	a.OnTable = func() { changes++ }
	for n, v := range map[int]uint32{4: 0x51, 5: 0x52} {
		a.WriteMMIO(0, 4, uint64(0x10+2*n))
		a.WriteMMIO(0x10, 4, uint64(1<<15|v))
		a.Pin(n).Set(true)
	}
	if v, ok := a.Level(4); !ok || v != 0x51 || changes != 2 || sent != 2 {
		t.Errorf("%#x, %v; %d changes, %d messages", v, ok, changes, sent)
	}
	if _, ok := a.Level(6); ok {
		t.Error("pin 6 is level-triggered")
	}
	a.Pin(5).Set(false)
	bus.Settle(func(v uint8) bool { return v == 0x51 })
	if sent != 2 || a.s.Table[4]&remoteIRR == 0 || a.s.Table[5]&remoteIRR != 0 {
		t.Errorf("%d messages, %#x", sent, a.s.Table[4:6])
	}
	bus.Settle(func(uint8) bool { return false }) // it is still asserted
	if sent != 3 || a.s.Table[4]&remoteIRR == 0 {
		t.Errorf("%d messages, %#x", sent, a.s.Table[4:6])
	}
}
