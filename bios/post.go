package bios

// post is what happens between power-on and INT 19h.
func (f *Firmware) post(c *Call) Result {
	c.SetSeg(SS, 0)
	c.GPR[SP] = 0x7000
	f.initVideo(c)
	c.jump(romSeg, f.rom.offset("int18"))
	return Done
}
