package apicbus

// Message signalled interrupts (SDM vol. 3A, 11.11): writes of devices to memory that local APICs take for messages.
const (
	MSIBase = 0xfee00000
	MSISize = 0x100000

	msiLogical = 1 << 2 // address: DM
	msiDest    = 12
	msiMode    = 8 // data: bits 10..8
	msiAssert  = 1 << 14
	msiLevel   = 1 << 15
)

// IsMSI tells whether a device's write to addr is a message.
func IsMSI(addr uint64) bool { return addr >= MSIBase && addr < MSIBase+MSISize }

// SendMSI delivers the message of a device's write. The destination mode counts whether or not the redirection hint is set, as
// operating systems expect. Modes that a device cannot use and level-triggered deasserts do nothing.
func (b *Bus) SendMSI(addr uint64, data uint32) bool {
	m := Message{
		Dest: uint32(addr >> msiDest & 0xff), Logical: addr&msiLogical != 0,
		Mode: Mode(data >> msiMode & 7), Vector: uint8(data), Level: data&msiLevel != 0,
	}
	if !m.Logical {
		m.Dest = Physical(uint8(m.Dest))
	}
	if m.Level && data&msiAssert == 0 || m.Mode == StartUp || m.Mode == 3 {
		return false
	}
	return b.Send(nil, m)
}
