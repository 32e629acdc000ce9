package crosscheck

import (
	"testing"

	"goemu/emu/inspect"
	"goemu/mmu"
)

// An exception of one engine, or another on each, is the instruction's that raises it, though that is not counted; all before it is equal.
func TestFindException(t *testing.T) {
	at := func(insns int64, rip uint64, pages ...byte) state {
		s := state{insns: insns, pages: map[int][]byte{}}
		s.regs.RIP, s.regs.Seg[inspect.CS].Attr = rip, inspect.AttrDB
		for n, b := range pages {
			p := make([]byte, mmu.PageSize)
			p[0] = b
			s.pages[n] = p
		}
		return s
	}
	for _, c := range []struct {
		name          string
		a, b          []state
		found         bool
		after, before int64
		rip           uint64
		memory        int
	}{
		{"the same", []state{at(1, 10), at(2, 11), at(2, 50, 1), at(3, 51)}, []state{at(1, 10), at(2, 11), at(2, 50, 1), at(3, 51)}, false, 0, 0, 0, 0},
		{"an instruction", []state{at(1, 10), at(2, 11), at(3, 12)}, []state{at(1, 10), at(2, 11), at(3, 13)}, true, 2, 3, 11, 0},
		{"on one engine", []state{at(1, 10), at(2, 11), at(2, 50, 1), at(3, 51)}, []state{at(1, 10), at(2, 11), at(3, 12)}, true, 2, 2, 11, 1},
		{"on the other", []state{at(1, 10), at(2, 11), at(3, 12)}, []state{at(1, 10), at(2, 11), at(2, 50, 1), at(3, 51)}, true, 2, 3, 11, 1},
		{"at the end", []state{at(1, 10), at(2, 11), at(2, 50, 1)}, []state{at(1, 10), at(2, 11)}, true, 2, 2, 11, 1},
		{"another handler", []state{at(1, 10), at(2, 11), at(2, 50, 1), at(3, 51)}, []state{at(1, 10), at(2, 11), at(2, 60, 1), at(3, 61)}, true, 2, 2, 11, 0},
		{"another frame", []state{at(1, 10), at(2, 11), at(2, 50, 1), at(3, 51)}, []state{at(1, 10), at(2, 11), at(2, 50, 2), at(3, 51)}, true, 2, 2, 11, 1},
		{"two of them", []state{at(1, 10), at(2, 11), at(2, 50, 1), at(2, 60, 3)}, []state{at(1, 10), at(2, 11), at(2, 50, 1), at(2, 60, 2)}, true, 2, 2, 50, 1},
		{"not before it", []state{at(1, 10), at(2, 11), at(3, 12)}, []state{at(1, 10), at(2, 50, 1), at(3, 12)}, true, 1, 2, 10, 1},
		{"which only one has seen begin", []state{at(1, 10), at(2, 11), at(2, 50, 1), at(3, 51)}, []state{at(1, 10), at(2, 50, 1), at(3, 51)}, false, 0, 0, 0, 0},
	} {
		var d Divergence
		if found := d.find(c.a, c.b, map[int][]byte{}); found != c.found || found && (d.After != c.after || d.Before != c.before || uint64(d.RIP) != c.rip || len(d.Memory) != c.memory) {
			t.Errorf("%s: %v, after %d, before %d, RIP %d, %d pieces of memory", c.name, found, d.After, d.Before, d.RIP, len(d.Memory))
		}
	}
}
