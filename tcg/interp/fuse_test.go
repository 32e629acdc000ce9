package interp

import (
	"fmt"
	"strings"
	"testing"

	"goemu/tcg"
)

// A jump that is one with the op before it goes where the condition says on the flags that the op alone leaves, and leaves those.
func TestFusedJumps(t *testing.T) {
	m, want := newMachine(), newMachine()
	values := []uint64{0, 1, 0x7f, 0x80, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 1<<63 - 1, 1 << 63, ^uint64(0)}
	for _, op := range []string{"cmp%s rax, rcx", "cmp%s rax, ", "test%s rax, rcx", "test%s rax, ", "sub%s rax, rax, "} {
		for _, w := range []string{"", ".32"} {
			for _, b := range values {
				text := fmt.Sprintf(op, w)
				if strings.HasSuffix(op, " ") {
					if b != uint64(int64(int32(b))) {
						continue // not an immediate
					}
					text += fmt.Sprintf("%#x", int64(b))
				}
				text += " !"
				for cond := range tcg.Cond(16) {
					head := "--- 0x1000 +1\n" + text + "\n--- 0x1001 +1\n"
					fused := parse(t, flat64, head+"jcc.e 0x2000, 0x1002")
					alone := parse(t, flat64, head+"jmp 0x2000")
					fused.Ops[len(fused.Ops)-1].Cond = cond
					c := Compile(fused)
					if len(c.ins) != 1 {
						t.Fatalf("%s and its jump are %d ops", text, len(c.ins))
					}
					for _, a := range values {
						for _, e := range []*tcg.Env{m.env, want.env} {
							e.GPR, e.CC, e.Insns = [16]uint64{a, b}, 0, 0
						}
						c.Run(m.env, m, nil, false)
						Run(want.env, want, alone)
						rip := uint64(0x1002)
						if cond.Holds(want.env.CC) {
							rip = 0x2000
						}
						if m.env.RIP != rip || m.env.CC != want.env.CC || m.env.GPR != want.env.GPR || m.env.Insns != 2 {
							t.Fatalf("%s with %#x and %#x, condition %d: at %#x, want %#x; flags %#x, want %#x", text, a, b, cond, m.env.RIP, rip, m.env.CC, want.env.CC)
						}
					}
				}
			}
		}
	}
}

// A copy is made one with what is computed with it where that is the same.
func TestFusedCopies(t *testing.T) {
	for _, c := range []struct {
		text string
		ops  int
		rax  uint64
	}{
		{"mov rax, rcx\n--- 0x1001 +1\nadd rax, rax, 0x5", 2, 0x1_8000_0005},
		{"mov.32 rax, rcx\n--- 0x1001 +1\nsar.32 rax, rax, 0x1f", 2, 0xffff_ffff},
		{"mov rax, rcx\n--- 0x1001 +1\nshr.32 rax, rax, 0x4", 2, 0x800_0000},
		{"mov.32 rax, rcx\n--- 0x1001 +1\nshr rax, rax, 0x4", 3, 0x800_0000},                         // the upper half is not that of rcx
		{"mov rax, rcx\n--- 0x1001 +1\nadd rax, rax, rax", 3, 0x3_0000_0000},                         // both operands
		{"mov rax, rcx\n--- 0x1001 +1\nadd rdx, rax, 0x5", 3, 0x1_8000_0000},                         // the copy is still needed
		{"st [0x10000], rcx\nmov rax, rcx\n--- 0x1001 +1\nadd rax, rax, 0x5", 4, 0x1_8000_0005},      // a store may end the block before the addition
		{"ld rdx, [0x10000]\nmov rax, rcx\n--- 0x1001 +1\nsub rax, rax, 0x5 !", 3, 0x1_7fff_fffb},    // a load does not
		{"zext.32.8 rax, rcx\n--- 0x1001 +1\nadd.32 rax, rax, 0x5", 3, 5},                            // no copy
		{"mov rax, rcx\n--- 0x1001 +1\nand rax, rax, rdx\n--- 0x1002 +1\nadd rax, rax, 0x7", 3, 0x7}, // once
	} {
		m := newMachine()
		m.env.GPR[1] = 0x1_8000_0000
		code := Compile(parse(t, flat64, "--- 0x1000 +1\n"+c.text+"\n--- 0x1003 +1\njmp 0x2000"))
		if code.Run(m.env, m, nil, false); len(code.ins) != c.ops || m.env.GPR[0] != c.rax {
			t.Errorf("%s\n%d ops, want %d; rax %#x, want %#x", c.text, len(code.ins), c.ops, m.env.GPR[0], c.rax)
		}
	}
}

// A store after which the block must be left is followed by its own instruction, and not by what could have been made one with that.
func TestCutBeforeFused(t *testing.T) {
	for _, text := range []string{"sub rax, rax, 0x1 !\n--- 0x1001 +1\njcc.ne 0x3000, 0x2000", "mov rax, rdx\n--- 0x1001 +1\nadd rax, rax, 0x1\n--- 0x1002 +1\njmp 0x2000"} {
		m := newMachine()
		m.exit = true
		m.env.GPR[0], m.env.GPR[2] = 8, 7
		if Run(m.env, m, parse(t, flat64, "--- 0x1000 +1\nst [0x10000], rcx\n"+text)); m.env.RIP != 0x1001 || m.env.Insns != 1 || m.env.GPR[0] != 7 {
			t.Errorf("%s\nat %#x after %d instructions, rax %d", text, m.env.RIP, m.env.Insns, m.env.GPR[0])
		}
	}
}
