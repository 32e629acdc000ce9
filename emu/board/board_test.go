package board

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"goemu/devices/acpipm"
	"goemu/devices/devtest"
	"goemu/devices/hpet"
	"goemu/devices/ioapic"
	"goemu/devices/lapic"
	"goemu/devices/piix3"
	"goemu/devices/piix4pm"
	"goemu/devices/rtc"
	"goemu/devices/uart"
	"goemu/mmu"
)

type bench struct {
	t      *testing.T
	clock  devtest.Clock
	pc     *PC
	events []string
	intr   bool
	text   strings.Builder
}

// Send makes the bench the backend of COM1.
func (b *bench) Send(p []byte) int {
	b.text.Write(p)
	return len(p)
}

func newBench(t *testing.T, change func(*Config)) *bench {
	b := &bench{t: t}
	note := func(f string, a ...any) { b.events = append(b.events, fmt.Sprintf(f, a...)) }
	cfg := Config{
		Space:       mmu.NewSpace(40),
		Clock:       &b.clock,
		Start:       time.Date(2023, 6, 10, 12, 34, 56, 0, time.UTC),
		Serial:      []uart.Backend{b},
		OnINTR:      func(cpu int, level bool) { b.intr = level },
		OnNMI:       func(cpu int) { note("nmi %d", cpu) },
		OnReset:     func(hard bool) { note("reset %v", hard) },
		OnPowerOff:  func() { note("off") },
		OnDebugExit: func(status int) { note("exit %d", status) },
	}
	if change != nil {
		change(&cfg)
	}
	if cfg.RAM == nil {
		cfg.RAM = make([]byte, 32<<20)
	}
	pc, err := NewPC(cfg)
	if err != nil {
		t.Fatal(err)
	}
	b.pc = pc
	pc.FirmwareInit()
	return b
}

func (b *bench) out(port uint16, v uint8)  { b.pc.Ports.Out(port, 1, uint32(v)) }
func (b *bench) in(port uint16) uint8      { return uint8(b.pc.Ports.In(port, 1)) }
func (b *bench) r4(addr uint64) uint32     { return uint32(b.pc.Space.Read(addr, 4)) }
func (b *bench) w4(addr uint64, v uint32)  { b.pc.Space.Write(addr, 4, uint64(v)) }
func (b *bench) pin(pin uint8, low uint32) { b.ioapic(0x11+2*pin, 0); b.ioapic(0x10+2*pin, low) }

func (b *bench) ioapic(reg uint8, v uint32) {
	b.w4(ioapic.DefaultBase, uint32(reg))
	b.w4(ioapic.DefaultBase+0x10, v)
}

func (b *bench) want(what string, events ...string) {
	b.t.Helper()
	if d := cmp.Diff(events, b.events); d != "" {
		b.t.Errorf("%s: %s", what, d)
	}
	b.events = nil
}

func (b *bench) ack(what string, v int) {
	b.t.Helper()
	if !b.intr {
		b.t.Errorf("%s: no interrupt", what)
		return
	}
	if got := b.pc.IntAck(0); got != v {
		b.t.Errorf("%s: vector %#x, want %#x", what, got, v)
	}
}

func TestMemoryMap(t *testing.T) {
	b := newBench(t, nil)
	s := b.pc.Space
	s.Write(0x1000, 8, 0x1122334455667788)
	for _, c := range []struct {
		addr uint64
		want uint32
	}{
		{0x1000, 0x55667788},
		{0xa0000, 0xffffffff}, // the display's window
		{32 << 20, 0xffffffff},
		{0xf0000, 0},
		{lapic.DefaultBase + 0x30, 0x50014},
		{hpet.DefaultBase + 4, hpet.PeriodFs},
		{ioapic.DefaultBase, 0},
		{0xfee01000, 0xffffffff},
		{0xfffffff0, 0xffffffff},
	} {
		if got := b.r4(c.addr); got != c.want {
			t.Errorf("%#x reads %#x, want %#x", c.addr, got, c.want)
		}
	}
	b.pc.LAPICs[0].SetBase(0xfef00000 | lapic.BaseEnable)
	if b.r4(0xfef00030) != 0x50014 || b.r4(0xfee00030) != 0xffffffff {
		t.Error("the local APIC does not move")
	}
}

func TestA20(t *testing.T) {
	b := newBench(t, nil)
	b.pc.Space.Write(0, 1, 0x11)
	b.pc.Space.Write(1<<20, 1, 0x22)
	remaps := 0
	b.pc.Space.OnRemap = func(uint64, uint64) { remaps++ }
	b.out(0x64, 0xdd)
	if got := b.pc.Space.Read(1<<20, 1); got != 0x11 || remaps != 1 {
		t.Errorf("A20 off: 1 MiB reads %#x, %d remaps", got, remaps)
	}
	b.out(0x92, 2)
	if got := b.pc.Space.Read(1<<20, 1); got != 0x22 {
		t.Errorf("A20 on: 1 MiB reads %#x", got)
	}
}

func TestTimerThroughPIC(t *testing.T) {
	b := newBench(t, nil)
	b.out(0x21, 0xfe)
	b.clock.Advance(60_000_000)
	b.ack("IRQ 0", 0x08)
	b.out(0x20, 0x20)
}

func TestTimerThroughIOAPIC(t *testing.T) {
	b := newBench(t, nil)
	b.pin(ioapic.TimerPin, 0x30)
	b.clock.Advance(60_000_000)
	b.ack("pin 2", 0x30)
	b.w4(lapic.DefaultBase+0xb0, 0)
}

func TestSerialInterruptBothWays(t *testing.T) {
	b := newBench(t, nil)
	b.pin(uart.COM1IRQ, 0x34)
	b.out(0x21, 0xef)
	b.out(0x3fc, 8)
	b.out(0x3f9, 1)
	b.pc.Serial[0].Receive([]byte("x"))
	b.ack("I/O APIC", 0x34)
	b.ack("8259A through LINT0", 0x0c)
	if got := b.in(0x3f8); got != 'x' {
		t.Errorf("received %q", got)
	}
	for _, c := range "ok" {
		b.out(0x3f8, uint8(c))
	}
	if b.text.String() != "ok" {
		t.Errorf("sent %q", b.text.String())
	}
	if b.in(0x2fd) != 0xff {
		t.Error("COM2 is there")
	}
}

func TestSCILevel(t *testing.T) {
	b := newBench(t, nil)
	b.pin(piix4pm.SCI, 0x8039)
	b.pc.Ports.Out(piix4pm.PM1Event+2, 2, 0x100)
	b.pc.chipset.pm().Raise(acpipm.StsPower)
	b.ack("SCI", 0x39)
	b.w4(lapic.DefaultBase+0xb0, 0)
	b.ack("still asserted after EOI", 0x39)
	b.pc.Ports.Out(piix4pm.PM1Event, 2, 0x100)
	b.w4(lapic.DefaultBase+0xb0, 0)
	if b.intr {
		t.Error("the SCI stays")
	}
}

func TestHPETReplacesThePIT(t *testing.T) {
	b := newBench(t, nil)
	b.pin(ioapic.TimerPin, 0x30)
	w8 := func(off, v uint64) { b.pc.Space.Write(hpet.DefaultBase+off, 8, v) }
	w8(0x10, 3)
	b.clock.Advance(200_000_000)
	if b.intr {
		t.Fatal("the 8254 still interrupts")
	}
	w8(0x100, 4)
	w8(0x108, b.pc.Space.Read(hpet.DefaultBase+0xf0, 8)+1000)
	b.clock.Advance(10_000)
	b.ack("HPET", 0x30)
	b.w4(lapic.DefaultBase+0xb0, 0)
	w8(0x10, 0)
	b.clock.Advance(60_000_000)
	b.ack("the 8254 again", 0x30)
}

func TestCoprocessorError(t *testing.T) {
	b := newBench(t, nil)
	b.out(0x21, 0xfb)
	b.out(0xa1, 0xdf)
	b.pc.SetFERR(true)
	b.ack("interrupt 13", 0x75)
	b.out(0xf0, 0)
	if !b.pc.IGNNE() {
		t.Error("port F0h does not let the CPU go on")
	}
	b.pc.SetFERR(false)
	if b.pc.IGNNE() {
		t.Error("the error is gone, but is still ignored")
	}
}

func TestPCIInterrupt(t *testing.T) {
	b := newBench(t, nil)
	b.out(0x21, 0xfb)
	b.out(0xa1, 0xf1)
	b.pc.PCI.OnPIRQ(2, true) // PIRQC, to 11
	b.ack("PIRQC", 0x73)
	b.pc.PCI.OnPIRQ(2, false)
}

func TestPCIDevices(t *testing.T) {
	b := newBench(t, nil)
	for devfn, want := range map[uint32]uint32{0: 0x12378086, 8: 0x70008086, 11: 0x71138086, 9: 0x70108086, 10: 0xffffffff} {
		b.pc.Ports.Out(0xcf8, 4, 1<<31|devfn<<8)
		if got := b.pc.Ports.In(0xcfc, 4); got != want {
			t.Errorf("function %02x.%d: %#x, want %#x", devfn>>3, devfn&7, got, want)
		}
	}
}

func TestEndings(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Devices = []string{"isa-debug-exit,iobase=0xf4,iosize=4"} })
	b.pc.Ports.Out(0xf4, 4, 0x10)
	b.want("debug exit", "exit 33")
	b.out(piix3.ResetControl, piix3.ResetValue)
	b.want("CF9", "reset true")
	b.out(0x64, 0xfe)
	b.want("keyboard controller", "reset false")
	b.pc.Ports.Out(piix4pm.PM1Ctl, 2, piix4pm.SleepTypeS5<<10|1<<13)
	b.want("soft off", "off")
}

func TestDeviceOptions(t *testing.T) {
	var text strings.Builder
	chardev := func(id string) (io.Writer, error) {
		if id != "con" {
			return nil, fmt.Errorf("unknown")
		}
		return &text, nil
	}
	b := newBench(t, func(c *Config) {
		c.Chardev = chardev
		c.Devices = []string{"isa-debugcon,chardev=con,id=x", "isa-debugcon,iobase=0x402,readback=0x12", "isa-debug-exit"}
	})
	b.out(0xe9, '!')
	b.out(0x402, '?')
	if text.String() != "!" || b.in(0xe9) != 0xe9 || b.in(0x402) != 0x12 {
		t.Errorf("debug consoles: %q %#x %#x", text.String(), b.in(0xe9), b.in(0x402))
	}
	b.out(0x501, 3)
	b.want("default port", "exit 7")
	for _, opts := range []string{
		"isa-debugcon,iobase=0x10000", "isa-debugcon,iobase=x", "isa-debugcon,chardev=none", "isa-debugcon,color=red",
		"isa-debug-exit,iosize=9", "isa-debug-exit,iosize=0", "vga", "isa-debugcon,chardev",
	} {
		_, err := NewPC(Config{RAM: make([]byte, 1<<20), Space: mmu.NewSpace(36), Clock: &b.clock, Chardev: chardev, Devices: []string{opts}})
		if err == nil || !strings.Contains(err.Error(), opts) {
			t.Errorf("-device %s: error %v", opts, err)
		}
	}
}

func TestCMOSMemorySize(t *testing.T) {
	for _, c := range []struct {
		ram      uint64
		ext, hi  int
		above4G  int
		checkLow uint64
	}{
		{1 << 20, 0, 0, 0, 1 << 20},
		{32 << 20, 31 << 10, 256, 0, 32 << 20},
		{128 << 20, 0xffff, 112 << 4, 0, 128 << 20},
	} {
		b := newBench(t, func(cfg *Config) { cfg.RAM = make([]byte, c.ram) })
		word := func(i int) int { return int(b.pc.RTC.CMOS(i)) | int(b.pc.RTC.CMOS(i+1))<<8 }
		if word(rtc.BaseMemLow) != 640 || word(rtc.ExtMemLow) != c.ext || word(rtc.HighMemLow) != c.hi || word(rtc.Above4GLow) != c.above4G {
			t.Errorf("%d bytes: %d %d %d %d", c.ram, word(rtc.BaseMemLow), word(rtc.ExtMemLow), word(rtc.HighMemLow), word(rtc.Above4GLow))
		}
		if b.pc.LowMemory() != c.checkLow {
			t.Errorf("low memory %#x", b.pc.LowMemory())
		}
	}
}

func TestSeveralCPUs(t *testing.T) {
	current := 0
	b := newBench(t, func(c *Config) {
		c.CPUs = 2
		c.CurrentCPU = func() int { return current }
	})
	for current = range 2 {
		if got := b.r4(lapic.DefaultBase + 0x20); got != uint32(current)<<24 {
			t.Errorf("vCPU %d: APIC ID %#x", current, got>>24)
		}
	}
	current = 0
	b.w4(lapic.DefaultBase+0x310, 1<<24)
	b.w4(lapic.DefaultBase+0x300, 0x4400)
	b.want("NMI to vCPU 1", "nmi 1")
}

func TestBadConfigs(t *testing.T) {
	good := func() Config {
		return Config{RAM: make([]byte, 1<<20), Space: mmu.NewSpace(36), Clock: &devtest.Clock{}}
	}
	for name, change := range map[string]func(*Config){
		"no space":       func(c *Config) { c.Space = nil },
		"no clock":       func(c *Config) { c.Clock = nil },
		"too little RAM": func(c *Config) { c.RAM = c.RAM[:4096] },
		"half a page":    func(c *Config) { c.RAM = make([]byte, 1<<20+1) },
		"odd ROM":        func(c *Config) { c.ROM = make([]byte, 100) },
		"many serials":   func(c *Config) { c.Serial = make([]uart.Backend, 3) },
		"many CPUs":      func(c *Config) { c.CPUs = 300 },
		"no CurrentCPU":  func(c *Config) { c.CPUs = 2 },
	} {
		c := good()
		change(&c)
		if _, err := NewPC(c); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := NewPC(good()); err != nil {
		t.Error(err)
	}
}

func TestSavedState(t *testing.T) {
	b := newBench(t, nil)
	b.pin(ioapic.TimerPin, 0x30)
	b.out(0x64, 0xdd)
	b.pc.KBC.Keyboard.Key(0x1e, true)
	b.clock.Advance(60_000_000)
	s := b.pc.SaveState()
	o := newBench(t, nil)
	o.clock.Advance(b.clock.Now())
	if err := o.pc.RestoreState(s); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(s, o.pc.SaveState()); d != "" {
		t.Error(d)
	}
	if o.pc.Space.Mask>>20&1 != 0 {
		t.Error("A20 is on")
	}
	if !o.pc.INTR(0) || o.pc.IntAck(0) != 0x30 {
		t.Error("the interrupt is lost")
	}
	s.Version++
	if o.pc.RestoreState(s) == nil {
		t.Error("a state of another version was taken")
	}
}

// FuzzBoard lets a guest loose on all ports and device memory.
func FuzzBoard(f *testing.F) {
	f.Add([]byte{1, 0x20, 0x11, 0, 0, 0})
	f.Add([]byte{0x81, 0x60, 0, 0, 0x80, 1, 0xf8, 0x0c, 0, 0, 4, 0xfc, 0x0c, 0, 0, 1, 0, 0, 0xb0})
	f.Fuzz(func(t *testing.T, in []byte) {
		r := devtest.NewBytes(in)
		b := newBench(t, func(c *Config) {
			c.Machine = Machine(r.Byte() & 1)
			c.RAM = make([]byte, 1<<20)
			c.Devices = []string{"isa-debugcon", "isa-debug-exit,iobase=0xf4,iosize=4"}
		})
		for n := 0; r.Len() > 0 && n < 1000; n++ {
			op := r.Byte()
			v := r.U32()
			size := 1 << (op & 3)
			switch op >> 2 & 3 {
			case 0:
				b.pc.Ports.In(uint16(v), min(size, 4))
			case 1:
				b.pc.Ports.Out(uint16(v), min(size, 4), r.U32())
			case 2:
				b.pc.Space.Read(0xfec00000+uint64(v%0x300000), size)
			case 3:
				b.pc.Space.Write(0xfec00000+uint64(v%0x300000), size, uint64(r.U32()))
			}
			b.pc.SetSMM(op&0x40 != 0)
			if op&0x80 != 0 {
				b.clock.Advance(int64(r.Byte()) << 16)
				if b.intr {
					b.pc.IntAck(0)
				}
			}
		}
	})
}
