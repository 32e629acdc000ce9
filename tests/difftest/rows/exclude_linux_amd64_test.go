package rows

import (
	"encoding/binary"

	"goemu/decoder"
	"goemu/emu/crosscheck/undefined"
	"goemu/tcg"
)

// exclude tells why a row is not run here; "": it is.
func exclude(f *form) string {
	if f.row.Op == decoder.NOP && f.row.Enc == "0F 0D /r" {
		return whyAMD
	}
	if why, ok := excluded[f.row.Op]; ok {
		return why
	}
	return ""
}

const (
	whyKernel   = "would call the host's kernel"
	whyHost     = "tells about the host: time, entropy, or its CPU"
	whyUMIP     = "the host's kernel answers in the CPU's place (UMIP)"
	whyPointers = "stores pointers of the x87 unit, which AMD's processors keep only for unmasked exceptions"
	whyFar      = "depends on descriptor tables"
	whyAMD      = "not on AMD's processors, of which the host is one"
	whyHyper    = "the host is a virtual machine: would call its hypervisor"
)

// excluded are the instructions that say nothing when run on the host as a user.
var excluded = map[decoder.Op]string{
	decoder.SYSCALL: whyKernel, decoder.SYSENTER: whyKernel,
	decoder.VMMCALL: whyHyper, decoder.VMCALL: whyHyper,
	decoder.CPUID: whyHost, decoder.XGETBV: whyHost, decoder.RDTSC: whyHost, decoder.RDTSCP: whyHost, decoder.RDPID: whyHost, decoder.RDRAND: whyHost, decoder.RDSEED: whyHost,
	decoder.SGDT: whyUMIP, decoder.SIDT: whyUMIP, decoder.SLDT: whyUMIP, decoder.STR: whyUMIP, decoder.SMSW: whyUMIP,
	decoder.FNSAVE: whyPointers, decoder.FNSTENV: whyPointers, decoder.FXSAVE: whyPointers, decoder.FLDENV: whyPointers, decoder.FRSTOR: whyPointers, decoder.FXRSTOR: whyPointers,
	decoder.XSAVE: whyPointers, decoder.XSAVEOPT: whyPointers, decoder.XSAVEC: whyPointers, decoder.XRSTOR: whyPointers,
	decoder.INT1:  "KVM on AMD's processors gives the RIP of the instruction, not that after it",
	decoder.CALLF: whyFar, decoder.JMPF: whyFar, decoder.RETF: whyFar, decoder.IRET: whyFar,
}

// zf is the zero flag of EFLAGS.
const zf = 0x40

// results are those that may differ: emu/crosscheck/undefined/table.txt.
var results = undefined.Default()

// undefinedFlags gives the flags that the manuals leave undefined after i and that an engine does not promise to set as the host does.
func undefinedFlags(i *decoder.Inst, native bool, fault bool) uint64 {
	w := undefined.When{A: "interp", B: "native", Fault: fault}
	if native {
		w.A = "tcg"
	}
	if m := results.Mask(i, w); m != nil {
		return m.Flags
	}
	return 0
}

// transcendental are the x87 functions that processors compute to about one unit in the last place, each in its own way. Generated code
// uses the host's; package x87 comes close, which its own tests check. Here a result may be off by some units, and with it C1 and the precision flag.
func transcendental(op decoder.Op) bool {
	m := results.Mask(&decoder.Inst{Op: op}, undefined.When{A: "interp", B: "native"})
	return m != nil && m.Rounding
}

// incomparable tells whether the host's outcome is one that only AMD's processors have, or that a case is not for the comparison.
func incomparable(in *insn, c, host, got *record) bool {
	masked := in.Op == decoder.MASKMOVQ || in.Op == decoder.MASKMOVDQU || in.Op == decoder.VMASKMOVDQU
	switch {
	case host.Trap == tcg.VectorAC && (got.Trap == tcg.VectorPF || in.Mode == decoder.Mode16 && (got.Trap == tcg.VectorSS || got.Trap == tcg.VectorGP)):
		return true // alignment is checked first
	case masked && (host.Trap == tcg.VectorPF || host.Trap == tcg.VectorAC):
		return true // faults with an empty mask too, and at the operand's start; the x87 registers change to MMX before the fault
	case (in.Op == decoder.LDMXCSR || in.Op == decoder.VLDMXCSR) && host.FP[26]&2 != 0:
		return true // MXCSR.MM, misaligned operands allowed
	case (in.Op == decoder.VERR || in.Op == decoder.VERW || in.Op == decoder.LAR || in.Op == decoder.LSL) && in.hasMem() && c.WindowLen == 1:
		return true // half of the selector lies beyond the window: it may be one of Linux
	case in.Op == decoder.POPA && host.Trap != 3:
		return true // registers have changed before the fault
	case in.Op == decoder.ENTER && host.Trap == tcg.VectorAC && got.Trap == 3:
		return true // the new top of the stack has to be aligned
	case in.Op == decoder.CMPS && host.Trap != 3 && got.Trap != 3 && (host.Trap != got.Trap || host.CR2 != got.CR2):
		return true // the second operand is read first
	case in.Op == decoder.CALL && in.Mode == decoder.Mode16 && host.Trap != 3 && got.Trap == tcg.VectorGP:
		return true // the push is checked before the target
	case in.Mode == decoder.Mode16 && host.Trap == tcg.VectorGP && got.Trap == tcg.VectorSS && in.hasMem() && in.ea(c)&31 != 0:
		return true // alignment is checked before the limit
	case in.Mode == decoder.Mode16 && host.Trap == tcg.VectorPF && (got.Trap == tcg.VectorSS || got.Trap == tcg.VectorGP) && in.hasMem() && in.memSize() == 10:
		return true // the first part is stored before the limit is checked for the second
	case got.Trap == tcg.VectorGP && linuxSelector(host):
		return true // Linux keeps the number of the CPU in a segment that programs may load
	case host.Trap == tcg.VectorGP && got.Trap == tcg.VectorPF && (in.hasMem() || in.Op == decoder.MOVS || in.Op == decoder.LODS) && (in.Seg == decoder.SegFS || in.Seg == decoder.SegGS):
		return true // the sum of base register and displacement has to be canonical too, not only the linear address
	case in.Op == decoder.FYL2XP1 || in.Op == decoder.F2XM1:
		exp := binary.LittleEndian.Uint16(c.FP[40:]) & 0x7fff
		top := uint16(16383) // results are undefined for |x| > 1, and for |x| > 1-sqrt(1/2)
		if in.Op == decoder.FYL2XP1 {
			top -= 2
		}
		return exp >= top && exp != 0x7fff
	}
	return false
}

// linuxSelector tells whether DS, ES, FS or GS holds the segment of Linux's GDT that is none of ours.
func linuxSelector(r *record) bool {
	for _, s := range r.Seg {
		if s>>3 == 15 {
			return true
		}
	}
	return false
}
