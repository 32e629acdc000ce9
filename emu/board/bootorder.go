package board

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"

	"goemu/devices/fwcfg"
)

// BootOptions is what the user wants the firmware to boot.
type BootOptions struct {
	Order         string // letters of devices: a floppy disk, c hard disk, d CD-ROM, n network; "": hard disk first
	Once          string // instead of Order, until the first reset
	Menu          bool   // let the user choose at power-on
	Strict        bool   // nothing but what is in the order
	SplashTime    *int   // how long the menu waits for a key, ms; nil: as the firmware likes
	RebootTimeout *int   // what to wait after a failure before booting again, ms; -1: for ever; nil: as the firmware likes
}

// bootDevice is a device with a place in the boot order.
type bootDevice struct {
	index int
	path  string
}

// CMOS bytes with the boot order, as the firmware of PCs has had them: three nibbles and a flag.
const (
	cmosBootThird = 0x38 // bits 4..7; bit 0: boot floppy disks without signature too
	cmosBootFirst = 0x3d // bits 0..3 first, 4..7 second
)

// defaultOrder is what is tried where the user has not said.
const defaultOrder = "cad"

// bootCode is what CMOS memory has for a letter.
func bootCode(letter byte) uint8 { return uint8(1 + strings.IndexByte("acdn", letter)) }

// AddBootDevice gives a device its place in the boot order, which firmware reads in fw_cfg: path names it as Open Firmware would,
// from the root on ("/pci@i0cf8/ide@1,1/drive@0/disk@0"). Devices with the same index come in the order of the calls. It is called while the board is made.
func (pc *PC) AddBootDevice(index int, path string) {
	if index >= 0 {
		pc.boot = append(pc.boot, bootDevice{index, path})
	}
}

// addBootFiles tells firmware the boot order, once all devices are there.
func (pc *PC) addBootFiles() error {
	b := pc.cfg.Boot
	slices.SortStableFunc(pc.boot, func(x, y bootDevice) int { return cmp.Compare(x.index, y.index) })
	var list []string
	for _, d := range pc.boot {
		list = append(list, d.path)
	}
	if b.Strict {
		list = append(list, "HALT")
	}
	if len(list) > 0 {
		if err := pc.FwCfg.AddFile("bootorder", []byte(strings.Join(list, "\n")+"\x00")); err != nil {
			return err
		}
	}
	menu := uint64(0)
	if b.Menu {
		menu = 1
	}
	pc.FwCfg.AddUint(fwcfg.BootMenu, 2, menu)
	if b.SplashTime != nil {
		if err := pc.FwCfg.AddFile("etc/boot-menu-wait", binary.LittleEndian.AppendUint16(nil, uint16(*b.SplashTime))); err != nil {
			return err
		}
	}
	if b.RebootTimeout != nil {
		return pc.FwCfg.AddFile("etc/boot-fail-wait", binary.LittleEndian.AppendUint32(nil, uint32(*b.RebootTimeout)))
	}
	return nil
}

// SetBootOrder has firmware boot in an order from the next reset on, as ParseBoot has checked it.
func (pc *PC) SetBootOrder(order string) {
	pc.cfg.Boot.Order, pc.cfg.Boot.Once = order, ""
	pc.setBootOrder()
}

// setBootOrder puts the order in CMOS memory and fw_cfg, at power-on and at each reset.
func (pc *PC) setBootOrder() {
	order := pc.cfg.Boot.Order
	if pc.resets == 0 && pc.cfg.Boot.Once != "" {
		order = pc.cfg.Boot.Once
	}
	if order == "" {
		order = defaultOrder
	}
	var code [3]uint8
	for i := range min(len(order), len(code)) {
		code[i] = bootCode(order[i])
	}
	pc.RTC.SetCMOS(cmosBootFirst, code[1]<<4|code[0])
	pc.RTC.SetCMOS(cmosBootThird, code[2]<<4)
	pc.FwCfg.AddUint(fwcfg.BootDevice, 2, uint64(order[0]))
}
