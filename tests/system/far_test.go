package system

import (
	"fmt"
	"strings"
	"testing"
)

// farWays are the transfers of far.asm.
var farWays = []struct {
	name             string
	gate, call, soft bool // by a gate; CALL or INT; INT
}{
	{name: "call", call: true},
	{name: "jmp"},
	{name: "call by a gate", gate: true, call: true},
	{name: "jmp by a gate", gate: true},
	{name: "call by a 16-bit gate", gate: true, call: true},
	{name: "int", gate: true, call: true, soft: true},
	{name: "int by a 16-bit gate", gate: true, call: true, soft: true},
	{name: "retf"},
	{name: "iret"},
}

const farRETF = 7 // the first way that returns

// Selectors of far.asm.
const (
	farTargets = 0xc0
	farGate    = 0x140
	farVector  = 0x2d
)

// farTransfer is what the manual says of one transfer, as far.asm encodes it (SDM vol. 3A 5.8, 6.12.1; vol. 2: CALL, JMP, INT, RET, IRET).
func farTransfer(way, cpl, gateDPL, rpl, to int) uint32 {
	w := &farWays[way]
	fault := func(vector, selector int) uint32 { return uint32(vector | selector<<8) }
	selector, dpl := farTargets+to*8, to&3
	code, conforming, present := to < 8 || to >= 12, to >= 4 && to < 8, to < 12
	gp := fault(13, selector)
	if w.gate {
		switch {
		case w.soft && gateDPL < cpl:
			return fault(13, farVector*8+2)
		case !w.soft && (gateDPL < cpl || gateDPL < rpl):
			return fault(13, farGate)
		}
	}
	level := cpl
	switch {
	case !code:
		return gp
	case way >= farRETF:
		if rpl < cpl || conforming && dpl > rpl || !conforming && dpl != rpl {
			return gp
		}
		level = rpl
	case conforming:
		if dpl > cpl {
			return gp
		}
	case w.gate && w.call: // may go inwards
		if dpl > cpl {
			return gp
		}
		level = dpl
	case dpl != cpl || !w.gate && rpl > cpl:
		return gp
	}
	if !present {
		return fault(11, selector)
	}
	return 0x30 | uint32(level)<<24
}

// farValues lists what far.asm sees of a way at a privilege level.
func farValues(way, cpl int) (v []uint32, faults int) {
	gates := 1
	if farWays[way].gate {
		gates = 4
	}
	for gateDPL := range gates {
		for rpl := range 4 {
			for to := range 16 {
				x := farTransfer(way, cpl, gateDPL, rpl, to)
				if x&0xff != 0x30 {
					faults++
				}
				v = append(v, x)
			}
		}
	}
	return v, faults
}

// Every CPL, RPL and DPL of far calls, jumps, interrupts and returns, directly and by gates.
func TestFar(t *testing.T) {
	t.Parallel()
	var want []string
	cases := 0
	for way := range farWays {
		for cpl := range 4 {
			v, faults := farValues(way, cpl)
			cases += len(v)
			want = append(want, fmt.Sprintf("%02x %02x %04x %08x", way, cpl, faults, checksum(v)))
		}
	}
	checkBochs(t, strings.Join(want, "\n"), nil, "far.asm")
	if t.Failed() {
		explainFar(t, want)
	}
	t.Logf("%d transfers", cases)
}

// explainFar shows the first way and level in which an engine differs, transfer by transfer.
func explainFar(t *testing.T, want []string) {
	got := run(t, 0, "far.asm")
	for i, line := range want {
		if i < len(got) && got[i] == line {
			continue
		}
		detail := run(t, 0, "far.asm", fmt.Sprintf("DETAIL=%d", i))
		v, _ := farValues(i/4, i%4)
		for k := range v {
			if k < len(detail) && detail[k] != fmt.Sprintf("%08x", v[k]) {
				t.Errorf("%s from level %d, case %x: %s, the manual says %08x", farWays[i/4].name, i%4, k, detail[k], v[k])
			}
		}
		return
	}
}
