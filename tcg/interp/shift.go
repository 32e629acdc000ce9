package interp

import "goemu/tcg"

func mask(w tcg.Width) uint64 { return ^uint64(0) >> uint(64-w.Bits()) }

// signed sign-extends the low w bits of v.
func signed(v uint64, w tcg.Width) int64 {
	sh := uint(64 - w.Bits())
	return int64(v<<sh) >> sh
}

// count masks a shift count as the processor does.
func count(w tcg.Width, n uint64) uint {
	if w == tcg.W64 {
		return uint(n & 63)
	}
	return uint(n & 31)
}

// shift computes the shifts and rotates of one operand by b. See undefined.go for O and A.
func shift(code tcg.Opcode, w tcg.Width, a, b uint64, cc uint32) (uint64, uint32) {
	n := count(w, b)
	if n == 0 {
		return a, cc
	}
	bits := uint(w.Bits())
	a &= mask(w)
	var r, c uint64
	left := false
	switch code {
	case tcg.Shl:
		r, left = a<<n, true
		if n <= bits {
			c = a >> (bits - n) & 1
		}
	case tcg.Shr:
		r, c = a>>n, a>>(n-1)&1
	case tcg.Sar:
		s := signed(a, w)
		r, c = uint64(s>>n), uint64(s>>(n-1))&1
	default:
		return rotate(code, w, a, n, cc)
	}
	sh := 64 - bits
	top := r << sh
	o := top ^ top<<1
	if left {
		o = top ^ c<<63
	}
	return r, pzs(r, sh) | uint32(c)<<8 | tcg.CCA | uint32(o>>63)
}

// rotate computes the rotates of a by n, which is not 0.
func rotate(code tcg.Opcode, w tcg.Width, a uint64, n uint, cc uint32) (r uint64, ncc uint32) {
	bits := uint(w.Bits())
	c := uint64(cc >> 8 & 1)
	left := false
	switch code {
	case tcg.Rol:
		left = true
		k := n % bits
		r = a<<k | a>>(bits-k)
		c = r & 1
	case tcg.Ror:
		k := n % bits
		r = a>>k | a<<(bits-k)
		c = r >> (bits - 1) & 1
	case tcg.Rcl:
		left = true
		r = a
		if k := n % (bits + 1); k != 0 {
			r = a<<k | c<<(k-1) | a>>(bits-k)>>1
			c = a >> (bits - k) & 1
		}
	default:
		r = a
		if k := n % (bits + 1); k != 0 {
			r = a>>k | c<<(bits-k) | a<<(bits-k)<<1
			c = a >> (k - 1) & 1
		}
	}
	top := r << (64 - bits)
	o := top ^ top<<1
	if left {
		o = top ^ c<<63
	}
	return r, cc&^(tcg.CCC|tcg.CCO) | uint32(c)<<8 | uint32(o>>63)
}

// double computes SHLD and SHRD of a by b, filled from f.
func double(code tcg.Opcode, w tcg.Width, a, f, b uint64, cc uint32) (uint64, uint32) {
	n := count(w, b)
	if n == 0 {
		return a, cc
	}
	bits := uint(w.Bits())
	a, f = a&mask(w), f&mask(w)
	over := n > bits
	if over { // 16 bits only
		a = f
		n -= bits
	}
	var r, c, o uint64
	if code == tcg.Shld {
		r = a<<n | f>>(bits-n)
		c = a >> (bits - n) & 1
	} else {
		r = a>>n | f<<(bits-n)
		c = a >> (n - 1) & 1
	}
	if over {
		c = 0
	}
	sh := 64 - bits
	top := r << sh
	o = top ^ top<<1
	switch {
	case code == tcg.Shld && n+sh >= 64: // by 16 of 16 bits
		o = c << 63
	case code == tcg.Shld && over:
		o = 0
	case code == tcg.Shld:
		o = top ^ c<<63
	}
	return r, pzs(r, sh) | uint32(c)<<8 | tcg.CCA | uint32(o>>63)
}
