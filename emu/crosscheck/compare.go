package crosscheck

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"goemu/emu"
)

// batches is how many of them one side may be ahead of the comparison.
const batches = 4

// gap is where two sides differ first, as far as is known.
type gap struct {
	equal  int64  // at this count all registers and memory were equal
	last   record // the last record in which they were equal
	differ int64  // at this count they were not
	ends   string // they ended differently, and how
}

// tail is the newest records that were equal, for the history.
type tail struct {
	ring [historyMax]record
	n    int
}

func (t *tail) add(r record) { t.ring[t.n%historyMax] = r; t.n++ }

func (t *tail) list() (l []record) {
	for i := max(0, t.n-historyMax); i < t.n; i++ {
		l = append(l, t.ring[i%historyMax])
	}
	return l
}

// comparison compares the batches of two sides.
type comparison struct {
	gap
	tail     tail
	compared int64 // records and points that were equal
	insns    int64
	status   int
	err      error // of both machines
	broken   error // an engine could not go on
}

// latest gives the index of the last record of the count of record i: a fault's handler begins at the count of the instruction that faulted.
func latest(l []record, i int) int {
	for i+1 < len(l) && l[i+1].insns == l[i].insns {
		i++
	}
	return i
}

// records compares those of a batch. The engines end blocks at different places, so only counts at which both have a record can be compared.
func (c *comparison) records(a, b []record) (same bool) {
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch x, y := &a[i], &b[j]; {
		case x.insns < y.insns:
			i++
		case x.insns > y.insns:
			j++
		default:
			i, j = latest(a, i), latest(b, j)
			if a[i].digest != b[j].digest {
				c.differ = a[i].insns
				return false
			}
			c.last = a[i]
			c.tail.add(a[i])
			c.compared++
			i++
			j++
		}
	}
	return true
}

// batch compares two batches.
func (c *comparison) batch(a, b *batch) (same bool) {
	for _, x := range [...]*batch{a, b} {
		if e := (*emu.EngineError)(nil); errors.As(x.err, &e) {
			c.broken = x.err
			return false
		}
	}
	if !c.records(a.records, b.records) {
		return false
	}
	c.insns = min(a.insns, b.insns)
	switch {
	case a.insns != b.insns || a.last != b.last:
		c.differ = c.insns
		c.ends = fmt.Sprintf("one has executed %d instructions, the other %d", a.insns, b.insns)
		return false
	case a.digest != b.digest:
		c.differ = a.insns
		return false
	}
	if a.digest != 0 {
		c.equal = a.insns
		c.compared++
	}
	if a.last {
		c.status, c.err = a.status, a.err
		if a.status != b.status || fmt.Sprint(a.err) != fmt.Sprint(b.err) {
			c.differ = a.insns
			c.ends = fmt.Sprintf("one ended with status %d (%v), the other with %d (%v)", a.status, a.err, b.status, b.err)
			return false
		}
	}
	return true
}

// run makes both machines of a pass and runs them to its end, or until compare finds a difference or quit is closed. It returns the sides, whose machines are closed by then.
func (p *pass) run(o *Options, quit <-chan struct{}, live bool, compare func(a, b *batch) bool) (sides [2]*side, err error) {
	stop := make(chan struct{})
	done := make(chan struct{}, 2)
	started := 0
	defer func() {
		close(stop)
		p.inputs.end()
		for i := range started {
			sides[i].m.Stop(0)
		}
		for range started {
			<-done
		}
		for _, s := range sides {
			if s != nil && s.m != nil {
				err = errors.Join(err, s.m.Close())
			}
		}
	}()
	for i, engine := range [2]emu.Accel{o.A, o.B} {
		console := io.Discard
		if i == 0 && live && o.Console != nil {
			console = o.Console
		}
		s, err := newSide(p, engine, console, o.Tamper[i], stop)
		if err != nil {
			return sides, err
		}
		s.live = live && i == 0
		sides[i] = s
	}
	if live && o.Warn != nil {
		first := sides[0].m.Warnings()
		for _, w := range first {
			o.Warn(w)
		}
		for _, w := range sides[1].m.Warnings() {
			if !slices.Contains(first, w) {
				o.Warn(w)
			}
		}
	}
	for _, s := range sides {
		started++
		go func() {
			s.run()
			if s.live {
				p.inputs.end()
			}
			done <- struct{}{}
		}()
	}
	for {
		var b [2]*batch
		for i, s := range sides {
			select {
			case b[i] = <-s.out:
			case <-quit:
				return sides, errQuit
			}
		}
		select {
		case <-quit: // though there is more to compare
			return sides, errQuit
		default:
		}
		if !compare(b[0], b[1]) || b[0].last || b[1].last {
			return sides, nil
		}
		for i, s := range sides {
			select {
			case s.free <- b[i]:
			default:
			}
		}
	}
}

// errQuit says that the user wants no more.
var errQuit = errors.New("interrupted")
