package board

import (
	"errors"

	"goemu/bios"
	"goemu/devices/acpipm"
	"goemu/devices/i440fx"
	"goemu/devices/ide"
	"goemu/devices/pci"
	"goemu/devices/piix3"
	"goemu/devices/piix4pm"
)

// piixChips is the chip set of the board "pc".
type piixChips struct {
	pc   *PC
	host *i440fx.HostBridge
	isa  *piix3.Bridge
	acpi *piix4pm.PM
	ide  *ide.Controller
}

// piixState is its saved state.
type piixState struct {
	Host pci.FunctionState
	ISA  piix3.State
	PM   piix4pm.State
	IDE  ide.State
}

func (c *piixChips) board() *bios.Board { return bios.PC }
func (c *piixChips) vgaSlot() uint8     { return 2 }

func (c *piixChips) add(pc *PC) error {
	c.pc = pc
	c.host = i440fx.New()
	c.host.OnPAM = pc.updateShadow
	c.host.OnSMRAM = pc.updateSMRAM
	c.isa = piix3.New()
	c.isa.MapInto(pc.Ports)
	c.isa.PIRQ.SetIRQ = pc.isaDrivers()
	c.isa.OnReset = pc.reset
	pc.PCI.OnPIRQ = c.isa.PIRQ.Set
	c.acpi = piix4pm.New(pc.cfg.Clock, pc.Ports, pc.drive(piix4pm.SCI), pc.drive(piix4pm.SCI))
	c.acpi.SMBus.AddModules(uint64(len(pc.cfg.RAM)))
	c.acpi.OnSleep = pc.sleep
	if c.acpi.OnSMI = pc.smi; pc.cfg.NoSMM {
		c.acpi.DisableSMI()
	}
	c.acpi.MapInto(pc.Ports)
	pc.add(c.host)
	pc.add(c.isa)
	pc.add(c.acpi)
	c.ide = pc.newIDE()
	pc.add(c.ide)
	return errors.Join(
		pc.PCI.Add(0, 0, c.host.Function),
		pc.PCI.Add(1, 0, c.isa.Function),
		pc.PCI.Add(1, 1, c.ide.Function),
		pc.PCI.Add(1, 3, c.acpi.Function))
}

func (c *piixChips) shadow(area int) uint8 { return c.host.Shadow(area) }

func (c *piixChips) pam() registers { return registers{c.host.Function, i440fx.PAM0, i440fx.NumPAM} }

func (c *piixChips) places() []registers {
	return []registers{c.pam(), {c.acpi.Function, piix4pm.ConfigPMBase, 4}, {c.acpi.Function, piix4pm.ConfigPMRegMisc, 1}}
}

func (c *piixChips) openSMRAM(smm bool) { c.pc.Space.OpenWindow(c.pc.smram, c.host.SMRAM(smm)) }
func (*piixChips) hasTSEG() bool        { return false }

func (c *piixChips) pm() *acpipm.PM { return c.acpi.PM }

func (c *piixChips) tables(x *bios.Config) { x.PMBase = c.acpi.Base() }

func (c *piixChips) save(s *State) {
	s.PIIX = &piixState{c.host.SaveState(), c.isa.SaveState(), c.acpi.SaveState(), c.ide.SaveState()}
}

func (c *piixChips) restore(s *State) error {
	if s.PIIX == nil {
		return errors.New("the state is of another board than pc")
	}
	return errors.Join(c.host.RestoreState(s.PIIX.Host), c.isa.RestoreState(s.PIIX.ISA), c.acpi.RestoreState(s.PIIX.PM),
		c.ide.RestoreState(s.PIIX.IDE))
}
