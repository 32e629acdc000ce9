package x86

// EntryState is the state in which a boot protocol enters a kernel. What is
// not named here is as after reset.
type EntryState struct {
	RIP                 uint64
	RFLAGS              uint32
	GPR                 [16]uint64
	Segs                [6]Segment // ES CS SS DS FS GS
	TR                  Segment
	GDT, IDT            Table
	CR0, CR3, CR4, EFER uint64
}

// Enter puts the CPU, which has been reset, in state s.
func (c *CPU) Enter(s *EntryState) {
	c.seg, c.tr, c.gdtr, c.idtr = s.Segs, s.TR, s.GDT, s.IDT
	c.pg.CR0, c.pg.CR3, c.pg.CR4, c.pg.EFER = s.CR0, s.CR3, s.CR4, s.EFER
	c.env.GPR, c.env.RIP = s.GPR, s.RIP
	c.cpl = 0
	c.SetFlags(s.RFLAGS)
	c.update()
	c.updateFP()
	c.setDebug()
	c.FlushTLB(true)
}

// IF reports EFLAGS.IF.
func (c *CPU) IF() bool { return c.env.EFlags&flagIF != 0 }

// CR2 is the address of the last page fault.
func (c *CPU) CR2() uint64 { return c.env.CR2 }

// Peek reads a byte at a linear address as a debugger does: no access rights, no
// accessed bits. ok is false if it is not mapped to RAM.
func (c *CPU) Peek(linear uint64) (b byte, ok bool) {
	t, ok := c.pg.Probe(c.space, linear)
	if !ok {
		return 0, false
	}
	if r, off := c.space.Find(t.Phys); r != nil && r.RAM != nil {
		return r.RAM[off], true
	}
	return 0, false
}

// OnFlush sets the hooks by which an engine learns that linear addresses have changed their meaning.
func (c *CPU) OnFlush(all func(global bool), page func(linear uint64)) {
	c.opt.FlushAll, c.opt.FlushPage = all, page
}
