package ioapic

import (
	"fmt"
	"slices"
	"testing"

	"goemu/devices/apicbus"
)

// keeper has the registers, and notes what it is told.
type keeper struct {
	s       State
	log     []string
	refuses bool
}

func (k *keeper) Registers(s *State) { s.ID, s.Select, s.Table = k.s.ID, k.s.Select, k.s.Table }
func (k *keeper) Hold()              { k.log = append(k.log, "hold") }
func (k *keeper) SetInput(n int, level bool) bool {
	k.log = append(k.log, fmt.Sprint(n, level))
	return !k.refuses
}

func lent() (*IOAPIC, *keeper, *cpu, *apicbus.Bus) {
	a, c, bus := newBench()
	program(a, 3, 0x33)
	program(a, 4, 0x8044)
	k := &keeper{s: a.SaveState()}
	bus.Heard = true
	a.Lend(k)
	return a, k, c, bus
}

// While a keeper has the registers it has the inputs, once for each change; levels and counts stay here.
func TestLendInputs(t *testing.T) {
	a, k, c, _ := lent()
	a.Pin(3).Set(true)
	a.Pin(3).Set(true)
	a.Pin(3).Set(false)
	a.Pin(4).Set(true)
	if want := []string{"3 true", "3 false", "4 true"}; !slices.Equal(k.log, want) || len(c.got) != 0 || a.Raised()[3] != 1 || a.SaveState().Lines != 1<<4 {
		t.Errorf("%q, %+v", k.log, c.got)
	}
	// It has interrupted for the level, and is told of the end by nobody.
	k.s.Table[4] |= remoteIRR | 1<<20 | 1<<12
	if e := a.SaveState().Table[4]; e != 1<<56|remoteIRR|0x8044 {
		t.Errorf("%#x", e)
	}
	a.Recall()
	a.Recall()
	if len(c.got) != 0 || k.log[len(k.log)-1] != "hold" || len(k.log) != 4 {
		t.Errorf("%q, %+v", k.log, c.got)
	}
	a.Settle(func(uint8) bool { return false })
	if v := c.vectors(); !slices.Equal(v, []uint8{0x44}) {
		t.Errorf("%#x", v)
	}
}

// What a keeper has not sent is sent when the registers come back; an input that it does not take counts here.
func TestLendBack(t *testing.T) {
	a, _, c, bus := lent()
	a.Pin(4).Set(true)
	bus.Recall()
	if v := c.vectors(); !slices.Equal(v, []uint8{0x44}) || a.Lent() {
		t.Errorf("%#x", v)
	}
	a, k, c, _ := lent()
	k.refuses = true
	a.Pin(3).Set(true)
	if v := c.vectors(); !slices.Equal(v, []uint8{0x33}) || a.Lent() {
		t.Errorf("%#x", v)
	}
	if want := []string{"3 true", "hold"}; !slices.Equal(k.log, want) {
		t.Errorf("%q", k.log)
	}
}

// What waits of inputs: levels, and edges that a mask holds off; not an edge that has interrupted.
func TestPending(t *testing.T) {
	a, _, _ := newBench()
	for n, low := range []uint32{0x50, 0x10050, 0x8050, 0x18050} {
		program(a, uint8(n), low)
		program(a, uint8(n)+4, low)
		a.Pin(n).Set(true)
	}
	if p := a.Pending(); p != 0xe {
		t.Errorf("%#x", p)
	}
}

// What looks has the keeper's registers; what changes them takes them back.
func TestLendUse(t *testing.T) {
	for name, use := range map[string]struct {
		do    func(a *IOAPIC)
		takes bool
	}{
		"SaveState": {func(a *IOAPIC) { a.SaveState() }, false},
		"Level":     {func(a *IOAPIC) { a.Level(3) }, false},
		"Raised":    {func(a *IOAPIC) { a.Raised() }, false},
		"Settle":    {func(a *IOAPIC) { a.bus.Settle(func(uint8) bool { return false }) }, false},
		"read":      {func(a *IOAPIC) { a.ReadMMIO(0x10, 4) }, false},
		"input":     {func(a *IOAPIC) { a.Pin(7).Set(true) }, false},
		"write":     {func(a *IOAPIC) { a.WriteMMIO(0, 4, 1) }, true},
		"SetID":     {func(a *IOAPIC) { a.SetID(1) }, true},
		"EOI":       {func(a *IOAPIC) { a.EOI(0x44) }, true},
		"Reset":     {func(a *IOAPIC) { a.Reset() }, true},
	} {
		t.Run(name, func(t *testing.T) {
			a, k, _, _ := lent()
			k.s.Table[9] = 0x99
			use.do(a)
			if a.Lent() == use.takes {
				t.Errorf("lent %v", a.Lent())
			}
			if e := a.SaveState().Table[9]; e != 0x99 && name != "Reset" || name == "Reset" && e != masked {
				t.Errorf("%#x", e)
			}
		})
	}
	a, _, _, _ := lent()
	if err := a.RestoreState(a.SaveState()); err != nil || a.Lent() {
		t.Error(err, a.Lent())
	}
}
