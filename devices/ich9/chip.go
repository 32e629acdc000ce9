package ich9

// Chip set configuration registers, in memory from RCBA on (chapter 10).
const (
	chipSize = 0x4000

	offD25 = 0x3150 // D25IR; the others are below
	offGCS = 0x3410

	gcsNoReboot = 1 << 5
)

// irRegister is where slots 25 to 31 say which PIRQ each of their pins is: a field of 3 bits in every 4, INTA first.
var irRegister = map[uint8]int{25: offD25, 26: 0x314c, 27: 0x3148, 28: 0x3146, 29: 0x3144, 31: 0x3140}

// chipRegisters have reset values and bits that can be written; all others read as 0.
var chipRegisters = []struct {
	off         int
	reset, mask uint32
	size        int
}{
	{0x3100, 0x03243200, 0x0fffff00, 4}, // D31IP
	{0x3104, 0, 0, 4},                   // D30IP
	{0x3108, 0x10004321, 0xf000ffff, 4}, // D29IP
	{0x310c, 0x00214321, 0x00ffffff, 4}, // D28IP
	{0x3110, 0x00000001, 0x0000000f, 4}, // D27IP
	{0x3114, 0x30000321, 0xf0000fff, 4}, // D26IP
	{0x3118, 0x00000001, 0x0000000f, 4}, // D25IP
	{0x3140, 0x3210, 0x7777, 2},         // D31IR
	{0x3144, 0x3210, 0x7777, 2},         // D29IR
	{0x3146, 0x3210, 0x7777, 2},         // D28IR
	{0x3148, 0x3210, 0x7777, 2},         // D27IR
	{0x314c, 0x3210, 0x7777, 2},         // D26IR
	{offD25, 0x3210, 0x7777, 2},         // D25IR
	{0x31ff, 0, 0x03, 1},                // OIC
	{0x3400, 0, 0x1c, 4},                // RC: the upper 128 bytes of CMOS RAM
	{0x3404, 0, 0x83, 4},                // HPTC
	{offGCS, gcsNoReboot, 0x0ffe, 4},    // GCS; NO_REBOOT is strapped
	{0x3414, 0, 0x07, 1},                // BUC
	{0x3418, 0, 0x03ff7ffc, 4},          // FD
	{0x341c, 0, 0xffffffff, 4},          // CG
}

// chipMask has the bits that can be written.
var chipMask = func() (m [chipSize]uint8) {
	for _, r := range chipRegisters {
		for i := range r.size {
			m[r.off+i] = byte(r.mask >> (8 * i))
		}
	}
	return m
}()

func (l *LPC) resetChip() {
	l.reroute(func() {
		for _, r := range chipRegisters {
			for i := range r.size {
				l.s.Chip[r.off+i] = byte(r.reset >> (8 * i))
			}
		}
	})
}

func (l *LPC) reroute(change func()) {
	if l.Reroute == nil {
		change()
		return
	}
	l.Reroute(change)
}

// Route is the board's wiring for slots of the chip set and those beside it: pci.Bus.Route. Slots 0 to 24 and 30 are no part of the chip; on this board
// their pins go to PIRQE to PIRQH in turn.
func (l *LPC) Route(slot uint8, pin int) int {
	if at, ok := irRegister[slot]; ok {
		return int(l.s.Chip[at+pin>>1]) >> (4 * (pin & 1)) & 7
	}
	if slot == 30 {
		return 4 + pin
	}
	return 4 + (int(slot)+pin)&3
}

// chipMMIO answers at RCBA.
type chipMMIO struct{ *LPC }

// ReadMMIO implements devices.MMIODevice.
func (c chipMMIO) ReadMMIO(off uint64, size int) uint64 {
	var v uint64
	for i := range uint64(size) {
		if off+i < chipSize {
			v |= uint64(c.s.Chip[off+i]) << (8 * i)
		}
	}
	return v
}

// WriteMMIO implements devices.MMIODevice.
func (c chipMMIO) WriteMMIO(off uint64, size int, v uint64) {
	change := func() {
		for i := range uint64(size) {
			if p := off + i; p < chipSize {
				c.s.Chip[p] = c.s.Chip[p]&^chipMask[p] | uint8(v>>(8*i))&chipMask[p]
			}
		}
	}
	if off < offD25+2 && off+uint64(size) > 0x3140 {
		c.reroute(change)
		return
	}
	change()
}
