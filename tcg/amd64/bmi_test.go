//go:build linux && amd64

package amd64

import (
	"math/rand/v2"
	"testing"

	"goemu/tcg"
	"goemu/tests/seed"
)

// bmiUnit makes an op of BMI or ADX, often of a temporary.
func bmiUnit(g *blockMaker) {
	o := tcg.Op{W: g.width(tcg.W32), SetF: g.setF()}
	o.Code = tcg.Andn + tcg.Opcode(g.IntN(int(tcg.Adox-tcg.Andn)+1))
	o.Dst, o.A, o.B = g.dst(o.W), g.reg(o.W), g.reg(o.W)
	if o.Code >= tcg.Blsi && o.Code <= tcg.Blsr {
		o.B = tcg.None
	} else if g.IntN(3) == 0 {
		t := g.temp()
		g.load(o.W, t)
		o.B = t
	}
	o.SetF = o.SetF && (o.Code < tcg.Pdep || o.Code > tcg.Mulh)
	if g.flags(&o, tcg.RefImm) {
		g.add(o)
	}
}

// Ops of BMI and ADX do the same whether the host has the instructions or not.
func TestBMIOnOldHosts(t *testing.T) {
	all := host
	defer func() { host = all }()
	for _, lacks := range []feature{0, hasBMI2, hasADX, hasBMI1 | hasBMI2 | hasADX} {
		host = all &^ lacks
		d := newDuo(t, Options{ArenaBytes: 16 << 20})
		g := &blockMaker{Rand: rand.New(rand.NewPCG(seed.Of(t), uint64(lacks))), mode: tcg.ModeCode64, unit: bmiUnit}
		for i := range 1500 {
			b := g.make(uint32(i), 1+g.IntN(6))
			d.randomise(g.Rand)
			d.compare(b, g.undef)
			if i%512 == 0 {
				d.e.Reset()
			}
		}
	}
}
