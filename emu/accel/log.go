package accel

import (
	"fmt"
	"io"

	"goemu/decoder"
	"goemu/emu/debuglog"
	"goemu/tcg"
)

// decoderMode is the decoder's name for the code size of a mode.
func decoderMode(m tcg.Mode) decoder.Mode {
	switch m & tcg.ModeCode {
	case tcg.ModeCode64:
		return decoder.Mode64
	case tcg.ModeCode32:
		return decoder.Mode32
	}
	return decoder.Mode16
}

// logGuest writes a block's guest assembly and its micro-ops as translated.
func (e *Engine) logGuest(b *tcg.Block, code []byte) {
	l := e.opt.Log
	if l.At(debuglog.InAsm, b.Key.RIP) {
		l.Write(func(w io.Writer) {
			fmt.Fprintf(w, "----------------\nIN: %#x physical %#x, %d-bit, CPL %d\n", b.Key.RIP, b.Key.Phys, b.Key.Mode.CodeBits(), b.Key.Mode.CPL())
			Disassemble(w, code[:b.Bytes], b.Key.RIP, b.Key.Mode)
			fmt.Fprintln(w)
		})
	}
	if l.At(debuglog.Op, b.Key.RIP) {
		l.Printf("OP: %#x\n%s\n", b.Key.RIP, b)
	}
}

// Disassemble writes guest code, an instruction a line.
func Disassemble(w io.Writer, code []byte, rip uint64, mode tcg.Mode) {
	var in decoder.Inst
	for len(code) > 0 {
		n := 1
		if decoder.Decode(code, decoderMode(mode), &in) == nil {
			n = int(in.Len)
		}
		fmt.Fprintf(w, "%#016x:  %-24x %s\n", rip, code[:n], decoder.Format(code[:n], decoderMode(mode), rip))
		code, rip = code[n:], rip+uint64(n)
	}
}

func (e *Engine) logOptimised(b *tcg.Block) {
	if l := e.opt.Log; l.At(debuglog.OpOpt, b.Key.RIP) {
		l.Printf("OP after optimisation: %#x\n%s\n", b.Key.RIP, b)
	}
}

func (e *Engine) logHost(b *tb) {
	if l := e.opt.Log; l.At(debuglog.OutAsm, b.key.RIP) {
		l.Write(func(w io.Writer) {
			fmt.Fprintf(w, "OUT: %#x, %d bytes\n", b.key.RIP, b.code.Size)
			if err := b.code.Listing(w); err != nil {
				fmt.Fprintln(w, err)
			}
			fmt.Fprintln(w)
		})
	}
}

// logsRuns tells whether each run of a block is logged. What has been translated must be dropped (Code.Flush) when that changes.
func (c *Code) logsRuns() bool { return c.opt.Log.Wants(debuglog.Exec | debuglog.CPU) }

// logExec writes a line for a block about to run, and the registers.
func (e *Engine) logExec(b *tb) {
	l := e.opt.Log
	if l.At(debuglog.Exec, b.key.RIP) {
		l.Printf("%sTrace: block %d at %#x, mode %#x\n", e.cpu.Name(), b.id, b.key.RIP, uint16(b.key.Mode))
	}
	if l.At(debuglog.CPU, b.key.RIP) {
		l.Write(func(w io.Writer) { e.cpu.DumpState(w) })
	}
}
