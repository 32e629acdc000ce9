// Package board is the PC: i440FX with PIIX3, or Q35 with ICH9, and the ISA devices, timers and interrupt controllers that such
// boards have. It says which devices there are, where, and on which lines.
//
// Interrupts: each ISA interrupt goes to the 8259A pair and to the same pin of the IOAPIC, interrupt 0 to pin 2. PCI INTx goes
// through the ISA or LPC bridge's PIRQ routing to ISA interrupts; with the PIIX3 in APIC mode too, with the ICH9 PIRQA to PIRQH are also pins 16
// to 23. The SCI is interrupt 9. The 8259A's output is LINT0 of every local APIC and the processor's INTR pin while its local APIC is disabled.
//
// Not here: disks, network. Ports and memory that nobody claims read as all ones.
package board

import (
	"errors"
	"fmt"
	"io"
	"time"

	"goemu/bios"
	"goemu/devices"
	"goemu/devices/ahci"
	"goemu/devices/apicbus"
	"goemu/devices/debugcon"
	"goemu/devices/fwcfg"
	"goemu/devices/hpet"
	"goemu/devices/i8042"
	"goemu/devices/ioapic"
	"goemu/devices/lapic"
	"goemu/devices/parport"
	"goemu/devices/pci"
	"goemu/devices/pflash"
	"goemu/devices/pic"
	"goemu/devices/pit"
	"goemu/devices/portmap"
	"goemu/devices/rtc"
	"goemu/devices/uart"
	"goemu/devices/vga"
	"goemu/mmu"
)

// The physical memory map.
const (
	HighMemory = 0x1_0000_0000 // where RAM continues that has no place below 4 GiB
	vgaBase    = 0xa0000
	vgaSize    = 0x20000
	biosTop    = 0x1_0000_0000
)

// Config says what a PC is made of.
type Config struct {
	Machine                   Machine
	NoHPET, NoSMM, NoGraphics bool         // see emu.Config
	RAM                       []byte       // host memory of the guest's RAM, page-aligned, whole pages; at least 1 MiB
	Space                     *mmu.Space   // empty; the board maps RAM, ROM and devices into it
	Pool                      *mmu.Pool    // where the board's own memory comes from; nil: it is never given back
	Ports                     *portmap.Map // nil: the board makes one
	Clock                     devices.Clock
	RTCClock                  devices.Clock // what the real-time clock follows; nil: Clock
	Start                     time.Time     // what the real-time clock shows when guest time is 0
	CPUs                      int           // vCPUs; 0 means 1

	Drives   []Drive                            // in the order of the options
	Serial   []uart.Backend                     // COM1, COM2; a nil entry leaves the port out
	Parallel parport.Backend                    // LPT1; nil leaves the port out
	Devices  []string                           // values of -device
	Chardev  func(id string) (io.Writer, error) // finds the chardev that a -device names
	Boot     BootOptions
	SMBIOS   bios.SMBIOS           // what the user says of the machine
	ACPI     [][]byte              // tables of the user's, whole
	ROM      []byte                // firmware image, page-aligned, whole pages; mapped below 4 GiB and below 1 MiB
	Flash    [FlashChips]FlashChip // instead of ROM

	LoadROM  func(name string) ([]byte, error) // reads the image of an expansion ROM, as pci.Function.SetROM takes it
	VideoROM string                            // image for the display adapter where -device says none; "": none

	// CurrentCPU tells which vCPU makes an access; needed only if CPUs > 1.
	CurrentCPU func() int

	TSCOffset func(cpu int) uint64 // a vCPU's time-stamp counter less what it would be if it had begun with Clock; nil: 0
	TSCRate   func() uint64        // of all vCPUs, in Hz; nil: devices.GHz

	OnINTR      func(cpu int, level bool)  // an interrupt can be acknowledged with IntAck, or no more
	OnNMI       func(cpu int)              // non-maskable interrupt
	OnSMI       func(cpu int)              // system management interrupt
	OnTSEG      func()                     // HasTSEG; perhaps not for the first time
	OnINIT      func(cpu int)              // INIT
	OnSIPI      func(cpu int, vector byte) // start-up interrupt
	OnReset     func(hard bool)            // the guest asks for a reset; hard: of the board too
	OnPowerOff  func()
	OnSuspend   func() // the guest wants to sleep in S3: Suspend
	OnWake      func() // sleep ends
	OnDebugExit func(status int)
	OnPanic     func() // the guest says that it has panicked
}

// PC is the board with its devices.
type PC struct {
	Ports   *portmap.Map
	Space   *mmu.Space
	PCI     *pci.Bus
	PIC     *pic.PIC
	LAPICs  []*lapic.LAPIC // one for each vCPU; its number is the APIC ID
	IOAPIC  *ioapic.IOAPIC
	PIT     *pit.PIT
	RTC     *rtc.RTC
	HPET    *hpet.HPET
	KBC     *i8042.Controller
	FwCfg   *fwcfg.Device
	Serial  []*uart.UART // as Config.Serial; nil where left out
	Console []*debugcon.Console
	VGA     *vga.VGA // nil: none
	AHCI    []*ahci.Controller
	isaDevices
	testDevices

	cfg     Config
	apics   *apicbus.Bus
	chipset chipset
	lines   [ioapic.NumPins]wire // interrupts, by pin of the I/O APIC but for the timer, which is 0
	drivers []*driver
	pitGate *gate // closed while the HPET replaces the 8254
	rtcOut  rtcLine
	rtcGate *gate
	asleep  bool // in S3
	lint0   []devices.Line
	ferr    coprocessor
	smm     bool     // see SetSMM
	smram   int      // the window at A0000h
	lapicAt []uint64 // where registers of local APICs are mapped
	shadow  [shadowAreas]shadowArea
	flash   []*pflash.Flash
	devices []devices.Device
	boot    []bootDevice
	resets  int // since power-on
}

// NewPC builds a PC and resets it.
func NewPC(cfg Config) (*PC, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	pc := &PC{cfg: cfg, Ports: cfg.Ports, Space: cfg.Space, chipset: newChipset(cfg.Machine)}
	pc.mapMemory()
	if err := pc.addFlash(); err != nil {
		return nil, err
	}
	pc.addInterrupts()
	pc.addTimers()
	if err := pc.addPCI(); err != nil {
		return nil, err
	}
	pc.addPlatform()
	if err := pc.addISA(); err != nil {
		return nil, err
	}
	pc.addSerial()
	for _, opts := range cfg.Devices {
		if err := pc.addDevice(opts); err != nil {
			return nil, fmt.Errorf("-device %s: %w", opts, err)
		}
	}
	if err := pc.addTables(); err != nil {
		return nil, err
	}
	if err := pc.addBootFiles(); err != nil {
		return nil, err
	}
	pc.powerOn()
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
	case c.CPUs < 0 || c.CPUs > 254:
		return fmt.Errorf("board: %d vCPUs: want 1 to 254", c.CPUs)
	case c.CPUs > 1 && c.CurrentCPU == nil:
		return errors.New("board: several vCPUs need CurrentCPU")
	}
	if c.RTCClock == nil {
		c.RTCClock = c.Clock
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

func (pc *PC) addTimers() {
	pc.pitGate = &gate{out: pc.drive(0)}
	pc.PIT = pit.New(pc.cfg.Clock, pc.pitGate)
	pc.PIT.MapInto(pc.Ports)
	pc.add(pc.PIT)
	pc.rtcOut.pc = pc
	pc.rtcGate = &gate{out: pc.drive(rtc.IRQ)}
	pc.RTC = rtc.New(pc.cfg.RTCClock, &pc.rtcOut, pc.cfg.Start)
	pc.RTC.MapInto(pc.Ports)
	pc.setCMOS()
	pc.add(pc.RTC)
	var lines [ioapic.NumPins]devices.Line
	for n := range lines {
		if lines[n] = pc.drive(n); n == ioapic.TimerPin {
			lines[n] = pc.drive(0)
		}
	}
	pc.HPET = hpet.New(pc.cfg.Clock, func(n int, level bool) { lines[n].Set(level) }, func(on bool) {
		pc.pitGate.close(on)
		pc.rtcGate.close(on)
	})
	if !pc.cfg.NoHPET {
		pc.HPET.MapInto(mmioBus{pc.Space}, hpet.DefaultBase)
	}
	pc.add(pc.HPET)
}

func (pc *PC) addPCI() error {
	pc.PCI = pci.NewBus(pc.Ports, mmioBus{pc.Space})
	pc.PCI.OnMSI = pc.sendMSI
	pc.PCI.MapInto(pc.Ports)
	pc.add(pc.PCI)
	return pc.chipset.add(pc)
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

// addPlatform adds what is on the ISA side: keyboard controller, firmware configuration.
func (pc *PC) addPlatform() {
	pc.KBC = i8042.New(pc.cfg.Clock, pc.drive(i8042.KeyboardIRQ), pc.drive(i8042.MouseIRQ))
	pc.KBC.OnA20 = pc.setA20
	pc.KBC.OnReset = func() { pc.reset(false) }
	pc.KBC.MapInto(pc.Ports)
	pc.add(pc.KBC)
	pc.addCoprocessor()
	pc.FwCfg = fwcfg.New(pc.Space)
	pc.FwCfg.AddUint(fwcfg.RAMSize, 8, uint64(len(pc.cfg.RAM)))
	pc.FwCfg.AddUint(fwcfg.NumCPUs, 2, uint64(pc.cfg.CPUs))
	pc.FwCfg.AddUint(fwcfg.MaxCPUs, 2, uint64(pc.cfg.CPUs))
	noGraphic := uint64(0)
	if pc.cfg.NoGraphics {
		noGraphic = 1
	}
	pc.FwCfg.AddUint(fwcfg.NoGraphic, 2, noGraphic)
	pc.FwCfg.MapInto(pc.Ports)
	pc.add(pc.FwCfg)
}

func (pc *PC) reset(hard bool) {
	if pc.cfg.OnReset != nil {
		pc.cfg.OnReset(hard)
	}
}

// Reset resets all devices. The machine calls it, at a time of its choice, after OnReset.
func (pc *PC) Reset() {
	pc.resets++
	pc.powerOn()
}

// powerOn puts all devices in the state after power-on.
func (pc *PC) powerOn() {
	pc.setBootOrder()
	for _, d := range pc.devices {
		d.Reset()
	}
}

// FirmwareInit leaves the devices as PC firmware does before it starts a boot loader: for kernels that are loaded
// directly. It is called after Reset. The error says what PCI functions want that there is not.
func (pc *PC) FirmwareInit() error {
	if err := bios.SetupPCI(pc.Ports, pc.TablesConfig()); err != nil {
		return err
	}
	pc.chipset.pm().SetACPI(true)
	pc.KBC.FirmwareInit()
	pc.openShadow()
	if err := pc.initVGA(); err != nil {
		return err
	}
	pc.IOAPIC.SetID(bios.IOAPICID(pc.cfg.CPUs))
	pc.LAPICs[0].SetVirtualWire() // the others are as INIT leaves them
	for _, w := range firmwareOut {
		pc.Ports.Out(w.port, 1, uint32(w.value))
	}
	return nil
}

// firmwareOut programs the interrupt controllers (vectors 08h and 70h, all masked; PCI interrupts and the SCI level-triggered) and
// the 8254 (counter 0: 18.2 Hz, counter 1: refresh), and opens the way from the first DMA controller to the second.
var firmwareOut = []struct {
	port  uint16
	value uint8
}{
	{pic.MasterBase, 0x11}, {pic.MasterBase + 1, 0x08}, {pic.MasterBase + 1, 1 << pic.Cascade}, {pic.MasterBase + 1, 0x01},
	{pic.SlaveBase, 0x11}, {pic.SlaveBase + 1, 0x70}, {pic.SlaveBase + 1, pic.Cascade}, {pic.SlaveBase + 1, 0x01},
	{pic.MasterBase + 1, 0xff}, {pic.SlaveBase + 1, 0xff},
	{pic.ELCRBase, 0x00}, {pic.ELCRBase + 1, 0x0e},
	{pit.Base + 3, 0x36}, {pit.Base, 0}, {pit.Base, 0},
	{pit.Base + 3, 0x54}, {pit.Base + 1, 0x12},
	{0xd6, 0xc0}, {0xd4, 0x00},
}
