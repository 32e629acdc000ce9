package ich9

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"goemu/devices"
	"goemu/devices/acpipm"
	"goemu/devices/devtest"
	"goemu/devices/pci"
	"goemu/devices/portmap"
)

const pmBase = 0x600

// memory is the bus that RCBA maps into: one region at a time.
type memory struct {
	base uint64
	dev  devices.MMIODevice
}

func (m *memory) MapMMIO(base, _ uint64, d devices.MMIODevice) { m.base, m.dev = base, d }
func (m *memory) MapRAM(uint64, []byte, bool)                  {}
func (m *memory) UnmapMMIO(uint64, uint64)                     { m.dev = nil }

type bench struct {
	t     *testing.T
	clock devtest.Clock
	ports *portmap.Map
	mem   memory
	lpc   *LPC
	log   []string
}

// newBench has a bridge as firmware leaves it: PMBASE, RCBA and ACPI mode on.
func newBench(t *testing.T) *bench {
	b := &bench{t: t, ports: portmap.New()}
	b.lpc = New(&b.clock, b.ports, &b.mem)
	bus := pci.NewBus(b.ports, &b.mem)
	if err := bus.Add(31, 0, b.lpc.Function); err != nil {
		t.Fatal(err)
	}
	b.lpc.MapInto(b.ports)
	note := func(f string, a ...any) { b.log = append(b.log, fmt.Sprintf(f, a...)) }
	b.lpc.SetSCI = func(n int, level bool) { note("SCI %d %v", n, level) }
	b.lpc.OnReset = func(hard bool) { note("reset %v", hard) }
	b.lpc.OnSMI = func() { note("SMI") }
	b.lpc.OnSleep = func(s acpipm.Sleep) { note("sleep %d", s) }
	b.lpc.PIRQ.SetIRQ = func(n int, level bool) { note("IRQ %d %v", n, level) }
	b.lpc.Reset()
	b.lpc.WriteConfig(PMBase, 4, pmBase|1)
	b.lpc.WriteConfig(ACPICntl, 1, acpiEnable)
	b.lpc.WriteConfig(RCBA, 4, 0xfed1c001)
	b.lpc.SetACPI(true)
	b.log = nil
	return b
}

func (b *bench) out(off uint16, size int, v uint32) { b.ports.Out(pmBase+off, size, v) }

func (b *bench) want(name string, events ...string) {
	b.t.Helper()
	if d := cmp.Diff(events, b.log); d != "" {
		b.t.Errorf("%s: %s", name, d)
	}
	b.log = nil
}

func (b *bench) reads(off uint16, size int, want uint32) {
	b.t.Helper()
	if got := b.ports.In(pmBase+off, size); got != want {
		b.t.Errorf("port PMBASE+%#x reads %#x, want %#x", off, got, want)
	}
}

func TestPowerManagement(t *testing.T) {
	b := newBench(t)
	b.out(acpipm.Enable, 2, acpipm.StsPower)
	b.lpc.Raise(acpipm.StsPower)
	b.want("power button", "SCI 9 true")
	b.lpc.WriteConfig(ACPICntl, 1, acpiEnable|4)
	b.want("SCI moves", "SCI 9 false", "SCI 20 true")
	b.out(acpipm.Status, 2, acpipm.StsPower)
	b.want("SCI ends", "SCI 20 false")
	b.reads(acpipm.Control, 2, 1)
	for _, c := range []struct{ typ, state uint32 }{{0, 3}, {1, 1}, {2, 2}, {5, 1}, {6, 2}, {7, 3}} {
		b.log = nil
		b.out(acpipm.Control, 2, c.typ<<10|1<<13|1)
		if got := fmt.Sprintf("sleep %d", c.state); len(b.log) == 0 || b.log[0] != got {
			t.Errorf("SLP_TYP %d: %q", c.typ, b.log)
		}
	}
	b.lpc.WriteConfig(ACPICntl, 1, 0)
	b.reads(acpipm.Control, 2, 0xffff)
}

func TestGPE0(t *testing.T) {
	b := newBench(t)
	b.lpc.RaiseGPE(1 << 40)
	b.out(GPE0+8+5, 1, 1)
	if n := len(b.log); n == 0 || b.log[n-1] != "SCI 9 true" {
		t.Errorf("%q", b.log)
	}
	b.reads(GPE0+4, 4, 1<<8)
	b.out(GPE0+4, 4, 1<<8)
	if n := len(b.log); b.log[n-1] != "SCI 9 false" {
		t.Errorf("%q", b.log)
	}
}

// SMIs by the APM control port: both enables are needed, and SMI_LOCK keeps the global one (13.8.3.10, 13.1.21).
func TestSMI(t *testing.T) {
	b := newBench(t)
	b.ports.Out(APMControl, 1, 0x55)
	b.want("off")
	b.out(offSMIEnable, 4, smiAPM)
	b.ports.Out(APMControl, 1, 0x55)
	b.want("not globally on")
	b.reads(offSMIStatus, 4, smiAPM)
	b.out(offSMIStatus, 4, smiAPM)
	b.reads(offSMIStatus, 4, 0)
	b.out(offSMIEnable, 4, smiAPM|smiGlobal)
	b.log = nil
	b.ports.Out(APMControl, 2, 0xaa55)
	b.want("on", "SMI")
	if got := b.ports.In(APMControl, 2); got != 0xaa55 {
		t.Errorf("APM ports read %#x", got)
	}
	b.lpc.WriteConfig(PMCon1, 1, smiLock)
	b.lpc.WriteConfig(PMCon1, 1, 0)
	b.out(offSMIEnable, 4, 0)
	b.reads(offSMIEnable, 4, smiGlobal|smiEOS)
	b.out(offSMIEnable, 4, smiBIOSRLS)
	b.reads(acpipm.Status, 2, acpipm.StsGlobal)
	b.lpc.Reset()
	b.lpc.WriteConfig(PMBase, 4, pmBase|1)
	b.lpc.WriteConfig(ACPICntl, 1, acpiEnable)
	b.reads(offSMIEnable, 4, smiEOS)
	b.lpc.NoSMI = true
	b.lpc.Reset()
	b.lpc.WriteConfig(PMBase, 4, pmBase|1)
	b.lpc.WriteConfig(ACPICntl, 1, acpiEnable)
	b.log = nil
	b.reads(offSMIEnable, 4, smiAPM|smiEOS)
	b.out(offSMIEnable, 4, smiGlobal)
	b.log = nil
	b.ports.Out(APMControl, 1, 0x55)
	b.want("no SMIs")
}

func TestACPIMode(t *testing.T) {
	b := newBench(t)
	b.ports.Out(APMControl, 1, ACPIDisable)
	b.reads(acpipm.Control, 2, 0)
	b.ports.Out(APMControl, 1, ACPIEnable)
	b.reads(acpipm.Control, 2, 1)
}

// The watchdog (13.9): it counts from its reload, sets TIMEOUT and then SECOND_TO_STS, and resets only if NO_REBOOT is off.
func TestTCO(t *testing.T) {
	b := newBench(t)
	rcba := b.mem.dev
	for _, noReboot := range []bool{true, false} {
		v := uint64(0)
		if noReboot {
			v = gcsNoReboot
		}
		rcba.WriteMMIO(offGCS, 4, v)
		b.clock.Advance(60e9)
		b.reads(offTCO+tcoStatus1, 2, 0)
		b.out(offTCO+tcoInitial, 2, 10)
		b.out(offTCO+tcoReload, 2, 1)
		b.clock.Advance(3e9)
		b.reads(offTCO+tcoReload, 2, 5)
		b.out(offTCO+tcoReload, 2, 1)
		b.clock.Advance(5_900_000_000)
		b.reads(offTCO+tcoStatus1, 2, 0)
		b.log = nil
		b.clock.Advance(200_000_000)
		b.reads(offTCO+tcoStatus1, 4, stsTimeout)
		b.want("first")
		b.clock.Advance(6e9)
		b.reads(offTCO+tcoStatus1, 4, stsTimeout|stsSecond<<16)
		if noReboot {
			b.want("second, but NO_REBOOT")
		} else {
			b.want("second", "reset true")
		}
		b.out(offTCO+tcoCtl1, 2, ctlHalt)
		b.out(offTCO+tcoStatus1, 4, 0xffffffff)
		left := b.ports.In(pmBase+offTCO+tcoReload, 2)
		b.clock.Advance(60e9)
		b.reads(offTCO+tcoReload, 2, left)
		b.lpc.Reset()
		b.lpc.WriteConfig(PMBase, 4, pmBase|1)
		b.lpc.WriteConfig(ACPICntl, 1, acpiEnable)
	}
}

func TestTCOInterrupt(t *testing.T) {
	b := newBench(t)
	b.out(offSMIEnable, 4, smiTCO|smiGlobal)
	b.out(offTCO+tcoReload, 1, 0)
	b.log = nil
	b.clock.Advance(4 * tcoStep)
	b.want("SMI", "SMI")
	b.reads(offSMIStatus, 4, smiTCO)
	b.out(offTCO+tcoDatIn, 1, 0x12)
	b.reads(offTCO+tcoStatus1, 2, stsTimeout|stsDatIn)
}

func TestReset(t *testing.T) {
	b := newBench(t)
	for _, c := range []struct {
		v    uint32
		want []string
	}{{0x02, nil}, {0x06, []string{"reset true"}}, {0x04, nil}, {0x00, nil}, {0x04, []string{"reset false"}}, {0x0a, nil}, {0x0e, []string{"reset true"}}} {
		b.ports.Out(resetPort, 1, c.v)
		b.want(fmt.Sprintf("%#x", c.v), c.want...)
	}
	if got := b.ports.In(resetPort, 1); got != 0x0e {
		t.Errorf("RST_CNT reads %#x", got)
	}
}

func TestPIRQRegisters(t *testing.T) {
	b := newBench(t)
	b.lpc.PIRQ.Set(0, true)
	b.lpc.PIRQ.Set(5, true)
	b.want("off after reset")
	b.lpc.WriteConfig(PIRQA, 4, 0x0b0a0a0b)
	b.lpc.WriteConfig(PIRQE+1, 1, 0x05)
	b.want("routed", "IRQ 11 true", "IRQ 5 true")
	b.lpc.Reset()
	b.want("reset", "IRQ 5 false", "IRQ 11 false")
}

// Which PIRQ a pin is: registers for the chip's own slots (10.1.33 and on), wires for the others.
func TestRoute(t *testing.T) {
	b := newBench(t)
	rcba := b.mem.dev
	if b.mem.base != 0xfed1c000 {
		t.Fatalf("RCBA at %#x", b.mem.base)
	}
	var rerouted int
	b.lpc.Reroute = func(change func()) {
		rerouted++
		change()
	}
	rcba.WriteMMIO(0x3140, 2, 0x7654)
	rcba.WriteMMIO(0x3144, 4, 0x0123_ffff)
	for _, c := range []struct {
		slot      uint8
		pin, want int
	}{{31, 0, 4}, {31, 3, 7}, {29, 1, 7}, {28, 0, 3}, {28, 3, 0}, {27, 2, 2}, {25, 1, 1}, {30, 1, 5}, {1, 0, 5}, {3, 1, 4}, {24, 3, 7}} {
		if got := b.lpc.Route(c.slot, c.pin); got != c.want {
			t.Errorf("slot %d pin %d: PIRQ %d, want %d", c.slot, c.pin, got, c.want)
		}
	}
	if rerouted != 2 {
		t.Errorf("%d changes", rerouted)
	}
	if got := rcba.ReadMMIO(0x3140, 8); got != 0x0123_7777_0000_7654 {
		t.Errorf("D31IR to D28IR read %#x", got)
	}
	b.lpc.WriteConfig(RCBA, 4, 0)
	if b.mem.dev != nil {
		t.Error("RCBA is off, and answers")
	}
}

func TestSavedState(t *testing.T) {
	b := newBench(t)
	b.out(offSMIEnable, 4, smiAPM|smiGlobal)
	b.out(offTCO+tcoReload, 1, 0)
	b.mem.dev.WriteMMIO(0x3140, 2, 0x1234)
	b.lpc.WriteConfig(PIRQA, 1, 11)
	b.lpc.PIRQ.Set(0, true)
	b.out(acpipm.Enable, 2, acpipm.StsPower)
	s := b.lpc.SaveState()
	c := newBench(t)
	if err := c.lpc.RestoreState(s); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(s, c.lpc.SaveState(), cmp.AllowUnexported(tcoState{})); d != "" {
		t.Error(d)
	}
	c.clock.Advance(3e9)
	c.reads(offTCO+tcoStatus1, 2, stsTimeout)
	s.Version++
	if c.lpc.RestoreState(s) == nil {
		t.Error("a state of another version was taken")
	}
}

func FuzzLPC(f *testing.F) {
	f.Add([]byte{3, 0x34, 0x20, 0, 0, 0, 1, 2, 1, 0, 0, 0, 0xb0, 8, 200})
	f.Add([]byte{3, 0x61, 1, 0, 0, 0, 0x83, 1, 0, 0, 0, 0, 200})
	f.Fuzz(func(t *testing.T, in []byte) {
		b := newBench(t)
		b.lpc.OnReset = func(bool) {}
		var ports []uint16
		for p := range uint16(ioSize) {
			ports = append(ports, pmBase+p)
		}
		devtest.FuzzPorts(in, &b.clock, b.ports, append(ports, APMControl, APMStatus, resetPort)...)
		devtest.FuzzMMIO(in, &b.clock, chipMMIO{b.lpc}, chipSize)
		for i, v := range in {
			b.lpc.WriteConfig(uint8(i*7), 1<<(v&1), uint32(v)<<3)
			b.lpc.Route(v>>3, int(v&3))
		}
		b.clock.Advance(10e9)
		if err := b.lpc.RestoreState(b.lpc.SaveState()); err != nil {
			t.Error(err)
		}
	})
}
