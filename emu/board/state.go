package board

import (
	"fmt"

	"goemu/devices/ahci"
	"goemu/devices/fwcfg"
	"goemu/devices/hpet"
	"goemu/devices/i8042"
	"goemu/devices/ioapic"
	"goemu/devices/lapic"
	"goemu/devices/pci"
	"goemu/devices/pflash"
	"goemu/devices/pic"
	"goemu/devices/pit"
	"goemu/devices/rtc"
	"goemu/devices/uart"
	"goemu/devices/vga"
)

const stateVersion = 1

// State is the saved state of all devices of a PC. RAM is saved by the machine.
type State struct {
	Version int
	Drivers []bool // levels of the interrupt lines' drivers
	PITLine bool   // the 8254's and the clock's lines before the HPET's gate
	RTCLine bool
	Asleep  bool // in S3
	FERR    bool // the x87 error pin, and whether the CPU is told to ignore it
	IGNNE   bool
	PCI     pci.BusState
	PIIX    *piixState // of the board that it is
	Q35     *q35State
	PIC     pic.State
	LAPICs  []lapic.State
	IOAPIC  ioapic.State
	PIT     pit.State
	RTC     rtc.State
	HPET    hpet.State
	KBC     i8042.State
	FwCfg   fwcfg.State
	Serial  []*uart.State // nil where there is no port
	Parts   isaState
	VGA     *vga.State // nil where there is none
	AHCI    []ahci.State
	Flash   []pflash.State
}

// SaveState returns the state of all devices.
func (pc *PC) SaveState() State {
	s := State{
		Version: stateVersion,
		PITLine: pc.pitGate.level,
		RTCLine: pc.rtcGate.level,
		Asleep:  pc.asleep,
		FERR:    pc.ferr.ferr,
		IGNNE:   pc.ferr.ignore,
		PCI:     pc.PCI.SaveState(),
		PIC:     pc.PIC.SaveState(),
		IOAPIC:  pc.IOAPIC.SaveState(),
		PIT:     pc.PIT.SaveState(),
		RTC:     pc.RTC.SaveState(),
		HPET:    pc.HPET.SaveState(),
		KBC:     pc.KBC.SaveState(),
		FwCfg:   pc.FwCfg.SaveState(),
		VGA:     pc.saveVGA(),
		AHCI:    pc.saveAHCI(),
		Parts:   pc.saveISA(),
	}
	pc.chipset.save(&s)
	for _, d := range pc.drivers {
		s.Drivers = append(s.Drivers, d.level)
	}
	for _, l := range pc.LAPICs {
		s.LAPICs = append(s.LAPICs, l.SaveState())
	}
	for _, f := range pc.flash {
		s.Flash = append(s.Flash, f.SaveState())
	}
	for _, u := range pc.Serial {
		var us *uart.State
		if u != nil {
			state := u.SaveState()
			us = &state
		}
		s.Serial = append(s.Serial, us)
	}
	return s
}

// RestoreState takes over a state that was saved by a PC of the same configuration. No line to the vCPUs is driven: the machine asks
// INTR afterwards.
func (pc *PC) RestoreState(s State) error {
	if s.Version != stateVersion {
		return fmt.Errorf("board state has version %d, want %d", s.Version, stateVersion)
	}
	if len(s.Drivers) != len(pc.drivers) || len(s.LAPICs) != len(pc.LAPICs) || len(s.Serial) != len(pc.Serial) || len(s.Flash) != len(pc.flash) {
		return fmt.Errorf("board state is of another configuration")
	}
	pc.restoreLines(&s)
	parts := []error{
		pc.PCI.RestoreState(s.PCI),
		pc.chipset.restore(&s),
		pc.PIC.RestoreState(s.PIC),
		pc.IOAPIC.RestoreState(s.IOAPIC),
		pc.PIT.RestoreState(s.PIT),
		pc.RTC.RestoreState(s.RTC),
		pc.HPET.RestoreState(s.HPET),
		pc.KBC.RestoreState(s.KBC),
		pc.restoreAHCI(s.AHCI),
		pc.FwCfg.RestoreState(s.FwCfg),
		pc.restoreVGA(s.VGA),
	}
	parts = append(parts, pc.restoreISA(&s.Parts)...)
	for i, l := range pc.LAPICs {
		parts = append(parts, l.RestoreState(s.LAPICs[i]))
	}
	for i, f := range pc.flash {
		parts = append(parts, f.RestoreState(s.Flash[i]))
	}
	for i, u := range pc.Serial {
		if (u == nil) != (s.Serial[i] == nil) {
			return fmt.Errorf("board state is of another configuration: COM%d", i+1)
		}
		if u != nil {
			parts = append(parts, u.RestoreState(*s.Serial[i]))
		}
	}
	for _, err := range parts {
		if err != nil {
			return fmt.Errorf("restoring the board: %w", err)
		}
	}
	pc.setA20(pc.KBC.A20())
	return nil
}

// restoreLines sets the wires' levels without driving the controllers, which have their own.
func (pc *PC) restoreLines(s *State) {
	for i := range pc.lines {
		pc.lines[i].asserted = 0
	}
	for i, d := range pc.drivers {
		if d.level = s.Drivers[i]; d.level {
			d.w.asserted++
		}
	}
	pc.pitGate.level, pc.rtcGate.level, pc.rtcOut.level = s.PITLine, s.RTCLine, s.RTCLine
	pc.asleep = s.Asleep
	pc.ferr.ferr, pc.ferr.ignore = s.FERR, s.IGNNE
	legacy := s.HPET.LegacyReplacement()
	pc.pitGate.closed, pc.rtcGate.closed = legacy, legacy
}
