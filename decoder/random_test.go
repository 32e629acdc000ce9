package decoder

import (
	"math/rand/v2"
	"testing"

	"goemu/tests/seed"
)

func newRand(t *testing.T) *rand.Rand { return rand.New(rand.NewPCG(seed.Of(t), 1)) }

// randomCode makes 15 bytes that look like an instruction.
func randomCode(r *rand.Rand, mode Mode) []byte {
	legacy := []byte{0x66, 0x66, 0xF2, 0xF3, 0x2E, 0x3E, 0x64, 0x67, 0xF0}
	var c []byte
	for r.IntN(3) == 0 {
		c = append(c, legacy[r.IntN(len(legacy))])
	}
	if mode == Mode64 && r.IntN(2) == 0 {
		c = append(c, 0x40|byte(r.IntN(16)))
	}
	b := func() byte { return byte(r.Uint32()) }
	switch r.IntN(8) {
	case 0, 1:
		c = append(c, 0x0F)
	case 2:
		c = append(c, 0x0F, 0x38|b()&2)
	case 3:
		if r.IntN(8) != 0 {
			c = nil
		}
		if r.IntN(2) == 0 {
			c = append(c, 0xC5, b()|0xC0)
		} else {
			c = append(c, 0xC4, b()&0x23|0xC1, b())
		}
		if r.IntN(2) == 0 { // vvvv unused
			c[len(c)-1] |= 0x78
		}
	}
	for len(c) < MaxLen {
		c = append(c, b())
	}
	if r.IntN(3) == 0 { // keep displacements small, so that memory operands hit
		for i := len(c) - 8; i < len(c); i++ {
			c[i] = 0
		}
	}
	return c[:MaxLen]
}

// randomEVEX makes 15 bytes that begin with an EVEX prefix.
func randomEVEX(r *rand.Rand, mode Mode) []byte {
	c := make([]byte, MaxLen)
	for i := range c {
		c[i] = byte(r.Uint32())
	}
	c[0] = 0x62
	c[1] = c[1]&0xF0 | 1 + byte(r.IntN(3))
	if mode != Mode64 {
		c[1] |= 0xC0
	}
	c[2] |= 4
	if r.IntN(2) == 0 {
		c[3] &= 0x68
	}
	if r.IntN(2) == 0 {
		c[2] |= 0x78
		c[3] |= 8
	}
	return c
}
