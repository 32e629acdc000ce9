package board

import (
	"fmt"

	"goemu/devices"
	"goemu/devices/block"
	"goemu/devices/ide"
)

// newIDE makes the PIIX3's IDE function with the drives that hang on it.
func (pc *PC) newIDE() *ide.Controller {
	var drives [4]block.Drive
	for i := range drives {
		drives[i] = pc.cfg.DriveAt(BusIDE, i/2, i%2)
	}
	for _, d := range pc.cfg.Drives {
		if d.Bus == BusIDE {
			// CDs are disks there, too.
			pc.AddBootDevice(d.Info().BootIndex, fmt.Sprintf("/pci@i0cf8/ide@1,1/drive@%x/disk@%x", d.Port, d.Unit))
		}
	}
	return ide.New(pc.Ports, pc.Space, [2]devices.Line{pc.drive(ide.IRQ(0)), pc.drive(ide.IRQ(1))}, drives)
}
