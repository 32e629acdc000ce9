package emu

import (
	"fmt"

	"goemu/decoder"
	"goemu/emu/inspect"
	"goemu/emu/x86"
	"goemu/mmu"
)

// Looking at a machine: any goroutine may call these but the machine's own, before, during and after Run, until Close. They see it between two instructions.

// CPUs is how many vCPUs there are.
func (m *Machine) CPUs() int { return len(m.vcpus) }

// seeCPU has fn look at a vCPU.
func (m *Machine) seeCPU(cpu int, fn func(v *vcpu) error) error {
	if cpu < 0 || cpu >= len(m.vcpus) {
		return fmt.Errorf("there is no CPU %d (have: 0 to %d)", cpu, len(m.vcpus)-1)
	}
	return m.see(func() error { return fn(m.vcpus[cpu]) })
}

// Registers gives the registers of a vCPU.
func (m *Machine) Registers(cpu int) (r inspect.Registers, err error) {
	err = m.seeCPU(cpu, func(v *vcpu) error {
		v.cpu.Inspect(&r)
		r.CPU = v.n
		return nil
	})
	return r, err
}

// SetRegisters changes the registers of a vCPU: see x86.CPU.SetRegisters.
func (m *Machine) SetRegisters(cpu int, r *inspect.Registers) error {
	return m.seeCPU(cpu, func(v *vcpu) error { return v.cpu.SetRegisters(r) })
}

// ReadMemory reads memory into p, up to what is not mapped or not memory: the error says where and why, n how many bytes came before it. A linear address goes
// through the vCPU's page tables, without their rights. Devices are not asked.
func (m *Machine) ReadMemory(cpu int, a inspect.Address, p []byte) (n int, err error) {
	err = m.seeCPU(cpu, func(v *vcpu) error {
		n, err = m.accessMemory(v.cpu, a, len(p), func(phys uint64, n, done int) error {
			return m.space.ReadPhys(phys, p[done:done+n])
		})
		return err
	})
	return n, err
}

// WriteMemory writes p to memory, as ReadMemory reads. RAM that the chip set protects from writes (shadowed ROM) is written too; ROM and flash are not. Code made of
// what was there before is dropped.
func (m *Machine) WriteMemory(cpu int, a inspect.Address, p []byte) (n int, err error) {
	err = m.seeCPU(cpu, func(v *vcpu) error {
		n, err = m.accessMemory(v.cpu, a, len(p), func(phys uint64, n, done int) error {
			if !m.space.Patch(phys, p[done:done+n], m.ram) {
				return fmt.Errorf("physical address %#x is ROM", phys)
			}
			return nil
		})
		return err
	})
	return n, err
}

// accessMemory cuts n bytes at a into pieces of memory within a page, for each of which it calls do.
func (m *Machine) accessMemory(c *x86.CPU, a inspect.Address, n int, do func(phys uint64, n, done int) error) (done int, err error) {
	for done < n {
		at := a.Addr + uint64(done)
		phys := at
		if !a.Physical {
			w, ok := c.Locate(at)
			if !ok {
				return done, fmt.Errorf("linear address %#x is not mapped", at)
			}
			phys = w
		}
		k := min(n-done, mmu.PageSize-int(at&mmu.PageMask))
		r, off := m.space.Find(phys)
		switch {
		case r == nil:
			return done, fmt.Errorf("nothing is at physical address %#x", phys)
		case r.RAM == nil:
			return done, fmt.Errorf("physical address %#x is a device's", phys)
		}
		k = int(min(uint64(k), r.Size-off))
		if err := do(phys, k, done); err != nil {
			return done, err
		}
		done += k
	}
	return done, nil
}

// Walk gives the way of a linear address through the page tables.
func (m *Machine) Walk(cpu int, linear uint64) (w inspect.Walk, err error) {
	err = m.seeCPU(cpu, func(v *vcpu) error {
		w = v.cpu.Trace(linear)
		return nil
	})
	return w, err
}

// maxInsn is the longest instruction, in bytes.
const maxInsn = 15

// Disassemble gives n instructions from a on, as code of the size that the vCPU runs; less where memory ends. It is an error if there is none.
func (m *Machine) Disassemble(cpu int, a inspect.Address, n int) (lines []inspect.Line, err error) {
	err = m.seeCPU(cpu, func(v *vcpu) error {
		lines, err = m.disassemble(v.cpu, a, n)
		return err
	})
	return lines, err
}

func (m *Machine) disassemble(c *x86.CPU, a inspect.Address, n int) (lines []inspect.Line, err error) {
	mode, base := decoderMode(c), uint64(0)
	if !a.Physical {
		base = c.CSBase()
	}
	var buf [maxInsn]byte
	for range n {
		k, err := m.accessMemory(c, a, maxInsn, func(phys uint64, n, done int) error { return m.space.ReadPhys(phys, buf[done:done+n]) })
		if k == 0 {
			if len(lines) > 0 {
				break
			}
			return nil, err
		}
		l := disassembleOne(buf[:k], a.Addr, base, mode)
		lines = append(lines, l)
		a.Addr += uint64(len(l.Bytes))
		if !a.Physical && !c.Long() {
			a.Addr &= 0xffff_ffff
		}
	}
	return lines, nil
}

// decoderMode is the decoder's name for the size of code that c runs.
func decoderMode(c *x86.CPU) decoder.Mode {
	switch c.Mode().CodeBits() {
	case 64:
		return decoder.Mode64
	case 32:
		return decoder.Mode32
	}
	return decoder.Mode16
}

// disassembleOne gives the instruction at the beginning of code, which lies at addr in a segment with a base.
func disassembleOne(code []byte, addr, base uint64, mode decoder.Mode) inspect.Line {
	rip := addr - base
	if mode != decoder.Mode64 {
		rip &= 0xffff_ffff
	}
	l := inspect.Line{Addr: addr, RIP: rip, Text: "(bad)"}
	var in decoder.Inst
	n := 1
	if decoder.Decode(code, mode, &in) == nil && int(in.Len) <= len(code) {
		n = int(in.Len)
		l.Text, l.Op = in.Text(rip), in.Op.String()
		l.Flow, l.Repeat = flowOf(&in), in.Prefix&(decoder.PrefixRep|decoder.PrefixRepne) != 0 && repeats[in.Op]
		if l.Target, l.HasTarget = target(&in, rip, mode); l.HasTarget {
			l.Target += base
			if mode != decoder.Mode64 {
				l.Target &= 0xffff_ffff
			}
		}
	}
	l.Bytes = append(l.Bytes, code[:n]...)
	return l
}

var repeats = map[decoder.Op]bool{
	decoder.MOVS: true, decoder.STOS: true, decoder.LODS: true, decoder.SCAS: true, decoder.CMPS: true, decoder.INS: true, decoder.OUTS: true,
}

// flows are the instructions after which another than the next may come.
var flows = map[decoder.Op]inspect.Flow{
	decoder.JMP: inspect.FlowJump, decoder.JMPF: inspect.FlowJump, decoder.JCC: inspect.FlowBranch, decoder.JCXZ: inspect.FlowBranch,
	decoder.LOOP: inspect.FlowBranch, decoder.LOOPE: inspect.FlowBranch, decoder.LOOPNE: inspect.FlowBranch,
	decoder.CALL: inspect.FlowCall, decoder.CALLF: inspect.FlowCall, decoder.INT: inspect.FlowCall, decoder.INT3: inspect.FlowCall, decoder.INTO: inspect.FlowCall,
	decoder.INT1: inspect.FlowCall, decoder.SYSCALL: inspect.FlowCall, decoder.SYSENTER: inspect.FlowCall,
	decoder.RET: inspect.FlowReturn, decoder.RETF: inspect.FlowReturn, decoder.IRET: inspect.FlowReturn, decoder.SYSRET: inspect.FlowReturn, decoder.SYSEXIT: inspect.FlowReturn,
	decoder.RSM: inspect.FlowReturn,
}

func flowOf(in *decoder.Inst) inspect.Flow { return flows[in.Op] }

// target is where a direct branch goes.
func target(in *decoder.Inst, rip uint64, mode decoder.Mode) (uint64, bool) {
	if flows[in.Op] == inspect.FlowNone || in.Args[0].Kind != decoder.KRel {
		return 0, false
	}
	t := rip + uint64(in.Len) + uint64(in.Imm)
	switch {
	case mode == decoder.Mode64:
	case in.OpSize == 2:
		t &= 0xffff
	default:
		t &= 0xffff_ffff
	}
	return t, true
}
