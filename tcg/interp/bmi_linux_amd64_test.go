package interp

import (
	"testing"

	"goemu/tcg"
)

// BMI and ADX against the host CPU, all flags: RAX is the destination.
func TestBMIAgainstHost(t *testing.T) {
	p := newPair(t)
	r := rng(t)
	for _, f := range []struct {
		code  tcg.Opcode
		pp    byte // of VEX; ADX: the prefix
		op    byte
		vvvv  byte
		modrm byte
		a, b  tcg.Ref
	}{
		{tcg.Andn, 0, 0xf2, 1, 0xc2, rcx, rdx},
		{tcg.Blsr, 0, 0xf3, 0, 0xc9, rcx, tcg.None},
		{tcg.Blsmsk, 0, 0xf3, 0, 0xd1, rcx, tcg.None},
		{tcg.Blsi, 0, 0xf3, 0, 0xd9, rcx, tcg.None},
		{tcg.Bzhi, 0, 0xf5, 1, 0xc2, rdx, rcx},
		{tcg.Bextr, 0, 0xf7, 1, 0xc2, rdx, rcx},
		{tcg.Pdep, 3, 0xf5, 1, 0xc2, rcx, rdx},
		{tcg.Pext, 2, 0xf5, 1, 0xc2, rcx, rdx},
		{tcg.Mulh, 3, 0xf6, 0, 0xc1, rdx, rcx}, // MULX RAX, RAX, RCX
		{tcg.Adcx, 0x66, 0xf6, 0, 0xc1, rax, rcx},
		{tcg.Adox, 0xf3, 0xf6, 0, 0xc1, rax, rcx},
	} {
		for w := tcg.W32; w <= tcg.W64; w++ {
			bit := byte(w-tcg.W32) * 0x80
			code := []byte{0xc4, 0xe2, bit | (15-f.vvvv)<<3 | f.pp, f.op, f.modrm}
			if f.pp > 3 {
				code = []byte{f.pp, 0x40 | bit>>4, 0x0f, 0x38, f.op, f.modrm}
			}
			o := tcg.Op{Code: f.code, W: w, Dst: rax, A: f.a, B: f.b, Seg: tcg.SegNone}
			o.SetF = f.code < tcg.Pdep || f.code > tcg.Mulh
			b := block(o, false)
			if err := tcg.Verify(b); err != nil {
				t.Fatal(err)
			}
			p.cpu.Load(code, -1)
			for range 10000 {
				gpr := [4]uint64{operand(r), operand(r), operand(r), operand(r)}
				if r.IntN(2) == 0 { // a count, or a position and a length
					gpr[1] = gpr[1]&^0xffff | uint64(r.IntN(70)) | uint64(r.IntN(70))<<8
				}
				ignore := tcg.Flags(0)
				if !p.amd {
					ignore = Undefined(&o, 0)
				}
				if !p.compare(t, f.code.String()+"."+w.String(), b, gpr, 0, r.Uint32()&tcg.EFlagsArith|2, ignore) {
					break
				}
			}
		}
	}
}
