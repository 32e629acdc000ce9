package fdc

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"goemu/devices/block"
	"goemu/devices/devtest"
	"goemu/devices/dma"
)

// disk is a drive whose requests are done at the next call of finish.
type disk struct {
	image    []byte
	out      bool
	readOnly bool
	fail     error
	changed  func()
	queue    []*block.Request
}

func (d *disk) Medium() (block.Medium, bool) {
	return block.Medium{Size: int64(len(d.image)), Sector: 512, Physical: 512, ReadOnly: d.readOnly}, !d.out
}
func (d *disk) Submit(r *block.Request) { d.queue = append(d.queue, r) }
func (d *disk) Removable() bool         { return true }
func (d *disk) OnChange(fn func())      { d.changed = fn }
func (d *disk) Eject()                  {}
func (d *disk) Insert()                 {}
func (d *disk) TrayOpen() bool          { return false }
func (d *disk) Lock(bool)               {}
func (d *disk) OnEjectRequest(func())   {}
func (d *disk) Info() block.Info        { return block.Info{} }

func (d *disk) finish() {
	for len(d.queue) > 0 {
		r := d.queue[0]
		d.queue = d.queue[1:]
		r.Err = d.fail
		switch {
		case d.fail != nil:
		case d.out:
			r.Err = block.ErrNoMedium
		case r.Offset < 0 || r.Offset+int64(len(r.Data)) > int64(len(d.image)):
			r.Err = block.ErrRange
		case r.Op == block.Write:
			copy(d.image[r.Offset:], r.Data)
		default:
			copy(r.Data, d.image[r.Offset:])
		}
		r.Done(r)
	}
}

type bench struct {
	t     *testing.T
	clock devtest.Clock
	irq   devtest.Line
	mem   devtest.Memory
	dma   *dma.Controller
	disks [2]*disk
	c     *Controller
}

// newBench has a disk of 1.44 MB in drive 0, whose sectors have their number in every byte pair, and an empty drive 1.
func newBench(t *testing.T) *bench {
	b := &bench{t: t, mem: make(devtest.Memory, 128<<10)}
	b.disks[0] = &disk{image: pattern(1440 << 10)}
	b.disks[1] = &disk{out: true}
	b.dma = dma.New(b.mem)
	b.dma.Out(0xd6, 1, 0xc0)
	b.dma.Out(0xd4, 1, 0)
	b.c = New(&b.clock, &b.irq, b.dma, [NumDrives]block.Drive{b.disks[0], b.disks[1]})
	b.start()
	return b
}

func pattern(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(i / 512 >> (i & 1 * 8))
	}
	return p
}

func (b *bench) out(reg uint16, v uint8) { b.c.Out(Base+reg, 1, uint32(v)) }
func (b *bench) in(reg uint16) uint8     { return uint8(b.c.In(Base+reg, 1)) }

// start resets the controller, takes the four interrupts, turns drive 0 on and sets 500 kbit/s.
func (b *bench) start() {
	b.t.Helper()
	b.out(regDOR, 0)
	b.out(regDOR, dorRun|dorGate|dorMotor0|dorMotor0<<1)
	b.wait()
	for n := range 4 {
		b.want("after reset", []uint8{0x08}, fmt.Sprintf("%02x 00", 0xc0|n))
	}
	b.out(regDIR, 0)
	b.cmd(0x03, 0xaf, 0x02)
}

// wait lets time pass until the interrupt comes.
func (b *bench) wait() {
	b.t.Helper()
	for range 20000 {
		if b.irq.Level {
			return
		}
		for _, d := range b.disks {
			d.finish()
		}
		b.clock.Advance(10_000)
	}
	b.t.Fatalf("no interrupt; MSR %#x", b.in(regMSR))
}

// cmd writes a command as a driver does: each byte when MSR asks for it.
func (b *bench) cmd(p ...uint8) {
	b.t.Helper()
	for i, v := range p {
		if s := b.in(regMSR); s&(msrRQM|msrDIO) != msrRQM {
			b.t.Fatalf("byte %d of %x: MSR %#x", i, p, s)
		}
		b.out(regFIFO, v)
	}
}

// result reads all bytes of the result.
func (b *bench) result() string {
	var out []string
	for b.in(regMSR)&(msrRQM|msrDIO|msrBusy) == msrRQM|msrDIO|msrBusy && len(out) < 20 {
		out = append(out, fmt.Sprintf("%02x", b.in(regFIFO)))
	}
	return strings.Join(out, " ")
}

func (b *bench) want(what string, cmd []uint8, result string) {
	b.t.Helper()
	b.cmd(cmd...)
	if got := b.result(); got != result {
		b.t.Errorf("%s: %x answers %q, want %q", what, cmd, got, result)
	}
}

// data runs a command with an execution phase.
func (b *bench) data(what string, cmd []uint8, result string) {
	b.t.Helper()
	b.cmd(cmd...)
	if s := b.in(regMSR); s&(msrRQM|msrBusy) != msrBusy {
		b.t.Errorf("%s: MSR %#x in the execution phase", what, s)
	}
	b.wait()
	if got := b.result(); got != result {
		b.t.Errorf("%s: %x answers %q, want %q", what, cmd, got, result)
	}
	if b.irq.Level {
		b.t.Errorf("%s: the interrupt stays", what)
	}
}

// channel programs DMA channel 2 for n bytes at 10000h.
func (b *bench) channel(mode uint8, n int) {
	for _, w := range [...]struct {
		port uint16
		v    int
	}{{0x0a, 6}, {0x0c, 0}, {0x0b, int(mode)}, {0x04, 0}, {0x04, 0}, {0x05, (n - 1) & 0xff}, {0x05, (n - 1) >> 8}, {0x81, 1}, {0x0a, 2}} {
		b.dma.Out(w.port, 1, uint32(w.v))
	}
}

const toMemory, fromMemory = 0x46, 0x4a

// seek moves drive n to a cylinder.
func (b *bench) seek(n, cylinder uint8) {
	b.t.Helper()
	b.cmd(0x0f, n, cylinder)
	b.wait()
	b.want("seek", []uint8{0x08}, fmt.Sprintf("%02x %02x", 0x20|n, cylinder))
}

// sectors is the part of the pattern from a sector on.
func (b *bench) sectors(first, n int) []byte { return b.disks[0].image[first*512 : (first+n)*512] }

func TestReset(t *testing.T) {
	b := newBench(t)
	if b.irq.Level {
		t.Error("the interrupt stays")
	}
	b.want("no interrupt", []uint8{0x08}, "80")
	b.out(regDOR, dorGate)
	if got := b.in(regMSR); got != 0 {
		t.Errorf("MSR %#x while in reset", got)
	}
	b.cmd2ignored()
	b.out(regDOR, dorGate|dorRun)
	if got := b.in(regMSR); got != 0 {
		t.Errorf("MSR %#x right after reset", got)
	}
	b.wait()
	b.want("polled", []uint8{0x08}, "c0 00")
	b.out(regMSR, dsrReset)
	b.wait()
	b.want("polled after DSR reset", []uint8{0x08}, "c0 00")
	b.cmd(0x13, 0, cfgNoPoll|0x20, 0)
	b.want("lock", []uint8{0x94}, "10")
	b.out(regMSR, dsrReset)
	b.clock.Advance(10 * resetTime)
	if b.irq.Level {
		t.Error("polling is off, and LOCK keeps it so: no interrupt is due")
	}
	b.want("nothing", []uint8{0x08}, "80")
}

// cmd2ignored writes to the FIFO while nothing is taken.
func (b *bench) cmd2ignored() {
	for range 20 {
		b.out(regFIFO, 0x08)
	}
}

func TestSimpleCommands(t *testing.T) {
	b := newBench(t)
	for _, c := range []struct {
		name   string
		cmd    []uint8
		result string
	}{
		{"version", []uint8{0x10}, "90"},
		{"part", []uint8{0x18}, "41"},
		{"invalid", []uint8{0x1f}, "80"},
		{"invalid with MT", []uint8{0x90}, "80"},
		{"lock", []uint8{0x94}, "10"},
		{"perpendicular", []uint8{0x12, 0x80 | 0x14 | 1}, ""},
		{"perpendicular keeps", []uint8{0x12, 0x02}, ""},
		{"configure", []uint8{0x13, 0, 0x57, 0x12}, ""},
		{"dump", []uint8{0x0e}, "00 00 00 00 af 02 00 96 57 12"},
		{"unlock", []uint8{0x14}, "00"},
		{"power down", []uint8{0x17, 0x02}, "02"},
		{"option", []uint8{0x33, 0x01}, ""},
		{"save", []uint8{0x2e}, "00 00 00 00 00 00 af 02 00 16 57 12 02 00 00 00"},
		{"restore", []uint8{0x4e, 0, 0, 1, 2, 3, 4, 0xdf, 0x04, 9, 0x80, 0x21, 7, 0, 0, 0, 0}, ""},
		{"dump", []uint8{0x0e}, "01 02 03 04 df 04 09 80 21 07"},
		{"drive specification", []uint8{0x8e, 0x1a, 0x25, 0x80}, "1a 05 00 00"},
		{"without reply", []uint8{0x8e, 0x45, 0xc0}, ""},
		{"nothing", []uint8{0x8e, 0x80}, "1a 05 05 00"},
	} {
		b.want(c.name, c.cmd, c.result)
		if got := b.in(regMSR); got != msrRQM {
			t.Errorf("%s: MSR %#x afterwards", c.name, got)
		}
	}
}

func TestSeeks(t *testing.T) {
	b := newBench(t)
	b.cmd(0x0f, 0, 40)
	if got := b.in(regMSR); got != msrRQM|1 {
		t.Errorf("MSR %#x, want drive 0 busy", got)
	}
	b.cmd(0x0f, 1, 20) // both at a time
	b.clock.Advance(10_000_000)
	if got := b.in(regMSR); got != msrRQM|3 {
		t.Errorf("MSR %#x, want both busy until the interrupt is sensed", got)
	}
	b.want("drive 0", []uint8{0x08}, "20 28")
	if !b.irq.Level {
		t.Error("drive 1 has no interrupt")
	}
	b.want("drive 1", []uint8{0x08}, "21 14")
	b.want("no more", []uint8{0x08}, "80")
	if b.irq.Level || b.in(regMSR) != msrRQM {
		t.Error("something stays")
	}
	b.want("drive status", []uint8{0x04, 0}, "28")
	b.cmd(0x8f, 0, 5) // outwards
	b.wait()
	b.want("relative", []uint8{0x08}, "20 23")
	b.cmd(0xcf, 4, 1)
	b.wait()
	b.want("relative", []uint8{0x08}, "24 24")
	b.cmd(0x07, 0)
	b.wait()
	b.want("recalibrated", []uint8{0x08}, "20 00")
	b.want("at track 0", []uint8{0x04, 4}, "3c")
	b.cmd(0x07, 2)
	b.wait()
	b.want("no such drive", []uint8{0x08}, "72 00")
	b.disks[0].readOnly = true
	b.want("protected", []uint8{0x04, 0}, "78")
}

func TestReadAndWrite(t *testing.T) {
	for _, c := range []struct {
		name   string
		seek   uint8
		mode   uint8
		n      int
		cmd    []uint8
		result string
		first  int // sector in the image; -1: nothing is moved
	}{
		{"one sector", 0, toMemory, 512, []uint8{0xe6, 0, 0, 0, 1, 2, 18, 27, 255}, "00 00 00 00 00 02 02", 0},
		{"last of a side", 0, toMemory, 512, []uint8{0x46, 0, 0, 0, 18, 2, 18, 27, 255}, "00 00 00 01 00 01 02", 17},
		{"MT across sides", 0, toMemory, 2048, []uint8{0xe6, 0, 0, 0, 17, 2, 18, 27, 255}, "04 00 00 00 01 03 02", 16},
		{"MT to the end", 0, toMemory, 36 * 512, []uint8{0xe6, 0, 0, 0, 1, 2, 18, 27, 255}, "04 00 00 01 00 01 02", 0},
		{"MT to the end of side 0", 0, toMemory, 512, []uint8{0xe6, 0, 0, 0, 18, 2, 18, 27, 255}, "04 00 00 00 01 01 02", 17},
		{"half a sector", 0, toMemory, 256, []uint8{0x66, 4, 0, 1, 3, 2, 18, 27, 255}, "04 00 00 00 01 04 02", 20},
		{"cylinder 79", 79, toMemory, 1024, []uint8{0x66, 4, 79, 1, 17, 2, 18, 27, 255}, "04 00 00 50 01 01 02", 2878},
		{"more than the cylinder", 0, toMemory, 1024, []uint8{0x46, 4, 0, 1, 18, 2, 18, 27, 255}, "44 80 00 01 01 01 02", -1},
		{"wrong cylinder", 3, toMemory, 512, []uint8{0x46, 0, 2, 0, 1, 2, 18, 27, 255}, "40 04 10 02 00 01 02", -1},
		{"bad cylinder", 3, toMemory, 512, []uint8{0x46, 0, 0xff, 0, 1, 2, 18, 27, 255}, "40 04 12 ff 00 01 02", -1},
		{"sector 19", 0, toMemory, 1024, []uint8{0x46, 0, 0, 0, 19, 2, 20, 27, 255}, "40 04 00 00 00 13 02", -1},
		{"sector 0", 0, toMemory, 1024, []uint8{0x46, 0, 0, 0, 0, 2, 20, 27, 255}, "40 04 00 00 00 00 02", -1},
		{"1024-byte sectors", 0, toMemory, 1024, []uint8{0x46, 0, 0, 0, 1, 3, 18, 27, 255}, "40 04 00 00 00 01 03", -1},
		{"H is not the head", 0, toMemory, 512, []uint8{0x46, 4, 0, 0, 1, 2, 18, 27, 255}, "44 04 00 00 00 01 02", -1},
		{"single density", 0, toMemory, 512, []uint8{0x06, 0, 0, 0, 1, 2, 18, 27, 255}, "40 01 00 00 00 01 02", -1},
		{"cylinder 80", 80, toMemory, 512, []uint8{0x46, 0, 80, 0, 1, 2, 18, 27, 255}, "40 01 00 50 00 01 02", -1},
		{"no medium", 0, toMemory, 512, []uint8{0x46, 1, 0, 0, 1, 2, 18, 27, 255}, "41 01 00 00 00 01 02", -1},
		{"no drive", 0, toMemory, 512, []uint8{0x46, 2, 0, 0, 1, 2, 18, 27, 255}, "42 01 00 00 00 01 02", -1},
		{"deleted, but normal", 0, toMemory, 1024, []uint8{0x4c, 0, 0, 0, 1, 2, 18, 27, 255}, "00 00 40 00 00 01 02", -1},
		{"deleted, skipped", 0, toMemory, 1024, []uint8{0x6c, 0, 0, 0, 17, 2, 18, 27, 255}, "40 80 40 01 00 01 02", -1},
		{"track", 1, toMemory, 18 * 512, []uint8{0x42, 0, 1, 0, 1, 2, 18, 27, 255}, "00 00 00 01 00 13 02", 36},
		{"track, without R", 1, toMemory, 18 * 512, []uint8{0x42, 0, 1, 0, 9, 2, 18, 27, 255}, "00 04 00 01 00 13 02", 36},
		{"track, less", 1, toMemory, 18 * 512, []uint8{0x42, 0, 1, 0, 1, 2, 9, 27, 255}, "40 80 00 01 00 0a 02", -1},
		{"verify", 0, toMemory, 512, []uint8{0x56, 0, 0, 0, 1, 2, 18, 27, 255}, "00 00 00 01 00 01 02", -1},
		{"verify, counted", 0, toMemory, 512, []uint8{0xd6, 0x80, 0, 0, 17, 2, 18, 27, 4}, "04 00 00 00 01 03 02", -1},
		{"verify, too much", 0, toMemory, 512, []uint8{0x56, 0x80, 0, 0, 17, 2, 18, 27, 4}, "40 80 00 01 00 01 02", -1},
		{"write", 0, fromMemory, 1024, []uint8{0xc5, 0, 0, 0, 18, 2, 18, 27, 255}, "04 00 00 00 01 02 02", 17},
		{"write deleted", 2, fromMemory, 512, []uint8{0x49, 0, 2, 0, 5, 2, 18, 27, 255}, "00 00 00 02 00 06 02", 76},
		{"write to nowhere", 0, fromMemory, 512, []uint8{0x45, 0, 0, 0, 19, 2, 18, 27, 255}, "40 04 00 00 00 13 02", -1},
	} {
		b := newBench(t)
		b.seek(0, c.seek)
		b.channel(c.mode, c.n)
		if c.mode == toMemory {
			b.data(c.name, c.cmd, c.result)
			if c.first >= 0 && !bytes.Equal(b.mem[0x10000:0x10000+c.n], b.disks[0].image[c.first*512:][:c.n]) {
				t.Errorf("%s: wrong data", c.name)
			}
			continue
		}
		for i := range c.n {
			b.mem[0x10000+i] = byte(i>>4 ^ 0xa5)
		}
		before := bytes.Clone(b.disks[0].image)
		b.data(c.name, c.cmd, c.result)
		if c.first >= 0 {
			copy(before[c.first*512:], b.mem[0x10000:0x10000+c.n])
		}
		if !bytes.Equal(before, b.disks[0].image) {
			t.Errorf("%s: the image is wrong", c.name)
		}
	}
}

// A terminal count within a sector that is written fills it with zeros.
func TestShortWrite(t *testing.T) {
	b := newBench(t)
	copy(b.mem[0x10000:], bytes.Repeat([]byte{0x77}, 1024))
	b.channel(fromMemory, 600)
	b.data("write", []uint8{0x45, 0, 0, 0, 3, 2, 18, 27, 255}, "00 00 00 00 00 05 02")
	want := append(bytes.Repeat([]byte{0x77}, 600), make([]byte, 424)...)
	if !bytes.Equal(b.sectors(2, 2), want) {
		t.Error("wrong data")
	}
}

func TestImpliedSeek(t *testing.T) {
	b := newBench(t)
	b.cmd(0x13, 0, cfgImplied|0x20, 0)
	b.channel(toMemory, 512)
	b.data("read", []uint8{0x46, 4, 33, 1, 2, 2, 18, 27, 255}, "04 00 00 21 01 03 02")
	if !bytes.Equal(b.mem[0x10000:0x10200], b.sectors(33*36+18+1, 1)) {
		t.Error("wrong data")
	}
	b.want("no interrupt of a seek", []uint8{0x08}, "80")
}

func TestErrors(t *testing.T) {
	read, write := []uint8{0x46, 0, 0, 0, 1, 2, 18, 27, 255}, []uint8{0x45, 0, 0, 0, 1, 2, 18, 27, 255}
	for _, c := range []struct {
		name   string
		set    func(b *bench)
		cmd    []uint8
		result string
	}{
		{"write protected", func(b *bench) { b.disks[0].readOnly = true }, write, "40 02 00 00 00 01 02"},
		{"format protected", func(b *bench) { b.disks[0].readOnly = true }, []uint8{0x4d, 0, 2, 18, 84, 0xf6}, "40 02 00 00 00 00 02"},
		{"host reads with an error", func(b *bench) { b.disks[0].fail = errors.New("EIO") }, read, "40 20 20 00 00 01 02"},
		{"host writes with an error", func(b *bench) { b.disks[0].fail = errors.New("ENOSPC") }, write, "40 20 20 00 00 01 02"},
		{"taken out", func(b *bench) { b.disks[0].out = true }, read, "40 01 00 00 00 01 02"},
		{"motor off", func(b *bench) { b.out(regDOR, dorRun|dorGate) }, read, "40 01 00 00 00 01 02"},
		{"data rate", func(b *bench) { b.out(regDIR, rate250) }, read, "40 01 00 00 00 01 02"},
		{"too large", func(b *bench) { b.disks[0].image = make([]byte, MaxSize+512) }, read, "40 01 00 00 00 01 02"},
		{"empty image", func(b *bench) { b.disks[0].image = nil }, read, "40 04 00 00 00 01 02"},
		{"ID of what is not there", func(b *bench) { b.disks[0].out = true }, []uint8{0x4a, 0}, "40 01 00 00 00 00 00"},
	} {
		b := newBench(t)
		c.set(b)
		b.channel(toMemory, 512)
		if c.cmd[0] == 0x45 {
			b.channel(fromMemory, 512)
		}
		b.data(c.name, c.cmd, c.result)
	}
}

func TestReadID(t *testing.T) {
	b := newBench(t)
	b.seek(0, 7)
	seen := map[string]bool{}
	for range 400 {
		b.cmd(0x4a, 4)
		b.wait()
		id := b.result()
		if !strings.HasPrefix(id, "04 00 00 07 01 ") || !strings.HasSuffix(id, " 02") {
			t.Fatalf("ID %s", id)
		}
		seen[id] = true
		b.clock.Advance(30_000)
	}
	if len(seen) != 18 {
		t.Errorf("%d sectors came by, want 18", len(seen))
	}
}

func TestFormat(t *testing.T) {
	b := newBench(t)
	b.seek(0, 5)
	for i := range 18 {
		copy(b.mem[0x10000+4*i:], []byte{5, 1, byte(i + 1), 2})
	}
	want := bytes.Clone(b.disks[0].image)
	copy(want[(5*36+18)*512:], bytes.Repeat([]byte{0xf6}, 18*512))
	b.channel(fromMemory, 18*4)
	b.data("format", []uint8{0x4d, 4, 2, 18, 84, 0xf6}, "04 00 00 05 01 12 02")
	if !bytes.Equal(b.disks[0].image, want) {
		t.Error("the image is wrong")
	}
	copy(b.mem[0x10000:], []byte{5, 1, 19, 2})
	b.channel(fromMemory, 4)
	b.data("another layout", []uint8{0x4d, 4, 2, 1, 84, 0xf6}, "44 04 00 05 01 13 02")
}

func TestScan(t *testing.T) {
	for _, c := range []struct {
		name   string
		code   uint8
		host   [3]byte // what the host has in each sector
		result string
	}{
		{"equal", 0x51, [3]byte{9, 20, 9}, "00 00 08 00 00 02 02"},
		{"equal, none", 0x51, [3]byte{9, 9, 9}, "00 00 04 01 00 01 02"},
		{"anything", 0x51, [3]byte{0xff, 9, 9}, "00 00 08 00 00 01 02"},
		{"low", 0x59, [3]byte{9, 9, 40}, "00 00 00 00 00 03 02"},
		{"low or equal", 0x59, [3]byte{9, 20, 9}, "00 00 08 00 00 02 02"},
		{"high", 0x5d, [3]byte{11, 5, 9}, "00 00 00 00 00 02 02"},
	} {
		b := newBench(t)
		for i := range 3 { // sectors have 10, 20, 30
			copy(b.disks[0].image[512*i:], bytes.Repeat([]byte{byte(10*i + 10)}, 512))
			copy(b.mem[0x10000+512*i:], bytes.Repeat([]byte{c.host[i]}, 512))
		}
		b.channel(fromMemory, 3*512)
		b.data(c.name, []uint8{c.code, 0, 0, 0, 1, 2, 3, 27, 1}, c.result)
	}
}

// Without DMA each byte goes through the FIFO, and nothing tells the controller to stop but the end of the cylinder.
func TestPIO(t *testing.T) {
	for _, config := range []uint8{cfgNoFIFO, 0x00, 0x07} {
		b := newBench(t)
		b.cmd(0x03, 0xaf, 0x03)
		b.cmd(0x13, 0, config, 0)
		b.irq.Edges()
		b.cmd(0x46, 0, 0, 0, 17, 2, 18, 27, 255)
		var got []byte
		for range 2 {
			b.wait()
			for b.in(regMSR) == msrRQM|msrDIO|msrNDM|msrBusy {
				got = append(got, b.in(regFIFO))
			}
		}
		b.wait()
		edges := map[uint8]int{cfgNoFIFO: 1024 + 1, 0: 1024/16 + 1, 7: 2*57 + 1}[config]
		if n := b.irq.Edges(); n != edges {
			t.Errorf("configuration %#x: %d interrupts, want %d", config, n, edges)
		}
		if r := b.result(); r != "40 80 00 01 00 01 02" || !bytes.Equal(got, b.sectors(16, 2)) {
			t.Errorf("read %d bytes; result %s", len(got), r)
		}
		b.cmd(0x45, 0, 0, 0, 2, 2, 2, 27, 255)
		b.wait()
		n := 0
		for b.in(regMSR) == msrRQM|msrNDM|msrBusy {
			b.out(regFIFO, 0x5a)
			n++
		}
		b.wait()
		if r := b.result(); r != "40 80 00 01 00 01 02" || n != 512 || !bytes.Equal(b.sectors(1, 1), bytes.Repeat([]byte{0x5a}, 512)) {
			t.Errorf("wrote %d bytes; result %s", n, r)
		}
	}
}

// A masked channel holds the transfer up; DMAGATE# holds interrupt and request.
func TestHeldUp(t *testing.T) {
	b := newBench(t)
	b.cmd(0x46, 0, 0, 0, 1, 2, 18, 27, 255)
	b.clock.Advance(sectorTime)
	b.disks[0].finish()
	b.clock.Advance(100_000_000)
	if b.irq.Level || b.in(regMSR) != msrBusy {
		t.Errorf("MSR %#x without a channel", b.in(regMSR))
	}
	b.out(regDOR, dorRun|dorMotor0)
	b.channel(toMemory, 512)
	b.clock.Advance(1_000_000)
	if b.irq.Level || b.in(regMSR) != msrBusy {
		t.Errorf("MSR %#x with the gate closed", b.in(regMSR))
	}
	b.out(regDOR, dorRun|dorGate|dorMotor0)
	b.wait()
	if r := b.result(); r != "00 00 00 00 00 02 02" {
		t.Errorf("result %s", r)
	}
}

func TestChangeLine(t *testing.T) {
	b := newBench(t)
	line := func(what string, want uint8) {
		t.Helper()
		if got := b.in(regDIR); got != want {
			t.Errorf("%s: DIR %#x, want %#x", what, got, want)
		}
	}
	line("after power-on", 0x80)
	b.seek(0, 1)
	line("after a step", 0)
	b.disks[0].out = true
	b.disks[0].changed()
	line("taken out", 0x80)
	b.seek(0, 0)
	line("a step without a medium", 0x80)
	b.disks[0].out = false
	b.disks[0].changed()
	line("put in", 0x80)
	b.seek(0, 0)
	line("no step", 0x80)
	b.out(regDOR, dorRun|dorGate)
	line("motor off", 0)
	b.out(regDOR, dorRun|dorGate|dorMotor0)
	b.seek(0, 1)
	line("a step", 0)
	b.out(regDOR, dorRun|dorGate|dorMotor0<<1|1)
	line("the empty drive", 0x80)
}

func TestGeometry(t *testing.T) {
	for _, c := range []struct {
		kb   int64
		want Geometry
	}{
		{160, Geometry{40, 1, 8, Type360, rate250}},
		{180, Geometry{40, 1, 9, Type360, rate250}},
		{320, Geometry{40, 2, 8, Type360, rate250}},
		{360, Geometry{40, 2, 9, Type360, rate250}},
		{720, Geometry{80, 2, 9, Type1440, rate250}},
		{1200, Geometry{80, 2, 15, Type1200, rate500}},
		{1440, Geometry{80, 2, 18, Type1440, rate500}},
		{1680, Geometry{80, 2, 21, Type1440, rate500}},
		{2880, Geometry{80, 2, 36, Type2880, rate1000}},
		{1, Geometry{80, 2, 18, Type1440, rate500}},
		{2000, Geometry{80, 2, 36, Type2880, rate1000}},
	} {
		if g, err := GeometryOf(c.kb << 10); g != c.want || err != nil {
			t.Errorf("%d KB: %v, %v; want %v", c.kb, g, err, c.want)
		}
	}
	if _, err := GeometryOf(MaxSize + 512); err == nil || !strings.Contains(err.Error(), "3277312") {
		t.Errorf("too large: %v", err)
	}
	// Every format is read to its last sector, at its rate.
	for _, g := range formats {
		b := newBench(t)
		b.disks[0].image = pattern(int(g.Size()))
		b.out(regDIR, g.rate)
		last := g.Cylinders - 1
		b.seek(0, last)
		b.channel(toMemory, 512)
		b.data(fmt.Sprint(g), []uint8{0x46, (g.Heads - 1) << 2, last, g.Heads - 1, g.Sectors, 2, g.Sectors, 27, 255},
			fmt.Sprintf("%02x 00 00 %02x %02x 01 02", (g.Heads-1)<<2, last+1, g.Heads-1))
		if !bytes.Equal(b.mem[0x10000:0x10200], b.disks[0].image[len(b.disks[0].image)-512:]) {
			t.Errorf("%v: wrong data", g)
		}
	}
}

// A reset amid a transfer drops it, and the next one waits for the drive.
func TestResetWhileReading(t *testing.T) {
	b := newBench(t)
	b.channel(toMemory, 512)
	b.cmd(0x46, 0, 0, 0, 1, 2, 18, 27, 255)
	b.clock.Advance(sectorTime) // the request is the drive's
	if len(b.disks[0].queue) != 1 {
		t.Fatal("nothing submitted")
	}
	slow := b.disks[0].queue
	b.disks[0].queue = nil
	b.start()
	b.channel(toMemory, 512)
	b.cmd(0x46, 0, 0, 0, 9, 2, 18, 27, 255)
	b.clock.Advance(10 * sectorTime)
	if len(b.disks[0].queue) != 0 {
		t.Error("the request is submitted twice")
	}
	b.disks[0].queue = slow
	b.wait()
	if r := b.result(); r != "00 00 00 00 00 0a 02" || !bytes.Equal(b.mem[0x10000:0x10200], b.sectors(8, 1)) {
		t.Errorf("result %s", r)
	}
}

// A state that is saved at any moment of a transfer goes on in another machine.
func TestState(t *testing.T) {
	for at := int64(0); at < 6*sectorTime; at += sectorTime / 4 {
		b, o := newBench(t), newBench(t)
		b.seek(0, 1)
		b.channel(toMemory, 1024)
		b.cmd(0x46, 0, 1, 0, 1, 2, 18, 27, 255)
		for b.clock.Now() < at {
			b.disks[0].finish()
			b.clock.Advance(sectorTime / 4)
		}
		if b.in(regMSR)&msrDIO != 0 {
			break
		}
		copy(o.mem, b.mem)
		o.clock.Advance(b.clock.Now() - o.clock.Now())
		if err := o.dma.RestoreState(b.dma.SaveState()); err != nil {
			t.Fatal(err)
		}
		if err := o.c.RestoreState(b.c.SaveState()); err != nil {
			t.Fatal(err)
		}
		o.wait()
		if r := o.result(); r != "00 00 00 01 00 03 02" || !bytes.Equal(o.mem[0x10000:0x10400], o.sectors(36, 2)) {
			t.Errorf("saved after %d ns: result %s", at, r)
		}
	}
	b := newBench(t)
	for i, s := range []State{{}, {Version: stateVersion, Len: 40}, {Version: stateVersion, Op: Operation{Len: 1, Pos: 2}},
		{Version: stateVersion, Op: Operation{Drive: 4}}} {
		if b.c.RestoreState(s) == nil {
			t.Errorf("bad state %d is taken", i)
		}
	}
}

func TestNoAllocation(t *testing.T) {
	b := newBench(t)
	if n := testing.AllocsPerRun(20, func() {
		b.channel(toMemory, 9216)
		for _, v := range [...]uint8{0x46, 0, 0, 0, 1, 2, 18, 27, 255} {
			b.out(regFIFO, v)
		}
		b.disks[0].queue = b.disks[0].queue[:0:cap(b.disks[0].queue)]
		for !b.irq.Level {
			if q := b.disks[0].queue; len(q) > 0 {
				b.disks[0].queue = q[:0]
				q[0].Done(q[0])
			}
			b.clock.Advance(sectorTime)
		}
		for b.in(regMSR)&msrDIO != 0 {
			b.in(regFIFO)
		}
	}); n != 0 {
		t.Errorf("%v allocations in a transfer", n)
	}
}

func FuzzFDC(f *testing.F) {
	f.Add([]byte{1, 2, 0x1c, 0, 0, 0, 0xb0, 2, 255, 1, 5, 0x46, 0, 0, 0, 1, 5, 0, 0, 0, 0, 0, 4, 0, 5})
	f.Add([]byte{0x46, 0, 0, 0, 1, 2, 18, 27, 255, 0x4d, 0, 2, 18, 84, 1})
	f.Fuzz(func(t *testing.T, in []byte) {
		b := newBench(t)
		b.disks[0].image = b.disks[0].image[:20<<9]
		b.disks[1].out = false
		b.disks[1].image = b.disks[0].image[:0]
		b.channel(toMemory, 0x10000)
		for i, v := range in { // bytes of commands, then any register
			if i%16 == 15 {
				b.clock.Advance(int64(v) << 14)
				b.disks[0].finish()
			}
			b.out(regFIFO, v)
			if v&3 == 3 {
				b.in(regFIFO)
			}
		}
		devtest.FuzzPorts(in, &b.clock, b.c, 0x3f2, 0x3f3, 0x3f4, 0x3f5, 0x3f5, 0x3f5, 0x3f7)
		for _, d := range b.disks {
			d.finish()
		}
		b.clock.Advance(1_000_000_000)
		if err := b.c.RestoreState(b.c.SaveState()); err != nil {
			t.Error(err)
		}
	})
}
