package fwcfg

import (
	"encoding/binary"
	"strings"
	"testing"

	"goemu/devices/devtest"
	"goemu/devices/portmap"
)

type bench struct {
	ports *portmap.Map
	mem   devtest.Memory
	d     *Device
}

func newBench(t *testing.T) *bench {
	b := &bench{ports: portmap.New(), mem: make(devtest.Memory, 0x10000)}
	b.d = New(b.mem)
	b.d.MapInto(b.ports)
	b.d.AddUint(RAMSize, 8, 0x8000000)
	for name, text := range map[string]string{"opt/goemu/test": "hello, guest"} {
		if err := b.d.AddFile(name, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.d.AddWritable("etc/written", []byte("0123456789")); err != nil {
		t.Fatal(err)
	}
	if err := b.d.AddMade("etc/made", 2, func(p []byte) { p[0]++; p[1] = 'm' }); err != nil {
		t.Fatal(err)
	}
	b.d.Reset()
	return b
}

func (b *bench) read(key uint16, n int) string {
	b.ports.Out(SelectorPort, 2, uint32(key))
	var s strings.Builder
	for range n {
		s.WriteByte(byte(b.ports.In(DataPort, 1)))
	}
	return s.String()
}

func TestItems(t *testing.T) {
	b := newBench(t)
	for _, c := range []struct {
		key  uint16
		want string
	}{
		{Signature, "QEMU\x00\x00"},
		{ID, "\x03\x00\x00\x00"},
		{RAMSize, "\x00\x00\x00\x08\x00\x00\x00\x00"},
		{0x1234, "\x00\x00"},
		{FileDir, "\x00\x00\x00\x03\x00\x00\x00\x0c\x00\x20\x00\x00opt/goemu/test\x00"},
		{FirstFile, "hello, guest\x00"},
	} {
		if got := b.read(c.key, len(c.want)); got != c.want {
			t.Errorf("item %#x: %q, want %q", c.key, got, c.want)
		}
	}
}

// dma makes a request at 1000h and returns the control word after it.
func (b *bench) dma(control, length uint32, addr uint64) uint32 {
	binary.BigEndian.PutUint32(b.mem[0x1000:], control)
	binary.BigEndian.PutUint32(b.mem[0x1004:], length)
	binary.BigEndian.PutUint64(b.mem[0x1008:], addr)
	b.ports.Out(DMAPort, 4, 0)
	b.ports.Out(DMAPort+4, 4, 0x00100000) // 1000h, big-endian
	return binary.BigEndian.Uint32(b.mem[0x1000:])
}

func TestDMA(t *testing.T) {
	b := newBench(t)
	if hi, lo := b.ports.In(DMAPort, 4), b.ports.In(DMAPort+4, 4); hi != 0x554d4551 || lo != 0x47464320 {
		t.Errorf("signature %#x %#x", hi, lo)
	}
	copy(b.mem[0x2000:], strings.Repeat("x", 32))
	if c := b.dma(FirstFile<<16|dmaSelect|dmaRead, 14, 0x2000); c != 0 {
		t.Errorf("control %#x", c)
	}
	if got := string(b.mem[0x2000:0x2010]); got != "hello, guest\x00\x00xx" {
		t.Errorf("read %q", got)
	}
	b.dma(FirstFile<<16|dmaSelect|dmaSkip, 7, 0)
	b.dma(dmaRead, 3, 0x2000)
	if got := string(b.mem[0x2000:0x2003]); got != "gue" {
		t.Errorf("read %q after a skip", got)
	}
	for name, c := range map[string]uint32{
		"no memory": b.dma(FirstFile<<16|dmaSelect|dmaRead, 4, 1<<40),
		"too long":  b.dma(FirstFile<<16|dmaSelect|dmaRead, 0xffffffff, 0x2000),
		"a write":   b.dma(FirstFile<<16|dmaSelect|dmaWrite, 4, 0x2000),
	} {
		if c != dmaError {
			t.Errorf("%s: control %#x, want the error bit", name, c)
		}
	}
}

const (
	written = FirstFile + 1
	made    = FirstFile + 2
)

func TestWrite(t *testing.T) {
	b := newBench(t)
	copy(b.mem[0x2000:], "abcdef")
	b.dma(written<<16|dmaSelect|dmaSkip, 5, 0)
	if c := b.dma(dmaWrite, 3, 0x2000); c != 0 {
		t.Errorf("control %#x", c)
	}
	for _, n := range []uint32{3, 0xffffffff} {
		if c := b.dma(dmaWrite, n, 0x2000); c != dmaError {
			t.Errorf("%d bytes where there is room for 2: control %#x", n, c)
		}
	}
	if c := b.dma(dmaWrite, 2, 1<<40); c != dmaError {
		t.Errorf("from no memory: control %#x", c)
	}
	if c := b.dma(dmaWrite, 2, 0x2003); c != 0 {
		t.Errorf("the last bytes: control %#x", c)
	}
	if got := b.read(written, 11); got != "01234abcde\x00"[:11] {
		t.Errorf("file is %q", got)
	}
	b.ports.Out(SelectorPort, 2, written)
	b.ports.Out(DataPort, 1, 'x')
	if got := b.read(written, 1); got != "0" {
		t.Errorf("the data port wrote %q", got)
	}
	s := b.d.SaveState()
	b = newBench(t)
	if err := b.d.RestoreState(s); err != nil || b.read(written, 10) != "01234abcde" {
		t.Errorf("restored: %v, %q", err, b.read(written, 10))
	}
	for _, bad := range []State{{Version: 1}, {Version: 2, Written: map[uint16][]byte{FirstFile: nil}}, {Version: 2, Written: map[uint16][]byte{written: nil}}} {
		if b.d.RestoreState(bad) == nil {
			t.Errorf("state %+v was taken", bad)
		}
	}
}

func TestMade(t *testing.T) {
	b := newBench(t)
	for _, want := range []string{"\x01m\x00", "\x02m\x00"} {
		if got := b.read(made, 3); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if c := b.dma(made<<16|dmaSelect|dmaRead, 2, 0x2000); c != 0 || string(b.mem[0x2000:0x2002]) != "\x03m" {
		t.Errorf("control %#x, read %q", c, b.mem[0x2000:0x2002])
	}
}

func TestBadNames(t *testing.T) {
	b := newBench(t)
	for _, name := range []string{"", strings.Repeat("n", FileNameMax), "etc/made"} {
		if b.d.AddFile(name, nil) == nil {
			t.Errorf("the name %q was taken", name)
		}
	}
}

func FuzzFwCfg(f *testing.F) {
	f.Add([]byte{3, 0, 0x19, 0, 0, 0, 0, 1, 5, 3, 0, 0, 0x10, 0})
	f.Fuzz(func(t *testing.T, in []byte) {
		var c devtest.Clock
		b := newBench(t)
		copy(b.mem[0x1000:], in)
		devtest.FuzzPorts(in, &c, b.ports, 0x510, 0x511, 0x514, 0x516, 0x518, 0x51b)
		b.ports.Out(DMAPort, 4, 0)
		b.ports.Out(DMAPort+4, 4, 0x00100000)
		if err := b.d.RestoreState(b.d.SaveState()); err != nil {
			t.Error(err)
		}
	})
}
