package smbus

import (
	"bytes"
	"strings"
	"testing"

	"goemu/devices"
	"goemu/devices/devtest"
	"goemu/devices/pci"
	"goemu/devices/portmap"
)

// memory is a slave that keeps what is written to it.
type memory struct {
	data [256]byte
	addr uint8
}

func (m *memory) Write(p []byte) bool {
	if len(p) == 0 {
		return true
	}
	m.addr = p[0]
	for _, b := range p[1:] {
		m.data[m.addr] = b
		m.addr++
	}
	return true
}

func (m *memory) Read(p []byte) {
	for i := range p {
		p[i] = m.data[m.addr]
		m.addr++
	}
}

type bench struct {
	t     *testing.T
	clock devtest.Clock
	irq   devtest.Line
	h     *Host
	slave memory
}

const slaveAddr = 0x2c

func newBench(t *testing.T, ich bool) *bench {
	b := &bench{t: t}
	b.h = NewHost(&b.clock, &b.irq, ich)
	b.h.Attach(slaveAddr, &b.slave)
	b.h.AddModules(256 << 20)
	b.h.Reset()
	return b
}

// run does a command as drivers do, and returns the status, which it clears.
func (b *bench) run(proto, addr, cmd uint8) uint8 {
	b.t.Helper()
	b.h.Write(regAddress, addr)
	b.h.Write(regCommand, cmd)
	b.h.Write(regControl, proto|ctlStart|ctlIRQ)
	if b.h.Read(regStatus)&stsBusy == 0 {
		b.t.Error("not busy")
	}
	b.clock.Advance(commandTime)
	if !b.irq.Level {
		b.t.Error("no interrupt")
	}
	s := b.h.Read(regStatus) &^ stsInUse
	b.h.Write(regStatus, s)
	if b.irq.Level {
		b.t.Error("the interrupt stays")
	}
	return s
}

func TestProtocols(t *testing.T) {
	for _, ich := range []bool{false, true} {
		b := newBench(t, ich)
		if ich {
			b.h.Write(regAuxCtl, auxBuffer)
		}
		const w, r = slaveAddr << 1, slaveAddr<<1 | 1
		copy(b.slave.data[:], "\x01\x02\x03\x04")
		for _, c := range []struct {
			name         string
			proto        uint8
			addr, cmd    uint8
			d0, d1       uint8
			want0, want1 uint8
			status       uint8
		}{
			{"quick", protoQuick, w, 0, 0, 0, 0, 0, stsDone},
			{"nobody", protoQuick, 0x10, 0, 0, 0, 0, 0, stsDevErr},
			{"send byte", protoByte, w, 2, 0, 0, 0, 0, stsDone},
			{"receive byte", protoByte, r, 0, 0, 0, 3, 0, stsDone},
			{"next byte", protoByte, r, 0, 0, 0, 4, 0, stsDone},
			{"read byte", protoByteData, r, 1, 0, 9, 2, 9, stsDone},
			{"read word", protoWordData, r, 1, 0, 0, 2, 3, stsDone},
			{"write byte", protoByteData, w, 0x80, 0x55, 0, 0x55, 0, stsDone},
			{"write word", protoWordData, w, 0x81, 0x66, 0x77, 0x66, 0x77, stsDone},
			{"read back", protoWordData, r, 0x80, 0, 0, 0x55, 0x66, stsDone},
			{"block of none", protoBlock, w, 0, 0, 0, 0, 0, stsDevErr},
			{"block of 33", protoBlock, w, 0, 33, 0, 33, 0, stsDevErr},
			{"read block of 0x77", protoBlock, r, 0x82, 0, 0, 0x77, 0, stsDevErr},
		} {
			b.h.Write(regData0, c.d0)
			b.h.Write(regData1, c.d1)
			if s := b.run(c.proto, c.addr, c.cmd); s != c.status || b.h.Read(regData0) != c.want0 || b.h.Read(regData1) != c.want1 {
				t.Errorf("%s: status %#x, data %#x %#x; want %#x, %#x %#x", c.name, s, b.h.Read(regData0), b.h.Read(regData1), c.status, c.want0, c.want1)
			}
		}
		b.h.Read(regControl)
		b.h.Write(regData0, 5)
		for _, c := range []byte("block") {
			b.h.Write(regBlock, c)
		}
		if s := b.run(protoBlock, w, 0x40); s != stsDone || string(b.slave.data[0x40:0x46]) != "\x05block" {
			t.Errorf("block: status %#x, %q", s, b.slave.data[0x40:0x46])
		}
		s := b.run(protoBlock, r, 0x40)
		b.h.Read(regControl)
		var got []byte
		for range b.h.Read(regData0) {
			got = append(got, b.h.Read(regBlock))
		}
		if s != stsDone || string(got) != "block" {
			t.Errorf("block: status %#x, %q", s, got)
		}
		b.h.Write(regData0, 0x11)
		b.h.Write(regData1, 0x22)
		want := uint8(stsDevErr)
		if ich {
			want = stsDone
		}
		if s := b.run(protoCall, r, 0x90); s != want {
			t.Errorf("process call: status %#x, want %#x", s, want)
		}
	}
}

func TestKill(t *testing.T) {
	b := newBench(t, false)
	b.h.Write(regControl, ctlStart)
	b.h.Write(regControl, ctlKill)
	if got := b.h.Read(regStatus); got != stsFailed {
		t.Errorf("status %#x", got)
	}
	b.clock.Advance(1_000_000)
	if got := b.h.Read(regStatus); got != stsFailed {
		t.Errorf("status %#x", got)
	}
}

// On the ICH9 without its buffer each byte of a block waits for software. I2C reads always do.
func TestByteByByte(t *testing.T) {
	const w, r = slaveAddr << 1, slaveAddr<<1 | 1
	b := newBench(t, true)
	step := func() bool {
		b.clock.Advance(commandTime)
		return b.h.Read(regStatus)&stsByteDone != 0
	}
	b.h.Write(regAddress, w)
	b.h.Write(regCommand, 0x20)
	b.h.Write(regData0, 3)
	b.h.Write(regBlock, 'a')
	b.h.Write(regControl, protoBlock|ctlStart)
	for _, c := range []byte("bc ") {
		b.clock.Advance(byteTime)
		if !step() {
			t.Fatal("no BYTE_DONE")
		}
		b.h.Write(regBlock, c)
		b.h.Write(regStatus, stsByteDone)
	}
	if step() || b.h.Read(regStatus)&^stsInUse != stsDone || string(b.slave.data[0x20:0x25]) != "\x03abc\x00" {
		t.Errorf("status %#x, written %q", b.h.Read(regStatus), b.slave.data[0x20:0x25])
	}
	for _, c := range []struct {
		proto, cmd uint8
		want       string
	}{{protoBlock, 0x20, "abc"}, {protoI2CRead, 0, "\x03abc"}} {
		b.h.Write(regStatus, 0xff)
		b.h.Write(regAddress, r)
		b.h.Write(regCommand, c.cmd)
		b.h.Write(regData1, 0x20)
		b.h.Write(regControl, c.proto|ctlStart)
		var got []byte
		for b.clock.Advance(byteTime); step(); {
			got = append(got, b.h.Read(regBlock))
			if len(got) == len(c.want)-1 {
				b.h.Write(regControl, c.proto|ctlLast)
			}
			b.h.Write(regStatus, stsByteDone)
		}
		if string(got) != c.want || b.h.Read(regStatus)&stsDone == 0 {
			t.Errorf("read %q, want %q; status %#x", got, c.want, b.h.Read(regStatus))
		}
	}
}

// What software clears stays clear: a driver that sees an alert would wait for its end for ever.
func TestStatusRegisters(t *testing.T) {
	for _, ich := range []bool{false, true} {
		b := newBench(t, ich)
		for off := range b.h.size() {
			b.h.Write(off, 0xbf)
		}
		b.clock.Advance(1_000_000)
		for _, off := range []uint16{regSlave, regAuxSts, regNotify} {
			if got := b.h.Read(off); got != 0 && (ich || off == regSlave) {
				t.Errorf("register %#x reads %#x", off, got)
			}
		}
	}
}

func TestInUse(t *testing.T) {
	b := newBench(t, true)
	if b.h.Read(regStatus)&stsInUse != 0 || b.h.Read(regStatus)&stsInUse == 0 {
		t.Error("the semaphore is not taken by reading")
	}
	b.h.Write(regStatus, stsInUse)
	if b.h.Read(regStatus)&stsInUse != 0 {
		t.Error("the semaphore is not given back")
	}
}

// capacity is what serial presence detect data say, in bytes, by the organisation of the chips.
func capacity(t *testing.T, e *EEPROM) uint64 {
	p := &e.Data
	ranks, density := uint64(p[5]), p[31]
	base := uint64(4 << 20)
	if p[2] == 8 {
		ranks = uint64(p[5]&7) + 1
	}
	size := ranks << (p[3] + p[4]) * uint64(p[17]) * 8
	// By the density of a rank it must be the same.
	var rank uint64
	for bit := range 8 {
		if density>>bit&1 != 0 {
			rank = base << bit
			if p[2] == 8 {
				rank = [8]uint64{1 << 30, 2 << 30, 4 << 30, 8 << 30, 16 << 30, 128 << 20, 256 << 20, 512 << 20}[bit]
			}
		}
	}
	if ranks*rank != size {
		t.Errorf("density says %d ranks of %d bytes, the organisation %d in all", ranks, rank, size)
	}
	var sum uint8
	for _, b := range p[:63] {
		sum += b
	}
	if sum != p[63] {
		t.Errorf("checksum %#x, want %#x", p[63], sum)
	}
	return size
}

func TestModules(t *testing.T) {
	for mib, want := range map[uint64]struct {
		n    int
		kind byte
		mib  uint64
	}{
		1: {0, 0, 0}, 8: {1, 4, 8}, 100: {2, 4, 96}, 64: {1, 4, 64}, 128: {1, 8, 128}, 384: {2, 8, 384}, 1000: {6, 4, 1000}, 1024: {1, 8, 1024},
		3840: {4, 8, 3840}, 16384: {1, 8, 16384}, 262144: {8, 8, 262144}, 5000: {4, 8, 4992}, 4095: {8, 4, 3840},
	} {
		all := Modules(mib << 20)
		var sum uint64
		for _, e := range all {
			if e.Data[2] != want.kind {
				t.Errorf("%d MiB: memory of type %d, want %d", mib, e.Data[2], want.kind)
			}
			if !strings.HasPrefix(string(e.Data[73:]), "GOEMU ") {
				t.Errorf("part number %q", e.Data[73:91])
			}
			sum += capacity(t, e)
		}
		if len(all) != want.n || sum != want.mib<<20 {
			t.Errorf("%d MiB: %d modules of %d MiB, want %d of %d", mib, len(all), sum>>20, want.n, want.mib)
		}
	}
}

// A driver reads a module's EEPROM a byte at a time, and cannot write it.
func TestEEPROM(t *testing.T) {
	b := newBench(t, false)
	want := Modules(256 << 20)[0].Data
	b.h.Write(regData0, 0x99)
	b.run(protoByteData, 0xa0, 3)
	var got [256]byte
	for i := range got {
		if s := b.run(protoByteData, 0xa1, uint8(i)); s != stsDone {
			t.Fatalf("status %#x", s)
		}
		got[i] = b.h.Read(regData0)
	}
	if !bytes.Equal(got[:], want[:]) {
		t.Errorf("read %x", got)
	}
	if s := b.run(protoQuick, 0xa2, 0); s != stsDevErr {
		t.Errorf("a second module answers: %#x", s)
	}
}

func TestState(t *testing.T) {
	b, o := newBench(t, true), newBench(t, true)
	b.run(protoByte, 0xa0, 9)
	b.h.Write(regAddress, 0xa1)
	b.h.Write(regControl, protoByte|ctlStart)
	if err := o.h.RestoreState(b.h.SaveState()); err != nil {
		t.Fatal(err)
	}
	o.clock.Advance(commandTime)
	o.clock.Advance(commandTime)
	if o.h.Read(regStatus)&stsDone == 0 || o.h.Read(regData0) != 0x30 {
		t.Errorf("status %#x, data %#x", o.h.Read(regStatus), o.h.Read(regData0))
	}
	if o.h.RestoreState(HostState{}) == nil || o.h.RestoreState(HostState{Version: stateVersion, Sent: 99}) == nil {
		t.Error("a bad state is taken")
	}
}

// nowhere takes the claims of BARs.
type nowhere struct{}

func (nowhere) MapMMIO(uint64, uint64, devices.MMIODevice) {}
func (nowhere) MapRAM(uint64, []byte, bool)                {}
func (nowhere) UnmapMMIO(uint64, uint64)                   {}

func newICH9(t *testing.T, clock devices.Clock) (*ICH9, *portmap.Map) {
	c := NewICH9(clock)
	c.Host.AddModules(128 << 20)
	p := portmap.New()
	if err := pci.NewBus(p, nowhere{}).Add(31, 3, c.Function); err != nil {
		t.Fatal(err)
	}
	c.Reset()
	return c, p
}

func TestICH9(t *testing.T) {
	var clock devtest.Clock
	c, p := newICH9(t, &clock)
	c.WriteConfig(0x20, 4, 0x700)
	c.WriteConfig(pci.Command, 2, 3)
	if got := p.In(0x704, 1); got != 0xff {
		t.Errorf("off: %#x", got)
	}
	c.WriteConfig(ich9HostC, 1, 1)
	p.Out(0x704, 2, 0x55a1)
	if got := c.ReadMMIO(4, 4); got != 0x0055a1 {
		t.Errorf("in memory: %#x", got)
	}
	if c.ReadConfig(0x20, 4) != 0x701 || c.ReadConfig(0x10, 4) != 4 || c.ReadConfig(0, 4) != 0x29308086 {
		t.Error("configuration space")
	}
	o, _ := newICH9(t, &clock)
	if err := o.RestoreState(c.SaveState()); err != nil || o.ReadMMIO(4, 2) != 0x55a1 {
		t.Errorf("saved state: %v", err)
	}
	if o.RestoreState(ICH9State{}) == nil {
		t.Error("a wrong version is taken")
	}
}

func TestNoAllocation(t *testing.T) {
	b := newBench(t, false)
	if n := testing.AllocsPerRun(20, func() {
		b.run(protoWordData, 0xa1, 3)
		b.run(protoWordData, slaveAddr<<1, 3)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzSMBus(f *testing.F) {
	f.Add([]byte{1, 4, 0xa1, 0, 0, 0, 0x81, 2, 0x54, 0, 0, 0, 255})
	f.Fuzz(func(t *testing.T, in []byte) {
		var ports []uint16
		for i := range uint16(32) {
			ports = append(ports, 0x700+i)
		}
		var clock devtest.Clock
		c, p := newICH9(t, &clock)
		c.WriteConfig(0x20, 4, 0x700)
		c.WriteConfig(pci.Command, 2, 3)
		c.WriteConfig(ich9HostC, 1, 1)
		c.Host.Attach(slaveAddr, &memory{})
		devtest.FuzzPorts(in, &clock, p, ports...)
		if err := c.RestoreState(c.SaveState()); err != nil {
			t.Error(err)
		}
		b := newBench(t, false)
		for i, v := range in {
			b.h.Write(uint16(i)%SizePIIX4, v)
			b.h.Read(uint16(v) % SizePIIX4)
			b.clock.Advance(int64(v) << 8)
		}
	})
}
