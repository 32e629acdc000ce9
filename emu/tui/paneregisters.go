package tui

import (
	"fmt"
	"strings"

	"goemu/emu/inspect"
)

var registersPane = &pane{name: "registers", least: 12}

// field is a register and its value, as it is and as it was.
type field struct{ name, now, was string }

// buildRegisters shows what has changed since the look before, or since the CPU stopped before.
func buildRegisters(md *model, w, _ int) (lines []line) {
	r, old := &md.regs, &md.was
	head := text(bold, fmt.Sprintf("CPU %d  %s, CPL %d, %s", r.CPU, r.Mode(), r.CPL, r.State))
	if md.state.why != "" {
		head.add(danger, "  stopped: "+md.state.why)
	}
	lines = append(lines, head)
	for _, group := range [][]field{generals(r, old), control(r, old), segments(r, old)} {
		lines = append(lines, flow(group, w)...)
	}
	return lines
}

// flow puts fields side by side in columns of equal width.
func flow(fields []field, w int) (lines []line) {
	most := 0
	for _, f := range fields {
		most = max(most, len(f.name)+len(f.now)+2)
	}
	columns := max(1, w/max(most, 1))
	for i, f := range fields {
		if i%columns == 0 {
			lines = append(lines, line{})
		}
		style := plain
		if f.now != f.was {
			style = changed
		}
		pad := strings.Repeat(" ", max(0, most-len(f.name)-len(f.now)-1))
		lines[len(lines)-1].add(dim, f.name+" ").add(style, f.now).add(plain, pad)
	}
	return lines
}

func generals(r, old *inspect.Registers) (fields []field) {
	hex, n := "%016x", 16
	if r.CodeBits() != 64 {
		hex, n = "%08x", 8
	}
	mask := func(v uint64) uint64 {
		if n == 8 {
			return v & 0xffff_ffff
		}
		return v
	}
	for i := range n {
		name := inspect.GPRNames[i]
		if n == 8 {
			name = "e" + name[1:]
		} else {
			name = fmt.Sprintf("%-3s", name)
		}
		fields = append(fields, field{name, fmt.Sprintf(hex, mask(r.GPR[i])), fmt.Sprintf(hex, mask(old.GPR[i]))})
	}
	fields = append(fields,
		field{"rip", fmt.Sprintf(hex, r.RIP), fmt.Sprintf(hex, old.RIP)},
		field{"efl", flagText(r.RFLAGS), flagText(old.RFLAGS)})
	return fields
}

func flagText(f uint64) string {
	s := fmt.Sprintf("%08x %s", f, inspect.FlagLetters(f))
	if f&inspect.FlagIF != 0 {
		s += "I"
	} else {
		s += "-"
	}
	return s
}

func control(r, old *inspect.Registers) (fields []field) {
	add := func(name string, now, was uint64) {
		fields = append(fields, field{name, fmt.Sprintf("%08x", now), fmt.Sprintf("%08x", was)})
	}
	add("cr0", r.CR0, old.CR0)
	add("cr2", r.CR2, old.CR2)
	add("cr3", r.CR3, old.CR3)
	add("cr4", r.CR4, old.CR4)
	add("efer", r.EFER, old.EFER)
	add("cr8", r.CR8, old.CR8)
	return fields
}

func segments(r, old *inspect.Registers) (fields []field) {
	show := func(s *inspect.Segment) string { return fmt.Sprintf("%04x %08x+%08x", s.Selector, s.Base, s.Limit) }
	for i, name := range inspect.SegmentNames {
		fields = append(fields, field{name, show(&r.Seg[i]), show(&old.Seg[i])})
	}
	table := func(t *inspect.TableRegister) string { return fmt.Sprintf("%08x+%04x", t.Base, t.Limit) }
	return append(fields,
		field{"tr", show(&r.TR), show(&old.TR)}, field{"ldt", show(&r.LDTR), show(&old.LDTR)},
		field{"gdt", table(&r.GDTR), table(&old.GDTR)}, field{"idt", table(&r.IDTR), table(&old.IDTR)})
}
