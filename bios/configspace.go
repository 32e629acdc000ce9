package bios

import "goemu/devices"

// ConfigSpace does configuration cycles by mechanism #1, as firmware does.
type ConfigSpace struct {
	Ports devices.PortDevice
}

// PCIAddress is bus, device and function number in 16 bits.
type PCIAddress uint16

const (
	pciAddressPort = 0xcf8
	pciDataPort    = 0xcfc
)

// Slot is the device number.
func (a PCIAddress) Slot() uint8 { return uint8(a >> 3 & 31) }

func (p ConfigSpace) port(a PCIAddress, reg uint8) uint16 {
	p.Ports.Out(pciAddressPort, 4, 1<<31|uint32(a)<<8|uint32(reg&^3))
	return pciDataPort + uint16(reg&3)
}

// Read reads 1, 2 or 4 bytes, aligned.
func (p ConfigSpace) Read(a PCIAddress, reg uint8, size int) uint32 {
	return p.Ports.In(p.port(a, reg), size)
}

// Write writes 1, 2 or 4 bytes, aligned.
func (p ConfigSpace) Write(a PCIAddress, reg uint8, size int, v uint32) {
	p.Ports.Out(p.port(a, reg), size, v)
}

// Functions calls f for each function of bus 0.
func (p ConfigSpace) Functions(f func(a PCIAddress)) {
	const headerType, multi = 0x0e, 0x80
	for slot := PCIAddress(0); slot < 32; slot++ {
		for fn := range PCIAddress(8) {
			a := slot<<3 | fn
			if uint16(p.Read(a, 0, 2)) == 0xffff {
				if fn == 0 {
					break
				}
				continue
			}
			f(a)
			if fn == 0 && p.Read(a, headerType, 1)&multi == 0 {
				break
			}
		}
	}
}
