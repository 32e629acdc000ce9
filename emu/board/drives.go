package board

import (
	"fmt"

	"goemu/devices/ahci"
	"goemu/devices/block"
)

// Controllers that every board has, as Drive.Bus names them.
const (
	BusIDE    = "ide"    // the board's own: IDE channels (Port) with two devices each (Unit), or ports of the AHCI
	BusFloppy = "floppy" // the 82078; Unit is the drive
)

// Drive is a drive and the place where it hangs.
type Drive struct {
	block.Drive
	ID         string // of the device, or of the drive
	Bus        string // one of the constants above, or the id of a controller that -device adds
	Port, Unit int
}

// IDEBus describes one bus of a disk controller: its name for -device, where it is, and how many devices it takes.
type IDEBus struct {
	Name  string
	Bus   string // as Drive.Bus
	Port  int
	Units int
}

// IDEBuses are the buses of a board's own controller.
func IDEBuses(m Machine) []IDEBus {
	if m != Q35 {
		return []IDEBus{{"ide.0", BusIDE, 0, 2}, {"ide.1", BusIDE, 1, 2}}
	}
	return AHCIBuses(BusIDE)
}

// AHCIBuses are the buses of an AHCI controller.
func AHCIBuses(id string) (list []IDEBus) {
	for port := range ahci.NumPorts {
		list = append(list, IDEBus{fmt.Sprintf("%s.%d", id, port), id, port, 1})
	}
	return list
}

// IsAHCI tells whether a -device with this name is an AHCI controller.
func IsAHCI(name string) bool { return name == "ahci" || name == "ich9-ahci" }

// Floppies is how many floppy drives a board can have.
const Floppies = 2

// DriveAt finds the drive at a place; nil: there is none.
func (c *Config) DriveAt(bus string, port, unit int) block.Drive {
	for _, d := range c.Drives {
		if d.Bus == bus && d.Port == port && d.Unit == unit {
			return d.Drive
		}
	}
	return nil
}
