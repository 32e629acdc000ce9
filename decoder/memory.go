package decoder

// forms16 is the base and index of 16-bit addressing by ModRM.rm (SDM vol. 2A table 2-1).
var forms16 = [8][2]uint8{{3, 6}, {3, 7}, {5, 6}, {5, 7}, {6, NoReg}, {7, NoReg}, {5, NoReg}, {3, NoReg}}

// memory reads the SIB byte and displacement, and fills the memory operand. It gives false at the end of code.
func (s *state) memory(out *Inst, f *form, seg uint8) bool {
	mod, rm := out.ModRM>>6, out.ModRM&7
	stack := false // the base is SP or BP
	dispSize := mod
	if mod == 2 {
		dispSize = 4
	}
	if out.AddrSize == 2 {
		if mod == 2 {
			dispSize = 2
		}
		out.Base, out.Index = forms16[rm][0], forms16[rm][1]
		if mod == 0 && rm == 6 {
			out.Base = NoReg
			dispSize = 2
		} else {
			stack = out.Base == 5
		}
	} else {
		base := rm
		if rm == 4 {
			if s.pos >= len(s.code) {
				return false
			}
			sib := s.code[s.pos]
			s.pos++
			base = sib & 7
			out.Scale = 1 << (sib >> 6)
			index := sib>>3&7 | s.idxX
			switch {
			case f.vsib:
				if s.evex {
					index |= s.vvvv & 0x10
				}
				out.Index = index
			case index != 4:
				out.Index = index
			}
		}
		switch {
		case base != 5 || mod != 0:
			stack = base|s.baseB == 4 || base|s.baseB == 5
			out.Base = base | s.baseB
		case rm == 5 && out.Mode == Mode64:
			out.Base = RIPReg
			dispSize = 4
		default:
			dispSize = 4
		}
	}
	if stack && seg == NoReg {
		out.Seg = SegSS
	}
	if dispSize != 0 {
		if s.pos+int(dispSize) > len(s.code) {
			return false
		}
		if dispSize == 1 {
			out.Disp = int64(int8(s.code[s.pos]))
			s.pos++
		} else {
			out.Disp = s.word(dispSize)
		}
		s.dispN = dispSize
	}
	return true
}
