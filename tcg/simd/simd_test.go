package simd

import (
	"crypto/aes"
	"encoding/binary"
	hashcrc "hash/crc32"
	"math"
	"math/rand/v2"
	"testing"

	"goemu/tcg"
	"goemu/tcg/softfloat"
)

func TestKnown(t *testing.T) {
	for _, c := range []struct {
		enc  tcg.Enc
		want bool
	}{
		{tcg.Enc{Map: 1, Opcode: 0x58}, true},            // ADDPS
		{tcg.Enc{PP: 0xf2, Map: 2, Opcode: 0xf1}, true},  // CRC32
		{tcg.Enc{PP: 0x66, Map: 3, Opcode: 0x63}, true},  // PCMPISTRI
		{tcg.Enc{PP: 0x66, Map: 1, Opcode: 0x52}, false}, // no RSQRTPD
		{tcg.Enc{PP: 0xf2, Map: 1, Opcode: 0x79}, false}, // INSERTQ (SSE4a)
		{tcg.Enc{Map: 0, Opcode: 0xd8}, false},           // x87
		{tcg.Enc{PP: 0x66, Map: 2, Opcode: 0x11}, false}, //
		{tcg.Enc{PP: 0xf3, Map: 1, Opcode: 0xd7}, false}, //
		{tcg.Enc{PP: 0x66, Map: 9, Opcode: 0x58}, false}, //
		{tcg.Enc{PP: 0x66, Map: 1, Opcode: 0x58, RexW: true}, true},
	} {
		if got := Known(c.enc); got != c.want {
			t.Errorf("Known(%+v) = %v", c.enc, got)
		}
	}
}

// TestAES encrypts and decrypts a block with the round instructions, against crypto/aes.
func TestAES(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		var key, in, want [16]byte
		for i := range key {
			key[i], in[i] = byte(r.Uint32()), byte(r.Uint32())
		}
		block, err := aes.NewCipher(key[:])
		if err != nil {
			t.Fatal(err)
		}
		block.Encrypt(want[:], in[:])
		keys := [11]vec{fromBytes(&key)}
		rcon := uint8(1)
		for i := range keys[1:] {
			a := aeskeygenassist(vec{}, keys[i], rcon)
			rcon = gfMul(rcon, 2)
			k, x := keys[i], uint32(a.hi>>32)
			w0 := uint32(k.lo) ^ x
			w1 := uint32(k.lo>>32) ^ w0
			w2 := uint32(k.hi) ^ w1
			keys[i+1] = pack4(w0, w1, w2, uint32(k.hi>>32)^w2)
		}
		s := xorV(fromBytes(&in), keys[0])
		for _, k := range keys[1:10] {
			s = aesenc(s, k, 0)
		}
		s = aesenclast(s, keys[10], 0)
		if got := toBytes(s); got != want {
			t.Fatalf("encrypt: got %x, want %x", got, want)
		}
		s = xorV(s, keys[10])
		for i := 9; i > 0; i-- {
			s = aesdec(s, aesimc(vec{}, keys[i], 0), 0)
		}
		s = aesdeclast(s, keys[0], 0)
		if got := toBytes(s); got != in {
			t.Fatalf("decrypt: got %x, want %x", got, in)
		}
	}
}

func TestCRC32(t *testing.T) {
	const text = "123456789abcdefg"
	b := []byte(text)
	crc := ^uint32(0)
	crc = crc32c(crc, binary.LittleEndian.Uint64(b), 8)
	crc = crc32c(crc, uint64(binary.LittleEndian.Uint32(b[8:])), 4)
	crc = crc32c(crc, uint64(binary.LittleEndian.Uint16(b[12:])), 2)
	crc = crc32c(crc, uint64(b[14]), 1)
	crc = crc32c(crc, uint64(b[15]), 1)
	if want := hashcrc.Checksum(b, hashcrc.MakeTable(hashcrc.Castagnoli)); ^crc != want {
		t.Errorf("got %x, want %x", ^crc, want)
	}
}

// TestApproximations: RCPPS and RSQRTPS are within 1.5 * 2^-12.
func TestApproximations(t *testing.T) {
	for b := uint32(norm32); b < 0x7e000000; b += 0x1357 {
		x := float64(math.Float32frombits(b))
		for _, c := range []struct {
			name string
			f    func(_, b uint32, _ softfloat.Ctl) (uint32, softfloat.Flags)
			want float64
		}{{"RCPSS", rcp32, 1 / x}, {"RSQRTSS", rsqrt32, 1 / math.Sqrt(x)}} {
			got, _ := c.f(0, b, 0)
			if e := float64(math.Float32frombits(got))/c.want - 1; math.Abs(e) > 1.5/4096 {
				t.Fatalf("%s(%x) = %x: relative error %g", c.name, b, got, e)
			}
		}
	}
}

// TestMaskMov: MASKMOVQ and MASKMOVDQU change only the selected bytes.
func TestMaskMov(t *testing.T) {
	env := new(tcg.Env)
	env.XMM[1] = tcg.Vec128{0x1111111111111111, 0x2222222222222222}
	env.XMM[2] = tcg.Vec128{0x80, 0x8000000000000000}
	mem := [32]byte{15: 9, 14: 8}
	op := &tcg.Op{Enc: tcg.Enc{PP: 0x66, Map: 1, Opcode: 0xf7}, VReg: 1, VRM: 2, KReg: tcg.VXMM, KRM: tcg.VXMM, MemRd: true, MemWr: true}
	Exec(env, op, &mem)
	if want := [32]byte{0: 0x11, 14: 8, 15: 0x22}; mem != want {
		t.Errorf("got %x, want %x", mem, want)
	}
}

// TestNoAllocs: Exec allocates nothing.
func TestNoAllocs(t *testing.T) {
	env, mem := &tcg.Env{MXCSR: 0x1f80}, new([32]byte)
	for i := range rows {
		r := &rows[i]
		op := &tcg.Op{Enc: tcg.Enc{PP: r.pp, Map: r.mp, Opcode: r.opcode}, VReg: 2, VRM: 1, KReg: tcg.VXMM, KRM: tcg.VXMM}
		if n := testing.AllocsPerRun(3, func() { Exec(env, op, mem) }); n != 0 {
			t.Errorf("%s allocates %v times", r.name, n)
		}
	}
}
