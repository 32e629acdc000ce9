package acpipm

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"goemu/devices/devtest"
)

type bench struct {
	clock  devtest.Clock
	sci    devtest.Line
	pm     *PM
	sleeps []Sleep
}

func newBench() *bench {
	b := &bench{}
	b.pm = New(&b.clock, &b.sci, [8]Sleep{0: S5, 1: S3, 6: S4}, 64)
	b.pm.OnSleep = func(s Sleep) { b.sleeps = append(b.sleeps, s) }
	b.pm.Reset()
	return b
}

func (b *bench) out(off uint16, size int, v uint32) {
	for i := range size {
		b.pm.Write(off+uint16(i), uint8(v>>(8*i)))
	}
	b.pm.Update()
}

// Each event interrupts if it is enabled and ACPI mode is on, until it is cleared (ACPI 6.3, 4.8.3.1).
func TestEvents(t *testing.T) {
	for _, sts := range []uint16{StsGlobal, StsPower, StsRTC} {
		b := newBench()
		b.pm.SetACPI(true)
		b.pm.Raise(sts)
		if b.sci.Level || b.pm.In(Status, 2) != uint32(sts) {
			t.Errorf("event %#x: SCI without enable, or status %#x", sts, b.pm.In(Status, 2))
		}
		b.out(Enable, 2, uint32(sts))
		if !b.sci.Level || !b.pm.Enabled(sts) {
			t.Errorf("event %#x: no SCI", sts)
		}
		b.pm.SetACPI(false)
		if b.sci.Level {
			t.Errorf("event %#x: SCI in legacy mode", sts)
		}
		b.pm.SetACPI(true)
		b.out(Status, 4, uint32(sts)<<16|uint32(sts))
		if b.sci.Level || b.pm.In(Status, 4) != uint32(sts)<<16 {
			t.Errorf("event %#x: writing 1 does not clear it", sts)
		}
	}
	b := newBench()
	b.out(Enable, 2, 0xffff)
	b.pm.SetACPI(true)
	b.pm.Raise(StsWake)
	if b.sci.Level || b.pm.In(Status, 4) != enAll<<16|StsWake {
		t.Errorf("WAK_STS interrupts, or the registers read %#x", b.pm.In(Status, 4))
	}
}

func TestGPE(t *testing.T) {
	b := newBench()
	b.pm.SetACPI(true)
	b.pm.RaiseGPE(1 << 41)
	b.pm.WriteGPE(8+4, 0xff)
	b.pm.Update()
	if b.sci.Level {
		t.Error("SCI by an event that is not enabled")
	}
	b.pm.WriteGPE(8+5, 2)
	b.pm.Update()
	if !b.sci.Level || b.pm.ReadGPE(5) != 2 || b.pm.ReadGPE(13) != 2 {
		t.Error("no SCI")
	}
	b.pm.WriteGPE(5, 2)
	b.pm.Update()
	if b.sci.Level || b.pm.ReadGPE(5) != 0 {
		t.Error("SCI stays")
	}
}

func TestSleepTypes(t *testing.T) {
	b := newBench()
	for typ := range uint32(8) {
		b.out(Control, 2, typ<<CtlTypeAt|CtlSCI)
		b.out(Control, 2, typ<<CtlTypeAt|CtlSleep|CtlSCI)
		if got := b.pm.In(Control, 2); got != typ<<CtlTypeAt|CtlSCI {
			t.Errorf("type %d: control reads %#x", typ, got)
		}
	}
	if d := cmp.Diff([]Sleep{S5, S3, S4}, b.sleeps); d != "" {
		t.Error(d)
	}
}

func TestTimer(t *testing.T) {
	b := newBench()
	b.clock.Advance(1_000_000_000)
	if got := b.pm.In(Timer, 4); got != TimerHz {
		t.Errorf("after a second: %d", got)
	}
	b.clock.Advance(4_000_000_000) // 24 bits are 4.69 s
	if got := b.pm.In(Timer, 4); got != 5*TimerHz-1<<24 {
		t.Errorf("after 5 s: %d", got)
	}
	if b.pm.In(Status, 2) != StsTimer {
		t.Error("no TMR_STS")
	}
}

func FuzzPM(f *testing.F) {
	f.Add([]byte{3, 4, 0, 0x20, 0, 0, 1, 2, 1})
	f.Fuzz(func(t *testing.T, in []byte) {
		b := newBench()
		src := devtest.NewBytes(in)
		for n := 0; src.Len() > 0 && n < 2000; n++ {
			op, off, v := src.Byte(), uint16(src.Byte()), src.Byte()
			switch op & 3 {
			case 0:
				b.pm.Write(off, v)
			case 1:
				b.pm.WriteGPE(off&15, v)
			case 2:
				b.pm.In(off, 1+int(v&3))
				b.pm.ReadGPE(off & 15)
			case 3:
				b.clock.Advance(int64(v) << (op >> 2 & 31))
			}
			b.pm.Update()
		}
	})
}
