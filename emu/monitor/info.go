package monitor

import (
	"fmt"
	"slices"

	"goemu/emu/inspect"
)

// text is an info command that only shows something.
func text(name, help string, f func(s *Session) (string, error)) command {
	return command{name, "", help, 0, 0, func(s *Session, _ []string) error {
		out, err := f(s)
		s.print("%s", out)
		return err
	}}
}

// moreInfos are the commands that look at the machine's inside.
func moreInfos() []command {
	return []command{
		command{"registers", "[-a]", "registers of the CPU, or with -a of all", 0, 1, infoRegisters},
		text("accelerators", "the engine that runs the guest, marked *, and others", func(s *Session) (out string, err error) {
			for _, e := range s.m.Engines() {
				mark := ' '
				if e == s.m.Engine() {
					mark = '*'
				}
				out += fmt.Sprintf("%c %s\n", mark, e)
			}
			return out, nil
		}),
		text("roms", "the firmware, and files that it is given", func(s *Session) (string, error) { return lines(s.m.ROMs()), nil }),
		text("history", "lines typed before", func(s *Session) (out string, err error) {
			for i, l := range s.history {
				out += fmt.Sprintf("%d: '%s'\n", i, l)
			}
			return out, nil
		}),
		command{"lapic", "[id]", "the local APIC of the CPU, or of the one with an APIC ID", 0, 1, infoLAPIC},
		text("chardev", "character devices", func(s *Session) (out string, err error) {
			for _, c := range s.m.Chardevs() {
				out += fmt.Sprintf("%s: filename=%s\n", c.Label, c.Filename)
			}
			return out, nil
		}),
		text("cpus", "CPUs; * is the one that commands look at", func(s *Session) (out string, err error) {
			for i := range s.m.CPUs() {
				mark, halted := ' ', ""
				r, err := s.m.Registers(i)
				if err != nil {
					return out, err
				}
				if i == s.cpu {
					mark = '*'
				}
				if r.State != inspect.CPURunning {
					halted = " (" + r.State.String() + ")"
				}
				out += fmt.Sprintf("%c CPU #%d: pc=0x%016x%s\n", mark, i, r.PC(), halted)
			}
			return out, nil
		}),
		text("irq", "how often the inputs of interrupt controllers have gone high, and exceptions and interrupts by vector", func(s *Session) (out string, err error) {
			c := s.m.Controllers()
			for _, a := range c.IOAPIC {
				out += raised("ioapic", a.Raised)
			}
			out += raised("isa-i8259", slices.Concat(c.PIC[0].Raised, c.PIC[1].Raised)) + "Vectors delivered:\n"
			for v, n := range c.Counts {
				if n != 0 {
					out += fmt.Sprintf(" %#02x %s %d\n", v, inspect.VectorName(v), n)
				}
			}
			return out, nil
		}),
		text("jit", "the translator", func(s *Session) (string, error) {
			j := s.m.JIT()
			return j.String(), nil
		}),
		text("kvm", "whether the host's processor runs the guest, and why, and what KVM has of the interrupt controllers", func(s *Session) (string, error) {
			out := "kvm support: disabled\n"
			if s.m.Engine() == "kvm" {
				out = "kvm support: enabled\nkernel-irqchip: " + s.m.IRQChip() + "\n"
			}
			if why := s.m.EngineReason(); why != "" {
				out += fmt.Sprintf("%s runs the guest: %s\n", s.m.Engine(), why)
			}
			return out, nil
		}),
		text("mem", "mapped memory and its rights", func(s *Session) (string, error) { return s.mappings(inspect.MemText) }),
		text("mtree", "what is at which address", func(s *Session) (string, error) { return inspect.MTree(s.m.MemoryTree()), nil }),
		text("name", "the machine's name", func(s *Session) (string, error) {
			if n := s.m.Name(); n != "" {
				return n + "\n", nil
			}
			return "", nil
		}),
		text("pci", "PCI functions", func(s *Session) (string, error) { return pciText(s.m.PCIFunctions()), nil }),
		text("pic", "the 8259A pair", func(s *Session) (out string, err error) {
			for i, p := range s.m.Controllers().PIC {
				out += fmt.Sprintf("pic%d: irr=%02x imr=%02x isr=%02x irq_base=%02x elcr=%02x\n", i, p.IRR, p.IMR, p.ISR, p.Base, p.ELCR)
			}
			return out, nil
		}),
		text("qtree", "buses and devices", func(s *Session) (string, error) { return inspect.QTree(s.m.DeviceTree()), nil }),
		text("tlb", "the pages of the guest's page tables", func(s *Session) (string, error) { return s.mappings(inspect.TLBText) }),
		text("vnc", "the display over the network and who looks at it", func(s *Session) (string, error) { return vncText(s.m.Displays()), nil }),
		{"trace-events", "[event]", "the events of trace-event, and which are traced", 0, 1, infoTrace},
		text("uuid", "the machine's UUID", func(s *Session) (string, error) { return s.m.UUID() + "\n", nil }),
	}
}

// vncText is in QEMU's form.
func vncText(list []inspect.VNC) (out string) {
	if len(list) == 0 {
		return "None\n"
	}
	for _, d := range list {
		out += fmt.Sprintf("default:\n  Server: %s:%s (%s)\n    Auth: %s (Sub: none)\n", d.Host, d.Service, d.Family, d.Auth)
		for _, v := range d.Viewers {
			out += fmt.Sprintf("  Client: %s:%s (%s)\n    x509_dname: none\n    sasl_username: none\n", v.Host, v.Service, v.Family)
		}
	}
	return out
}

// raised lists how often lines have gone high, as QEMU has it.
func raised(name string, count []uint64) string {
	out := "IRQ statistics for " + name + ":\n"
	for i, n := range count {
		if n != 0 {
			out += fmt.Sprintf("%2d: %d\n", i, n)
		}
	}
	return out
}

func lines(list []string) (out string) {
	for _, l := range list {
		out += l + "\n"
	}
	return out
}

func infoRegisters(s *Session, args []string) error {
	first, last := s.cpu, s.cpu
	if len(args) == 1 {
		if args[0] != "-a" {
			return fmt.Errorf("%q: want -a", args[0])
		}
		first, last = 0, s.m.CPUs()-1
	}
	for i := first; i <= last; i++ {
		r, err := s.m.Registers(i)
		if err != nil {
			return err
		}
		s.print("\nCPU#%d\n%s", i, r.String())
	}
	return nil
}

func (s *Session) mappings(show func(list []inspect.Mapping) string) (string, error) {
	r, err := s.m.Registers(s.cpu)
	if err != nil {
		return "", err
	}
	if r.CR0&inspect.CR0PG == 0 {
		return "PG disabled\n", nil
	}
	list, err := s.m.Mappings(s.cpu)
	return show(list), err
}

func pciText(list []inspect.PCI) (out string) {
	for _, p := range list {
		out += fmt.Sprintf("  Bus %2d, device %3d, function %d:\n    Class %04x: PCI device %04x:%04x\n", p.Bus, p.Slot, p.Func, p.Class, p.Vendor, p.Device)
		if p.SubVendor != 0 {
			out += fmt.Sprintf("      PCI subsystem %04x:%04x\n", p.SubVendor, p.Sub)
		}
		if p.Pin != 0 {
			out += fmt.Sprintf("      IRQ %d, pin %c\n", p.Line, 'A'+p.Pin-1)
		}
		for _, b := range p.BARs {
			at := "not mapped"
			if b.Mapped {
				at = fmt.Sprintf("0x%x [0x%x]", b.Addr, b.Addr+b.Size-1)
			}
			kind := "I/O"
			if !b.IO {
				kind = "32 bit memory"
				if b.Bits64 {
					kind = "64 bit memory"
				}
				if b.Prefetch {
					kind = kind[:7] + "prefetchable memory"
				}
			}
			out += fmt.Sprintf("      BAR%d: %s at %s.\n", b.Number, kind, at)
		}
	}
	return out
}
