package ich9

import "goemu/devices/acpipm"

// I/O space of power management, from PMBASE on.
const (
	ioSize = 128

	offSMIEnable = 0x30 // SMI_EN, four bytes
	offSMIStatus = 0x34 // SMI_STS, four bytes
	offPM2       = 0x50 // PM2_CNT
	offTCO       = 0x60
)

// Bits of SMI_EN and SMI_STS.
const (
	smiGlobal   = 1 << 0 // GBL_SMI_EN
	smiEOS      = 1 << 1 // reads as 1: another SMI can come
	smiAPM      = 1 << 5
	smiBIOSRLS  = 1 << 7 // write-only: raises GBL_STS
	smiTCO      = 1 << 13
	smiWritable = 0x0006687d
)

// pmPorts answers at PMBASE.
type pmPorts struct{ *LPC }

// In implements devices.PortDevice.
func (p pmPorts) In(port uint16, size int) uint32 {
	off := port - p.pmAt
	if off < acpipm.Size {
		return p.PM.In(off, size)
	}
	var v uint32
	for i := range size {
		v |= uint32(p.readByte(off+uint16(i))) << (8 * i)
	}
	return v
}

func (l *LPC) readByte(off uint16) uint8 {
	at := 8 * (off & 3)
	switch {
	case off >= GPE0 && off < GPE0+GPE0Len:
		return l.ReadGPE(off - GPE0)
	case off&^3 == offSMIEnable:
		return uint8((l.s.SMIEnable | smiEOS) >> at)
	case off&^3 == offSMIStatus:
		return uint8(l.s.SMIStatus >> at)
	case off >= offTCO && off < offTCO+tcoSize:
		return l.readTCO(off - offTCO)
	case off < ioSize:
		return l.s.IO[off]
	}
	return 0
}

// Out implements devices.PortDevice.
func (p pmPorts) Out(port uint16, size int, v uint32) {
	for i := range uint16(size) {
		p.writeByte(port-p.pmAt+i, uint8(v>>(8*i)))
	}
	p.Update()
}

func (l *LPC) writeByte(off uint16, b uint8) {
	at := 8 * (off & 3)
	v, keep := uint32(b)<<at, ^(uint32(0xff) << at)
	switch {
	case off < acpipm.Size:
		l.Write(off, b)
	case off >= GPE0 && off < GPE0+GPE0Len:
		l.WriteGPE(off-GPE0, b)
	case off&^3 == offSMIEnable:
		if v&smiBIOSRLS != 0 {
			l.Raise(acpipm.StsGlobal)
		}
		locked := l.s.SMIEnable & smiGlobal & uint32(l.Config16(PMCon1)&smiLock>>4)
		l.s.SMIEnable = l.s.SMIEnable&keep | v&smiWritable | locked
		if l.NoSMI {
			l.s.SMIEnable |= smiAPM
		}
	case off&^3 == offSMIStatus:
		l.s.SMIStatus &^= v
	case off >= offTCO && off < offTCO+tcoSize:
		l.writeTCO(off-offTCO, b)
	case off == offPM2:
		l.s.IO[off] = b & 1
	case off < ioSize && storedIO[off] != 0:
		l.s.IO[off] = b & storedIO[off]
	}
}

// storedIO are the bits of registers that do nothing here.
var storedIO = [ioSize]uint8{
	0x10: 0xff, 0x11: 0x03, 0x12: 0x02, // PROC_CNT
	0x38: 0xff, 0x39: 0xff, // ALT_GP_SMI_EN
	0x3c: 0x02, // UPRWC
	0x42: 0x02, // GPE_CNTL
}

// apm is a write to the APM control port.
func (l *LPC) apm(b uint8) {
	l.s.APMControl = b
	switch b {
	case ACPIEnable, ACPIDisable:
		l.SetACPI(b == ACPIEnable)
	}
	l.smi(smiAPM)
}

// smi sets a bit of SMI_STS and asserts SMI#, if that is enabled.
func (l *LPC) smi(bit uint32) {
	if l.s.SMIEnable&bit == 0 {
		return
	}
	l.s.SMIStatus |= bit
	if l.s.SMIEnable&smiGlobal != 0 && !l.NoSMI && l.OnSMI != nil {
		l.OnSMI()
	}
}
