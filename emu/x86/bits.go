package x86

// RFLAGS (SDM vol. 1 3.4.3).
const (
	flagCF    = 1 << 0
	flagFixed = 1 << 1
	flagPF    = 1 << 2
	flagAF    = 1 << 4
	flagZF    = 1 << 6
	flagSF    = 1 << 7
	flagTF    = 1 << 8
	flagIF    = 1 << 9
	flagDF    = 1 << 10
	flagOF    = 1 << 11
	flagIOPL  = 3 << 12
	flagNT    = 1 << 14
	flagRF    = 1 << 16
	flagVM    = 1 << 17
	flagAC    = 1 << 18
	flagVIF   = 1 << 19
	flagVIP   = 1 << 20
	flagID    = 1 << 21

	flagsArith = flagCF | flagPF | flagAF | flagZF | flagSF | flagOF
	flagsKnown = 0x3f7fd7
)

// CR0 (SDM vol. 3A 2.5).
const (
	cr0PE = 1 << 0
	cr0MP = 1 << 1
	cr0EM = 1 << 2
	cr0TS = 1 << 3
	cr0ET = 1 << 4
	cr0NE = 1 << 5
	cr0WP = 1 << 16
	cr0AM = 1 << 18
	cr0NW = 1 << 29
	cr0CD = 1 << 30
	cr0PG = 1 << 31

	cr0Known = cr0PE | cr0MP | cr0EM | cr0TS | cr0ET | cr0NE | cr0WP | cr0AM | cr0NW | cr0CD | cr0PG
)

// CR4.
const (
	cr4VME        = 1 << 0
	cr4PVI        = 1 << 1
	cr4TSD        = 1 << 2
	cr4DE         = 1 << 3
	cr4PSE        = 1 << 4
	cr4PAE        = 1 << 5
	cr4MCE        = 1 << 6
	cr4PGE        = 1 << 7
	cr4PCE        = 1 << 8
	cr4OSFXSR     = 1 << 9
	cr4OSXMMEXCPT = 1 << 10
	cr4UMIP       = 1 << 11
	cr4LA57       = 1 << 12
	cr4FSGSBASE   = 1 << 16
	cr4PCIDE      = 1 << 17
	cr4OSXSAVE    = 1 << 18
	cr4SMEP       = 1 << 20
	cr4SMAP       = 1 << 21
	cr4PKE        = 1 << 22
)

// IA32_EFER (SDM vol. 3A 2.2.1).
const (
	eferSCE = 1 << 0
	eferLME = 1 << 8
	eferLMA = 1 << 10
	eferNXE = 1 << 11
)

// Debug registers (SDM vol. 3B 18.2): bits that always read as 1, and those used here.
const (
	dr6Fixed = 0xffff_0ff0
	dr6BD    = 1 << 13
	dr6BS    = 1 << 14
	dr6BT    = 1 << 15
	dr7Fixed = 0x400
	dr7GD    = 1 << 13
	dr7Local = 0x155 // L0 to L3 and LE
)

// MXCSR.
const (
	mxcsrInit  = 0x1f80
	mxcsrMasks = 0x1f80
	mxcsrKnown = 0xffff
)

// Exception vectors (SDM vol. 3A table 6-1).
const (
	vecDE = 0
	vecDB = 1
	vecNM = 7
	vecBP = 3
	vecOF = 4
	vecBR = 5
	vecUD = 6
	vecDF = 8
	vecTS = 10
	vecNP = 11
	vecSS = 12
	vecGP = 13
	vecPF = 14
	vecMF = 16
	vecAC = 17
	vecMC = 18
	vecXM = 19

	vecNMI = 2
)

// Numbers of general and segment registers.
const (
	regAX = 0
	regCX = 1
	regDX = 2
	regBX = 3
	regSP = 4
	regBP = 5
	regSI = 6
	regDI = 7

	segES = 0
	segCS = 1
	segSS = 2
	segDS = 3
	segFS = 4
	segGS = 5
)
