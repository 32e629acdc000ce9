package inspect

import (
	"fmt"
	"strings"
)

// Numbers of Registers.GPR and Registers.Seg, as instructions encode them.
const (
	RAX = iota
	RCX
	RDX
	RBX
	RSP
	RBP
	RSI
	RDI
	R8 // R9 to R15 follow
)

const (
	ES = iota
	CS
	SS
	DS
	FS
	GS
)

// GPRNames and SegmentNames are the names by number.
var (
	GPRNames     = [16]string{"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"}
	SegmentNames = [6]string{"es", "cs", "ss", "ds", "fs", "gs"}
)

// Bits of registers that text and front ends look at (SDM vol. 3A 2.3, 2.5).
const (
	FlagCF = 1 << 0
	FlagPF = 1 << 2
	FlagAF = 1 << 4
	FlagZF = 1 << 6
	FlagSF = 1 << 7
	FlagTF = 1 << 8
	FlagIF = 1 << 9
	FlagDF = 1 << 10
	FlagOF = 1 << 11
	FlagVM = 1 << 17

	CR0PE   = 1 << 0
	CR0PG   = 1 << 31
	CR4PAE  = 1 << 5
	CR4LA57 = 1 << 12

	EFERLMA = 1 << 10
)

// Bits of Segment.Attr: bits 8 to 23 of a descriptor's upper half, without the limit's (SDM vol. 3A 3.4.5).
const (
	AttrAccessed = 1 << 0
	AttrRW       = 1 << 1 // data: writable; code: readable
	AttrDC       = 1 << 2 // data: expand-down; code: conforming
	AttrCode     = 1 << 3
	AttrS        = 1 << 4 // code or data, not system
	AttrDPL      = 3 << 5
	AttrP        = 1 << 7
	AttrAVL      = 1 << 12
	AttrL        = 1 << 13
	AttrDB       = 1 << 14
	AttrG        = 1 << 15
)

// Segment is a segment register with its hidden part.
type Segment struct {
	Selector uint16
	Base     uint64
	Limit    uint32 // last byte, granularity applied
	Attr     uint32 // Attr... bits; 0: null
}

// Flags are bits 8 to 23 of the descriptor's upper half in their place, with the limit's bits 16 to 19, as QEMU shows them.
func (s *Segment) Flags() uint32 {
	limit := s.Limit
	if s.Attr&AttrG != 0 {
		limit >>= 12
	}
	return s.Attr<<8 | limit&0xf_0000
}

// DPL is the descriptor's privilege level.
func (s *Segment) DPL() int { return int(s.Attr & AttrDPL >> 5) }

// TableRegister is GDTR or IDTR.
type TableRegister struct {
	Base  uint64
	Limit uint32
}

// CPUState is whether a CPU executes instructions.
type CPUState uint8

// States of a CPU.
const (
	CPURunning  CPUState = iota
	CPUHalted            // HLT or MWAIT: waits for an interrupt or a store
	CPUShutdown          // triple fault: waits for reset
	CPUWaitSIPI          // application processor: waits for a start-up interrupt
)

// String names the state.
func (s CPUState) String() string {
	return [...]string{"running", "halted", "shut down", "waiting for SIPI"}[s&3]
}

// Float80 is an x87 register: significand and, above it, sign and exponent.
type Float80 struct {
	Significand uint64
	Exponent    uint16
}

// X87 is the state of the x87 FPU. ST[0] is the top of the stack. FTW has two bits for each physical register: 0 valid, 1 zero, 2 special, 3 empty.
type X87 struct {
	FCW, FSW, FTW uint16
	FOP           uint16
	FIP, FDP      uint64
	ST            [8]Float80
}

// Top is the number of the physical register that is ST(0).
func (x *X87) Top() int { return int(x.FSW >> 11 & 7) }

// Abridged is the tag byte of FXSAVE: a bit for each physical register that is not empty.
func (x *X87) Abridged() (b uint8) {
	for k := range 8 {
		if x.FTW>>(2*k)&3 != 3 {
			b |= 1 << k
		}
	}
	return b
}

// Registers is the state of one CPU.
type Registers struct {
	CPU   int
	State CPUState

	GPR    [16]uint64 // by RAX ...
	RIP    uint64     // offset in CS
	RFLAGS uint64

	Seg        [6]Segment // by ES ...
	LDTR, TR   Segment
	GDTR, IDTR TableRegister

	CR0, CR2, CR3, CR4, CR8 uint64
	XCR0, EFER              uint64
	DR                      [8]uint64 // DR4 and DR5 are 0

	X87   X87
	MXCSR uint32
	Vec   [32][8]uint64 // ZMM0 to ZMM31: the low 128 bits are XMM, the low 256 YMM
	K     [8]uint64     // AVX-512's mask registers
	PKRU  uint32

	KernelGSBase, STAR, LSTAR, CSTAR, SFMASK uint64
	SysenterCS, SysenterESP, SysenterEIP     uint64

	CPL       int
	Inhibit   bool // interrupts wait for the end of the instruction after STI or MOV SS
	NMIMasked bool
	SMM       bool // in system management mode
	A20       bool // address line 20 is not masked

	// How many of Vec the CPU model has, and how many bytes of each; 0: it has no SSE.
	Vectors, VectorBytes int
}

// Long tells whether the CPU is in long mode, compatibility mode included.
func (r *Registers) Long() bool { return r.EFER&EFERLMA != 0 }

// CodeBits is the size of code: 16, 32 or 64.
func (r *Registers) CodeBits() int {
	switch a := r.Seg[CS].Attr; {
	case r.Long() && a&AttrL != 0:
		return 64
	case a&AttrDB != 0:
		return 32
	}
	return 16
}

// Linear is the linear address of an offset in a segment.
func (r *Registers) Linear(seg int, off uint64) uint64 {
	if r.CodeBits() == 64 {
		if seg == FS || seg == GS {
			return r.Seg[seg].Base + off
		}
		return off
	}
	return (r.Seg[seg].Base + off) & 0xffff_ffff
}

// PC is the linear address of the instruction at RIP.
func (r *Registers) PC() uint64 { return r.Linear(CS, r.RIP) }

// Mode describes the operating mode: "real mode", "protected mode, 32-bit", "64-bit mode" ...
func (r *Registers) Mode() string {
	switch {
	case r.SMM:
		return "system management mode"
	case r.CR0&CR0PE == 0:
		return "real mode"
	case r.RFLAGS&FlagVM != 0:
		return "virtual-8086 mode"
	case r.Long() && r.CodeBits() == 64:
		return "64-bit mode"
	case r.Long():
		return fmt.Sprintf("compatibility mode, %d-bit", r.CodeBits())
	}
	return fmt.Sprintf("protected mode, %d-bit", r.CodeBits())
}

// dumpOrder is the order in which dumps list general registers.
var dumpOrder = [16]int{RAX, RBX, RCX, RDX, RSI, RDI, RBP, RSP, R8, 9, 10, 11, 12, 13, 14, 15}

// FlagLetters shows DF, OF, SF, ZF, AF, PF and CF as letters, - for those that are clear.
func FlagLetters(f uint64) string {
	b := []byte("DOSZAPC")
	for i, m := range [...]uint64{FlagDF, FlagOF, FlagSF, FlagZF, FlagAF, FlagPF, FlagCF} {
		if f&m == 0 {
			b[i] = '-'
		}
	}
	return string(b)
}

// Kind describes a segment as QEMU does: "DS   [-WA]", "CS64 [-RA]", "TSS32-busy". long: the CPU is in long mode.
func (s *Segment) Kind(long bool) string {
	if s.Attr&AttrS == 0 {
		names := &systemTypes
		if long {
			names = &systemTypes64
		}
		return names[s.Attr&15]
	}
	flag := func(bit uint32, letter byte) byte {
		if s.Attr&bit != 0 {
			return letter
		}
		return '-'
	}
	a := flag(AttrAccessed, 'A')
	if s.Attr&AttrCode != 0 {
		name := "CS16"
		switch {
		case s.Attr&AttrL != 0:
			name = "CS64"
		case s.Attr&AttrDB != 0:
			name = "CS32"
		}
		return fmt.Sprintf("%s [%c%c%c]", name, flag(AttrDC, 'C'), flag(AttrRW, 'R'), a)
	}
	name := "DS16"
	if s.Attr&AttrDB != 0 || long {
		name = "DS  "
	}
	return fmt.Sprintf("%s [%c%c%c]", name, flag(AttrDC, 'E'), flag(AttrRW, 'W'), a)
}

// systemTypes and systemTypes64 are the types of system descriptors (SDM vol. 3A table 3-2).
var (
	systemTypes = [16]string{
		"Reserved", "TSS16-avl", "LDT", "TSS16-busy", "CallGate16", "TaskGate", "IntGate16", "TrapGate16",
		"Reserved", "TSS32-avl", "Reserved", "TSS32-busy", "CallGate32", "Reserved", "IntGate32", "TrapGate32",
	}
	systemTypes64 = [16]string{
		"<hiword>", "Reserved", "LDT", "Reserved", "Reserved", "Reserved", "Reserved", "Reserved",
		"Reserved", "TSS64-avl", "Reserved", "TSS64-busy", "CallGate64", "Reserved", "IntGate64", "TrapGate64",
	}
)

// bit is 1 if b.
func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// String is the text of `info registers`.
func (r *Registers) String() string {
	var b strings.Builder
	long := r.Long()
	if long {
		for i, n := range dumpOrder {
			fmt.Fprintf(&b, "%-3s=%016x%s", strings.ToUpper(GPRNames[n]), r.GPR[n], separator(i, 4))
		}
	} else {
		for i, n := range dumpOrder[:8] {
			fmt.Fprintf(&b, "E%s=%08x%s", strings.ToUpper(GPRNames[n][1:]), uint32(r.GPR[n]), separator(i, 4))
		}
	}
	ip := "EIP=%08x EFL=%08x"
	if long {
		ip = "RIP=%016x RFL=%08x"
	}
	fmt.Fprintf(&b, ip+" [%s] CPL=%d II=%d A20=%d SMM=%d HLT=%d\n", r.RIP, r.RFLAGS, FlagLetters(r.RFLAGS), r.CPL,
		bit(r.Inhibit), bit(r.A20), bit(r.SMM), bit(r.State == CPUHalted || r.State == CPUWaitSIPI))
	for i := range r.Seg {
		r.segment(&b, fmt.Sprintf("%-3s", strings.ToUpper(SegmentNames[i])), &r.Seg[i])
	}
	r.segment(&b, "LDT", &r.LDTR)
	r.segment(&b, "TR ", &r.TR)
	w := 8
	if long {
		w = 16
	}
	fmt.Fprintf(&b, "GDT=     %0*x %08x\nIDT=     %0*x %08x\n", w, r.GDTR.Base, r.GDTR.Limit, w, r.IDTR.Base, r.IDTR.Limit)
	fmt.Fprintf(&b, "CR0=%08x CR2=%0*x CR3=%0*x CR4=%08x\n", r.CR0, w, r.CR2, w, r.CR3, r.CR4)
	for i := range 4 {
		fmt.Fprintf(&b, "DR%d=%016x ", i, r.DR[i])
	}
	fmt.Fprintf(&b, "\nDR6=%016x DR7=%016x\nEFER=%016x\n", r.DR[6], r.DR[7], r.EFER)
	r.vectors(&b)
	return b.String()
}

// separator stands behind item i of a list with n in a line.
func separator(i, n int) string {
	if i%n == n-1 {
		return "\n"
	}
	return " "
}

func (r *Registers) segment(b *strings.Builder, name string, s *Segment) {
	switch {
	case r.Long():
		fmt.Fprintf(b, "%s=%04x %016x %08x %08x", name, s.Selector, s.Base, s.Limit, s.Flags())
	default:
		fmt.Fprintf(b, "%s=%04x %08x %08x %08x", name, s.Selector, uint32(s.Base), s.Limit, s.Flags())
	}
	if r.CR0&CR0PE != 0 && s.Attr&AttrP != 0 {
		fmt.Fprintf(b, " DPL=%d %s", s.DPL(), s.Kind(r.Long()))
	}
	b.WriteByte('\n')
}

// vectors writes the x87 and vector registers: as XMM, YMM or ZMM, whatever the guest can use.
func (r *Registers) vectors(b *strings.Builder) {
	x := &r.X87
	fmt.Fprintf(b, "FCW=%04x FSW=%04x [ST=%d] FTW=%02x MXCSR=%08x\n", x.FCW, x.FSW, x.Top(), x.Abridged(), r.MXCSR)
	for i := range 8 { // by physical register
		st := &x.ST[(i-x.Top())&7]
		fmt.Fprintf(b, "FPR%d=%016x %04x%s", i, st.Significand, st.Exponent, separator(i, 2))
	}
	n := 8
	if r.CodeBits() == 64 {
		n = 16
	}
	switch {
	case r.XCR0&0xe6 == 0xe6:
		for i, k := range r.K {
			fmt.Fprintf(b, "Opmask%02d=%016x%s", i, k, separator(i, 4))
		}
		if n == 16 {
			n = 32
		}
		r.vector(b, "ZMM", n, 8)
	case r.XCR0&6 == 6:
		r.vector(b, "YMM", n, 4)
	default:
		r.vector(b, "XMM", n, 2)
	}
}

// vector writes the low quads of n vector registers.
func (r *Registers) vector(b *strings.Builder, name string, n, quads int) {
	for i := range n {
		fmt.Fprintf(b, "%s%02d=", name, i)
		for q := quads - 1; q >= 0; q-- {
			fmt.Fprintf(b, "%016x", r.Vec[i][q])
			if q > 0 {
				b.WriteByte(' ')
			}
		}
		if quads == 2 {
			b.WriteString(separator(i, 2))
		} else {
			b.WriteByte('\n')
		}
	}
}
