package emu

import (
	"fmt"

	"goemu/emu/inspect"
	"goemu/emu/x86"
)

// maxEvents is how many events are kept, a power of two.
const maxEvents = 64 << 10

// recorder keeps what the guest does, in a ring.
type recorder struct {
	kinds  inspect.EventKind // what somebody wants to know of: kept and traced; 0: nothing
	kept   inspect.EventKind // in the ring
	traced inspect.EventKind // by -trace
	ring   []inspect.Event
	last   uint64 // number of the newest
}

// Record says what is to be kept of what the guest does from now on; 0: nothing. What was kept before stays. Any goroutine may call it.
func (m *Machine) Record(kinds inspect.EventKind) {
	// A machine that has ended does nothing more.
	_ = m.do(func() error {
		m.rec.kept = kinds
		if kinds != 0 && m.rec.ring == nil {
			m.rec.ring = make([]inspect.Event, maxEvents)
		}
		m.recordKinds()
		return nil
	})
}

// Events gives the oldest of the events after number after that are still kept, max of them at most, and the number of the newest event of all. Numbers count from 1. A
// reader that finds a gap has been too slow: 65,536 events are kept.
func (m *Machine) Events(after uint64, max int) (list []inspect.Event, last uint64) {
	// A machine that is closed has none.
	_ = m.see(func() error {
		r := &m.rec
		last = r.last
		first := after + 1
		if last >= maxEvents && first <= last-maxEvents {
			first = last - maxEvents + 1
		}
		for n := first; n <= last && len(list) < max; n++ {
			list = append(list, r.ring[n%maxEvents])
		}
		return nil
	})
	return list, last
}

// record keeps and traces an event if its kind is wanted. It is called while the guest's instruction runs.
func (v *vcpu) record(e inspect.Event) {
	r := &v.m.rec
	if r.kinds&e.Kind == 0 {
		return
	}
	v.peek()
	e.Time, e.CPU = v.m.clock.Now(), v.n
	if e.RIP == 0 {
		e.RIP, e.CPL = v.env.RIP, v.cpu.CPL()
	}
	if r.traced&e.Kind != 0 {
		v.m.cfg.Trace.Record(&e)
	}
	if r.kept&e.Kind == 0 {
		return
	}
	r.last++
	e.Number = r.last
	r.ring[r.last%maxEvents] = e
}

func (v *vcpu) recordAccess(kind inspect.EventKind, addr uint64, size int, write bool, val uint64) {
	if v.m.rec.kinds&kind != 0 {
		v.record(inspect.Event{Kind: kind, Addr: addr, Size: size, Write: write, Value: val & (^uint64(0) >> (64 - 8*size))})
	}
}

func (v *vcpu) recordException(r *x86.Record) {
	e := inspect.Event{Kind: inspect.EventException, RIP: r.RIP, CPL: r.CPL, Vector: r.Vector, Code: r.Code, Soft: r.Soft}
	switch {
	case r.Extern:
		e.Kind = inspect.EventInterrupt
	case r.Vector == 14 && !r.Soft:
		e.CR2 = r.CR2
	}
	v.record(e)
}

// switchedMode is told that the operating mode has changed.
func (v *vcpu) switchedMode() {
	if v.m.rec.kinds&inspect.EventMode == 0 {
		return
	}
	p, text := v.cpu.Paging(), "real mode"
	if p.CR0&inspect.CR0PE != 0 {
		text = "protected mode"
	}
	if v.cpu.Long() {
		text = "long mode"
	}
	text = fmt.Sprintf("%s, %d-bit code", text, v.cpu.Mode().CodeBits())
	if p.CR0&inspect.CR0PG != 0 {
		text += ", paging"
	}
	v.record(inspect.Event{Kind: inspect.EventMode, Text: text})
}

// switchedSMM is told that the CPU has entered or left system management mode.
func (v *vcpu) switchedSMM(on bool) {
	if v.m.rec.kinds&inspect.EventSMI != 0 {
		text := "leaves system management mode"
		if on {
			text = "system management interrupt"
		}
		v.record(inspect.Event{Kind: inspect.EventSMI, Text: text})
	}
	v.m.board.SetSMM(on)
}
