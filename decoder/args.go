package decoder

// vecKind is the kind of a vector register that holds n bytes.
func vecKind(n uint8) Kind {
	switch {
	case n <= 16:
		return KXMM
	case n == 32:
		return KYMM
	}
	return KZMM
}

// operands fills out.Args and reads the immediates. It sets bad where an operand's encoding is undefined.
func (s *state) operands(out *Inst, f *form, osz uint8, bad *bool) {
	out.NArgs = f.nargs
	imms := 0
	for i := 0; i < int(f.nargs) && i < len(f.args); i++ {
		// The two most frequent operands are done here.
		if o := &f.args[i]; o.sz < szX && (o.cl == clG && s.regHi <= 8 || o.cl == clE && s.isReg) {
			a, n := &out.Args[i], out.ModRM>>3&7|s.regHi
			a.Size = sizes[o.sz][(osz-1)&3]
			if o.cl == clE {
				n = out.ModRM&7 | s.baseB
				a.Size = sizes[o.rsz][(osz-1)&3]
			}
			gpr(a, n, out)
			continue
		}
		s.operand(out, f, &f.args[i], &out.Args[i], osz, &imms, bad)
	}
}

// size gives a size of the table in bytes.
func size(r rule, osz, veclen uint8) uint8 {
	if r >= szX {
		return sizes[r][veclen&3]
	}
	return sizes[r][(osz-1)&3]
}

func (s *state) operand(out *Inst, f *form, o *operand, a *Arg, osz uint8, imms *int, bad *bool) {
	reg := out.ModRM >> 3 & 7
	switch o.cl {
	case clE, clQ, clW, clKE, clM, clVM:
		if !s.isReg {
			s.memArg(out, f, o, a, osz, bad)
			return
		}
		a.Size = size(o.rsz, osz, out.VecLen)
		rm := out.ModRM & 7
		switch o.cl {
		case clE:
			gpr(a, rm|s.baseB, out)
		case clW:
			a.Kind, a.Reg = vecKind(a.Size), rm|s.rmHi
		case clQ:
			a.Kind, a.Reg = KMMX, rm
		default:
			a.Kind, a.Reg = KMask, rm
		}
	case clG:
		a.Size = size(o.sz, osz, out.VecLen)
		gpr(a, reg|s.regHi, out)
		if s.regHi > 8 {
			*bad = true
		}
	case clAddr:
		a.Kind, a.Size, a.Reg = KReg, out.AddrSize, reg|s.regHi
	case clZ:
		a.Size = size(o.sz, osz, 0)
		gpr(a, out.Opcode&7|s.baseB, out)
	case clB:
		a.Kind, a.Size, a.Reg = KReg, size(o.sz, osz, 0), s.vvvv
	case clV:
		a.Size = size(o.sz, osz, out.VecLen)
		a.Kind, a.Reg = vecKind(a.Size), reg|s.regHi
	case clH:
		a.Size = size(o.sz, osz, out.VecLen)
		a.Kind, a.Reg = vecKind(a.Size), s.vvvv
	case clP:
		a.Kind, a.Size, a.Reg = KMMX, 8, reg
	case clA:
		a.Kind, a.Size = KReg, size(o.sz, osz, 0)
	case clCL:
		a.Kind, a.Size, a.Reg = KReg, 1, 1
	case clDX:
		a.Kind, a.Size, a.Reg = KReg, 2, 2
	case clI:
		a.Kind, a.Size = KImm, size(o.sz, osz, 0)
		v := int64(s.u8())
		if a.Size == 2 {
			v |= int64(s.u8()) << 8
		}
		if *imms++; *imms == 2 {
			a.Kind, out.Imm2 = KImm2, uint16(v)
		} else {
			out.Imm = v
		}
	case clIs:
		a.Kind, a.Size = KImm, size(o.sz, osz, 0)
		out.Imm = s.word(a.Size)
		*imms = 1
	case clI1:
		a.Kind, a.Size, out.Imm = KImm, 1, 1
	case clJ:
		a.Kind, a.Size = KRel, size(o.sz, osz, 0)
		out.Imm = s.word(a.Size)
	case clAp:
		a.Kind, a.Size = KFar, size(o.sz, osz, 0)
		if a.Size == 4 {
			out.Imm = int64(s.u16())
		} else {
			out.Imm = int64(s.u32())
		}
		out.Imm2 = s.u16()
	case clO:
		a.Kind, a.Size = KMoffs, size(o.sz, osz, 0)
		switch out.AddrSize {
		case 2:
			out.Disp = int64(s.u16())
		case 4:
			out.Disp = int64(s.u32())
		default:
			out.Disp = int64(s.u64())
		}
	default:
		s.rareOperand(out, o, a, osz, bad)
	}
}

// rareOperand goes on with operand for those that are seldom met.
func (s *state) rareOperand(out *Inst, o *operand, a *Arg, osz uint8, bad *bool) {
	reg := out.ModRM >> 3 & 7
	a.Size = size(o.sz, osz, out.VecLen)
	switch o.cl {
	case clSreg:
		a.Kind, a.Reg = KSeg, reg
		if reg > SegGS || reg == SegCS && out.Opcode == 0x8E {
			*bad = true
		}
	case clSegFix:
		a.Kind, a.Reg = KSeg, o.reg
	case clCR:
		a.Kind, a.Reg = KCR, reg|s.regHi
		if 1<<a.Reg&0x11D == 0 { // 0, 2, 3, 4, 8
			*bad = true
		}
	case clDR:
		a.Kind, a.Reg = KDR, reg|s.regHi
		if s.regHi != 0 {
			*bad = true
		}
	case clST0:
		a.Kind = KST
	case clSTi:
		a.Kind, a.Reg = KST, out.ModRM&7
	case clL:
		a.Kind, a.Reg = vecKind(a.Size), s.u8()>>4
		if out.Mode != Mode64 {
			a.Reg &= 7
		}
	case clXMM0:
		a.Kind = KXMM
	case clKG:
		a.Kind, a.Reg = KMask, reg
		if s.regHi != 0 {
			*bad = true
		}
	case clKH:
		a.Kind, a.Reg = KMask, s.vvvv
		if s.vvvv > 7 {
			*bad = true
		}
	}
}

// gpr fills a general register of a.Size bytes.
func gpr(a *Arg, n uint8, out *Inst) {
	a.Kind, a.Reg = KReg, n
	if a.Size == 1 && n >= 4 && n < 8 && out.Prefix&PrefixRex == 0 {
		a.Reg = n + 12 // AH, CH, DH, BH
	}
}

// memArg fills the memory operand.
func (s *state) memArg(out *Inst, f *form, o *operand, a *Arg, osz uint8, bad *bool) {
	a.Kind, a.Size = KMem, size(o.sz, osz, out.VecLen)
	if out.Bcast != 0 {
		a.Size = f.bcast
	}
	if s.evex && s.dispN == 1 { // disp8*N, SDM vol. 2A 2.7.5
		n := a.Size
		if f.disp8n != 0 {
			n = f.disp8n
		}
		out.Disp *= int64(n)
	}
	if o.cl != clVM {
		return
	}
	out.VSIB = vecKind(size(o.rsz, osz, out.VecLen))
	reg := out.ModRM>>3&7 | s.regHi
	switch {
	case out.AddrSize == 2 || out.ModRM&7 != 4: // a SIB byte is required
		*bad = true
	case f.args[0].cl == clVM: // scatter
	case reg == out.Index:
		*bad = true
	case !s.evex:
		if s.vvvv == reg || s.vvvv == out.Index {
			*bad = true
		}
	}
}
