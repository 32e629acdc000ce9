package decoder

// class says where an operand is encoded.
type class uint8

const (
	clNone   class = iota
	clE            // E: ModRM.rm, general register or memory
	clG            // G: ModRM.reg, general register
	clB            // B: VEX.vvvv, general register
	clZ            // Z: low bits of the opcode, general register
	clM            // M: ModRM.rm, memory only
	clVM           // Z of gathers and scatters (VM): memory with a vector index
	clA            // AL, AX, eAX, rAX
	clCL           // CL
	clDX           // DX
	clI            // I: immediate, unsigned
	clIs           // I: immediate, signed
	clI1           // the constant 1
	clJ            // J: relative branch
	clAp           // A: far pointer
	clO            // O: moffs
	clSreg         // S: ModRM.reg, segment register
	clSegFix       // ES CS SS DS FS GS
	clCR           // C: ModRM.reg, control register
	clDR           // D: ModRM.reg, debug register
	clST0          // ST
	clSTi          // STi
	clP            // P: ModRM.reg, MMX register
	clQ            // Q: ModRM.rm, MMX register or memory
	clV            // V: ModRM.reg, vector register
	clW            // W: ModRM.rm, vector register or memory
	clH            // H: VEX.vvvv, vector register
	clL            // L: imm8[7:4], vector register
	clXMM0         // XMM0
	clKG           // K: ModRM.reg, opmask
	clKE           // KE: ModRM.rm, opmask or memory
	clKH           // KH: VEX.vvvv, opmask
	clAddr         // GA: ModRM.reg, general register of the address size
)

// rule is an operand size; sizes gives it in bytes.
type rule uint8

const (
	szNone rule = iota
	szB
	szW
	szD
	szQ
	szT // 80-bit floating point, BCD
	szDQ
	szQQ
	szOQ
	szV // operand size
	szZ // operand size, but 4 for 8
	szY // 8 if the operand size is 8, else 4
	szP // far pointer: 2 + operand size
	szA // BOUND: two operands
	szS // descriptor table register: 2 + 4 or 8
	szN // x87 environment
	szF // x87 state
	szX // vector length
	szH // half, quarter, eighth of the vector length
	szR
	szU
	szDup // MOVDDUP: 8, 32, 64
	numSizes
)

// sizes: columns 0..2 are for operand sizes 2, 4, 8; from szX on for 128, 256, 512 bits.
var sizes = [numSizes][4]uint8{
	szB: {1, 1, 1}, szW: {2, 2, 2}, szD: {4, 4, 4}, szQ: {8, 8, 8}, szT: {10, 10, 10}, szDQ: {16, 16, 16}, szQQ: {32, 32, 32}, szOQ: {64, 64, 64},
	szV: {2, 4, 8}, szZ: {2, 4, 4}, szY: {4, 4, 8}, szP: {4, 6, 10}, szA: {4, 8, 16}, szS: {6, 6, 10}, szN: {14, 28, 28}, szF: {94, 108, 108},
	szX: {16, 32, 64}, szH: {8, 16, 32}, szR: {4, 8, 16}, szU: {2, 4, 8}, szDup: {8, 32, 64},
}

// suffixes are the spellings of sizes in Row.Args.
var suffixes = map[string]rule{
	"": szNone, "b": szB, "w": szW, "d": szD, "q": szQ, "t": szT, "dq": szDQ, "qq": szQQ, "oq": szOQ, "v": szV, "z": szZ, "y": szY,
	"p": szP, "a": szA, "s": szS, "nv": szN, "sv": szF, "x": szX, "h": szH, "r": szR, "u": szU, "dup": szDup, "ss": szD, "sd": szQ,
}

// prefixes are the spellings of classes; the longest that fits counts.
var letters = []struct {
	name string
	class
	mod int8 // +1: register only, -1: memory only
}{
	{"VM", clVM, -1}, {"KE", clKE, 0}, {"KR", clKE, 1}, {"KH", clKH, 0}, {"GA", clAddr, 0},
	{"E", clE, 0}, {"R", clE, 1}, {"M", clM, -1}, {"G", clG, 0}, {"B", clB, 0}, {"Z", clZ, 0},
	{"J", clJ, 0}, {"O", clO, 0}, {"P", clP, 0}, {"Q", clQ, 0}, {"N", clQ, 1},
	{"V", clV, 0}, {"W", clW, 0}, {"U", clW, 1}, {"H", clH, 0}, {"L", clL, 0}, {"K", clKG, 0},
}

// fixed are operands without suffix.
var fixed = map[string]operand{
	"AL": {cl: clA, sz: szB}, "AX": {cl: clA, sz: szW}, "eAX": {cl: clA, sz: szZ}, "rAX": {cl: clA, sz: szV}, "CL": {cl: clCL, sz: szB}, "DX": {cl: clDX, sz: szW},
	"1": {cl: clI1, sz: szB}, "Ib": {cl: clI, sz: szB}, "Iw": {cl: clI, sz: szW}, "Ibs": {cl: clIs, sz: szB}, "Iz": {cl: clIs, sz: szZ}, "Iv": {cl: clIs, sz: szV},
	"Ap": {cl: clAp, sz: szP}, "Sw": {cl: clSreg, sz: szW}, "Cy": {cl: clCR, sz: szY}, "Dy": {cl: clDR, sz: szY}, "ST": {cl: clST0, sz: szT}, "STi": {cl: clSTi, sz: szT},
	"ES": {cl: clSegFix, sz: szW, reg: SegES}, "CS": {cl: clSegFix, sz: szW, reg: SegCS}, "SS": {cl: clSegFix, sz: szW, reg: SegSS},
	"DS": {cl: clSegFix, sz: szW, reg: SegDS}, "FS": {cl: clSegFix, sz: szW, reg: SegFS}, "GS": {cl: clSegFix, sz: szW, reg: SegGS},
	"XMM0": {cl: clXMM0, sz: szDQ},
}

// operand is one operand of a form.
type operand struct {
	cl  class
	sz  rule  // size of the memory operand, and of the register unless rsz
	rsz rule  // size of the register; of the index of clVM
	reg uint8 // clSegFix
}
