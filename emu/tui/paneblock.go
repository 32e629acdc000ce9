package tui

import (
	"fmt"
	"regexp"
	"strings"

	"goemu/emu/inspect"
)

var blockPane = &pane{name: "block", share: 1, typed: "block at offset in CS (empty: follow RIP)"}

// hostBytes are a line of host code: of its address the end, then the bytes, for which a narrow column has no room, and the instruction.
var hostBytes = regexp.MustCompile(`(?m)^0x[0-9a-f]*([0-9a-f]{4})  (?:[0-9a-f]+ +)?(.*)$`)

// buildBlock shows what the translator has made of the code at RIP: side by side if there is room, else one below the other.
func buildBlock(md *model, w, _ int) (lines []line) {
	rip, typed := md.at[blockPane]
	if !typed {
		rip = md.regs.RIP
	}
	b, err := md.m.Block(md.cpu, rip)
	if err != nil {
		return []line{text(danger, err.Error())}
	}
	linear := md.regs.Linear(inspect.CS, rip)
	lines = append(lines, blockHead(&b), blockRuns(md, &b, linear))
	var guest strings.Builder
	for i := range b.Guest {
		fmt.Fprintf(&guest, "%x %s\n", b.Guest[i].RIP, b.Guest[i].Text)
	}
	host := b.Host
	if host == "" {
		host = "none: the interpreter runs the optimised micro-ops\n"
	}
	parts := []struct{ name, text string }{
		{"guest", guest.String()}, {"micro-ops", b.IR}, {"optimised", b.Optimised}, {"host", host},
	}
	if w < 4*30 {
		for _, p := range parts {
			lines = append(lines, text(heading, p.name))
			lines = append(lines, texts(plain, p.text)...)
		}
		return lines
	}
	parts[3].text = hostBytes.ReplaceAllString(host, "$1 $2")
	var columns [][]string
	for _, p := range parts {
		columns = append(columns, append([]string{p.name}, strings.Split(strings.TrimRight(p.text, "\n"), "\n")...))
	}
	return append(lines, sideBySide(columns, w)...)
}

func blockHead(b *inspect.Block) line {
	kind := "not yet translated: as it would be"
	switch {
	case b.Translated && b.Native:
		kind = "native code"
	case b.Translated:
		kind = "run by the interpreter"
	}
	l := text(bold, fmt.Sprintf("RIP %#x, physical %#x, %s", b.RIP, b.Phys, b.Mode))
	l.add(plain, fmt.Sprintf("  %s; %d instructions, %d bytes -> %d", kind, b.Insns, b.GuestBytes, b.HostBytes))
	return l
}

// blockRuns shows how often the block has run; a click has it counted, or no more.
func blockRuns(md *model, b *inspect.Block, linear uint64) line {
	s := "runs are not counted (Enter counts them; a counted block is run by the interpreter)"
	if b.Counted {
		s = fmt.Sprintf("%d runs since counting began (Enter ends it)", b.Runs)
	}
	on := !b.Counted
	l := text(changed, s)
	l.click = func(md *model, _ int) error { return md.m.CountRuns(linear, on) }
	return l
}

// sideBySide puts columns of text beside each other.
func sideBySide(columns [][]string, w int) (lines []line) {
	each, most := w/len(columns), 0
	for _, c := range columns {
		most = max(most, len(c))
	}
	for i := range most {
		var l line
		for _, c := range columns {
			s := ""
			if i < len(c) {
				s = strings.ReplaceAll(c[i], "\t", " ")
			}
			r := []rune(s)
			if len(r) > each-1 {
				r = r[:each-1]
			}
			style := plain
			if i == 0 {
				style = heading
			}
			l.add(style, string(r)+strings.Repeat(" ", each-len(r)))
		}
		lines = append(lines, l)
	}
	return lines
}
