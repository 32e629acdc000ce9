package board

import (
	"goemu/devices"
	"goemu/devices/rtc"
	"goemu/mmu"
)

// mmioBus makes a devices.MMIOBus of the physical address space.
type mmioBus struct {
	space *mmu.Space
}

// MapMMIO implements devices.MMIOBus.
func (b mmioBus) MapMMIO(base, size uint64, d devices.MMIODevice) { b.space.MapIO(base, size, d) }

// MapRAM implements devices.MMIOBus.
func (b mmioBus) MapRAM(base uint64, p []byte, readOnly bool) { b.space.MapRAM(base, p, readOnly) }

// UnmapMMIO implements devices.MMIOBus.
func (b mmioBus) UnmapMMIO(base, size uint64) { b.space.Unmap(base, size) }

// nobody answers where the bus is open: all ones.
type nobody struct{}

func (nobody) ReadMMIO(uint64, int) uint64   { return ^uint64(0) }
func (nobody) WriteMMIO(uint64, int, uint64) {}

// LowMemory is the size of RAM below 4 GiB, in bytes.
func (pc *PC) LowMemory() uint64 { return min(uint64(len(pc.cfg.RAM)), pc.chipset.board().LowMax) }

// FirmwareSize is the size of the firmware's ROM, which ends at 4 GiB, in bytes; 0: it is in flash chips.
func (pc *PC) FirmwareSize() int { return len(pc.cfg.ROM) }

// mapMemory maps RAM below the PCI hole and above 4 GiB. The display's window at A0000h belongs to PCI; the RAM under
// it is SMRAM.
func (pc *PC) mapMemory() {
	low := pc.LowMemory()
	pc.Space.MapRAM(0, pc.cfg.RAM[:low:low], false)
	if high := pc.cfg.RAM[low:]; len(high) > 0 {
		pc.Space.MapRAM(HighMemory, high, false)
	}
	pc.Space.MapIO(vgaBase, vgaSize, nobody{})
	pc.smram = pc.Space.MapWindow(vgaBase, pc.cfg.RAM[vgaBase:vgaBase+vgaSize:vgaBase+vgaSize])
	if n := uint64(len(pc.cfg.ROM)); n > 0 {
		pc.Space.MapRAM(biosTop-n, pc.cfg.ROM, true)
	}
	pc.addShadow(pc.cfg.firmware())
}

// SetSMM tells whether the vCPU that makes accesses is in system management mode.
func (pc *PC) SetSMM(on bool) {
	if on == pc.smm {
		return
	}
	pc.smm = on
	pc.updateSMRAM()
}

// updateSMRAM follows the chip set's registers and the mode.
func (pc *PC) updateSMRAM() {
	pc.chipset.openSMRAM(pc.smm)
	if pc.cfg.OnTSEG != nil && pc.HasTSEG() {
		pc.cfg.OnTSEG()
	}
}

// HasTSEG tells whether the guest has set up TSEG, memory for system management mode at the end of low memory.
func (pc *PC) HasTSEG() bool { return pc.chipset.hasTSEG() }

// setA20 switches address line 20.
func (pc *PC) setA20(on bool) {
	if on {
		pc.Space.Mask |= 1 << 20
	} else {
		pc.Space.Mask &^= 1 << 20
	}
	if pc.Space.OnRemap != nil {
		pc.Space.OnRemap(0, pc.Space.Mask+1)
	}
}

// setCMOS fills in what PC firmware would: equipment and memory sizes.
func (pc *PC) setCMOS() {
	const mib = 1 << 20
	set16 := func(i int, v uint64) {
		pc.RTC.SetCMOS(i, uint8(v))
		pc.RTC.SetCMOS(i+1, uint8(v>>8))
	}
	low, high := pc.LowMemory(), uint64(len(pc.cfg.RAM))-pc.LowMemory()
	pc.RTC.SetCMOS(rtc.Equipment, 0x06) // coprocessor, pointing device
	set16(rtc.BaseMemLow, 640)
	ext := min((low-mib)>>10, 0xffff)
	set16(rtc.ExtMemLow, ext)
	set16(rtc.ExtMem2Low, ext)
	if low > 16*mib {
		set16(rtc.HighMemLow, min((low-16*mib)>>16, 0xffff))
	}
	set16(rtc.Above4GLow, high>>16)
	pc.RTC.SetCMOS(rtc.Above4GLow+2, uint8(high>>32))
	pc.RTC.SetCMOS(rtc.ExtraCPUs, uint8(pc.cfg.CPUs-1))
}
