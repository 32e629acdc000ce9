package interp

import (
	"testing"

	"goemu/tcg"
)

// A loop of two blocks of one page, and one on another page that it calls.
func chained(t *testing.T) (m *machine, j *Jumps, a, b, far *Code) {
	compile := func(rip uint64, text string) *Code {
		blk := parse(t, flat64, text)
		blk.Key.RIP, blk.Key.Phys = rip, rip
		return Compile(blk)
	}
	a = compile(0x1000, "--- 0x1000 +1\nadd rax, rax, 0x1 !\n--- 0x1001 +1\njmp 0x1100")
	b = compile(0x1100, "--- 0x1100 +1\njmp 0x2000")
	far = compile(0x2000, "--- 0x2000 +1\nmov rdx, 0x1000\njmpind rdx")
	m, j = newMachine(), &Jumps{Count: true, Least: 10}
	for _, c := range []*Code{a, b, far} {
		j.Enter(c, c == far)
	}
	m.env.Budget = 50
	return m, j, a, b, far
}

func TestJumps(t *testing.T) {
	run := func(name string, j *Jumps, m *machine, c *Code, chain bool, rip, insns uint64) {
		t.Helper()
		m.env.Insns = 0
		before := m.env.Budget
		if r := c.Run(m.env, m, j, chain); r != tcg.ResultNext || m.env.RIP != rip || m.env.Insns != insns || uint64(before-m.env.Budget) != insns {
			t.Errorf("%s: result %d at %#x after %d instructions, budget %d -> %d; want %#x after %d", name, r, m.env.RIP, m.env.Insns, before, m.env.Budget, rip, insns)
		}
	}
	m, j, a, _, _ := chained(t)
	run("budget", j, m, a, true, 0x1100, 42) // ten rounds of four, then less than 10 left after two more
	m, j, a, _, _ = chained(t)
	run("one block", j, m, a, false, 0x1100, 2)
	m, j, a, _, _ = chained(t)
	m.env.ExitReq = 1
	run("exit request", j, m, a, true, 0x1100, 2)
	m, j, a, b, _ := chained(t)
	b.Kill()
	run("dead block", j, m, a, true, 0x1100, 2)
	m, j, a, _, far := chained(t)
	far.Kill()
	run("dead block far away", j, m, a, true, 0x2000, 3)
	m, j, a, _, _ = chained(t)
	j.Flush(false)
	run("flush", j, m, a, true, 0x1100, 2)
	j.Enter(b, false)
	m, j, a, b, _ = chained(t)
	j.Flush(false)
	run("flush before a link is made", j, m, a, true, 0x1100, 2)
	j.Enter(b, false)
	j.Flush(false)
	m.env.Budget = 50
	run("links within a page outlast flushes, global pages too", j, m, a, true, 0x1000, 4)
	j.Flush(true)
	run("full flush", j, m, a, true, 0x2000, 3)
}

// A store that makes somebody want the vCPU ends the block with its own instruction, wherever that ends.
func TestCut(t *testing.T) {
	m := newMachine()
	m.exit = true
	b := parse(t, flat64, "--- 0x1000 +1\nmov rcx, 0x1\n--- 0x1001 +1\nst [0x10000], rcx\nadd rax, rcx, 0x2 !\n--- 0x1002 +1\nmov rcx, 0x9\n--- 0x1003 +1\njmp 0x2000")
	if r := Run(m.env, m, b); r != tcg.ResultNext || m.env.RIP != 0x1002 || m.env.Insns != 2 || m.env.GPR[0] != 3 || m.env.GPR[1] != 1 {
		t.Errorf("result %d at %#x after %d instructions, rax %d, rcx %d", r, m.env.RIP, m.env.Insns, m.env.GPR[0], m.env.GPR[1])
	}
	if m.ram[0] != 1 {
		t.Errorf("stored %d", m.ram[0])
	}
}
