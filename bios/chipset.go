package bios

// Parts of a PC that are the same on all boards: interrupt controllers, timer, DMA, clock, keyboard controller. Each is set up here as POST
// leaves it, by its ports.

const (
	portPIC1    = 0x20
	portPIC2    = 0xa0
	portPIT     = 0x40
	portKBData  = 0x60
	portKBCtl   = 0x64
	portCMOS    = 0x70
	portA20     = 0x92
	portELCR    = 0x4d0
	portReset   = 0xcf9
	pitTicks    = 0x1800b0 // a day
	cmosSeconds = 0x00
	cmosMinutes = 0x02
	cmosHours   = 0x04
	cmosDay     = 0x07
	cmosMonth   = 0x08
	cmosYear    = 0x09
	cmosStatusA = 0x0a
	cmosStatusB = 0x0b
	cmosStatusC = 0x0c
	cmosStatusD = 0x0d
	cmosReset   = 0x0f
	cmosFloppy  = 0x10
	cmosEquip   = 0x14
	cmosCentury = 0x32
)

// port is a value for a port.
type portValue struct {
	port  uint16
	value uint8
}

// outAll writes ports in order.
func (f *Firmware) outAll(list []portValue) {
	for _, w := range list {
		f.out8(w.port, w.value)
	}
}

// setupPlatform brings the parts into the state in which programs expect them.
func (f *Firmware) setupPlatform() {
	f.out8(portA20, f.in8(portA20)&^1|2)
	f.outAll(picSetup)
	f.outAll(dmaSetup)
	f.outAll([]portValue{
		{portPIT + 3, 0x34}, {portPIT, 0}, {portPIT, 0}, // counter 0: rate generator, 18.2 Hz
		{portPIT + 3, 0x54}, {portPIT + 1, 0x12}, // counter 1: refresh
	})
	f.setCMOS(cmosStatusA, 0x26)
	f.setCMOS(cmosStatusB, 0x02)
	f.cmos(cmosStatusC)
}

// picSetup: vectors 08h and 70h; PCI interrupts and the SCI are level-triggered. Open are the timer, the keyboard, the cascade,
// diskettes, the clock, the mouse, the coprocessor and the disks.
var picSetup = []portValue{
	{portPIC1, 0x11}, {portPIC1 + 1, 0x08}, {portPIC1 + 1, 0x04}, {portPIC1 + 1, 0x01},
	{portPIC2, 0x11}, {portPIC2 + 1, 0x70}, {portPIC2 + 1, 0x02}, {portPIC2 + 1, 0x01},
	{portPIC1 + 1, 0xb8}, {portPIC2 + 1, 0x8e},
	{portELCR, 0x00}, {portELCR + 1, 0x0e},
}

// dmaSetup: both controllers reset, channel 4 is the cascade.
var dmaSetup = []portValue{
	{0x0d, 0}, {0xda, 0}, {0xd6, 0xc0}, {0xd4, 0x00},
}

// cmos reads a byte of the clock's memory. NMIs stay off while the index says so.
func (f *Firmware) cmos(i uint8) uint8 {
	f.out8(portCMOS, i|0x80)
	return f.in8(portCMOS + 1)
}

// setCMOS writes a byte of the clock's memory.
func (f *Firmware) setCMOS(i, v uint8) {
	f.out8(portCMOS, i|0x80)
	f.out8(portCMOS+1, v)
}

// bcd is a number in decimal digits.
func bcd(b uint8) int { return int(b>>4)*10 + int(b&15) }

// ticksNow is the time of day in ticks of the timer, by the clock.
func (f *Firmware) ticksNow() uint32 {
	s := bcd(f.cmos(cmosSeconds)) + 60*(bcd(f.cmos(cmosMinutes))+60*bcd(f.cmos(cmosHours)))
	return uint32(uint64(s) * pitTicks / (24 * 60 * 60))
}

// Status of the keyboard controller.
const (
	kbFull     = 1 << 0 // a byte can be read
	kbBusy     = 1 << 1 // nothing can be written
	kbMouse    = 1 << 5 // the byte is the mouse's
	kbPolls    = 1000
	kbAck      = 0xfa
	kbCommand  = 0x20 // and 60h: the command byte
	kbToMouse  = 0xd4
	kbIRQs     = 0x03
	kbTestedOK = 0x04
	kbNoKeys   = 0x10
	kbNoMouse  = 0x20
	kbTrans    = 0x40
)

// kbSend writes a command (to portKBCtl) or a byte (to portKBData).
func (f *Firmware) kbSend(port uint16, v uint8) {
	for range kbPolls {
		if f.in8(portKBCtl)&kbBusy == 0 {
			break
		}
	}
	f.out8(port, v)
}

// kbReceive reads a byte if one is there.
func (f *Firmware) kbReceive() (v uint8, ok bool) {
	for range kbPolls {
		if f.in8(portKBCtl)&kbFull != 0 {
			return f.in8(portKBData), true
		}
	}
	return 0, false
}

// kbDrop reads away what is there.
func (f *Firmware) kbDrop() {
	for range 64 {
		if f.in8(portKBCtl)&kbFull == 0 {
			return
		}
		f.in8(portKBData)
	}
}

// kbSetCommand writes the command byte.
func (f *Firmware) kbSetCommand(v uint8) {
	f.kbSend(portKBCtl, kbCommand|0x40)
	f.kbSend(portKBData, v)
}

// kbGetCommand reads the command byte.
func (f *Firmware) kbGetCommand() uint8 {
	f.kbSend(portKBCtl, kbCommand)
	v, _ := f.kbReceive()
	return v
}

// setupKeyboard tests the controller, resets the keyboard and turns it on. The mouse stays off until it is asked for.
func (f *Firmware) setupKeyboard() bool {
	f.kbDrop()
	f.kbSend(portKBCtl, 0xaa)
	if v, ok := f.kbReceive(); !ok || v != 0x55 {
		return false
	}
	f.kbSetCommand(kbTestedOK | kbNoMouse | kbTrans) // no interrupts yet
	if _, ok := f.keyboard(0xff, 1); ok {            // reset: then the result of its test
		f.keyboard(0xf4, 0)
	}
	f.kbDrop()
	f.kbSetCommand(kbTestedOK | kbNoMouse | kbTrans | kbIRQs)
	return true
}

// keyboard sends a command to the keyboard and reads n bytes of answer.
func (f *Firmware) keyboard(cmd uint8, n int) (answer []byte, ok bool) {
	f.kbSend(portKBData, cmd)
	return f.kbAnswer(n)
}

func (f *Firmware) kbAnswer(n int) (answer []byte, ok bool) {
	if v, ok := f.kbReceive(); !ok || v != kbAck {
		return nil, false
	}
	for range n {
		v, ok := f.kbReceive()
		if !ok {
			return answer, false
		}
		answer = append(answer, v)
	}
	return answer, true
}
