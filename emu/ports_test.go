package emu_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"goemu/emu"
	"goemu/emu/inspect"
	"goemu/emu/kvm"
)

// portsGuest is a multiboot kernel at 1 MiB that calls port 0x5000 with ESI at a text of 5 bytes, and ends with what it then finds there.
var portsGuest = []byte{
	0x02, 0xb0, 0xad, 0x1b, 0, 0, 1, 0, 0xfe, 0x4f, 0x51, 0xe4, // magic, flags, checksum
	0, 0, 0x10, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0x10, 0x10, 0, 0x20, 0, 0x10, 0, // header, load, end, bss end, entry

	0xbe, 0x40, 0x00, 0x10, 0x00, // mov esi, text
	0xb8, 0x07, 0x00, 0x00, 0x00, // mov eax, 7
	0x66, 0xba, 0x00, 0x50, // mov dx, 0x5000
	0xef,       // out dx, eax
	0x66, 0xed, // in ax, dx
	0x02, 0x06, // add al, [esi]
	0x00, 0xd8, // add al, bl
	0xe6, 0xf4, // out 0xf4, al
	0xeb, 0xfe, // jmp $
	0, 0, 0, 0, 0, 0, 0,
	'H', 'e', 'l', 'l', 'o',
}

// A handler has the value, the vCPU's registers and its memory; the guest sees what it changes, at the very next instruction.
func TestPorts(t *testing.T) {
	kernel := filepath.Join(t.TempDir(), "kernel")
	if err := os.WriteFile(kernel, portsGuest, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, engine := range kvmAnd(t, kvm.Probe32) {
		t.Run(name, func(t *testing.T) {
			text := make([]byte, 5)
			var value uint32
			m, err := emu.New(emu.Config{
				Accel: engine, Kernel: kernel, Devices: []string{"isa-debug-exit,iobase=0xf4"}, Serial: []string{"null"},
				Ports: []emu.PortHandler{{First: 0x5000, Count: 4,
					Out: func(g *emu.Guest, port uint16, size int, v uint32) {
						value = v
						at := g.Register(inspect.RSI)
						if err := g.Read(at, text); err != nil || port != 0x5000 || size != 4 || g.CPU() != 0 {
							t.Errorf("port %#x, %d bytes, CPU %d: %v", port, size, g.CPU(), err)
						}
						if err := g.Write(at, []byte{0x10}); err != nil {
							t.Error(err)
						}
						g.SetRegister(inspect.RBX, 1<<32|0x20)
					},
					In: func(_ *emu.Guest, port uint16, size int) uint32 { return uint32(size) },
				}},
			})
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			status, err := m.Run()
			if want := (0x10+0x20+2)<<1 | 1; status != want || err != nil {
				t.Errorf("status %d, want %d: %v", status, want, err)
			}
			if string(text) != "Hello" || value != 7 {
				t.Errorf("the handler saw %q, value %d", text, value)
			}
			if r, err := m.Registers(0); err != nil || r.GPR[inspect.RBX] != 0x20 {
				t.Errorf("rbx is %#x: 32-bit code has 32 bits of it: %v", r.GPR[inspect.RBX], err)
			}
		})
	}
}

// A handler that lacks a direction is as a port that nobody has.
func TestPortsMissing(t *testing.T) {
	kernel := filepath.Join(t.TempDir(), "kernel")
	if err := os.WriteFile(kernel, portsGuest, 0o600); err != nil {
		t.Fatal(err)
	}
	m, err := emu.New(emu.Config{Kernel: kernel, Devices: []string{"isa-debug-exit,iobase=0xf4"}, Serial: []string{"null"}, Ports: []emu.PortHandler{{First: 0x5000, Count: 4}}})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	status, err := m.Run()
	r, _ := m.Registers(0)
	if want := int(uint8(0xff+'H'+r.GPR[inspect.RBX]))<<1 | 1; status != want || err != nil {
		t.Errorf("status %d, want %d: %v", status, want, err)
	}
}

func TestPortsFail(t *testing.T) {
	for want, ports := range map[string][]emu.PortHandler{
		"handler of 0 ports":        {{First: 0x5000}},
		"below 0x10000":             {{First: 0xffff, Count: 2}},
		"port 0x3f8 is a device's":  {{First: 0x3f8, Count: 16}},
		"port 0x5001 is a device's": {{First: 0x5000, Count: 2}, {First: 0x5001, Count: 4}},
	} {
		m, err := emu.New(emu.Config{Ports: ports, Serial: []string{"null"}})
		if err == nil {
			m.Close()
			t.Errorf("no error, want one with %q", want)
		} else if !strings.Contains(err.Error(), want) {
			t.Errorf("%v: want %q", err, want)
		}
	}
}
