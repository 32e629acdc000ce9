package emu

import (
	"encoding/binary"
	"fmt"

	"goemu/emu/inspect"
	"goemu/emu/x86"
)

// maxMappings bounds what Mappings gives.
const maxMappings = 1 << 20

// Mappings lists the pages of a vCPU's page tables in the order of their linear addresses; none if paging is off. More than a million, or tables that
// contain themselves without end, are an error, with those that come first.
func (m *Machine) Mappings(cpu int) (list []inspect.Mapping, err error) {
	err = m.seeCPU(cpu, func(v *vcpu) error {
		var all bool
		if list, all = v.cpu.Mappings(maxMappings); !all {
			return fmt.Errorf("the page tables map more than can be listed: %d pages were found", len(list))
		}
		return nil
	})
	return list, err
}

// TLB lists what the soft TLB of a vCPU holds.
func (m *Machine) TLB(cpu int) (list []inspect.TLBEntry, err error) {
	err = m.seeCPU(cpu, func(v *vcpu) error {
		list = v.cpu.TLBView()
		return nil
	})
	return list, err
}

// Descriptors decodes a descriptor table of a vCPU. The LDT has none if LDTR is null. In real mode, whose interrupt vector table is no IDT, its entries are gates too.
func (m *Machine) Descriptors(cpu int, table inspect.Table) (list []inspect.Descriptor, err error) {
	err = m.seeCPU(cpu, func(v *vcpu) error {
		var r inspect.Registers
		v.cpu.Inspect(&r)
		list = descriptors(v.cpu, &r, table)
		return nil
	})
	return list, err
}

func descriptors(c *x86.CPU, r *inspect.Registers, table inspect.Table) (list []inspect.Descriptor) {
	t, size := r.GDTR, 8
	switch {
	case table == inspect.LDT:
		if r.LDTR.Attr&inspect.AttrP == 0 || r.LDTR.Selector&^7 == 0 {
			return nil
		}
		t = inspect.TableRegister{Base: r.LDTR.Base, Limit: r.LDTR.Limit}
	case table == inspect.IDT:
		t = r.IDTR
		switch {
		case r.Long():
			size = 16
		case r.CR0&inspect.CR0PE == 0:
			size = 4
		}
	}
	limit := int(min(t.Limit, 0xffff))
	for off := 0; off+size-1 <= limit; {
		d := inspect.Descriptor{Index: off / size, Linear: t.Base + uint64(off), Size: size}
		if table != inspect.IDT {
			d.Selector = uint16(off)
			if table == inspect.LDT {
				d.Selector |= 4
			}
		} else if d.Index > 255 {
			break
		}
		d.Bad = !c.PeekBytes(d.Linear, d.Raw[:size])
		switch {
		case d.Bad:
		case size == 4:
			d.Gate, d.Present, d.Type = true, true, "vector"
			d.Offset, d.Target = uint64(binary.LittleEndian.Uint16(d.Raw[:])), binary.LittleEndian.Uint16(d.Raw[2:])
		default:
			if sys := d.Raw[5]&0x10 == 0; size == 8 && sys && r.Long() && d.Raw[5]&0x8f != 0 && off+15 <= limit && c.PeekBytes(d.Linear, d.Raw[:16]) {
				d.Size = 16
			}
			d.Decode(r.Long())
		}
		list = append(list, d)
		off += d.Size
	}
	return list
}

// TSS decodes the task-state segment of a vCPU.
func (m *Machine) TSS(cpu int) (t inspect.TSS, err error) {
	err = m.seeCPU(cpu, func(v *vcpu) error {
		var r inspect.Registers
		v.cpu.Inspect(&r)
		t = inspect.TSS{Selector: r.TR.Selector, Base: r.TR.Base, Limit: r.TR.Limit}
		if r.TR.Attr&inspect.AttrP == 0 || r.TR.Selector&^7 == 0 {
			return nil
		}
		var p [104]byte
		n := min(len(p), int(r.TR.Limit)+1)
		if !v.cpu.PeekBytes(r.TR.Base, p[:n]) {
			return fmt.Errorf("the task-state segment at %#x is not mapped", r.TR.Base)
		}
		t.Decode(p[:n], r.TR.Attr, r.Long())
		return nil
	})
	return t, err
}
