package board

import (
	"goemu/devices/dma"
)

// isaDevices are the devices that every board has behind its ISA or LPC bridge, beside those that the interrupts and timers need.
type isaDevices struct {
	DMA *dma.Controller
}

// isaState is their saved state.
type isaState struct {
	DMA dma.State
}

func (pc *PC) addISA() {
	pc.DMA = dma.New(pc.Space)
	pc.DMA.MapInto(pc.Ports)
	pc.add(pc.DMA)
}

func (pc *PC) saveISA() isaState {
	return isaState{
		DMA: pc.DMA.SaveState(),
	}
}

func (pc *PC) restoreISA(s *isaState) []error {
	return []error{
		pc.DMA.RestoreState(s.DMA),
	}
}
