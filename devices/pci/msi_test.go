package pci

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// newMSIBench has a function with two capabilities, the second one MSI with four messages.
func newMSIBench(t *testing.T) (*bench, *Function, *[]string) {
	b := newBench(t)
	f := NewFunction("msi", 1, 2, 0, 0)
	f.Config[InterruptPin] = 1
	f.AddCapability(0x70, CapPM)
	f.AddMSI(0x80, 2)
	if err := b.bus.Add(4, 0, f); err != nil {
		t.Fatal(err)
	}
	var log []string
	b.bus.OnPIRQ = func(n int, level bool) { log = append(log, fmt.Sprintf("PIRQ%d %v", n, level)) }
	b.bus.OnMSI = func(addr uint64, data uint32) { log = append(log, fmt.Sprintf("%x=%x", addr, data)) }
	return b, f, &log
}

func TestCapabilities(t *testing.T) {
	b, _, _ := newMSIBench(t)
	for _, c := range []struct{ reg, want uint32 }{
		{Command, 0x00100000}, {Capabilities, 0x70}, {0x70, 0x8001}, {0x80, 0x00840005},
	} {
		if got := b.read(4, 0, c.reg, 4); got != c.want {
			t.Errorf("register %#x reads %#x, want %#x", c.reg, got, c.want)
		}
	}
	for reg, want := range map[uint32]uint32{0x80: 0x00f50005, 0x84: 0xfffffffc, 0x88: 0xffffffff, 0x8c: 0xffff} {
		b.write(4, 0, reg, 4, 0xffffffff)
		if got := b.read(4, 0, reg, 4); got != want {
			t.Errorf("all ones at %#x read %#x, want %#x", reg, got, want)
		}
	}
	if got := b.read(3, 0, Command, 4) >> 16; got != 0 {
		t.Errorf("status without capabilities is %#x", got)
	}
}

func TestMSI(t *testing.T) {
	b, f, log := newMSIBench(t)
	f.SetIRQ(true) // INTx
	f.SetIRQ(false)
	f.SendMSI(0) // not enabled
	b.write(4, 0, 0x84, 4, 0xfee01004)
	b.write(4, 0, 0x8c, 2, 0x4141)
	b.write(4, 0, 0x82, 2, 1)
	f.SetIRQ(true) // not a bus master
	f.SetIRQ(false)
	b.write(4, 0, Command, 2, CommandBusMaster)
	f.SetIRQ(true)
	f.SetIRQ(true)
	f.SetIRQ(false)
	f.SendMSI(3) // one message is allowed
	b.write(4, 0, 0x82, 2, 1|2<<4)
	f.SendMSI(3)
	b.write(4, 0, 0x82, 2, 1|5<<4) // more than there are
	f.SendMSI(7)
	f.SetINTx(true) // shows when MSI is switched off
	b.write(4, 0, 0x82, 2, 0)
	f.Reset()
	const to = "fee01004="
	want := []string{"PIRQ3 true", "PIRQ3 false", to + "4141", to + "4141", to + "4143", to + "4143", "PIRQ3 true", "PIRQ3 false"}
	if d := cmp.Diff(want, *log); d != "" {
		t.Error(d)
	}
}

func TestReroute(t *testing.T) {
	b, f, log := newMSIBench(t)
	f.SetINTx(true)
	b.bus.Reroute(func() { b.bus.Route = func(slot uint8, pin int) int { return 7 } })
	f.SetINTx(false)
	if d := cmp.Diff([]string{"PIRQ3 true", "PIRQ3 false", "PIRQ7 true", "PIRQ7 false"}, *log); d != "" {
		t.Error(d)
	}
}

func TestMMConfig(t *testing.T) {
	b := newBench(t)
	m := MMConfig{b.bus}
	const device = 3 << 15
	for _, c := range []struct {
		off  uint64
		size int
		want uint64
	}{
		{device, 4, 0x56781234},
		{device, 8, 0x56781234},
		{device + 2, 2, 0x5678},
		{device + 8, 1, 9},
		{device + 0xff, 1, 0},
		{device + 0x100, 4, 0}, // no extended capabilities
		{device + 0xffc, 4, 0},
		{device + 1<<12, 4, 0xffffffff}, // no function
		{1<<20 + device, 4, 0xffffffff}, // bus 1
	} {
		mask := uint64(1)<<(8*c.size) - 1
		if got := m.ReadMMIO(c.off, c.size) & mask; got != c.want {
			t.Errorf("%#x reads %#x, want %#x", c.off, got, c.want)
		}
	}
	m.WriteMMIO(device+BAR0, 4, 0xfebf0fff)
	m.WriteMMIO(device+0x18, 8, 0x8_ffffffff)
	m.WriteMMIO(device+0x100+BAR0, 4, 0)
	m.WriteMMIO(1<<20+device+BAR0, 4, 0)
	m.WriteMMIO(device+Command, 1, CommandMemory)
	if d := cmp.Diff([]string{"+febf0000", "+8fff00000"}, b.mem.log); d != "" {
		t.Error(d)
	}
	if got := b.read(3, 0, BAR0, 4); got != 0xfebf0000 {
		t.Errorf("BAR 0 reads %#x through the ports", got)
	}
}
