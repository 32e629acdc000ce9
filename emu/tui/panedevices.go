package tui

import (
	"fmt"
	"math/bits"

	"goemu/emu/inspect"
)

var interruptsPane = &pane{name: "interrupt controllers", share: 1}

func buildInterrupts(md *model, _, _ int) (lines []line) {
	c := md.m.Controllers()
	add := func(format string, args ...any) { lines = append(lines, text(plain, fmt.Sprintf(format, args...))) }
	title := func(s string) { lines = append(lines, text(heading, s)) }
	title("8259A")
	for i, p := range c.PIC {
		add("%-6s IRR %08b  ISR %08b  IMR %08b  ELCR %08b  vectors from %02x", [...]string{"master", "slave"}[i], p.IRR, p.ISR, p.IMR, p.ELCR, p.Base)
	}
	for i := range c.IOAPIC {
		title(fmt.Sprintf("I/O APIC, ID %d", c.IOAPIC[i].ID))
		for n, e := range c.IOAPIC[i].Lines {
			if e&(1<<16) == 0 { // not masked
				add("%3d: %016x  vector %02x%s%s", n, e, e&0xff, flag(e, 15, ", level"), flag(e, 14, ", waits for EOI"))
			}
		}
	}
	for cpu := range c.LAPIC {
		l := &c.LAPIC[cpu]
		title(fmt.Sprintf("local APIC of CPU %d, ID %d", cpu, l.ID))
		add("TPR %02x PPR %02x SVR %x LDR %x DFR %x ICR %x ESR %x base %x", l.TPR, l.PPR, l.SVR, l.LDR, l.DFR, l.ICR, l.ESR, l.Base)
		add("ISR%s  IRR%s", vectors(&l.ISR), vectors(&l.IRR))
		for _, v := range l.LVT {
			add("%-8s %08x  vector %02x%s", v.Name, v.Value, v.Value&0xff, flag(uint64(v.Value), 16, ", masked"))
		}
		add("timer: initial %d, now %d, divides by %d", l.TimerInitial, l.TimerCurrent, l.TimerDivide)
	}
	title("interrupts and exceptions by vector")
	for v, n := range c.Counts {
		if n != 0 {
			add("%02x %-4s %d", v, inspect.VectorName(v), n)
		}
	}
	return lines
}

func flag(v uint64, bit int, s string) string {
	if v>>bit&1 != 0 {
		return s
	}
	return ""
}

// vectors lists the bits that are set.
func vectors(r *[8]uint32) (s string) {
	for i, w := range r {
		for ; w != 0; w &= w - 1 {
			s += fmt.Sprintf(" %02x", 32*i+bits.TrailingZeros32(w))
		}
	}
	if s == "" {
		return " none"
	}
	return s
}

var devicesPane = &pane{name: "devices", share: 1}

func buildDevices(md *model, _, _ int) []line { return texts(plain, inspect.QTree(md.m.DeviceTree())) }
