package mmu

import (
	"fmt"
	"testing"
	"unsafe"

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

// With address line 20 held low, tables and pages above 1 MiB are those below it; what nobody claims reads as ones, at the end of the
// address space too.
func TestMaskedAddresses(t *testing.T) {
	for _, m := range modes {
		g := newGuest()
		m.paging.PhysBits = physBits
		g.build(&m, len(m.tables)-1, all)
		m.paging.CR3 |= 1 << 20
		if _, _, ok := m.paging.Walk(g.Space, m.linear, Access{}); ok && m.name != "PAE" {
			t.Errorf("%s: tables above 1 MiB are found", m.name)
		}
		g.Mask &^= 1 << 20
		g.set(&m, len(m.tables)-1, 0x10_5000|all)
		tr, _, ok := m.paging.Walk(g.Space, m.linear, Access{Write: true})
		if host, _, in := g.HostPage(tr.Phys); !ok || !in || host != uintptr(unsafe.Pointer(&g.ram[0x5000])) {
			t.Errorf("%s: ok %v, physical %#x", m.name, ok, tr.Phys)
		}
	}
	g := newGuest()
	for _, a := range []uint64{1 << 16, 1 << 39, 1<<52 - 8} {
		if v := g.Read(a, 8); v != ^uint64(0) {
			t.Errorf("%#x reads as %#x", a, v)
		}
		g.Write(a, 8, 0)
	}
	if v := g.Read(1<<16-4, 8); v != 0xffff_ffff<<32 {
		t.Errorf("a read over the end of RAM: %#x", v)
	}
	if v := g.Read(1<<52-4, 8); v != 0xffff_ffff {
		t.Errorf("a read over the end of the address space: %#x", v)
	}
}
