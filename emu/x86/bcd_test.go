package x86

import (
	_ "embed"
	"encoding/binary"
	"testing"
)

// bcdGolden was recorded on a real processor: see testdata/bcd.asm.
//
//go:embed testdata/bcd.golden
var bcdGolden []byte

// Flags that DAA and DAS, AAA and AAS define (SDM vol. 1 appendix A).
const (
	decimalDefined = flagCF | flagAF | flagSF | flagZF | flagPF
	asciiDefined   = flagCF | flagAF
)

func TestBCDAgainstSilicon(t *testing.T) {
	m := newMachine(t).protected32(0)
	p := bcdGolden
	for _, op := range []struct {
		name    string
		code    byte
		defined uint32
	}{{"DAA", 0x27, decimalDefined}, {"DAS", 0x2f, decimalDefined}, {"AAA", 0x37, asciiDefined}, {"AAS", 0x3f, asciiDefined}} {
		for f := range uint32(4) {
			for al := range uint64(256) {
				m.env.GPR[regAX] = al
				m.SetFlags(f&1 | f>>1<<4)
				if !m.exec(op.code) {
					t.Fatal(op.name, "faulted")
				}
				ax, fl := binary.LittleEndian.Uint16(p), uint32(binary.LittleEndian.Uint16(p[2:]))
				p = p[4:]
				if got := uint16(m.env.GPR[regAX]); got != ax || (m.Flags()^fl)&op.defined != 0 {
					t.Errorf("%s AL %#x CF %d AF %d: AX %#x flags %#x, want %#x %#x", op.name, al, f&1, f>>1, got, m.Flags()&flagsArith, ax, fl)
				}
			}
		}
	}
}

func TestAAMAAD(t *testing.T) {
	m := newMachine(t).protected32(0)
	m.env.GPR[regAX] = 0x1263
	m.exec(0xd4, 10)
	if got := m.env.GPR[regAX]; got != 0x0909 {
		t.Errorf("AAM of 99: AX %#x", got)
	}
	m.exec(0xd5, 10)
	if got := m.env.GPR[regAX]; got != 99 {
		t.Errorf("AAD of 09 09: AX %#x", got)
	}
	m.exec(0xd4, 0)
	m.wantFault("AAM 0", vecDE, 0)
}
