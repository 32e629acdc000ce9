package pci

import "goemu/devices"

// Offsets in the header of configuration space (PCI Local Bus Specification 2.1, chapter 6).
const (
	VendorID      = 0x00
	DeviceID      = 0x02
	Command       = 0x04
	Status        = 0x06
	Revision      = 0x08
	ClassCode     = 0x09
	HeaderType    = 0x0e
	BAR0          = 0x10
	SubsystemID   = 0x2c
	ExpansionROM  = 0x30
	Capabilities  = 0x34 // offset of the first
	InterruptLine = 0x3c
	InterruptPin  = 0x3d
)

// Bits of the command register.
const (
	CommandIO        = 1 << 0
	CommandMemory    = 1 << 1
	CommandBusMaster = 1 << 2
	CommandINTxOff   = 1 << 10
)

const (
	configSize       = 256
	numBARs          = 6
	romBAR           = numBARs // index of the expansion ROM in Function.bars
	romEnable        = 1
	functionsPerSlot = 8

	commandWritable = 0x0547 // I/O, memory, bus master, parity response, SERR, INTx disable
	statusInterrupt = 1 << 3
	statusW1C       = 0xf900
	headerMulti     = 0x80
	barIO           = 1
	barMem64        = 4
	barPrefetch     = 8
	unmapped        = ^uint64(0) // BAR.at of a BAR that is on no bus
)

// BAR describes one base address register.
type BAR struct {
	Size     uint64 // a power of two; 0: not there. A 64-bit BAR takes the next one too
	Ports    devices.PortDevice
	MMIO     devices.MMIODevice
	RAM      []byte // instead of MMIO: memory of Size bytes, page-aligned
	Mem64    bool
	Prefetch bool

	at uint64 // where it is mapped
}

// Function is one PCI function: its configuration space and what that controls.
type Function struct {
	Config   [configSize]byte
	Writable [configSize]byte // bits that software can write
	W1C      [configSize]byte // bits that writing 1 clears

	// OnWrite, if set, is called after a configuration write of n bytes at reg.
	OnWrite func(reg uint8, n int)

	name  string
	reset [configSize]byte
	bars  [numBARs + 1]BAR // the last is the expansion ROM
	bus   *Bus
	devfn uint8
	msi   uint8 // where the MSI capability is; 0: none
	intx  bool  // the device's request
	line  bool  // what the bus was told
}

// NewFunction returns a function with the identity registers filled in. class is base class, sub-class and
// programming interface in 24 bits.
func NewFunction(name string, vendor, device uint16, revision uint8, class uint32) *Function {
	f := &Function{name: name}
	put16(f.Config[VendorID:], vendor)
	put16(f.Config[DeviceID:], device)
	f.Config[Revision] = revision
	f.Config[ClassCode] = uint8(class)
	f.Config[ClassCode+1] = uint8(class >> 8)
	f.Config[ClassCode+2] = uint8(class >> 16)
	put16(f.Writable[Command:], commandWritable)
	f.W1C[Status+1] = statusW1C >> 8
	f.Writable[InterruptLine] = 0xff
	return f
}

func put16(p []byte, v uint16) { p[0], p[1] = byte(v), byte(v>>8) }

// Name implements devices.Device.
func (f *Function) Name() string { return f.name }

// SetBAR declares BAR n. It must be called before the function is put on a bus.
func (f *Function) SetBAR(n int, b BAR) {
	b.at = unmapped
	f.bars[n] = b
	reg := BAR0 + 4*n
	mask := ^(b.Size - 1)
	switch {
	case b.Ports != nil:
		f.Config[reg] = barIO
		mask &^= 3
	case b.Mem64:
		f.Config[reg] = barMem64
	}
	if b.Prefetch {
		f.Config[reg] |= barPrefetch
	}
	if b.Ports == nil {
		mask &^= 0xf
	}
	for i := range 4 {
		f.Writable[reg+i] = byte(mask >> (8 * i))
		if b.Mem64 {
			f.Writable[reg+4+i] = byte(mask >> (32 + 8*i))
		}
	}
}

// SetROM declares an expansion ROM: an image of a power of two of bytes, at least 2 KiB, in page-aligned memory of whole pages. It must be
// called before the function is put on a bus.
func (f *Function) SetROM(image []byte) {
	size := uint64(len(image))
	f.bars[romBAR] = BAR{Size: size, RAM: image, at: unmapped}
	mask := uint32(^(size-1))&^0x7ff | romEnable
	for i := range 4 {
		f.Writable[ExpansionROM+i] = byte(mask >> (8 * i))
	}
}

// keep makes the present contents of Config those after reset.
func (f *Function) keep() { f.reset = f.Config }

// Reset restores the configuration space and takes BARs off the buses.
func (f *Function) Reset() {
	f.Config = f.reset
	f.remap()
	f.SetINTx(false)
}

// ReadConfig reads size bytes at reg.
func (f *Function) ReadConfig(reg uint8, size int) uint32 {
	var v uint32
	for i := range size {
		v |= uint32(f.Config[(int(reg)+i)%configSize]) << (8 * i)
	}
	return v
}

// WriteConfig writes the low size bytes of v at reg through the masks.
func (f *Function) WriteConfig(reg uint8, size int, v uint32) {
	for i := range size {
		p, b := (int(reg)+i)%configSize, byte(v>>(8*i))
		f.Config[p] = (f.Config[p]&^f.Writable[p] | b&f.Writable[p]) &^ (b & f.W1C[p])
	}
	if end := int(reg) + size; reg < ExpansionROM+4 && end > Command {
		f.remap()
	}
	f.updateINTx()
	if f.OnWrite != nil {
		f.OnWrite(reg, size)
	}
}

// Config16 is the 16-bit register at reg.
func (f *Function) Config16(reg uint8) uint16 { return uint16(f.ReadConfig(reg, 2)) }

// address is where BAR n ought to be mapped now, or unmapped.
func (f *Function) address(n int) uint64 {
	b, cmd := &f.bars[n], f.Config16(Command)
	if n == romBAR {
		at := uint64(f.ReadConfig(ExpansionROM, 4))
		if cmd&CommandMemory == 0 || at&romEnable == 0 || at&^0x7ff == 0 {
			return unmapped
		}
		return at &^ 0x7ff
	}
	at := uint64(f.ReadConfig(uint8(BAR0+4*n), 4))
	if b.Ports != nil {
		at &^= 3
		if cmd&CommandIO == 0 || at == 0 || at+b.Size > 1<<16 {
			return unmapped
		}
		return at
	}
	if at &^= 0xf; b.Mem64 {
		at |= uint64(f.ReadConfig(uint8(BAR0+4*n+4), 4)) << 32
	}
	if cmd&CommandMemory == 0 || at == 0 || at+b.Size < at || at >= 1<<52 {
		return unmapped
	}
	return at
}

// MemoryBARs calls f for each BAR that is mapped into memory.
func (f *Function) MemoryBARs(call func(base, size uint64)) {
	for _, b := range f.bars {
		if b.Size != 0 && b.Ports == nil && b.at != unmapped {
			call(b.at, b.Size)
		}
	}
}

// remap brings the buses in line with BARs and command register.
func (f *Function) remap() {
	if f.bus == nil {
		return
	}
	for n := range f.bars {
		b := &f.bars[n]
		if b.Size == 0 {
			continue
		}
		at := f.address(n)
		if at == b.at {
			continue
		}
		if b.at != unmapped {
			if b.Ports != nil {
				f.bus.ports.UnmapPorts(uint16(b.at), int(b.Size))
			} else {
				f.bus.memory.UnmapMMIO(b.at, b.Size)
			}
		}
		if b.at = at; at != unmapped {
			switch {
			case b.Ports != nil:
				f.bus.ports.MapPorts(uint16(at), int(b.Size), b.Ports)
			case b.RAM != nil:
				f.bus.memory.MapRAM(at, b.RAM, n == romBAR)
			default:
				f.bus.memory.MapMMIO(at, b.Size, b.MMIO)
			}
		}
	}
}

// SetINTx sets the function's interrupt request, on the pin that its configuration space names.
func (f *Function) SetINTx(level bool) {
	f.intx = level
	f.updateINTx()
}

func (f *Function) updateINTx() {
	f.Config[Status] &^= statusInterrupt
	if f.intx {
		f.Config[Status] |= statusInterrupt
	}
	level := f.intx && f.Config16(Command)&CommandINTxOff == 0 && !f.MSIEnabled()
	if pin := f.Config[InterruptPin]; level != f.line && pin >= 1 && pin <= 4 && f.bus != nil {
		f.line = level
		f.bus.setPin(f.devfn, int(pin-1), level)
	}
}

// FunctionState is the saved state of a function.
type FunctionState struct {
	Version    int
	Config     [configSize]byte
	INTx, Line bool
}

// SaveState returns a copy of the state.
func (f *Function) SaveState() FunctionState {
	return FunctionState{stateVersion, f.Config, f.intx, f.line}
}

// RestoreState takes over a saved state and maps the BARs accordingly.
func (f *Function) RestoreState(s FunctionState) error {
	if err := checkVersion(f.name, s.Version); err != nil {
		return err
	}
	f.Config, f.intx, f.line = s.Config, s.INTx, s.Line
	f.remap()
	return nil
}

// Mapping is a base address register as debuggers see it.
type Mapping struct {
	BAR      int // 6: the expansion ROM
	IO       bool
	Mem64    bool
	Prefetch bool
	Size     uint64
	Addr     uint64 // where it is mapped, if Mapped
	Mapped   bool
}

// Mappings lists the base address registers that there are.
func (f *Function) Mappings() (list []Mapping) {
	for i := range f.bars {
		if b := &f.bars[i]; b.Size != 0 {
			m := Mapping{BAR: i, IO: b.Ports != nil, Mem64: b.Mem64, Prefetch: b.Prefetch, Size: b.Size, Mapped: b.at != unmapped}
			if m.Mapped {
				m.Addr = b.at
			}
			list = append(list, m)
		}
	}
	return list
}
