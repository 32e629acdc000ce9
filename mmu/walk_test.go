package mmu

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"unsafe"
)

// guest is 64 KiB of RAM with page tables in it.
type guest struct {
	*Space
	ram []byte
}

func newGuest() *guest {
	b := make([]byte, 1<<16+PageSize)
	off := -uintptr(unsafe.Pointer(&b[0])) & PageMask
	g := &guest{NewSpace(52), b[off : off+1<<16]}
	g.MapRAM(0, g.ram, false)
	return g
}

const physBits = 40

// mode is a paging mode and the way to build one translation in it.
type mode struct {
	name   string
	paging Paging
	linear uint64
	entry  int
	tables []uint64 // where the entries for linear stand, from the top; the last is that of a 4 KiB page
	big    []int    // which of them may map a large page
}

// Tables stand at 0x1000, 0x2000 and so on; linear addresses use odd indexes at each level.
var modes = []mode{
	{
		name: "32-bit", entry: 4, linear: 1<<22 | 3<<12 | 0x123,
		paging: Paging{CR0: CR0PG | CR0WP, CR3: 0x1000, CR4: CR4PSE | CR4PGE},
		tables: []uint64{0x1000 + 1*4, 0x2000 + 3*4}, big: []int{0},
	},
	{
		name: "PAE", entry: 8, linear: 1<<30 | 5<<21 | 3<<12 | 0x123,
		paging: Paging{CR0: CR0PG | CR0WP, CR3: 0x1000, CR4: CR4PAE | CR4PGE, EFER: EFERNXE, PDPTE: [4]uint64{1: 0x2000 | PTEPresent}},
		tables: []uint64{0x2000 + 5*8, 0x3000 + 3*8}, big: []int{0},
	},
	{
		name: "4-level", entry: 8, linear: 7<<39 | 1<<30 | 5<<21 | 3<<12 | 0x123,
		paging: Paging{CR0: CR0PG | CR0WP, CR3: 0x1000, CR4: CR4PAE | CR4PGE, EFER: EFERNXE | EFERLMA},
		tables: []uint64{0x1000 + 7*8, 0x2000 + 1*8, 0x3000 + 5*8, 0x4000 + 3*8}, big: []int{1, 2},
	},
	{
		name: "5-level", entry: 8, linear: 9<<48 | 7<<39 | 1<<30 | 5<<21 | 3<<12 | 0x123,
		paging: Paging{CR0: CR0PG | CR0WP, CR3: 0x1000, CR4: CR4PAE | CR4PGE | CR4LA57, EFER: EFERNXE | EFERLMA},
		tables: []uint64{0x1000 + 9*8, 0x2000 + 7*8, 0x3000 + 1*8, 0x4000 + 5*8, 0x6000 + 3*8}, big: []int{2, 3},
	},
}

func (g *guest) set(m *mode, level int, v uint64) { store(g.ram[m.tables[level]:], m.entry, v) }
func (g *guest) entry(m *mode, level int) uint64  { return load(g.ram[m.tables[level]:], m.entry) }

// build maps linear to a 4 KiB page at 0x5000 with the same flags at each level, or to a large page at level leaf.
func (g *guest) build(m *mode, leaf int, flags uint64) {
	for l := range m.tables {
		next := uint64(0x1000)
		if l+1 < len(m.tables) {
			next = m.tables[l+1] &^ PageMask
		}
		switch {
		case l < leaf:
			g.set(m, l, next|flags)
		case l == leaf && l == len(m.tables)-1:
			g.set(m, l, 0x5000|flags)
		case l == leaf:
			g.set(m, l, 0x4000_0000|flags|PTELarge)
		default:
			g.set(m, l, 0)
		}
	}
}

const all = PTEPresent | PTEWrite | PTEUser

func TestWalkTranslates(t *testing.T) {
	for _, m := range modes {
		last := len(m.tables) - 1
		for _, leaf := range append([]int{last}, m.big...) {
			g := newGuest()
			m.paging.PhysBits = physBits
			g.build(&m, leaf, all)
			tr, code, ok := m.paging.Walk(g.Space, m.linear, Access{})
			if !ok {
				t.Fatalf("%s leaf %d: fault %#x", m.name, leaf, code)
			}
			base := uint64(0x5000)
			if leaf != last {
				base = 0x4000_0000
			}
			mask := uint64(1)<<tr.Shift - 1
			if want := base | m.linear&mask; tr.Phys != want {
				t.Errorf("%s leaf %d: physical %#x, want %#x", m.name, leaf, tr.Phys, want)
			}
			wantShift := map[string][]uint8{"32-bit": {22, 12}, "PAE": {21, 12}, "4-level": {0, 30, 21, 12}, "5-level": {0, 0, 30, 21, 12}}[m.name][leaf]
			if tr.Shift != wantShift {
				t.Errorf("%s leaf %d: page of 2^%d, want 2^%d", m.name, leaf, tr.Shift, wantShift)
			}
		}
	}
}

// A level that is not present faults with P clear, and nothing is accessed.
func TestWalkNotPresent(t *testing.T) {
	for _, m := range modes {
		m.paging.PhysBits = physBits
		for missing := range m.tables {
			g := newGuest()
			g.build(&m, len(m.tables)-1, all)
			g.set(&m, missing, g.entry(&m, missing)&^PTEPresent)
			before := append([]byte(nil), g.ram...)
			_, code, ok := m.paging.Walk(g.Space, m.linear, Access{Write: true, User: true})
			if ok || code != FaultWrite|FaultUser {
				t.Errorf("%s level %d missing: ok %v code %#x", m.name, missing, ok, code)
			}
			if !bytes.Equal(before, g.ram) {
				t.Errorf("%s level %d missing: the tables were changed", m.name, missing)
			}
		}
	}
	p := modes[1].paging
	p.PDPTE[1] = 0
	if _, code, ok := p.Walk(newGuest().Space, modes[1].linear, Access{}); ok || code != 0 {
		t.Errorf("PDPTE missing: ok %v code %#x", ok, code)
	}
}

// Reserved bits fault with RSVD and P set, at every level, as SDM vol. 3A tables 4-4 to 4-19 list them.
func TestWalkReserved(t *testing.T) {
	reserved := map[string]map[int]map[bool][]uint{ // mode, level, large: bits
		"32-bit":  {0: {true: {21}, false: nil}, 1: {false: nil}},
		"PAE":     {0: {false: {40, 51, 52, 62}, true: {13, 20, 40, 62}}, 1: {false: {40, 52, 62}}},
		"4-level": {0: {false: {7, 40, 51}}, 1: {false: {40, 51}, true: {13, 29, 40}}, 2: {false: {40}, true: {13, 20, 51}}, 3: {false: {40, 51}}},
		"5-level": {0: {false: {7, 40, 51}}, 1: {false: {7, 40, 51}}, 2: {false: {40, 51}, true: {13, 29, 40}}, 3: {false: {40}, true: {13, 20, 51}}, 4: {false: {40, 51}}},
	}
	for _, m := range modes {
		m.paging.PhysBits = physBits
		for level := range m.tables {
			for large, bits := range reserved[m.name][level] {
				leaf := len(m.tables) - 1
				if large {
					leaf = level
				}
				width := uint(32)
				if m.entry == 8 {
					width = 63
				}
				for b := uint(1); b < width; b++ {
					if level != leaf && b >= PageShift && b < physBits || b == 7 && level < len(m.tables)-1 && len(m.tables) < 4 || b == 7 && level > len(m.tables)-4 && level < leaf {
						continue // part of the next table's address, or the choice of a large page
					}
					g := newGuest()
					g.build(&m, leaf, all)
					g.set(&m, level, g.entry(&m, level)^1<<b)
					if g.entry(&m, level)&(1<<b) == 0 {
						continue
					}
					want := false
					for _, r := range bits {
						lo, hi := r, r
						if r >= 40 && r <= 51 {
							lo, hi = 40, 51
						}
						if r == 52 || r == 62 {
							lo, hi = 52, 62
						}
						if r == 13 || r == 20 || r == 29 { // the run below a large page's address
							lo, hi = 13, map[string]map[int]uint{"PAE": {0: 20}, "4-level": {1: 29, 2: 20}, "5-level": {2: 29, 3: 20}}[m.name][level]
						}
						want = want || b >= lo && b <= hi
					}
					_, code, ok := m.paging.Walk(g.Space, m.linear, Access{})
					if got := !ok && code == FaultPresent|FaultReserved; got != want {
						t.Errorf("%s level %d large %v bit %d: reserved fault %v, want %v (ok %v, code %#x)", m.name, level, large, b, got, want, ok, code)
					}
				}
			}
		}
	}
}

// NX is reserved while EFER.NXE is clear.
func TestWalkNXReserved(t *testing.T) {
	for _, m := range modes[1:] {
		g := newGuest()
		m.paging.PhysBits = physBits
		g.build(&m, len(m.tables)-1, all|PTENX)
		if _, code, ok := m.paging.Walk(g.Space, m.linear, Access{Exec: true}); ok || code != FaultPresent|FaultFetch {
			t.Errorf("%s: execution from an NX page: ok %v code %#x", m.name, ok, code)
		}
		m.paging.EFER &^= EFERNXE
		if _, code, ok := m.paging.Walk(g.Space, m.linear, Access{}); ok || code != FaultPresent|FaultReserved {
			t.Errorf("%s: NX without NXE: ok %v code %#x", m.name, ok, code)
		}
	}
}

// rights is SDM vol. 3A 4.6.1 written as the manual says it, for a page with these rights at all levels.
func rights(a Access, writable, user, nx, wp, smep, smap bool) bool {
	switch {
	case a.User && !user:
		return false
	case a.User && a.Write:
		return writable
	case a.User && a.Exec:
		return !nx
	case a.User:
		return true
	case a.Exec:
		return !nx && !(user && smep)
	}
	// Supervisor data accesses to user pages need SMAP off or EFLAGS.AC.
	if user && smap && a.NoUserPages {
		return false
	}
	return !a.Write || writable || !wp
}

// Every combination of right, control bit and access, with the right missing at each level in turn.
func TestWalkRights(t *testing.T) {
	for _, m := range modes {
		m.paging.PhysBits = physBits
		for level := range m.tables {
			for v := range 1 << 9 {
				bit := func(n int) bool { return v>>n&1 != 0 }
				a := Access{Write: bit(0) && !bit(1), Exec: bit(1), User: bit(2), NoUserPages: bit(3) && !bit(2) && !bit(1)}
				writable, user, nx := bit(4), bit(5), bit(6) && m.entry == 8
				wp, guard := bit(7), bit(8)
				g := newGuest()
				g.build(&m, len(m.tables)-1, all)
				e := g.entry(&m, level)
				if !writable {
					e &^= PTEWrite
				}
				if !user {
					e &^= PTEUser
				}
				if nx {
					e |= PTENX
				}
				g.set(&m, level, e)
				p := m.paging
				if !wp {
					p.CR0 &^= CR0WP
				}
				if guard {
					p.CR4 |= CR4SMEP | CR4SMAP
				}
				before := append([]byte(nil), g.ram...)
				_, code, ok := p.Walk(g.Space, m.linear, a)
				want := rights(a, writable, user, nx, wp, guard, guard)
				name := fmt.Sprintf("%s level %d %+v w %v u %v nx %v wp %v smep/smap %v", m.name, level, a, writable, user, nx, wp, guard)
				if ok != want {
					t.Errorf("%s: permitted %v, want %v", name, ok, want)
					continue
				}
				if ok {
					for l := range m.tables {
						leaf := l == len(m.tables)-1
						if e := g.entry(&m, l); e&PTEAccessed == 0 || leaf && (e&PTEDirty != 0) != a.Write || !leaf && e&PTEDirty != 0 {
							t.Errorf("%s: A and D at level %d wrong: %#x", name, l, e)
						}
					}
					continue
				}
				var wantCode uint32 = FaultPresent
				if a.Write {
					wantCode |= FaultWrite
				}
				if a.User {
					wantCode |= FaultUser
				}
				if a.Exec && (m.entry == 8 || guard) {
					wantCode |= FaultFetch
				}
				if code != wantCode {
					t.Errorf("%s: code %#x, want %#x", name, code, wantCode)
				}
				if !bytes.Equal(before, g.ram) {
					t.Errorf("%s: a fault changed the tables", name)
				}
			}
		}
	}
}

// Without 1 GiB pages PS of a PDPTE is reserved.
func TestWalkNoGiB(t *testing.T) {
	for _, m := range modes[2:] {
		g := newGuest()
		m.paging.PhysBits = physBits
		m.paging.NoGiB = true
		g.build(&m, m.big[0], all)
		if _, code, ok := m.paging.Walk(g.Space, m.linear, Access{}); ok || code != FaultPresent|FaultReserved {
			t.Errorf("%s: ok %v code %#x", m.name, ok, code)
		}
	}
}

// Protection keys (SDM vol. 3A 4.6.2): all keys, rights and accesses, on user and supervisor pages.
func TestWalkKeys(t *testing.T) {
	for _, m := range modes[2:] {
		m.paging.PhysBits = physBits
		m.paging.CR4 |= CR4PKE
		for v := range 1 << 11 {
			bit := func(n int) bool { return v>>n&1 != 0 }
			a := Access{Write: bit(0) && !bit(1), Exec: bit(1), User: bit(2)}
			ad, wd, wp, user, on := bit(3), bit(4), bit(5), bit(6), v>>7&15
			g := newGuest()
			g.build(&m, len(m.tables)-1, all)
			last := len(m.tables) - 1
			e := g.entry(&m, last) | uint64(on)<<pteKeyShift
			if !user {
				e &^= PTEUser
			}
			g.set(&m, last, e)
			p := m.paging
			if !wp {
				p.CR0 &^= CR0WP
			}
			other := uint32(0xa5a5_5a5a) &^ (3 << (2 * on)) // rights of other keys are not looked at
			p.PKRU = other
			if ad {
				p.PKRU |= 1 << (2 * on)
			}
			if wd {
				p.PKRU |= 2 << (2 * on)
			}
			denied := user && !a.Exec && (ad || wd && a.Write && (a.User || wp))
			_, code, ok := p.Walk(g.Space, m.linear, a)
			if want := !denied && (user || !a.User); ok != want || !ok && code&FaultKey != 0 != denied {
				t.Errorf("%s %+v key %d ad %v wd %v wp %v user %v: ok %v code %#x", m.name, a, on, ad, wd, wp, user, ok, code)
			}
		}
	}
}

// Without CR4.PSE the PS bit of a 32-bit PDE means nothing.
func TestWalkWithoutPSE(t *testing.T) {
	m := modes[0]
	g := newGuest()
	m.paging.PhysBits = physBits
	m.paging.CR4 &^= CR4PSE
	g.build(&m, 1, all)
	g.set(&m, 0, g.entry(&m, 0)|PTELarge)
	if tr, _, ok := m.paging.Walk(g.Space, m.linear, Access{}); !ok || tr.Shift != 12 {
		t.Errorf("ok %v, page of 2^%d", ok, tr.Shift)
	}
}

// PSE-36: bits 20..13 of a large PDE are address bits 39..32.
func TestWalkPSE36(t *testing.T) {
	m := modes[0]
	g := newGuest()
	m.paging.PhysBits = physBits
	g.set(&m, 0, 0x0040_0000|0xa5<<13|all|PTELarge)
	tr, _, ok := m.paging.Walk(g.Space, m.linear, Access{})
	if want := 0xa5_0040_0000 | m.linear&0x3fffff; !ok || tr.Phys != want {
		t.Errorf("ok %v, physical %#x, want %#x", ok, tr.Phys, want)
	}
	m.paging.PhysBits = 36
	if _, code, ok := m.paging.Walk(g.Space, m.linear, Access{}); ok || code != FaultPresent|FaultReserved {
		t.Errorf("above MAXPHYADDR 36: ok %v code %#x", ok, code)
	}
}

func TestWalkGlobalNeedsPGE(t *testing.T) {
	for _, m := range modes {
		g := newGuest()
		m.paging.PhysBits = physBits
		g.build(&m, len(m.tables)-1, all)
		g.set(&m, len(m.tables)-1, 0x5000|all|PTEGlobal)
		on, _, _ := m.paging.Walk(g.Space, m.linear, Access{})
		m.paging.CR4 &^= CR4PGE
		off, _, _ := m.paging.Walk(g.Space, m.linear, Access{})
		if !on.Global || off.Global {
			t.Errorf("%s: global with PGE %v, without %v", m.name, on.Global, off.Global)
		}
	}
}

func TestLoadPDPTE(t *testing.T) {
	p := modes[1].paging
	p.PhysBits = physBits
	for b := range uint(64) {
		g := newGuest()
		store(g.ram[0x1008:], 8, PTEPresent|1<<b)
		_, ok := p.LoadPDPTE(g.Space, 0x1000)
		want := !(b == 1 || b == 2 || b >= 5 && b <= 8 || b >= physBits)
		if ok != want {
			t.Errorf("bit %d: ok %v, want %v", b, ok, want)
		}
	}
	g := newGuest()
	store(g.ram[0x1008:], 8, ^uint64(1))
	if _, ok := p.LoadPDPTE(g.Space, 0x1000); !ok {
		t.Error("reserved bits of an entry that is not present count")
	}
}

func TestWalkOff(t *testing.T) {
	p := Paging{PhysBits: physBits}
	if tr, _, ok := p.Walk(newGuest().Space, 0x1234, Access{Write: true, User: true}); !ok || tr.Phys != 0x1234 {
		t.Errorf("ok %v physical %#x", ok, tr.Phys)
	}
}

func TestTraceListsLevels(t *testing.T) {
	m := modes[2]
	m.paging.PhysBits = physBits
	g := newGuest()
	g.build(&m, 3, all)
	tr := m.paging.Trace(g.Space, m.linear)
	var levels []string
	for _, s := range tr.Steps {
		levels = append(levels, fmt.Sprintf("%s[%d]", s.Name, s.Index))
	}
	if got := strings.Join(levels, " "); tr.Format != "4-level" || got != "PML4E[7] PDPTE[1] PDE[5] PTE[3]" || !tr.Mapped || tr.Phys != 0x5123 {
		t.Errorf("%s: %s, %+v", tr.Format, got, tr)
	}
	if tr, ok := m.paging.Probe(g.Space, m.linear); !ok || tr.Phys != 0x5123 || g.entry(&m, 3)&PTEAccessed != 0 {
		t.Errorf("Probe: ok %v physical %#x entry %#x", ok, tr.Phys, g.entry(&m, 3))
	}
}
