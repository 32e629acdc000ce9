package board

import (
	"unsafe"

	"goemu/devices"
)

// What debuggers see of a board.

// Devices lists the devices, in the order of their reset.
func (pc *PC) Devices() []devices.Device { return pc.devices }

// PCIBusName is what QEMU calls the PCI bus.
func (pc *PC) PCIBusName() string {
	if pc.cfg.Machine == Q35 {
		return "pcie.0"
	}
	return "pci.0"
}

// RAMOffset tells where in the guest's RAM memory of the host is; ok is false if it is no part of it.
func (pc *PC) RAMOffset(p []byte) (off uint64, ok bool) {
	if len(p) == 0 {
		return 0, false
	}
	off = uint64(uintptr(unsafe.Pointer(unsafe.SliceData(p))) - uintptr(unsafe.Pointer(unsafe.SliceData(pc.cfg.RAM))))
	return off, off < uint64(len(pc.cfg.RAM))
}
