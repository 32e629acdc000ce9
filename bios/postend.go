package bios

// postOn goes on with POST where it has to wait or to call the guest's code.
func (f *Firmware) postOn(c *Call) Result {
	if f.nextROM(c) {
		return Done
	}
	if f.bootMenu(c) {
		return Again
	}
	f.poke(f.rom.symbols["pmm_header"], make([]byte, 16)) // it ends with POST
	f.shadow(true)
	c.jump(romSeg, f.rom.offset("int19"))
	return Done
}

// postBack is where option ROMs return to.
func (f *Firmware) postBack(c *Call) Result {
	if !f.roms.found { // nobody was called
		c.jump(romSeg, f.rom.offset("int19"))
		return Done
	}
	for _, s := range []int{SS, DS, ES} {
		c.SetSeg(s, 0)
	}
	c.GPR[SP] = postStack
	c.Key = c.frame()
	c.EFLAGS = c.EFLAGS&^(flagTF|flagDF) | flagIF
	if f.postOn(c) == Again {
		c.jump(romSeg, f.rom.offset("post")+sizeOfOut+sizeOfRet)
	}
	return Done
}

// Memory type range registers (SDM vol. 3A 12.11).
const (
	msrMTRRPhysBase0 = 0x200
	msrMTRRPhysMask0 = 0x201
	msrMTRRFix64K    = 0x250
	msrMTRRFix16K    = 0x258
	msrMTRRFix4K     = 0x268
	msrMTRRDefType   = 0x2ff
)

// setMTRRs: RAM is write-back, ROM write-protected, the display's window and PCI's hole uncached.
func (f *Firmware) setMTRRs() {
	const writeBack, writeProtect, on = 0x0606_0606_0606_0606, 0x0505_0505_0505_0505, 0xc00
	set := f.opt.SetMSR
	set(msrMTRRDefType, 0)
	set(msrMTRRFix64K, writeBack)
	set(msrMTRRFix16K, writeBack)
	set(msrMTRRFix16K+1, 0)
	for i := range uint32(8) {
		set(msrMTRRFix4K+i, writeProtect)
	}
	hole := f.opt.Tables.board().LowMax
	set(msrMTRRPhysBase0, hole)
	set(msrMTRRPhysMask0, (1<<40-1)&^(1<<32-hole-1)|0x800)
	set(msrMTRRDefType, on|6)
}

// Fields of the FACS (ACPI 6.3, 5.2.10).
const (
	facsVector  = 12 // doubleword: real-mode waking vector, a physical address
	facsXVector = 24 // quadword: protected-mode waking vector
)

// wakeUp resumes from S3: devices are set up again, memory is as it was.
func (f *Firmware) wakeUp(c *Call) bool {
	tables, err := Build(f.opt.Tables)
	if err != nil {
		return false
	}
	facs, ok := tables.Find("FACS")
	if !ok {
		return false
	}
	at := uint32(facs.Addr)
	vector, wide := c.Dword(at+facsVector), c.Qword(at+facsXVector)
	if vector == 0 && wide == 0 {
		return false
	}
	f.setupPlatform()
	if SetupPCI(f.opt.Ports, f.opt.Tables) != nil {
		return false
	}
	f.tables = tables
	f.setupProcessor()
	f.setupKeyboard()
	f.numberDrives()
	f.shadow(true)
	f.enableACPI()
	if wide != 0 && wide < 1<<32 {
		c.GPR[AX] = uint32(wide)
		c.jump(romSeg, f.rom.offset("wake32"))
		return true
	}
	c.jump(uint16(vector>>4), uint16(vector&15))
	return true
}

// enableACPI sets SCI_EN: the tables say that the machine is always in ACPI mode.
func (f *Firmware) enableACPI() {
	port := f.opt.Tables.pmBase() + 4
	f.out16(port, f.in16(port)|1)
}

// sleepTypeS5 is what the DSDT's \_S5 has.
const sleepTypeS5 = 0
