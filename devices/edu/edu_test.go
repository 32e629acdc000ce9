package edu

import (
	"testing"

	"goemu/devices"
	"goemu/devices/devtest"
	"goemu/devices/pci"
	"goemu/devices/portmap"
)

type bench struct {
	t     *testing.T
	clock devtest.Clock
	mem   devtest.Memory
	d     *Device
	pin   devtest.Line
	msgs  int
}

// nowhere takes the claims of BARs.
type nowhere struct{}

func (nowhere) MapMMIO(uint64, uint64, devices.MMIODevice) {}
func (nowhere) MapRAM(uint64, []byte, bool)                {}
func (nowhere) UnmapMMIO(uint64, uint64)                   {}

func newBench(t *testing.T) *bench {
	b := &bench{t: t, mem: make(devtest.Memory, 1<<20)}
	b.d = New(&b.clock, b.mem, DefaultDMAMask)
	bus := pci.NewBus(portmap.New(), nowhere{})
	bus.OnPIRQ = func(_ int, level bool) { b.pin.Set(level) }
	bus.OnMSI = func(uint64, uint32) { b.msgs++ }
	if err := bus.Add(3, 0, b.d.Function); err != nil {
		t.Fatal(err)
	}
	b.d.Reset()
	return b
}

func (b *bench) r(off uint64) uint64     { return b.d.ReadMMIO(off, 4) }
func (b *bench) w(off uint64, v uint64)  { b.d.WriteMMIO(off, 4, v) }
func (b *bench) w8(off uint64, v uint64) { b.d.WriteMMIO(off, 8, v) }
func (b *bench) want(off uint64, v uint64) {
	b.t.Helper()
	if got := b.r(off); got != v {
		b.t.Errorf("register %#x is %#x, want %#x", off, got, v)
	}
}

func TestRegisters(t *testing.T) {
	b := newBench(t)
	b.want(regID, 0x010000ed)
	b.w(regLiveness, 0x12345678)
	b.want(regLiveness, 0xedcba987)
	b.w8(regSource, 0x1122334455)
	if got := b.d.ReadMMIO(regSource, 8); got != 0x1122334455 {
		t.Errorf("source %#x", got)
	}
	b.w(regSource, 0x66)
	if got := b.d.ReadMMIO(regSource, 8); got != 0x66 {
		t.Errorf("source %#x", got)
	}
	for _, c := range []struct {
		off  uint64
		size int
	}{{regID, 1}, {regID, 8}, {regSource, 2}, {regSource + 4, 4}, {0x100, 4}, {bufferAt, 4}} {
		b.d.WriteMMIO(c.off, c.size, 0)
		if got := b.d.ReadMMIO(c.off, c.size); got != ^uint64(0) {
			t.Errorf("%d bytes at %#x read %#x", c.size, c.off, got)
		}
	}
}

func TestFactorial(t *testing.T) {
	for n, want := range map[uint64]uint64{0: 1, 1: 1, 5: 120, 12: 479001600, 13: 1932053504, 34: 0, 0xffffffff: 0} {
		b := newBench(t)
		b.w(regStatus, statusIRQ)
		b.w(regFactorial, n)
		b.want(regStatus, statusIRQ|statusBusy)
		b.w(regFactorial, 3) // while busy
		b.clock.Advance(factorialTime)
		b.want(regFactorial, want)
		b.want(regStatus, statusIRQ)
		b.want(regIRQStatus, irqFactorial)
		if !b.pin.Level {
			t.Error("no interrupt")
		}
		b.w(regAck, irqFactorial)
		if b.pin.Level {
			t.Error("the interrupt stays")
		}
	}
}

func TestInterrupts(t *testing.T) {
	b := newBench(t)
	b.w(regRaise, 0)
	if b.pin.Level {
		t.Error("an interrupt for nothing")
	}
	b.w(regRaise, 5)
	b.w(regAck, 4)
	b.want(regIRQStatus, 1)
	if !b.pin.Level {
		t.Error("the interrupt ends too early")
	}
	b.w(regAck, 1)
	b.d.WriteConfig(pci.Command, 2, pci.CommandBusMaster)
	b.d.WriteConfig(msiAt+pci.MSIControl, 2, 1)
	b.w(regRaise, 1)
	b.w(regRaise, 2)
	if b.pin.Edges() != 1 || b.msgs != 2 {
		t.Errorf("%d messages, want 2", b.msgs)
	}
}

func TestDMA(t *testing.T) {
	b := newBench(t)
	copy(b.mem[0x1000:], "to the device")
	move := func(src, dst, n, cmd uint64) {
		b.w8(regSource, src)
		b.w8(regTarget, dst)
		b.w8(regCount, n)
		b.w8(regCommand, cmd|cmdStart)
		b.w8(regSource, 0) // while it is under way
		b.clock.Advance(dmaTime)
		if b.r(regCommand) != cmd {
			t.Errorf("command %#x afterwards", b.r(regCommand))
		}
	}
	move(0x1000|1<<40, bufferAt+100, 13, 0) // the mask takes the upper bits away
	b.want(regIRQStatus, 0)
	move(bufferAt+103, 0x2000, 10, cmdToRAM|cmdIRQ)
	b.want(regIRQStatus, irqDMA)
	if got := string(b.mem[0x2000:0x200a]); got != "the device" {
		t.Errorf("memory has %q", got)
	}
	// Beyond the buffer or RAM nothing is moved.
	for _, c := range [][3]uint64{{bufferAt + 1, 0x3000, bufferSize}, {bufferAt - 1, 0x3000, 4}, {bufferAt + bufferSize + 1, 0x3000, 0},
		{bufferAt, 1 << 27, 100}, {0, 0x3000, 1 << 63}, {bufferAt + 8, 0x3000, ^uint64(0)}} {
		move(c[0], c[1], c[2], cmdToRAM)
		move(c[1], c[0], c[2], 0)
	}
	if b.mem[0x3000] != 0 {
		t.Error("memory has changed")
	}
}

func TestState(t *testing.T) {
	b, o := newBench(t), newBench(t)
	b.w(regFactorial, 6)
	b.w8(regTarget, bufferAt)
	b.w8(regCount, 4)
	b.w8(regCommand, cmdStart|cmdIRQ)
	if err := o.d.RestoreState(b.d.SaveState()); err != nil {
		t.Fatal(err)
	}
	o.clock.Advance(dmaTime)
	o.want(regFactorial, 720)
	o.want(regIRQStatus, irqDMA)
	if o.d.RestoreState(State{}) == nil {
		t.Error("a wrong version is taken")
	}
}

func FuzzEdu(f *testing.F) {
	f.Add([]byte{5, 0x98, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0xb0, 255})
	f.Fuzz(func(t *testing.T, in []byte) {
		b := newBench(t)
		devtest.FuzzMMIO(in, &b.clock, b.d, 0x100)
		devtest.FuzzMMIO(in, &b.clock, b.d, barSize)
		for i, v := range in {
			b.d.WriteConfig(uint8(i), 1, uint32(v))
		}
		if err := b.d.RestoreState(b.d.SaveState()); err != nil {
			t.Error(err)
		}
	})
}
