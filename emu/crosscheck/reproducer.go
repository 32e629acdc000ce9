package crosscheck

import (
	"fmt"
	"io"

	"goemu/decoder"
	"goemu/emu/crosscheck/snippet"
	"goemu/mmu"
)

// Reproducer makes a case file of the instruction, or of the block, with the registers and memory that it starts from. An error says why there can be none.
func (d *Divergence) Reproducer(w io.Writer, o *Options) error {
	if !d.Found {
		return fmt.Errorf("the instruction was not found")
	}
	a, b := o.A.String(), o.B.String()
	c, err := snippet.Reproduce(&d.start, d.run, snippet.Guest(&d.start, func(phys uint64) []byte { return d.memory[int(phys>>mmu.PageShift)] }))
	if err != nil {
		return err
	}
	c.Name = fmt.Sprintf("%s at %#x, instruction %d of a machine", d.Instruction, d.RIP, d.After+1)
	c.CPU, c.A, c.B = o.Config.CPU, a, b
	for _, r := range d.Registers {
		c.Seen = append(c.Seen, fmt.Sprintf("%s: %s on %s, %s on %s", r.Name, r.A, a, r.B, b))
	}
	for _, r := range d.Memory {
		c.Seen = append(c.Seen, fmt.Sprintf("physical memory %s: %s on %s, %s on %s", r.Name, r.A, a, r.B, b))
	}
	return c.Write(w)
}

// first gives the bytes of the first n instructions of code.
func first(code []byte, mode decoder.Mode, n int) []byte {
	at := 0
	for range n {
		var in decoder.Inst
		if decoder.Decode(code[at:], mode, &in) != nil {
			break
		}
		at += int(in.Len)
	}
	return code[:at]
}
