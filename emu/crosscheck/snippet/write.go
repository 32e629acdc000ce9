package snippet

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
)

// memoryLine is how many bytes stand in a line.
const memoryLine = 32

// Write writes the case as Parse reads it.
func (c *Case) Write(w io.Writer) error {
	b := bufio.NewWriter(w)
	line := func(format string, args ...any) { fmt.Fprintf(b, format+"\n", args...) }
	clean := func(s string) string { // in one line, and no comment
		return strings.Join(slices.DeleteFunc(strings.Fields(s), func(w string) bool { return w == "#" }), " ")
	}
	line("%s", strings.TrimSpace("case "+clean(c.Name)))
	line("mode %s", c.ModeName())
	line("ring %d", c.Ring)
	if c.CPU != "" {
		line("cpu %s", c.CPU)
	}
	if c.A != "" {
		line("engines %s %s", c.A, c.B)
	}
	if c.Limit != 0 {
		line("limit %d", c.Limit)
	}
	for _, s := range c.Regs {
		line("reg %s %s", s.Name, s.Value)
	}
	for _, p := range c.Pages {
		line("pages %#x %d %s", p.Addr, p.Count, p.Access)
	}
	for _, m := range c.Memory {
		for i := 0; i < len(m.Bytes); i += memoryLine {
			line("memory %#x % x", m.Addr+uint64(i), m.Bytes[i:min(i+memoryLine, len(m.Bytes))])
		}
	}
	if c.Asm != "" {
		line("asm")
		for _, l := range strings.Split(strings.TrimRight(c.Asm, "\n"), "\n") {
			if strings.TrimSpace(l) == "end" {
				l = "end:" // a label, and not where the text ends
			}
			line("%s", l)
		}
		line("end")
	}
	for i := 0; i < len(c.Code); i += 16 {
		line("code % x", c.Code[i:min(i+16, len(c.Code))])
	}
	for _, s := range c.Undefined {
		line("undefined %s", clean(s))
	}
	if len(c.Different) > 0 {
		line("expect different %s", strings.Join(c.Different, " "))
	}
	for _, s := range c.Expect {
		line("expect %s %s", s.Name, s.Value)
	}
	for _, s := range c.Seen {
		if s = clean(s); s != "" {
			line("seen %s", s)
		}
	}
	return b.Flush()
}
