package crosscheck

import (
	"fmt"
	"strings"

	"goemu/decoder"
	"goemu/emu/crosscheck/report"
	"goemu/emu/inspect"
)

// Access is one of a device.
type Access struct {
	MMIO  bool       `json:"mmio"` // at a physical address; else a port
	Addr  report.Hex `json:"addr"`
	Write bool       `json:"write"`
}

// Divergence is where two engines differ first.
type Divergence struct {
	After  int64  `json:"after"`          // as many instructions had been executed while all was equal
	Before int64  `json:"before"`         // and not more than these when it was not
	Ends   string `json:"ends,omitempty"` // how differently the machines ended; "": they did not
	Note   string `json:"note,omitempty"` // what there is to say about the search; "": nothing
	Block  bool   `json:"block"`          // it shows only in a block of several instructions, of which the instruction is the first

	Found       bool                `json:"found"` // all below is known
	CPU         int                 `json:"cpu"`
	RIP         report.Hex          `json:"rip"`
	Linear      report.Hex          `json:"linear"`
	Bytes       string              `json:"bytes"` // in hexadecimal
	Instruction string              `json:"instruction"`
	Mode        string              `json:"mode"`
	Registers   []report.Difference `json:"registers"`          // after it
	Memory      []report.Difference `json:"memory"`             // after it, by physical addresses
	Accesses    []Access            `json:"accesses,omitempty"` // of devices, by the first engine
	History     []Step              `json:"history"`            // what was run before, the newest last
	IR          string              `json:"ir"`                 // micro-ops of the block, optimised, as the first engine has them
	Host        [2]string           `json:"host"`               // its host code on each engine; "": it has none

	start   inspect.Registers
	memory  map[int][]byte // before the instruction, by number of the page; what is missing is empty
	code    []byte         // of the instruction
	block   []byte         // of the block that it begins
	run     []byte         // of what belongs to it: itself, or some of the block
	history []record
}

// Step is a block that was run, by its first instruction.
type Step struct {
	Insns       int64      `json:"insns"`
	RIP         report.Hex `json:"rip"`
	Instruction string     `json:"instruction,omitempty"`
}

func decoderMode(r *inspect.Registers) decoder.Mode {
	switch r.CodeBits() {
	case 16:
		return decoder.Mode16
	case 32:
		return decoder.Mode32
	}
	return decoder.Mode64
}

// set fills in what is known: the state before the instruction on both engines, that of the first after it, and all of the first in between.
func (d *Divergence) set(a, b, after *state, run []state) {
	r := &a.regs
	d.Found, d.start = true, *r
	d.After, d.Before = a.insns, after.insns
	d.CPU, d.RIP, d.Linear, d.Mode = a.cpu, report.Hex(r.RIP), report.Hex(r.PC()), r.Mode()
	mode := decoderMode(r)
	d.code = a.code
	if p := first(a.code, mode, 1); len(p) > 0 {
		d.code = p
	}
	d.run = d.code
	d.Bytes, d.Instruction = fmt.Sprintf("% x", d.code), decoder.Format(d.code, mode, r.RIP)
	if d.Registers == nil {
		d.Registers = []report.Difference{}
	}
	if d.Memory == nil {
		d.Memory = []report.Difference{}
	}
	d.Accesses = nil
	for i := range run {
		d.Accesses = append(d.Accesses, run[i].accesses...)
	}
	d.IR, d.Host = a.view.Optimised, [2]string{a.view.Host, b.view.Host}
}

// Text is the report for people. a and b are the engines' names.
func (d *Divergence) Text(a, b string) string {
	var w strings.Builder
	if d.Ends != "" {
		fmt.Fprintf(&w, "The machines end differently (%s, %s): %s.\n", a, b, d.Ends)
	}
	if !d.Found {
		fmt.Fprintf(&w, "The engines differ between instruction %d and %d. The instruction was not found: %s.\n", d.After, d.Before, d.Note)
		return w.String()
	}
	fmt.Fprintf(&w, "%s and %s differ after instruction %d (CPU %d, %s):\n\n  %#x:  % x  %s\n", a, b, d.After+1, d.CPU, d.Mode, d.RIP, d.code, d.Instruction)
	if d.Note != "" {
		fmt.Fprintf(&w, "\nNote: %s.\n", d.Note)
	}
	fmt.Fprintf(&w, "\nState after it (- %s, + %s):\n%s", a, b, report.Text(d.Registers))
	if len(d.Memory) > 0 {
		fmt.Fprintf(&w, "\nPhysical memory after it (- %s, + %s):\n%s", a, b, report.Text(d.Memory))
	}
	for _, x := range d.Accesses {
		fmt.Fprintf(&w, "It accesses a device: %s.\n", x)
	}
	fmt.Fprintf(&w, "\nBefore it:\n")
	for _, s := range d.History {
		fmt.Fprintf(&w, "  %12d  %#x:  %s\n", s.Insns, s.RIP, s.Instruction)
	}
	fmt.Fprintf(&w, "\nMicro-ops of its block:\n%s", d.IR)
	for i, name := range [2]string{a, b} {
		if d.Host[i] != "" {
			fmt.Fprintf(&w, "\nHost code (%s):\n%s", name, d.Host[i])
		}
	}
	return w.String()
}

// String is such as "writes port 0x3f8".
func (x Access) String() string {
	does, what := "reads", "port"
	if x.Write {
		does = "writes"
	}
	if x.MMIO {
		what = "physical address"
	}
	return fmt.Sprintf("%s %s %#x", does, what, x.Addr)
}
