package emu

import (
	"cmp"
	"fmt"
	"slices"

	"goemu/bios"
	"goemu/devices"
	"goemu/emu/board"
	"goemu/emu/x86"
)

// The built-in firmware: its stubs write to a port, and its services run between that instruction and the next.

// trapPort is the port that the firmware's stubs write to.
type trapPort struct{ m *Machine }

// In implements devices.PortDevice: nobody answers.
func (trapPort) In(_ uint16, size int) uint32 { return 1<<(8*size) - 1 }

// Out implements devices.PortDevice.
func (t trapPort) Out(uint16, int, uint32) {
	v := t.m.current()
	if v.lent {
		v.engine.After(v.onTrap)
		return
	}
	v.runner.After(v.onTrap)
}

// addBuiltin makes the built-in firmware, after the board.
func (m *Machine) addBuiltin(drives []board.Drive) error {
	tables := m.board.TablesConfig()
	tables.PMBase = 0 // the firmware puts the ports in their usual place
	var err error
	m.firmware, err = bios.NewFirmware(bios.Options{
		Tables: tables,
		Memory: m.space,
		Ports:  m.ports,
		Clock:  m.clock,
		Wake:   m.wakeFirmware,
		SetMSR: func(msr uint32, v uint64) {
			m.storeState()
			for _, c := range m.vcpus {
				c.cpu.WriteMSR(msr, v)
			}
		},
		Drives: firmwareDrives(drives, m.cfg.Machine),
	})
	if err == nil {
		m.ports.MapPorts(bios.TrapPort, 1, trapPort{m})
	}
	return err
}

// addVideoBIOS serves the display adapter's ROM under firmware of others, which runs it.
func (m *Machine) addVideoBIOS() (err error) {
	m.firmware, err = bios.NewFirmware(bios.Options{Memory: m.space, Ports: m.ports, Clock: m.clock, Wake: m.wakeFirmware, VideoOnly: true})
	if err == nil {
		m.ports.MapPorts(bios.TrapPort, 1, trapPort{m})
	}
	return err
}

// firmwareDrives are the drives of the board's own controllers, in the order of their places.
func firmwareDrives(drives []board.Drive, machine string) (list []bios.Drive) {
	kind, _ := findMachine(machine)
	for _, d := range drives {
		x := bios.Drive{Drive: d.Drive, Channel: d.Port, Unit: d.Unit}
		switch {
		case d.Bus == board.BusFloppy:
			x.Name = string(rune('A' + d.Unit))
		case d.Bus != board.BusIDE:
			continue
		case kind == board.Q35:
			x.Name, x.PCI, x.SATA = fmt.Sprintf("at AHCI port %d", d.Port), 0x1f<<3|2, true
		default:
			x.Name, x.PCI = fmt.Sprintf("at IDE %s %s", [...]string{"primary", "secondary"}[d.Port&1], [...]string{"master", "slave"}[d.Unit&1]), 1<<3|1
		}
		list = append(list, x)
	}
	slices.SortStableFunc(list, func(x, y bios.Drive) int { return cmp.Or(x.Channel-y.Channel, x.Unit-y.Unit) })
	return list
}

// wakeFirmware has vCPUs that are halted in the firmware's ROM look why.
func (m *Machine) wakeFirmware() {
	for _, v := range m.vcpus {
		if v.cpu.State() != x86.Halted {
			continue
		}
		if at, ok := v.physical(); ok && m.firmware.Waits(at) {
			v.cpu.Wake()
		}
	}
}

// physical is the physical address of the instruction at CS:IP.
func (v *vcpu) physical() (uint64, bool) {
	return v.cpu.Physical(uint64(uint32(v.env.RIP + v.cpu.CSBase())))
}

// trap calls the firmware.
func (v *vcpu) trap() { v.m.firmware.Trap(&v.outside) }

// firmwareCPU is a vCPU as the firmware sees it.
type firmwareCPU struct {
	v   *vcpu
	was bios.State // what Load has given
}

var (
	_ bios.CPU           = (*firmwareCPU)(nil)
	_ devices.PortDevice = trapPort{}
)

// Load implements bios.CPU.
func (f *firmwareCPU) Load(s *bios.State) bool {
	c, env := f.v.cpu, f.v.env
	at, ok := f.v.physical()
	if c.Long() || !ok {
		return false
	}
	for i := range s.GPR {
		s.GPR[i] = uint32(env.GPR[i])
	}
	for i := range s.Seg {
		g := c.Segment(i)
		s.Seg[i] = bios.Segment{Selector: g.Selector, Base: uint32(g.Base), Limit: g.Limit, Attr: g.Attr}
	}
	s.EIP, s.EFLAGS, s.CR0, s.At = uint32(env.RIP), c.Flags(), uint32(c.Paging().CR0), at
	f.was = *s
	return true
}

// Store implements bios.CPU.
func (f *firmwareCPU) Store(s *bios.State) {
	c, env := f.v.cpu, f.v.env
	for i, r := range s.GPR {
		if r != f.was.GPR[i] {
			env.GPR[i] = uint64(r)
		}
	}
	for i, g := range s.Seg {
		if g != f.was.Seg[i] {
			c.SetSegment(i, x86.Segment{Selector: g.Selector, Base: uint64(g.Base), Limit: g.Limit, Attr: g.Attr})
		}
	}
	env.RIP = uint64(s.EIP)
	if s.EFLAGS != f.was.EFLAGS {
		c.SetFlags(s.EFLAGS)
	}
}

// Access implements bios.CPU.
func (f *firmwareCPU) Access(linear uint64, p []byte, write bool) bool {
	return f.v.cpu.Access(linear, p, write)
}
