package x86

import "goemu/mmu"

// Watch is a debugger's watchpoint: accesses to linear addresses or ports First to Last. The guest sees nothing of it. Pages with watchpoints have no entries in the
// TLB, as those with the guest's own data breakpoints (see setDebug).
type Watch struct {
	ID          int
	First, Last uint64
	Port        bool
	Read, Write bool // kinds of accesses
}

// WatchHit is an access that met a watchpoint.
type WatchHit struct {
	ID    int
	Addr  uint64 // the first address of it
	Write bool
}

// watching is what a debugger wants to know of a CPU.
type watching struct {
	list     []Watch
	data, io bool // some watchpoint of the kind
	single   bool // string instructions stop after each repetition
	met      bool // hit is the first of the current instruction
	hit      WatchHit
}

// SetWatches replaces the watchpoints.
func (c *CPU) SetWatches(list []Watch) {
	w := &c.debug.watch
	w.list, w.data, w.io, w.met = list, false, false, false
	for i := range list {
		w.data = w.data || !list[i].Port
		w.io = w.io || list[i].Port
	}
	c.setDebug()
}

// StepStrings makes string instructions with repeat prefix end after each repetition, as with TF.
func (c *CPU) StepStrings(on bool) { c.debug.watch.single = on }

// WatchMet tells whether the current instruction has met a watchpoint.
func (c *CPU) WatchMet() bool { return c.debug.watch.met }

// TakeWatchHit gives the first watchpoint that was met since it was last called.
func (c *CPU) TakeWatchHit() (h WatchHit, ok bool) {
	w := &c.debug.watch
	ok, w.met = w.met, false
	return w.hit, ok
}

// Resumed tells whether RF is set: an instruction breakpoint at RIP has been met already, and the instruction was interrupted or has faulted.
func (c *CPU) Resumed() bool { return c.resume }

// LinearRIP is the linear address of the instruction at RIP.
func (c *CPU) LinearRIP() uint64 { return c.linearRIP() }

// LinearOf is the linear address of an instruction pointer.
func (c *CPU) LinearOf(rip uint64) uint64 {
	if c.long64 {
		return rip
	}
	return (rip + c.seg[segCS].Base) & 0xffff_ffff
}

// meet looks for watchpoints on an access.
func (w *watching) meet(port bool, addr uint64, size int, write bool) {
	if w.met {
		return
	}
	last := addr + uint64(size) - 1
	for i := range w.list {
		x := &w.list[i]
		if x.Port == port && (write && x.Write || !write && x.Read) && addr <= x.Last && last >= x.First {
			w.met, w.hit = true, WatchHit{ID: x.ID, Addr: max(addr, x.First), Write: write}
			return
		}
	}
}

// onPage tells whether a watchpoint is on a page of linear addresses.
func (w *watching) onPage(page uint64) bool {
	for i := range w.list {
		if x := &w.list[i]; !x.Port && x.First>>mmu.PageShift <= page && page <= x.Last>>mmu.PageShift {
			return true
		}
	}
	return false
}
