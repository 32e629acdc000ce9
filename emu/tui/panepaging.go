package tui

import (
	"fmt"

	"goemu/emu/inspect"
)

var (
	walkPane = &pane{name: "page walk", least: 8, typed: "walk of linear address (empty: RIP)"}
	tlbPane  = &pane{name: "TLB", share: 1}
)

func buildWalk(md *model, _, _ int) []line {
	addr, typed := md.at[walkPane]
	if !typed {
		addr = md.regs.PC()
	}
	w, err := md.m.Walk(md.cpu, addr)
	if err != nil {
		return []line{text(danger, err.Error())}
	}
	return texts(plain, w.String())
}

// buildTLB lists the soft TLB; a click on an entry walks the page tables for it.
func buildTLB(md *model, _, _ int) (lines []line) {
	list, err := md.m.TLB(md.cpu)
	if err != nil {
		return []line{text(danger, err.Error())}
	}
	lines = append(lines, text(dim, fmt.Sprintf("%d entries; linear, physical", len(list))))
	for i := range list {
		l, addr := text(plain, list[i].String()), list[i].Linear
		l.click = func(md *model, _ int) error {
			md.at[walkPane] = addr
			return nil
		}
		lines = append(lines, l)
	}
	return lines
}

var tablesPane = &pane{name: "GDT, LDT, IDT, TSS", share: 1}

func buildTables(md *model, _, _ int) (lines []line) {
	t, err := md.m.TSS(md.cpu)
	if err != nil {
		lines = append(lines, text(danger, "TSS: "+err.Error()))
	} else {
		lines = append(lines, texts(plain, t.String())...)
	}
	for _, table := range []inspect.Table{inspect.GDT, inspect.LDT, inspect.IDT} {
		list, err := md.m.Descriptors(md.cpu, table)
		lines = append(lines, text(heading, fmt.Sprintf("%s: %d entries", table, len(list))))
		for i := range list {
			lines = append(lines, descriptorLine(&list[i]))
		}
		if err != nil {
			lines = append(lines, text(danger, err.Error()))
		}
	}
	return lines
}

// descriptorLine shows a descriptor; a click on a gate shows the code that it leads to.
func descriptorLine(d *inspect.Descriptor) line {
	style := plain
	if d.Type == "null" || !d.Present {
		style = dim
	}
	l, to := text(style, d.String()), d.Offset
	if d.Gate && d.Present {
		l.click = func(md *model, _ int) error {
			md.at[codePane] = to
			md.say(fmt.Sprintf("page cpu shows the code at %#x", to))
			return nil
		}
	}
	return l
}
