// Package board is the minimal PC: i440FX and PIIX3, with the ISA devices, timers and interrupt controllers that such a
// board has. It says which devices there are, where, and on which lines.
//
// Interrupts: each ISA interrupt goes to the 8259A pair and to the same pin of the IOAPIC, interrupt 0 to pin 2. PCI INTx goes
// through the PIIX3's PIRQ routing to ISA interrupts, in APIC mode too. The SCI is interrupt 9. The 8259A's output is
// LINT0 of every local APIC and the processor's INTR pin while its local APIC is disabled.
//
// Not here: display, disks, network, DMA controllers. Ports and memory that nobody claims read as all ones.
package board

import (
	"errors"
	"fmt"
	"io"
	"time"

	"goemu/devices"
	"goemu/devices/debugcon"
	"goemu/devices/i440fx"
	"goemu/devices/pci"
	"goemu/devices/pic"
	"goemu/devices/piix3"
	"goemu/devices/pit"
	"goemu/devices/portmap"
	"goemu/devices/rtc"
	"goemu/devices/uart"
	"goemu/mmu"
)

// The physical memory map.
const (
	LowMemoryMax = 0xc000_0000 // RAM above this continues at HighMemory
	HighMemory   = 0x1_0000_0000
	vgaBase      = 0xa0000
	vgaSize      = 0x20000
	shadowBase   = 0xc0000
	biosTop      = 0x1_0000_0000
)

// Config says what a PC is made of.
type Config struct {
	RAM   []byte       // host memory of the guest's RAM, page-aligned, whole pages; at least 1 MiB
	Space *mmu.Space   // empty; the board maps RAM, ROM and devices into it
	Ports *portmap.Map // nil: the board makes one
	Clock devices.Clock
	Start time.Time // what the real-time clock shows when guest time is 0
	CPUs  int       // vCPUs; 0 means 1

	Serial  []uart.Backend                     // COM1, COM2; a nil entry leaves the port out
	Devices []string                           // values of -device
	Chardev func(id string) (io.Writer, error) // finds the chardev that a -device names
	ROM     []byte                             // firmware image, page-aligned, whole pages; mapped below 4 GiB and below 1 MiB

	OnINTR      func(cpu int, level bool)  // an interrupt can be acknowledged with IntAck, or no more
	OnNMI       func(cpu int)              // non-maskable interrupt
	OnSMI       func(cpu int)              // system management interrupt
	OnINIT      func(cpu int)              // INIT
	OnSIPI      func(cpu int, vector byte) // start-up interrupt
	OnReset     func(hard bool)            // the guest asks for a reset; hard: of the board too
	OnPowerOff  func()
	OnDebugExit func(status int)
}

// PC is the board with its devices.
type PC struct {
	Ports   *portmap.Map
	Space   *mmu.Space
	PCI     *pci.Bus
	Bridge  *i440fx.HostBridge
	ISA     *piix3.Bridge
	PIC     *pic.PIC
	PIT     *pit.PIT
	RTC     *rtc.RTC
	Serial  []*uart.UART // as Config.Serial; nil where left out
	Console []*debugcon.Console

	cfg     Config
	isa     [16]wire
	drivers []*driver
	devices []devices.Device
}

// NewPC builds a PC and resets it.
func NewPC(cfg Config) (*PC, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	pc := &PC{cfg: cfg, Ports: cfg.Ports, Space: cfg.Space}
	pc.mapMemory()
	pc.addInterrupts()
	pc.addTimers()
	if err := pc.addPCI(); err != nil {
		return nil, err
	}
	pc.addSerial()
	for _, opts := range cfg.Devices {
		if err := pc.addDevice(opts); err != nil {
			return nil, fmt.Errorf("-device %s: %w", opts, err)
		}
	}
	pc.Reset()
	return pc, nil
}

func (c *Config) check() error {
	switch {
	case c.Space == nil || c.Clock == nil:
		return errors.New("board: Space and Clock must be given")
	case len(c.RAM) < 1<<20 || len(c.RAM)&mmu.PageMask != 0:
		return fmt.Errorf("board: %d bytes of RAM: want whole pages, at least 1 MiB", len(c.RAM))
	case len(c.ROM)&mmu.PageMask != 0 || len(c.ROM) > 16<<20:
		return fmt.Errorf("board: firmware of %d bytes: want whole pages, at most 16 MiB", len(c.ROM))
	case len(c.Serial) > 2:
		return fmt.Errorf("board: %d serial ports: want at most 2", len(c.Serial))
	case c.CPUs < 0 || c.CPUs > 255:
		return fmt.Errorf("board: %d vCPUs: want 1 to 255", c.CPUs)
	}
	if c.CPUs == 0 {
		c.CPUs = 1
	}
	if c.Ports == nil {
		c.Ports = portmap.New()
	}
	return nil
}

// add notes a device for Reset.
func (pc *PC) add(d devices.Device) { pc.devices = append(pc.devices, d) }

func (pc *PC) addInterrupts() {
	pc.PIC = pic.New(devices.LineFunc(pc.setINTR))
	pc.PIC.MapInto(pc.Ports)
	pc.add(pc.PIC)
	for n := range pc.isa {
		pc.isa[n].sinks = []devices.Line{pc.PIC.IRQ(n)}
	}
}

func (pc *PC) addTimers() {
	pc.PIT = pit.New(pc.cfg.Clock, pc.drive(0))
	pc.PIT.MapInto(pc.Ports)
	pc.add(pc.PIT)
	pc.RTC = rtc.New(pc.cfg.Clock, pc.drive(rtc.IRQ), pc.cfg.Start)
	pc.RTC.MapInto(pc.Ports)
	pc.setCMOS()
	pc.add(pc.RTC)
}

func (pc *PC) addPCI() error {
	pc.PCI = pci.NewBus(pc.Ports, mmioBus{pc.Space})
	pc.PCI.MapInto(pc.Ports)
	pc.add(pc.PCI)
	pc.Bridge = i440fx.New()
	if err := pc.PCI.Add(0, 0, pc.Bridge.Function); err != nil {
		return err
	}
	pc.add(pc.Bridge)
	pc.ISA = piix3.New()
	if err := pc.PCI.Add(1, 0, pc.ISA.Function); err != nil {
		return err
	}
	pc.ISA.MapInto(pc.Ports)
	var lines [16]*driver
	for n := range lines {
		lines[n] = pc.drive(n)
	}
	pc.ISA.SetIRQ = func(n int, level bool) { lines[n].Set(level) }
	pc.ISA.OnReset = pc.reset
	pc.PCI.OnPIRQ = pc.ISA.SetPIRQ
	pc.add(pc.ISA)
	return nil
}

func (pc *PC) addSerial() {
	at := [2]struct {
		base uint16
		irq  int
	}{{uart.COM1Base, uart.COM1IRQ}, {uart.COM2Base, uart.COM2IRQ}}
	pc.Serial = make([]*uart.UART, len(pc.cfg.Serial))
	for i, backend := range pc.cfg.Serial {
		if backend == nil {
			continue
		}
		u := uart.New(pc.cfg.Clock, at[i].base, pc.drive(at[i].irq), backend)
		u.MapInto(pc.Ports)
		pc.Serial[i] = u
		pc.add(u)
	}
}

// setINTR is the 8259A pair's output.
func (pc *PC) setINTR(level bool) {
	if pc.cfg.OnINTR != nil {
		pc.cfg.OnINTR(0, level)
	}
}

// IntAck is vCPU cpu's interrupt acknowledge cycle; it returns the vector.
func (pc *PC) IntAck(cpu int) int {
	return pc.PIC.IntAck()
}

func (pc *PC) reset(hard bool) {
	if pc.cfg.OnReset != nil {
		pc.cfg.OnReset(hard)
	}
}

// Reset resets all devices. The machine calls it, at a time of its choice, after OnReset.
func (pc *PC) Reset() {
	for _, d := range pc.devices {
		d.Reset()
	}
}
