// Package q35 is the host bridge of Intel's 3 series chip sets (82G33/Q35 MCH), PCI function 00:00.0: where configuration space lies in memory,
// which of the first MiB is RAM, and system management RAM.
//
// It follows the Intel 3 Series Express Chipset Family data sheet (316966), 5.1, for the registers that software uses. What they mean for the memory
// map is the board's business (OnPAM, OnSMRAM, OnMMConfig). Not done: remapping and stolen memory (TOLUD, TOUUD and TSEGMB are kept and change
// nothing: RAM ends where the board says), MCHBAR, DMIBAR and EPBAR, the PCI Express port, integrated graphics; D_CLS is kept and changes nothing.
//
// One register is QEMU's: EXTTSEG says, when asked by FFFFh, how many MiB TSEG has with a TSEG_SZ of 3, which the data sheet reserves. OVMF
// believes whatever it reads there.
package q35

import "goemu/devices/pci"

// Registers in configuration space.
const (
	EXTTSEG  = 0x50 // 2 bytes
	PCIEXBAR = 0x60
	PAM0     = 0x90
	NumPAM   = 7
	SMRAM    = 0x9d
	ESMRAMC  = 0x9e
)

// Bits of PCIEXBAR.
const (
	pciexEnable = 1 << 0
	pciexLength = 3 << 1
)

// Bits of SMRAM and ESMRAMC.
const (
	smramEnable   = 1 << 3 // G_SMRAME
	smramLock     = 1 << 4 // D_LCK
	smramOpen     = 1 << 6 // D_OPEN
	smramDefault  = 0x02
	smramWritable = 0x78

	esmramTSEG     = 1 << 0 // T_EN
	esmramSizeAt   = 1      // TSEG_SZ
	esmramHigh     = 1 << 7 // H_SMRAME
	esmramDefault  = 0x38
	esmramWritable = 0x87
)

// TSEGSizes are the sizes that TSEG can have, by TSEG_SZ.
var TSEGSizes = [...]uint64{1 << 20, 2 << 20, 8 << 20, extTSEG << 20}

// extTSEG is what EXTTSEG says, in MiB.
const extTSEG = 16

// HighSMRAM is where the legacy SMRAM shows with H_SMRAME.
const HighSMRAM = 0xfeda0000

// HostBridge is the bridge.
type HostBridge struct {
	*pci.Function
	// OnPAM, OnSMRAM and OnMMConfig, if set, are called after a write that may have changed the PAM registers, SMRAM or ESMRAMC, or PCIEXBAR.
	OnPAM, OnSMRAM, OnMMConfig func()
}

// New returns a bridge.
func New() *HostBridge {
	h := &HostBridge{Function: pci.NewFunction("Q35 MCH", 0x8086, 0x29c0, 0x00, 0x060000)}
	f := h.Function
	f.Config[pci.Command] = pci.CommandMemory | pci.CommandBusMaster
	f.Writable[pci.Command], f.Writable[pci.Command+1] = 0x40, 0x01
	f.Config[pci.Status] = 0x90
	f.Config[pci.Capabilities] = 0xe0
	f.Writable[pci.InterruptLine] = 0
	for _, r := range [...]struct {
		reg         int
		reset, mask uint64
		size        int
	}{
		{0x40, 0, 0xf_fffff001, 8}, // PXPEPBAR
		{0x48, 0, 0xf_ffffc001, 8}, // MCHBAR
		{EXTTSEG, 0, 0xffff, 2},
		{0x52, 0x02, 0x7f3, 2}, // GGC: no graphics inside
		{0x54, 0x001, 0, 4},    // DEVEN: nothing but this function
		{PCIEXBAR, 0xe0000000, 0xf_fc000007, 8},
		{0x68, 0, 0xf_fffff001, 8},          // DMIBAR
		{PAM0, 0, 0x33333333333330, 7},      //
		{0x97, 0, 0x83, 1},                  // LAC
		{0x98, 0x3ff, 0x3ff, 2},             // REMAPBASE
		{0x9a, 0, 0x3ff, 2},                 // REMAPLIMIT
		{SMRAM, smramDefault, 0, 1},         //
		{ESMRAMC, esmramDefault, 0, 1},      //
		{0xa0, 0x1, 0x3ff, 2},               // TOM
		{0xa2, 0, 0xfff0, 2},                // TOUUD
		{0xa4, 0, 0xfff00000, 4},            // GBSM
		{0xa8, 0, 0xfff00000, 4},            // BGSM
		{0xac, 0, 0xfff00000, 4},            // TSEGMB
		{0xb0, 0x0010, 0xfff0, 2},           // TOLUD
		{0xca, 0, 0x1fff, 2},                // ERRCMD
		{0xcc, 0, 0x3, 2},                   // SMICMD
		{0xdc, 0, 0xffffffff, 4},            // SKPD
		{0xe0, 0x0000_0000_010b_0009, 0, 8}, // CAPID0
	} {
		for i := range r.size {
			f.Config[r.reg+i], f.Writable[r.reg+i] = byte(r.reset>>(8*i)), byte(r.mask>>(8*i))
		}
	}
	f.OnWrite = h.wrote
	h.setMasks()
	return h
}

func (h *HostBridge) wrote(reg uint8, n int) {
	lo, hi := int(reg), int(reg)+n
	touches := func(first, size int) bool { return lo < first+size && hi > first }
	if touches(PAM0, NumPAM) {
		call(h.OnPAM)
	}
	if touches(EXTTSEG, 2) && h.Config16(EXTTSEG) == 0xffff {
		h.Config[EXTTSEG], h.Config[EXTTSEG+1] = extTSEG, 0
	}
	if touches(SMRAM, 2) {
		h.setMasks()
		call(h.OnSMRAM)
	}
	if touches(PCIEXBAR, 8) {
		h.Config[PCIEXBAR+3] &^= uint8((h.mmSize() - 1) >> 24) // base bits beyond the length are 0
		call(h.OnMMConfig)
	}
}

func call(f func()) {
	if f != nil {
		f()
	}
}

// setMasks makes SMRAM and ESMRAMC read-only once D_LCK is set; D_OPEN is then clear.
func (h *HostBridge) setMasks() {
	h.Writable[SMRAM], h.Writable[ESMRAMC] = smramWritable, esmramWritable
	if h.Config[SMRAM]&smramLock != 0 {
		h.Config[SMRAM] &^= smramOpen
		h.Writable[SMRAM], h.Writable[ESMRAMC] = 0, 0
	}
}

// mmSize is the length of PCIEXBAR in bytes: 256, 128 or 64 MiB.
func (h *HostBridge) mmSize() uint64 {
	return 256 << 20 >> min(h.Config[PCIEXBAR]&pciexLength>>1, 2)
}

// MMConfig is where configuration space shows in memory; size 0: nowhere.
func (h *HostBridge) MMConfig() (base, size uint64) {
	low, high := h.ReadConfig(PCIEXBAR, 4), h.ReadConfig(PCIEXBAR+4, 4)
	if low&pciexEnable == 0 || low&pciexLength == pciexLength {
		return 0, 0
	}
	size = h.mmSize()
	return (uint64(high)<<32 | uint64(low)) &^ (size - 1), size
}

// SMRAM tells whether accesses to A0000h to BFFFFh, or those to the same bytes at HighSMRAM, go to RAM, for a processor in system management
// mode or not.
func (h *HostBridge) SMRAM(smm bool) (low, high bool) {
	v := h.Config[SMRAM]
	if v&smramEnable == 0 || !smm && v&smramOpen == 0 {
		return false, false
	}
	high = h.Config[ESMRAMC]&esmramHigh != 0
	return !high, high
}

// TSEG is how much of the end of low memory only processors in system management mode see, in bytes.
func (h *HostBridge) TSEG() uint64 {
	v := h.Config[ESMRAMC]
	n := int(v >> esmramSizeAt & 3)
	if h.Config[SMRAM]&smramEnable == 0 || v&esmramTSEG == 0 || n == 3 && h.Config16(EXTTSEG) != extTSEG {
		return 0
	}
	return TSEGSizes[n]
}

// Shadow gives the PAM bits of area i: 0 to 11 are the 16 KiB pieces from C0000h to EFFFFh, 12 is F0000h to FFFFFh.
func (h *HostBridge) Shadow(i int) uint8 {
	if i == 12 {
		return h.Config[PAM0] >> 4 & 3
	}
	return h.Config[PAM0+1+i/2] >> (4 * (i & 1)) & 3
}

// Reset implements devices.Device.
func (h *HostBridge) Reset() {
	h.Function.Reset()
	h.changed()
}

// RestoreState takes over a saved state.
func (h *HostBridge) RestoreState(s pci.FunctionState) error {
	if err := h.Function.RestoreState(s); err != nil {
		return err
	}
	h.changed()
	return nil
}

func (h *HostBridge) changed() {
	h.setMasks()
	call(h.OnPAM)
	call(h.OnSMRAM)
	call(h.OnMMConfig)
}
