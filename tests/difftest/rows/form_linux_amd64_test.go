package rows

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"

	"goemu/decoder"
)

// form is a row of the instruction table made ready for encoding.
type form struct {
	row    *decoder.Row
	index  int
	pp     byte // mandatory prefix
	noSize bool // 66 is not allowed
	rexW   bool // REX.W must be set
	rexB   bool // REX.B may be set
	mp     byte // map: 0, 1 (0F), 2 (0F38), 3 (0F3A)
	opcode byte
	span   int // opcodes from it on (+r, +cc, +i)
	modrm  bool
	ext    int // ModRM.reg, -1: any
	fixed  int // second opcode byte that takes the place of ModRM, -1: none
	mod    int // +1: register only, -1: memory only
	imms   []string

	vex  bool
	l, w int  // -1: any
	vvvv bool // an operand is in VEX.vvvv
	vsib bool
}

// parseForm reads Row.Enc and Row.Args; ok is false for EVEX.
func parseForm(index int) (f form, ok bool) {
	r := &decoder.Rows()[index]
	f = form{row: r, index: index, ext: -1, fixed: -1, span: 1, l: -1, w: -1, rexB: true}
	var bytes []byte
	for _, tok := range strings.Fields(r.Enc) {
		switch {
		case strings.HasPrefix(tok, "EVEX"):
			return f, false
		case strings.HasPrefix(tok, "VEX."):
			f.parseVEX(tok)
		case tok == "NP":
			f.noSize = true
		case tok == "NB":
			f.rexB = false
		case tok == "NFx":
		case tok == "REX.W":
			f.rexW = true
		case tok == "/r":
			f.modrm = true
		case tok[0] == '/':
			f.modrm, f.ext = true, int(tok[1]-'0')
		case (tok == "66" || tok == "F2" || tok == "F3") && len(bytes) == 0 && !f.vex:
			v, _ := strconv.ParseUint(tok, 16, 8)
			f.pp = byte(v)
		default:
			hex, plus, _ := strings.Cut(tok, "+")
			v, err := strconv.ParseUint(hex, 16, 8)
			if err != nil {
				panic(fmt.Sprintf("row %d: %q", index, r.Enc))
			}
			bytes = append(bytes, byte(v))
			switch plus {
			case "r", "i":
				f.span = 8
			case "cc":
				f.span = 16
			}
		}
	}
	if !f.vex && bytes[0] == 0x0f {
		f.mp, bytes = 1, bytes[1:]
		if bytes[0] == 0x38 || bytes[0] == 0x3a {
			f.mp, bytes = 2+bytes[0]>>1&1, bytes[1:]
		}
	}
	f.opcode = bytes[0]
	if len(bytes) > 1 {
		f.fixed = int(bytes[1])
	}
	for _, a := range strings.Split(r.Args, ",") {
		switch {
		case a == "":
		case strings.HasPrefix(a, "VM"):
			f.mod, f.vsib = -1, true
		case a[0] == 'M':
			f.mod = -1
		case a[0] == 'R' || a[0] == 'N' || a[0] == 'U' || strings.HasPrefix(a, "KR"):
			f.mod = 1
		case a[0] == 'H' || a[0] == 'B' || strings.HasPrefix(a, "KH"):
			f.vvvv = true
		case a[0] == 'I' || a[0] == 'J' || a[0] == 'O' || a == "Ap" || a[0] == 'L':
			f.imms = append(f.imms, a)
		}
	}
	return f, true
}

func (f *form) parseVEX(tok string) {
	f.vex, f.mp = true, 1
	for _, s := range strings.Split(tok, ".")[1:] {
		switch s {
		case "128", "L0", "LZ":
			f.l = 0
		case "256", "L1":
			f.l = 1
		case "W0", "W1":
			f.w = int(s[1] - '0')
		case "66", "F3", "F2":
			v, _ := strconv.ParseUint(s, 16, 8)
			f.pp = byte(v)
		case "0F38":
			f.mp = 2
		case "0F3A":
			f.mp = 3
		}
	}
}

// insn is an instruction of a form, to stand at slot.
type insn struct {
	form *form
	code []byte
	decoder.Inst
	rip    uint64 // of the instruction, as an offset in CS
	target uint64 // address that the displacement was made for; 0: registers decide
}

// rng makes random choices.
type rng struct{ *rand.Rand }

func (r rng) one(n int) bool      { return r.IntN(n) == 0 }
func (r rng) pick(b ...byte) byte { return b[r.IntN(len(b))] }
func (r rng) bits(n int) byte     { return byte(r.IntN(1 << n)) }
func (f *form) branch() bool      { return strings.Contains(f.row.Args, "J") }

// encode makes an instruction. ok is false if the decoder takes it for another row.
func (f *form) encode(r rng, mode decoder.Mode, rip uint64) (in insn, ok bool) {
	long := mode == decoder.Mode64
	mem := f.modrm && f.mod != 1 && (f.mod == -1 || r.one(2))
	var b []byte
	rex := byte(0)
	size66 := !f.noSize && f.pp != 0x66 && !f.vex && r.one(4) && !(f.branch() && long)
	if long && (f.row.Op == decoder.CALL || f.row.Op == decoder.JMP || f.row.Op == decoder.RET) {
		size66 = false // a 16-bit branch: AMD's processors do it, Intel's take no notice of 66
	}
	if f.row.Op == decoder.MOVSXD {
		size66 = false // AMD's processors still read 32 bits
	}
	addr67 := r.one(10) && (mem || len(f.imms) > 0 && f.imms[0][0] == 'O' || isString(f.row.Op) || f.row.Op == decoder.XLAT)
	if size66 {
		b = append(b, 0x66)
	}
	if addr67 {
		b = append(b, 0x67)
	}
	if (mem || isString(f.row.Op) || f.row.Op == decoder.XLAT) && r.one(8) {
		b = append(b, r.pick(0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65))
	}
	if mem && f.row.Lockable() && r.one(4) {
		b = append(b, 0xf0)
	}
	switch {
	case f.vex:
	case f.pp != 0:
		b = append(b, f.pp)
	case isString(f.row.Op):
		if r.one(2) {
			b = append(b, r.pick(0xf2, 0xf3))
		}
	}
	if long {
		if r.one(2) {
			rex = 0x40 | r.bits(4)
		}
		if f.rexW {
			rex |= 0x48
		}
		if !f.rexB {
			rex &^= 1
		}
		switch f.row.Op {
		case decoder.LSS, decoder.LFS, decoder.LGS:
			rex &^= 8 // AMD's processors take no notice of W there
		}
	}
	if f.vex {
		b = f.encodeVEX(r, b, rex, long)
	} else {
		if rex != 0 {
			b = append(b, rex)
		}
		switch f.mp {
		case 1:
			b = append(b, 0x0f)
		case 2:
			b = append(b, 0x0f, 0x38)
		case 3:
			b = append(b, 0x0f, 0x3a)
		}
	}
	if f.fixed >= 0 {
		b = append(b, f.opcode, byte(f.fixed+r.IntN(f.span)))
	} else {
		b = append(b, f.opcode+byte(r.IntN(f.span)))
	}
	dispAt, dispLen := 0, 0
	if f.modrm {
		b, dispAt, dispLen = f.encodeModRM(r, b, mem, mode == decoder.Mode16 != addr67 && !long)
	}
	for _, a := range f.imms {
		v := r.value()
		if a[0] == 'J' {
			v = uint64(r.IntN(16)) // within the slot
			if r.one(16) {
				v = r.Uint64()
			}
		}
		if a == "Ib" && r.one(2) {
			v = uint64(r.IntN(72))
		}
		n := 8
		if a == "Ib" || a == "Ibs" || a[0] == 'L' {
			n = 1
		} else if a == "Iw" {
			n = 2
			v &= [2]uint64{0xffff, 0x3f}[r.IntN(2)]
		} else if a[0] == 'O' {
			dispAt, dispLen = len(b), 8
		}
		b = binary.LittleEndian.AppendUint64(b, v)[:len(b)+n]
	}
	b = append(b, 0, 0, 0, 0)
	in = insn{form: f, rip: rip}
	if decoder.Decode(b, mode, &in.Inst) != nil || int(in.Row) != f.index || int(in.Len) > slotSize-12 {
		return in, false
	}
	if in.Op == decoder.INT && in.Imm == 0x80 {
		return in, false // a system call
	}
	if in.NArgs > 0 && in.Args[0].Kind == decoder.KRel {
		// Within the code only to the INT3 behind: instructions that jump to themselves or in a circle do not end.
		to := rip + uint64(in.Len) + uint64(in.Imm)
		if start := codeStart(mode); to-start < codeSize+slotSize && to-rip-uint64(in.Len) >= 12 {
			return in, false
		}
		if mode == decoder.Mode16 && to&0xffff < codeSize && to-rip-uint64(in.Len) >= 12 {
			return in, false
		}
	}
	in.code = b[:in.Len]
	if dispLen > 0 && (in.Base == decoder.RIPReg || in.Base == decoder.NoReg) && !in.isVSIB() {
		in.aim(r, mode, dispAt, dispLen)
	}
	return in, decoder.Decode(in.code, mode, &in.Inst) == nil && int(in.Len) == len(in.code)
}

func (in *insn) isVSIB() bool { return in.VSIB != decoder.KNone }

// aim sets a displacement that is no offset from a register.
func (in *insn) aim(r rng, mode decoder.Mode, at, n int) {
	n = min(n, len(in.code)-at)
	switch {
	case n < 2:
		return
	case in.AddrSize < 8 && in.NArgs > 0 && (in.Args[0].Kind == decoder.KMoffs || in.Args[in.NArgs-1].Kind == decoder.KMoffs):
		n = int(in.AddrSize)
	}
	in.target = r.address(mode, in.memSize())
	v := in.target
	if in.Base == decoder.RIPReg {
		v -= in.rip + uint64(in.Len)
	}
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], v)
	copy(in.code[at:at+n], b[:])
}

func (f *form) encodeVEX(r rng, b []byte, rex byte, long bool) []byte {
	l, w := byte(r.IntN(2)), byte(r.IntN(2))
	if f.l >= 0 {
		l = byte(f.l)
	}
	if f.w >= 0 {
		w = byte(f.w)
	}
	if (f.row.Op == decoder.VPINSRD || f.row.Op == decoder.VPEXTRD) && !long {
		w = 0 // Intel's processors take no notice of W outside 64-bit mode; to AMD's it is undefined
	}
	pp := map[byte]byte{0: 0, 0x66: 1, 0xf3: 2, 0xf2: 3}[f.pp]
	v := byte(15)
	if f.vvvv {
		v = r.bits(4)
		if !long {
			v |= 8
		}
	}
	if !long {
		rex = 0
	}
	if f.mp == 1 && w == 0 && rex&3 == 0 && r.one(2) {
		return append(b, 0xc5, ^rex<<5&0x80|v<<3|l<<2|pp)
	}
	return append(b, 0xc4, ^rex<<5|f.mp, w<<7|v<<3|l<<2|pp)
}

// encodeModRM appends ModRM, SIB and displacement.
func (f *form) encodeModRM(r rng, b []byte, mem, addr16 bool) (out []byte, dispAt, dispLen int) {
	reg := byte(f.ext)
	if f.ext < 0 {
		reg = r.bits(3)
	}
	m := reg << 3
	if !mem {
		return append(b, 0xc0|m|r.bits(3)), 0, 0
	}
	mod, rm := byte(r.IntN(3)), r.bits(3)
	if f.vsib {
		rm = 4
	}
	b = append(b, mod<<6|m|rm)
	n := [3]int{0, 1, 4}[mod]
	if addr16 {
		n = [3]int{0, 1, 2}[mod]
		if mod == 0 && rm == 6 {
			n = 2
		}
	} else {
		base := rm
		if rm == 4 {
			sib := r.bits(8)
			b = append(b, sib)
			base = sib & 7
		}
		if base == 5 && mod == 0 {
			n = 4
		}
	}
	dispAt = len(b)
	disp := r.IntN(256) - 128
	if n > 1 {
		disp *= 4
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(int32(disp)))
	return b[:dispAt+n], dispAt, n
}

func isString(op decoder.Op) bool {
	switch op {
	case decoder.MOVS, decoder.STOS, decoder.LODS, decoder.CMPS, decoder.SCAS, decoder.INS, decoder.OUTS:
		return true
	}
	return false
}

// memSize is the size of the memory operand in bytes.
func (in *insn) memSize() int {
	for _, a := range in.Args[:in.NArgs] {
		if a.Kind == decoder.KMem || a.Kind == decoder.KMoffs {
			if a.Size == 0 {
				return 512
			}
			return int(a.Size)
		}
	}
	return 8
}

// hasMem tells whether there is a memory operand.
func (in *insn) hasMem() bool {
	for _, a := range in.Args[:in.NArgs] {
		if a.Kind == decoder.KMem || a.Kind == decoder.KMoffs {
			return true
		}
	}
	return false
}
