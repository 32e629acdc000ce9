package decoder

//go:generate go run golang.org/x/tools/cmd/stringer@v0.45.0 -type=Op -output=optable_string.go

// Op is a mnemonic, named as in Intel's manual (SDM vol. 2). Conditional
// instructions are one Op with Inst.Cond; the string instructions MOVS and CMPS
// stand beside SSE's MOVSD and CMPSD; far transfers end in F; instructions
// that differ by operand size only are one Op (CBW is also CWDE and CDQE, JCXZ
// also JECXZ and JRCXZ by AddrSize).
type Op uint16

// Invalid is the Op of an undefined instruction.
const Invalid Op = 0
