package x86

// Offsets in the 32-bit and 16-bit task-state segments (SDM vol. 3A 7.2.1, 7.6).
const (
	tssLink    = 0
	tss32CR3   = 28
	tss32EIP   = 32
	tss32Flags = 36
	tss32Regs  = 40 // EAX ECX EDX EBX ESP EBP ESI EDI
	tss32Segs  = 72 // ES CS SS DS FS GS
	tss32LDT   = 96
	tss32Trap  = 100
	tss32IOMap = 102
	tss32Limit = 103

	tss16IP    = 14
	tss16Flags = 16
	tss16Regs  = 18
	tss16Segs  = 34 // ES CS SS DS
	tss16LDT   = 42
	tss16Limit = 43
)

// Ways to switch tasks; they differ in busy flags, NT and the link field (SDM vol. 3A table 7-2).
type taskSwitch int

const (
	taskJump taskSwitch = iota
	taskCall            // CALL, interrupt
	taskIRET
)

// gateTask finds the TSS descriptor that a task gate names.
func (c *CPU) gateTask(g *descriptor, vector int) (t descriptor, ok bool) {
	sel := g.gateSelector()
	code := uint32(sel &^ 3)
	if sel&4 != 0 || sel&^3 == 0 {
		return t, c.raise(vector, code)
	}
	if t, ok = c.readDescriptor(sel, vector); !ok {
		return t, false
	}
	if !t.isSystem() || t.typ() != typeTSS16 && t.typ() != typeTSS32 {
		return t, c.raise(vector, code)
	}
	if !t.present() {
		return t, c.raise(vecNP, code)
	}
	return t, true
}

// jumpTask is a far JMP or CALL to a task.
func (c *CPU) jumpTask(t *descriptor, call bool) bool {
	kind := taskJump
	if call {
		kind = taskCall
	}
	if !c.switchTask(t, kind, c.next, c.Flags()) {
		return false
	}
	c.next = c.env.RIP
	return true
}

// enterTask delivers an event through a task gate.
func (c *CPU) enterTask(ev *event, g *descriptor, withCode bool) bool {
	t, ok := c.gateTask(g, vecGP)
	if !ok || !c.switchTask(&t, taskCall, ev.rip, uint32(c.savedFlags(ev))) {
		return false
	}
	if !withCode {
		return true
	}
	s := c.curStack(c.cpl)
	size := 4
	if t.typ()&8 == 0 {
		size = 2
	}
	if !s.push(uint64(ev.code), size) {
		return false
	}
	c.env.GPR[regSP] = s.sp
	return true
}

// returnTask is IRET with NT set.
func (c *CPU) returnTask() bool {
	link, ok := c.readSys(c.wrap(c.tr.Base+tssLink), 2)
	if !ok {
		return false
	}
	sel := uint16(link)
	code := uint32(sel &^ 3)
	if sel&4 != 0 || sel&^3 == 0 {
		return c.raise(vecTS, code)
	}
	t, ok := c.readDescriptor(sel, vecTS)
	if !ok {
		return false
	}
	if !t.isSystem() || t.typ() != typeTSS16Busy && t.typ() != typeTSS32Busy {
		return c.raise(vecTS, code)
	}
	if !t.present() {
		return c.raise(vecNP, code)
	}
	if !c.switchTask(&t, taskIRET, c.next, c.Flags()) {
		return false
	}
	c.next = c.env.RIP
	return true
}

// setBusy sets or clears the busy flag of the TSS descriptor at addr.
func (c *CPU) setBusy(addr uint64, busy bool) bool {
	b, ok := c.readSys(addr+5, 1)
	if !ok {
		return false
	}
	b &^= 2
	if busy {
		b |= 2
	}
	return c.writeSys(addr+5, 1, b)
}

// saveTask writes the dynamic fields of the outgoing task.
func (c *CPU) saveTask(rip uint64, flags uint32) bool {
	e, base := c.env, c.tr.Base
	put := func(off uint64, size int, v uint64) bool { return c.writeSys(c.wrap(base+off), size, v) }
	if c.tr.Attr&8 == 0 {
		ok := put(tss16IP, 2, rip) && put(tss16Flags, 2, uint64(flags))
		for i := 0; i < 8 && ok; i++ {
			ok = put(tss16Regs+2*uint64(i), 2, e.GPR[i])
		}
		for i := 0; i < 4 && ok; i++ {
			ok = put(tss16Segs+2*uint64(i), 2, uint64(c.seg[i].Selector))
		}
		return ok
	}
	ok := put(tss32EIP, 4, rip) && put(tss32Flags, 4, uint64(flags))
	for i := 0; i < 8 && ok; i++ {
		ok = put(tss32Regs+4*uint64(i), 4, e.GPR[i])
	}
	for i := 0; i < 6 && ok; i++ {
		ok = put(tss32Segs+4*uint64(i), 2, uint64(c.seg[i].Selector))
	}
	return ok
}

// taskState is what a TSS holds.
type taskState struct {
	cr3, rip uint64
	flags    uint32
	regs     [8]uint64
	sel      [6]uint16
	ldt      uint16
	trap     bool
}

func (c *CPU) loadTaskState(t *descriptor) (n taskState, ok bool) {
	base := t.segment().Base
	ok = true
	get := func(off uint64, size int) uint64 {
		var v uint64
		if ok {
			v, ok = c.readSys(c.wrap(base+off), size)
		}
		return v
	}
	if t.typ()&8 == 0 {
		n.rip, n.flags = get(tss16IP, 2), uint32(get(tss16Flags, 2))
		for i := range n.regs {
			n.regs[i] = get(tss16Regs+2*uint64(i), 2) | 0xffff_0000
		}
		for i := range 4 {
			n.sel[i] = uint16(get(tss16Segs+2*uint64(i), 2))
		}
		n.ldt = uint16(get(tss16LDT, 2))
		return n, ok
	}
	n.cr3, n.rip, n.flags = get(tss32CR3, 4), get(tss32EIP, 4), uint32(get(tss32Flags, 4))
	for i := range n.regs {
		n.regs[i] = get(tss32Regs+4*uint64(i), 4)
	}
	for i := range n.sel {
		n.sel[i] = uint16(get(tss32Segs+4*uint64(i), 2))
	}
	n.ldt = uint16(get(tss32LDT, 2))
	n.trap = get(tss32Trap, 2)&1 != 0
	return n, ok
}

// switchTask does a task switch (SDM vol. 3A 7.3). rip and flags are saved in the old task.
// Faults after the commit point are raised in the new task.
func (c *CPU) switchTask(t *descriptor, kind taskSwitch, rip uint64, flags uint32) bool {
	limit := uint32(tss16Limit)
	if t.typ()&8 != 0 {
		limit = tss32Limit
	}
	if t.limit() < limit {
		return c.raise(vecTS, uint32(t.selector&^3))
	}
	n, ok := c.loadTaskState(t)
	if !ok {
		return false
	}
	oldAddr, ok := c.descriptorAddr(c.tr.Selector, 8)
	if !ok {
		return c.raise(vecTS, uint32(c.tr.Selector&^3))
	}
	if kind == taskIRET {
		flags &^= flagNT
	}
	if !c.saveTask(rip, flags) {
		return false
	}
	if kind != taskCall && !c.setBusy(oldAddr, false) {
		return false
	}
	if kind == taskCall {
		if !c.writeSys(c.wrap(t.segment().Base+tssLink), 2, uint64(c.tr.Selector)) {
			return false
		}
		n.flags |= flagNT
	}
	if kind != taskIRET && !c.setBusy(t.addr, true) {
		return false
	}

	// The new task begins here.
	c.tr = t.segment()
	c.tr.Attr |= 2
	c.pg.CR0 |= cr0TS
	c.updateFP()
	if t.typ()&8 != 0 && c.pg.CR0&cr0PG != 0 && !c.loadCR3(n.cr3) {
		return false
	}
	c.dr[7] &^= dr7Local
	c.setDebug()
	copy(c.env.GPR[:8], n.regs[:])
	c.env.RIP = n.rip
	c.noStep = true
	return c.loadTaskSegments(&n)
}

// loadTaskSegments loads LDTR and the segment registers of a new task; faults are #TS, #NP and #SS in it, in the order of the P6 family
// (SDM vol. 3A table 7-1).
func (c *CPU) loadTaskSegments(n *taskState) bool {
	for i := range c.seg {
		c.seg[i] = Segment{Selector: n.sel[i]}
	}
	c.ldtr = Segment{Selector: n.ldt}
	if n.flags&flagVM != 0 {
		c.cpl = 3
		c.SetFlags(n.flags)
		for i := range c.seg {
			c.loadRealSegment(i, n.sel[i])
		}
		return true
	}
	c.cpl = int(n.sel[segCS] & 3)
	c.SetFlags(n.flags)
	c.update()
	ldtAbsent := false
	if n.ldt&^3 != 0 {
		d, ok := descriptor{}, false
		if n.ldt&4 != 0 {
			return c.raise(vecTS, uint32(n.ldt&^3))
		}
		if d, ok = c.readDescriptor(n.ldt, vecTS); !ok {
			return false
		}
		if !d.isSystem() || d.typ() != typeLDT {
			return c.raise(vecTS, uint32(n.ldt&^3))
		}
		if ldtAbsent = !d.present(); !ldtAbsent {
			c.ldtr = d.segment()
		}
	}
	sel := n.sel[segCS]
	code := uint32(sel &^ 3)
	cs := descriptor{}
	_, found := c.descriptorAddr(sel, 8)
	if found = found && sel&^3 != 0; found {
		var ok bool
		if cs, ok = c.readDescriptor(sel, vecTS); !ok {
			return false
		}
		if cs.code() && (cs.conforming() && cs.dpl() > c.cpl || !cs.conforming() && cs.dpl() != c.cpl) {
			return c.raise(vecTS, code)
		}
	}
	ss, ok := c.checkSS(n.sel[segSS], c.cpl, vecTS, false)
	if !ok {
		return false
	}
	switch {
	case ldtAbsent:
		return c.raise(vecTS, uint32(n.ldt&^3))
	case !found, !cs.code():
		return c.raise(vecTS, code)
	case !cs.present():
		return c.raise(vecNP, code)
	}
	if !c.setCS(&cs, c.cpl) {
		return false
	}
	c.update()
	c.seg[segSS] = ss
	for _, r := range [...]int{segES, segDS, segFS, segGS} {
		s, ok := c.checkSegment(r, n.sel[r])
		if !ok {
			if c.pend.vector == vecGP {
				c.pend.vector = vecTS
			}
			return false
		}
		c.seg[r] = s
	}
	c.update()
	if c.env.RIP > uint64(c.seg[segCS].Limit) {
		return c.gp(0)
	}
	if n.trap {
		c.dr[6] |= dr6BT
		c.pend = event{set: true, kind: evTrap, vector: vecDB, rip: c.env.RIP}
	}
	return true
}
