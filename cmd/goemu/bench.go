package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"goemu/emu"
)

const benchHelp = `Small loops of guest code, on each engine: millions of guest instructions a second of the host, with the time it takes to make a machine.
`

// loops are the guests of bench: code that runs with ECX counting down, and its instructions.
var loops = []struct {
	name  string
	code  []byte
	insns int
}{
	{"integer", []byte{0x01, 0xc8, 0x31, 0xc3, 0xc1, 0xc0, 0x03, 0x49}, 5},                        // add eax,ecx; xor ebx,eax; rol eax,3; dec ecx; jnz
	{"memory", []byte{0x8b, 0x04, 0x8d, 0, 0, 0x20, 0, 0x01, 0x04, 0x8d, 0, 0, 0x30, 0, 0x49}, 4}, // mov eax,[200000h+4*ecx]; add [300000h+4*ecx],eax; dec ecx; jnz
	{"calls", []byte{0xe8, 0x02, 0, 0, 0, 0xeb, 0x03, 0xff, 0xc3, 0xc3, 0x49}, 6},                 // call f; jmp on; f: inc ebx; ret; on: dec ecx; jnz
	{"floating point", []byte{0xf2, 0x0f, 0x58, 0xc1, 0xf2, 0x0f, 0x59, 0xd0, 0x49}, 4},           // addsd; mulsd; dec ecx; jnz
}

// benchKernel is a multiboot kernel that runs a loop outer times 10000 rounds and powers off.
func benchKernel(code []byte, outer uint32) []byte {
	const base, flags = 0x100000, 1 << 16
	le := binary.LittleEndian
	var p []byte
	for _, v := range []uint32{0x1badb002, flags, ^uint32(0x1badb002+flags) + 1, base, base, 0, 0x400000, base + 32} {
		p = le.AppendUint32(p, v)
	}
	p = append(p, 0xbc, 0, 0, 0x09, 0)                                     // mov esp, 90000h
	p = append(p, 0x0f, 0x20, 0xe0, 0x66, 0x0d, 0, 0x06, 0x0f, 0x22, 0xe0) // CR4.OSFXSR and OSXMMEXCPT
	p = le.AppendUint32(append(p, 0xba), outer)                            // mov edx, outer
	top := len(p)
	p = le.AppendUint32(append(p, 0xb9), benchRounds) // mov ecx, rounds
	inner := len(p)
	p = append(p, code...)
	p = append(p, 0x75, byte(inner-len(p)-2)) // jnz
	p = append(p, 0x4a)                       // dec edx
	p = append(p, 0x75, byte(top-len(p)-2))
	return append(p, 0x66, 0xba, 0x04, 0x06, 0x66, 0xb8, 0x00, 0x20, 0x66, 0xef, 0xf4, 0xeb, 0xfd) // out 604h, 2000h: power off
}

const benchRounds = 10000

// benchOuter are how often the rounds are run on each engine.
var benchOuter = map[string]uint32{"tcg": 20000, "interp": 400}

func runBench(out io.Writer, args []string) (int, error) {
	if err := none(args); err != nil {
		return 0, err
	}
	dir, err := os.MkdirTemp("", "goemu-bench")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	return 0, bench(out, dir, benchOuter)
}

func bench(out io.Writer, dir string, outer map[string]uint32) error {
	for _, engine := range []string{"tcg", "interp"} {
		accel, err := emu.ParseAccel(engine)
		if err != nil {
			fmt.Fprintf(out, "%-8s %v\n", engine, err)
			continue
		}
		for _, l := range loops {
			kernel := filepath.Join(dir, "kernel")
			if err := os.WriteFile(kernel, benchKernel(l.code, outer[engine]), 0o600); err != nil {
				return err
			}
			begin := time.Now()
			m, err := emu.New(emu.Config{Kernel: kernel, Accel: accel, Memory: 16 << 20, Serial: []string{"null"}, NoReboot: true})
			if err != nil {
				return err
			}
			made := time.Now()
			_, err = m.Run()
			took := time.Since(made)
			if e := m.Close(); err == nil {
				err = e
			}
			if err != nil {
				return err
			}
			insns := float64(outer[engine]) * benchRounds * float64(l.insns)
			fmt.Fprintf(out, "%-8s %-16s %8.0f MIPS (machine made in %.1f ms)\n", engine, l.name, insns/took.Seconds()/1e6, made.Sub(begin).Seconds()*1e3)
		}
	}
	return nil
}
