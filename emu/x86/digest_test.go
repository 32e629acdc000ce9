package x86

import (
	"reflect"
	"testing"

	"goemu/emu/inspect"
)

// Each bit of each register changes the digest, and what is not a register does not.
func TestDigest(t *testing.T) {
	c := newMachine(t)
	var r inspect.Registers
	c.Inspect(&r)
	digests, states := map[inspect.Registers]uint64{r: c.Digest(false)}, map[uint64]inspect.Registers{c.Digest(false): r}
	check := func(what string) {
		var q inspect.Registers
		c.Inspect(&q)
		d := c.Digest(false)
		if was, ok := digests[q]; ok && was != d {
			t.Errorf("%s: two digests of one state", what)
		}
		if was, ok := states[d]; ok && was != q {
			t.Errorf("%s: one digest of two states", what)
		}
		digests[q], states[d] = d, q
	}
	try := func(what string, change func(r *inspect.Registers)) {
		q := r
		change(&q)
		if c.SetRegisters(&q) != nil {
			return // no instruction loads that
		}
		check(what)
		if err := c.SetRegisters(&r); err != nil {
			t.Fatal(err)
		}
		check(what)
	}
	v := reflect.ValueOf(&r).Elem()
	changed := 0
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		f := v.Field(i)
		if k := f.Kind(); k == reflect.Uint64 || k == reflect.Uint32 {
			for b := range f.Type().Bits() {
				try(name, func(q *inspect.Registers) {
					g := reflect.ValueOf(q).Elem().Field(i)
					g.SetUint(g.Uint() ^ 1<<b)
				})
				changed++
			}
		}
	}
	for i := range r.GPR {
		try("GPR", func(q *inspect.Registers) { q.GPR[i] ^= 1 << (3 * i) })
	}
	for i := range 16 {
		for j := range 4 {
			try("vector", func(q *inspect.Registers) { q.Vec[i][j] = 1 << (i + j) })
		}
	}
	for i := range r.X87.ST {
		try("ST", func(q *inspect.Registers) { q.X87.ST[i].Exponent ^= 1 })
		try("ST", func(q *inspect.Registers) { q.X87.ST[i].Significand ^= 1 << 40 })
	}
	for i := range r.Seg {
		try("base", func(q *inspect.Registers) { q.Seg[i].Base ^= 0x100 })
		try("limit", func(q *inspect.Registers) { q.Seg[i].Limit ^= 0x100 })
		try("selector", func(q *inspect.Registers) { q.Seg[i].Selector ^= 8; q.Seg[i].Base++ })
	}
	try("FIP", func(q *inspect.Registers) { q.X87.FIP++ })
	try("FDP", func(q *inspect.Registers) { q.X87.FDP++ })
	try("GDTR", func(q *inspect.Registers) { q.GDTR.Limit-- })
	try("IDTR", func(q *inspect.Registers) { q.IDTR.Base ^= 4 })
	try("TR", func(q *inspect.Registers) { q.TR.Base ^= 4 })
	try("LDTR", func(q *inspect.Registers) { q.LDTR.Base ^= 4 })
	if changed == 0 || len(states) < 200 {
		t.Errorf("%d different digests, want more", len(states))
	}
}
