package emu

import (
	"fmt"
	"io"
	"reflect"
	"sort"

	"goemu/decoder"
	"goemu/emu/debuglog"
	"goemu/emu/x86"
	"goemu/tcg"
)

// hookLogs asks the CPU and the buses for what the log wants to know of them.
func (m *Machine) hookLogs(o *x86.Options) {
	if m.cfg.Log.Wants(debuglog.GuestErrors) {
		m.ports.OnUnclaimed = func(port uint16, size int, write bool, v uint32) {
			m.logUnclaimed("port", uint64(port), size, write, uint64(v))
		}
		m.space.OnUnclaimed = func(phys uint64, size int, write bool, v uint64) {
			m.logUnclaimed("physical address", phys, size, write, v)
		}
		o.OnUnimplemented = m.logUnimplemented
	}
	if m.cfg.Log.Wants(debuglog.MMU) {
		o.OnCR3 = func(v uint64) { m.logMMU("CR3 %#x", v) }
		o.OnFlushTLB = func(global bool) {
			if global {
				m.logMMU("TLB flushed")
			} else {
				m.logMMU("TLB flushed but for global pages")
			}
		}
		o.OnFlushPage = func(linear uint64) { m.logMMU("TLB flushed of %#x", linear) }
	}
}

func (m *Machine) logMMU(format string, args ...any) {
	if m.cfg.Log.At(debuglog.MMU, m.env.RIP) {
		m.cfg.Log.Printf("%#x: "+format+"\n", append([]any{m.env.RIP}, args...)...)
	}
}

// logUnclaimed notes an access that nobody answers.
func (m *Machine) logUnclaimed(what string, addr uint64, size int, write bool, v uint64) {
	if !m.cfg.Log.At(debuglog.GuestErrors, m.env.RIP) {
		return
	}
	kind := "read of"
	if write {
		kind = "write to"
	}
	m.cfg.Log.Printf("guest error at %#x: %s unclaimed %s %#x, %d bytes, value %#x\n", m.env.RIP, kind, what, addr, size, v)
}

// logUnimplemented notes an instruction that raises #UD because goemu lacks it.
func (m *Machine) logUnimplemented(i *tcg.SysInst) {
	if !m.cfg.Log.At(debuglog.GuestErrors, i.RIP) {
		return
	}
	var code []byte
	for k := range uint64(i.Len) {
		if b, ok := m.cpu.Peek(i.RIP + k + m.cpu.CSBase()); ok {
			code = append(code, b)
		}
	}
	m.cfg.Log.Printf("guest error at %#x: goemu lacks %s (% x)\n", i.RIP, i.Op, code)
}

// logEnd writes what is logged when the machine ends.
func (m *Machine) logEnd() {
	l := m.cfg.Log
	if l.Wants(debuglog.GuestErrors | debuglog.Stats) {
		l.Write(m.writeUnimplemented)
	}
	if l.Wants(debuglog.Stats) {
		l.Write(m.writeStats)
	}
	if l.Wants(debuglog.Insns) && m.cfg.Icount {
		l.Printf("instructions executed: %d\n", m.clock.insns)
	}
}

// writeUnimplemented lists the instructions that goemu lacks and the guest tried, by name.
func (m *Machine) writeUnimplemented(w io.Writer) {
	var ops []decoder.Op
	for op := range m.cpu.Unimplemented {
		ops = append(ops, op)
	}
	sort.Slice(ops, func(i, j int) bool { return ops[i].String() < ops[j].String() })
	for _, op := range ops {
		fmt.Fprintf(w, "lacking instruction %s: %d times\n", op, m.cpu.Unimplemented[op])
	}
}

// writeStats lists the counts of engine and CPU that are not 0.
func (m *Machine) writeStats(w io.Writer) {
	s := reflect.ValueOf(m.engine.Stats)
	for i := range s.NumField() {
		if s.Field(i).CanUint() {
			fmt.Fprintf(w, "engine: %s %d\n", s.Type().Field(i).Name, s.Field(i).Uint())
		}
	}
	for v, n := range m.cpu.Events {
		if n != 0 {
			fmt.Fprintf(w, "vector %d: %d times\n", v, n)
		}
	}
}
