package portmap

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"goemu/devices"
)

// recorder notes the accesses it sees and reads as its own ports' numbers.
type recorder struct {
	max int
	log []string
}

func (r *recorder) In(port uint16, size int) uint32 {
	r.log = append(r.log, fmt.Sprintf("in%d %x", size, port))
	var v uint32
	for i := range size {
		v |= uint32(byte(port)+byte(i)) << (8 * i)
	}
	return v
}

func (r *recorder) Out(port uint16, size int, v uint32) {
	r.log = append(r.log, fmt.Sprintf("out%d %x=%x", size, port, v))
}

type narrow struct{ recorder }

func (n *narrow) MaxPortSize() int { return n.max }

// All has every claim, Claims what answers.
func TestHiddenClaims(t *testing.T) {
	m := New()
	a, b := &recorder{}, &recorder{}
	m.MapPorts(0xe9, 1, a)
	m.MapPorts(0xe8, 4, b)
	list := func(each func(func(uint16, uint16, devices.PortDevice))) (s string) {
		each(func(first, last uint16, d devices.PortDevice) { s += fmt.Sprintf("%x-%x %v ", first, last, d == b) })
		return s
	}
	if all, seen := list(m.All), list(m.Claims); all != "e8-eb true e9-e9 false " || seen != "e8-eb true " {
		t.Errorf("all %q, seen %q", all, seen)
	}
}

func TestAccessSplitting(t *testing.T) {
	wide := &recorder{}
	byteWide := &narrow{recorder{max: 1}}
	wordWide := &narrow{recorder{max: 2}}
	m := New()
	m.MapPorts(0x10, 4, wide)
	m.MapPorts(0x20, 4, byteWide)
	m.MapPorts(0x30, 4, wordWide)
	m.MapPorts(0x40, 1, wide)
	m.MapPorts(0xffff, 8, wide)
	for _, c := range []struct {
		port uint16
		size int
		want uint32
	}{
		{0x10, 4, 0x13121110},
		{0x20, 4, 0x23222120},
		{0x20, 2, 0x2120},
		{0x30, 4, 0x33323130},
		{0x12, 4, 0xffff1312}, // runs out of the claim
		{0x40, 2, 0xff40},
		{0x50, 1, 0xff},
		{0x50, 2, 0xffff},
		{0x50, 4, 0xffffffff},
		{0xffff, 2, 0xffff},
	} {
		if got := m.In(c.port, c.size); got != c.want {
			t.Errorf("In(%#x, %d) = %#x, want %#x", c.port, c.size, got, c.want)
		}
	}
	wide.log, byteWide.log, wordWide.log = nil, nil, nil
	m.Out(0x10, 4, 0x44332211)
	m.Out(0x20, 2, 0x2211)
	m.Out(0x30, 4, 0x44332211)
	m.Out(0x50, 4, 0)
	if d := cmp.Diff([]string{"out4 10=44332211"}, wide.log); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"out1 20=11", "out1 21=22"}, byteWide.log); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"out2 30=2211", "out2 32=4433"}, wordWide.log); d != "" {
		t.Error(d)
	}
}

func TestNewestClaimWins(t *testing.T) {
	old, young := &recorder{}, &narrow{recorder{max: 1}}
	m := New()
	m.MapPorts(0xcf8, 4, old)
	m.MapPorts(0xcf9, 1, young)
	m.In(0xcf8, 4)
	m.In(0xcf9, 1)
	if d := cmp.Diff([]string{"in4 cf8"}, old.log); d != "" {
		t.Errorf("a doubleword at the old claim's first port: %s", d)
	}
	if d := cmp.Diff([]string{"in1 cf9"}, young.log); d != "" {
		t.Error(d)
	}
	m.UnmapPorts(0xcf9, 1)
	m.In(0xcf9, 1)
	if len(old.log) != 2 || len(young.log) != 1 {
		t.Errorf("after the younger claim is gone: old saw %v, young %v", old.log, young.log)
	}
}

// OnUnclaimed hears of the parts of an access that nobody answers, in as few pieces as there are.
func TestUnclaimed(t *testing.T) {
	m := New()
	m.MapPorts(0x10, 1, &recorder{})
	var got []string
	m.OnUnclaimed = func(port uint16, size int, write bool, v uint32) {
		got = append(got, fmt.Sprintf("%x %d %v %x", port, size, write, v))
	}
	m.In(0x20, 4)
	m.Out(0x20, 2, 0x12345678)
	m.In(0x10, 1)
	if v := m.In(0x10, 4); v != 0xffffff10 {
		t.Errorf("read %#x", v)
	}
	want := []string{"20 4 false ffffffff", "20 2 true 5678", "11 1 false ff", "12 2 false ffff"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
