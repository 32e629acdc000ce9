package x86

import "goemu/tcg"

// Virtual-8086 mode extensions and protected-mode virtual interrupts (SDM vol. 3B 20.3, 20.4): instead of faulting, instructions that
// are sensitive to IOPL work on VIF, a copy of IF that belongs to the program; VIP says that its monitor holds an interrupt for it.

// virtualIF reports that CLI and STI work on VIF.
func (c *CPU) virtualIF() bool {
	if c.cpl != 3 || c.iopl() == 3 {
		return false
	}
	if c.vm86() {
		return c.pg.CR4&cr4VME != 0
	}
	return c.protected() && c.pg.CR4&cr4PVI != 0
}

// pendingVirtual raises #GP where a program begins an instruction with both VIF and VIP set: its monitor is to deliver the interrupt.
// Only the monitor can have set them so.
func (c *CPU) pendingVirtual() {
	enabled := uint64(cr4PVI)
	if c.vm86() {
		enabled = cr4VME
	}
	if c.cpl == 3 && c.pg.CR4&enabled != 0 && !c.pend.set {
		c.gp(0)
	}
}

// ifAllowed checks the right to change IF.
func (c *CPU) ifAllowed() bool {
	return !c.protected() || c.cpl <= c.iopl() || c.gp(0)
}

func sysCLI(c *CPU, i *tcg.SysInst) bool {
	if c.virtualIF() {
		c.env.EFlags &^= flagVIF
		return true
	}
	if !c.ifAllowed() {
		return false
	}
	c.env.EFlags &^= flagIF
	return true
}

func sysSTI(c *CPU, i *tcg.SysInst) bool {
	if c.virtualIF() {
		if c.env.EFlags&flagVIP != 0 {
			return c.gp(0)
		}
		c.env.EFlags |= flagVIF
		return true
	}
	if !c.ifAllowed() {
		return false
	}
	if c.env.EFlags&flagIF == 0 {
		c.env.EFlags |= flagIF
		c.holdInterrupts(c.next, false)
	}
	return true
}

// virtualFlags tells whether PUSHF, POPF and IRET of an operand size work on VIF: of 2 bytes in virtual-8086 mode with VME. ok is false
// where they fault.
func (c *CPU) virtualFlags(size uint8) (virtual, ok bool) {
	if !c.vm86() || c.iopl() == 3 {
		return false, true
	}
	if c.pg.CR4&cr4VME == 0 || size != 2 {
		return false, c.gp(0)
	}
	return true, true
}

// pushedVirtual is FLAGS as the program is to see it: IOPL 3, and VIF in place of IF.
func (c *CPU) pushedVirtual() uint32 {
	f := c.Flags()&^flagIF | flagIOPL
	if f&flagVIF != 0 {
		f |= flagIF
	}
	return f
}

// popVirtual loads FLAGS that the program has on its stack. An interrupt that waits for VIF, or TF, faults.
func (c *CPU) popVirtual(v uint32) bool {
	if v&flagTF != 0 || v&flagIF != 0 && c.env.EFlags&flagVIP != 0 {
		return c.gp(0)
	}
	const mask = flagsArith | flagTF | flagDF | flagNT
	f := c.Flags()&^(mask|flagVIF) | v&mask
	if v&flagIF != 0 {
		f |= flagVIF
	}
	c.SetFlags(f)
	return true
}

// redirectInterrupt is INT n in virtual-8086 mode with VME: the interrupt redirection bitmap, 32 bytes below the I/O permission bitmap,
// has a bit for each vector that goes through the IDT; the others go through the program's own table at 0. done is false for the former.
func (c *CPU) redirectInterrupt(vector int) (done, ok bool) {
	if c.tr.null() || c.tr.Attr&8 == 0 || c.tr.Limit < tss32Limit {
		return false, c.gp(0)
	}
	base, ok := c.readSys(c.wrap(c.tr.Base+tss32IOMap), 2)
	if !ok {
		return false, false
	}
	off := base - 32 + uint64(vector/8)
	if off > uint64(c.tr.Limit) {
		return false, c.gp(0)
	}
	bits, ok := c.readSys(c.wrap(c.tr.Base+off), 1)
	if !ok {
		return false, false
	}
	if bits>>(vector&7)&1 != 0 {
		return false, true
	}
	v, ok := c.ReadMem(uint64(vector)*4, 4, c.index())
	if !ok {
		return false, false
	}
	flags, clr := c.Flags(), uint32(flagIF)
	if c.iopl() < 3 {
		flags, clr = c.pushedVirtual(), flagVIF
	}
	s := c.curStack(c.cpl)
	if !s.push(uint64(flags), 2) || !s.push(uint64(c.seg[segCS].Selector), 2) || !s.push(c.next, 2) {
		return false, false
	}
	c.env.GPR[regSP] = s.sp
	c.loadRealSegment(segCS, uint16(v>>16))
	c.next = v & 0xffff
	c.env.EFlags &^= clr | flagTF
	c.noStep = true
	c.updateMode()
	return true, true
}
