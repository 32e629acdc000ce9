package board

import (
	"fmt"

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

// IDEBus describes one IDE bus of the board's own controller: its name for -device, and how many devices it takes.
type IDEBus struct {
	Name  string
	Port  int
	Units int
}

// IDEBuses are the buses of a board's own controller.
func IDEBuses(m Machine) []IDEBus {
	if m != Q35 {
		return []IDEBus{{"ide.0", 0, 2}, {"ide.1", 1, 2}}
	}
	var list []IDEBus
	for port := range 6 {
		list = append(list, IDEBus{fmt.Sprintf("ide.%d", port), port, 1})
	}
	return list
}

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
