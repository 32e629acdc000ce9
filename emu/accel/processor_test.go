package accel_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"goemu/decoder"
	"goemu/emu/accel"
	"goemu/tcg"
)

// deputy is a processor that does of the x87's and SSE's instructions nothing but to spoil the x87's pointers, and leaves all else to the translator.
type deputy struct {
	w     *world
	asked func(i *decoder.Inst, deliver bool) // nil: nobody wants to know
	seen  []string                            // the pointers before each instruction
	x87   [][128]byte                         // and the x87
	after [][128]byte                         // what the x87 is to be after each; nil: it leaves everything
}

func (d *deputy) Execute(i *decoder.Inst, deliver bool) accel.Outcome {
	env := d.w.env
	if d.asked != nil {
		d.asked(i, deliver)
	}
	n := len(d.seen)
	d.seen = append(d.seen, fmt.Sprintf("%#x: op %#x ip %#x dp %#x", env.RIP, env.X87Op, env.X87IP, env.X87DP))
	d.x87 = append(d.x87, env.X87)
	if d.after == nil || i.Map == 0 && (i.Opcode < 0xd8 || i.Opcode > 0xdf) {
		return accel.Left
	}
	env.RIP += uint64(i.Len)
	env.X87Op, env.X87IP, env.X87DP = 0x123, 0x1234567, 0x7654321
	env.X87 = d.after[n+1]
	return accel.Executed
}

// Where a processor's x87 pointers do not count they are as the translator's engines leave them.
func TestProcessorPointers(t *testing.T) {
	body := `
        fldpi
        paddd xmm0, xmm1
        fadd dword [SCRATCH]
        fstp qword [%[1]s*4+SCRATCH+8]
        fnop
        fnstcw [SCRATCH+16]
        fnstsw ax
        fldcw [SCRATCH+16]
        fld dword [%[2]s+4]
        fxch st1
        fnclex
        fninit
        fld tword [SCRATCH+32]
        mov word [SCRATCH+16], 0x37b
        fldcw [SCRATCH+16]
        fldz
        fdivp                   ; not masked
        fnclex
        fninit
        fld1
        hlt`
	for bits, regs := range map[int][2]string{64: {"r9", "rbx"}, 32: {"ebp", "ebx"}} {
		t.Run(fmt.Sprint(bits), func(t *testing.T) {
			start := fmt.Sprintf("        fninit\n        mov %s, 5\n        mov %s, SCRATCH+64\n", regs[0], regs[1])
			if bits == 64 {
				start += "        fld dword [rel $]\n        fld dword [dword ebx-8]\n"
			} else {
				start += "        fld dword [bx]\n"
			}
			p := program{bits: bits, src: start + fmt.Sprintf(body, regs[0], regs[1]), opt: accel.Options{Watch: accel.Watch{Pointers: true}}}
			run := func(after [][128]byte) *deputy {
				w := p.start(t, false)
				defer w.close()
				d := &deputy{w: w, after: after}
				w.eng.SetProcessor(d)
				w.run(t)
				if len(w.history) > 0 {
					t.Fatalf("exceptions: %v", w.history)
				}
				return d
			}
			want := run(nil)
			got := run(want.x87)
			if len(want.seen) < 20 {
				t.Errorf("the program ends after %q", want.seen)
			}
			if d := cmp.Diff(want.seen, got.seen); d != "" {
				t.Errorf("the translator's pointers, and those that were to be them (-want +got):\n%s", d)
			}
		})
	}
}

// A processor does not execute what engines need not agree in but for flags, and does not deliver exceptions that leave such.
func TestProcessorUndefined(t *testing.T) {
	p := program{bits: 32, src: "xor eax, eax\nstc\ncpuid\nlodsb\nhlt"}
	p.opt.Watch.Undefined = func(i *decoder.Inst) (u accel.Undefined) {
		switch i.Op {
		case decoder.STC:
			u.Flags = tcg.FlagC
		case decoder.CPUID:
			u.Other = true
		case decoder.LODS:
			u.Fault = true
		}
		return u
	}
	w := p.start(t, false)
	defer w.close()
	var asked []string
	w.eng.SetProcessor(&deputy{w: w, asked: func(i *decoder.Inst, deliver bool) { asked = append(asked, fmt.Sprint(i.Op, deliver)) }})
	w.run(t)
	if want := []string{"XOR true", "STC true", "LODS false", "HLT true"}; !slices.Equal(asked, want) {
		t.Errorf("the processor was to execute %q, want %q", asked, want)
	}
}
