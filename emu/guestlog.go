package emu

import (
	"fmt"
	"io"
	"reflect"
	"sort"

	"goemu/decoder"
	"goemu/emu/debuglog"
	"goemu/emu/trace"
	"goemu/emu/x86"
	"goemu/tcg"
)

// hookBuses asks the buses for what the log wants to know of them.
func (m *Machine) hookBuses() {
	m.ports.OnUnclaimed, m.space.OnUnclaimed = nil, nil
	if m.cfg.Log.Wants(debuglog.GuestErrors) || m.cfg.Trace.Wants(trace.Unclaimed) {
		m.ports.OnUnclaimed = func(port uint16, size int, write bool, val uint32) {
			m.current().logUnclaimed("port", uint64(port), size, write, uint64(val))
		}
		m.space.OnUnclaimed = func(phys uint64, size int, write bool, val uint64) {
			m.current().logUnclaimed("physical address", phys, size, write, val)
		}
	}
}

// hookLogs asks the CPU for what the log wants to know of it.
func (v *vcpu) hookLogs(o *x86.Options) {
	o.OnUnimplemented = v.logUnimplemented
	o.OnCR3 = func(cr3 uint64) {
		if v.logsMMU() {
			v.logMMU("CR3 %#x", cr3)
		}
	}
	o.OnFlushTLB = func(global bool) {
		switch {
		case !v.logsMMU():
		case global:
			v.logMMU("TLB flushed")
		default:
			v.logMMU("TLB flushed but for global pages")
		}
	}
	o.OnFlushPage = func(linear uint64) {
		if v.logsMMU() {
			v.logMMU("TLB flushed of %#x", linear)
		}
	}
}

// logsMMU costs little when nothing is logged, as guests load CR3 often.
func (v *vcpu) logsMMU() bool {
	l := v.m.cfg.Log
	return l.Wants(debuglog.MMU) && v.cpu != nil && l.At(debuglog.MMU, v.env.RIP) // not while it is being made
}

func (v *vcpu) logMMU(format string, args ...any) {
	v.m.cfg.Log.Printf("%s%#x: "+format+"\n", append([]any{v.cpu.Name(), v.env.RIP}, args...)...)
}

// logUnclaimed notes an access that nobody answers.
func (v *vcpu) logUnclaimed(what string, addr uint64, size int, write bool, val uint64) {
	l := v.m.cfg.Log
	v.m.cfg.Trace.Access(what, addr, size, write, val, v.n, v.env.RIP, v.m.clock.Now())
	if !l.At(debuglog.GuestErrors, v.env.RIP) {
		return
	}
	kind := "read of"
	if write {
		kind = "write to"
	}
	l.Printf("%sguest error at %#x: %s unclaimed %s %#x, %d bytes, value %#x\n", v.cpu.Name(), v.env.RIP, kind, what, addr, size, val)
}

// logUnimplemented notes an instruction that raises #UD because goemu lacks it.
func (v *vcpu) logUnimplemented(i *tcg.SysInst) {
	l := v.m.cfg.Log
	if !l.At(debuglog.GuestErrors, i.RIP) {
		return
	}
	var code []byte
	for k := range uint64(i.Len) {
		if b, ok := v.cpu.Peek(i.RIP + k + v.cpu.CSBase()); ok {
			code = append(code, b)
		}
	}
	l.Printf("%sguest error at %#x: goemu lacks %s (% x)\n", v.cpu.Name(), i.RIP, i.Op, code)
}

// logReset notes the registers before a reset.
func (m *Machine) logReset() {
	for _, v := range m.vcpus {
		if l := m.cfg.Log; l.At(debuglog.CPUReset, v.env.RIP) {
			l.Write(func(w io.Writer) {
				fmt.Fprintf(w, "CPU Reset (CPU %d)\n", v.n)
				v.cpu.DumpState(w)
			})
		}
	}
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
	tried := map[decoder.Op]uint64{}
	for _, v := range m.vcpus {
		for op, n := range v.cpu.Unimplemented {
			tried[op] += n
		}
	}
	var ops []decoder.Op
	for op := range tried {
		ops = append(ops, op)
	}
	sort.Slice(ops, func(i, j int) bool { return ops[i].String() < ops[j].String() })
	for _, op := range ops {
		fmt.Fprintf(w, "lacking instruction %s: %d times\n", op, tried[op])
	}
}

// writeStats lists the counts of engines and CPUs that are not 0.
func (m *Machine) writeStats(w io.Writer) {
	for _, v := range m.vcpus {
		s := reflect.ValueOf(v.engine.Stats)
		for i := range s.NumField() {
			if s.Field(i).CanUint() {
				fmt.Fprintf(w, "%sengine: %s %d\n", v.cpu.Name(), s.Type().Field(i).Name, s.Field(i).Uint())
			}
		}
		for vector, n := range v.cpu.Events {
			if n != 0 {
				fmt.Fprintf(w, "%svector %d: %d times\n", v.cpu.Name(), vector, n)
			}
		}
		if v.cpu.SMIs != 0 {
			fmt.Fprintf(w, "%sSMI: %d times\n", v.cpu.Name(), v.cpu.SMIs)
		}
	}
}
