package bios

import "fmt"

// postStack is the top of the stack of POST and of INT 19h, in segment 0.
const postStack = 0x7000

// Values of CMOS byte 0Fh: what a reset is for (IBM PC AT Technical Reference, section 5).
const (
	resetNormal   = 0x00
	resetBoot     = 0x04
	resetJumpEOI  = 0x05 // to the far pointer at 40:67, after an EOI
	resetMoved    = 0x09 // from INT 15h, 87h, with the stack at 40:67
	resetJump     = 0x0a
	resetIRET     = 0x0b
	resetRETF     = 0x0c
	resetSuspend  = 0xfe // from S3
	bdaResetEntry = 0x467
)

// post is what happens between the reset vector and INT 19h.
func (f *Firmware) post(c *Call) Result {
	if c.Retry {
		return f.postOn(c)
	}
	c.EFLAGS &^= flagIF | flagTF | flagDF
	for i := range c.Seg {
		if i != CS {
			c.SetSeg(i, 0)
		}
	}
	c.GPR[SP] = postStack
	why := f.cmos(cmosReset)
	f.setCMOS(cmosReset, resetNormal)
	if f.shadowed() && f.goOn(c, why) {
		return Done
	}
	f.forget()
	f.board = f.findBoard()
	f.shadow(false)
	if why == resetSuspend && f.wakeUp(c) {
		return Done
	}
	f.warm = c.Word(bdaResetFlag) == warmBoot
	f.setupMemory(c)
	f.setupPlatform()
	f.setupTables(c)
	f.setupProcessor()
	keyboard := f.setupKeyboard()
	f.setupPorts(c, keyboard)
	f.numberDrives()
	f.setupDrives(c)
	f.initVideo(c)
	for _, s := range f.problems {
		f.print(c, s+"\n")
	}
	c.EFLAGS |= flagIF
	return f.postOn(c)
}

// forget drops all that the firmware knows of the machine's life before a reset.
func (f *Firmware) forget() {
	f.timer.Stop()
	f.disks.forget()
	*f = Firmware{opt: f.opt, rom: f.rom, call: f.call, timer: f.timer, video: f.video}
	f.fwCfg = f.hasFwCfg()
	f.graphics = !f.fwCfg || le.Uint16(f.fwCfgItem(fwCfgNoGraphic, 2)) == 0
}

// goOn goes on where a program has asked to after a reset of the processor alone.
func (f *Firmware) goOn(c *Call, why uint8) bool {
	entry := c.Dword(bdaResetEntry)
	offset, segment := uint16(entry), uint16(entry>>16)
	switch why {
	case resetBoot:
		c.jump(romSeg, f.rom.offset("int19"))
	case resetJumpEOI:
		f.outAll([]portValue{{portPIC2, 0x20}, {portPIC1, 0x20}})
		c.jump(segment, offset)
	case resetJump:
		c.jump(segment, offset)
	case resetMoved, resetIRET, resetRETF:
		c.SetSeg(SS, segment)
		c.SetR16(SP, offset)
		if why == resetMoved {
			f.popMoved(c)
		}
		ip := c.pop16()
		c.jump(c.pop16(), ip)
		if why != resetRETF {
			c.EFLAGS = c.EFLAGS&^0xffff | uint32(c.pop16())
		}
	default:
		return false
	}
	return true
}

// popMoved takes what the block move of a 286's firmware pushed below the caller's frame: ES, DS, and all registers.
func (f *Firmware) popMoved(c *Call) {
	c.SetSeg(ES, c.pop16())
	c.SetSeg(DS, c.pop16())
	for r := DI; r >= AX; r-- {
		if v := c.pop16(); r != SP {
			c.SetR16(r, v)
		}
	}
}

// Host bridges, and where they have the registers that say what C0000h to FFFFFh is.
const (
	idI440FX = 0x1237_8086
	pamCount = 7
)

// findBoard tells which host bridge the machine has.
func (f *Firmware) findBoard() boardInfo {
	switch f.config().Read(0, regID, 4) {
	case idI440FX:
		return boardInfo{pam: 0x59, smram: 0x72}
	case idMCH:
		return boardInfo{pam: 0x90, smram: 0x9d}
	}
	return boardInfo{}
}

// boardInfo is what of the chip set POST needs; zero: it is unknown.
type boardInfo struct{ pam, smram uint8 }

func (f *Firmware) config() ConfigSpace { return ConfigSpace{f.opt.Ports} }

// shadowed tells whether POST has been there since the chip set was reset.
func (f *Firmware) shadowed() bool {
	return f.tables != nil && f.board.pam != 0 && f.config().Read(0, f.board.pam, 1)&0x30 != 0
}

// shadow makes C0000h to FFFFFh RAM. With lock, the ROM's part cannot be written.
func (f *Firmware) shadow(lock bool) {
	if f.board.pam == 0 {
		return
	}
	first := uint32(0x30)
	if lock {
		first = 0x10
	}
	f.config().Write(0, f.board.pam, 1, first)
	for i := uint8(1); i < pamCount; i++ {
		f.config().Write(0, f.board.pam+i, 1, 0x33)
	}
}

// setupMemory fills in the ROM's shadow, the vectors, and the data areas.
func (f *Firmware) setupMemory(c *Call) {
	zero := make([]byte, 0x1000)
	for at := uint64(0xc0000); at < romBase; at += uint64(len(zero)) {
		f.poke(at, zero)
	}
	f.poke(romBase, f.rom.image)
	f.poke(0, zero[:0x600])
	f.poke(ebdaBase, zero[:ebdaSize<<10])
	f.setVectors(c)
	c.SetWord(bdaEBDA, ebdaSegment)
	c.SetByte(ebdaBase, ebdaSize)
	c.SetWord(bdaMemory, baseMemory)
	c.SetWord(bdaKeyHead, bdaKeyBuffer-0x400)
	c.SetWord(bdaKeyTail, bdaKeyBuffer-0x400)
	c.SetWord(bdaKeyStart, bdaKeyBuffer-0x400)
	c.SetWord(bdaKeyEnd, bdaKeyBuffer-0x400+32)
	c.SetByte(bdaKeyMode, 0x10) // a keyboard with 101 keys
	if f.warm {
		c.SetWord(bdaResetFlag, warmBoot)
	}
	c.SetDword(bdaTicks, f.ticksNow())
}

// setVectors fills the interrupt vector table.
func (f *Firmware) setVectors(c *Call) {
	for n := range 0x78 {
		at := f.rom.offset("dummy")
		switch {
		case n >= 8 && n < 0x20:
			at = le.Uint16(f.rom.image[f.rom.offset("vectors")+uint16(2*(n-8)):])
		case n >= 0x60 && n < 0x68: // free for programs
			continue
		case n >= 0x70:
			at = f.rom.offset("unused2")
		}
		c.SetVector(n, romSeg, at)
	}
	for n, name := range vectorNames {
		c.SetVector(n, romSeg, f.rom.offset(name))
	}
	for _, n := range []int{0x1f, 0x41, 0x46} { // pointers, set where there is something to point to
		c.SetDword(uint32(4*n), 0)
	}
}

// vectorNames are the vectors beside those of the table at FEF3h.
var vectorNames = map[int]string{
	0x02: "int02", 0x05: "int05", 0x40: "int13", 0x42: "int10", 0x43: "font8x8",
	0x70: "int70", 0x71: "int71", 0x74: "int74", 0x75: "int75", 0x76: "int76", 0x77: "int76",
}

// poke writes physical memory that is RAM; a machine with too little of it ignores the rest.
func (f *Firmware) poke(at uint64, p []byte) { _ = f.opt.Memory.WritePhys(at, p) }

// problem notes what POST tells the user when there is a screen.
func (f *Firmware) problem(format string, args ...any) {
	f.problems = append(f.problems, fmt.Sprintf(format, args...))
}

// setupTables gives PCI its resources and lays down the tables for operating systems.
func (f *Firmware) setupTables(*Call) {
	if err := SetupPCI(f.opt.Ports, f.opt.Tables); err != nil {
		f.problem("PCI: %v", err)
	}
	tables, err := Build(f.opt.Tables)
	if err != nil {
		f.problem("Tables: %v", err)
		return
	}
	if end := tables.end(); end > f.rom.symbols["post"] {
		f.problem("Tables: they end at %#x, in the ROM", end)
		return
	}
	if err := tables.Write(f.opt.Memory); err != nil {
		f.problem("Tables: %v", err)
	}
	f.tables = tables
	f.enableACPI()
}

// end is the first address behind all tables.
func (t *Tables) end() (end uint64) {
	for _, x := range t.All {
		end = max(end, x.Addr+uint64(len(x.Data)))
	}
	return end
}

// setupProcessor sets what the bootstrap processor's chip has: the 8259A's output is interrupt 0 of its local APIC, NMI 1.
func (f *Firmware) setupProcessor() {
	write := func(off uint64, v uint64) { f.opt.Memory.Write(LocalAPICBase+off, 4, v) }
	write(0xf0, 0x1ff)  // spurious vector register: enabled
	write(0x350, 0x700) // LVT LINT0: ExtINT
	write(0x360, 0x400) // LVT LINT1: NMI
	f.opt.Memory.Write(IOAPICBase, 4, 0)
	f.opt.Memory.Write(IOAPICBase+0x10, 4, uint64(IOAPICID(f.opt.Tables.CPUs))<<24)
	if f.opt.SetMSR != nil {
		f.setMTRRs()
	}
}

// setupPorts finds serial and parallel ports and fills in the equipment word.
func (f *Firmware) setupPorts(c *Call, keyboard bool) {
	coms := uint32(0)
	for _, port := range []uint16{0x3f8, 0x2f8, 0x3e8, 0x2e8} {
		f.out8(port+1, 0x02) // interrupt enable
		ier := f.in8(port + 1)
		iir := f.in8(port + 2)
		if ier != 0x02 || iir&0x3f != 0x02 {
			continue
		}
		f.out8(port+1, 0)
		c.SetWord(bdaCOM+2*coms, port)
		c.SetByte(bdaCOMTimeout+coms, 0x0a)
		coms++
	}
	if port := c.Word(bdaCOM); port != 0 && !f.graphics { // 115200 bits/s, 8 bits, no parity; FIFOs on
		f.outAll([]portValue{{port + 3, 0x80}, {port, 1}, {port + 1, 0}, {port + 3, 3}, {port + 2, 7}, {port + 4, 3}})
	}
	lpts := uint32(0)
	for _, port := range []uint16{0x378, 0x278} {
		f.out8(port, 0xaa)
		if f.in8(port) != 0xaa {
			continue
		}
		c.SetWord(bdaLPT+2*lpts, port)
		c.SetByte(bdaLPTTimeout+lpts, 0x14)
		lpts++
	}
	equip := uint16(0x0022) // coprocessor; colour 80x25
	if keyboard {
		equip |= 0x0004 // the mouse is on the same controller
	}
	c.SetWord(bdaEquipment, equip|uint16(coms)<<9|uint16(lpts)<<14)
}
