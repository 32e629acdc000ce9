package pic

import (
	"fmt"
	"slices"
	"testing"

	"goemu/devices/devtest"

	"github.com/google/go-cmp/cmp"
)

// keeper has the registers, and notes what it is told.
type keeper struct {
	chips   [2]Chip
	log     []string
	refuses bool
}

func (k *keeper) Registers(chips *[2]Chip) {
	for i := range chips {
		lines := chips[i].Lines
		chips[i] = k.chips[i]
		chips[i].Lines = lines
	}
}

func (k *keeper) Hold() { k.log = append(k.log, "hold") }

func (k *keeper) SetInput(n int, level bool) bool {
	k.log = append(k.log, fmt.Sprint(n, level))
	return !k.refuses
}

// lent is a pair as PC firmware leaves it, with a keeper that has what it was given.
func lent() (p *PIC, k *keeper, out *devtest.Line) {
	out = &devtest.Line{}
	p = New(out)
	for _, w := range [][2]uint16{{0x20, 0x11}, {0x21, 8}, {0x21, 4}, {0x21, 1}, {0xa0, 0x11}, {0xa1, 0x70}, {0xa1, 2}, {0xa1, 1}, {0x4d1, 0x08}} {
		p.Out(w[0], 1, uint32(w[1]))
	}
	k = &keeper{chips: p.SaveState().Chips}
	p.Lend(k)
	return p, k, out
}

// While a keeper has the registers it has the inputs too, once for each change; devices' levels and counts stay here, and the output stands still.
func TestLendInputs(t *testing.T) {
	p, k, out := lent()
	p.IRQ(5).Set(true)
	p.IRQ(5).Set(true)
	p.IRQ(Cascade).Set(true)
	p.IRQ(5).Set(false)
	p.IRQ(11).Set(true)
	if want := []string{"5 true", "5 false", "11 true"}; !slices.Equal(k.log, want) || out.Level {
		t.Errorf("%q, output %v", k.log, out.Level)
	}
	if p.Raised(0)[5] != 1 || p.Raised(1)[3] != 1 {
		t.Error(p.Raised(0), p.Raised(1))
	}
	// The keeper has acknowledged the edge, and not seen the level: it is asserted all the same, and the master's request follows from it.
	k.chips[0].ISR = 1 << 5
	if c := p.SaveState().Chips; c[0].ISR != 1<<5 || c[0].IRR != 1<<Cascade || c[1].IRR != 1<<3 || !p.Lent() || out.Level {
		t.Errorf("%+v, output %v", c, out.Level)
	}
	k.log = nil
	p.Recall()
	p.Recall()
	if v := p.IntAck(); !out.Level && v != 0x73 || len(k.log) != 1 {
		t.Errorf("vector %#x, %q", v, k.log)
	}
	p.IRQ(11).Set(false)
	p.IRQ(5).Set(true)
	if len(k.log) != 1 {
		t.Errorf("%q", k.log)
	}
}

// An input that the keeper does not take counts here.
func TestLendRefused(t *testing.T) {
	p, k, out := lent()
	k.refuses = true
	k.chips[0].IMR = 0x08
	p.IRQ(4).Set(true)
	if want := []string{"4 true", "hold"}; !slices.Equal(k.log, want) || p.Lent() || !out.Level {
		t.Errorf("%q, output %v", k.log, out.Level)
	}
	if c := p.SaveState().Chips[0]; c.IRR != 1<<4 || c.IMR != 8 {
		t.Errorf("%+v", c)
	}
	if v := p.IntAck(); v != 0x0c {
		t.Errorf("%#x", v)
	}
}

// What looks has the keeper's registers; what changes them takes them back.
func TestLendUse(t *testing.T) {
	for name, use := range map[string]struct {
		do    func(p *PIC)
		takes bool
	}{
		"SaveState": {func(p *PIC) { p.SaveState() }, false},
		"Level":     {func(p *PIC) { p.Level(3) }, false},
		"INT":       {func(p *PIC) { p.INT() }, false},
		"Raised":    {func(p *PIC) { p.Raised(0) }, false},
		"input":     {func(p *PIC) { p.IRQ(3).Set(true) }, false},
		"In":        {func(p *PIC) { p.In(0x21, 1) }, true},
		"Out":       {func(p *PIC) { p.Out(0x20, 1, 0x20) }, true},
		"ELCR":      {func(p *PIC) { p.In(0x4d0, 1) }, true},
		"IntAck":    {func(p *PIC) { p.IntAck() }, true},
		"Reset":     {func(p *PIC) { p.Reset() }, true},
	} {
		t.Run(name, func(t *testing.T) {
			p, k, _ := lent()
			k.chips[0].ELCR, k.chips[1].IMR = 0x20, 0x7f
			use.do(p)
			if p.Lent() == use.takes {
				t.Errorf("lent %v", p.Lent())
			}
			if got := p.SaveState().Chips[1].IMR; got != 0x7f && name != "Reset" || name == "Reset" && got != 0 {
				t.Errorf("IMR %#x", got)
			}
			if !p.Level(5) && name != "Reset" {
				t.Error("ELCR is not the keeper's")
			}
		})
	}
	p, _, _ := lent()
	s := p.SaveState()
	s.Chips[0].IMR = 0x55
	if err := p.RestoreState(s); err != nil || p.Lent() || p.In(0x21, 1) != 0x55 {
		t.Error(err, p.Lent())
	}
}

// The two bits of ICW4 that keepers know leave the others.
func TestMode(t *testing.T) {
	for icw4 := range uint8(32) {
		c := Chip{ICW4: icw4}
		a, n := c.AutoEOI(), c.FullyNested()
		if a != (icw4>>1&1 != 0) || n != (icw4>>4&1 != 0) {
			t.Errorf("%#x: %v, %v", icw4, a, n)
		}
		c.SetMode(!a, !n)
		if d := cmp.Diff(icw4^0x12, c.ICW4); d != "" {
			t.Error(d)
		}
		if c.SetMode(a, n); c.ICW4 != icw4 {
			t.Errorf("%#x, not %#x", c.ICW4, icw4)
		}
	}
}
