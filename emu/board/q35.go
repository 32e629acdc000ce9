package board

import (
	"errors"

	"goemu/bios"
	"goemu/devices/acpipm"
	"goemu/devices/ich9"
	"goemu/devices/pci"
	"goemu/devices/q35"
	"goemu/devices/smbus"
)

// pirqPin is the I/O APIC's pin of PIRQA.
const pirqPin = 16

// lpcSlot is where the functions of the ICH9 are that PCs have always had.
const lpcSlot = 31

// ahciFunction is the number of the function with the disks.
const ahciFunction = 2

// q35Chips is the chip set of the board "q35".
type q35Chips struct {
	pc     *PC
	host   *q35.HostBridge
	lpc    *ich9.LPC
	smbus  *smbus.ICH9
	config window // configuration space in memory
	high   int    // window of SMRAM at q35.HighSMRAM
	tseg   map[uint64]int
	closed window // what hides TSEG
}

// window is a piece of memory that a register puts somewhere.
type window struct{ base, size uint64 }

// q35State is the saved state.
type q35State struct {
	Host  pci.FunctionState
	LPC   ich9.State
	SMBus smbus.ICH9State
}

func (c *q35Chips) board() *bios.Board { return bios.Q35 }
func (c *q35Chips) vgaSlot() uint8     { return 1 }

func (c *q35Chips) add(pc *PC) error {
	c.pc = pc
	c.mapWindows()
	c.host = q35.New()
	c.host.OnPAM = pc.updateShadow
	c.host.OnSMRAM = pc.updateSMRAM
	c.host.OnMMConfig = c.moveConfig
	c.lpc = ich9.New(pc.cfg.Clock, pc.Ports, mmioBus{pc.Space})
	c.lpc.MapInto(pc.Ports)
	c.lpc.OnSleep = pc.sleep
	c.lpc.OnSMI, c.lpc.NoSMI = pc.smi, pc.cfg.NoSMM
	c.lpc.OnReset = pc.reset
	c.lpc.PIRQ.SetIRQ = pc.isaDrivers()
	c.lpc.Reroute = pc.PCI.Reroute
	pc.PCI.Route = c.lpc.Route
	var pins, sci [len(pc.lines)]*driver
	for n := range pins {
		pins[n], sci[n] = pc.drive(n), pc.drive(n)
	}
	c.lpc.SetSCI = func(n int, level bool) { sci[n].Set(level) }
	pc.PCI.OnPIRQ = func(n int, level bool) {
		pins[pirqPin+n].Set(level)
		c.lpc.PIRQ.Set(n, level)
	}
	pc.add(c.host)
	pc.add(c.lpc)
	c.smbus = smbus.NewICH9(pc.cfg.Clock)
	c.smbus.Host.AddModules(uint64(len(pc.cfg.RAM)))
	pc.add(c.smbus)
	disks := pc.newAHCI(BusIDE)
	pc.bootAHCI(BusIDE, lpcSlot, ahciFunction)
	return errors.Join(
		pc.PCI.Add(0, 0, c.host.Function),
		pc.PCI.Add(lpcSlot, 0, c.lpc.Function),
		pc.PCI.Add(lpcSlot, ahciFunction, disks.Function),
		pc.PCI.Add(lpcSlot, 3, c.smbus.Function))
}

// mapWindows prepares the windows of SMRAM: the legacy one at its second place, and TSEG of each size at the end of low memory.
func (c *q35Chips) mapWindows() {
	ram, low := c.pc.cfg.RAM, c.pc.LowMemory()
	c.high = c.pc.Space.MapWindow(q35.HighSMRAM, ram[vgaBase:vgaBase+vgaSize:vgaBase+vgaSize])
	c.tseg = map[uint64]int{}
	for _, size := range q35.TSEGSizes {
		if low > size+HighMemory>>12 {
			c.tseg[size] = c.pc.Space.MapWindow(low-size, ram[low-size:low:low])
		}
	}
}

// moveConfig follows PCIEXBAR.
func (c *q35Chips) moveConfig() {
	var want window
	want.base, want.size = c.host.MMConfig()
	if want == c.config {
		return
	}
	if c.config.size != 0 {
		c.pc.Space.Unmap(c.config.base, c.config.size)
	}
	if c.config = want; want.size != 0 {
		c.pc.Space.MapIO(want.base, want.size, pci.MMConfig{Bus: c.pc.PCI})
	}
}

func (c *q35Chips) shadow(area int) uint8 { return c.host.Shadow(area) }

func (c *q35Chips) pam() registers { return registers{c.host.Function, q35.PAM0, q35.NumPAM} }

func (c *q35Chips) places() []registers {
	return []registers{c.pam(), {c.host.Function, q35.PCIEXBAR, 8}, {c.lpc.Function, ich9.PMBase, 4}, {c.lpc.Function, ich9.ACPICntl, 1}}
}

func (c *q35Chips) openSMRAM(smm bool) {
	low, high := c.host.SMRAM(smm)
	s := c.pc.Space
	s.OpenWindow(c.pc.smram, low)
	s.OpenWindow(c.high, high)
	size := c.host.TSEG()
	want := window{c.pc.LowMemory() - size, size}
	if _, ok := c.tseg[size]; !ok {
		want = window{}
	}
	if want != c.closed {
		if c.closed.size != 0 {
			s.Unmap(c.closed.base, c.closed.size)
		}
		if c.closed = want; want.size != 0 {
			s.MapIO(want.base, want.size, nobody{})
		}
	}
	for n, w := range c.tseg {
		s.OpenWindow(w, smm && n == want.size)
	}
}

func (c *q35Chips) hasTSEG() bool { return c.host.TSEG() != 0 }

func (c *q35Chips) pm() *acpipm.PM { return c.lpc.PM }

func (c *q35Chips) tables(x *bios.Config) {
	x.PMBase = c.lpc.Base()
	if x.MMConfig = c.board().MMConfig; c.config.size != 0 {
		x.MMConfig = bios.Window{Base: c.config.base, End: c.config.base + c.config.size}
	}
}

func (c *q35Chips) save(s *State) {
	s.Q35 = &q35State{c.host.SaveState(), c.lpc.SaveState(), c.smbus.SaveState()}
}

func (c *q35Chips) restore(s *State) error {
	if s.Q35 == nil {
		return errors.New("the state is of another board than q35")
	}
	return errors.Join(c.host.RestoreState(s.Q35.Host), c.lpc.RestoreState(s.Q35.LPC), c.smbus.RestoreState(s.Q35.SMBus))
}
