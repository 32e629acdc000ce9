package decoder

// Row is one instruction of the table.
//
// Enc is the encoding in the manual's notation (SDM vol. 2A 3.1.1.1):
//
//	NP       none of the prefixes 66, F2, F3       NFx     neither F2 nor F3
//	66 F2 F3 mandatory prefix                      REX.W   REX.W must be set
//	NB       REX.B must be clear                   50+r    register in the opcode
//	70+cc    condition in the opcode               /r      ModRM byte
//	/0../7   ModRM byte with this reg field        D8 C0+i ModRM byte, register in rm
//	VEX.L.pp.map.W, EVEX.L.pp.map.W
//
// Left out parts of VEX and EVEX mean: any length, no prefix, any W. (128- and 256-bit EVEX
// rows without length need AVX512VL beside Feature.) L is 128, 256, 512,
// 256+ (256 or 512), LIG (ignored), L0, L1 or LZ.
//
// Args is the operands in Intel's order, as in the opcode maps (SDM vol. 2D A.2): a letter for
// where the operand is encoded and a suffix for its size; see operands.go. EVEX
// decorations follow: {k} merge masking, {kz} merge and zero masking, {k*} a mask is required,
// /b4 broadcast of 4-byte elements, {er} rounding control, {sae}.
type Row struct {
	Op      Op
	Enc     string
	Args    string
	Feature Feature
	Attr    Attr
}

// Attr is a set of properties of a row.
type Attr uint16

// Attributes. At most one of D64, F64, Native, NoW and Byte is set; they govern the operand size.
const (
	Lock   Attr = 1 << iota // LOCK is allowed with a memory destination
	I64                     // invalid in 64-bit mode
	O64                     // valid only in 64-bit mode
	Stk                     // uses the stack implicitly
	D64                     // in 64-bit mode the operand size is 8, or 2 with 66
	F64                     // in 64-bit mode the operand size is 8
	Native                  // the operand size is 8 in 64-bit mode, else 4
	NoW                     // the operand size is 4 where it would be 8 (INS, OUTS, IN, OUT)
	Byte                    // the operand size is 1 (string instructions)
)

// Valid64 and Valid32 tell if the row exists in 64-bit mode and in the others.
func (r *Row) Valid64() bool { return r.Attr&I64 == 0 }
func (r *Row) Valid32() bool { return r.Attr&O64 == 0 }

// Lockable tells if the LOCK prefix is allowed.
func (r *Row) Lockable() bool { return r.Attr&Lock != 0 }

// Rows gives the table. Inst.Row is an index into it. It must not be changed.
func Rows() []Row { return rows }
