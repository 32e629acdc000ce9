package board

import (
	"errors"
	"fmt"

	"goemu/devices/ahci"
	"goemu/devices/block"
	"goemu/devices/pci"
)

// newAHCI makes an AHCI controller with the drives that hang on it.
func (pc *PC) newAHCI(bus string) *ahci.Controller {
	var drives [ahci.NumPorts]block.Drive
	for n := range drives {
		drives[n] = pc.cfg.DriveAt(bus, n, 0)
	}
	c := ahci.New(pc.Space, drives, len(pc.AHCI)*ahci.NumPorts)
	pc.AHCI = append(pc.AHCI, c)
	pc.add(c)
	return c
}

// bootAHCI gives the drives of a controller, which is on the bus by now, their places in the boot order.
func (pc *PC) bootAHCI(bus string, slot, function uint8) {
	for _, d := range pc.cfg.Drives {
		if d.Bus == bus {
			pc.AddBootDevice(d.Info().BootIndex, fmt.Sprintf("/pci@i0cf8/pci8086,2922@%x,%x/drive@%x/disk@0", slot, function, d.Port))
		}
	}
}

// addAHCI is ahci,id=ID,addr=A. Its buses are ID.0 to ID.5.
func (pc *PC) addAHCI(p properties) error {
	bus := p["id"]
	if bus == BusIDE || bus == BusFloppy {
		return fmt.Errorf("id=%s is that of the board's own controller", bus)
	}
	c := pc.newAHCI(bus)
	if err := pc.addFunction(c.Function, p); err != nil {
		return err
	}
	pc.PCI.Slots(func(slot, function uint8, f *pci.Function) {
		if f == c.Function {
			pc.bootAHCI(bus, slot, function)
		}
	})
	return nil
}

func (pc *PC) saveAHCI() (list []ahci.State) {
	for _, c := range pc.AHCI {
		list = append(list, c.SaveState())
	}
	return list
}

func (pc *PC) restoreAHCI(list []ahci.State) error {
	if len(list) != len(pc.AHCI) {
		return errors.New("board state is of another configuration: AHCI controllers")
	}
	var errs []error
	for i, c := range pc.AHCI {
		errs = append(errs, c.RestoreState(list[i]))
	}
	return errors.Join(errs...)
}
