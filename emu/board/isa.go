package board

import (
	"errors"
	"fmt"

	"goemu/devices/block"
	"goemu/devices/dma"
	"goemu/devices/fdc"
	"goemu/devices/parport"
	"goemu/devices/rtc"
)

// isaDevices are the devices that every board has behind its ISA or LPC bridge, beside those that the interrupts and timers need.
type isaDevices struct {
	DMA      *dma.Controller
	FDC      *fdc.Controller
	Parallel *parport.Port // nil: left out
}

// isaState is their saved state.
type isaState struct {
	DMA      dma.State
	FDC      fdc.State
	Parallel *parport.State // nil: there is no port
	Tests    testState
}

func (pc *PC) addISA() error {
	pc.DMA = dma.New(pc.Space)
	pc.DMA.MapInto(pc.Ports)
	pc.add(pc.DMA)

	var floppies [fdc.NumDrives]block.Drive
	for n := range floppies {
		floppies[n] = pc.cfg.DriveAt(BusFloppy, 0, n)
	}
	if err := pc.setFloppyTypes(floppies); err != nil {
		return err
	}
	pc.setDiskTypes()
	pc.sumCMOS()
	pc.FDC = fdc.New(pc.cfg.Clock, pc.drive(fdc.IRQ), pc.DMA, floppies)
	pc.FDC.MapInto(pc.Ports)
	pc.add(pc.FDC)

	if pc.cfg.Parallel != nil {
		pc.Parallel = parport.New(pc.cfg.Clock, parport.LPT1Base, pc.drive(parport.LPT1IRQ), pc.cfg.Parallel)
		pc.Parallel.MapInto(pc.Ports)
		pc.add(pc.Parallel)
	}
	return nil
}

// setFloppyTypes tells firmware which floppy drives there are.
func (pc *PC) setFloppyTypes(drives [fdc.NumDrives]block.Drive) error {
	var types uint8
	count := 0
	for n, d := range drives {
		t, err := fdc.TypeOf(d)
		if err != nil {
			return fmt.Errorf("floppy drive %d: %w", n, err)
		}
		if t != fdc.TypeNone {
			types |= t << (4 * (1 - n)) // the first drive has the high half
			count++
		}
	}
	pc.RTC.SetCMOS(rtc.FloppyTypes, types)
	if count > 0 { // bit 0: there are drives; bits 7..6: their number less one
		pc.RTC.SetCMOS(rtc.Equipment, pc.RTC.CMOS(rtc.Equipment)|1|uint8(count-1)<<6)
	}
	return nil
}

func (pc *PC) saveISA() isaState {
	s := isaState{
		DMA: pc.DMA.SaveState(),
		FDC: pc.FDC.SaveState(),

		Tests: pc.saveTestDevices(),
	}
	if pc.Parallel != nil {
		p := pc.Parallel.SaveState()
		s.Parallel = &p
	}
	return s
}

func (pc *PC) restoreISA(s *isaState) []error {
	parts := []error{
		pc.DMA.RestoreState(s.DMA),
		pc.FDC.RestoreState(s.FDC),
	}
	switch {
	case (pc.Parallel == nil) != (s.Parallel == nil):
		parts = append(parts, errors.New("board state is of another configuration: the parallel port"))
	case pc.Parallel != nil:
		parts = append(parts, pc.Parallel.RestoreState(*s.Parallel))
	}
	return append(parts, pc.restoreTestDevices(&s.Tests)...)
}
