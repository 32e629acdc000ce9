package bios

// What INT 10h, 1Ch and VBE function 04h save: bits of CX.
const (
	saveHardware = 1 << iota
	saveBDA
	saveDAC
	saveVBE // VBE only
)

// Sizes of the parts, in bytes.
const (
	hardwareStateSize = 70
	bdaStateSize      = 30 + 7 + 4 + 8
	dacStateSize      = 3 + 768 + 1
	vbeStateSize      = 2 * 9
)

// stateBlocks is how many blocks of 64 bytes a state needs.
func stateBlocks(what uint16) uint16 {
	n := 0
	for i, size := range []int{hardwareStateSize, bdaStateSize, dacStateSize, vbeStateSize} {
		n += int(what>>i&1) * size
	}
	return uint16((n + 63) / 64)
}

// fnState is INT 10h, 1Ch.
func (v *video) fnState(c *Call) {
	what := c.R16(CX)
	if what > saveHardware|saveBDA|saveDAC || c.R8(AL) > 2 {
		return
	}
	v.state(c, c.R8(AL), what)
	c.SetR8(AL, 0x1c)
}

// state tells the size of a state in BX, saves it to ES:BX, or restores it.
func (v *video) state(c *Call, how uint8, what uint16) {
	a := c.Addr(ES, uint32(c.R16(BX)))
	switch how {
	case 0:
		c.SetR16(BX, stateBlocks(what))
	case 1:
		p := v.buffer(int(stateBlocks(what)) * 64)[:0]
		v.mem.Write(a, v.saveState(p, what))
	case 2:
		p := v.buffer(int(stateBlocks(what)) * 64)
		v.mem.Read(a, p)
		v.restoreState(p, what)
	}
}

// stateOfBDA are the fields of the BIOS data area that are saved: address and length.
var stateOfBDA = []struct {
	at uint32
	n  int
}{
	{bdaVideoMode, 0x467 - bdaVideoMode}, {bdaRows, 0x48b - bdaRows}, {bdaSaveTable, 4},
	{vecUpperFont * 4, 4}, {vecGraphicsFont * 4, 4},
}

func (v *video) saveState(p []byte, what uint16) []byte {
	if what&saveHardware != 0 {
		p = v.saveHardware(p)
	}
	if what&saveBDA != 0 {
		end := len(p) + bdaStateSize
		for _, f := range stateOfBDA {
			p = p[:len(p)+f.n]
			v.mem.Read(f.at, p[len(p)-f.n:])
		}
		p = p[:end]
	}
	if what&saveDAC != 0 {
		p = append(p, v.in(portDACRead), v.in(portDACWrite), v.in(portDACMask))
		p = p[:len(p)+768]
		v.readDAC(0, p[len(p)-768:])
		p = append(p, v.attr(0x14))
	}
	if what&saveVBE != 0 {
		p = v.saveDispi(p)
	}
	return p
}

// restoreState restores what saveState has saved. The display interface comes first, as it changes VGA registers.
func (v *video) restoreState(p []byte, what uint16) {
	hardware, bda, dac := p, p, p
	if what&saveHardware != 0 {
		p = p[hardwareStateSize:]
		bda, dac = p, p
	}
	if what&saveBDA != 0 {
		p = p[bdaStateSize:]
		dac = p
	}
	if what&saveDAC != 0 {
		p = p[dacStateSize:]
	}
	if what&saveVBE != 0 {
		v.restoreDispi(p)
	}
	if what&saveHardware != 0 {
		v.restoreHardware(hardware)
	}
	if what&saveBDA != 0 {
		for _, f := range stateOfBDA {
			v.mem.Write(f.at, bda[:f.n])
			bda = bda[f.n:]
		}
	}
	if what&saveDAC != 0 {
		v.writeDAC(0, dac[3:3+768])
		v.out(portDACMask, dac[2])
		v.out(portDACWrite, dac[1])
		v.setAttr(0x14, dac[3+768])
	}
}

// saveHardware saves indices, registers and the CRTC's place.
func (v *video) saveHardware(p []byte) []byte {
	crtc := v.crtcPort()
	p = append(p, v.in(portSeq), v.in(crtc), v.in(portGfx), v.in(portAttr), v.in(portMiscIn))
	indices := p[len(p)-5:]
	for i := range uint8(4) {
		p = append(p, v.seq(i+1))
	}
	p = append(p, v.seq(0))
	for i := range uint8(25) {
		p = append(p, v.crtc(i))
	}
	for i := range uint8(20) {
		p = append(p, v.attr(i))
	}
	for i := range uint8(9) {
		p = append(p, v.gfx(i))
	}
	v.out(portSeq, indices[0])
	v.out(crtc, indices[1])
	v.out(portGfx, indices[2])
	return append(p, uint8(crtc), uint8(crtc>>8), 0, 0, 0, 0)
}

func (v *video) restoreHardware(p []byte) {
	indices, p := p[:5], p[5:]
	v.setSeq(0, 1)
	for i := range uint8(4) {
		v.setSeq(i+1, p[i])
	}
	v.out(portMiscOut, indices[4])
	v.setSeq(0, p[4])
	p = p[5:]
	v.setCRTC(0x11, 0)
	for i := range uint8(25) {
		v.setCRTC(i, p[i])
	}
	p = p[25:]
	for i := range uint8(20) {
		v.setAttr(i, p[i])
	}
	p = p[20:]
	for i := range uint8(9) {
		v.setGfx(i, p[i])
	}
	v.out(portSeq, indices[0])
	v.out(v.crtcPort(), indices[1])
	v.out(portGfx, indices[2])
	v.attrIndex()
	v.out(portAttr, indices[3]|attrScreenOn)
}
