package x86

import (
	"crypto/rand"
	"encoding/binary"

	"goemu/decoder"
	"goemu/tcg"
)

var randomOps = map[decoder.Op]handler{
	decoder.RDRAND: sysRDRAND,
	decoder.RDSEED: sysRDRAND,
}

// entropy hands out the host's random numbers from a buffer, as asking for each takes long.
type entropy struct {
	buf  [512]byte
	left int
}

// next gives 64 random bits.
func (e *entropy) next() uint64 {
	if e.left == 0 {
		// It does not return errors (crypto/rand).
		_, _ = rand.Read(e.buf[:])
		e.left = len(e.buf)
	}
	p := e.buf[len(e.buf)-e.left:][:8]
	e.left -= 8
	v := binary.LittleEndian.Uint64(p)
	clear(p)
	return v
}

// sysRDRAND is RDRAND and RDSEED, which always have a number: C set, the other arithmetic flags clear.
func sysRDRAND(c *CPU, i *tcg.SysInst) bool {
	v := uint64(0)
	if c.opt.Random != nil {
		v = c.opt.Random()
	} else {
		v = c.entropy.next()
	}
	c.setReg(i.Args[0].Reg, argSize(i, 0), v)
	c.setCC(flagCF)
	return true
}
