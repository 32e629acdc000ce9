//go:build linux && amd64

package amd64

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"

	"golang.org/x/arch/x86/x86asm"
)

// exitNames are those of the tcg.Exit codes.
var exitNames = [...]string{"none", "reqd", "edge", "lookup", "tlb", "bail", "sys"}

// Listing writes the host code of c as text, one instruction a line in Intel's syntax: address, bytes, instruction. Exit
// descriptors are shown as such.
func (c *Code) Listing(w io.Writer) error {
	out := bufio.NewWriter(w)
	c.list(out, int(c.start), int(c.start)+c.hotSize)
	c.list(out, int(c.cold), int(c.cold)+c.Size-c.hotSize)
	return out.Flush()
}

// list writes the code between two offsets.
func (c *Code) list(out *bufio.Writer, at, end int) {
	e := c.e
	for at < end {
		b := e.rw[at:end]
		pc := uint64(e.rx) + uint64(at)
		in, err := x86asm.Decode(b, 64)
		if err != nil {
			fmt.Fprintf(out, "%#x  %02x  db\n", pc, b[0])
			at++
			continue
		}
		fmt.Fprintf(out, "%#x  %-24x %s\n", pc, b[:in.Len], x86asm.IntelSyntax(in, pc, nil))
		at += in.Len
		if rel, ok := in.Args[0].(x86asm.Rel); ok && in.Op == x86asm.JMP && at+descSize <= end {
			if e.stubs.leaves(at + int(rel)) {
				d := e.rw[at:]
				code := binary.LittleEndian.Uint32(d[descCode:])
				fmt.Fprintf(out, "%#x  exit %s, site %d, rip %#x\n", uint64(e.rx)+uint64(at), exitNames[min(int(code), len(exitNames)-1)],
					binary.LittleEndian.Uint32(d[descSite:]), binary.LittleEndian.Uint64(d[descRIP:]))
				at += descSize
			}
		}
	}
}
