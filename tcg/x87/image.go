package x87

import (
	"encoding/binary"

	"goemu/tcg/softfloat"
)

// Offsets in the FNSAVE image (SDM vol. 1 figure 8-9 and section 8.1.10).
const (
	offCW  = 0
	offSW  = 4
	offTW  = 8
	offFIP = 12
	offFCS = 16 // and FOP in the upper half
	offFDP = 20
	offFDS = 24
	offST  = 28

	// ImageSize is the size of the image in bytes.
	ImageSize = 108
)

// Status word bits (SDM vol. 1 8.1.3).
const (
	swSF  = 1 << 6 // stack fault
	swES  = 1 << 7 // exception summary
	swC0  = 1 << 8
	swC1  = 1 << 9
	swC2  = 1 << 10
	swC3  = 1 << 14
	swB   = 1 << 15
	swCC  = swC0 | swC1 | swC2 | swC3
	swTop = 7 << 11
)

// Tags of the tag word (SDM vol. 1 8.1.7).
const (
	tagValid = iota
	tagZero
	tagSpecial
	tagEmpty
)

// Image is the x87 state: the FNSAVE image in Env.X87. Its tag word is kept as
// FNSAVE would write it, so each tag says what the register holds.
type Image [128]byte

func (m *Image) get16(off int) uint16    { return binary.LittleEndian.Uint16(m[off:]) }
func (m *Image) put16(off int, v uint16) { binary.LittleEndian.PutUint16(m[off:], v) }

func (m *Image) cw() uint16 { return m.get16(offCW) }
func (m *Image) sw() uint16 { return m.get16(offSW) }
func (m *Image) tw() uint16 { return m.get16(offTW) }

func (m *Image) top() uint { return uint(m.get16(offSW)) >> 11 & 7 }

// st reads ST(i).
func (m *Image) st(i uint) softfloat.F80 {
	o := offST + 10*(i&7)
	return softfloat.F80{SE: binary.LittleEndian.Uint16(m[o+8:]), Sig: binary.LittleEndian.Uint64(m[o:])}
}

// put writes ST(i) without its tag.
func (m *Image) put(i uint, v softfloat.F80) {
	o := offST + 10*(i&7)
	binary.LittleEndian.PutUint64(m[o:], v.Sig)
	binary.LittleEndian.PutUint16(m[o+8:], v.SE)
}

// setST writes ST(i) and its tag.
func (m *Image) setST(i uint, v softfloat.F80) {
	m.put(i, v)
	m.setTag(i, tagOf(v))
}

func (m *Image) setTag(i uint, tag uint16) {
	s := (m.top() + i) & 7 * 2
	m.put16(offTW, m.tw()&^(3<<s)|tag<<s)
}

// empty tells whether ST(i) is empty.
func (m *Image) empty(i uint) bool { return m.tw()>>((m.top()+i)&7*2)&3 == tagEmpty }

// tagOf is the tag FNSAVE gives a register that holds v.
func tagOf(v softfloat.F80) uint16 {
	switch e := v.SE & 0x7fff; {
	case e == 0 && v.Sig == 0:
		return tagZero
	case e == 0 || e == 0x7fff || v.Sig>>63 == 0:
		return tagSpecial
	}
	return tagValid
}

// setTop changes TOP and moves the registers so that each keeps its physical place.
func (m *Image) setTop(t uint) {
	old := m.top()
	t &= 7
	m.put16(offSW, m.sw()&^swTop|uint16(t)<<11)
	d := int((t - old) & 7) // new ST(0) is the old ST(d)
	switch d {
	case 0:
	case 1: // pop
		var s [10]byte
		copy(s[:], m[offST:offST+10])
		copy(m[offST:], m[offST+10:offST+80])
		copy(m[offST+70:], s[:])
	case 7: // push
		var s [10]byte
		copy(s[:], m[offST+70:offST+80])
		copy(m[offST+10:offST+80], m[offST:offST+70])
		copy(m[offST:], s[:])
	default:
		var s [160]byte
		copy(s[:], m[offST:offST+80])
		copy(s[80:], m[offST:offST+80])
		copy(m[offST:offST+80], s[10*d:])
	}
}

// retag sets all non-empty tags by what the registers hold.
func (m *Image) retag() {
	tw, top := m.tw(), m.top()
	for i := uint(0); i < 8; i++ {
		s := (top + i) & 7 * 2
		if tw>>s&3 != tagEmpty {
			tw = tw&^(3<<s) | tagOf(m.st(i))<<s
		}
	}
	m.put16(offTW, tw)
}

// Init puts the state FNINIT leaves into the image: CW 037F, all registers empty.
// Reserved halves of the first three words are ones, as FNSAVE writes them.
func Init(x *[128]byte) {
	m := (*Image)(x)
	m.setTop(0)
	for i, v := range [...]uint16{0x37f, 0xffff, 0, 0xffff, 0xffff, 0xffff} {
		m.put16(2*i, v)
	}
	m.clearPointers()
}

func (m *Image) clearPointers() { clear(m[offFIP:offST]) }

// Retag brings the tag word into the form this package keeps, after an image
// was loaded by FRSTOR or FLDENV: only empty and not empty count in what was loaded.
func Retag(x *[128]byte) { (*Image)(x).retag() }

// EnterMMX does what every MMX instruction but EMMS does to the x87 state: TOP
// becomes 0 and no register is empty (SDM vol. 1 9.5.1).
func EnterMMX(x *[128]byte) {
	m := (*Image)(x)
	if m.sw()&swTop != 0 {
		m.setTop(0)
	}
	tw := m.tw()
	if tw&(tw>>1)&0x5555 == 0 {
		return
	}
	m.put16(offTW, 0)
	m.retag()
}

// EmptyMMX is EMMS: all registers become empty.
func EmptyMMX(x *[128]byte) {
	m := (*Image)(x)
	m.setTop(0)
	m.put16(offTW, 0xffff)
}

// ReadMMX gives MMX register n. EnterMMX must have been called.
func ReadMMX(x *[128]byte, n uint8) uint64 {
	return binary.LittleEndian.Uint64(x[offST+10*int(n&7):])
}

// WriteMMX sets MMX register n. EnterMMX must have been called.
func WriteMMX(x *[128]byte, n uint8, v uint64) {
	(*Image)(x).setST(uint(n), softfloat.F80{SE: 0xffff, Sig: v})
}
