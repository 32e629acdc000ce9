// Package engines tells of every row of the decoder's table what executes it: micro-ops in host code, the interpreter, the CPU
// in Go, or nothing. It decodes and translates samples of each row, and runs none.
package engines

import (
	"goemu/decoder"
	"goemu/emu/translate"
	"goemu/emu/x86"
	"goemu/tcg"
	"goemu/tcg/amd64"
	"goemu/tcg/simd"
)

// By is what executes an instruction.
type By uint8

// Executors, from the slowest to the fastest. Of a row's samples the slowest counts.
const (
	Nothing     By = iota // #UD
	CPU                   // plain Go, as one Sys op
	Interpreter           // micro-ops in Go
	HostCode              // micro-ops in host code
)

var names = [...]string{"nothing", "Go", "interpreter", "host code"}

// String names the executor.
func (b By) String() string { return names[b] }

// Row is a row of the table with what executes it on each engine, on this host.
type Row struct {
	*decoder.Row
	Native, Interp By
}

// Rows gives all rows.
func Rows() []Row {
	table := decoder.Rows()
	out := make([]Row, len(table))
	seen := make([]int, len(table)) // samples taken, by register and memory operand
	for i := range table {
		out[i] = Row{Row: &table[i], Native: HostCode, Interp: HostCode}
	}
	tr := translate.New()
	try := func(code []byte) {
		for _, mode := range []tcg.Mode{tcg.ModeCode64, tcg.ModeCode32 | tcg.ModeStack32} {
			var i decoder.Inst
			if decoder.Decode(code, decoder.Mode(mode&tcg.ModeCode), &i) != nil {
				continue
			}
			kind := 1
			if i.HasModRM && i.ModRM >= 0xc0 {
				kind = 2
			}
			if mode&tcg.ModeCode == tcg.ModeCode64 {
				kind <<= 2
			}
			if seen[i.Row]&kind != 0 {
				continue
			}
			seen[i.Row] |= kind
			native, interp := executors(tr, mode|tcg.ModeProt|tcg.ModeFlat, code, i.Op)
			r := &out[i.Row]
			r.Native, r.Interp = min(r.Native, native), min(r.Interp, interp)
		}
	}
	samples(try)
	for i := range out {
		if seen[i] == 0 {
			out[i].Native, out[i].Interp = Nothing, Nothing
		}
	}
	return out
}

// executors translates one instruction at level 0.
func executors(tr *translate.Translator, mode tcg.Mode, code []byte, op decoder.Op) (native, interp By) {
	b := &tcg.Block{Key: tcg.Key{RIP: 0x1000, Mode: mode}}
	if tr.Translate(b, code, 1) != nil {
		return Nothing, Nothing
	}
	native, interp = HostCode, Interpreter
	for i := range b.Ops {
		o := &b.Ops[i]
		switch {
		case o.Code == tcg.Sys:
			s := b.Insts[o.Imm].Op
			if s == decoder.Invalid && op != s || !x86.Implemented(s) {
				return Nothing, Nothing
			}
			return CPU, CPU
		case o.Code == tcg.Vec && !simd.Known(o.Enc):
			return Nothing, Nothing
		case !amd64.Inline(o):
			native = Interpreter
		}
	}
	return native, interp
}

// samples gives code for every opcode, prefix, W, L and ModRM.reg, with register and memory operands.
func samples(try func([]byte)) {
	tail := []byte{0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x78}
	buf := make([]byte, 0, 32)
	add := func(head ...byte) {
		for reg := range byte(8) {
			for _, rm := range []byte{0x04, 0x44, 0xc0, 0xc1} {
				buf = append(append(append(buf[:0], head...), rm|reg<<3), tail...)
				try(buf)
			}
		}
	}
	for n := range 256 {
		op := byte(n)
		for _, p := range []string{"", "\x66", "\xf3", "\xf2"} {
			for _, rex := range []string{"", "\x48", "\x41"} {
				for _, m := range []string{"", "\x0f", "\x0f\x38", "\x0f\x3a"} {
					add(append([]byte(p+rex+m), op)...)
				}
			}
		}
		for m := byte(1); m <= 3; m++ {
			for k := range byte(16) { // W, L, pp
				for _, v := range []byte{0x78, 0x50} {
					add(0xc4, 0xe0|m, k>>3<<7|v|k>>2&1<<2|k&3, op)
				}
			}
			for k := range byte(32) {
				for _, v := range []byte{0x78, 0x50} {
					for _, z := range []byte{8, 9} {
						add(0x62, 0xf0|m, k>>4<<7|v|4|k&3, k>>2&3<<5|z, op)
					}
				}
			}
		}
	}
	for rm := 0xc0; rm < 0x100; rm++ {
		for op := byte(0xd8); op <= 0xdf; op++ {
			try([]byte{op, byte(rm)})
		}
		for _, op := range []byte{0x01, 0x1e, 0xae} {
			try([]byte{0x0f, op, byte(rm)})
			try([]byte{0xf3, 0x0f, op, byte(rm)})
		}
	}
	for _, op := range []byte{0x26, 0xc4, 0xc5, 0x62} {
		try([]byte{op, 0x04, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66})
	}
}
