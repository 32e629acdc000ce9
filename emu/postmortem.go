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
func (v *vcpu) tripleFault() {
	var b bytes.Buffer
	v.postMortem(&b)
	// On a terminal in raw mode lines need a carriage return.
	os.Stderr.Write(bytes.ReplaceAll(b.Bytes(), []byte("\n"), []byte("\r\n")))
	if v.m.cfg.Log.Wants(^debuglog.Item(0)) {
		v.m.cfg.Log.Write(func(w io.Writer) { w.Write(b.Bytes()) })
	}
}

// postMortem writes the last exceptions, the registers, the code at RIP and the page walks of RIP and CR2.
func (v *vcpu) postMortem(w io.Writer) {
	fmt.Fprintf(w, "goemu: %striple fault, or RSM to an invalid state: the CPU has shut down. Last exceptions and interrupts, newest last:\n", v.cpu.Name())
	if v.m.inKVM() {
		fmt.Fprintln(w, "KVM does not tell of them: -accel tcg does.")
	}
	v.cpu.DumpHistory(w)
	v.cpu.DumpState(w)
	rip := v.env.RIP
	linear := rip + v.cpu.CSBase()
	var code []byte
	for i := range uint64(16) {
		b, ok := v.cpu.Peek(linear + i)
		if !ok {
			break
		}
		code = append(code, b)
	}
	if len(code) == 0 {
		fmt.Fprintf(w, "No code can be read at %#x.\n", linear)
	} else {
		fmt.Fprintln(w, "Code at RIP:")
		accel.Disassemble(w, code, rip, v.cpu.Mode())
	}
	fmt.Fprintf(w, "Page walk of RIP (%#x):\n", linear)
	v.cpu.DumpWalk(w, linear)
	if cr2 := v.cpu.CR2(); cr2 != 0 {
		fmt.Fprintf(w, "Page walk of CR2 (%#x):\n", cr2)
		v.cpu.DumpWalk(w, cr2)
	}
}

// logException is told every exception and interrupt before it is delivered.
func (v *vcpu) logException(r x86.Record) {
	if v.m.rec.kinds != 0 {
		v.recordException(&r)
	}
	l := v.m.cfg.Log
	if !l.Wants(debuglog.Int | debuglog.MMU) {
		return
	}
	if l.At(debuglog.Int, r.RIP) {
		l.Write(func(w io.Writer) {
			fmt.Fprintf(w, "%s%s\n", v.cpu.Name(), r)
			v.cpu.DumpState(w)
		})
	}
	if r.Vector == 14 && !r.Extern && !r.Soft && l.At(debuglog.MMU, r.RIP) {
		l.Write(func(w io.Writer) {
			fmt.Fprintf(w, "%spage fault at %#x:\n", v.cpu.Name(), r.CR2)
			v.cpu.DumpWalk(w, r.CR2)
		})
	}
}
