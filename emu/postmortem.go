package emu

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"goemu/emu/accel"
	"goemu/emu/debuglog"
	"goemu/emu/x86"
)

// tripleFault is told that the CPU has shut down: it prints what led to it.
func (m *Machine) tripleFault() {
	var b bytes.Buffer
	m.postMortem(&b)
	// On a terminal in raw mode lines need a carriage return.
	os.Stderr.Write(bytes.ReplaceAll(b.Bytes(), []byte("\n"), []byte("\r\n")))
	m.cfg.Log.Write(func(w io.Writer) { w.Write(b.Bytes()) })
}

// postMortem writes the last exceptions, the registers, the code at RIP and the page walks of RIP and CR2.
func (m *Machine) postMortem(w io.Writer) {
	fmt.Fprintln(w, "goemu: triple fault: the CPU has shut down. Last exceptions and interrupts, newest last:")
	m.cpu.DumpHistory(w)
	m.cpu.DumpState(w)
	rip := m.env.RIP
	linear := rip + m.cpu.CSBase()
	var code []byte
	for i := range uint64(16) {
		b, ok := m.cpu.Peek(linear + i)
		if !ok {
			break
		}
		code = append(code, b)
	}
	if len(code) == 0 {
		fmt.Fprintf(w, "No code can be read at %#x.\n", linear)
	} else {
		fmt.Fprintln(w, "Code at RIP:")
		accel.Disassemble(w, code, rip, m.cpu.Mode())
	}
	fmt.Fprintf(w, "Page walk of RIP (%#x):\n", linear)
	m.cpu.DumpWalk(w, linear)
	if cr2 := m.cpu.CR2(); cr2 != 0 {
		fmt.Fprintf(w, "Page walk of CR2 (%#x):\n", cr2)
		m.cpu.DumpWalk(w, cr2)
	}
}

// logException is told every exception and interrupt before it is delivered.
func (m *Machine) logException(r x86.Record) {
	l := m.cfg.Log
	if !l.Wants(debuglog.Int | debuglog.MMU) {
		return
	}
	if l.At(debuglog.Int, r.RIP) {
		l.Write(func(w io.Writer) {
			fmt.Fprintln(w, r)
			m.cpu.DumpState(w)
		})
	}
	if r.Vector == 14 && !r.Extern && !r.Soft && l.At(debuglog.MMU, r.RIP) {
		l.Write(func(w io.Writer) {
			fmt.Fprintf(w, "page fault at %#x:\n", r.CR2)
			m.cpu.DumpWalk(w, r.CR2)
		})
	}
}
