package system

import (
	"fmt"
	"strings"
	"testing"
)

// matrixMode is a paging mode as matrix.asm knows it.
type matrixMode struct {
	name           string
	mode           int
	levels, sizes  int // levels of tables whose entries have rights; sizes of large pages
	combos         int // settings of P, W, U and, where there is one, NX
	controls, keys int
}

var matrixModes = []matrixMode{
	{"32-bit", 32, 2, 1, 8, 16, 1},
	{"PAE", 36, 2, 1, 16, 32, 1},
	{"4-level", 64, 4, 2, 16, 32, 5},
	{"5-level", 57, 5, 2, 16, 32, 5},
}

// Rights of an entry in matrix.asm; they and the controls of paging_test.go are all that decides.
const (
	rightP = 1 << iota
	rightW
	rightU
	rightNX
)

// matrixGroup is one group of matrix.asm: a line of its output.
type matrixGroup struct {
	ctl, key, depth, vary int
}

const varyPair = 15

func (g matrixGroup) String() string {
	return fmt.Sprintf("%02x %x %x %x", g.ctl, g.key, g.depth, g.vary)
}

// groups lists the groups in the guest's order.
func (m *matrixMode) groups() (all []matrixGroup) {
	for ctl := range m.controls {
		for key := range m.keys {
			if key > 0 && ctl&ctlNXE == 0 {
				continue // keys and NXE have nothing to do with each other
			}
			all = append(all, matrixGroup{ctl, key, m.levels, varyPair})
			for depth := m.levels; depth >= m.levels-m.sizes; depth-- {
				for vary := range depth {
					all = append(all, matrixGroup{ctl, key, depth, vary})
				}
			}
		}
	}
	return all
}

// reference is what the manual says of one access (SDM vol. 3A 4.6, 4.7), as matrix.asm encodes it: rights are those of the
// entries that translate the address, from the root.
func (m *matrixMode) reference(g matrixGroup, rights []int, write, fetch, user bool) uint32 {
	on := func(bit int) bool { return g.ctl&bit != 0 }
	code := uint32(0)
	if write {
		code |= 2
	}
	if user {
		code |= 4
	}
	if fetch && (on(ctlSMEP) || m.mode != 32 && on(ctlNXE)) {
		code |= 16
	}
	// The walk ends at the first entry that is not present or has a reserved bit.
	writable, userPage, noExec := true, true, false
	for _, r := range rights {
		if r&rightP == 0 {
			return code
		}
		if r&rightNX != 0 && !on(ctlNXE) {
			return code | 8 | 1
		}
		writable = writable && r&rightW != 0
		userPage = userPage && r&rightU != 0
		noExec = noExec || r&rightNX != 0
	}
	// 4.6.2: AD and WD of the page's key are bits 0 and 1 of key-1; they guard data on user-mode addresses.
	keyDenies := false
	if g.key > 0 && userPage && !fetch {
		ad, wd := (g.key-1)&1 != 0, (g.key-1)&2 != 0
		keyDenies = ad || wd && write && (user || on(ctlWP))
	}
	var allowed bool
	switch {
	case user && fetch:
		allowed = userPage && !noExec
	case user && write:
		allowed = userPage && writable
	case user:
		allowed = userPage
	case fetch:
		allowed = !noExec && !(userPage && on(ctlSMEP))
	default:
		allowed = (!userPage || !on(ctlSMAP) || on(ctlAC)) && (!write || writable || !on(ctlWP))
	}
	if keyDenies {
		code |= 32
		allowed = false
	}
	if !allowed {
		return code | 1
	}
	seen := uint32(0xff)
	for level := range rights {
		seen |= 1 << (8 + level)
	}
	if write {
		seen |= 1 << (16 + len(rights) - 1)
	}
	return seen
}

// values lists what the guest sees in a group.
func (m *matrixMode) values(g matrixGroup) (v []uint32) {
	n := m.combos
	if g.vary == varyPair {
		n *= m.combos
	}
	rights := make([]int, g.depth)
	for combo := range n {
		for i := range rights {
			rights[i] = rightP | rightW | rightU
		}
		if g.vary == varyPair {
			rights[m.levels-2], rights[m.levels-1] = combo/m.combos, combo%m.combos
		} else {
			rights[g.vary] = combo
		}
		for access := range 6 {
			v = append(v, m.reference(g, rights, access%3 == 1, access%3 == 2, access >= 3))
		}
	}
	return v
}

// skipped tells whether QEMU, which is slow at this, does not run a group: it does those with NXE, and AC only with SMAP.
func (m *matrixMode) skipped(g matrixGroup) bool {
	return m.mode != 32 && g.ctl&ctlNXE == 0 || g.ctl&(ctlSMAP|ctlAC) == ctlAC || m.mode == 57 && g.vary == varyPair || m.mode == 64 && g.key > 0
}

// Every combination of P, W, U and NX at each level, under WP, SMEP, SMAP, AC and NXE and with protection keys, for pages of all
// sizes: permissions, error codes, CR2, accessed and dirty bits.
func TestPagingMatrix(t *testing.T) {
	t.Parallel()
	for _, m := range matrixModes {
		t.Run(m.name, func(t *testing.T) {
			var want []string
			deviant := map[string]string{}
			cases := 0
			groups := m.groups()
			for _, g := range groups {
				sum := uint32(0x811c9dc5)
				v := m.values(g)
				for _, x := range v {
					sum = (sum ^ x) * 16777619
				}
				line := fmt.Sprintf("%v %08x", g, sum)
				want = append(want, line)
				cases += len(v)
				if m.skipped(g) {
					deviant[line] = ""
				}
			}
			defines := []string{fmt.Sprintf("MODE=%d", m.mode), fmt.Sprintf("KEYS=%d", m.keys)}
			if m.mode == 57 {
				defines = append(defines, "LA57")
			}
			if m.keys > 1 {
				defines = append(defines, "PKU")
			}
			check(t, strings.Join(want, "\n"), deviant, "matrix.asm", defines...)
			if t.Failed() {
				m.explain(t, groups, want, defines)
			}
			t.Logf("%d accesses in %d groups", cases, len(groups))
		})
	}
}

// explain shows the first group in which an engine differs, access by access.
func (m *matrixMode) explain(t *testing.T, groups []matrixGroup, want, defines []string) {
	got := run(t, 0, "matrix.asm", defines...)
	for i, line := range want {
		if i < len(got) && got[i] == line {
			continue
		}
		detail := run(t, 0, "matrix.asm", append(defines, fmt.Sprintf("DETAIL=%d", i))...)
		for k, v := range m.values(groups[i]) {
			if k < len(detail) && detail[k] != fmt.Sprintf("%08x", v) {
				t.Errorf("group %v, combination %d, access %d: %s, the manual says %08x", groups[i], k/6, k%6, detail[k], v)
			}
		}
		return
	}
}
