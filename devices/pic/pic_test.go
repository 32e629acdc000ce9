package pic

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"goemu/devices/devtest"
)

// run drives a pair by a script, one step a word:
//
//	20=11      write a port          20:11   read a port and compare
//	+3, -3     raise, lower an input  *3     pulse: raise and then lower
//	ack=0b     acknowledge: vector    int=1  level of the output
func run(t *testing.T, script string) {
	t.Helper()
	var out devtest.Line
	p := New(&out)
	for i, w := range strings.Fields(script) {
		fail := func(got any) { t.Fatalf("step %d, %s: got %v\nof %s", i, w, got, script) }
		hex := func(s string) int {
			v, err := strconv.ParseUint(s, 16, 16)
			if err != nil {
				t.Fatalf("step %q: %v", w, err)
			}
			return int(v)
		}
		irq := func() int { n, _ := strconv.Atoi(w[1:]); return n }
		switch {
		case strings.HasPrefix(w, "ack="):
			if got := p.IntAck(); got != hex(w[4:]) {
				fail(fmt.Sprintf("%02x", got))
			}
		case strings.HasPrefix(w, "int="):
			if out.Level != (w[4] == '1') {
				fail(out.Level)
			}
		case w[0] == '+':
			p.IRQ(irq()).Set(true)
		case w[0] == '-':
			p.IRQ(irq()).Set(false)
		case w[0] == '*':
			p.IRQ(irq()).Set(true)
			p.IRQ(irq()).Set(false)
		case strings.Contains(w, "="):
			port, v, _ := strings.Cut(w, "=")
			p.Out(uint16(hex(port)), 1, uint32(hex(v)))
		default:
			port, v, _ := strings.Cut(w, ":")
			if got := p.In(uint16(hex(port)), 1); got != uint32(hex(v)) {
				fail(fmt.Sprintf("%02x", got))
			}
		}
	}
}

// The usual initialisation: vectors 08h and 70h, nothing masked.
const pc = "20=11 21=08 21=04 21=01 a0=11 a1=70 a1=02 a1=01 21=00 a1=00 "

func TestRules(t *testing.T) {
	for _, c := range []struct{ name, script string }{
		{"request, acknowledge, end", "+3 int=1 20:08 ack=0b int=0 20:00 20=0b 20:08 20=20 20:00"},
		{"IRR and ISR selected by OCW3", "+3 ack=0b +5 20=0b 20:08 20=0a 20:20"},
		{"a higher request nests", "+3 ack=0b +1 int=1 ack=09 20=0b 20:0a"},
		{"a lower or equal one waits for the end", "+3 ack=0b +5 int=0 -3 +3 int=0 20=20 int=1 ack=0b 20=20 ack=0d"},
		{"an edge counts once", "+3 ack=0b 20=20 int=0 -3 +3 int=1"},
		{"an edge request that goes away gives IR7 and no in-service bit", "+3 int=1 -3 int=0 ack=0f 20=0b 20:00"},
		{"a level request stays until its input falls", "4d0=08 +3 ack=0b 20=20 int=1 ack=0b 20=20 -3 int=0"},
		{"ELCR: fixed bits", "4d0=ff 4d1=ff 4d0:f8 4d1:de"},
		{"ELCR: an input that is high becomes a request", "+3 ack=0b 20=20 int=0 4d0=08 int=1"},
		{"the mask blocks, and keeps the request", "21=08 +3 int=0 20:08 21:08 21=00 int=1"},
		{"the mask of the cascade blocks the slave", "21=04 +9 int=0 21=00 int=1 ack=71"},
		{"a slave interrupt needs two EOIs", "+12 ack=74 20=0b 20:04 a0=0b a0:10 +12 a0=20 20=20 20:00 a0:00"},
		{"the slave's next request after both EOIs", "+12 +9 ack=71 int=0 a0=20 int=0 20=20 int=1 ack=74"},
		{"a slave's higher request does not pass its master's in-service bit", "+12 ack=74 +9 int=0"},
		{"special fully nested mode lets it pass", "20=11 21=08 21=04 21=11 21=00 +12 ack=74 +9 int=1 ack=71"},
		{"a slave request that goes away after the master saw it", "+12 -12 int=0"},
		{"specific EOI", "+3 ack=0b +1 ack=09 20=63 20=0b 20:02 20=61 20:00"},
		{"non-specific EOI ends the highest", "+3 ack=0b +1 ack=09 20=20 20=0b 20:08"},
		{"set priority: IR3 lowest makes IR4 highest", "20=c3 +3 +4 ack=0c 20=20 ack=0b"},
		{"rotate on non-specific EOI", "+1 ack=09 20=a0 -1 +1 +4 ack=0c"},
		{"rotate on specific EOI", "+1 ack=09 20=e1 -1 +1 +4 ack=0c"},
		{"automatic EOI", "20=11 21=08 21=04 21=03 +3 ack=0b 20=0b 20:00 +5 ack=0d"},
		{"rotate in automatic EOI mode", "20=11 21=08 21=04 21=03 20=80 +1 ack=09 -1 +1 +4 ack=0c 20=00 -1 +1 ack=09"},
		{"special mask mode: a masked level in service blocks nobody", "+3 ack=0b 21=08 +5 int=0 20=68 int=1 ack=0d 20=48 20=0b 20:28"},
		{"special mask mode: non-specific EOI passes over masked levels", "+3 ack=0b 21=08 20=68 +5 ack=0d 20=20 20=0b 20:08 20=20 20:08 20=63 20:00"},
		{"poll", "+5 20=0c 20:85 20=0b 20:20 20=0c 20:00"},
		{"poll at the data port", "+5 20=0c 21:85 21:00"},
		{"poll of the slave", "+9 20=0c 20:82 a0=0c a0:81"},
		{"ICW1 clears mask, in-service bits and requests", "21=fb +3 +4 20=11 21=20 21=04 21=01 21:00 20:00 int=0 -3 +3 ack=23"},
		{"ICW1 keeps level requests", "4d0=08 +3 20=11 21=20 21=04 21=01 20:08 ack=23"},
		{"ICW1 without ICW4, single", "20=12 21=20 21=f7 21:f7 +3 ack=23"},
		{"ICW1 without ICW4 leaves automatic EOI", "20=11 21=08 21=04 21=03 20=10 21=08 21=04 21=00 +3 ack=0b 20=0b 20:08"},
		{"input 2 is the slave's alone", "+2 20:00 int=0"},
		{"acknowledge without request", "ack=0f"},
	} {
		t.Run(c.name, func(t *testing.T) { run(t, pc+c.script) })
	}
}

func TestSlaveSpurious(t *testing.T) {
	var out devtest.Line
	p := New(&out)
	for _, w := range [][2]uint32{{0x20, 0x11}, {0x21, 8}, {0x21, 4}, {0x21, 1}, {0xa0, 0x11}, {0xa1, 0x70}, {0xa1, 2}, {0xa1, 1}} {
		p.Out(uint16(w[0]), 1, w[1])
	}
	p.IRQ(9).Set(true)
	p.s.Chips[1].IRR = 0 // the request goes away between the two acknowledge cycles
	if v := p.IntAck(); v != 0x77 {
		t.Errorf("vector %#x, want 77h", v)
	}
	if p.s.Chips[0].ISR != 4 || p.s.Chips[1].ISR != 0 {
		t.Errorf("in service: master %#x, slave %#x", p.s.Chips[0].ISR, p.s.Chips[1].ISR)
	}
}

func TestSavedState(t *testing.T) {
	var a, b devtest.Line
	p, q := New(&a), New(&b)
	p.Out(0x20, 1, 0x11)
	p.Out(0x21, 1, 0x30)
	s := p.SaveState()
	if err := q.RestoreState(s); err != nil {
		t.Fatal(err)
	}
	if q.SaveState() != s {
		t.Error("state differs after restoring")
	}
	s.Version++
	if q.RestoreState(s) == nil {
		t.Error("a state of another version was taken")
	}
}

func FuzzPIC(f *testing.F) {
	f.Add([]byte{1, 0, 0x11, 0, 0, 0, 1, 1, 8, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, in []byte) {
		var c devtest.Clock
		var out devtest.Line
		p := New(&out)
		for i, b := range in {
			if i%7 == 0 {
				p.IRQ(int(b)).Set(b&0x40 != 0)
			}
			if i%11 == 0 {
				p.IntAck()
			}
		}
		devtest.FuzzPorts(in, &c, p, 0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1)
		if v := p.IntAck(); v < 0 || v > 255 {
			t.Errorf("vector %d", v)
		}
	})
}
