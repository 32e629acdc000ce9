package x86

// What others ask of a CPU is noted in a word that any goroutine may write; the CPU's own goroutine takes it when the vCPU loop
// looks, which ExitReq makes it do.

// Bits of CPU.requests; above them is the vector of the start-up interrupt.
const (
	reqNMI = 1 << iota
	reqSMI
	reqINIT
	reqSIPI
	reqVector = 8
)

// RequestNMI asks for an NMI. Any goroutine may call this and the requests below.
func (c *CPU) RequestNMI() { c.request(reqNMI) }

// RequestSMI asks for a system management interrupt.
func (c *CPU) RequestSMI() { c.request(reqSMI) }

// RequestINIT asks for an INIT (SDM vol. 3A 10.1.1): a start-up interrupt that came before it has been ignored.
func (c *CPU) RequestINIT() {
	for {
		r := c.requests.Load()
		if c.requests.CompareAndSwap(r, r&(reqNMI|reqSMI)|reqINIT) {
			break
		}
	}
	c.requestExit()
}

// RequestSIPI asks an application processor that waits for it to start at vector<<12 (SDM vol. 3A 9.4.2). Of several the first counts.
func (c *CPU) RequestSIPI(vector uint8) {
	for {
		r := c.requests.Load()
		if r&reqSIPI != 0 || c.requests.CompareAndSwap(r, r|reqSIPI|uint32(vector)<<reqVector) {
			break
		}
	}
	c.requestExit()
}

func (c *CPU) request(bit uint32) {
	c.requests.Or(bit)
	c.requestExit()
}

// TakeRequests does what has been asked for; SMIs and NMIs are kept for SMIWaiting and NMIWaiting.
func (c *CPU) TakeRequests() {
	r := c.requests.Load()
	if r == 0 {
		return
	}
	r = c.requests.Swap(0)
	switch {
	case r&reqINIT == 0:
	case c.smm.active: // it waits for RSM (SDM vol. 3C 31.2)
		c.smm.init = true
	default:
		c.init()
	}
	if r&reqSIPI != 0 && c.state == WaitSIPI {
		c.start(uint8(r >> reqVector))
	}
	if r&reqNMI != 0 {
		c.nmiPending = true
	}
	if r&reqSMI != 0 && c.hasSMM() {
		c.smm.pending = true
	}
}

// start lets an application processor run from the page of a start-up interrupt's vector.
func (c *CPU) start(vector uint8) {
	c.state = Running
	c.seg[segCS].Selector = uint16(vector) << 8
	c.seg[segCS].Base = uint64(vector) << 12
	c.env.RIP = 0
	c.update()
}

// Runnable tells whether the CPU has something to do; intr that an interrupt controller holds a vector for it.
func (c *CPU) Runnable(intr bool) bool {
	switch {
	case c.requests.Load() != 0 || c.pend.set:
		return true
	case c.state == Halted:
		w := &c.monitor
		return c.SMIWaiting() || c.nmiPending && !c.nmiMasked || intr && (c.IF() || w.waiting && w.masked) || w.waiting && w.changed()
	}
	return c.state == Running
}
