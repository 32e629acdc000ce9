package apicbus

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// agent is a local APIC that takes everything and notes it.
type agent struct {
	id       uint32
	priority int
	got      []Message
}

func (a *agent) Matches(dest uint32, logical bool) bool {
	if logical {
		return dest>>a.id&1 != 0
	}
	return dest == a.id || dest == Broadcast
}
func (a *agent) Priority() int { return a.priority }
func (a *agent) Accept(m Message) bool {
	a.got = append(a.got, m)
	return true
}

// Address and data as in the figures of SDM vol. 3A, 11.11.
func TestMSI(t *testing.T) {
	for _, c := range []struct {
		name  string
		addr  uint64
		data  uint32
		takes []int // APICs
		want  Message
	}{
		{"physical", 0xfee01000, 0x4041, []int{1}, Message{Dest: 1, Vector: 0x41}},
		{"all", 0xfeeff000, 0x0042, []int{0, 1}, Message{Dest: Broadcast, Vector: 0x42}},
		{"logical", 0xfee02004, 0x0043, []int{1}, Message{Dest: 2, Logical: true, Vector: 0x43}},
		{"lowest priority", 0xfee0300c, 0x0144, []int{1}, Message{Dest: 3, Logical: true, Vector: 0x44}},
		{"level", 0xfee00000, 0xc045, []int{0}, Message{Vector: 0x45, Level: true}},
		{"level deassert", 0xfee00000, 0x8045, nil, Message{}},
		{"NMI", 0xfee00000, 0x0400, []int{0}, Message{Mode: NMI}},
		{"start-up", 0xfee00000, 0x0600, nil, Message{}},
		{"reserved", 0xfee00000, 0x0300, nil, Message{}},
	} {
		agents := []*agent{{id: 0, priority: 5}, {id: 1, priority: 3}}
		b := &Bus{}
		for _, a := range agents {
			b.AddAgent(a)
		}
		if got := b.SendMSI(c.addr, c.data); got != (c.takes != nil) {
			t.Errorf("%s: taken %v", c.name, got)
		}
		for i, a := range agents {
			var want []Message
			for _, n := range c.takes {
				if n == i {
					want = []Message{c.want}
				}
			}
			if d := cmp.Diff(want, a.got); d != "" {
				t.Errorf("%s: APIC %d: %s", c.name, i, d)
			}
		}
	}
	if IsMSI(MSIBase-1) || IsMSI(MSIBase+MSISize) || !IsMSI(0xfee0100c) {
		t.Error("the window of messages is wrong")
	}
}
