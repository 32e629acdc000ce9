package bios

import "goemu/devices"

// TrapPort is the port to which the ROM's stubs write: the machine then calls Firmware.Trap.
const TrapPort = 0xba

// Memory is guest-physical memory, devices included.
type Memory interface {
	devices.Memory
	// Read and Write access 1, 2, 4 or 8 bytes.
	Read(phys uint64, size int) uint64
	Write(phys uint64, size int, v uint64)
}

// Options are what the firmware has to know of its machine, and cannot ask by ports.
type Options struct {
	Tables Config // the tables that it leaves for operating systems
	Memory Memory
	Ports  devices.PortDevice
	Clock  devices.Clock

	// Wake has a processor that waits at a HLT of the ROM look whether it still has to.
	Wake func()
	// SetMSR writes a model-specific register of all processors; one that a processor does not have is left out.
	SetMSR func(msr uint32, v uint64)

	// VideoOnly is for machines with firmware of others: there is the display adapter's ROM alone.
	VideoOnly bool

	// Drives are all drives, in the order in which the firmware is to number them; diskettes by their unit.
	Drives []Drive
}

// Firmware is the built-in firmware of one machine. All methods are called with the machine's lock held.
type Firmware struct {
	opt     Options
	rom     *rom
	call    Call
	scratch [8]byte
	timer   devices.Timer // for services that wait until a time

	// What POST has found; all of it goes with a reset.
	board     boardInfo
	fwCfg     bool
	graphics  bool // the user looks at the display, not at a serial port
	warm      bool // POST after Ctrl-Alt-Del
	tables    *Tables
	problems  []string
	disks     drives
	roms      romState
	romBoots  []bootItem
	boot      bootState
	menu      menuState
	chosen    string // what the user has chosen in the menu
	serial    serialConsole
	waits     []wait
	videoROM  uint32 // bytes of ROM at C0000h
	pmmBlocks []pmmBlock

	video video
}

// NewFirmware makes the firmware of a machine.
func NewFirmware(o Options) (*Firmware, error) {
	image := theROM
	if o.VideoOnly {
		image = theVideoROM
	}
	rom, err := image()
	if err != nil {
		return nil, err
	}
	f := &Firmware{opt: o, rom: rom, video: video{ports: o.Ports, phys: o.Memory}}
	f.timer = o.Clock.NewTimer(o.Wake)
	return f, nil
}

// Trap runs the service whose stub the processor is in, after its OUT to TrapPort. An OUT from elsewhere does nothing.
func (f *Firmware) Trap(cpu CPU) {
	c := &f.call
	*c = Call{cpu: cpu, fw: f}
	if !cpu.Load(&c.State) {
		return
	}
	s, ok := f.rom.stubs[stubAt(c.At)]
	if !ok {
		return
	}
	c.live, c.Retry, c.Key = s.live, s.retry, c.frame()
	if s.run(f, c) == Again {
		c.EIP += s.wait - stubAt(c.At)
	}
	cpu.Store(&c.State)
}

// Waits tells whether a processor that is halted at a physical address waits for the firmware.
func (f *Firmware) Waits(phys uint64) bool { return f.rom.waits[stubAt(phys)] }

// stubAt is an address in the upper of the two places where the ROM is seen, as one in the lower.
func stubAt(phys uint64) uint32 {
	if phys >= 1<<32-romSize {
		phys -= 1<<32 - 1<<20
	}
	return uint32(min(phys, 1<<32-1))
}

// in and out access ports.
func (f *Firmware) in8(port uint16) uint8       { return uint8(f.opt.Ports.In(port, 1)) }
func (f *Firmware) in16(port uint16) uint16     { return uint16(f.opt.Ports.In(port, 2)) }
func (f *Firmware) out8(port uint16, v uint8)   { f.opt.Ports.Out(port, 1, uint32(v)) }
func (f *Firmware) out16(port uint16, v uint16) { f.opt.Ports.Out(port, 2, uint32(v)) }
