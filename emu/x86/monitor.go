package x86

import (
	"goemu/decoder"
	"goemu/tcg"
)

var monitorOps = map[decoder.Op]handler{
	decoder.MONITOR: sysMONITOR,
	decoder.MWAIT:   sysMWAIT,
}

// monitorLine is the size of what MONITOR watches, in bytes (CPUID leaf 5).
const monitorLine = 64

// monitor is the state of MONITOR and MWAIT (SDM vol. 3A 9.10.5). A store to the line is seen by what it changes: one of
// the value that is there already goes unnoticed.
type monitor struct {
	armed   bool
	waiting bool               // the CPU is halted by MWAIT
	masked  bool               // an interrupt ends the wait even if IF is clear
	line    *[monitorLine]byte // in guest RAM; nil: it is elsewhere, and not watched
	was     [monitorLine]byte
}

// watch begins to watch the line at a host address.
func (m *monitor) watch(host uint64) {
	m.line = (*[monitorLine]byte)(hostPtr(host &^ (monitorLine - 1)))
	m.was = *m.line
}

// changed tells whether the line has been written to since MONITOR.
func (m *monitor) changed() bool { return m.line != nil && *m.line != m.was }

// count is rCX as MONITOR and MWAIT take it: all of it in 64-bit mode.
func (c *CPU) count() uint64 {
	if c.long64 {
		return c.env.GPR[regCX]
	}
	return c.env.GPR[regCX] & 0xffff_ffff
}

// sysMONITOR arms the monitor with the line of DS:rAX. Above level 0 it is undefined.
func sysMONITOR(c *CPU, i *tcg.SysInst) bool {
	switch {
	case c.cpl != 0:
		return c.ud()
	case c.count() != 0:
		return c.gp(0)
	}
	seg := tcg.SegDS
	if i.Prefix&decoder.PrefixSeg != 0 {
		seg = tcg.Seg(i.Seg)
	}
	a, ok := c.Linear(seg, c.truncAddr(i, c.env.GPR[regAX]), 1, false)
	if !ok {
		return false
	}
	_, host, ok := c.translate(a, false, c.index())
	if !ok {
		return false
	}
	m := &c.monitor
	*m = monitor{armed: true}
	if host != 0 {
		m.watch(host)
	}
	return true
}

// sysMWAIT waits as HLT does, until an interrupt or a store to the monitored line. Bit 0 of rCX lets masked interrupts end the wait.
func sysMWAIT(c *CPU, i *tcg.SysInst) bool {
	n := c.count()
	switch {
	case c.cpl != 0:
		return c.ud()
	case n&^1 != 0:
		return c.gp(0)
	}
	m := &c.monitor
	if m.armed && !m.changed() {
		c.state, m.waiting, m.masked = Halted, true, n&1 != 0
	}
	m.armed = false
	c.requestExit()
	return true
}

// MaskedInterrupt tells the CPU of an interrupt that it does not take now: it may end MWAIT.
func (c *CPU) MaskedInterrupt() {
	if c.monitor.waiting && c.monitor.masked {
		c.endWait()
	}
}

// endWait lets a CPU that MWAIT has halted run on.
func (c *CPU) endWait() {
	if c.monitor.waiting {
		c.state, c.monitor.waiting = Running, false
	}
}

// EndWait ends MWAIT, which may end at any time.
func (c *CPU) EndWait() { c.endWait() }
