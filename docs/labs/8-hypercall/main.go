// Command 8-hypercall runs a guest in a machine of its own and answers the guest's hypercalls. It is lab 8 of docs/labs.
//
//	go run . GUEST
package main

import (
	"fmt"
	"os"

	"goemu/emu"
	"goemu/emu/inspect"
)

// hypercallPort is the port to which the guest writes, 32 bits.
const hypercallPort = 0x5ec0

// debugPort is where the guest prints a byte at a time.
const debugPort = 0xe9

// maxBytes bounds what one call may touch: the guest is not to be trusted.
const maxBytes = 1 << 20

// failed is the result of a call that cannot be done.
const failed = 0xffff_ffff

// services are the hypercalls by number. Each gets the guest's bytes from EBX on, ECX of them, and returns the result.
var services = []func(g *emu.Guest, at uint64, p []byte) uint32{
	0: func(_ *emu.Guest, _ uint64, p []byte) uint32 { // print
		n, err := os.Stdout.Write(p)
		if err != nil {
			return failed
		}
		return uint32(n)
	},
	1: func(_ *emu.Guest, _ uint64, p []byte) uint32 { // sum
		var sum uint32
		for _, b := range p {
			sum += uint32(b)
		}
		return sum
	},
	// YOUR WORK: 2, reverse. g.Write puts bytes into the guest's memory.
}

// hypercall runs while the guest's OUT executes.
func hypercall(g *emu.Guest, _ uint16, _ int, number uint32) {
	result := uint32(failed)
	at, n := g.Register(inspect.RBX), g.Register(inspect.RCX)
	if uint64(number) < uint64(len(services)) && n <= maxBytes {
		p := make([]byte, n)
		if err := g.Read(at, p); err == nil {
			result = services[number](g, at, p)
		}
	}
	g.SetRegister(inspect.RAX, uint64(result))
}

// debug is the debug console. The machine's own (Config.Debugcon) writes beside the vCPU, and so not always before the next hypercall.
func debug(_ *emu.Guest, _ uint16, _ int, value uint32) {
	if _, err := os.Stdout.Write([]byte{byte(value)}); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: go run . GUEST")
		os.Exit(2)
	}
	m, err := emu.New(emu.Config{
		Kernel:     os.Args[1],
		NoDefaults: true,
		Devices:    []string{"isa-debug-exit,iobase=0xf4"},
		Ports: []emu.PortHandler{
			{First: hypercallPort, Count: 4, Out: hypercall},
			{First: debugPort, Count: 1, Out: debug},
		},
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	status, err := m.Run()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	if err := m.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}
