package snippet

import (
	"encoding/binary"
	"fmt"

	"goemu/emu/inspect"
)

// In the XSAVE area in its standard form (SDM vol. 1 10.5.1, 13.4).
const (
	xsaveMax = 16 << 10 // more than any processor has
	xstateBV = 512
	ymmAt    = 576
	bvX87    = 1
	bvSSE    = 2
	bvAVX    = 4
)

// putXSAVE puts the x87, SSE and AVX registers into an XSAVE area.
func putXSAVE(p []byte, r *inspect.Registers) {
	le := binary.LittleEndian
	x := &r.X87
	le.PutUint16(p[0:], x.FCW)
	le.PutUint16(p[2:], x.FSW)
	p[4] = x.Abridged()
	le.PutUint16(p[6:], x.FOP)
	le.PutUint64(p[8:], x.FIP)
	le.PutUint64(p[16:], x.FDP)
	le.PutUint32(p[24:], r.MXCSR)
	for i, st := range x.ST {
		le.PutUint64(p[32+16*i:], st.Significand)
		le.PutUint16(p[40+16*i:], st.Exponent)
	}
	for i := range 16 {
		v := &r.Vec[i]
		le.PutUint64(p[160+16*i:], v[0])
		le.PutUint64(p[168+16*i:], v[1])
		if r.XCR0&bvAVX != 0 {
			le.PutUint64(p[ymmAt+16*i:], v[2])
			le.PutUint64(p[ymmAt+8+16*i:], v[3])
		}
	}
	p[xstateBV] |= bvX87 | bvSSE
	if r.XCR0&bvAVX != 0 {
		p[xstateBV] |= bvAVX
	}
}

// getXSAVE reads them.
func getXSAVE(p []byte, r *inspect.Registers) {
	le := binary.LittleEndian
	x := &r.X87
	r.MXCSR = le.Uint32(p[24:])
	*x = inspect.X87{FCW: 0x37f, FTW: 0xffff}
	if p[xstateBV]&bvX87 != 0 {
		x.FCW, x.FSW, x.FTW = le.Uint16(p[0:]), le.Uint16(p[2:]), fullTags(p[4])
		x.FOP, x.FIP, x.FDP = le.Uint16(p[6:]), le.Uint64(p[8:]), le.Uint64(p[16:])
		for i := range x.ST {
			x.ST[i] = float80(p[32+16*i:])
		}
	}
	for i := range 16 {
		v := &r.Vec[i]
		*v = [8]uint64{}
		if p[xstateBV]&bvSSE != 0 {
			v[0], v[1] = le.Uint64(p[160+16*i:]), le.Uint64(p[168+16*i:])
		}
		if p[xstateBV]&bvAVX != 0 {
			v[2], v[3] = le.Uint64(p[ymmAt+16*i:]), le.Uint64(p[ymmAt+8+16*i:])
		}
	}
}

// beyondAVX names a register that is set and has no place in what is moved here; "": none is.
func beyondAVX(r *inspect.Registers) string {
	for i, k := range r.K {
		if k != 0 {
			return fmt.Sprintf("k%d", i)
		}
	}
	for i, v := range r.Vec {
		if i >= 16 && v != ([8]uint64{}) || [4]uint64(v[4:]) != ([4]uint64{}) {
			return fmt.Sprintf("zmm%d", i)
		}
	}
	return ""
}
