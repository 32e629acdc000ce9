package smbus

import (
	"fmt"

	"goemu/devices"
	"goemu/devices/pci"
)

const (
	ich9HostC = 0x40 // HOSTC
	hostOn    = 1 << 0
)

// ICH9State is the saved state of the ICH9's function.
type ICH9State struct {
	Version  int
	Function pci.FunctionState
	Host     HostState
}

// ICH9 is the function 00:1f.3 of the ICH9: the controller's registers in BAR 4 (ports) and BAR 0 (memory), while HOSTC turns it on.
type ICH9 struct {
	*pci.Function
	Host *Host
}

// NewICH9 returns the function.
func NewICH9(clock devices.Clock) *ICH9 {
	c := &ICH9{Function: pci.NewFunction("ICH9 SMBus", 0x8086, 0x2930, 0x02, 0x0c0500)}
	c.Host = NewHost(clock, devices.LineFunc(c.SetINTx), true)
	c.Config[pci.Status], c.Config[pci.Status+1] = 0x80, 0x02
	c.Config[pci.InterruptPin] = 2
	c.Writable[ich9HostC] = 0x07
	c.SetBAR(0, pci.BAR{Size: 256, MMIO: c, Mem64: true})
	c.SetBAR(4, pci.BAR{Size: SizeICH9, Ports: c})
	return c
}

// Reset implements devices.Device.
func (c *ICH9) Reset() {
	c.Function.Reset()
	c.Host.Reset()
}

// SaveState returns a copy of the state.
func (c *ICH9) SaveState() ICH9State {
	return ICH9State{stateVersion, c.Function.SaveState(), c.Host.SaveState()}
}

// RestoreState takes over a saved state.
func (c *ICH9) RestoreState(s ICH9State) error {
	if s.Version != stateVersion {
		return fmt.Errorf("ICH9 SMBus state has version %d, want %d", s.Version, stateVersion)
	}
	if err := c.Function.RestoreState(s.Function); err != nil {
		return err
	}
	return c.Host.RestoreState(s.Host)
}

func (c *ICH9) on() bool { return c.Config[ich9HostC]&hostOn != 0 }

// MaxPortSize makes wider accesses come as bytes.
func (c *ICH9) MaxPortSize() int { return 1 }

// In implements devices.PortDevice.
func (c *ICH9) In(port uint16, _ int) uint32 {
	if !c.on() {
		return 0xff
	}
	return uint32(c.Host.Read(port & (SizeICH9 - 1)))
}

// Out implements devices.PortDevice.
func (c *ICH9) Out(port uint16, _ int, v uint32) {
	if c.on() {
		c.Host.Write(port&(SizeICH9-1), uint8(v))
	}
}

// ReadMMIO implements devices.MMIODevice.
func (c *ICH9) ReadMMIO(off uint64, size int) uint64 {
	var v uint64
	for i := range size {
		b := uint32(0xff)
		if at := off + uint64(i); at < SizeICH9 {
			b = c.In(uint16(at), 1)
		}
		v |= uint64(b) << (8 * i)
	}
	return v
}

// WriteMMIO implements devices.MMIODevice.
func (c *ICH9) WriteMMIO(off uint64, size int, v uint64) {
	for i := range size {
		if at := off + uint64(i); at < SizeICH9 {
			c.Out(uint16(at), 1, uint32(v>>(8*i))&0xff)
		}
	}
}
