package cpumodel

import "goemu/decoder"

// Features that code asks for by name.
const (
	FPU          = Feature(Leaf1EDX)<<5 + 0
	VME          = Feature(Leaf1EDX)<<5 + 1
	DE           = Feature(Leaf1EDX)<<5 + 2
	PSE          = Feature(Leaf1EDX)<<5 + 3
	TSC          = Feature(Leaf1EDX)<<5 + 4
	MSR          = Feature(Leaf1EDX)<<5 + 5
	PAE          = Feature(Leaf1EDX)<<5 + 6
	MCE          = Feature(Leaf1EDX)<<5 + 7
	CX8          = Feature(Leaf1EDX)<<5 + 8
	APIC         = Feature(Leaf1EDX)<<5 + 9
	SEP          = Feature(Leaf1EDX)<<5 + 11
	MTRR         = Feature(Leaf1EDX)<<5 + 12
	PGE          = Feature(Leaf1EDX)<<5 + 13
	MCA          = Feature(Leaf1EDX)<<5 + 14
	CMOV         = Feature(Leaf1EDX)<<5 + 15
	PAT          = Feature(Leaf1EDX)<<5 + 16
	PSE36        = Feature(Leaf1EDX)<<5 + 17
	CLFLUSH      = Feature(Leaf1EDX)<<5 + 19
	MMX          = Feature(Leaf1EDX)<<5 + 23
	FXSR         = Feature(Leaf1EDX)<<5 + 24
	SSE          = Feature(Leaf1EDX)<<5 + 25
	SSE2         = Feature(Leaf1EDX)<<5 + 26
	HT           = Feature(Leaf1EDX)<<5 + 28
	SSE3         = Feature(Leaf1ECX)<<5 + 0
	Monitor      = Feature(Leaf1ECX)<<5 + 3
	VMX          = Feature(Leaf1ECX)<<5 + 5
	SSSE3        = Feature(Leaf1ECX)<<5 + 9
	FMA          = Feature(Leaf1ECX)<<5 + 12
	CX16         = Feature(Leaf1ECX)<<5 + 13
	PCID         = Feature(Leaf1ECX)<<5 + 17
	X2APIC       = Feature(Leaf1ECX)<<5 + 21
	MOVBE        = Feature(Leaf1ECX)<<5 + 22
	TSCDeadline  = Feature(Leaf1ECX)<<5 + 24
	AES          = Feature(Leaf1ECX)<<5 + 25
	XSAVE        = Feature(Leaf1ECX)<<5 + 26
	AVX          = Feature(Leaf1ECX)<<5 + 28
	Hypervisor   = Feature(Leaf1ECX)<<5 + 31
	FSGSBASE     = Feature(Leaf7EBX)<<5 + 0
	TSCAdjust    = Feature(Leaf7EBX)<<5 + 1
	AVX2         = Feature(Leaf7EBX)<<5 + 5
	SMEP         = Feature(Leaf7EBX)<<5 + 7
	ERMS         = Feature(Leaf7EBX)<<5 + 9
	INVPCID      = Feature(Leaf7EBX)<<5 + 10
	SMAP         = Feature(Leaf7EBX)<<5 + 20
	AVX512F      = Feature(Leaf7EBX)<<5 + 16
	AVX512VL     = Feature(Leaf7EBX)<<5 + 31
	UMIP         = Feature(Leaf7ECX)<<5 + 2
	PKU          = Feature(Leaf7ECX)<<5 + 3
	LA57         = Feature(Leaf7ECX)<<5 + 16
	RDPID        = Feature(Leaf7ECX)<<5 + 22
	XSAVEOPT     = Feature(LeafDx1EAX)<<5 + 0
	XSAVEC       = Feature(LeafDx1EAX)<<5 + 1
	XGETBV1      = Feature(LeafDx1EAX)<<5 + 2
	XSAVES       = Feature(LeafDx1EAX)<<5 + 3
	SYSCALL      = Feature(Ext1EDX)<<5 + 11
	NX           = Feature(Ext1EDX)<<5 + 20
	FXSROpt      = Feature(Ext1EDX)<<5 + 25
	Page1GB      = Feature(Ext1EDX)<<5 + 26
	RDTSCP       = Feature(Ext1EDX)<<5 + 27
	LM           = Feature(Ext1EDX)<<5 + 29
	LAHF         = Feature(Ext1ECX)<<5 + 0
	CmpLegacy    = Feature(Ext1ECX)<<5 + 1
	LZCNT        = Feature(Ext1ECX)<<5 + 5
	TopoExt      = Feature(Ext1ECX)<<5 + 22
	InvariantTSC = Feature(Ext7EDX)<<5 + 8
	SVM          = Feature(Ext1ECX)<<5 + 2
)

// gate names the instructions that a feature brings.
func gate(f ...decoder.Feature) []decoder.Feature { return f }

// features is the table of all features.
var features = [...]Info{
	{FPU, "fpu", "", gate(decoder.FeatFPU)},
	{VME, "vme", "", nil},
	{DE, "de", "", nil},
	{PSE, "pse", "", nil},
	{TSC, "tsc", "", gate(decoder.FeatTSC)},
	{MSR, "msr", "", gate(decoder.FeatMSR)},
	{PAE, "pae", "", nil},
	{MCE, "mce", "", nil},
	{CX8, "cx8", "", gate(decoder.FeatCX8)},
	{APIC, "apic", "", nil},
	{SEP, "sep", "msr", gate(decoder.FeatSEP)},
	{MTRR, "mtrr", "msr", nil},
	{PGE, "pge", "", nil},
	{MCA, "mca", "mce", nil},
	{CMOV, "cmov", "", gate(decoder.FeatCMOV)},
	{PAT, "pat", "", nil},
	{PSE36, "pse36", "pse", nil},
	{Feature(Leaf1EDX)<<5 + 18, "pn", "", nil},
	{CLFLUSH, "clflush", "", gate(decoder.FeatCLFSH)},
	{Feature(Leaf1EDX)<<5 + 21, "ds", "", nil},
	{Feature(Leaf1EDX)<<5 + 22, "acpi", "", nil},
	{MMX, "mmx", "fpu", gate(decoder.FeatMMX)},
	{FXSR, "fxsr", "fpu", gate(decoder.FeatFXSR)},
	{SSE, "sse", "fxsr mmx", gate(decoder.FeatSSE)},
	{SSE2, "sse2", "sse", gate(decoder.FeatSSE2)},
	{Feature(Leaf1EDX)<<5 + 27, "ss", "", nil},
	{HT, "ht", "", nil},
	{Feature(Leaf1EDX)<<5 + 29, "tm", "", nil},
	{Feature(Leaf1EDX)<<5 + 30, "ia64", "", nil},
	{Feature(Leaf1EDX)<<5 + 31, "pbe", "", nil},
	{SSE3, "pni", "sse2", gate(decoder.FeatSSE3)},
	{Feature(Leaf1ECX)<<5 + 1, "pclmulqdq", "sse2", gate(decoder.FeatPCLMUL)},
	{Feature(Leaf1ECX)<<5 + 2, "dtes64", "ds", nil},
	{Monitor, "monitor", "", gate(decoder.FeatMONITOR)},
	{Feature(Leaf1ECX)<<5 + 4, "ds-cpl", "ds", nil},
	{VMX, "vmx", "", gate(decoder.FeatVMX)},
	{Feature(Leaf1ECX)<<5 + 6, "smx", "", gate(decoder.FeatSMX)},
	{Feature(Leaf1ECX)<<5 + 7, "est", "", nil},
	{Feature(Leaf1ECX)<<5 + 8, "tm2", "", nil},
	{SSSE3, "ssse3", "pni", gate(decoder.FeatSSSE3)},
	{Feature(Leaf1ECX)<<5 + 10, "cid", "", nil},
	{FMA, "fma", "avx", gate(decoder.FeatFMA)},
	{CX16, "cx16", "lm cx8", gate(decoder.FeatCX16)},
	{Feature(Leaf1ECX)<<5 + 14, "xtpr", "", nil},
	{Feature(Leaf1ECX)<<5 + 15, "pdcm", "", nil},
	{PCID, "pcid", "lm pge", nil},
	{Feature(Leaf1ECX)<<5 + 18, "dca", "", nil},
	{Feature(Leaf1ECX)<<5 + 19, "sse4.1", "ssse3", gate(decoder.FeatSSE41)},
	{Feature(Leaf1ECX)<<5 + 20, "sse4.2", "sse4.1", gate(decoder.FeatSSE42)},
	{X2APIC, "x2apic", "apic msr", nil},
	{MOVBE, "movbe", "", gate(decoder.FeatMOVBE)},
	{Feature(Leaf1ECX)<<5 + 23, "popcnt", "", gate(decoder.FeatPOPCNT)},
	{TSCDeadline, "tsc-deadline", "apic tsc msr", nil},
	{AES, "aes", "sse2", gate(decoder.FeatAES)},
	{XSAVE, "xsave", "", gate(decoder.FeatXSAVE)},
	{AVX, "avx", "xsave sse4.2", gate(decoder.FeatAVX)},
	{Feature(Leaf1ECX)<<5 + 29, "f16c", "avx", gate(decoder.FeatF16C)},
	{Feature(Leaf1ECX)<<5 + 30, "rdrand", "", gate(decoder.FeatRDRAND)},
	{Hypervisor, "hypervisor", "", nil},
	{Feature(Leaf6EAX)<<5 + 2, "arat", "apic", nil},
	{FSGSBASE, "fsgsbase", "lm", gate(decoder.FeatFSGSBASE)},
	{TSCAdjust, "tsc-adjust", "tsc msr", nil},
	{Feature(Leaf7EBX)<<5 + 2, "sgx", "", gate(decoder.FeatSGX)},
	{Feature(Leaf7EBX)<<5 + 3, "bmi1", "", gate(decoder.FeatBMI1)},
	{Feature(Leaf7EBX)<<5 + 4, "hle", "", nil},
	{AVX2, "avx2", "avx", gate(decoder.FeatAVX2)},
	{Feature(Leaf7EBX)<<5 + 6, "fdp-excptn-only", "", nil},
	{SMEP, "smep", "", nil},
	{Feature(Leaf7EBX)<<5 + 8, "bmi2", "", gate(decoder.FeatBMI2)},
	{ERMS, "erms", "", nil},
	{INVPCID, "invpcid", "", gate(decoder.FeatINVPCID)},
	{Feature(Leaf7EBX)<<5 + 11, "rtm", "", gate(decoder.FeatRTM)},
	{Feature(Leaf7EBX)<<5 + 13, "zero-fcs-fds", "", nil},
	{Feature(Leaf7EBX)<<5 + 14, "mpx", "xsave", nil},
	{AVX512F, "avx512f", "avx2 fma f16c", gate(decoder.FeatAVX512F)},
	{Feature(Leaf7EBX)<<5 + 17, "avx512dq", "avx512f", gate(decoder.FeatAVX512DQ)},
	{Feature(Leaf7EBX)<<5 + 18, "rdseed", "", gate(decoder.FeatRDSEED)},
	{Feature(Leaf7EBX)<<5 + 19, "adx", "", gate(decoder.FeatADX)},
	{SMAP, "smap", "", gate(decoder.FeatSMAP)},
	{Feature(Leaf7EBX)<<5 + 21, "avx512ifma", "avx512f", gate(decoder.FeatAVX512IFMA)},
	{Feature(Leaf7EBX)<<5 + 22, "pcommit", "", nil},
	{Feature(Leaf7EBX)<<5 + 23, "clflushopt", "", gate(decoder.FeatCLFLUSHOPT)},
	{Feature(Leaf7EBX)<<5 + 24, "clwb", "", gate(decoder.FeatCLWB)},
	{Feature(Leaf7EBX)<<5 + 25, "intel-pt", "", nil},
	{Feature(Leaf7EBX)<<5 + 26, "avx512pf", "avx512f", nil},
	{Feature(Leaf7EBX)<<5 + 27, "avx512er", "avx512f", nil},
	{Feature(Leaf7EBX)<<5 + 28, "avx512cd", "avx512f", gate(decoder.FeatAVX512CD)},
	{Feature(Leaf7EBX)<<5 + 29, "sha-ni", "sse2", gate(decoder.FeatSHA)},
	{Feature(Leaf7EBX)<<5 + 30, "avx512bw", "avx512f", gate(decoder.FeatAVX512BW)},
	{AVX512VL, "avx512vl", "avx512f", nil},
	{Feature(Leaf7ECX)<<5 + 1, "avx512vbmi", "avx512bw", gate(decoder.FeatAVX512VBMI)},
	{UMIP, "umip", "", nil},
	{PKU, "pku", "xsave", gate(decoder.FeatPKU)},
	{Feature(Leaf7ECX)<<5 + 5, "waitpkg", "", nil},
	{Feature(Leaf7ECX)<<5 + 6, "avx512vbmi2", "avx512bw", gate(decoder.FeatAVX512VBMI2)},
	{Feature(Leaf7ECX)<<5 + 8, "gfni", "sse2", gate(decoder.FeatGFNI)},
	{Feature(Leaf7ECX)<<5 + 9, "vaes", "avx aes", gate(decoder.FeatVAES)},
	{Feature(Leaf7ECX)<<5 + 10, "vpclmulqdq", "avx pclmulqdq", gate(decoder.FeatVPCLMUL)},
	{Feature(Leaf7ECX)<<5 + 11, "avx512vnni", "avx512f", gate(decoder.FeatAVX512VNNI)},
	{Feature(Leaf7ECX)<<5 + 12, "avx512bitalg", "avx512bw", gate(decoder.FeatAVX512BITALG)},
	{Feature(Leaf7ECX)<<5 + 14, "avx512-vpopcntdq", "avx512f", gate(decoder.FeatAVX512VPOPCNTDQ)},
	{LA57, "la57", "lm", nil},
	{RDPID, "rdpid", "", gate(decoder.FeatRDPID)},
	{Feature(Leaf7ECX)<<5 + 24, "bus-lock-detect", "", nil},
	{Feature(Leaf7ECX)<<5 + 25, "cldemote", "", nil},
	{Feature(Leaf7ECX)<<5 + 27, "movdiri", "", gate(decoder.FeatMOVDIRI)},
	{Feature(Leaf7ECX)<<5 + 28, "movdir64b", "", gate(decoder.FeatMOVDIR64B)},
	{Feature(Leaf7ECX)<<5 + 30, "sgxlc", "sgx", nil},
	{Feature(Leaf7ECX)<<5 + 31, "pks", "lm", nil},
	{Feature(Leaf7EDX)<<5 + 2, "avx512-4vnniw", "avx512f", nil},
	{Feature(Leaf7EDX)<<5 + 3, "avx512-4fmaps", "avx512f", nil},
	{Feature(Leaf7EDX)<<5 + 4, "fsrm", "", nil},
	{Feature(Leaf7EDX)<<5 + 8, "avx512-vp2intersect", "avx512f", nil},
	{Feature(Leaf7EDX)<<5 + 10, "md-clear", "", nil},
	{Feature(Leaf7EDX)<<5 + 14, "serialize", "", gate(decoder.FeatSERIALIZE)},
	{Feature(Leaf7EDX)<<5 + 16, "tsx-ldtrk", "", nil},
	{Feature(Leaf7EDX)<<5 + 19, "arch-lbr", "", nil},
	{Feature(Leaf7EDX)<<5 + 22, "amx-bf16", "amx-tile", nil},
	{Feature(Leaf7EDX)<<5 + 23, "avx512-fp16", "avx512bw", nil},
	{Feature(Leaf7EDX)<<5 + 24, "amx-tile", "xsave", nil},
	{Feature(Leaf7EDX)<<5 + 25, "amx-int8", "amx-tile", nil},
	{Feature(Leaf7EDX)<<5 + 26, "spec-ctrl", "", nil},
	{Feature(Leaf7EDX)<<5 + 27, "stibp", "", nil},
	{Feature(Leaf7EDX)<<5 + 29, "arch-capabilities", "", nil},
	{Feature(Leaf7EDX)<<5 + 30, "core-capability", "", nil},
	{Feature(Leaf7EDX)<<5 + 31, "ssbd", "", nil},
	{Feature(Leaf7x1EAX)<<5 + 4, "avx-vnni", "avx2", gate(decoder.FeatAVXVNNI)},
	{Feature(Leaf7x1EAX)<<5 + 5, "avx512-bf16", "avx512bw", gate(decoder.FeatAVX512BF16)},
	{Feature(Leaf7x1EAX)<<5 + 23, "avx-ifma", "avx2", gate(decoder.FeatAVXIFMA)},
	{XSAVEOPT, "xsaveopt", "xsave", gate(decoder.FeatXSAVEOPT)},
	{XSAVEC, "xsavec", "xsave", gate(decoder.FeatXSAVEC)},
	{XGETBV1, "xgetbv1", "xsave", nil},
	{XSAVES, "xsaves", "xsavec", gate(decoder.FeatXSAVES)},
	{Feature(LeafDx1EAX)<<5 + 4, "xfd", "xsaves", nil},
	{SYSCALL, "syscall", "msr", gate(decoder.FeatSYSCALL)},
	{NX, "nx", "pae", nil},
	{Feature(Ext1EDX)<<5 + 22, "mmxext", "mmx", nil},
	{FXSROpt, "fxsr-opt", "fxsr", nil},
	{Page1GB, "pdpe1gb", "lm", nil},
	{RDTSCP, "rdtscp", "", gate(decoder.FeatRDTSCP)},
	{LM, "lm", "pae", gate(decoder.FeatLM)},
	{Feature(Ext1EDX)<<5 + 30, "3dnowext", "3dnow", nil},
	{Feature(Ext1EDX)<<5 + 31, "3dnow", "mmx", nil},
	{LAHF, "lahf-lm", "lm", gate(decoder.FeatLAHF)},
	{CmpLegacy, "cmp-legacy", "", nil},
	{SVM, "svm", "", gate(decoder.FeatSVM)},
	{Feature(Ext1ECX)<<5 + 3, "extapic", "", nil},
	{Feature(Ext1ECX)<<5 + 4, "cr8legacy", "", nil},
	{LZCNT, "abm", "", gate(decoder.FeatLZCNT)},
	{Feature(Ext1ECX)<<5 + 6, "sse4a", "pni", gate(decoder.FeatSSE4A)},
	{Feature(Ext1ECX)<<5 + 7, "misalignsse", "sse", nil},
	{Feature(Ext1ECX)<<5 + 8, "3dnowprefetch", "", nil},
	{Feature(Ext1ECX)<<5 + 9, "osvw", "", nil},
	{Feature(Ext1ECX)<<5 + 10, "ibs", "", nil},
	{Feature(Ext1ECX)<<5 + 11, "xop", "avx", nil},
	{Feature(Ext1ECX)<<5 + 12, "skinit", "svm", nil},
	{Feature(Ext1ECX)<<5 + 13, "wdt", "", nil},
	{Feature(Ext1ECX)<<5 + 15, "lwp", "", nil},
	{Feature(Ext1ECX)<<5 + 16, "fma4", "avx", nil},
	{Feature(Ext1ECX)<<5 + 17, "tce", "", nil},
	{Feature(Ext1ECX)<<5 + 19, "nodeid-msr", "", nil},
	{Feature(Ext1ECX)<<5 + 21, "tbm", "", nil},
	{TopoExt, "topoext", "", nil},
	{Feature(Ext1ECX)<<5 + 23, "perfctr-core", "", nil},
	{Feature(Ext1ECX)<<5 + 24, "perfctr-nb", "", nil},
	{Feature(Ext1ECX)<<5 + 29, "monitorx", "", gate(decoder.FeatMONITORX)},
	{InvariantTSC, "invtsc", "tsc", nil},
	{Feature(Ext8EBX)<<5 + 0, "clzero", "", gate(decoder.FeatCLZERO)},
	{Feature(Ext8EBX)<<5 + 2, "xsaveerptr", "xsave", nil},
	{Feature(Ext8EBX)<<5 + 9, "wbnoinvd", "", gate(decoder.FeatWBNOINVD)},
	{Feature(Ext8EBX)<<5 + 12, "ibpb", "", nil},
	{Feature(Ext8EBX)<<5 + 14, "ibrs", "", nil},
	{Feature(Ext8EBX)<<5 + 15, "amd-stibp", "", nil},
	{Feature(Ext8EBX)<<5 + 24, "amd-ssbd", "", nil},
	{Feature(Ext8EBX)<<5 + 25, "virt-ssbd", "", nil},
	{Feature(Ext8EBX)<<5 + 26, "amd-no-ssb", "", nil},
	{Feature(ExtAEDX)<<5 + 0, "npt", "svm", nil},
	{Feature(ExtAEDX)<<5 + 1, "lbrv", "svm", nil},
	{Feature(ExtAEDX)<<5 + 2, "svm-lock", "svm", nil},
	{Feature(ExtAEDX)<<5 + 3, "nrip-save", "svm", nil},
	{Feature(ExtAEDX)<<5 + 4, "tsc-scale", "svm", nil},
	{Feature(ExtAEDX)<<5 + 5, "vmcb-clean", "svm", nil},
	{Feature(ExtAEDX)<<5 + 6, "flushbyasid", "svm", nil},
	{Feature(ExtAEDX)<<5 + 7, "decodeassists", "svm", nil},
	{Feature(ExtAEDX)<<5 + 10, "pause-filter", "svm", nil},
	{Feature(ExtAEDX)<<5 + 12, "pfthreshold", "svm", nil},
	{Feature(ExtAEDX)<<5 + 13, "avic", "svm", nil},
	{Feature(ExtAEDX)<<5 + 15, "v-vmsave-vmload", "svm", nil},
	{Feature(ExtAEDX)<<5 + 16, "vgif", "svm", nil},
	{Feature(ExtAEDX)<<5 + 28, "svme-addr-chk", "svm", nil},
}
