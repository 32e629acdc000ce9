package dma

import (
	"bytes"
	"testing"

	"goemu/devices/devtest"
	"goemu/devices/portmap"
)

type bench struct {
	t     *testing.T
	mem   devtest.Memory
	c     *Controller
	ports *portmap.Map
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t, mem: make(devtest.Memory, 0x60000), ports: portmap.New()}
	b.c = New(b.mem)
	b.c.MapInto(b.ports)
	b.out(0xd6, 0xc0) // channel 4: cascade
	b.out(0xd4, 0x00)
	return b
}

func (b *bench) out(port uint16, v uint8) { b.ports.Out(port, 1, uint32(v)) }
func (b *bench) in(port uint16) uint8     { return uint8(b.ports.In(port, 1)) }

// program sets up channel ch as drivers do: mode, page, address and count in units of the channel, less one.
func (b *bench) program(ch int, mode, page uint8, addr, count uint16) {
	base, step, single := uint16(0), uint16(1), uint16(0x0a)
	if ch >= 4 {
		base, step, single = 0xc0, 2, 0xd4
	}
	n := uint16(ch & 3)
	b.out(single, 4|uint8(n))
	b.out(base+12*step, 0)
	b.out(base+11*step, mode|uint8(n))
	for _, v := range [...]uint16{addr, addr >> 8} {
		b.out(base+2*n*step, uint8(v))
	}
	for _, v := range [...]uint16{count, count >> 8} {
		b.out(base+(2*n+1)*step, uint8(v))
	}
	b.out(0x80+uint16(pagePort[ch]), page)
	b.out(single, uint8(n))
	b.c.SetDREQ(ch, true)
}

// registers reads a channel's current address and count.
func (b *bench) registers(ch int) (addr, count uint16) {
	base, step := uint16(0), uint16(1)
	if ch >= 4 {
		base, step = 0xc0, 2
	}
	b.out(base+12*step, 0)
	get := func(reg uint16) uint16 {
		lo := b.in(base + reg*step)
		return uint16(lo) | uint16(b.in(base+reg*step))<<8
	}
	n := uint16(ch & 3)
	return get(2 * n), get(2*n + 1)
}

func TestTransfers(t *testing.T) {
	data := []byte("0123456789abcdef")
	for _, c := range []struct {
		name        string
		ch          int
		mode, page  uint8
		addr, count uint16
		n           int
		tc          bool
		at          int // where want is in memory
		want        string
		left, final uint16 // count and address afterwards
	}{
		{"bytes", 2, 0x44, 1, 0x1000, 31, 16, false, 0x11000, "0123456789abcdef", 15, 0x1010},
		{"terminal count", 2, 0x44, 1, 0x1000, 7, 8, true, 0x11000, "01234567\x00", 0xffff, 0x1008},
		{"demand", 1, 0x04, 2, 0x0000, 15, 16, true, 0x20000, "0123456789abcdef", 0xffff, 0x10},
		{"block, page 0", 3, 0x84, 0, 0x0400, 3, 4, true, 0x400, "0123\x00", 0xffff, 0x404},
		{"autoinit", 2, 0x54, 1, 0x1000, 7, 8, true, 0x11000, "01234567\x00", 7, 0x1000},
		{"down", 2, 0x64, 1, 0x1003, 3, 4, true, 0x11000, "3210", 0xffff, 0x0fff},
		{"around 64 KiB", 0, 0x44, 1, 0xfffe, 15, 16, true, 0x10000, "23456789abcdef\x00", 0xffff, 0x000e},
		{"verify", 2, 0x40, 1, 0x1000, 15, 16, true, 0x11000, "\x00\x00", 0xffff, 0x1010},
		{"other direction", 2, 0x48, 1, 0x1000, 15, 16, true, 0x11000, "\x00\x00", 0xffff, 0x1010},
		{"words", 5, 0x44, 3, 0x0800, 7, 16, true, 0x21000, "0123456789abcdef", 0xffff, 0x0808},
		{"words down", 7, 0x64, 2, 0x0801, 1, 4, true, 0x21000, "2301", 0xffff, 0x07ff},
		{"cascade", 6, 0xc4, 2, 0x0800, 7, 0, false, 0x21000, "\x00", 7, 0x0800},
		{"no memory", 2, 0x44, 0x50, 0, 15, 16, true, 0, "\x00", 0xffff, 0x10},
	} {
		b := newBench(t)
		b.program(c.ch, c.mode, c.page, c.addr, c.count)
		n, tc := b.c.Write(c.ch, data)
		if n != c.n || tc != c.tc {
			t.Errorf("%s: moved %d bytes, TC %v; want %d, %v", c.name, n, tc, c.n, c.tc)
		}
		if got := string(b.mem[c.at : c.at+len(c.want)]); got != c.want {
			t.Errorf("%s: memory has %q, want %q", c.name, got, c.want)
		}
		if addr, count := b.registers(c.ch); addr != c.final || count != c.left {
			t.Errorf("%s: address %#x, count %#x; want %#x, %#x", c.name, addr, count, c.final, c.left)
		}
		status := uint16(0x08)
		if c.ch >= 4 {
			status = 0xd0
		}
		if got := b.in(status)>>(c.ch&3)&1 != 0; got != c.tc {
			t.Errorf("%s: TC in the status is %v", c.name, got)
		}
		if b.in(status)&0xf != 0 {
			t.Errorf("%s: reading the status leaves TC", c.name)
		}
		if n, _ := b.c.Write(c.ch, data); c.tc && c.mode&modeAutoinit == 0 && n != 0 {
			t.Errorf("%s: the channel is not masked after TC", c.name)
		}
	}
}

func TestRead(t *testing.T) {
	b := newBench(t)
	copy(b.mem[0x23456:], "memory")
	p := make([]byte, 8)
	b.program(2, 0x48, 2, 0x3456, 5)
	if n, tc := b.c.Read(2, p); n != 6 || !tc || !bytes.Equal(p, []byte("memory\x00\x00")) {
		t.Errorf("read %q (%d, %v)", p, n, tc)
	}
	b.program(2, 0x48, 0x90, 0, 5) // no RAM there
	if n, tc := b.c.Read(2, p); n != 6 || !tc || !bytes.Equal(p, []byte("\xff\xff\xff\xff\xff\xff\x00\x00")) {
		t.Errorf("read %q (%d, %v)", p, n, tc)
	}
}

// Who stops a channel, and that its device learns when it goes on.
func TestMasks(t *testing.T) {
	for _, c := range []struct {
		name     string
		off, on  func(b *bench)
		channels []int
	}{
		{"single mask", func(b *bench) { b.out(0x0a, 6) }, func(b *bench) { b.out(0x0a, 2) }, []int{2}},
		{"all masks", func(b *bench) { b.out(0x0f, 0xf) }, func(b *bench) { b.out(0x0f, 0xb) }, []int{2}},
		{"clear masks", func(b *bench) { b.out(0xde, 0xf) }, func(b *bench) { b.out(0xdc, 0) }, []int{2, 5}},
		{"disabled", func(b *bench) { b.out(0x08, 4) }, func(b *bench) { b.out(0x08, 0) }, []int{2}},
		{"second disabled", func(b *bench) { b.out(0xd0, 4) }, func(b *bench) { b.out(0xd0, 0) }, []int{2, 5}},
		{"cascade masked", func(b *bench) { b.out(0xd4, 4) }, func(b *bench) { b.out(0xd4, 0) }, []int{2}},
	} {
		b := newBench(t)
		for _, ch := range c.channels {
			b.program(ch, 0x44, 1, 0, 0xff)
			called := 0
			b.c.Attach(ch, func() { called++ })
			c.off(b)
			if n, _ := b.c.Write(ch, make([]byte, 4)); n != 0 {
				t.Errorf("%s: channel %d moved %d bytes", c.name, ch, n)
			}
			c.on(b)
			if called != 1 {
				t.Errorf("%s: channel %d: device called %d times", c.name, ch, called)
			}
			if n, _ := b.c.Write(ch, make([]byte, 4)); n != 4 {
				t.Errorf("%s: channel %d does not go on", c.name, ch)
			}
			b.c.SetDREQ(ch, false)
			if n, _ := b.c.Write(ch, make([]byte, 4)); n != 0 {
				t.Errorf("%s: channel %d moves without DREQ", c.name, ch)
			}
		}
	}
}

func TestRegisters(t *testing.T) {
	b := newBench(t)
	b.program(2, 0x44, 1, 0x1234, 0x5678)
	b.out(0x0c, 0)
	if b.in(0x04) != 0x34 || b.in(0x04) != 0x12 || b.in(0x05) != 0x78 || b.in(0x05) != 0x56 {
		t.Error("flip-flop")
	}
	b.in(0x04)
	b.out(0x0c, 0)
	if b.in(0x04) != 0x34 {
		t.Error("the flip-flop is not cleared")
	}
	if got := b.in(0x08); got != 0x40 {
		t.Errorf("status %#x, want the request of channel 2", got)
	}
	b.c.SetDREQ(2, false)
	b.out(0x09, 5) // software requests channel 1, which is masked
	if got := b.in(0x08); got != 0x20 {
		t.Errorf("status %#x, want the request of channel 1", got)
	}
	b.out(0x0d, 0)
	if b.in(0x08) != 0 || b.in(0x0f) != 0xff {
		t.Error("master clear")
	}
	for p := range uint16(16) {
		b.out(0x80+p, uint8(0xa0+p))
	}
	for p := range uint16(16) {
		if got := b.in(0x80 + p); got != uint8(0xa0+p) {
			t.Errorf("page register %#x reads %#x", 0x80+p, got)
		}
	}
}

// A request by software needs no device.
func TestSoftwareRequest(t *testing.T) {
	b := newBench(t)
	b.program(1, 0x84, 1, 0x100, 3)
	b.c.SetDREQ(1, false)
	b.out(0x09, 5)
	if got := string(b.mem[0x100ff:0x10105]); got != "\x00\xff\xff\xff\xff\x00" {
		t.Errorf("memory %q", got)
	}
	if got := b.in(0x08); got != 0x02 {
		t.Errorf("status %#x", got)
	}
}

func TestNoAllocation(t *testing.T) {
	b := newBench(t)
	p := make([]byte, 512)
	for _, mode := range []uint8{0x54, 0x74} {
		b.program(2, mode, 1, 0x8000, 511)
		if n := testing.AllocsPerRun(10, func() { b.c.Write(2, p) }); n != 0 {
			t.Errorf("mode %#x: %v allocations", mode, n)
		}
	}
}

func TestState(t *testing.T) {
	b, o := newBench(t), newBench(t)
	b.program(2, 0x44, 1, 0x1000, 31)
	b.c.Write(2, []byte("0123"))
	if err := o.c.RestoreState(b.c.SaveState()); err != nil {
		t.Fatal(err)
	}
	o.c.Write(2, []byte("4567"))
	if addr, count := o.registers(2); addr != 0x1008 || count != 23 || string(o.mem[0x11004:0x11008]) != "4567" {
		t.Errorf("address %#x, count %d", addr, count)
	}
	if o.c.RestoreState(State{}) == nil {
		t.Error("a wrong version is taken")
	}
}

func FuzzDMA(f *testing.F) {
	f.Add([]byte{1, 11, 0x46, 0, 0, 0, 1, 10, 2, 0, 0, 0, 1, 4, 0xff, 0, 0, 0, 1, 9, 6, 0, 0, 0})
	f.Fuzz(func(t *testing.T, in []byte) {
		b := newBench(t)
		p := make([]byte, 600)
		for ch := range 8 {
			b.c.Attach(ch, func() {
				b.c.Write(ch, p)
				b.c.Read(ch, p)
			})
			b.c.SetDREQ(ch, len(in) > ch && in[ch]&1 != 0)
		}
		var ports []uint16
		for i := range uint16(32) {
			ports = append(ports, i&0xf, 0x80+i&0xf, 0xc0+i)
		}
		devtest.FuzzPorts(in, &devtest.Clock{}, b.ports, ports...)
		if err := b.c.RestoreState(b.c.SaveState()); err != nil {
			t.Error(err)
		}
	})
}
