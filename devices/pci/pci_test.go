package pci

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"goemu/devices"
	"goemu/devices/devtest"
	"goemu/devices/portmap"
)

// memory notes what is mapped.
type memory struct {
	mapped map[uint64]uint64
	log    []string
}

func (m *memory) MapMMIO(base, size uint64, _ devices.MMIODevice) {
	m.mapped[base] = size
	m.log = append(m.log, fmt.Sprintf("+%x", base))
}

func (m *memory) MapRAM(base uint64, p []byte, _ bool) {
	m.mapped[base] = uint64(len(p))
	m.log = append(m.log, fmt.Sprintf("+%x", base))
}

func (m *memory) UnmapMMIO(base, size uint64) {
	if m.mapped[base] != size {
		panic("unmapping what is not mapped")
	}
	delete(m.mapped, base)
	m.log = append(m.log, fmt.Sprintf("-%x", base))
}

type dummy struct{}

func (dummy) In(uint16, int) uint32         { return 0x5a }
func (dummy) Out(uint16, int, uint32)       {}
func (dummy) ReadMMIO(uint64, int) uint64   { return 0 }
func (dummy) WriteMMIO(uint64, int, uint64) {}

type bench struct {
	ports *portmap.Map
	mem   *memory
	bus   *Bus
	f     *Function
}

// newBench has a function at 00:03.0 with memory, I/O and 64-bit memory BARs.
func newBench(t *testing.T) *bench {
	b := &bench{ports: portmap.New(), mem: &memory{mapped: map[uint64]uint64{}}}
	b.bus = NewBus(b.ports, b.mem)
	b.bus.MapInto(b.ports)
	b.f = NewFunction("test", 0x1234, 0x5678, 9, 0x020000)
	b.f.Config[InterruptPin] = 1
	b.f.SetBAR(0, BAR{Size: 0x1000, MMIO: dummy{}})
	b.f.SetBAR(1, BAR{Size: 0x20, Ports: dummy{}})
	b.f.SetBAR(2, BAR{Size: 0x100000, MMIO: dummy{}, Mem64: true, Prefetch: true})
	if err := b.bus.Add(3, 0, b.f); err != nil {
		t.Fatal(err)
	}
	return b
}

func addr(slot, fn, reg uint32) uint32 { return 1<<31 | slot<<11 | fn<<8 | reg&^3 }

func (b *bench) read(slot, fn, reg uint32, size int) uint32 {
	b.ports.Out(AddressPort, 4, addr(slot, fn, reg))
	return b.ports.In(DataPort+uint16(reg&3), size)
}

func (b *bench) write(slot, fn, reg uint32, size int, v uint32) {
	b.ports.Out(AddressPort, 4, addr(slot, fn, reg))
	b.ports.Out(DataPort+uint16(reg&3), size, v)
}

func TestConfigurationMechanism(t *testing.T) {
	b := newBench(t)
	for _, c := range []struct {
		slot, fn, reg uint32
		size          int
		want          uint32
	}{
		{3, 0, 0, 4, 0x56781234},
		{3, 0, 2, 2, 0x5678},
		{3, 0, 3, 1, 0x56},
		{3, 0, 8, 4, 0x02000009},
		{3, 1, 0, 4, 0xffffffff},
		{4, 0, 0, 2, 0xffff},
	} {
		if got := b.read(c.slot, c.fn, c.reg, c.size); got != c.want {
			t.Errorf("%d.%d register %#x: %#x, want %#x", c.slot, c.fn, c.reg, got, c.want)
		}
	}
	b.ports.Out(AddressPort, 4, 0xffffffff)
	if got := b.ports.In(AddressPort, 4); got != 0x80fffffc {
		t.Errorf("CONFIG_ADDRESS reads %#x", got)
	}
	b.ports.Out(AddressPort, 4, addr(3, 0, 0)&^(1<<31))
	if got := b.ports.In(DataPort, 4); got != 0xffffffff {
		t.Errorf("without the enable bit: %#x", got)
	}
	b.ports.Out(AddressPort, 4, addr(3, 0, 0)|1<<16)
	if got := b.ports.In(DataPort, 4); got != 0xffffffff {
		t.Errorf("bus 1: %#x", got)
	}
	b.ports.Out(AddressPort, 2, 0x1234)
	if got := b.ports.In(AddressPort, 4); got != addr(3, 0, 0)|1<<16 {
		t.Errorf("a word write changed CONFIG_ADDRESS to %#x", got)
	}
}

func TestBARSizing(t *testing.T) {
	b := newBench(t)
	for _, c := range []struct{ reg, want uint32 }{
		{0x10, 0xfffff000}, {0x14, 0xffffffe1}, {0x18, 0xfff0000c}, {0x1c, 0xffffffff}, {0x20, 0},
	} {
		b.write(3, 0, c.reg, 4, 0xffffffff)
		if got := b.read(3, 0, c.reg, 4); got != c.want {
			t.Errorf("BAR at %#x: %#x, want %#x", c.reg, got, c.want)
		}
	}
	if len(b.mem.log) != 0 {
		t.Errorf("sizing with decoding off mapped %v", b.mem.log)
	}
}

func TestBARMapping(t *testing.T) {
	b := newBench(t)
	b.write(3, 0, 0x10, 4, 0xfebf0000)
	b.write(3, 0, 0x14, 4, 0xc040)
	b.write(3, 0, 0x18, 4, 0)
	b.write(3, 0, 0x1c, 4, 0x8)
	b.write(3, 0, Command, 2, CommandIO|CommandMemory)
	if got := b.ports.In(0xc05f, 1); got != 0x5a {
		t.Errorf("I/O BAR: %#x", got)
	}
	b.write(3, 0, 0x10, 4, 0xfebe0000)
	b.write(3, 0, Command, 2, CommandMemory)
	if got := b.ports.In(0xc040, 1); got != 0xff {
		t.Errorf("I/O BAR with decoding off: %#x", got)
	}
	b.f.Reset()
	want := []string{"+febf0000", "+800000000", "-febf0000", "+febe0000", "-febe0000", "-800000000"}
	if d := cmp.Diff(want, b.mem.log); d != "" {
		t.Error(d)
	}
}

func TestMemoryBARs(t *testing.T) {
	b := newBench(t)
	f := NewFunction("display", 1, 2, 0, 0x030000)
	f.SetBAR(0, BAR{Size: 1 << 20, RAM: make([]byte, 1<<20), Prefetch: true})
	f.SetROM(make([]byte, 64<<10))
	if err := b.bus.Add(5, 0, f); err != nil {
		t.Fatal(err)
	}
	b.mem.log = nil
	b.write(5, 0, BAR0, 4, 0xffffffff)
	b.write(5, 0, ExpansionROM, 4, 0xfffffffe)
	if got := b.read(5, 0, BAR0, 4); got != 0xfff00008 {
		t.Errorf("BAR 0 sizes as %#x", got)
	}
	if got := b.read(5, 0, ExpansionROM, 4); got != 0xffff0000 {
		t.Errorf("the ROM BAR sizes as %#x", got)
	}
	b.write(5, 0, BAR0, 4, 0xe0000000)
	b.write(5, 0, ExpansionROM, 4, 0xe1000001)
	b.write(5, 0, Command, 2, CommandMemory)
	b.write(5, 0, ExpansionROM, 4, 0xe1000000)
	b.write(5, 0, Command, 2, 0)
	if d := cmp.Diff([]string{"+e0000000", "+e1000000", "-e1000000", "-e0000000"}, b.mem.log); d != "" {
		t.Error(d)
	}
}

func TestINTx(t *testing.T) {
	b := newBench(t)
	other := NewFunction("other", 1, 2, 0, 0)
	other.Config[InterruptPin] = 1
	if err := b.bus.Add(7, 0, other); err != nil { // INTA of slots 3 and 7 is the same line
		t.Fatal(err)
	}
	var log []string
	b.bus.OnPIRQ = func(n int, level bool) { log = append(log, fmt.Sprint(n, level)) }
	b.f.SetINTx(true)
	other.SetINTx(true)
	b.f.SetINTx(false)
	if b.read(7, 0, Status, 2)&statusInterrupt == 0 {
		t.Error("no interrupt status")
	}
	b.write(7, 0, Command, 2, CommandINTxOff)
	b.write(7, 0, Command, 2, 0)
	other.Reset()
	if d := cmp.Diff([]string{"2 true", "2 false", "2 true", "2 false"}, log); d != "" {
		t.Error(d)
	}
	for _, c := range []struct {
		slot      uint8
		pin, want int
	}{{1, 0, 0}, {1, 3, 3}, {2, 0, 1}, {3, 2, 0}, {4, 0, 3}, {5, 0, 0}} {
		if got := PIRQ(c.slot, c.pin); got != c.want {
			t.Errorf("PIRQ(%d, %d) = %d, want %d", c.slot, c.pin, got, c.want)
		}
	}
}

func TestMultiFunction(t *testing.T) {
	b := newBench(t)
	if err := b.bus.Add(3, 1, NewFunction("second", 1, 2, 0, 0)); err != nil {
		t.Fatal(err)
	}
	if b.read(3, 0, HeaderType, 1) != headerMulti {
		t.Error("function 0 does not say that there are more")
	}
	if b.bus.Add(3, 1, NewFunction("third", 1, 2, 0, 0)) == nil {
		t.Error("a place was taken twice")
	}
}

func TestWriteOneToClear(t *testing.T) {
	b := newBench(t)
	b.f.Config[Status+1] = 0xfb
	b.write(3, 0, Status, 2, 0x1000)
	if got := b.read(3, 0, Status, 2); got != 0xeb00 {
		t.Errorf("status %#x, want EB00h", got)
	}
}

// functions is the configuration space in memory from slot 3 on.
type functions struct{ m MMConfig }

func (f functions) ReadMMIO(off uint64, size int) uint64     { return f.m.ReadMMIO(3<<15+off<<3, size) }
func (f functions) WriteMMIO(off uint64, size int, v uint64) { f.m.WriteMMIO(3<<15+off<<3, size, v) }

func FuzzPCI(f *testing.F) {
	f.Add([]byte{5, 0, 0x10, 0x18, 0, 0x80, 5, 4, 0, 0, 0xbf, 0xfe})
	f.Fuzz(func(t *testing.T, in []byte) {
		var c devtest.Clock
		b, f, _ := newMSIBench(t)
		devtest.FuzzMMIO(in, &c, functions{MMConfig{b.bus}}, 8<<12)
		f.SetIRQ(true)
		devtest.FuzzPorts(in, &c, b.ports, 0xcf8, 0xcfa, 0xcfc, 0xcfd, 0xcfe, 0xcff)
		for reg := range uint32(256) { // every register, with the input's bytes
			if int(reg) < len(in) {
				b.write(3, 0, reg, 1, uint32(in[reg]))
			}
		}
	})
}
