package crosscheck

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"

	"goemu/emu/crosscheck/report"
	"goemu/mmu"
)

// keepMax bounds the states that are kept of a side.
const keepMax = 1024

// narrow finds the first instruction after which the engines differ, by running again what led to the gap: counted time makes both machines do the same again.
func (o *Options) narrow(ctx context.Context, p pass, c *comparison) (*Divergence, error) {
	d := &Divergence{After: c.equal, Before: c.differ, Ends: c.ends}
	o.phase("looking for the block, from instruction %d to %d", c.equal, c.differ)
	if c.compared == 0 {
		d.Note = "they differ already where the comparison begins; with an earlier --from it can be found"
		return d, nil
	}
	fine := p
	fine.fine, fine.end = c.equal, c.differ+p.interval
	var f comparison
	_, err := fine.run(o, ctx.Done(), false, f.batch)
	if err != nil {
		return nil, err
	}
	d.history = f.tail.list()
	if f.differ == 0 {
		d.Note = "it does not show when all registers and memory are compared after every block"
		return d, nil
	}
	block := f.last.insns
	if f.compared == 0 {
		block = c.equal
	}
	d.After, d.Before = block, f.differ

	// With blocks of one instruction; if it does not show then, it is in what is made of several: the shortest block that has it.
	found, err := o.kept(ctx, p, block, f.differ, 1, d)
	if err != nil || found {
		return d, err
	}
	low, high := 1, max(int(f.differ-block), 2) // not with low; with high, perhaps
	if found, err = o.kept(ctx, p, block, f.differ, high, d); err != nil {
		return d, err
	}
	if !found {
		if found, err = o.kept(ctx, p, block, f.differ, 0, d); err == nil {
			d.Block = true
			d.run = d.block
			d.Note = "it does not show when the block is translated anew"
			if !found {
				d.Note = "it does not show when the states are kept"
			}
		}
		return d, err
	}
	for high-low > 1 {
		mid := (low + high) / 2
		found, err := o.kept(ctx, p, block, f.differ, mid, d)
		if err != nil {
			return d, err
		}
		if found {
			high = mid
		} else {
			low = mid
		}
	}
	if _, err = o.kept(ctx, p, block, f.differ, high, d); err != nil {
		return d, err
	}
	d.Block = true
	d.run = first(d.block, decoderMode(&d.start), high)
	d.Note = fmt.Sprintf("it shows when %d instructions are translated together, and not with fewer", high)
	return d, nil
}

// kept runs again with blocks of at most most instructions (0: as they were) from the count at on, keeping all states until the engines differ, at
// differ or before. It tells whether they do, and then puts into d where.
func (o *Options) kept(ctx context.Context, p pass, at, differ int64, most int, d *Divergence) (found bool, err error) {
	switch most {
	case 0:
		o.phase("keeping the states of the block at instruction %d", at)
	case 1:
		o.phase("looking for the instruction, from %d to %d", at, differ)
	default:
		o.phase("translating %d instructions together from instruction %d on", most, at)
	}
	p.keep, p.end, p.fine, p.history = at, differ+1, at, d.history
	if most > 0 {
		p.cut, p.most = at, most
	}
	sides, err := p.run(o, ctx.Done(), false, func(_, _ *batch) bool { return true })
	if err != nil {
		return false, err
	}
	if !d.find(sides[0].states, sides[1].states, sides[0].base) {
		return false, nil
	}
	d.History = slices.DeleteFunc(sides[0].history, func(s Step) bool { return s.Insns >= d.After })
	return true, nil
}

// find looks for the first states that differ. base are the contents of all pages that are not empty when states began to be kept.
func (d *Divergence) find(a, b []state, base map[int][]byte) bool {
	last, lastB := -1, -1
	var now, fresh [2]map[int][]byte // contents of the pages that have been written to: before the last equal states, and since then
	for i := range now {
		now[i], fresh[i] = maps.Clone(base), map[int][]byte{}
	}
	for i, j := 0, 0; i < len(a) && j < len(b); {
		n := min(a[i].insns, b[j].insns)
		both := a[i].insns == b[j].insns
		atA, atB := i, j
		before := [2]map[int][]byte{maps.Clone(fresh[0]), maps.Clone(fresh[1])}
		for ; i < len(a) && a[i].insns == n; i++ {
			maps.Copy(fresh[0], a[i].pages)
		}
		for ; j < len(b) && b[j].insns == n; j++ {
			maps.Copy(fresh[1], b[j].pages)
		}
		if !both {
			continue
		}
		x, y := &a[i-1], &b[j-1]
		if last >= 0 && !d.equal(x, y, &now, &fresh) {
			if k := d.common(a[atA:i], b[atB:j], now, before); k > 0 {
				// Something is equal at this count: the instruction behind it has raised an exception, on one engine, or not the same on both.
				last, lastB = atA+k-1, atB+k-1
				for k := range now {
					maps.Copy(now[k], before[k])
				}
				x, y = &a[min(last+1, len(a)-1)], &b[min(lastB+1, len(b)-1)]
				rest := [2]map[int][]byte{maps.Clone(x.pages), maps.Clone(y.pages)}
				d.equal(x, y, &now, &rest)
				i = max(i, last+2)
			}
			d.set(&a[last], &b[lastB], x, a[last+1:min(i, len(a))])
			d.memory = now[0]
			d.block = a[last].view.Code
			return true
		}
		for k := range now {
			maps.Copy(now[k], fresh[k])
			clear(fresh[k])
		}
		last, lastB = i-1, j-1
	}
	return false
}

// common tells how many states of one count are equal on both sides from the first on, and puts the pages of these into fresh.
func (d *Divergence) common(a, b []state, now, fresh [2]map[int][]byte) (k int) {
	for ; k < len(a) && k < len(b); k++ {
		next := [2]map[int][]byte{maps.Clone(fresh[0]), maps.Clone(fresh[1])}
		maps.Copy(next[0], a[k].pages)
		maps.Copy(next[1], b[k].pages)
		if !d.equal(&a[k], &b[k], &now, &next) {
			break
		}
		maps.Copy(fresh[0], next[0])
		maps.Copy(fresh[1], next[1])
	}
	return k
}

// equal compares two states, and the pages that have been written to since the last that were equal.
func (d *Divergence) equal(a, b *state, now, fresh *[2]map[int][]byte) bool {
	d.Registers = report.Registers(&a.regs, &b.regs, nil)
	d.Memory = nil
	written := maps.Clone(fresh[0])
	maps.Copy(written, fresh[1])
	for _, n := range slices.Sorted(maps.Keys(written)) {
		var p [2][]byte
		for i := range p {
			var ok bool
			if p[i], ok = fresh[i][n]; !ok {
				if p[i], ok = now[i][n]; !ok {
					p[i] = make([]byte, mmu.PageSize)
				}
			}
		}
		if !bytes.Equal(p[0], p[1]) {
			d.Memory = append(d.Memory, report.Memory(uint64(n)<<mmu.PageShift, p[0], p[1])...)
		}
	}
	return len(d.Registers) == 0 && len(d.Memory) == 0 && a.cpu == b.cpu
}

func (o *Options) phase(format string, args ...any) {
	if o.Phase != nil {
		o.Phase(fmt.Sprintf(format, args...))
	}
}
