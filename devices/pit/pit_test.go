package pit

import (
	"fmt"
	"strings"
	"testing"

	"goemu/devices/devtest"
)

// bench is a PIT on a clock that moves by input clock ticks.
type bench struct {
	t     *testing.T
	clock devtest.Clock
	irq   devtest.Line
	pit   *PIT
	tick  int64
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t}
	b.pit = New(&b.clock, &b.irq)
	b.goTo(100)
	return b
}

func (b *bench) goTo(tick int64) {
	b.tick = tick
	b.clock.Advance(when(tick) - b.clock.Now())
}

func (b *bench) out(port uint16, v uint8) { b.pit.Out(port, 1, uint32(v)) }
func (b *bench) in(port uint16) uint8     { return uint8(b.pit.In(port, 1)) }

// counter2 reads counter 2's output and count (low byte, latched).
func (b *bench) counter2() (level bool, count uint8) {
	b.out(0x43, 0x80)
	return b.in(0x61)&0x20 != 0, b.in(0x42)
}

// TestWaveforms follows the timing diagrams of the data sheet (figures 15 to 20) on counter 2, low byte only. In a
// script a number lets the tick after which the wave and counts are noted pass, w4 writes the count 4, g0 and g1 set the gate.
// The wave has a column for each tick: the output and the count.
func TestWaveforms(t *testing.T) {
	for _, c := range []struct {
		name   string
		mode   uint8
		script string
		want   string
	}{
		{"mode 0", 0, "w4 6", "_4 _3 _2 _1 ‾0 ‾255"},
		{"mode 0, gate stops the count", 0, "w3 2 g0 2 g1 3", "_3 _2 _2 _2 _1 ‾0 ‾255"},
		{"mode 0, a new count starts again", 0, "w3 2 w2 4", "_3 _2 _2 _1 ‾0 ‾255"},
		{"mode 1", 1, "w3 2 g0 g1 5", "‾? ‾? _3 _2 _1 ‾0 ‾255"},
		{"mode 1, triggered again", 1, "w3 g0 g1 2 g0 g1 4", "_3 _2 _3 _2 _1 ‾0"},
		{"mode 1, a new count waits for the trigger", 1, "w2 g0 g1 1 w4 2 g0 g1 3", "_2 _1 ‾0 _4 _3 _2"},
		{"mode 2", 2, "w3 7", "‾3 ‾2 _1 ‾3 ‾2 _1 ‾3"},
		{"mode 2, gate", 2, "w3 2 g0 2 g1 4", "‾3 ‾2 ‾2 ‾2 ‾3 ‾2 _1 ‾3"},
		{"mode 2, a new count follows the period", 2, "w4 2 w3 6", "‾4 ‾3 ‾2 _1 ‾3 ‾2 _1 ‾3"},
		{"mode 3, even", 3, "w4 9", "‾4 ‾2 _4 _2 ‾4 ‾2 _4 _2 ‾4"},
		{"mode 3, odd", 3, "w5 11", "‾4 ‾2 ‾0 _4 _2 ‾4 ‾2 ‾0 _4 _2 ‾4"},
		{"mode 3, gate", 3, "w4 3 g0 2 g1 4", "‾4 ‾2 _4 ‾4 ‾4 ‾4 ‾2 _4 _2"},
		{"mode 3, a new count follows the half period", 3, "w4 1 w6 6", "‾4 ‾2 _6 _4 _2 ‾6 ‾4"},
		{"mode 4", 4, "w3 6", "‾3 ‾2 ‾1 _0 ‾255 ‾254"},
		{"mode 4, gate", 4, "w3 2 g0 2 g1 4", "‾3 ‾2 ‾2 ‾2 ‾1 _0 ‾255 ‾254"},
		{"mode 5", 5, "w3 1 g0 g1 5", "‾? ‾3 ‾2 ‾1 _0 ‾255"},
		{"mode 5, triggered again", 5, "w3 g0 g1 2 g0 g1 5", "‾3 ‾2 ‾3 ‾2 ‾1 _0 ‾255"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			b.out(0x61, 1)
			b.out(0x43, 0x80|rwLow|c.mode<<1)
			var wave []string
			for _, w := range strings.Fields(c.script) {
				var n int
				switch {
				case w[0] == 'w':
					_, _ = fmt.Sscan(w[1:], &n)
					b.out(0x42, uint8(n))
				case w[0] == 'g':
					b.out(0x61, w[1]-'0')
				default:
					_, _ = fmt.Sscan(w, &n)
					for range n {
						b.goTo(b.tick + 1)
						level, count := b.counter2()
						wave = append(wave, map[bool]string{false: "_", true: "‾"}[level]+fmt.Sprint(count))
					}
				}
			}
			want := strings.Fields(c.want)
			for i := range want {
				if strings.HasSuffix(want[i], "?") && i < len(wave) {
					wave[i] = string([]rune(wave[i])[:1]) + "?"
				}
			}
			if got := strings.Join(wave, " "); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestReadFormats(t *testing.T) {
	b := newBench(t)
	for _, c := range []struct {
		name   string
		rw     uint8
		writes []uint8
		reads  []uint8 // one tick after the load, so the count is one less
	}{
		{"low byte", rwLow, []uint8{0x35}, []uint8{0x34, 0x34}},
		{"high byte", rwHigh, []uint8{0x12}, []uint8{0x11, 0x11}},
		{"both", rwBoth, []uint8{0x35, 0x12}, []uint8{0x34, 0x12, 0x34, 0x12}},
		{"both, zero is 65536", rwBoth, []uint8{0, 0}, []uint8{0xff, 0xff}},
		{"BCD", rwBoth | bcdBit, []uint8{0x00, 0x10}, []uint8{0x99, 0x09}},
		{"BCD, zero is 10000", rwBoth | bcdBit, []uint8{0, 0}, []uint8{0x99, 0x99}},
	} {
		b.out(0x43, c.rw|4) // counter 0, mode 2
		for _, w := range c.writes {
			b.out(0x40, w)
		}
		b.goTo(b.tick + 2)
		for i, want := range c.reads {
			if got := b.in(0x40); got != want {
				t.Errorf("%s, read %d: %#x, want %#x", c.name, i, got, want)
			}
		}
	}
}

func TestLatch(t *testing.T) {
	b := newBench(t)
	b.out(0x43, rwBoth|4)
	b.out(0x40, 0x00)
	b.out(0x40, 0x10)
	b.goTo(b.tick + 1)
	b.out(0x43, 0x00) // latch counter 0 at 1000h
	b.goTo(b.tick + 0x10)
	b.out(0x43, 0x00) // a second latch is ignored
	if lo, hi := b.in(0x40), b.in(0x40); lo != 0 || hi != 0x10 {
		t.Errorf("latched %02x%02x, want 1000", hi, lo)
	}
	if lo, hi := b.in(0x40), b.in(0x40); lo != 0xf0 || hi != 0x0f {
		t.Errorf("running %02x%02x, want 0ff0", hi, lo)
	}
}

func TestReadBack(t *testing.T) {
	b := newBench(t)
	b.out(0x43, rwLow|0<<1) // counter 0, mode 0
	b.out(0x43, 0xe2)       // status of counter 0
	if got := b.in(0x40); got != 0x50 {
		t.Errorf("status before the count: %#x, want 50h (output low, null count, low byte, mode 0)", got)
	}
	b.out(0x40, 3)
	b.out(0x43, 0xe2)
	if got := b.in(0x40); got != 0x50 {
		t.Errorf("status before the load: %#x, want 50h", got)
	}
	b.goTo(b.tick + 2)
	b.out(0x43, 0xc2) // count and status
	b.goTo(b.tick + 5)
	if s, n := b.in(0x40), b.in(0x40); s != 0x10 || n != 2 {
		t.Errorf("status %#x count %d, want 10h 2", s, n)
	}
	b.out(0x43, 0xe2)
	if got := b.in(0x40); got != 0x90 {
		t.Errorf("status at the end: %#x, want 90h", got)
	}
	if b.in(0x43) != 0xff {
		t.Error("the control word can be read")
	}
}

func TestInterruptRate(t *testing.T) {
	b := newBench(t)
	for _, mode := range []uint8{2, 3} {
		b.out(0x43, rwBoth|mode<<1)
		b.out(0x40, 0x9c) // 2E9Ch = 11932: about 100 Hz
		b.out(0x40, 0x2e)
		b.irq.Edges()
		b.clock.Advance(second)
		if n := b.irq.Edges(); n != 99 && n != 100 {
			t.Errorf("mode %d: %d interrupts in a second, want 100", mode, n)
		}
	}
}

func TestOneShotInterrupt(t *testing.T) {
	b := newBench(t)
	for _, mode := range []uint8{0, 4} {
		b.out(0x43, rwBoth|mode<<1)
		b.irq.Edges()
		b.out(0x40, 100)
		b.out(0x40, 0)
		start := b.tick
		b.goTo(start + 100)
		if n := b.irq.Edges(); n != 0 {
			t.Errorf("mode %d: %d early interrupts", mode, n)
		}
		b.goTo(start + 103)
		if n := b.irq.Edges(); n != 1 {
			t.Errorf("mode %d: %d interrupts, want 1", mode, n)
		}
		b.goTo(start + 1000000)
		if n := b.irq.Edges(); n != 0 {
			t.Errorf("mode %d: %d more interrupts", mode, n)
		}
	}
}

// A host that is late owes the guest the periods of the last 100 ms, which come one by one.
func TestLateHost(t *testing.T) {
	for _, mode := range []uint8{2, 3} {
		b := newBench(t)
		b.out(0x43, rwBoth|mode<<1)
		b.out(0x40, 0x9c) // 100 Hz
		b.out(0x40, 0x2e)
		b.irq.Edges()
		late := func(d int64, want int) {
			t.Helper()
			for n := range want {
				b.clock.Jump(d)
				if d = 0; b.irq.Edges() != 1 {
					t.Errorf("mode %d: not one edge at call %d after a jump", mode, n)
				}
				next, ok := b.clock.Next()
				owed := n+1 < want
				if !ok || owed != (next == b.clock.Now()+patience) || next <= b.clock.Now() {
					t.Errorf("mode %d: after %d of %d edges the timer waits for %d, now is %d", mode, n+1, want, next, b.clock.Now())
				}
				b.pit.CatchUp()
				if next, _ = b.clock.Next(); owed != (next <= b.clock.Now()) {
					t.Errorf("mode %d: when the guest has taken %d of %d the timer waits for %d, now is %d", mode, n+1, want, next, b.clock.Now())
				}
			}
		}
		late(32_500_000, 3)
		late(second, 10)
		b.clock.Advance(second)
		if n := b.irq.Edges(); n < 99 || n > 101 {
			t.Errorf("mode %d: %d interrupts in the second after it, want 100", mode, n)
		}
	}
}

func TestTinyPeriodDoesNotHang(t *testing.T) {
	b := newBench(t)
	b.out(0x43, rwLow|2<<1)
	b.out(0x40, 2)
	b.clock.Fired = 0
	b.clock.Advance(second)
	if b.clock.Fired > second/minRearm+1 {
		t.Errorf("%d timer calls in a second", b.clock.Fired)
	}
	if b.irq.Edges() < 1000 {
		t.Error("hardly any interrupts")
	}
}

func TestPort61(t *testing.T) {
	b := newBench(t)
	b.out(0x61, 0xff)
	if v := b.in(0x61); v&^0x30 != 0x0f {
		t.Errorf("port 61h reads %#x after FFh", v)
	}
	seen := map[uint8]bool{}
	for range 4 {
		seen[b.in(0x61)&0x10] = true
		b.clock.Advance(refreshToggle)
	}
	if len(seen) != 2 {
		t.Error("the refresh bit does not toggle")
	}
}

func FuzzPIT(f *testing.F) {
	f.Add([]byte{1, 3, 0x34, 0, 0, 0, 1, 0, 2, 0, 0, 0, 0x81, 0, 0, 0, 0, 0, 200})
	f.Fuzz(func(t *testing.T, in []byte) {
		var c devtest.Clock
		p := New(&c, &devtest.Line{})
		devtest.FuzzPorts(in, &c, p, 0x40, 0x41, 0x42, 0x43, 0x61)
		if err := p.RestoreState(p.SaveState()); err != nil {
			t.Error(err)
		}
	})
}
