package tui

import (
	"fmt"

	"goemu/emu/inspect"
)

var codePane = &pane{name: "code", share: 2, typed: "code at (empty: follow RIP)"}

// buildCode disassembles around RIP, or where somebody has typed. What is shown stays while RIP is in it.
func buildCode(md *model, _, h int) (lines []line) {
	pc := md.regs.PC()
	n := max(3*h, 16)
	start, typed := md.at[codePane]
	if !typed {
		start = md.anchor
	}
	code, err := md.m.Disassemble(md.cpu, inspect.Linear(start), n)
	if !typed && (err != nil || index(code, pc) < 0 || index(code, pc) > n/2) {
		md.anchor, code, err = md.around(pc, n)
	}
	if err != nil {
		return []line{text(danger, err.Error())}
	}
	for i := range code {
		lines = append(lines, md.codeLine(&code[i], code[i].Addr == pc))
	}
	return lines
}

// index is where code has an address; -1: nowhere.
func index(code []inspect.Line, addr uint64) int {
	for i := range code {
		if code[i].Addr == addr {
			return i
		}
	}
	return -1
}

// before is how many bytes before RIP code is shown, at most: instructions cannot be read backwards, so that a place is looked for from which they lead to RIP.
const before = 24

func (md *model) around(pc uint64, n int) (start uint64, code []inspect.Line, err error) {
	for back := uint64(before); back > 0; back-- {
		if back > pc {
			continue
		}
		code, err := md.m.Disassemble(md.cpu, inspect.Linear(pc-back), n)
		if at := index(code, pc); err == nil && at > 0 && sound(code[:at]) {
			return pc - back, code, nil
		}
	}
	code, err = md.m.Disassemble(md.cpu, inspect.Linear(pc), n)
	return pc, code, err
}

// sound tells whether all of code are instructions, and not the zeros that are often between functions.
func sound(code []inspect.Line) bool {
	for i := range code {
		l := &code[i]
		if l.Text == "(bad)" || len(l.Bytes) == 2 && l.Bytes[0] == 0 && l.Bytes[1] == 0 {
			return false
		}
	}
	return true
}

func (md *model) codeLine(l *inspect.Line, here bool) line {
	mark, style := "  ", plain
	for _, b := range md.points {
		if b.Kind == inspect.BreakExec && b.Addr == l.Addr {
			mark = "● "
		}
	}
	out := line{here: here}
	if here {
		style = current
	}
	arrow := " "
	if here {
		arrow = "▶"
	}
	out.add(danger, mark).add(style, arrow).add(style, fmt.Sprintf("%08x ", l.Addr)).add(dim, fmt.Sprintf("%-21s ", fmt.Sprintf("%x", l.Bytes))).add(style, l.Text)
	addr := l.Addr
	out.click = func(md *model, _ int) error {
		return md.toggle(inspect.Breakpoint{Kind: inspect.BreakExec, Addr: addr})
	}
	if l.HasTarget {
		to := l.Target
		out.second = func(md *model, _ int) error {
			md.at[codePane] = to
			return nil
		}
	}
	return out
}
