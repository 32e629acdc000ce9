package board

import (
	"goemu/devices/apicbus"
)

// sendMSI does a PCI function's write of an interrupt message. Outside of the local APICs' window it is a write to memory like any other;
// where no memory is it is lost.
func (pc *PC) sendMSI(addr uint64, data uint32) {
	if apicbus.IsMSI(addr) {
		pc.apics.SendMSI(addr, data)
		return
	}
	_ = pc.Space.WritePhys(addr, []byte{byte(data), byte(data >> 8), 0, 0})
}
