package rows

import (
	"encoding/binary"
	"strings"

	"goemu/decoder"
)

// kindOf tells what the operands of a row are mostly.
func kindOf(row *decoder.Row) int {
	name := row.Op.String()
	switch {
	case row.Feature == decoder.FeatFPU || row.Feature == decoder.FeatCMOV && row.Op == decoder.FCMOVCC:
		return kind80
	case row.Feature < decoder.FeatMMX:
		return kindInt
	case strings.HasSuffix(name, "PS") || strings.HasSuffix(name, "SS"):
		return kind32
	case strings.HasSuffix(name, "PD") || strings.HasSuffix(name, "SD"):
		return kind64
	case strings.HasPrefix(name, "P") || strings.HasPrefix(name, "VP"):
		return kindBytes
	}
	return kindInt
}

// some gives kind most of the time.
func (r rng) some(kind int) int {
	if r.one(3) {
		return r.IntN(numKinds)
	}
	return kind
}

// Selectors that mean the same to Linux and to goemu's machine.
var selectors = []uint16{0, 1, 2, 3, 0x10, 0x18, 0x1b, userCS32, userDS, userCS64, 0x40, 0x50, ldtCS16, ldtDS16, ldtES16, ldtFS32, 0x2000, 0xfff7}

// state makes a state to run in from.
func (r rng) state(in *insn, mode decoder.Mode, template, c *record) {
	kind := kindOf(in.form.row)
	long := mode == decoder.Mode64
	*c = *template
	c.Err, c.Trap, c.CR2, c.WindowLen, c.Window = 0, 0, 0, 0, dataBase
	for i := range 16 {
		p := c.gpr(i)
		*p = r.value()
		if i == 4 || i != 1 && r.one(4) {
			*p = r.address(mode, 8)
		}
		if !long {
			*p = uint64(uint32(*p))
			if i >= 8 {
				*p = 0
			}
		}
	}
	if r.one(2) { // operands that are alike
		*c.gpr(r.IntN(8)) = *c.gpr(r.IntN(8))
	}
	c.Seg = [4]uint64{userDS, userDS, 0, 0}
	c.CS, c.SS = codeSelector(mode), userDS
	c.FSBase, c.GSBase = 0, 0
	switch mode {
	case decoder.Mode64:
		c.FSBase, c.GSBase = 0x100, 0x40
		if in.Op == decoder.WRFSBASE || in.Op == decoder.WRGSBASE || in.Op == decoder.RDFSBASE || in.Op == decoder.RDGSBASE {
			c.FSBase, c.GSBase = uint64(int64(r.value())<<17>>17), uint64(int64(r.value())<<17>>17)
		}
	case decoder.Mode32:
		c.Seg[2], c.FSBase = ldtFS32, dataBase
	case decoder.Mode16:
		c.Seg = [4]uint64{ldtDS16, ldtES16, ldtDS16, ldtDS16}
		c.SP &= 0xffff
		c.SS, c.FSBase, c.GSBase = ldtDS16, dataBase, dataBase
	}
	c.IP = in.rip
	c.Flags = 0x202 | uint64(r.Uint32()&0x8d5)
	if r.one(8) {
		c.Flags |= 0x400 // DF
	}
	if r.one(32) {
		c.Flags |= 1 << 18 // AC
	}
	r.statusWords(c)
	r.vectors(c, kind)
	r.registers(in, mode, c)
	r.window(in, mode, c, kind)
	r.special(in, c)
}

// statusWords sets the control and status words of x87 and SSE.
func (r rng) statusWords(c *record) {
	le := binary.LittleEndian
	fcw := uint16(0x7f) | [4]uint16{0x300, 0x300, 0x200, 0}[r.IntN(4)] | uint16(r.IntN(4))<<10
	if r.one(5) {
		fcw &^= uint16(r.IntN(64))
	}
	fsw := uint16(r.Uint32()) & 0x7f7f
	if !r.one(24) {
		fsw &= 0x7f40 | fcw&0x3f // nothing pending
	}
	if r.one(2) {
		fsw &= 0x4740
	}
	if fsw&^fcw&0x3f != 0 {
		fsw |= 0x8080
	} else {
		fsw &^= 0x8080
	}
	le.PutUint16(c.FP[0:], fcw)
	le.PutUint16(c.FP[2:], fsw)
	c.FP[4], c.FP[5] = byte(r.Uint32()|r.Uint32()|r.Uint32()), 0
	if r.one(2) {
		c.FP[4] = 0xff
	}
	mxcsr := uint32(0x1f80)
	if r.one(2) {
		mxcsr |= r.Uint32() & 0xe07f
	}
	if r.one(5) {
		mxcsr &^= r.Uint32() & 0x1f80
	}
	le.PutUint32(c.FP[24:], mxcsr)
	le.PutUint64(c.FP[512:], 7)
}

// images are register files made before, by kind.
var images [numKinds][64][832]byte

// vectors sets x87, MMX and vector registers. As making all of them costs more than running an instruction, most are taken
// from an image made before, of which a few registers change each time.
func (r rng) vectors(c *record, kind int) {
	p := &images[kind][r.IntN(len(images[kind]))]
	if p[512] == 0 || r.one(32) {
		r.vectorImage(p, kind)
		p[512] = 1
	}
	copy(c.FP[32:416], p[32:416])
	copy(c.FP[576:], p[576:])
	for range 3 {
		i := r.IntN(16)
		r.fill(c.FP[160+16*i:][:16], r.some(kind))
		if r.one(2) {
			r.fill(c.FP[576+16*i:][:16], r.some(kind))
		}
	}
	st := c.FP[32+16*r.IntN(8):][:10]
	if kind == kind80 || r.one(3) {
		r.float80(st)
	} else {
		r.fill(st[:8], r.some(kind))
	}
}

// vectorImage makes a register file.
func (r rng) vectorImage(c *[832]byte, kind int) {
	var b [10]byte
	for i := range 8 {
		p := c[32+16*i:][:10]
		if kind == kind80 || r.one(3) {
			r.float80(p)
		} else {
			r.fill(p, r.some(kind))
			p[8], p[9] = 0xff, 0xff
		}
	}
	if kind == kind80 && r.one(4) { // equal operands
		copy(b[:], c[32:])
		copy(c[32+16*r.IntN(8):], b[:])
	}
	all := r.some(kind)
	for i := range 16 {
		k := all
		if r.one(4) {
			k = r.some(kind)
		}
		r.fill(c[160+16*i:][:16], k)
		r.fill(c[576+16*i:][:16], k)
		if r.one(6) { // a small count
			binary.LittleEndian.PutUint64(c[160+16*i:], uint64(r.IntN(70)))
		}
	}
	if r.one(3) {
		from, to := r.IntN(16), r.IntN(16)
		copy(c[160+16*to:][:16], c[160+16*from:][:16])
		copy(c[576+16*to:][:16], c[576+16*from:][:16])
	}
}

// registers makes the address registers point to where the operand shall be.
func (r rng) registers(in *insn, mode decoder.Mode, c *record) {
	if in.hasMem() && in.target == 0 {
		mask := ^uint64(0) >> (64 - 8*uint(in.AddrSize))
		target := r.address(mode, in.memSize())
		switch {
		case in.isVSIB():
			for i := range 16 {
				for o := 0; o < 16; o += 4 {
					binary.LittleEndian.PutUint32(c.FP[160+16*i+o:], uint32(int32(r.IntN(256)-128))&^[2]uint32{0, 1 << 30}[r.IntN(2)])
					binary.LittleEndian.PutUint32(c.FP[576+16*i+o:], uint32(int32(r.IntN(256)-128)))
				}
				if in.form.row.Op == decoder.VPGATHERQQ || in.form.row.Op == decoder.VPGATHERQD || in.form.row.Op == decoder.VGATHERQPD || in.form.row.Op == decoder.VGATHERQPS {
					for o := 0; o < 16; o += 8 {
						binary.LittleEndian.PutUint64(c.FP[160+16*i+o:], uint64(int64(r.IntN(256)-128)))
						binary.LittleEndian.PutUint64(c.FP[576+16*i+o:], uint64(int64(r.IntN(256)-128)))
					}
				}
			}
			if v := in.Vvvv; v < 16 { // the mask
				r.fill(c.FP[160+16*int(v):][:16], kindInt)
				r.fill(c.FP[576+16*int(v):][:16], kindInt)
			}
			if in.Base < 16 {
				*c.gpr(int(in.Base)) = (target - uint64(in.Disp)) & mask
			}
		case in.Base < 16 && in.Index == in.Base:
			*c.gpr(int(in.Base)) = (target - uint64(in.Disp)) & mask / (1 + uint64(in.Scale))
		case in.Base < 16:
			off := uint64(0)
			if in.Index < 16 {
				p := c.gpr(int(in.Index))
				*p = uint64(int64(r.IntN(512)-256)) & mask
				off = *p * uint64(in.Scale)
			}
			*c.gpr(int(in.Base)) = (target - uint64(in.Disp) - off) & mask
		}
	} else if in.hasMem() && in.Index < 16 && !in.isVSIB() {
		*c.gpr(int(in.Index)) = uint64(r.IntN(64)) // added to a displacement that is an address
	}
	small := func(n int, v uint64) { *c.gpr(n) = v }
	switch in.Op {
	case decoder.XLAT:
		small(3, r.address(mode, 256))
	case decoder.MOVS, decoder.STOS, decoder.LODS, decoder.CMPS, decoder.SCAS, decoder.INS, decoder.OUTS:
		small(6, r.address(mode, 8))
		small(7, r.address(mode, 8)&^[2]uint64{0x1000, 0}[min(int(mode), 1)])
		small(1, uint64(r.IntN(24)))
	case decoder.MASKMOVQ, decoder.MASKMOVDQU, decoder.VMASKMOVDQU:
		c.DI = dataBase + 0x40 + uint64(r.IntN(dataRW-0x80)) // AMD's processors store a part before a fault
		if mode == decoder.Mode16 {
			c.DI -= dataBase
		}
		c.Flags &^= 1 << 18
	case decoder.LEAVE, decoder.ENTER:
		small(5, r.address(mode, 8))
	case decoder.DIV, decoder.IDIV:
		switch r.IntN(4) {
		case 0:
			small(2, 0)
			*c.gpr(0) &= 0xffff_ffff_ffff_00ff
		case 1:
			small(2, uint64(int64(*c.gpr(0))>>63))
		case 2:
			small(2, uint64(r.IntN(4)))
			*c.gpr(0) &= 0xffff_ffff_ffff_03ff
		}
	case decoder.BT, decoder.BTS, decoder.BTR, decoder.BTC:
		if in.NArgs > 1 && in.Args[1].Kind == decoder.KReg && in.hasMem() && !r.one(8) && in.Args[1].Reg != in.Base && in.Args[1].Reg != in.Index {
			small(int(in.Args[1].Reg), uint64(int64(r.IntN(1024)-512)))
		}
	case decoder.LOOP, decoder.LOOPE, decoder.LOOPNE, decoder.JCXZ:
		if r.one(2) {
			*c.gpr(1) &= [4]uint64{0, 1, 0xffff0000, 0xffffffff00000000}[r.IntN(4)]
		}
	case decoder.JMP, decoder.CALL:
		if in.Args[0].Kind == decoder.KReg && (mode == decoder.Mode16 || !r.one(6)) { // small numbers are code in 16-bit mode: circles would not end
			small(int(in.Args[0].Reg), in.rip+uint64(in.Len)+uint64(r.IntN(8)))
		}
	case decoder.MOV, decoder.LAR, decoder.LSL, decoder.VERR, decoder.VERW, decoder.ARPL:
		k := 1
		if in.Op == decoder.VERR || in.Op == decoder.VERW {
			k = 0
		}
		if a := in.Args[k]; a.Kind == decoder.KReg && a.Reg < 16 && (in.Op != decoder.MOV || in.Args[0].Kind == decoder.KSeg) {
			small(int(a.Reg), *c.gpr(int(a.Reg))&^0xffff|uint64(selectors[r.IntN(len(selectors))]))
		}
	}
	if mode != decoder.Mode64 {
		for i := range 8 {
			*c.gpr(i) = uint64(uint32(*c.gpr(i)))
		}
	}
	if mode == decoder.Mode16 {
		c.SP &= 0xffff
	}
}

// ea is the linear address of the memory operand.
func (in *insn) ea(c *record) uint64 {
	a := uint64(in.Disp)
	switch {
	case in.Base == decoder.RIPReg:
		a += in.rip + uint64(in.Len)
	case in.Base < 16:
		a += *c.gpr(int(in.Base))
	}
	if in.Index < 16 && !in.isVSIB() {
		a += *c.gpr(int(in.Index)) * uint64(in.Scale)
	}
	a &= ^uint64(0) >> (64 - 8*uint(in.AddrSize))
	switch in.Seg {
	case decoder.SegFS:
		a += c.FSBase
	case decoder.SegGS:
		a += c.GSBase
	default:
		if in.Mode == decoder.Mode16 {
			a += [4]uint64{dataBase + 0x1000, codeBase, dataBase, dataBase}[in.Seg]
		}
	}
	if in.Mode != decoder.Mode64 {
		a &= 0xffffffff
	}
	return a
}

// window chooses the memory that belongs to the case and fills it.
func (r rng) window(in *insn, mode decoder.Mode, c *record, kind int) {
	var at uint64
	n := in.memSize()
	switch {
	case in.hasMem():
		at = in.ea(c)
		switch in.Op {
		case decoder.BT, decoder.BTS, decoder.BTR, decoder.BTC:
			n = 8
		}
	case in.StackOp:
		at, n = c.SP, 64
		if mode == decoder.Mode16 {
			at = at&0xffff + dataBase
		}
	case in.Op == decoder.MASKMOVQ || in.Op == decoder.MASKMOVDQU:
		at, n = c.DI, 16
	default:
		return
	}
	n = min(n, windowMax)
	if at < dataBase || at >= dataBase+dataRW {
		return
	}
	c.Window, c.WindowLen = at, min(uint64(n), dataBase+dataRW-at)
	r.fill(c.Mem[:c.WindowLen], r.some(kind))
}

// special prepares memory that must be more than numbers.
func (r rng) special(in *insn, c *record) {
	m := c.Mem[:c.WindowLen]
	le := binary.LittleEndian
	switch in.Op {
	case decoder.CMPXCHG, decoder.CMPXCHG8B, decoder.CMPXCHG16B:
		if r.one(2) && len(m) >= 16 {
			le.PutUint64(m, c.AX)
			le.PutUint64(m[8:], c.DX)
			if in.Op == decoder.CMPXCHG8B {
				le.PutUint32(m[4:], uint32(c.DX))
			}
		} else if r.one(2) && len(m) > 0 {
			var b [8]byte
			le.PutUint64(b[:], c.AX)
			copy(m, b[:])
			if len(m) == 8 && in.Op == decoder.CMPXCHG8B {
				le.PutUint32(m[4:], uint32(c.DX))
			}
		}
	case decoder.RET, decoder.JMP, decoder.CALL:
		if in.Mode == decoder.Mode16 || !r.one(6) {
			var b [8]byte
			le.PutUint64(b[:], in.rip+uint64(in.Len)+uint64(r.IntN(8)))
			copy(m, b[:])
		}
	case decoder.POP, decoder.MOV, decoder.LAR, decoder.LSL, decoder.VERR, decoder.VERW:
		if (in.Op != decoder.MOV && in.Op != decoder.POP || in.Args[0].Kind == decoder.KSeg) && len(m) >= 2 {
			le.PutUint16(m, selectors[r.IntN(len(selectors))])
		}
	case decoder.LDS, decoder.LES, decoder.LFS, decoder.LGS, decoder.LSS:
		if len(m) >= 4 {
			le.PutUint16(m[len(m)-2:], selectors[r.IntN(len(selectors))])
		}
	case decoder.LDMXCSR, decoder.VLDMXCSR:
		if !r.one(4) && len(m) == 4 {
			le.PutUint32(m, r.Uint32()&0xffbf|0x1f80&^(uint32(r.IntN(2))*r.Uint32()))
		}
	case decoder.DIV, decoder.IDIV:
		if r.one(16) {
			clear(m)
		}
	case decoder.BOUND:
		if r.one(2) {
			clear(m[:len(m)/2])
		}
	}
}
