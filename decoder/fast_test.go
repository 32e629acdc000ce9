package decoder

import (
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
)

// checkFast compares the fast path with the general one, and tells if the instruction exists.
func checkFast(t *testing.T, code []byte, mode Mode) bool {
	t.Helper()
	var p [fastLen]byte
	for i := range p {
		p[i] = 0xA5
	}
	copy(p[:], code)
	got, want := Inst{Vvvv: 7, RC: 3, Imm2: 5, Memory: Memory{VSIB: KYMM}}, Inst{}
	gotErr, wantErr := Decode(p[:], mode, &got), decode(p[:], mode, &want)
	if gotErr != wantErr {
		t.Errorf("% x in mode %d: error %v, want %v", p[:MaxLen], mode, gotErr, wantErr)
	} else if gotErr == nil && got != want {
		t.Errorf("% x in mode %d (-want +got):\n%s", p[:MaxLen], mode, cmp.Diff(want, got))
	}
	return wantErr == nil
}

// TestFastSamples: both paths agree on every opcode with every prefix, every ModRM byte of some opcodes and every SIB byte.
func TestFastSamples(t *testing.T) {
	var codes [][]byte
	for i := range 256 {
		for rex := range 17 {
			head := []byte{byte(rex | 0x40)}
			if rex == 16 {
				head = nil
			}
			head = head[:len(head):len(head)]
			b := byte(i)
			for _, op := range []byte{0x8B, 0x88, 0x81, 0xC6, 0xF6, 0xF7, 0xFF, 0xD1} {
				codes = append(codes, append(head, op, b, 0x91, 0x82, 0x83, 0x84))
			}
			for mod := range byte(3) {
				codes = append(codes, append(head, 0x03, mod<<6|0x14, b, 0x81, 0x92, 0x83, 0x94))
			}
			for _, op := range []byte{0x6F, 0xB6, 0xBA, 0xC7, 0x12, 0x10} {
				codes = append(codes, append(head, 0x0F, op, b, 0x91, 0x82, 0x83, 0x84))
			}
			codes = append(codes, append(head, b, 0xC5), append(head, 0x0F, b, 0xC5), append(head, b, 0x94), append(head, 0x0F, b, 0x94))
		}
	}
	taken := 0
	for _, c := range sampleCodes() {
		if checkFast(t, c, Mode64) {
			taken++
		}
	}
	for _, c := range codes {
		for mode := Mode16; mode <= Mode64; mode++ {
			for _, p := range [][]byte{nil, {0x66}, {0xF3}, {0xF0}, {0x65}} {
				if checkFast(t, append(p[:len(p):len(p)], c...), mode) {
					taken++
				}
				if t.Failed() {
					t.FailNow()
				}
			}
		}
	}
	t.Logf("%d codes, %d instructions", len(codes), taken)
}

// TestFastRandom does the same with random code.
func TestFastRandom(t *testing.T) {
	r := newRand(t)
	taken := 0
	for range 500000 {
		mode := Mode(r.IntN(3))
		if checkFast(t, randomCode(r, mode), mode) {
			taken++
		}
		if t.Failed() {
			t.FailNow()
		}
	}
	t.Logf("%d instructions", taken)
}

// TestFastVEX does it with random VEX and EVEX instructions.
func TestFastVEX(t *testing.T) {
	r := newRand(t)
	taken := 0
	for i := 0; i < 300000 && !t.Failed(); i++ {
		c := randomEVEX(r, Mode64)
		switch i % 4 {
		case 0:
			c[0] = 0xC5
		case 1:
			c[0], c[1] = 0xC4, c[1]&^0x10
		}
		if i%8 >= 4 { // no vvvv
			c[1+min(i%4, 1)] |= 0x78
		}
		if checkFast(t, c, Mode64) {
			taken++
		}
	}
	t.Logf("%d instructions", taken)
}

// TestFastProgram does it with the code of a real program.
func TestFastProgram(t *testing.T) {
	text := textOf(t)
	for pos, n := 0, 0; pos+fastLen <= len(text) && n < 1000000 && !t.Failed(); n++ {
		checkFast(t, text[pos:], Mode64)
		var in Inst
		if Decode(text[pos:], Mode64, &in) != nil {
			in.Len = 1
		}
		pos += int(in.Len)
	}
}

// TestSizes: what is copied for every instruction stays small, and a leaf cheap to index.
func TestSizes(t *testing.T) {
	if n := unsafe.Sizeof(Inst{}); n != 64 {
		t.Errorf("an Inst has %d bytes, want 64", n)
	}
	if n := unsafe.Sizeof(leaf{}); n != 96 {
		t.Errorf("a leaf has %d bytes, want 96", n)
	}
}

// TestFastTaken: the fast path knows the leaves of the instructions that matter.
func TestFastTaken(t *testing.T) {
	have := make([]bool, NumOps)
	for i := range leaves {
		have[leaves[i].inst.Op] = true
	}
	for _, op := range []Op{ADD, CALL, CMP, CMOVCC, IMUL, JCC, JMP, LEA, MOV, MOVAPS, MOVSX, MOVSXD, MOVUPS, MOVZX, NOP, PADDD, POP, PUSH, PXOR, RET, SETCC, SHL, TEST, XCHG} {
		if !have[op] {
			t.Errorf("%v is not decoded by the fast path", op)
		}
	}
}
