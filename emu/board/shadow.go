package board

import (
	"goemu/devices/i440fx"
	"goemu/mmu"
)

// The memory from C0000h to FFFFFh is RAM over which the host bridge lays what is on PCI, by area, for reads and writes apart (PAM): the
// last 128 KiB of the firmware image from E0000h on, nothing below.
const (
	shadowBase  = 0xc0000
	shadowEnd   = 0x100000
	isaROM      = 0xe0000
	shadowAreas = 13 // 12 of 16 KiB, and F0000h to FFFFFh
	pamRAM      = i440fx.PAMRead | i440fx.PAMWrite
	pam2RAM     = pamRAM<<4 | pamRAM // of two areas
)

// shadowArea is one area.
type shadowArea struct {
	base uint64
	ram  []byte
	rom  []byte // nil: nothing on PCI claims it
	pam  uint8  // what is mapped now
}

// addShadow lays the areas out. The machine is in the state PAM has after power-on: all accesses go to PCI.
func (pc *PC) addShadow(rom []byte) {
	var top []byte // E0000h to FFFFFh
	if len(rom) > 0 {
		top = make([]byte, shadowEnd-isaROM)
		for i := range top[:max(len(top)-len(rom), 0)] {
			top[i] = 0xff
		}
		copy(top[max(len(top)-len(rom), 0):], rom[max(len(rom)-len(top), 0):])
	}
	for i := range pc.shadow {
		base, end := shadowBase+uint64(i)*(16<<10), shadowBase+uint64(i+1)*(16<<10)
		if i == shadowAreas-1 {
			end = shadowEnd
		}
		a := &pc.shadow[i]
		*a = shadowArea{base: base, ram: pc.cfg.RAM[base:end:end], pam: pamRAM}
		if top != nil && base >= isaROM {
			a.rom = top[base-isaROM : end-isaROM : end-isaROM]
		}
	}
}

// openShadow makes all areas RAM.
func (pc *PC) openShadow() {
	pc.chipset.pam().load([]byte{pamRAM << 4, pam2RAM, pam2RAM, pam2RAM, pam2RAM, pam2RAM, pam2RAM})
}

// updateShadow follows the PAM registers.
func (pc *PC) updateShadow() {
	for i := range pc.shadow {
		a := &pc.shadow[i]
		want := pc.chipset.shadow(i)
		if want == a.pam {
			continue
		}
		if a.pam != pamRAM {
			pc.Space.Unmap(a.base, uint64(len(a.ram)))
		}
		if a.pam = want; want != pamRAM {
			a.mapInto(pc.Space)
		}
	}
}

// mapInto lays the area over RAM, where accesses of a kind go to PCI.
func (a *shadowArea) mapInto(s *mmu.Space) {
	switch {
	case a.pam == i440fx.PAMRead:
		s.MapRAM(a.base, a.ram, true)
	case a.rom == nil:
		s.MapIO(a.base, uint64(len(a.ram)), a)
	case a.pam == i440fx.PAMWrite:
		s.MapROM(a.base, a.rom, a)
	default:
		s.MapRAM(a.base, a.rom, true)
	}
}

// ReadMMIO implements mmu.Handler: nobody answers.
func (a *shadowArea) ReadMMIO(uint64, int) uint64 { return ^uint64(0) }

// WriteMMIO implements mmu.Handler: writes reach the RAM below if PAM says so. No code of that RAM can have been translated since it was
// last readable.
func (a *shadowArea) WriteMMIO(off uint64, size int, v uint64) {
	if a.pam&i440fx.PAMWrite == 0 {
		return
	}
	for i := range uint64(size) {
		a.ram[off+i] = byte(v >> (8 * i))
	}
}
