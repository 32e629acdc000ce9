package hpet

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"goemu/devices/devtest"
)

type bench struct {
	t      *testing.T
	clock  devtest.Clock
	h      *HPET
	lines  [32]devtest.Line
	legacy bool
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t}
	b.h = New(&b.clock, func(n int, level bool) { b.lines[n].Set(level) }, func(on bool) { b.legacy = on })
	return b
}

func (b *bench) w(off uint64, v uint64)  { b.h.WriteMMIO(off, 8, v) }
func (b *bench) w4(off uint64, v uint32) { b.h.WriteMMIO(off, 4, uint64(v)) }
func (b *bench) r(off uint64) uint64     { return b.h.ReadMMIO(off, 8) }
func (b *bench) ticks(n int64)           { b.clock.Advance(n * PeriodNs) }

func (b *bench) want(what string, off, v uint64) {
	b.t.Helper()
	if got := b.r(off); got != v {
		b.t.Errorf("%s: register %#x is %#x, want %#x", what, off, got, v)
	}
}

func TestIdentity(t *testing.T) {
	b := newBench(t)
	b.want("capabilities", 0, 0x009896808086a201)
	b.want("timer 0", 0x100, 0x00ff010400000030)
	if got := b.h.ReadMMIO(4, 4); got != 10000000 {
		t.Errorf("period %d fs", got)
	}
}

func TestCounter(t *testing.T) {
	b := newBench(t)
	b.w(0xf0, 0x123456789abc)
	b.ticks(10)
	b.want("halted", 0xf0, 0x123456789abc)
	b.w(0x10, 1)
	b.ticks(0x10)
	b.want("running", 0xf0, 0x123456789acc)
	if got := b.h.ReadMMIO(0xf4, 4); got != 0x1234 {
		t.Errorf("high half %#x", got)
	}
	b.w(0x10, 0)
	b.ticks(10)
	b.want("halted again", 0xf0, 0x123456789acc)
	b.w4(0xf4, 1)
	b.want("high half written", 0xf0, 0x156789acc)
	b.h.WriteMMIO(0xf0, 1, 0)
	b.want("a byte write is ignored", 0xf0, 0x156789acc)
}

func TestOneShotEdge(t *testing.T) {
	b := newBench(t)
	b.w(0x100, 16<<9|tnEnable)
	b.w(0x108, 1000)
	b.w(0x10, 1)
	b.ticks(999)
	if b.lines[16].Rises != 0 {
		t.Error("early")
	}
	b.ticks(1)
	if b.lines[16].Edges() != 1 {
		t.Error("no interrupt")
	}
	b.want("edge: no status", 0x20, 0)
	b.ticks(100000)
	b.w(0x108, b.r(0xf0)+500)
	b.ticks(500)
	if b.lines[16].Edges() != 1 {
		t.Error("no second interrupt")
	}
}

func TestLevel(t *testing.T) {
	b := newBench(t)
	b.w(0x120, 17<<9|tnEnable|tnLevel)
	b.w(0x128, 100)
	b.w(0x10, 1)
	b.ticks(150)
	if !b.lines[17].Level {
		t.Fatal("no interrupt")
	}
	b.want("status", 0x20, 2)
	b.w(0x20, 1)
	b.want("another timer's bit", 0x20, 2)
	b.w(0x20, 2)
	if b.want("cleared", 0x20, 0); b.lines[17].Level {
		t.Error("the line stays")
	}
}

func TestPeriodic(t *testing.T) {
	// The order of Linux: VAL_SET, comparator, period.
	b := newBench(t)
	b.w(0x10, 1)
	b.ticks(77)
	b.w4(0x100, 16<<9|tnEnable|tnPeriodic|tnValSet|tn32)
	b.w4(0x108, 77+5000)
	b.w4(0x108, 10000)
	b.ticks(4999)
	if b.lines[16].Rises != 0 {
		t.Error("early")
	}
	b.ticks(1)
	if b.lines[16].Edges() != 1 {
		t.Error("the first match")
	}
	b.want("the comparator moves on", 0x108, 77+15000)
	b.ticks(100000)
	if n := b.lines[16].Edges(); n != 10 {
		t.Errorf("%d interrupts in 10 periods", n)
	}
	b.clock.Jump(100000 * PeriodNs)
	if n := b.lines[16].Edges(); n != 1 {
		t.Errorf("%d interrupts after a jump over 10 periods, want 1", n)
	}
	b.want("the comparator is ahead", 0x108, 77+215000)
}

func TestLegacyReplacement(t *testing.T) {
	b := newBench(t)
	b.w(0x100, tnEnable)
	b.w(0x120, tnEnable)
	b.w(0x140, 18<<9|tnEnable)
	for i := range uint64(3) {
		b.w(0x108+0x20*i, 100)
	}
	b.w(0x10, 3)
	if !b.legacy {
		t.Error("the old timers are not told")
	}
	b.ticks(100)
	if b.lines[0].Edges() != 1 || b.lines[8].Edges() != 1 || b.lines[18].Edges() != 1 {
		t.Errorf("lines 0, 8, 18: %v %v %v", b.lines[0], b.lines[8], b.lines[18])
	}
	b.w(0x10, 1)
	if b.legacy || b.lines[0].Level || b.lines[8].Level {
		t.Error("legacy replacement does not end")
	}
}

func Test32BitWrap(t *testing.T) {
	b := newBench(t)
	b.w(0xf0, 0xfffffff0)
	b.w(0x100, 16<<9|tnEnable|tn32)
	b.w(0x108, 0x10)
	b.w(0x10, 1)
	b.ticks(0x1f)
	if b.lines[16].Rises != 0 {
		t.Error("early")
	}
	b.ticks(1)
	if b.lines[16].Rises != 1 {
		t.Error("no match after the low half has wrapped")
	}
}

func TestMatchInThePastNeverComes(t *testing.T) {
	b := newBench(t)
	b.w(0x10, 1)
	b.ticks(1000)
	b.w(0x100, 16<<9|tnEnable)
	b.w(0x108, 500)
	b.ticks(1 << 40)
	if b.lines[16].Rises != 0 {
		t.Error("a comparator behind the counter matched")
	}
}

func TestDisabling(t *testing.T) {
	b := newBench(t)
	b.w(0x100, 16<<9|tnEnable|tnLevel)
	b.w(0x108, 100)
	b.w(0x10, 1)
	b.ticks(100)
	b.w(0x100, 16<<9|tnLevel)
	if b.lines[16].Level {
		t.Error("line after INT_ENB is off")
	}
	b.w(0x100, 16<<9|tnLevel|tnEnable)
	if !b.lines[16].Level {
		t.Error("status is set, the timer enabled: no line")
	}
	b.w(0x10, 0)
	if b.lines[16].Level {
		t.Error("line after ENABLE is off")
	}
}

func TestTinyPeriodDoesNotHang(t *testing.T) {
	for _, period := range []uint64{0, 1, 7} {
		b := newBench(t)
		b.w(0x10, 1)
		b.w(0x100, 16<<9|tnEnable|tnPeriodic|tnValSet)
		b.w(0x108, 100)
		b.w(0x108, period)
		b.clock.Fired = 0
		b.clock.Advance(1_000_000_000)
		if b.clock.Fired > 1_000_000_000/minRearm+1 {
			t.Errorf("period %d: %d timer calls in a second", period, b.clock.Fired)
		}
		if b.lines[16].Rises == 0 {
			t.Errorf("period %d: no interrupt", period)
		}
	}
}

func TestSavedState(t *testing.T) {
	b := newBench(t)
	b.w(0x10, 1)
	b.w(0x100, 16<<9|tnEnable)
	b.w(0x108, 1000)
	b.ticks(500)
	s := b.h.SaveState()
	b.h.Reset()
	if err := b.h.RestoreState(s); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(s, b.h.SaveState()); d != "" {
		t.Error(d)
	}
	b.ticks(500)
	if b.lines[16].Edges() != 1 {
		t.Error("the timer is lost")
	}
	s.Version = 0
	if err := b.h.RestoreState(s); err == nil || fmt.Sprint(err) == "" {
		t.Error("a state of another version was taken")
	}
}

func FuzzHPET(f *testing.F) {
	f.Add([]byte{7, 0x10, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 0, 1, 0x0c, 0x20, 0, 0, 0, 0, 0, 0, 0x86, 8, 1, 255})
	f.Fuzz(func(t *testing.T, in []byte) {
		b := newBench(t)
		devtest.FuzzMMIO(in, &b.clock, b.h, 0x180)
		if err := b.h.RestoreState(b.h.SaveState()); err != nil {
			t.Error(err)
		}
	})
}
