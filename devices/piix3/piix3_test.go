package piix3

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"goemu/devices/devtest"
	"goemu/devices/portmap"
)

func TestRouting(t *testing.T) {
	b := New()
	var log []string
	b.PIRQ.SetIRQ = func(n int, level bool) { log = append(log, fmt.Sprint(n, level)) }
	b.PIRQ.Set(0, true)          // not routed yet
	b.WriteConfig(0x60, 1, 10)   // PIRQA to 10
	b.WriteConfig(0x61, 1, 10)   // PIRQB too
	b.PIRQ.Set(1, true)          // shared: no change
	b.PIRQ.Set(0, false)         // still asserted by B
	b.WriteConfig(0x61, 1, 11)   // B moves to 11
	b.WriteConfig(0x61, 1, 0x8b) // and off
	b.WriteConfig(0x61, 1, 8)    // 8 is not allowed
	b.WriteConfig(0x60, 4, 0x80800b80)
	b.Reset()
	want := []string{"10 true", "10 false", "11 true", "11 false", "11 true", "11 false"}
	if d := cmp.Diff(want, log); d != "" {
		t.Error(d)
	}
}

func TestResetControl(t *testing.T) {
	b := New()
	p := portmap.New()
	b.MapInto(p)
	var log []bool
	b.OnReset = func(hard bool) { log = append(log, hard) }
	for _, v := range []uint32{0x02, 0x06, 0x06, 0x00, 0x04, 0x00, 0x0e} {
		p.Out(ResetControl, 1, v)
	}
	if d := cmp.Diff([]bool{true, false, true}, log); d != "" {
		t.Error(d)
	}
	if got := p.In(ResetControl, 1); got != 6 {
		t.Errorf("reads %#x", got)
	}
}

func TestIdentity(t *testing.T) {
	b := New()
	if got := b.ReadConfig(0, 4); got != 0x70008086 {
		t.Errorf("ID %#x", got)
	}
	if got := b.ReadConfig(0x60, 4); got != 0x80808080 {
		t.Errorf("PIRQ routing %#x", got)
	}
	if got := b.ReadConfig(0x0c, 4); got != 0x00800000 {
		t.Errorf("header %#x", got)
	}
}

func FuzzPIIX3(f *testing.F) {
	f.Add([]byte{0x60, 10, 0x61, 11, 1, 0})
	f.Fuzz(func(t *testing.T, in []byte) {
		b := New()
		level := map[int]bool{}
		b.PIRQ.SetIRQ = func(n int, l bool) {
			if level[n] == l {
				t.Fatalf("interrupt %d set to %v twice", n, l)
			}
			level[n] = l
		}
		r := devtest.NewBytes(in)
		for r.Len() > 0 {
			reg := r.Byte()
			b.WriteConfig(reg, 1<<(reg%3), r.U32())
			b.PIRQ.Set(int(reg), r.Byte()&1 != 0)
		}
	})
}
