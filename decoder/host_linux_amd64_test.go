package decoder

import (
	"fmt"
	"os"
	"strconv"
	"testing"
)

// TestHost compares lengths and #UD with the CPU that the test runs on, in all three modes.
func TestHost(t *testing.T) {
	h := startHost(t)
	have := hostFeatures(t)
	r := newRand(t)
	fails := 0
	seen := map[[4]int]bool{}
	report := func(code []byte, mode Mode, in *Inst, format string, args ...any) {
		k := [4]int{int(in.Map), int(in.Opcode), int(in.Op), int(in.PP)}
		if seen[k] {
			return
		}
		seen[k] = true
		if fails++; fails < 40 {
			t.Errorf("% x in %d-bit mode (%v, length %d): %s", code, 16<<mode, in.Op, in.Len, fmt.Sprintf(format, args...))
		}
	}
	check := func(code []byte, mode Mode) {
		var in Inst
		err := Decode(code, mode, &in)
		if err != nil && err != ErrUndefined || hostCannot(&in, mode) {
			return
		}
		if err == ErrUndefined {
			if prefixClass[code[3]] != pfNone && prefixClass[code[2]] != pfNone && prefixClass[code[1]] != pfNone && prefixClass[code[0]] != pfNone {
				return // may be #GP for its length
			}
			got, herr := h.step(code, len(code), mode)
			if herr != nil {
				t.Fatalf("% x: %v", code, herr)
			}
			if got != undefined && !hostDefines(code, &in) {
				report(code, mode, &in, "the host %v", got)
			}
			return
		}
		row := &Rows()[in.Row]
		n := int(in.Len)
		short, herr := h.step(code, n-1, mode)
		if herr != nil {
			t.Fatalf("% x: %v", code, herr)
		}
		whole, herr := h.step(code, n, mode)
		if herr != nil {
			t.Fatalf("% x: %v", code, herr)
		}
		switch {
		case !have[row.Feature] || hostUndefined(&in):
			if whole == ran && !hostLax(row.Feature) && !hostUndefined(&in) {
				report(code, mode, &in, "needs %v, but the host runs it", row.Feature)
			}
		case whole != ran:
			report(code, mode, &in, "the host %v", whole)
		case short != fetch:
			report(code, mode, &in, "the host %v with one byte less", short)
		}
	}
	n := 20000
	if v, err := strconv.Atoi(os.Getenv("GOEMU_CASES")); err == nil {
		n = v
	}
	for range n {
		mode := Mode(r.IntN(4))
		if mode > Mode64 {
			mode = Mode64
		}
		check(randomCode(r, mode), mode)
	}
}

// hostCannot names what says nothing, or must not run, in the child.
func hostCannot(in *Inst, mode Mode) bool {
	switch in.Op {
	case SYSCALL, SYSENTER, INT, MONITORX, MWAITX, MWAIT, VMMCALL, VMCALL:
		return true
	case MOV, POP: // SS: the single-step trap comes one instruction late
		return in.Args[0].Kind == KSeg && in.Args[0].Reg == SegSS
	case SLDT, STR, SGDT, SIDT, SMSW: // under UMIP the kernel reads 15 bytes to emulate them
		return true
	case JMP, CALL, RET, JCC, LOOP, LOOPE, LOOPNE, JCXZ:
		// AMD obeys 66 here in 64-bit mode, Intel ignores it.
		return mode == Mode64 && in.Prefix&PrefixOpSize != 0
	}
	// The operand may lie where only fetches are expected to fault.
	return in.Base == RIPReg && in.Disp > -4096 && in.Disp < 4096
}

// hostUndefined: #UD for reasons that are not the encoding's, or differences between the makers.
func hostUndefined(in *Inst) bool {
	switch in.Op {
	case UD0, UD1, UD2, RSM, CLAC, STAC: // the last two: CPL is 3
		return true
	case NOP: // 0F 0D with a register: NOP for Intel, #UD for AMD
		return in.Map == 1 && in.Opcode == 0x0D
	case VPINSRD, VPEXTRD: // W1 outside 64-bit mode: ignored by Intel, #UD for AMD
		return in.Mode != Mode64 && in.Rex&RexW != 0
	}
	return false
}

// hostLax lists what processors without the feature run as something older.
func hostLax(f Feature) bool { return f == FeatWBNOINVD || f == FeatSVM }

// hostDefines lists what AMD processors run and Intel's manual does not define.
func hostDefines(code []byte, in *Inst) bool {
	switch {
	case in.Prefix&PrefixLock != 0 && in.Map == 1 && in.Opcode&^3 == 0x20: // LOCK MOV CR0 is MOV CR8
		return true
	case in.Prefix&PrefixLock != 0 && in.Map == 1 && in.Opcode == 0x00: // LOCK VERW and the like look at the operand first
		return true
	case in.Prefix&PrefixVex != 0 && in.Map == 3 && in.Opcode < 2: // VPERMQ, VPERMPD: W is ignored
		return true
	}
	return false
}
