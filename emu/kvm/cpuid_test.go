package kvm_test

import (
	"testing"

	"goemu/emu/kvm"
)

func TestAnswer(t *testing.T) {
	list := []kvm.CPUIDEntry{
		{Leaf: 1, EAX: 10, EBX: 11, ECX: 12, EDX: 13},
		{Leaf: 4, Sub: 0, Flags: kvm.SignificantIndex, EAX: 20},
		{Leaf: 4, Sub: 1, Flags: kvm.SignificantIndex, EAX: 21},
	}
	for _, c := range []struct{ leaf, sub, want uint32 }{{1, 0, 10}, {1, 5, 10}, {4, 0, 20}, {4, 1, 21}, {4, 2, 0}, {9, 0, 0}} {
		if a, _, _, _ := kvm.Answer(list, c.leaf, c.sub); a != c.want {
			t.Errorf("leaf %d.%d: %d, not %d", c.leaf, c.sub, a, c.want)
		}
	}
	if a, b, c, d := kvm.Answer(list, 1, 0); a != 10 || b != 11 || c != 12 || d != 13 {
		t.Error(a, b, c, d)
	}
}
