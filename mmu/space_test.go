package mmu

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// OnUnclaimed hears of the parts of an access that nobody answers.
func TestUnclaimed(t *testing.T) {
	g := newGuest()
	var got []string
	g.OnUnclaimed = func(phys uint64, size int, write bool, v uint64) {
		got = append(got, fmt.Sprintf("%x %d %v %x", phys, size, write, v))
	}
	g.Read(0x20000, 8)
	g.Write(0x20000, 4, 5)
	g.Read(0xfff0, 8)
	if v := g.Read(0xfffe, 4); v != 0xffff0000 {
		t.Errorf("read %#x", v)
	}
	want := []string{"20000 8 false ffffffffffffffff", "20000 4 true 5", "10000 1 false ff", "10001 1 false ff"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
