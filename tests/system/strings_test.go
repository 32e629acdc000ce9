package system

import (
	"fmt"
	"strings"
	"testing"
)

// repOps are the instructions of strings.asm.
var repOps = []struct {
	name                     string
	src, dst, write, compare bool
	io                       bool
}{
	{name: "movs", src: true, dst: true, write: true},
	{name: "stos", dst: true, write: true},
	{name: "lods", src: true},
	{name: "cmps", src: true, dst: true, compare: true},
	{name: "scas", dst: true, compare: true},
	{name: "outs", src: true, io: true},
	{name: "ins", dst: true, write: true, io: true},
}

// What strings.asm has in common with this file.
const (
	repCount  = 5
	repSource = 0x611000
	repDest   = 0x621000
	repFlags  = 0x891
	flagsSame = 0x44 // ZF and PF: equal operands
	flagDF    = 0x400
	flagRF    = 0x10000
)

// repRules are what Bochs, QEMU and AMD's processors do in their own way.
type repRules struct {
	lastFlags bool // page faults in CMPS and SCAS save the flags of the last comparison
	noRF      bool // traps after an element that is not the last save a clear RF
}

// values lists what the guest sees of page faults in an instruction in a mode, and of single steps.
func (r repRules) values(mode, op int) (v, steps []uint32, faults int) {
	o := &repOps[op]
	sizes := 4
	if mode >= 2 || o.io {
		sizes = 3
	}
	count, src, dst := uint32(repCount), uint32(repSource), uint32(repDest)
	if mode == 3 { // upper halves stay, and the segments' bases are such that 8000 is the boundary
		count, src, dst = 0x12340000|count, 0xabcd8000, 0x43218000
	}
	// end is what the guest sees when the instruction is done.
	end := func(off, step int, flags uint32) {
		s, d := src+uint32(off), dst+uint32(off)
		if o.src {
			s += uint32(repCount * step)
		}
		if o.dst {
			d += uint32(repCount * step)
		}
		if o.compare {
			flags = flags&flagDF | flagsSame
		}
		v = append(v, count-repCount, s, d, flags)
	}
	for size := range sizes {
		n := 1 << size
		for down := range 2 {
			for side, used := range []bool{o.src, o.dst} {
				if !used {
					continue
				}
				linear, code := repSource, uint32(0)
				if side == 1 {
					linear = repDest
					if o.write {
						code = 2
					}
				}
				absent := linear - down*0x1000
				for before := range repCount + 1 {
					for shift := range n {
						step, off, flags := n, shift-before*n, uint32(repFlags)
						if down == 1 {
							step, off, flags = -n, shift+(before-1)*n, repFlags|flagDF
						}
						for j := range repCount {
							a := linear + off + j*step
							if a+n <= absent || a >= absent+0x1000 {
								continue
							}
							// RCX, RSI and RDI have counted the elements done; the flags are those of before the instruction.
							s, d := src+uint32(off), dst+uint32(off)
							if o.src {
								s += uint32(j * step)
							}
							if o.dst {
								d += uint32(j * step)
							}
							if r.lastFlags && o.compare && j > 0 {
								flags = flags&flagDF | flagsSame
							}
							v = append(v, code, uint32(max(a, absent)), count-uint32(j), s, d, flags|flagRF)
							faults++
							break
						}
						end(off, step, flags)
					}
				}
			}
		}
	}
	// A trap after the RETF to the instruction and after each element; RF is set but at the last.
	length := uint32(2 + mode&1)
	split := len(v)
	v = append(v, 0, count)
	for j := range uint32(repCount) {
		at := uint32(flagRF >> 8)
		switch {
		case j == repCount-1:
			at = length
		case r.noRF:
			at = 0
		}
		v = append(v, at, count-j-1)
	}
	end(0, 1, repFlags)
	return v[:split], v[split:], faults
}

// Page faults at each element of repeated string instructions, and single-stepping over them.
func TestStrings(t *testing.T) {
	t.Parallel()
	var want []string
	bochs := map[string]string{}
	cases := 0
	for mode := range 4 {
		for op := range repOps {
			line := func(r repRules) string {
				v, steps, _ := r.values(mode, op)
				return fmt.Sprintf("%02x %02x %08x %08x", mode, op, checksum(v), checksum(steps))
			}
			_, _, faults := repRules{}.values(mode, op)
			cases += faults
			manual := line(repRules{})
			want = append(want, manual)
			bochs[manual] = line(repRules{lastFlags: true, noRF: true})
		}
	}
	withBochs(t, strings.Join(want, "\n"), bochs, "strings.asm")
	if t.Failed() {
		explainStrings(t, want)
	}
	t.Logf("%d page faults", cases)
}

// explainStrings shows the first instruction in which an engine differs, value by value.
func explainStrings(t *testing.T, want []string) {
	got := run(t, 0, "strings.asm")
	for i, line := range want {
		if i < len(got) && got[i] == line {
			continue
		}
		detail := run(t, 0, "strings.asm", fmt.Sprintf("DETAIL=%d", i))
		v, steps, _ := repRules{}.values(i/7, i%7)
		v = append(v, steps...)
		for k := range v {
			if k < len(detail) && detail[k] != fmt.Sprintf("%08x", v[k]) {
				t.Errorf("%s in mode %d, value %d: %s, the manual says %08x", repOps[i%7].name, i/7, k, detail[k], v[k])
			}
		}
		return
	}
}
