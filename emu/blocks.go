package emu

import (
	"fmt"

	"goemu/emu/inspect"
)

// Block gives the translation of the code at rip of a vCPU, as it runs now or would be made; nothing of it is entered anywhere.
func (m *Machine) Block(cpu int, rip uint64) (b inspect.Block, err error) {
	err = m.seeCPU(cpu, func(v *vcpu) error {
		view, ok := v.engine.View(rip)
		if !ok {
			return fmt.Errorf("no code can be read at RIP %#x", rip)
		}
		b = view
		linear, base, mode := v.cpu.LinearOf(rip), v.cpu.CSBase(), decoderMode(v.cpu)
		for code := view.Code; len(code) > 0; {
			l := disassembleOne(code, linear, base, mode)
			b.Guest = append(b.Guest, l)
			code, linear = code[len(l.Bytes):], linear+uint64(len(l.Bytes))
		}
		return nil
	})
	return b, err
}

// CountRuns has the runs of the block at a linear address counted from now on, or no more: Block.Runs. Such a block is run by the interpreter, so that nothing else
// becomes slower.
func (m *Machine) CountRuns(linear uint64, on bool) error {
	return m.do(func() error {
		m.code.CountRuns(linear, on)
		return nil
	})
}

// JIT gives statistics of the translator.
func (m *Machine) JIT() (j inspect.JIT) {
	// A machine that is closed has none.
	_ = m.see(func() error {
		m.code.Statistics(&j)
		j.Engine = m.Accel().String()
		return nil
	})
	return j
}

// Stats gives what the machine has done so far.
func (m *Machine) Stats() (s inspect.Stats) {
	// A machine that is closed has done nothing.
	_ = m.see(func() error {
		s = inspect.Stats{Engine: m.Accel().String(), GuestTime: m.clock.Now(), Counted: m.cfg.Icount}
		if s.Counted {
			s.Instructions = uint64(m.clock.insns)
			if p := m.clock.pending; p != nil && !m.over {
				s.Instructions += uint64(p())
			}
		}
		for _, v := range m.vcpus {
			st := &v.engine.Stats
			s.Exits += st.Lookups + st.Bails + st.Sys + st.TLBFills
			for _, n := range v.cpu.Events {
				s.Interrupts += n
			}
		}
		for _, d := range m.drives {
			t := d.Traffic()
			s.Drives = append(s.Drives, inspect.DriveStats{ID: d.name(), ReadBytes: t.ReadBytes, WriteBytes: t.WriteBytes, Reads: t.Reads, Writes: t.Writes, Flushes: t.Flushes})
		}
		return nil
	})
	return s
}
