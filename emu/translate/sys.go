package translate

import (
	"goemu/decoder"
	"goemu/mmu"
	"goemu/tcg"
)

// sys makes i a Sys op. end: the block ends after it.
func (t *Translator) sys(i *decoder.Inst, end bool) {
	t.b.Sys(i, t.rip, end)
	t.done = t.done || end
}

// sysDefault makes i a Sys op that ends the block if it must.
func (t *Translator) sysDefault(i *decoder.Inst, _ tcg.Opcode) { t.sys(i, t.ends(i)) }

// pushf translates PUSHF. In virtual-8086 mode it may fault. RF and VM, which it stores as 0, are not in Env.EFlags.
func (t *Translator) pushf(i *decoder.Inst, _ tcg.Opcode) {
	if t.mode&tcg.ModeVM86 != 0 {
		t.sysDefault(i, 0)
		return
	}
	arith, rest, f := t.b.Temp(), t.b.Temp(), t.b.Temp()
	t.b.GetF(arith)
	t.b.Get(tcg.GetEF, rest)
	t.b.ALU(tcg.Or, tcg.W64, f, arith, rest, false)
	t.push(width(i.OpSize), f)
}

// swapgs translates SWAPGS of the kernel's.
func (t *Translator) swapgs(i *decoder.Inst, op tcg.Opcode) {
	if !t.code64() || t.mode.CPL() != 0 {
		t.sysDefault(i, 0)
		return
	}
	t.b.Flag(op)
}

// clac translates CLAC: with the index for accesses that SMAP checks, EFLAGS.AC is clear.
func (t *Translator) clac(i *decoder.Inst, _ tcg.Opcode) {
	if t.mode.CPL() != 0 || t.mode.Index() != mmu.IndexKernel {
		t.sysDefault(i, 0)
	}
}

// pause translates PAUSE.
func (t *Translator) pause(i *decoder.Inst, _ tcg.Opcode) {
	if t.Yield {
		t.sys(i, true)
	}
}

// readCR2 translates MOV from CR2 at level 0.
func (t *Translator) readCR2(dst tcg.Ref) {
	w := tcg.W32
	if t.code64() {
		w = tcg.W64
	}
	x := t.b.Temp()
	t.b.Get(tcg.GetCR2, x)
	t.b.Mov(w, dst, x)
}

// ends tells whether nothing may follow i in a block: it may change control flow, the mode, the mapping or whether
// interrupts are taken, must be interruptible, or is unknown (and then faults).
func (t *Translator) ends(i *decoder.Inst) bool {
	if i.Prefix&decoder.PrefixEvex != 0 {
		return true
	}
	switch i.Op {
	case decoder.MOVS, decoder.STOS, decoder.LODS, decoder.CMPS, decoder.SCAS:
		return i.Prefix&(decoder.PrefixRep|decoder.PrefixRepne) != 0
	case decoder.MOV, decoder.POP:
		return t.loads(i.Args[0])
	case decoder.LDS, decoder.LES, decoder.LFS, decoder.LGS:
		return !t.code64()
	}
	return int(i.Op) >= len(goesOn) || !goesOn[i.Op]
}

// loads tells whether writing a can change what later code means: control and debug registers, and segment registers
// but for those of 64-bit code other than SS, whose bases are read when they are used.
func (t *Translator) loads(a decoder.Arg) bool {
	switch a.Kind {
	case decoder.KCR, decoder.KDR:
		return true
	case decoder.KSeg:
		return !t.code64() || a.Reg == decoder.SegSS
	}
	return false
}

// goesOn lists the instructions run by the CPU that change nothing which the rest of the block depends on.
var goesOn = [...]bool{
	decoder.AAA: true, decoder.AAD: true, decoder.AAM: true, decoder.AAS: true, decoder.DAA: true, decoder.DAS: true,
	decoder.SALC: true, decoder.ARPL: true, decoder.BOUND: true, decoder.ENTER: true,
	decoder.PUSH: true, decoder.PUSHA: true, decoder.POPA: true, decoder.PUSHF: true,
	decoder.CPUID: true, decoder.RDTSC: true, decoder.RDTSCP: true, decoder.RDPMC: true, decoder.RDMSR: true,
	decoder.RDRAND: true, decoder.RDSEED: true, decoder.RDPID: true, decoder.XGETBV: true, decoder.RDPKRU: true,
	decoder.RDFSBASE: true, decoder.RDGSBASE: true, decoder.WRFSBASE: true, decoder.WRGSBASE: true, decoder.SWAPGS: true,
	decoder.SGDT: true, decoder.SIDT: true, decoder.SLDT: true, decoder.STR: true, decoder.SMSW: true,
	decoder.LAR: true, decoder.LSL: true, decoder.VERR: true, decoder.VERW: true,
	decoder.FXSAVE: true, decoder.FXRSTOR: true, decoder.LDMXCSR: true, decoder.STMXCSR: true,
	decoder.XSAVE: true, decoder.XSAVEC: true, decoder.XSAVEOPT: true, decoder.XSAVES: true, decoder.XRSTOR: true, decoder.XRSTORS: true,
	decoder.MASKMOVQ: true, decoder.MASKMOVDQU: true, decoder.VMASKMOVDQU: true,
	decoder.VMASKMOVPS: true, decoder.VMASKMOVPD: true, decoder.VPMASKMOVD: true, decoder.VPMASKMOVQ: true,
	decoder.VGATHERDPS: true, decoder.VGATHERDPD: true, decoder.VGATHERQPS: true, decoder.VGATHERQPD: true,
	decoder.VPGATHERDD: true, decoder.VPGATHERDQ: true, decoder.VPGATHERQD: true, decoder.VPGATHERQQ: true,
	decoder.VLDMXCSR: true, decoder.VSTMXCSR: true, decoder.VZEROALL: true, decoder.VZEROUPPER: true,
	decoder.FLDCW: true, decoder.FLDENV: true, decoder.FNSTENV: true, decoder.FNSAVE: true, decoder.FRSTOR: true, decoder.FWAIT: true,
	decoder.FNENI: true, decoder.FNDISI: true, decoder.FNSETPM: true,
	decoder.CRC32: true, decoder.MOVDIRI: true, decoder.MOVDIR64B: true,
}
