package tui

import (
	"fmt"

	"goemu/emu/inspect"
)

var memoryPane = &pane{name: "memory", share: 1, typed: "memory at (empty: the stack)"}

// perLine is how many bytes a line shows.
const perLine = 16

// buildMemory shows the stack, or memory where somebody has typed. A click sets a watchpoint on a byte's 4 bytes.
func buildMemory(md *model, _, h int) (lines []line) {
	start, typed := md.at[memoryPane]
	if !typed {
		start = md.regs.Linear(inspect.SS, md.regs.GPR[inspect.RSP]&stackMask(&md.regs))
	}
	start &^= perLine - 1
	buf := make([]byte, perLine*max(h, 1))
	n, err := md.m.ReadMemory(md.cpu, inspect.Linear(start), buf)
	for i := 0; i < n; i += perLine {
		lines = append(lines, md.memoryLine(start+uint64(i), buf[i:min(i+perLine, n)]))
	}
	if err != nil {
		lines = append(lines, text(dim, err.Error()))
	}
	return lines
}

func stackMask(r *inspect.Registers) uint64 {
	switch {
	case r.CodeBits() == 64:
		return ^uint64(0)
	case r.Seg[inspect.SS].Attr&inspect.AttrDB != 0:
		return 0xffff_ffff
	}
	return 0xffff
}

func (md *model) memoryLine(addr uint64, p []byte) (l line) {
	digits := 8
	if addr>>32 != 0 {
		digits = 16
	}
	l.add(dim, fmt.Sprintf("%0*x  ", digits, addr))
	for i, b := range p {
		style := plain
		for _, w := range md.points {
			if a := addr + uint64(i); w.Kind != inspect.BreakExec && w.Kind != inspect.BreakPort && a >= w.Addr && a < w.Addr+uint64(w.Len) {
				style = danger
			}
		}
		l.add(style, fmt.Sprintf("%02x ", b))
	}
	chars := make([]byte, len(p))
	for i, b := range p {
		if b < ' ' || b > '~' {
			b = '.'
		}
		chars[i] = b
	}
	l.add(dim, string(chars))
	l.click = func(md *model, col int) error {
		at := max(0, min((col-digits-2)/3, perLine-1)) &^ 3
		return md.toggle(inspect.Breakpoint{Kind: inspect.BreakWrite, Addr: addr + uint64(at), Len: 4})
	}
	return l
}
