package main

import (
	"strings"

	"goemu/decoder"
	"goemu/emu/x86"
)

// A source is a test that knows from elsewhere than goemu's code what an instruction does.
type source struct {
	pkg, test string // Go package below the top of the checkout, and function
	oracle    string // where the expected outcome comes from
}

// Sources of the instructions that the host cannot show a user.
var (
	exceptions  = source{"tests/system", "TestExceptions32", "QEMU and the manual"}
	exceptions4 = source{"tests/system", "TestExceptions64", "QEMU and the manual"}
	transfers   = source{"tests/system", "TestTransfers32", "QEMU and the manual"}
	syscalls    = source{"tests/system", "TestSyscall64", "QEMU and the manual"}
	sysenter    = source{"emu/x86", "TestSysenter", "the manual"}
	interrupts  = source{"tests/system", "TestInterrupts32", "QEMU and the manual"}
	paging      = source{"tests/system", "TestPaging", "QEMU and the manual"}
	debug       = source{"tests/system", "TestDebug32", "Bochs and the manual"}
	smm         = source{"tests/system", "TestSMM64", "Bochs, QEMU and the manual"}
	far         = source{"tests/system", "TestFar", "Bochs and the manual"}
	shadows     = source{"tests/system", "TestShadows", "Bochs and the manual"}
	tasks       = source{"tests/system", "TestTasks", "Bochs and the manual"}
	bitmap      = source{"tests/system", "TestIOBitmap", "QEMU and the manual"}
	pointers    = source{"tests/system", "TestFPUPointers64", "QEMU and the manual"}
	descriptors = source{"emu/x86", "TestDescriptors64AgainstQEMU", "recorded under QEMU"}
	fxsave      = source{"emu/x86", "TestFXSAVEAgainstSilicon", "a processor"}
	environment = source{"emu/x86", "TestEnvironmentFormats", "the manual"}
	xsaveHost   = source{"emu/x86", "TestXSAVEHost", "the host's CPU"}
	xrstors     = source{"emu/x86", "TestXRSTORS", "the manual"}
	maskedMoves = source{"emu/x86", "TestMaskedAccess", "the host's CPU"}
	debian      = source{"tests/boot", "TestDebianShell", "Debian's kernel"}
	debian32    = source{"tests/boot", "TestDebian32", "Debian's kernels"}
	models      = source{"emu/cpumodel", "TestModelsAgainstQEMU", "QEMU's definitions"}
	rdrand      = source{"emu/x86", "TestRDRAND", "the manual"}
	rdpid       = source{"emu/x86", "TestRDPID", "the manual"}
	invpcid     = source{"emu/x86", "TestINVPCIDChecks", "the manual"}
	pkru        = source{"emu/x86", "TestPKRU", "the manual"}
	umip        = source{"emu/x86", "TestUMIP", "the manual"}
	msrs        = source{"emu/x86", "TestMSRs", "the manual"}
	xsetbv      = source{"emu/x86", "TestXSETBV", "the manual"}
	monitor     = source{"emu/x86", "TestMWAIT", "the manual"}
	controls    = source{"emu/x86", "TestControlRegisterChecks", "the manual"}
	ports       = source{"emu/x86", "TestIOPermission", "the manual"}
	avx512      = source{"tests/system", "TestAVX512", "Bochs"}
	avx512Hand  = source{"tcg/simd", "TestEvexByHand", "the manual"}
	gfni        = source{"tcg/simd", "TestGFNI", "values of FIPS 197"}
)

// others names the tests of instructions that the row tests do not run, or run as a user only, which faults.
var others = map[decoder.Op][]source{
	decoder.SYSCALL: {syscalls, debian}, decoder.SYSRET: {syscalls, debian}, decoder.SYSENTER: {sysenter, debian32}, decoder.SYSEXIT: {sysenter, syscalls},
	decoder.CPUID: {models, debian}, decoder.RDTSC: {exceptions, debian}, decoder.RDTSCP: {debian},
	decoder.RDRAND: {rdrand}, decoder.RDSEED: {rdrand}, decoder.RDPID: {rdpid},
	decoder.SGDT: {exceptions, descriptors}, decoder.SIDT: {debug}, decoder.SLDT: {umip}, decoder.STR: {umip}, decoder.SMSW: {exceptions, umip},
	decoder.FNSAVE: {environment}, decoder.FRSTOR: {environment}, decoder.FNSTENV: {pointers, environment}, decoder.FLDENV: {pointers, environment},
	decoder.FXSAVE: {fxsave, pointers}, decoder.FXRSTOR: {fxsave, pointers},
	decoder.XSAVE: {xsaveHost}, decoder.XSAVEOPT: {xsaveHost}, decoder.XSAVEC: {xsaveHost}, decoder.XRSTOR: {xsaveHost}, decoder.XSAVES: {xrstors}, decoder.XRSTORS: {xrstors},
	decoder.XGETBV: {xsetbv}, decoder.XSETBV: {xsetbv},
	decoder.CALLF: {transfers, far, tasks, descriptors}, decoder.JMPF: {transfers, far, tasks, exceptions}, decoder.RETF: {transfers, far, exceptions},
	decoder.IRET: {transfers, far, tasks, shadows, exceptions4}, decoder.RSM: {smm},
	decoder.INT1: {debug, exceptions}, decoder.INT: {transfers, interrupts},
	decoder.HLT: {interrupts, exceptions}, decoder.CLI: {exceptions, interrupts}, decoder.STI: {exceptions, interrupts, shadows},
	decoder.IN: {ports, bitmap, interrupts}, decoder.OUT: {ports, bitmap, interrupts}, decoder.INS: {ports, debug}, decoder.OUTS: {ports, debug},
	decoder.CLTS: {exceptions}, decoder.LMSW: {controls}, decoder.LGDT: {exceptions, debian}, decoder.LIDT: {exceptions, debian},
	decoder.LLDT: {exceptions, descriptors}, decoder.LTR: {exceptions, descriptors}, decoder.INVLPG: {paging, exceptions}, decoder.INVPCID: {invpcid},
	decoder.WBINVD: {exceptions}, decoder.INVD: {exceptions}, decoder.RDMSR: {msrs, exceptions}, decoder.WRMSR: {msrs, exceptions}, decoder.RDPMC: {exceptions},
	decoder.SWAPGS: {syscalls, debian}, decoder.MONITOR: {monitor}, decoder.MWAIT: {monitor},
	decoder.RDPKRU: {pkru}, decoder.WRPKRU: {pkru},
	decoder.CLAC: {debian}, decoder.STAC: {debian},
	decoder.VMASKMOVPS: {maskedMoves}, decoder.VMASKMOVPD: {maskedMoves},
	decoder.GF2P8AFFINEINVQB: {gfni}, decoder.GF2P8AFFINEQB: {gfni}, decoder.GF2P8MULB: {gfni},
	decoder.VGF2P8AFFINEINVQB: {gfni}, decoder.VGF2P8AFFINEQB: {gfni}, decoder.VGF2P8MULB: {gfni},
}

// bochsLacks are the EVEX instructions that TestAVX512 leaves out, as Bochs does them otherwise.
var bochsLacks = map[decoder.Op]bool{
	decoder.VPSHUFBITQMB: true, decoder.VPCONFLICTD: true, decoder.VPCONFLICTQ: true, decoder.VGETMANTPD: true, decoder.VGETMANTSD: true,
	decoder.VCVTUDQ2PS: true, decoder.VCVTUSI2SS: true, decoder.VCVTUSI2SD: true, decoder.VCVTUQQ2PS: true, decoder.VCVTUQQ2PD: true,
	decoder.VCVTPD2UQQ: true, decoder.VCVTTPD2UQQ: true, decoder.VCVTPS2UQQ: true, decoder.VCVTTPS2UQQ: true,
	decoder.VCVTTSS2USI: true, decoder.VCVTTSD2USI: true, decoder.VCVTSS2USI: true, decoder.VCVTSD2USI: true,
}

// avx512Sources gives the tests of an instruction of AVX-512, of which the host has none.
func avx512Sources(r *decoder.Row) []source {
	evex := strings.HasPrefix(r.Enc, "EVEX.") && x86.RunsEVEX(r.Op)
	switch {
	case !evex && !(strings.HasPrefix(r.Feature.String(), "AVX512") && strings.HasPrefix(r.Enc, "VEX.")):
		return nil
	case bochsLacks[r.Op]:
		return []source{avx512Hand}
	case absent[r.Op] != "", len(others[r.Op]) > 0:
		return others[r.Op]
	}
	return []source{avx512}
}

// othersByRow is others for mnemonics of which some rows are privileged.
var othersByRow = map[string][]source{
	"0F 20 /r": {controls, exceptions}, "0F 22 /r": {controls, exceptions}, // MOV to and from control registers
	"0F 21 /r": {debug}, "0F 23 /r": {debug}, // and debug registers
}

const approximate = "an approximation, whose last bits every processor has of its own"

// absent says why a row has no oracle where that is not said elsewhere.
var absent = map[decoder.Op]string{
	decoder.VRCP14PS: approximate, decoder.VRCP14PD: approximate, decoder.VRCP14SS: approximate, decoder.VRCP14SD: approximate,
	decoder.VRSQRT14PS: approximate, decoder.VRSQRT14PD: approximate, decoder.VRSQRT14SS: approximate, decoder.VRSQRT14SD: approximate,
	decoder.VMMCALL: "goemu has no SVM", decoder.VMCALL: "goemu has no VMX",
}
