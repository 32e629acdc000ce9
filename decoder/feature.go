package decoder

import "strings"

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
	FeatCPUID
	FeatMSR
	FeatP5 // Pentium: RSM
	FeatP6 // hint NOPs, RDPMC, UD2
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
	FeatLM   // long mode
	FeatLAHF // LAHF and SAHF in 64-bit mode
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
	"8086", "186", "286", "386", "486", "FPU", "CPUID", "MSR", "P5", "P6", "TSC", "CX8", "CX16", "CMOV", "SEP", "SYSCALL", "FXSR",
	"MMX", "SSE", "SSE2", "SSE3", "SSSE3", "SSE4.1", "SSE4.2", "SSE4A", "POPCNT", "LZCNT", "BMI1", "BMI2", "ADX", "MOVBE",
	"AES", "PCLMULQDQ", "SHA", "GFNI", "VAES", "VPCLMULQDQ", "AVX", "AVX2", "FMA", "F16C", "AVX-VNNI", "AVX-IFMA",
	"AVX512F", "AVX512CD", "AVX512BW", "AVX512DQ", "AVX512_VNNI", "AVX512_IFMA", "AVX512_VBMI", "AVX512_VBMI2",
	"AVX512_BITALG", "AVX512_VPOPCNTDQ", "AVX512_BF16",
	"LM", "LAHF64", "MONITOR", "MONITORX", "RDTSCP", "RDPID", "RDRAND", "RDSEED", "FSGSBASE", "SMAP", "INVPCID", "PKU", "RTM",
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

// FeatureSet is a set of Features.
type FeatureSet [2]uint64

// AllFeatures has every Feature.
var AllFeatures = FeatureSet{^uint64(0), 1<<(numFeatures-64) - 1}

// Has tells whether f is in s.
func (s *FeatureSet) Has(f Feature) bool { return s[f>>6]>>(f&63)&1 != 0 }

// Put adds or removes f.
func (s *FeatureSet) Put(f Feature, on bool) {
	s[f>>6] &^= 1 << (f & 63)
	if on {
		s[f>>6] |= 1 << (f & 63)
	}
}

// Runs tells whether a processor with the features of s has the instruction of a row. VEX needs AVX too, but for
// the general-purpose instructions of BMI1 and BMI2; EVEX needs AVX512F.
func (s *FeatureSet) Runs(r *Row) bool {
	if !s.Has(r.Feature) {
		return false
	}
	switch {
	case r.Feature == FeatBMI1, r.Feature == FeatBMI2:
		return true
	case strings.HasPrefix(r.Enc, "VEX."):
		return s.Has(FeatAVX)
	case strings.HasPrefix(r.Enc, "EVEX."):
		return s.Has(FeatAVX512F)
	}
	return true
}
