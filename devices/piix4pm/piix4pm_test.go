package piix4pm

import (
	"testing"

	"goemu/devices/acpipm"
	"goemu/devices/devtest"
	"goemu/devices/pci"
	"goemu/devices/portmap"
)

type bench struct {
	t     *testing.T
	clock devtest.Clock
	sci   devtest.Line
	smb   devtest.Line
	ports *portmap.Map
	pm    *PM
	off   int
}

// firmwareInit programs the function as PC firmware does: I/O space at PMBase, ACPI mode on.
func (b *bench) firmwareInit() {
	b.pm.WriteConfig(ConfigPMBase, 4, PMBase|1)
	b.pm.WriteConfig(ConfigPMRegMisc, 1, 1)
	b.pm.WriteConfig(cfgSMBBA, 4, SMBusBase|1)
	b.pm.WriteConfig(cfgSMBHost, 1, smbToIRQ9|smbOn)
	b.pm.SetACPI(true)
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t, ports: portmap.New()}
	b.pm = New(&b.clock, b.ports, &b.sci, &b.smb)
	b.pm.MapInto(b.ports)
	b.pm.OnSleep = func(s acpipm.Sleep) {
		if s == acpipm.S5 {
			b.off++
		}
	}
	if err := pci.NewBus(b.ports, nil).Add(1, 3, b.pm.Function); err != nil {
		t.Fatal(err)
	}
	b.pm.Reset()
	b.firmwareInit()
	return b
}

func (b *bench) want(what string, port uint16, size int, v uint32) {
	b.t.Helper()
	if got := b.ports.In(port, size); got != v {
		b.t.Errorf("%s: port %#x is %#x, want %#x", what, port, got, v)
	}
}

func TestPlacement(t *testing.T) {
	b := newBench(t)
	b.want("ACPI mode", PM1Ctl, 2, 1)
	b.pm.WriteConfig(0x40, 4, 0xb000)
	b.want("moved away", PM1Ctl, 2, 0xffff)
	b.want("moved", 0xb004, 2, 1)
	if got := b.pm.ReadConfig(0x40, 4); got != 0xb001 {
		t.Errorf("PMBASE %#x", got)
	}
	b.pm.WriteConfig(0x80, 1, 0)
	b.want("off", 0xb004, 2, 0xffff)
	b.pm.Reset()
	b.firmwareInit()
	b.want("again", PM1Ctl, 2, 1)
}

func TestTimer(t *testing.T) {
	b := newBench(t)
	b.clock.Advance(1_000_000_000)
	b.want("after a second", PMTimer, 4, acpipm.TimerHz)
	b.want("low word", PMTimer, 2, acpipm.TimerHz&0xffff)
	b.want("third byte", PMTimer+2, 1, acpipm.TimerHz>>16)
	b.clock.Advance(4_000_000_000)
	b.want("24 bits", PMTimer, 4, 5*acpipm.TimerHz&0xffffff)
}

func TestTimerOverflow(t *testing.T) {
	b := newBench(t)
	b.ports.Out(PM1Event+2, 2, 1)
	half := int64(1<<23) * 1_000_000_000 / acpipm.TimerHz // 2.34 s
	b.clock.Advance(half - 1)
	if b.sci.Level {
		t.Error("early")
	}
	b.clock.Advance(3)
	if !b.sci.Level {
		t.Fatal("no SCI")
	}
	b.want("status", PM1Event, 2, 1)
	b.ports.Out(PM1Event, 2, 1)
	if b.sci.Level {
		t.Error("writing 1 does not clear it")
	}
	b.clock.Advance(half)
	if b.sci.Edges() != 2 {
		t.Error("no SCI at the next overflow")
	}
}

func TestPowerButton(t *testing.T) {
	b := newBench(t)
	b.pm.Raise(acpipm.StsPower)
	if b.sci.Level {
		t.Error("SCI without enable")
	}
	b.ports.Out(PM1Event+2, 2, 0x100)
	if !b.sci.Level {
		t.Error("no SCI")
	}
	b.ports.Out(PM1Event, 4, 0x01000100)
	if b.sci.Level {
		t.Error("SCI stays")
	}
}

func TestGPE(t *testing.T) {
	b := newBench(t)
	b.ports.Out(GPE0+2, 2, 0x0100)
	b.pm.RaiseGPE(0x0100)
	b.want("GPE0", GPE0, 4, 0x01000100)
	if !b.sci.Level {
		t.Error("no SCI")
	}
	b.ports.Out(GPE0+1, 1, 1)
	if b.sci.Level {
		t.Error("SCI stays")
	}
}

func TestSoftOff(t *testing.T) {
	b := newBench(t)
	b.ports.Out(PM1Ctl, 2, SleepTypeS5<<10|1)
	b.ports.Out(PM1Ctl, 2, 3<<10|1<<13|1)
	if b.off != 0 {
		t.Error("off by another sleep type")
	}
	b.want("SLP_EN reads 0", PM1Ctl, 2, 3<<10|1)
	b.ports.Out(PM1Ctl, 2, SleepTypeS5<<10|1<<13|1)
	if b.off != 1 {
		t.Error("not off")
	}
}

func TestModeSwitch(t *testing.T) {
	b := newBench(t)
	b.ports.Out(APMControl, 1, ACPIDisable)
	b.want("legacy mode", PM1Ctl, 2, 0)
	b.ports.Out(APMControl, 1, ACPIEnable)
	b.want("ACPI mode", PM1Ctl, 2, 1)
	b.ports.Out(APMStatus, 1, 0x5a)
	b.want("APM ports", APMControl, 2, 0x5af1)
}

// The SMBus controller is where SMBBA says, and interrupts as SMBHSTCFG says.
func TestSMBus(t *testing.T) {
	b := newBench(t)
	b.want("address register", SMBusBase+4, 1, 0)
	b.ports.Out(SMBusBase+4, 1, 0xa1)
	b.want("address register", SMBusBase+4, 1, 0xa1)
	b.ports.Out(SMBusBase+2, 1, 0x49) // start, with interrupt; nobody is there
	b.clock.Advance(1_000_000)
	b.want("status", SMBusBase, 1, 4)
	if !b.smb.Level {
		t.Error("no interrupt")
	}
	b.ports.Out(SMBusBase, 1, 4)
	if b.smb.Level {
		t.Error("the interrupt stays")
	}
	b.pm.WriteConfig(0x90, 4, 0xc010)
	b.want("moved away", SMBusBase+4, 1, 0xff)
	b.want("moved", 0xc014, 1, 0xa1)
	b.pm.WriteConfig(0xd2, 1, 1) // SMI
	b.ports.Out(0xc012, 1, 0x49)
	b.clock.Advance(1_000_000)
	if b.smb.Level {
		t.Error("an interrupt instead of an SMI")
	}
	b.pm.WriteConfig(0xd2, 1, 0)
	b.want("off", 0xc014, 1, 0xff)
}

func FuzzPM(f *testing.F) {
	f.Add([]byte{3, 4, 0, 0x20, 0, 0, 1, 2, 1, 0, 0, 0, 0xb0, 8, 200})
	f.Fuzz(func(t *testing.T, in []byte) {
		b := newBench(t)
		var ports []uint16
		for p := range uint16(64) {
			ports = append(ports, PMBase+p)
		}
		devtest.FuzzPorts(in, &b.clock, b.ports, append(ports, APMControl, APMStatus)...)
		for i, v := range in { // the configuration space, too
			b.pm.WriteConfig(uint8(i), 1, uint32(v))
		}
		b.ports.In(PM1Event, 4)
		if err := b.pm.RestoreState(b.pm.SaveState()); err != nil {
			t.Error(err)
		}
	})
}
