package pci

// Capability IDs (PCI Local Bus Specification 3.0, appendix H).
const (
	CapPM     = 0x01 // power management
	CapMSI    = 0x05
	CapVendor = 0x09
	CapSATA   = 0x12
)

const (
	statusCapabilities = 1 << 4
	msiAddressMask     = 0xfffffffc
)

// Registers of an MSI capability with a 64-bit address, from its start on (PCI 3.0, 6.8.1).
const (
	MSIControl = 2
	MSIAddress = 4
	MSIData    = 12
	MSISize    = 14 // bytes of the capability

	msiEnable      = 1 << 0
	msiCapableMask = 7
	msiEnabledAt   = 4 // MSIControl bits 6..4: log2 of the messages that software allows
	msi64          = 1 << 7
)

// AddCapability puts a capability at the end of the function's list. The caller fills in what follows its two bytes of header
// and says which bits are writable. It must be called before the function is put on a bus.
func (f *Function) AddCapability(at, id uint8) {
	last := uint8(Capabilities)
	for f.Config[last] != 0 {
		last = f.Config[last] + 1
	}
	f.Config[last] = at
	f.Config[at], f.Config[at+1] = id, 0
	f.Config[Status] |= statusCapabilities
}

// AddMSI adds an MSI capability at offset at: 1<<messages messages (messages is at most 5), 64-bit addresses, no masks. It must be
// called before the function is put on a bus.
func (f *Function) AddMSI(at uint8, messages uint8) {
	f.AddCapability(at, CapMSI)
	f.msi = at
	put16(f.Config[at+MSIControl:], msi64|uint16(messages)<<1)
	f.Writable[at+MSIControl] = msiEnable | 7<<msiEnabledAt
	for i := range uint8(4) {
		f.Writable[at+MSIAddress+i] = byte(uint32(msiAddressMask) >> (8 * i))
		f.Writable[at+MSIAddress+4+i] = 0xff
	}
	put16(f.Writable[at+MSIData:], 0xffff)
}

// MSIEnabled tells whether software wants messages; the function must not use INTx then.
func (f *Function) MSIEnabled() bool {
	return f.msi != 0 && f.Config[f.msi+MSIControl]&msiEnable != 0
}

// SendMSI sends message n. Where software allows fewer messages, n counts modulo those. It is a write to memory: nothing is sent unless MSI and bus
// mastering are enabled.
func (f *Function) SendMSI(n int) {
	if !f.MSIEnabled() || f.Config16(Command)&CommandBusMaster == 0 || f.bus == nil || f.bus.OnMSI == nil {
		return
	}
	control := f.Config[f.msi+MSIControl]
	log2 := min(control>>msiEnabledAt&7, control>>1&msiCapableMask)
	mask := uint32(1)<<log2 - 1
	addr := uint64(f.ReadConfig(f.msi+MSIAddress, 4)) | uint64(f.ReadConfig(f.msi+MSIAddress+4, 4))<<32
	f.bus.OnMSI(addr, f.ReadConfig(f.msi+MSIData, 2)&^mask|uint32(n)&mask)
}

// SetIRQ sets the request of a function with one interrupt: INTx, or if MSI is enabled message 0 each time that the request rises.
func (f *Function) SetIRQ(level bool) {
	rises := level && !f.intx
	f.SetINTx(level)
	if rises {
		f.SendMSI(0)
	}
}
