package system

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"goemu/decoder"
	"goemu/emu/x86"
	"goemu/tests/seed"
)

// AVX-512 against Bochs: random instructions of every row of the decoder's table that goemu runs, with operands in registers and memory, masks, broadcast,
// rounding in the instruction and unmasked exceptions.

const avx512CaseSize = 32

// avx512Pool makes the data: vectors of random bits, of small numbers, and of floating-point numbers with edge values.
func avx512Pool(r *rand.Rand) []byte {
	special32 := []uint32{0, 1 << 31, 0x3f800000, 0xbf800000, 0x7f800000, 0xff800000, 0x7fc00000, 0xffc12345, 0x7f812345, 0xff800001, 1, 0x80000001, 0x7fffff,
		0x00800000, 0x7f7fffff, 0xff7fffff, 0x3f000000, 0x4b000001, 0x4f000000, 0xcf000000, 0x4f800000, 0x5f000000, 0x40490fdb, 0x3effffff, 0x33800000}
	special64 := []uint64{0, 1 << 63, 0x3ff << 52, 0xbff << 52, 0x7ff << 52, 0xfff << 52, 0x7ff8 << 48, 0xfff8_0000_0001_2345, 0x7ff0_0000_0001_2345, 1, 1<<63 | 1,
		1<<52 - 1, 1 << 52, 0x7fef_ffff_ffff_ffff, 0xffef_ffff_ffff_ffff, 0x3fe << 52, 0x41e0_0000_0000_0000, 0x41f0_0000_0000_0000, 0x43e0_0000_0000_0000, 0x43f0_0000_0000_0000,
		0x3fdf_ffff_ffff_ffff, 0x36a0_0000_0000_0000, 0x47ef_ffff_f000_0000, 0x3810_0000_0000_0000}
	p := make([]byte, 0, 40<<10)
	for len(p) < 40<<10 {
		switch kind := r.IntN(6); kind {
		case 0:
			for range 8 {
				p = binary.LittleEndian.AppendUint64(p, r.Uint64())
			}
		case 1:
			for range 16 {
				p = binary.LittleEndian.AppendUint32(p, special32[r.IntN(len(special32))])
			}
		case 2:
			for range 8 {
				p = binary.LittleEndian.AppendUint64(p, special64[r.IntN(len(special64))])
			}
		case 3:
			for range 16 {
				p = binary.LittleEndian.AppendUint32(p, math.Float32bits(float32((r.Float64()-0.5)*math.Pow(2, float64(r.IntN(40)-10)))))
			}
		case 4:
			for range 8 {
				p = binary.LittleEndian.AppendUint64(p, math.Float64bits((r.Float64()-0.5)*math.Pow(2, float64(r.IntN(80)-20))))
			}
		default:
			for range 64 {
				p = append(p, byte([]int{0, 1, 0x7f, 0x80, 0xff, r.IntN(256)}[r.IntN(6)]))
			}
		}
	}
	return p
}

// avx512Skipped are instructions that are not compared at all: approximations have bits of their own on every processor, and BF16 is not
// claimed. Bochs 2.7 inverts parities in the affine transformations of GFNI (which S-boxes of AES test, see simd), looks at other bits in
// VPSHUFBITQMB, misses conflicts in VPCONFLICT, gives VGETMANTPD of denormals twice the size, and rounds
// unsigned integers in the upper half of their range otherwise. These are tested by hand in simd.
func avx512Skipped(op decoder.Op) bool {
	switch op {
	case decoder.VGF2P8AFFINEQB, decoder.VGF2P8AFFINEINVQB, decoder.VPSHUFBITQMB, decoder.VPCONFLICTD, decoder.VPCONFLICTQ,
		decoder.VGETMANTPD, decoder.VGETMANTSD, decoder.VCVTUDQ2PS, decoder.VCVTUSI2SS, decoder.VCVTUSI2SD, decoder.VCVTUQQ2PS, decoder.VCVTUQQ2PD,
		decoder.VCVTPD2UQQ, decoder.VCVTTPD2UQQ, decoder.VCVTPS2UQQ, decoder.VCVTTPS2UQQ, decoder.VCVTTSS2USI, decoder.VCVTTSD2USI, decoder.VCVTSS2USI, decoder.VCVTSD2USI:
		return true
	}
	name := strings.ToLower(op.String())
	return strings.Contains(name, "rcp") || strings.Contains(name, "rsqrt") || strings.Contains(name, "bf16")
}

// avx512Deviant are forms that Bochs 2.7 does not do as the manual says.
func avx512Deviant(i *decoder.Inst) bool {
	mem, w := i.ModRM < 0xc0, i.Rex&decoder.RexW != 0
	switch i.Op {
	case decoder.VPACKSSWB, decoder.VEXTRACTPS:
		return w // it does not ignore W
	case decoder.VPEXPANDB, decoder.VPEXPANDW:
		return mem // it reads elements where they are not
	case decoder.VPINSRB, decoder.VPEXTRW:
		return mem // it scales displacements by another size
	case decoder.VPMULTISHIFTQB:
		return i.Mask != 0 || mem && i.Bcast != 0 // it takes the mask for one of quadwords
	case decoder.VPBROADCASTB, decoder.VPBROADCASTW:
		return i.Mask != 0 // it has masks of 32 bits
	case decoder.VPBROADCASTMB2Q, decoder.VPBROADCASTMW2D:
		return i.VecLen < 2 // it does not clear the rest of the register
	case decoder.VGATHERQPS, decoder.VPGATHERQD:
		return i.VecLen == 2 // the same
	case decoder.VCVTPS2PH, decoder.VCVTPH2PS, decoder.VRNDSCALEPS, decoder.VRNDSCALEPD, decoder.VRNDSCALESS, decoder.VRNDSCALESD,
		decoder.VREDUCEPS, decoder.VREDUCEPD, decoder.VREDUCESS, decoder.VREDUCESD:
		return i.RC != 0 // it takes the vector length for a rounding mode, or raises exceptions
	}
	return false
}

// avx512Flags are exception flags that Bochs has otherwise for an instruction: PE of conversions from and to unsigned numbers; DE of FMA beside IE of another
// element, of VREDUCE, and of VRANGE, VGETMANT; underflow of VSCALEF,
// VCVTPD2PS and VCVTPS2PH. Such instructions run with all exceptions masked and without DAZ.
func avx512Flags(op decoder.Op) byte {
	name := strings.ToUpper(op.String())
	switch {
	case strings.HasPrefix(name, "VCVT") && (strings.Contains(name, "2U") || strings.Contains(name, "TU") || strings.Contains(name, "CVTU")):
		return 0x20
	case strings.HasPrefix(name, "VFM"), strings.HasPrefix(name, "VFNM"), strings.HasPrefix(name, "VREDUCE"), strings.HasPrefix(name, "VRANGE"),
		strings.HasPrefix(name, "VGETMANT"):
		return 0x02
	case strings.HasPrefix(name, "VSCALEF"), op == decoder.VCVTPD2PS, op == decoder.VCVTPS2PH, op == decoder.VCVTSD2SS:
		return 0x32
	}
	return 0
}

// avx512Case makes one random instruction of a row; nil if what came out is another or cannot be run here.
func avx512Case(r *rand.Rand, row int) []byte {
	info := &decoder.Rows()[row]
	enc := strings.Fields(info.Enc)
	parts := strings.Split(enc[0], ".")
	var opcode byte
	fmt.Sscanf(enc[1], "%02X", &opcode)
	pp, mm, w := byte(0), byte(1), byte(r.IntN(2))
	for _, p := range parts {
		switch p {
		case "66":
			pp = 1
		case "F3":
			pp = 2
		case "F2":
			pp = 3
		case "0F38":
			mm = 2
		case "0F3A":
			mm = 3
		case "W0":
			w = 0
		case "W1":
			w = 1
		}
	}
	modrm := byte(0xc0 | r.IntN(64))
	if r.IntN(2) == 0 {
		modrm = 0x46 | byte(r.IntN(8))<<3 // [rsi+disp8]
	}
	if strings.HasPrefix(enc[len(enc)-1], "/") && enc[len(enc)-1] != "/r" {
		modrm = modrm&^0x38 | (enc[len(enc)-1][1]-'0')<<3
	}
	vsib := strings.Contains(info.Args, "VM")
	var code []byte
	if parts[0] == "VEX" {
		l := byte(r.IntN(2))
		if strings.Contains(enc[0], "L1") {
			l = 1
		}
		code = []byte{0xc4, byte(r.IntN(8))<<5 | mm, w<<7 | byte(r.IntN(16))<<3 | l<<2 | pp, opcode, modrm}
		if modrm < 0xc0 {
			code[1] |= 0x60 // no extension of the base
			code = append(code, byte(r.IntN(16)-8))
		}
	} else {
		p0, p2 := byte(r.IntN(16))<<4|mm, byte(r.IntN(256))
		if r.IntN(3) == 0 {
			p2 &^= 7 // no mask
		}
		code = []byte{0x62, p0, w<<7 | byte(r.IntN(16))<<3 | 4 | pp, p2, opcode, modrm}
		switch {
		case vsib:
			code[5] = modrm&0x38 | 0x44 // SIB, disp8
			code[1] = code[1]&^0x40&^0x20 | 0x20
			index := byte(0x35) // zmm14: index 6, with X
			if name := strings.ToUpper(info.Op.String()); strings.Contains(name, "GATHERQ") || strings.Contains(name, "SCATTERQ") {
				index = 0x2d
			}
			code[3] |= 8
			sib := byte(r.IntN(4))<<6 | index&0x38 | 6 // base rsi
			code = append(code, sib, byte(r.IntN(8)-4))
		case modrm < 0xc0:
			code[1] |= 0x60
			code = append(code, byte(r.IntN(6)-3))
		}
	}
	code = append(code, byte(r.IntN(256)), 0xc3, 0x90, 0x90, 0x90, 0x90)
	var i decoder.Inst
	if decoder.Decode(code, decoder.Mode64, &i) != nil || int(i.Row) != row {
		return nil
	}
	for k := range i.NArgs {
		a := i.Args[k]
		switch {
		case a.Kind != decoder.KReg:
		case a.Reg == 4, a.Size == 1, a.Reg == 6 && k == 0: // the stack, and where memory is
			return nil
		case parts[0] == "EVEX" && code[1]&0x40 == 0: // Bochs takes X for a part of the number of a general register
			return nil
		}
	}
	if avx512Deviant(&i) {
		return nil
	}
	return append(code[:i.Len:i.Len], 0xc3)
}

// avx512Cases makes n cases of each row, with what they are.
func avx512Cases(r *rand.Rand, n int) (table []byte, names []string) {
	for row := range decoder.Rows() {
		info := &decoder.Rows()[row]
		want := n
		switch f := info.Feature; {
		case avx512Skipped(info.Op):
			continue
		case strings.HasPrefix(info.Enc, "VEX.") && strings.HasPrefix(f.String(), "AVX512"):
		case strings.HasPrefix(info.Enc, "VEX.") && (f == decoder.FeatAVX || f == decoder.FeatAVX2) && !strings.Contains(info.Args, "VM"):
			want = 2 // they clear what is beyond the YMM register
		case strings.HasPrefix(info.Enc, "EVEX.") && x86.RunsEVEX(info.Op):
		default:
			continue
		}
		for made, tries := 0, 0; made < want && tries < 4000; tries++ {
			code := avx512Case(r, row)
			if code == nil {
				continue
			}
			made++
			mxcsr := uint16(0x1f80 | r.IntN(4)<<13)
			switch r.IntN(8) {
			case 0:
				mxcsr &^= uint16(r.IntN(64)) << 7
			case 1:
				mxcsr |= 0x8040
			case 2:
				mxcsr |= 0x40
			}
			var c [avx512CaseSize]byte
			copy(c[:], code)
			if c[29] = avx512Flags(info.Op); c[29] != 0 || want < n {
				mxcsr = mxcsr&0x6000 | 0x1f80
			}
			binary.LittleEndian.PutUint16(c[30:], mxcsr)
			table = append(table, c[:]...)
			names = append(names, fmt.Sprintf("%s %s [% x] mxcsr %04x", info.Op, info.Args, code[:len(code)-1], mxcsr))
		}
	}
	return table, names
}

func TestAVX512(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(seed.Of(t), 0))
	table, names := avx512Cases(r, 10)
	dir := t.TempDir()
	file := func(name string, b []byte) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, b, 0o666); err != nil {
			t.Fatal(err)
		}
		return name
	}
	defines := []string{"AVX512", fmt.Sprintf("COUNT=%d", len(names)),
		"POOL='" + file("pool", avx512Pool(r)) + "'", "CASES='" + file("cases", table) + "'"}
	want := runBochs(t, "avx512.asm", defines...)
	t.Logf("%d cases", len(want))
	for i, e := range emulators[:2] {
		t.Run(e.name, func(t *testing.T) {
			got := run(t, i, "avx512.asm", defines...)
			bad := 0
			for k := range names {
				if k >= len(got) || k >= len(want) {
					t.Fatalf("%d lines of goemu, %d of Bochs, for %d cases", len(got), len(want), len(names))
				}
				if got[k] != want[k] {
					if bad++; bad <= 20 {
						t.Errorf("case %d: %s: got %s, Bochs has %s", k, names[k], got[k], want[k])
					}
				}
			}
			if bad > 0 {
				t.Errorf("%d cases differ", bad)
			}
		})
	}
}
