package x86

import (
	"goemu/mmu"
	"goemu/tcg"
)

// Kinds of breakpoint: the R/W fields of DR7 (SDM vol. 3B 18.2.4).
const (
	breakCode  = 0
	breakWrite = 1
	breakIO    = 2 // with CR4.DE; undefined without, and then never met
	breakData  = 3 // read or write
)

// breakpoint is one of DR0 to DR3 with its fields of DR7.
type breakpoint struct {
	first, last uint64 // linear addresses or ports; the first is aligned as the length asks
	kind        uint8
	enabled     bool
}

// debugState is what the debug registers ask for. Nothing looks at more than the three switches while no breakpoint is enabled.
type debugState struct {
	code, data, io bool // some breakpoint of the kind is enabled
	at             [4]breakpoint
	watch          watching
	hits           uint8 // bits of DR6: conditions that the current instruction has met, one of an enabled breakpoint among them
}

// setDebug takes over DR0 to DR3, DR7 and CR4.DE. Pages with data breakpoints have no entries in the TLB, so that every access to
// them comes by watchData; those with code breakpoints are run one instruction at a time (WatchesCode).
func (c *CPU) setDebug() {
	d := &c.debug
	was := d.code || d.data
	d.code, d.data, d.io = false, false, false
	for n := range d.at {
		b := &d.at[n]
		b.kind = uint8(c.dr[7] >> (16 + 4*n) & 3)
		b.enabled = c.dr[7]>>(2*n)&3 != 0
		size := [...]uint64{1, 2, 8, 4}[c.dr[7]>>(18+4*n)&3]
		b.first = c.dr[n] &^ (size - 1)
		b.last = b.first + size - 1
		if b.kind == breakIO && c.pg.CR4&cr4DE == 0 {
			b.enabled = false
		}
		if b.enabled {
			switch b.kind {
			case breakCode:
				d.code = true
			case breakIO:
				d.io = true
			default:
				d.data = true
			}
		}
	}
	d.data, d.io = d.data || d.watch.data, d.io || d.watch.io
	if was || d.code || d.data {
		c.FlushTLB(true)
	}
}

// met notes the breakpoints, enabled or not, whose conditions an access fulfils. They count if one of them is enabled.
func (d *debugState) met(kinds uint8, first, last uint64) (bits uint8, enabled bool) {
	for n := range d.at {
		b := &d.at[n]
		if kinds>>b.kind&1 != 0 && first <= b.last && last >= b.first {
			bits |= 1 << n
			enabled = enabled || b.enabled
		}
	}
	return bits, enabled
}

// watchData looks for data breakpoints on an access, while some are enabled.
func (c *CPU) watchData(linear uint64, size int, write bool) {
	kinds := uint8(1 << breakData)
	if write {
		kinds |= 1 << breakWrite
	}
	if bits, enabled := c.debug.met(kinds, linear, linear+uint64(size)-1); enabled {
		c.debug.hits |= bits
	}
	c.debug.watch.meet(false, linear, size, write)
}

// watchPort looks for I/O breakpoints on an access to a port.
func (c *CPU) watchPort(port uint16, size int, write bool) {
	if !c.debug.io {
		return
	}
	if bits, enabled := c.debug.met(1<<breakIO, uint64(port), uint64(port)+uint64(size)-1); enabled {
		c.debug.hits |= bits
	}
	c.debug.watch.meet(true, uint64(port), size, write)
}

// watched tells whether the page of linear has an enabled data breakpoint.
func (d *debugState) watched(linear uint64) bool {
	page := linear >> mmu.PageShift
	for n := range d.at {
		b := &d.at[n]
		if b.enabled && b.kind&1 != 0 && b.first>>mmu.PageShift == page {
			return true
		}
	}
	return d.watch.onPage(page)
}

// linearRIP is the linear address of the instruction at RIP.
func (c *CPU) linearRIP() uint64 {
	if c.long64 {
		return c.env.RIP
	}
	return (c.env.RIP + c.seg[segCS].Base) & 0xffff_ffff
}

// WatchesCode reports whether the page of the instruction at RIP has an enabled breakpoint for instructions: an engine then calls
// CodeBreak before each instruction.
func (c *CPU) WatchesCode() bool { return c.debug.code && c.codeWatched() }

func (c *CPU) codeWatched() bool {
	page := c.linearRIP() >> mmu.PageShift
	for n := range c.debug.at {
		b := &c.debug.at[n]
		if b.enabled && b.kind == breakCode && b.first>>mmu.PageShift == page {
			return true
		}
	}
	return false
}

// CodeBreak raises #DB if an instruction breakpoint is on the instruction at RIP: a fault, but RF is pushed as it is, 0. RF and the
// shadow of a load of SS hold it off (SDM vol. 3B 18.3.1.1). It reports whether it has.
func (c *CPU) CodeBreak() bool {
	if c.resume || c.inShadow() && c.shadowSS {
		return false
	}
	a := c.linearRIP()
	bits, enabled := c.debug.met(1<<breakCode, a, a)
	if !enabled {
		return false
	}
	c.dr[6] |= uint64(bits)
	c.pend = event{set: true, kind: evTrap, vector: vecDB, rip: c.env.RIP}
	return true
}

// WatchesData reports whether a data breakpoint is enabled: an engine then calls AfterStep after each instruction that did not find
// its operands in the TLB, if Stepping says so.
func (c *CPU) WatchesData() bool { return c.debug.data }

// Stepping reports whether a breakpoint has been met: the debug trap waits for the end of the instruction, which is the next one if this one
// has loaded SS.
func (c *CPU) Stepping() bool { return c.debug.hits != 0 }

// BeginRun ends RF, for engines that do not fetch every instruction by FetchPhys.
func (c *CPU) BeginRun() { c.resume = false }

// AfterStep records the debug trap after an instruction: of data and I/O breakpoints that it has met and, if mode, which it began with,
// has ModeTF, of single-stepping. After a load of SS both wait, the former for the end of the next instruction (SDM vol. 3A 6.8.3).
func (c *CPU) AfterStep(mode tcg.Mode) {
	step := mode&tcg.ModeTF != 0 && !c.noStep
	c.noStep = false
	switch {
	case c.pend.set || c.state == Shutdown:
		return
	case c.inShadow() && c.shadowSS:
		if c.debug.hits != 0 {
			c.requestExit()
		}
		return
	case !step && c.debug.hits == 0:
		return
	}
	c.dr[6] |= uint64(c.debug.hits)
	if step {
		c.dr[6] |= dr6BS
	}
	c.debug.hits = 0
	c.pend = event{set: true, kind: evTrap, vector: vecDB, rip: c.env.RIP}
}

// debugRegister resolves the number of a debug register and makes the checks of MOV DRn.
func (c *CPU) debugRegister(n int) (int, bool) {
	if n == 4 || n == 5 {
		if c.pg.CR4&cr4DE != 0 {
			return 0, c.ud()
		}
		n += 2
	}
	if n > 7 {
		return 0, c.ud()
	}
	if !c.privileged() {
		return 0, false
	}
	if c.dr[7]&dr7GD != 0 {
		c.dr[6] |= dr6BD
		return 0, c.raise(vecDB, 0)
	}
	return n, true
}

func (c *CPU) readDR(n int) (uint64, bool) {
	n, ok := c.debugRegister(n)
	return c.dr[n], ok
}

func (c *CPU) writeDR(n int, v uint64) bool {
	n, ok := c.debugRegister(n)
	if !ok {
		return false
	}
	switch n {
	case 6:
		if v>>32 != 0 {
			return c.gp(0)
		}
		v = v&0xe00f | dr6Fixed
	case 7:
		if v>>32 != 0 {
			return c.gp(0)
		}
		v = v&0xffff2fff | dr7Fixed
	}
	c.dr[n] = v
	if n != 6 {
		c.setDebug()
	}
	return true
}
