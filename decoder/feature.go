package decoder

// Feature is the processor generation or CPUID feature that brought an instruction.
//
// Older processors run TZCNT as BSF, LZCNT as BSR, PAUSE and ENDBR as NOP,
// and WBNOINVD as WBINVD; all else that a CPU model lacks is #UD.
type Feature uint8

// Features. FeatBase is the 8086.
const (
	FeatBase Feature = iota
	Feat186
	Feat286
	Feat386
	Feat486
	FeatFPU // 8087 to 80387
	FeatP5  // Pentium: CPUID, RDMSR, WRMSR, RSM
	FeatP6  // hint NOPs, RDPMC, UD2
	FeatTSC
	FeatCX8
	FeatCX16
	FeatCMOV // with FPU: FCMOVcc and FCOMI too
	FeatSEP
	FeatSYSCALL
	FeatFXSR
	FeatMMX
	FeatSSE
	FeatSSE2
	FeatSSE3
	FeatSSSE3
	FeatSSE41
	FeatSSE42
	FeatSSE4A
	FeatPOPCNT
	FeatLZCNT
	FeatBMI1
	FeatBMI2
	FeatADX
	FeatMOVBE
	FeatAES
	FeatPCLMUL
	FeatSHA
	FeatGFNI
	FeatVAES
	FeatVPCLMUL
	FeatAVX
	FeatAVX2
	FeatFMA
	FeatF16C
	FeatAVXVNNI
	FeatAVXIFMA
	FeatAVX512F
	FeatAVX512CD
	FeatAVX512BW
	FeatAVX512DQ
	FeatAVX512VNNI
	FeatAVX512IFMA
	FeatAVX512VBMI
	FeatAVX512VBMI2
	FeatAVX512BITALG
	FeatAVX512VPOPCNTDQ
	FeatAVX512BF16
	FeatLM // long mode
	FeatMONITOR
	FeatMONITORX
	FeatRDTSCP
	FeatRDPID
	FeatRDRAND
	FeatRDSEED
	FeatFSGSBASE
	FeatSMAP
	FeatINVPCID
	FeatPKU
	FeatRTM
	FeatXSAVE
	FeatXSAVEOPT
	FeatXSAVEC
	FeatXSAVES
	FeatCLFSH
	FeatCLFLUSHOPT
	FeatCLWB
	FeatCLZERO
	FeatWBNOINVD
	FeatMOVDIRI
	FeatMOVDIR64B
	FeatSERIALIZE
	FeatSMX
	FeatSGX
	FeatVMX
	FeatSVM
	numFeatures
)

var featureNames = [numFeatures]string{
	"8086", "186", "286", "386", "486", "FPU", "P5", "P6", "TSC", "CX8", "CX16", "CMOV", "SEP", "SYSCALL", "FXSR",
	"MMX", "SSE", "SSE2", "SSE3", "SSSE3", "SSE4.1", "SSE4.2", "SSE4A", "POPCNT", "LZCNT", "BMI1", "BMI2", "ADX", "MOVBE",
	"AES", "PCLMULQDQ", "SHA", "GFNI", "VAES", "VPCLMULQDQ", "AVX", "AVX2", "FMA", "F16C", "AVX-VNNI", "AVX-IFMA",
	"AVX512F", "AVX512CD", "AVX512BW", "AVX512DQ", "AVX512_VNNI", "AVX512_IFMA", "AVX512_VBMI", "AVX512_VBMI2",
	"AVX512_BITALG", "AVX512_VPOPCNTDQ", "AVX512_BF16",
	"LM", "MONITOR", "MONITORX", "RDTSCP", "RDPID", "RDRAND", "RDSEED", "FSGSBASE", "SMAP", "INVPCID", "PKU", "RTM",
	"XSAVE", "XSAVEOPT", "XSAVEC", "XSAVES", "CLFSH", "CLFLUSHOPT", "CLWB", "CLZERO", "WBNOINVD", "MOVDIRI", "MOVDIR64B",
	"SERIALIZE", "SMX", "SGX", "VMX", "SVM",
}

// String gives the name that the manuals use.
func (f Feature) String() string {
	if f < numFeatures {
		return featureNames[f]
	}
	return "unknown feature"
}
