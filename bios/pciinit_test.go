package bios

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"goemu/devices"
	"goemu/devices/pci"
	"goemu/devices/portmap"
)

// pciBench is a bus with what SetupPCI is to find.
type pciBench struct {
	ports *portmap.Map
	bus   *pci.Bus
}

// nowhere takes what BARs map.
type nowhere struct{}

func (nowhere) MapMMIO(uint64, uint64, devices.MMIODevice) {}
func (nowhere) MapRAM(uint64, []byte, bool)                {}
func (nowhere) UnmapMMIO(uint64, uint64)                   {}
func (nowhere) In(uint16, int) uint32                      { return 0 }
func (nowhere) Out(uint16, int, uint32)                    {}
func (nowhere) ReadMMIO(uint64, int) uint64                { return 0 }
func (nowhere) WriteMMIO(uint64, int, uint64)              {}

func newPCIBench() *pciBench {
	b := &pciBench{ports: portmap.New()}
	b.bus = pci.NewBus(b.ports, nowhere{})
	b.bus.MapInto(b.ports)
	return b
}

// add puts a function with some BARs on the bus.
func (b *pciBench) add(t *testing.T, slot, fn uint8, id uint32, pin uint8, set map[int]pci.BAR, rom int) *pci.Function {
	t.Helper()
	f := pci.NewFunction("test", uint16(id), uint16(id>>16), 0, 0)
	f.Config[pci.InterruptPin] = pin
	for n, x := range set {
		f.SetBAR(n, x)
	}
	if rom > 0 {
		f.SetROM(make([]byte, rom))
	}
	if err := b.bus.Add(slot, fn, f); err != nil {
		t.Fatal(err)
	}
	return f
}

func mem(size uint64) pci.BAR  { return pci.BAR{Size: size, MMIO: nowhere{}} }
func port(size uint64) pci.BAR { return pci.BAR{Size: size, Ports: nowhere{}} }
func wide(size uint64) pci.BAR {
	return pci.BAR{Size: size, MMIO: nowhere{}, Mem64: true, Prefetch: true}
}
func pref(size uint64) pci.BAR { return pci.BAR{Size: size, MMIO: nowhere{}, Prefetch: true} }

// The addresses are those that SeaBIOS gives on QEMU (-M pc -device VGA -device e1000, "info pci").
func TestSetupPCI(t *testing.T) {
	b := newPCIBench()
	b.add(t, 0, 0, 0x1237_8086, 0, nil, 0)
	b.add(t, 1, 0, 0x7000_8086, 0, nil, 0)
	ide := b.add(t, 1, 1, 0x7010_8086, 0, map[int]pci.BAR{4: port(16)}, 0)
	vga := b.add(t, 2, 0, 0x1111_1234, 0, map[int]pci.BAR{0: pref(16 << 20), 2: mem(4096)}, 64<<10)
	net := b.add(t, 3, 0, 0x100e_8086, 1, map[int]pci.BAR{0: mem(128 << 10), 1: port(64)}, 256<<10)
	big := b.add(t, 4, 7, 0x5555_1234, 0, nil, 0) // function 0 is not there: nobody sees it
	if err := SetupPCI(b.ports, Config{LowRAM: 1 << 30}); err != nil {
		t.Fatal(err)
	}
	got := map[string]uint32{}
	read := func(name string, f *pci.Function, reg uint8) { got[name] = f.ReadConfig(reg, 4) }
	read("IDE ports", ide, 0x20)
	read("display memory", vga, 0x10)
	read("display registers", vga, 0x18)
	read("display ROM", vga, 0x30)
	read("net memory", net, 0x10)
	read("net ports", net, 0x14)
	read("net ROM", net, 0x30)
	got["net line"] = net.ReadConfig(0x3c, 1)
	got["net command"] = net.ReadConfig(4, 2)
	got["hidden command"] = big.ReadConfig(4, 2)
	want := map[string]uint32{
		"IDE ports": 0xc041, "display memory": 0xfd000008, "display registers": 0xfebf0000, "display ROM": 0xfebe0000,
		"net memory": 0xfebc0000, "net ports": 0xc001, "net ROM": 0xfeb80000, "net line": 11, "net command": 3, "hidden command": 0,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestSetupPCIHigh(t *testing.T) {
	b := newPCIBench()
	f := b.add(t, 3, 0, 1<<16|1, 0, map[int]pci.BAR{0: wide(1 << 30), 2: wide(4 << 20), 4: mem(16 << 20)}, 0)
	if err := SetupPCI(b.ports, Config{LowRAM: 3 << 30, HighRAM: 5 << 30}); err != nil {
		t.Fatal(err)
	}
	at := func(reg uint8) uint64 { return uint64(f.ReadConfig(reg, 4)&^0xf) | uint64(f.ReadConfig(reg+4, 4))<<32 }
	high := Window{9 << 30, 41 << 30}
	if a, b := at(0x10), at(0x18); a < high.Base || a+1<<30 > high.End || a&(1<<30-1) != 0 || b < high.Base || b < a+1<<30 && a < b+4<<20 {
		t.Errorf("64-bit BARs at %#x and %#x", a, b)
	}
	if got := f.ReadConfig(0x20, 4); got != 0xfd000000 {
		t.Errorf("32-bit BAR at %#x", got)
	}
}

func TestSetupPCIFull(t *testing.T) {
	for want, set := range map[string]map[int]pci.BAR{
		"memory below 4 GiB": {0: mem(1 << 30)},
		"memory above 4 GiB": {0: wide(64 << 30)},
		"ports":              {0: port(0x8000)},
	} {
		b := newPCIBench()
		b.add(t, 3, 0, 1<<16|1, 0, set, 0)
		if err := SetupPCI(b.ports, Config{LowRAM: 3 << 30}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// FuzzSetupPCI lets the bus answer configuration reads with anything.
func FuzzSetupPCI(f *testing.F) {
	f.Add([]byte{1, 2, 3, 0xff, 0x80})
	f.Fuzz(func(t *testing.T, in []byte) {
		liar := &liar{in: in}
		if err := SetupPCI(liar, Config{LowRAM: 1 << 30, Board: Q35}); err != nil && !strings.Contains(fmt.Sprint(err), "PCI") {
			t.Error(err)
		}
	})
}

type liar struct {
	in []byte
	n  int
}

func (l *liar) In(uint16, int) uint32 {
	v := uint32(0)
	for i := range 4 {
		if len(l.in) > 0 {
			v |= uint32(l.in[(l.n+i)%len(l.in)]) << (8 * i)
		}
	}
	l.n += 3
	return v
}

func (l *liar) Out(uint16, int, uint32) {}
