package kvm

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
)

// ProbeAPIC is the name of ProbeLocalAPIC's guest.
const ProbeAPIC = "the in-kernel local APIC"

// The vectors of its interrupts, both of the same doubleword of ISR, and what else it uses (SDM vol. 3A 11.4.1, 11.11).
const (
	apicLevel, apicTimer = 0x42, 0x43
	apicPins, apicPin    = 24, 5

	apicAll              = 0xfee0_0000 | 0xff<<12 // of a message: to all
	msiLevel             = 3 << 14                // level-triggered, asserted
	apicSVR, apicEnabled = 0xf0, 0x1ff
)

// localAPIC takes a level-triggered interrupt and then one of the timer. EBX is what ISR was in each handler, before and after EOI.
var localAPIC = guest{ProbeAPIC, kind{32, 0}, []byte{
	0x31, 0xdb, // xor ebx, ebx
	0x31, 0xf6, // xor esi, esi
	0xfb,       // sti
	0x85, 0xf6, // test esi, esi
	0x74, 0xfc, // jz to it
	0xc7, 0x05, 0x20, 0x03, 0xe0, 0xfe, apicTimer, 0, 0, 0, // mov dword [0xfee00320], its vector
	0xc7, 0x05, 0xe0, 0x03, 0xe0, 0xfe, 0x0b, 0, 0, 0, // mov dword [0xfee003e0], divided by 1
	0xc7, 0x05, 0x80, 0x03, 0xe0, 0xfe, 0xe8, 0x03, 0, 0, // mov dword [0xfee00380], 1000
	0x83, 0xfe, 0x02, // cmp esi, 2
	0x75, 0xfb, // jne to it
	0x81, 0xfb, 0x00, 1 << (apicTimer & 31), 0x00, 1 << (apicLevel & 31), // cmp ebx, ...
}, 0, false}

// apicHandler is for both.
var apicHandler = []byte{
	0xa1, 0x20, 0x01, 0xe0, 0xfe, // mov eax, [0xfee00120]
	0xc1, 0xe3, 0x08, // shl ebx, 8
	0x09, 0xc3, // or ebx, eax
	0xc7, 0x05, 0xb0, 0x00, 0xe0, 0xfe, 0, 0, 0, 0, // mov dword [0xfee000b0], 0
	0xa1, 0x20, 0x01, 0xe0, 0xfe, // mov eax, [0xfee00120]
	0xc1, 0xe3, 0x08, // shl ebx, 8
	0x09, 0xc3, // or ebx, eax
	0x46, // inc esi
	0xcf, // iretd
}

// ProbeLocalAPIC runs a small guest whose local APIC is in the kernel, and tells what is wrong with that. Some KVMs end interrupts as they deliver them: then
// interrupts have no priorities, and level-triggered ones come twice.
func (h *Host) ProbeLocalAPIC() error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	_, err := h.try(&localAPIC)
	return err
}

// interrupts prepares the local APIC, sends the first interrupt, and runs to the end.
func (p *probe) interrupts() error {
	copy(p.ram[probeInt:], apicHandler)
	const gate = selCode0<<16 | 0x8e<<40 // a 32-bit interrupt gate
	for _, v := range [...]int{apicLevel, apicTimer} {
		p.put(probeIDT+8*v, probeInt|gate)
	}
	var a LAPIC
	if err := p.cpu.LAPIC(&a); err != nil {
		return err
	}
	binary.LittleEndian.PutUint32(a[apicSVR:], apicEnabled)
	if err := p.cpu.SetLAPIC(&a); err != nil {
		return err
	}
	if err := p.vm.SetGSIRouting([]Route{MSIRoute(apicPin, apicAll, apicLevel|msiLevel)}); err != nil {
		return err
	}
	switch taken, err := p.vm.SignalMSI(&MSI{AddressLow: apicAll, Data: apicLevel | msiLevel}); {
	case err != nil:
		return err
	case !taken:
		return errors.New("it does not take an interrupt")
	}
	switch r, err := p.runFor(p.hangs); {
	case err != nil:
		return err
	case r == ExitIntr:
		return fmt.Errorf("it does not come to an end within %v", p.hangs)
	case r != ExitIOAPICEOI || p.cpu.EOI() != apicLevel:
		return fmt.Errorf("%v in place of the end of an interrupt", r)
	}
	if p.result() != nil {
		return errors.New("an interrupt is not in service from its delivery until its EOI")
	}
	return nil
}
