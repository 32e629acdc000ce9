package emu

import (
	"encoding/binary"
	"fmt"
	"strings"

	"goemu/devices"
	"goemu/devices/block"
	"goemu/devices/lapic"
	"goemu/devices/pci"
	"goemu/emu/inspect"
	"goemu/mmu"
)

// PCIFunctions lists the functions of the PCI bus.
func (m *Machine) PCIFunctions() (list []inspect.PCI) {
	// A machine that is closed has none.
	_ = m.see(func() error {
		list = m.pciFunctions()
		return nil
	})
	return list
}

func (m *Machine) pciFunctions() (list []inspect.PCI) {
	m.board.PCI.Slots(func(slot, fn uint8, f *pci.Function) {
		c := &f.Config
		p := inspect.PCI{
			Slot: int(slot), Func: int(fn), Name: f.Name(), Config: *c,
			Vendor: binary.LittleEndian.Uint16(c[pci.VendorID:]), Device: binary.LittleEndian.Uint16(c[pci.DeviceID:]),
			SubVendor: binary.LittleEndian.Uint16(c[pci.SubsystemID:]), Sub: binary.LittleEndian.Uint16(c[pci.SubsystemID+2:]),
			Class: binary.LittleEndian.Uint16(c[pci.ClassCode+1:]),
			Pin:   int(c[pci.InterruptPin]), Line: int(c[pci.InterruptLine]),
		}
		for _, b := range f.Mappings() {
			p.BARs = append(p.BARs, inspect.BAR{Number: b.BAR, IO: b.IO, Bits64: b.Mem64, Prefetch: b.Prefetch, Mapped: b.Mapped, Addr: b.Addr, Size: b.Size})
		}
		list = append(list, p)
	})
	return list
}

// Controllers gives the state of the interrupt controllers.
func (m *Machine) Controllers() (c inspect.Controllers) {
	// A machine that is closed has none.
	_ = m.see(func() error {
		for i, chip := range m.board.PIC.SaveState().Chips {
			c.PIC[i] = inspect.PIC{Raised: m.board.PIC.Raised(i), IRR: chip.IRR, ISR: chip.ISR, IMR: chip.IMR, ELCR: chip.ELCR, Base: chip.Base}
		}
		io := m.board.IOAPIC.SaveState()
		c.IOAPIC = []inspect.IOAPIC{{ID: io.ID, Lines: io.Table[:], Raised: m.board.IOAPIC.Raised()}}
		for i, v := range m.vcpus {
			s := m.board.LAPICs[i].View()
			l := inspect.LAPIC{
				Base: s.Base, ID: uint32(s.ID), TPR: s.TPR, PPR: s.PPR, SVR: s.SVR, LDR: s.LDR, DFR: s.DFR,
				ICR: uint64(s.ICRHigh)<<32 | uint64(s.ICRLow), ESR: s.ESR, ISR: s.ISR, IRR: s.IRR, TMR: s.TMR,
				TimerInitial: s.ICT, TimerCurrent: s.Count, TimerDivide: s.DCR,
			}
			for n, e := range s.LVT {
				l.LVT = append(l.LVT, inspect.LVT{Name: lapic.LVTNames[n], Value: e})
			}
			c.LAPIC = append(c.LAPIC, l)
			for vector, n := range v.cpu.Events {
				c.Counts[vector] += n
			}
		}
		return nil
	})
	return c
}

func property(name, format string, args ...any) inspect.Property {
	return inspect.Property{Name: name, Value: fmt.Sprintf(format, args...)}
}

// DeviceTree lists buses with the devices on them: processors and what is on the board itself, PCI functions, and drives.
func (m *Machine) DeviceTree() (tree []inspect.Node) {
	// A machine that is closed has none.
	_ = m.see(func() error {
		root := inspect.Node{Kind: "bus", Name: "main-system-bus", Props: []inspect.Property{property("type", "System")}}
		for i, v := range m.vcpus {
			root.Children = append(root.Children, inspect.Node{Kind: "dev", Name: "cpu", Props: []inspect.Property{
				property("model", "%q", m.model.Name), property("apic-id", "%d", i), property("state", "%q", inspect.CPUState(v.cpu.State())),
			}})
		}
		bus := inspect.Node{Kind: "bus", Name: m.board.PCIBusName(), Props: []inspect.Property{property("type", "PCI")}}
		for _, p := range m.pciFunctions() {
			bus.Children = append(bus.Children, pciNode(&p))
		}
		for _, d := range m.board.Devices() {
			if _, ok := d.(*pci.Function); ok || d == devices.Device(m.board.PCI) {
				continue // it is on its bus
			}
			root.Children = append(root.Children, inspect.Node{Kind: "dev", Name: d.Name()})
		}
		root.Children = append(root.Children, bus)
		if drives := m.driveNodes(); len(drives) > 0 {
			root.Children = append(root.Children, inspect.Node{Kind: "bus", Name: "drives", Props: []inspect.Property{property("type", "block")}, Children: drives})
		}
		tree = []inspect.Node{root}
		return nil
	})
	return tree
}

func pciNode(p *inspect.PCI) inspect.Node {
	n := inspect.Node{Kind: "dev", Name: p.Name, Props: []inspect.Property{
		property("addr", "%02x.%x", p.Slot, p.Func), property("class", "%04x", p.Class), property("pci id", "%04x:%04x (sub %04x:%04x)", p.Vendor, p.Device, p.SubVendor, p.Sub),
	}}
	for _, b := range p.BARs {
		kind := "mem"
		if b.IO {
			kind = "i/o"
		}
		at := "not mapped"
		if b.Mapped {
			at = fmt.Sprintf("at %#x [%#x]", b.Addr, b.Addr+b.Size-1)
		}
		n.Props = append(n.Props, property(fmt.Sprintf("bar %d", b.Number), "%s %s, %#x bytes", kind, at, b.Size))
	}
	return n
}

var driveKinds = map[block.Kind]string{block.Disk: "disk", block.CD: "cd", block.Floppy: "floppy"}

func (m *Machine) driveNodes() (list []inspect.Node) {
	for _, d := range m.drives {
		n := inspect.Node{Kind: "dev", Name: driveKinds[d.Info().Kind], ID: d.name(), Props: []inspect.Property{property("file", "%q", d.File())}}
		if medium, ok := d.Medium(); ok {
			n.Props = append(n.Props, property("read-only", "%v", medium.ReadOnly))
		}
		list = append(list, n)
	}
	return list
}

// MemoryTree lists what is where in the physical address space, and at the I/O ports. Where claims of ports overlap the newer device answers.
func (m *Machine) MemoryTree() (tree []inspect.Node) {
	// A machine that is closed has none.
	_ = m.see(func() error {
		memory := inspect.Node{Kind: "space", Name: "memory", Children: []inspect.Node{{Kind: "container", Name: "system", Hi: m.space.Mask}}}
		system := &memory.Children[0].Children
		m.space.Regions(func(r *mmu.Region, origin uint64) {
			n := inspect.Node{Lo: r.Base, Hi: r.Base + r.Size - 1}
			switch {
			case r.RAM == nil:
				n.Kind, n.Name = "i/o", nameOf(r.IO)
			case r.IO != nil:
				n.Kind, n.Name = "romd", nameOf(r.IO)
			case r.ReadOnly:
				n.Kind, n.Name = "rom", "rom"
			default:
				n.Kind, n.Name = "ram", "ram"
			}
			if off, ok := m.board.RAMOffset(r.RAM); ok {
				n.Name = fmt.Sprintf("pc.ram @%016x", off)
			}
			*system = append(*system, n)
		})
		ports := inspect.Node{Kind: "space", Name: "I/O", Children: []inspect.Node{{Kind: "container", Name: "io", Hi: 0xffff}}}
		io := &ports.Children[0].Children
		m.ports.All(func(first, last uint16, d devices.PortDevice) {
			*io = append(*io, inspect.Node{Kind: "i/o", Name: nameOf(d), Lo: uint64(first), Hi: uint64(last)})
		})
		tree = []inspect.Node{memory, ports}
		return nil
	})
	return tree
}

// nameOf is what a device calls itself, else where it is made.
func nameOf(d any) string {
	if n, ok := d.(interface{ Name() string }); ok {
		return n.Name()
	}
	name := strings.TrimPrefix(fmt.Sprintf("%T", d), "*")
	return strings.TrimPrefix(name, "board.")
}
