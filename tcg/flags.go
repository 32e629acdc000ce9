package tcg

// Bits of Env.CC: AH after LAHF in bits 15..8, AL after SETO in bits 7..0.
// Bit 9 is always set, as LAHF delivers it.
const (
	CCC     = 1 << 8
	CCFixed = 1 << 9
	CCP     = 1 << 10
	CCA     = 1 << 12
	CCZ     = 1 << 14
	CCS     = 1 << 15
	CCO     = 1 << 0
)

// EFlagsArith is the mask of the six arithmetic flags in EFLAGS.
const EFlagsArith = 0x8d5

// CCToEFlags converts Env.CC to the layout of EFLAGS (bit 1 set, no other flags).
func CCToEFlags(cc uint32) uint32 { return cc>>8&0xd5 | cc&1<<11 | 2 }

// EFlagsToCC converts the arithmetic flags of an EFLAGS image to the layout of Env.CC.
func EFlagsToCC(f uint32) uint32 { return f&0xd5<<8 | f>>11&1 | CCFixed }

// CC gives the bits of Env.CC that hold the flags of f.
func (f Flags) CC() uint32 { return flagsCC[f&FlagsAll] }

var flagsCC = func() (t [FlagsAll + 1]uint32) {
	bits := [...]uint32{CCC, CCP, CCA, CCZ, CCS, CCO}
	for f := range t {
		for i, b := range bits {
			if f>>i&1 != 0 {
				t[f] |= b
			}
		}
	}
	return t
}()

// Holds evaluates a condition on flags in the layout of Env.CC (SDM vol. 1 appendix B).
func (c Cond) Holds(cc uint32) bool {
	var r bool
	switch c >> 1 {
	case CondO >> 1:
		r = cc&CCO != 0
	case CondB >> 1:
		r = cc&CCC != 0
	case CondE >> 1:
		r = cc&CCZ != 0
	case CondBE >> 1:
		r = cc&(CCC|CCZ) != 0
	case CondS >> 1:
		r = cc&CCS != 0
	case CondP >> 1:
		r = cc&CCP != 0
	case CondL >> 1:
		r = (cc>>15^cc)&1 != 0
	default:
		r = (cc>>15^cc)&1 != 0 || cc&CCZ != 0
	}
	return r != (c&1 != 0)
}

// Reads is the set of flags that the condition depends on.
func (c Cond) Reads() Flags {
	return [8]Flags{FlagO, FlagC, FlagZ, FlagC | FlagZ, FlagS, FlagP, FlagS | FlagO, FlagS | FlagO | FlagZ}[c>>1&7]
}
