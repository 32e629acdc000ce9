package pci

// MMConfig is configuration space in memory (PCI Express Base Specification 7.2.2): each function has 4 KiB, of which the first 256 bytes are
// those of the configuration mechanism. No function has extended capabilities: what follows reads as 0. It implements devices.MMIODevice.
type MMConfig struct {
	Bus *Bus
}

// MMConfigSize is how much memory a number of buses needs.
func MMConfigSize(buses int) uint64 { return uint64(buses) << busShift }

const (
	busShift      = 20
	functionShift = 12
	extendedMask  = 1<<functionShift - 1
)

// find returns the function at an offset, or nil, and the register.
func (m MMConfig) find(off uint64) (f *Function, reg int) {
	if off>>busShift != 0 {
		return nil, 0
	}
	return m.Bus.fn[off>>functionShift&0xff], int(off & extendedMask)
}

// ReadMMIO implements devices.MMIODevice.
func (m MMConfig) ReadMMIO(off uint64, size int) uint64 {
	f, reg := m.find(off)
	if f == nil {
		return ^uint64(0) >> (64 - 8*size)
	}
	if reg+size > configSize {
		return 0
	}
	if size == 8 {
		return uint64(f.ReadConfig(uint8(reg), 4)) | uint64(f.ReadConfig(uint8(reg+4), 4))<<32
	}
	return uint64(f.ReadConfig(uint8(reg), size))
}

// WriteMMIO implements devices.MMIODevice.
func (m MMConfig) WriteMMIO(off uint64, size int, v uint64) {
	f, reg := m.find(off)
	if f == nil || reg+size > configSize {
		return
	}
	if size == 8 {
		f.WriteConfig(uint8(reg), 4, uint32(v))
		f.WriteConfig(uint8(reg+4), 4, uint32(v>>32))
		return
	}
	f.WriteConfig(uint8(reg), size, uint32(v))
}
