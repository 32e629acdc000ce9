package board

import "goemu/devices"

// wire is one interrupt line with several drivers, wired OR.
type wire struct {
	asserted int
	sinks    []devices.Line
}

// driver is one input of a wire.
type driver struct {
	w     *wire
	level bool
}

// Set implements devices.Line.
func (d *driver) Set(level bool) {
	if level == d.level {
		return
	}
	d.level = level
	if level {
		d.w.asserted++
	} else {
		d.w.asserted--
	}
	if level && d.w.asserted == 1 || !level && d.w.asserted == 0 {
		for _, s := range d.w.sinks {
			s.Set(level)
		}
	}
}

// gate passes a line on while it is open.
type gate struct {
	out    devices.Line
	level  bool
	closed bool
}

// Set implements devices.Line.
func (g *gate) Set(level bool) {
	g.level = level
	if !g.closed {
		g.out.Set(level)
	}
}

func (g *gate) close(closed bool) {
	g.closed = closed
	g.out.Set(g.level && !closed)
}

// isaInterrupts is how many interrupts go to the 8259A pair and to the I/O APIC. Those above are pins of the latter only.
const isaInterrupts = 16

// drive returns a new driver of interrupt n. The order of calls is part of the saved state.
func (pc *PC) drive(n int) *driver {
	d := &driver{w: &pc.lines[n]}
	pc.drivers = append(pc.drivers, d)
	return d
}
