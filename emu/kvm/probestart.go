package kvm

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
)

// ProbeAP is the name of ProbeStartUp's guest.
const ProbeAP = "another processor's start"

const startPage = 0xa // of the start-up interrupt

// startUp starts another processor, by INIT and a start-up interrupt (SDM vol. 3A 11.6.1).
var startUp = guest{ProbeAP, kind{32, 0}, []byte{
	0xc7, 0x05, 0xf0, 0x00, 0xe0, 0xfe, 0xff, 0x01, 0, 0, // mov dword [0xfee000f0], 0x1ff
	0xc7, 0x05, 0x00, 0x03, 0xe0, 0xfe, 0x00, 0x45, 0x0c, 0, // mov dword [0xfee00300], INIT to all but this one
	0xc7, 0x05, 0x00, 0x03, 0xe0, 0xfe, startPage, 0x46, 0x0c, 0, // mov dword [0xfee00300], start-up interrupt
	0x39, 0xc0, // cmp eax, eax
}, 0, false}

// started is where that one begins, in real mode.
var started = []byte{
	0x8c, 0xc8, // mov ax, cs
	0x3d, 0x00, startPage, // cmp ax, 0x100 * startPage
}

// apic tells whether the guest wants a local APIC.
func (g *guest) apic() bool { return g == &localAPIC || g == &startUp }

// ProbeStartUp runs a small guest that starts a second processor, by its in-kernel local APIC.
func (h *Host) ProbeStartUp() error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	_, err := h.try(&startUp)
	return err
}

// start runs the guest and then the processor that it starts.
func (p *probe) start() (err error) {
	copy(p.ram[startPage<<12:], slices.Concat(started, tell))
	first := p.cpu
	second, err := p.vm.CreateVCPU(1)
	if err != nil {
		return err
	}
	defer func() {
		p.cpu = first
		err = errors.Join(err, second.Close())
	}()
	if err := second.SetCPUID(p.cpuid); err != nil {
		return err
	}
	if err := p.result(); err != nil {
		return err
	}
	p.cpu = second
	if err := p.result(); err != nil {
		return fmt.Errorf("the second processor: %w", err)
	}
	return nil
}
