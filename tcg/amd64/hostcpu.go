//go:build linux && amd64

package amd64

import "goemu/tcg"

//go:noescape
func cpuid(leaf, sub uint32) (a, b, c, d uint32)

// feature is a set of what the host's processor has beyond amd64's base.
type feature uint32

const (
	hasSSE3 feature = 1 << iota
	hasSSSE3
	hasSSE41
	hasSSE42
	hasPOPCNT
	hasAES
	hasPCLMUL
	hasSHA
	hasBMI1
	hasBMI2
	hasLZCNT
	hasADX
	hasAVX
	hasAVX2
	hasFMA
	hasF16C
	hasVAES
	hasVPCLMUL
	hasGFNI
)

// xgetbv reads the low half of XCR0.
func xgetbv() (lo uint32)

// host is what this processor has.
var host = probe()

// probe reads CPUID (SDM vol. 2, CPUID; AMD vol. 3 appendix E for LZCNT).
func probe() feature {
	var f feature
	set := func(reg uint32, bit int, x feature) {
		if reg>>bit&1 != 0 {
			f |= x
		}
	}
	top, _, _, _ := cpuid(0, 0)
	_, _, c, _ := cpuid(1, 0)
	set(c, 0, hasSSE3)
	set(c, 1, hasPCLMUL)
	set(c, 9, hasSSSE3)
	set(c, 19, hasSSE41)
	set(c, 20, hasSSE42)
	set(c, 23, hasPOPCNT)
	set(c, 25, hasAES)
	vex := c>>27&1 != 0 && xgetbv()&6 == 6 // the operating system keeps the YMM registers
	if vex {
		set(c, 12, hasFMA)
		set(c, 28, hasAVX)
		set(c, 29, hasF16C)
	}
	if top >= 7 {
		_, b, c, _ := cpuid(7, 0)
		if vex {
			set(b, 5, hasAVX2)
			set(c, 9, hasVAES)
			set(c, 10, hasVPCLMUL)
		}
		set(c, 8, hasGFNI)
		set(b, 3, hasBMI1)
		set(b, 8, hasBMI2)
		set(b, 19, hasADX)
		set(b, 29, hasSHA)
	}
	if ext, _, _, _ := cpuid(0x8000_0000, 0); ext >= 0x8000_0001 {
		_, _, c, _ := cpuid(0x8000_0001, 0)
		set(c, 5, hasLZCNT)
	}
	return f
}

// implicitUse is what an SSE4.2 string comparison uses beside its operands.
type implicitUse uint8

const (
	implNone    implicitUse = iota
	implIndex               // ECX (or XMM0) is written
	implLengths             // EAX and EDX are read too
)

// hostVec tells whether the host can run the instruction of encoding e in our stead.
func hostVec(e tcg.Enc) (ok bool, impl implicitUse) {
	if e.Vex != tcg.VexNone {
		return false, implNone
	}
	need := feature(0)
	switch op := e.Opcode; e.Map {
	case 1:
		switch {
		case op == 0xae || op == 0xf7 || op == 0xc7 || op < 0x10 || op == 0x78 || op == 0x79 || op == 0xb8:
			return false, implNone // LDMXCSR and the like; MASKMOVQ, whose operand is not named
		case op == 0x7c || op == 0x7d || op == 0xd0 || op == 0xf0, op == 0x12 && e.PP >= 0xf2, op == 0x16 && e.PP >= 0xf2:
			need = hasSSE3
		}
	case 2:
		switch {
		case op <= 0x0b || op >= 0x1c && op <= 0x1e:
			need = hasSSSE3
		case op >= 0xdb && op <= 0xdf:
			need = hasAES
		case op >= 0xc8 && op <= 0xcd:
			need = hasSHA
		case op == 0xcf:
			need = hasGFNI
		case op == 0x37, e.PP == 0xf2 && (op == 0xf0 || op == 0xf1):
			need = hasSSE42
		case op >= 0x10 && op <= 0x41:
			need = hasSSE41
		default:
			return false, implNone
		}
	case 3:
		switch {
		case op == 0x0f:
			need = hasSSSE3
		case op == 0x44:
			need = hasPCLMUL
		case op == 0xdf:
			need = hasAES
		case op == 0xcc:
			need = hasSHA
		case op == 0xce || op == 0xcf:
			need = hasGFNI
		case op >= 0x60 && op <= 0x63:
			need, impl = hasSSE42, implIndex
			if op <= 0x61 {
				impl = implLengths
			}
		case op >= 0x08 && op <= 0x42:
			need = hasSSE41
		default:
			return false, implNone
		}
	default:
		return false, implNone
	}
	return host&need == need, impl
}

// usesMXCSR tells whether an instruction that may have no XMM operand still uses the SSE control register:
// CVTPI2PS, CVTPS2PI, CVTTPS2PI, CVTSS2SI, CVTTSS2SI and their double kin.
func usesMXCSR(e tcg.Enc) bool {
	return e.Map == 1 && e.Opcode >= 0x2a && e.Opcode <= 0x2d
}

// gprStore tells whether the instruction writes the general register in ModRM.rm.
func gprStore(e tcg.Enc) bool {
	return e.Map == 1 && e.Opcode == 0x7e || e.Map == 3 && e.Opcode >= 0x14 && e.Opcode <= 0x17
}

// unaligned tells whether the instruction takes a misaligned 16-byte memory operand: MOVUPS, MOVUPD, MOVDQU, LDDQU and the
// string comparisons of SSE4.2 (SDM vol. 1, 4.1.1).
func unaligned(e tcg.Enc) bool {
	switch e.Map {
	case 1:
		switch e.Opcode {
		case 0x10, 0x11:
			return true
		case 0x6f, 0x7f:
			return e.PP == 0xf3
		case 0xf0:
			return e.PP == 0xf2
		}
	case 3:
		return e.Opcode >= 0x60 && e.Opcode <= 0x63
	}
	return false
}
