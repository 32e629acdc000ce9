package board

// coprocessor is the board's circuit for x87 errors of programs with CR0.NE clear: the CPU's FERR pin raises interrupt 13,
// and a write to port F0h lets the CPU go on (IGNNE) until the error is gone (SDM vol. 1 appendix D.2).
type coprocessor struct {
	irq    *driver
	ferr   bool
	ignore bool
}

const (
	ferrIRQ  = 13
	ferrPort = 0xf0
)

// Name implements devices.Device.
func (*coprocessor) Name() string { return "x87 error circuit" }

// Reset implements devices.Device.
func (c *coprocessor) Reset() {
	c.ferr, c.ignore = false, false
	c.irq.Set(false)
}

// In implements devices.PortDevice: the port cannot be read.
func (*coprocessor) In(uint16, int) uint32 { return 0xff }

// Out implements devices.PortDevice.
func (c *coprocessor) Out(uint16, int, uint32) {
	c.irq.Set(false)
	c.ignore = c.ferr
}

// SetFERR is the CPU's FERR pin.
func (pc *PC) SetFERR(level bool) {
	c := &pc.ferr
	if level && !c.ferr && !c.ignore {
		c.irq.Set(true)
	}
	if c.ferr = level; !level {
		c.ignore = false
	}
}

// IGNNE tells the CPU to ignore x87 errors.
func (pc *PC) IGNNE() bool { return pc.ferr.ignore }

func (pc *PC) addCoprocessor() {
	pc.ferr.irq = pc.drive(ferrIRQ)
	pc.Ports.MapPorts(ferrPort, 2, &pc.ferr)
	pc.add(&pc.ferr)
}
