package x86

import (
	"fmt"
	"io"
)

var (
	names32 = [8]string{"EAX", "ECX", "EDX", "EBX", "ESP", "EBP", "ESI", "EDI"}
	names64 = [16]string{"RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI", "R8 ", "R9 ", "R10", "R11", "R12", "R13", "R14", "R15"}
	// Dumps list registers in the order in which people look for them.
	dumpOrder = [16]int{regAX, regBX, regCX, regDX, regSI, regDI, regBP, regSP, 8, 9, 10, 11, 12, 13, 14, 15}
	segNames  = [6]string{"ES ", "CS ", "SS ", "DS ", "FS ", "GS "}
)

// flagLetters shows the flags that matter as letters, DOSZAPC, with - for those that are clear.
func flagLetters(f uint32) string {
	b := []byte("DOSZAPC")
	for i, m := range [...]uint32{flagDF, flagOF, flagSF, flagZF, flagAF, flagPF, flagCF} {
		if f&m == 0 {
			b[i] = '-'
		}
	}
	return string(b)
}

// segmentKind describes a segment in a word.
func segmentKind(s *Segment) string {
	switch {
	case s.null():
		return "null"
	case s.Attr&AttrS == 0:
		switch s.Attr & 15 {
		case typeLDT:
			return "LDT"
		case typeTSS32, typeTSS32Busy:
			return "TSS-busy"
		case typeTSS16, typeTSS16Busy:
			return "TSS16"
		}
		return "system"
	case s.code() && s.Attr&AttrL != 0:
		return "CS64"
	case s.code() && s.Attr&AttrDB != 0:
		return "CS32"
	case s.code():
		return "CS16"
	case s.Attr&AttrDB != 0:
		return "DS32"
	}
	return "DS16"
}

// Name is what stands before a line about this CPU: "CPU#n " where there are several, else nothing.
func (c *CPU) Name() string {
	if c.opt.CPUs == 1 {
		return ""
	}
	return fmt.Sprintf("CPU#%d ", c.opt.APICID)
}

// DumpState writes the registers.
func (c *CPU) DumpState(w io.Writer) {
	if n := c.Name(); n != "" {
		fmt.Fprintln(w, n[:len(n)-1])
	}
	c.takeGS()
	e, f := c.env, c.Flags()
	if c.longMode() {
		for i, r := range dumpOrder {
			sep := " "
			if i%4 == 3 {
				sep = "\n"
			}
			fmt.Fprintf(w, "%s=%016x%s", names64[r], e.GPR[r], sep)
		}
		fmt.Fprintf(w, "RIP=%016x RFL=%08x [%s] CPL=%d %s\n", e.RIP, f, flagLetters(f), c.cpl, c.stateName())
	} else {
		for i, r := range dumpOrder[:8] {
			sep := " "
			if i%4 == 3 {
				sep = "\n"
			}
			fmt.Fprintf(w, "%s=%08x%s", names32[r], uint32(e.GPR[r]), sep)
		}
		fmt.Fprintf(w, "EIP=%08x EFL=%08x [%s] CPL=%d %s\n", e.RIP, f, flagLetters(f), c.cpl, c.stateName())
	}
	for i := range c.seg {
		c.dumpSegment(w, segNames[i], &c.seg[i])
	}
	c.dumpSegment(w, "LDT", &c.ldtr)
	c.dumpSegment(w, "TR ", &c.tr)
	fmt.Fprintf(w, "GDT=     %016x %08x\nIDT=     %016x %08x\n", c.gdtr.Base, c.gdtr.Limit, c.idtr.Base, c.idtr.Limit)
	fmt.Fprintf(w, "CR0=%08x CR2=%016x CR3=%016x CR4=%08x\n", c.pg.CR0, c.env.CR2, c.pg.CR3, c.pg.CR4)
	fmt.Fprintf(w, "DR0=%016x DR1=%016x DR2=%016x DR3=%016x\nDR6=%016x DR7=%016x\n", c.dr[0], c.dr[1], c.dr[2], c.dr[3], c.dr[6], c.dr[7])
	fmt.Fprintf(w, "EFER=%016x XCR0=%x MXCSR=%08x\n", c.pg.EFER, c.xcr0, e.MXCSR)
}

func (c *CPU) dumpSegment(w io.Writer, name string, s *Segment) {
	fmt.Fprintf(w, "%s =%04x %016x %08x %04x DPL=%d %s\n", name, s.Selector, s.Base, s.Limit, s.Attr, s.dpl(), segmentKind(s))
}

func (c *CPU) stateName() string {
	switch c.state {
	case Halted:
		return "halted"
	case Shutdown:
		return "shut down"
	case WaitSIPI:
		return "waits for SIPI"
	}
	return "running"
}

// DumpHistory writes the last exceptions and interrupts, oldest first.
func (c *CPU) DumpHistory(w io.Writer) {
	for _, r := range c.History() {
		fmt.Fprintln(w, r)
	}
}

var vectorNames = [...]string{
	vecDE: "#DE", vecDB: "#DB", vecNMI: "NMI", vecBP: "#BP", vecOF: "#OF", vecBR: "#BR", vecUD: "#UD", vecNM: "#NM", vecDF: "#DF",
	vecTS: "#TS", vecNP: "#NP", vecSS: "#SS", vecGP: "#GP", vecPF: "#PF", vecMF: "#MF", vecAC: "#AC", vecMC: "#MC", vecXM: "#XM",
}

// String names the event and where it happened.
func (r Record) String() string {
	name := ""
	if !r.Extern && r.Vector < len(vectorNames) {
		name = vectorNames[r.Vector]
	}
	kind := "exception"
	switch {
	case r.Extern:
		kind = "interrupt"
	case r.Soft:
		kind = "software interrupt"
	}
	s := fmt.Sprintf("%s %#02x %s code %#x at RIP %#x CPL %d", kind, r.Vector, name, r.Code, r.RIP, r.CPL)
	if r.Vector == vecPF && !r.Extern {
		s += fmt.Sprintf(" CR2 %#x", r.CR2)
	}
	return s
}

// DumpWalk writes how the page tables translate a linear address, a line for each level.
func (c *CPU) DumpWalk(w io.Writer, linear uint64) {
	walk := c.Trace(linear)
	io.WriteString(w, walk.String())
}
