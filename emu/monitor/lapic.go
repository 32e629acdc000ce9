package monitor

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"

	"goemu/emu/inspect"
)

func infoLAPIC(s *Session, args []string) error {
	list := s.m.Controllers().LAPIC
	if len(args) == 0 {
		if s.cpu < len(list) {
			s.print("%s", lapicText(s.cpu, &list[s.cpu]))
		}
		return nil
	}
	id, err := strconv.ParseUint(args[0], 0, 32)
	if err != nil {
		return fmt.Errorf("%q is not an APIC ID", args[0])
	}
	for i := range list {
		if uint64(list[i].ID) == id {
			s.print("%s", lapicText(i, &list[i]))
			return nil
		}
	}
	return fmt.Errorf("no local APIC has the ID %d", id)
}

// Words for fields of the local APIC's registers (SDM vol. 3A 11.5.1, 11.6.1).
var (
	deliveryModes = [8]string{"Fixed", "LowPri", "SMI", "reserved", "NMI", "INIT", "SIPI", "ExtINT"}
	timerModes    = [4]string{"one-shot", "periodic", "tsc-deadline", "reserved"}
	shorthands    = [4]string{"none", "self", "all", "all-but-self"}
)

func choice(v uint32, bit int, off, on string) string {
	if v>>bit&1 != 0 {
		return on
	}
	return off
}

// vectors lists the bits that are set in a register of 256.
func vectors(reg, level *[8]uint32) string {
	var out strings.Builder
	for v := range 256 {
		if reg[v/32]>>(v%32)&1 == 0 {
			continue
		}
		fmt.Fprintf(&out, " %d", v)
		if level != nil && level[v/32]>>(v%32)&1 != 0 {
			out.WriteString("(level)")
		}
	}
	if out.Len() == 0 {
		return " (none)"
	}
	return out.String()
}

// lapicText is a local APIC as `info lapic` shows it.
func lapicText(cpu int, l *inspect.LAPIC) string {
	var b strings.Builder
	fmt.Fprintf(&b, "dumping local APIC state for CPU %d\n\n", cpu)
	for _, e := range l.LVT {
		v, timer := e.Value, ""
		if e.Name == "LVTT" {
			timer = timerModes[v>>17&3]
		}
		mode := deliveryModes[v>>8&7]
		if mode == "Fixed" || mode == "ExtINT" {
			mode = fmt.Sprintf("%-6s (vec %d)", mode, v&0xff)
		}
		fmt.Fprintf(&b, "%s\t 0x%08x %s %-5s %-6s %-7s %-12s %s\n", e.Name, v, choice(v, 13, "active-hi", "active-lo"), choice(v, 15, "edge", "level"),
			choice(v, 16, "", "masked"), choice(v, 12, "", "pending"), timer, mode)
	}
	// The divider's bits are 3, 1 and 0 of the register; 111b stands for 1.
	divide := 1 << (((l.TimerDivide>>1&4 | l.TimerDivide&3) + 1) & 7)
	fmt.Fprintf(&b, "Timer\t DCR=0x%x (divide by %d) initial_count = %d current_count = %d\n", l.TimerDivide, divide, l.TimerInitial, l.TimerCurrent)
	fmt.Fprintf(&b, "SPIV\t 0x%08x APIC %s, focus=%s, spurious vec %d\n", l.SVR, choice(l.SVR, 8, "disabled", "enabled"), choice(l.SVR, 9, "on", "off"), l.SVR&0xff)
	low, high := uint32(l.ICR), uint32(l.ICR>>32)
	fmt.Fprintf(&b, "ICR\t 0x%08x %s %s %s %s\n", low, choice(low, 11, "physical", "logical"), choice(low, 15, "edge", "level"), choice(low, 14, "de-assert", "assert"),
		shorthands[low>>18&3])
	fmt.Fprintf(&b, "ICR2\t 0x%08x\nESR\t 0x%08x\n", high, l.ESR)
	fmt.Fprintf(&b, "ISR\t%s\nIRR\t%s\n\n", vectors(&l.ISR, nil), vectors(&l.IRR, &l.TMR))
	// The register says 0 in its upper bits for a cluster model, 1 for a flat one.
	fmt.Fprintf(&b, "ID %d TPR 0x%02x PPR 0x%02x DFR 0x%02x (%s) LDR 0x%02x\n", l.ID, l.TPR, l.PPR, l.DFR>>28, dfrModel(l.DFR), bits.RotateLeft32(l.LDR, 8)&0xff)
	return b.String()
}

func dfrModel(dfr uint32) string {
	if dfr>>28 == 0xf {
		return "flat"
	}
	return "cluster"
}
