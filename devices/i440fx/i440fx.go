// Package i440fx is the host bridge of the i440FX chip set (82441FX PMC), PCI function 00:00.0.
//
// It follows the Intel 440FX data sheet for the registers that software uses: identity, PAM0-PAM6, SMRAM, DRAM row
// boundaries. What PAM and SMRAM mean for the memory map is the board's business (OnPAM, OnSMRAM). Not done: DRAM timing, the
// data path chip; D_CLS, which sends a handler's data accesses to PCI, is kept and changes nothing.
package i440fx

import "goemu/devices/pci"

// Registers in configuration space.
const (
	PMCConfig = 0x50
	DRAMCtl   = 0x57
	PAM0      = 0x59
	NumPAM    = 7
	DRB0      = 0x60 // 8 row boundaries in units of 8 MiB
	SMRAM     = 0x72
)

// Bits of a PAM nibble.
const (
	PAMRead  = 1 // reads go to RAM, else to PCI
	PAMWrite = 2 // writes go to RAM
)

// Bits of SMRAM.
const (
	smramEnable  = 1 << 3 // G_SMRAME
	smramLock    = 1 << 4 // D_LCK
	smramOpen    = 1 << 6 // D_OPEN
	smramDefault = 0x02
)

// HostBridge is the bridge.
type HostBridge struct {
	*pci.Function
	// OnPAM, if set, is called after a write that may have changed a PAM register.
	OnPAM func()
	// OnSMRAM, if set, is called after a write that may have changed SMRAM.
	OnSMRAM func()
}

// New returns a bridge.
func New() *HostBridge {
	h := &HostBridge{Function: pci.NewFunction("i440FX", 0x8086, 0x1237, 0x02, 0x060000)}
	f := h.Function
	f.Config[pci.Command] = pci.CommandMemory | pci.CommandBusMaster
	f.Writable[pci.Command], f.Writable[pci.Command+1] = 0x40, 0x01
	f.Config[pci.Status+1] = 0x02 // medium DEVSEL timing
	f.Config[SMRAM] = smramDefault
	f.Writable[PMCConfig], f.Writable[PMCConfig+1] = 0xff, 0xff
	f.Writable[DRAMCtl] = 0xff
	for i := range NumPAM {
		f.Writable[PAM0+i] = 0x33
	}
	f.Writable[PAM0] = 0x30
	for i := range 8 {
		f.Writable[DRB0+i] = 0xff
	}
	f.Writable[SMRAM] = 0x78
	f.OnWrite = h.wrote
	return h
}

func (h *HostBridge) wrote(reg uint8, n int) {
	lo, hi := int(reg), int(reg)+n
	if lo < PAM0+NumPAM && hi > PAM0 && h.OnPAM != nil {
		h.OnPAM()
	}
	if lo <= SMRAM && hi > SMRAM {
		h.lockSMRAM()
		h.changedSMRAM()
	}
}

func (h *HostBridge) changedSMRAM() {
	if h.OnSMRAM != nil {
		h.OnSMRAM()
	}
}

// SMRAM tells whether accesses to A0000h to BFFFFh go to RAM, for a processor in system management mode or not.
func (h *HostBridge) SMRAM(smm bool) bool {
	v := h.Config[SMRAM]
	return v&smramEnable != 0 && (smm || v&smramOpen != 0)
}

// lockSMRAM makes the register read-only once D_LCK is set; D_OPEN is then clear.
func (h *HostBridge) lockSMRAM() {
	if h.Config[SMRAM]&smramLock != 0 {
		h.Config[SMRAM] &^= smramOpen
		h.Writable[SMRAM] = 0
	}
}

// Reset implements devices.Device.
func (h *HostBridge) Reset() {
	h.Function.Reset()
	h.Writable[SMRAM] = 0x78
	if h.OnPAM != nil {
		h.OnPAM()
	}
	h.changedSMRAM()
}

// Shadow gives the PAM bits of area i: 0 to 11 are the 16 KiB pieces from C0000h to EFFFFh, 12 is F0000h to FFFFFh.
func (h *HostBridge) Shadow(i int) uint8 {
	if i == 12 {
		return h.Config[PAM0] >> 4 & 3
	}
	return h.Config[PAM0+1+i/2] >> (4 * (i & 1)) & 3
}

// RestoreState takes over a saved state.
func (h *HostBridge) RestoreState(s pci.FunctionState) error {
	if err := h.Function.RestoreState(s); err != nil {
		return err
	}
	h.Writable[SMRAM] = 0x78
	h.lockSMRAM()
	if h.OnPAM != nil {
		h.OnPAM()
	}
	h.changedSMRAM()
	return nil
}
