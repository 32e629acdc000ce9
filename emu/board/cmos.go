package board

import (
	"goemu/devices/block"
	"goemu/devices/rtc"
)

// CMOS bytes that tell firmware of hard disks, as the firmware of the PC/AT has had them.
const (
	cmosDiskTypes   = 0x12 // first disk in bits 7..4; 15: see the extended type
	cmosDiskExt     = 0x19 // extended types, a byte each; 47: see the parameters
	cmosDiskParams  = 0x1b // 9 bytes each
	cmosTranslation = 0x39 // 2 bits for each disk of the IDE channels: 0 the BIOS has the disk's geometry, 1 one that reaches further

	diskParamSize = 9
	diskParams    = 47
)

// setDiskTypes tells firmware of the disks on the board's own controller, by the geometry that they say they have.
func (pc *PC) setDiskTypes() {
	for _, b := range IDEBuses(pc.cfg.Machine) {
		for unit := range b.Units {
			cylinders, heads, sectors, ok := diskGeometry(pc.cfg.DriveAt(BusIDE, b.Port, unit))
			if ok && b.Port == 0 {
				pc.setDiskType(unit, cylinders, heads, sectors)
			}
			if n := 2*b.Port + unit; ok && n < 4 && (cylinders > 1024 || heads > 16) {
				pc.RTC.SetCMOS(cmosTranslation, pc.RTC.CMOS(cmosTranslation)|1<<(2*n))
			}
		}
	}
}

func (pc *PC) setDiskType(n, cylinders, heads, sectors int) {
	set := pc.RTC.SetCMOS
	set(cmosDiskTypes, pc.RTC.CMOS(cmosDiskTypes)|0xf0>>(4*n))
	set(cmosDiskExt+n, diskParams)
	control := uint8(0xc0)
	if heads > 8 {
		control |= 8
	}
	for i, v := range [diskParamSize]uint8{
		uint8(cylinders), uint8(cylinders >> 8), uint8(heads), 0xff, 0xff, control, uint8(cylinders), uint8(cylinders >> 8), uint8(sectors),
	} {
		set(cmosDiskParams+diskParamSize*n+i, v)
	}
}

// diskGeometry is that of a hard disk; ok is false where there is none.
func diskGeometry(d block.Drive) (cylinders, heads, sectors int, ok bool) {
	if d == nil || d.Info().Kind != block.Disk {
		return 0, 0, 0, false
	}
	m, ok := d.Medium()
	if i := d.Info(); i.Cylinders > 0 {
		return i.Cylinders, i.Heads, i.Sectors, ok
	}
	heads, sectors = 16, 63
	cylinders = int(min(max(m.Size/int64(512*heads*sectors), 2), 16383))
	return cylinders, heads, sectors, ok
}

// sumCMOS sets the checksum, after what it covers.
func (pc *PC) sumCMOS() {
	sum := 0
	for i := 0x10; i < rtc.Checksum; i++ {
		sum += int(pc.RTC.CMOS(i))
	}
	pc.RTC.SetCMOS(rtc.Checksum, uint8(sum>>8))
	pc.RTC.SetCMOS(rtc.Checksum+1, uint8(sum))
}
