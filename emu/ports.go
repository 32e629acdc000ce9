package emu

import (
	"fmt"

	"goemu/devices"
)

// PortHandler answers I/O ports in the name of the program that has the machine: a device of its own, or a hypercall.
//
// In and Out run under the machine's lock, on the goroutine of its vCPUs, while the guest's IN, OUT, INS or OUTS executes. So they must not wait, and of Machine's
// methods they may call Stop and Quit alone. An access that is not wholly within the ports comes in pieces, as for any device. The built-in firmware may call them
// too. A machine without handlers pays nothing.
type PortHandler struct {
	First uint16
	Count int                                                 // ports from First on
	In    func(g *Guest, port uint16, size int) uint32        // size: 1, 2 or 4 bytes; nil: the port reads as all ones
	Out   func(g *Guest, port uint16, size int, value uint32) // nil: writes are lost
}

// Guest is the vCPU that executes an I/O instruction, as the handler of the port sees it. It is good for as long as the handler runs.
type Guest struct {
	m *Machine
	v *vcpu
}

// CPU is the vCPU's number.
func (g *Guest) CPU() int { return g.v.n }

// Register gives a general register by its number in instructions, as inspect.RAX has it.
func (g *Guest) Register(n int) uint64 { return g.v.env.GPR[n] }

// SetRegister changes a general register; code that is not 64-bit has 32 bits of it. The instruction itself changes some too, after the handler: IN loads its
// accumulator, INS and OUTS their pointer and count.
func (g *Guest) SetRegister(n int, value uint64) {
	if g.v.cpu.Mode().CodeBits() != 64 {
		value = uint64(uint32(value))
	}
	g.v.env.GPR[n] = value
}

// Read reads guest memory at a linear address with the rights of the code that runs. The error names the address and how many bytes were wanted.
func (g *Guest) Read(linear uint64, p []byte) error { return g.access("reading", linear, p, false) }

// Write is Read for writing; at an error what lies before the page at fault has been written.
func (g *Guest) Write(linear uint64, p []byte) error { return g.access("writing", linear, p, true) }

func (g *Guest) access(what string, linear uint64, p []byte, write bool) error {
	if !g.v.cpu.Access(linear, p, write) {
		return fmt.Errorf("%s %d bytes at linear address %#x: the guest's code may not", what, len(p), linear)
	}
	return nil
}

// portHandler is a PortHandler as a device.
type portHandler struct {
	m *Machine
	h PortHandler
}

var _ devices.PortDevice = (*portHandler)(nil)

// Name is what trees of devices call it.
func (p *portHandler) Name() string { return "port-handler" }

// In implements devices.PortDevice.
func (p *portHandler) In(port uint16, size int) uint32 {
	if p.h.In == nil {
		return ^uint32(0)
	}
	v := p.m.current()
	v.peek()
	defer v.poke()
	return p.h.In(&Guest{p.m, v}, port, size)
}

// Out implements devices.PortDevice.
func (p *portHandler) Out(port uint16, size int, value uint32) {
	if p.h.Out != nil {
		v := p.m.current()
		v.peek()
		defer v.poke()
		p.h.Out(&Guest{p.m, v}, port, size, value)
	}
}

// addPorts claims the ports of the Config's handlers, which must be free.
func (m *Machine) addPorts() error {
	for _, h := range m.cfg.Ports {
		last := int(h.First) + h.Count - 1
		if h.Count < 1 || last > 0xffff {
			return fmt.Errorf("handler of %d ports from %#x on: want 1 or more, below 0x10000", h.Count, h.First)
		}
		taken := -1
		m.ports.Claims(func(first, end uint16, _ devices.PortDevice) {
			if at := max(int(first), int(h.First)); at <= min(int(end), last) && taken < 0 {
				taken = at
			}
		})
		if taken >= 0 {
			return fmt.Errorf("handler of ports %#x to %#x: port %#x is a device's", h.First, last, taken)
		}
		m.ports.MapPorts(h.First, h.Count, &portHandler{m, h})
	}
	return nil
}
