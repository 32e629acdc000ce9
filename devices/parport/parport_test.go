package parport

import (
	"testing"

	"goemu/devices/devtest"
)

type bench struct {
	clock devtest.Clock
	irq   devtest.Line
	p     *Port
	paper []byte
	room  int
}

func (b *bench) Send(p []byte) int {
	n := min(len(p), b.room)
	b.room -= n
	b.paper = append(b.paper, p[:n]...)
	return n
}

func newBench() *bench {
	b := &bench{room: 100}
	b.p = New(&b.clock, LPT1Base, &b.irq, b)
	return b
}

func (b *bench) out(reg uint16, v uint8) { b.p.Out(LPT1Base+reg, 1, uint32(v)) }
func (b *bench) in(reg uint16) uint8     { return uint8(b.p.In(LPT1Base+reg, 1)) }

// print hands over a byte as a driver does.
func (b *bench) print(v uint8) {
	b.out(regData, v)
	c := b.in(regControl)
	b.out(regControl, c|ctlStrobe)
	b.out(regControl, c&^ctlStrobe)
}

func TestRegisters(t *testing.T) {
	b := newBench()
	if b.in(regData) != 0xff || b.in(regStatus) != 0xdf || b.in(regControl) != 0xcc {
		t.Errorf("after reset: %#x %#x %#x", b.in(regData), b.in(regStatus), b.in(regControl))
	}
	b.out(regData, 0x5a)
	b.out(regStatus, 0)
	if b.in(regData) != 0x5a || b.in(regStatus) != 0xdf {
		t.Error("data or status")
	}
	b.out(regControl, 0x2c)
	if b.in(regData) != 0xff || b.in(regControl) != 0xec {
		t.Error("data lines turned round")
	}
}

func TestPrinting(t *testing.T) {
	b := newBench()
	for _, c := range "hello" {
		for b.in(regStatus)&stsReady == 0 {
			b.clock.Advance(1000)
		}
		b.print(uint8(c))
		if b.in(regStatus)&stsReady != 0 {
			t.Error("not busy after the strobe")
		}
		b.print('x') // while busy: lost
	}
	if string(b.paper) != "hello" {
		t.Errorf("printed %q", b.paper)
	}
	if b.irq.Rises != 0 {
		t.Error("interrupts that nobody has enabled")
	}
}

func TestInterrupt(t *testing.T) {
	b := newBench()
	b.out(regControl, ctlInit|ctlSelectIn|ctlIRQ)
	b.print('a')
	b.clock.Advance(byteTime - 1)
	if b.irq.Level {
		t.Error("early")
	}
	b.clock.Advance(1)
	if !b.irq.Level {
		t.Fatal("no interrupt")
	}
	if b.in(regStatus) != 0xdf || b.irq.Level {
		t.Error("reading the status does not end it")
	}
}

// A backend without room keeps the printer busy.
func TestNoRoom(t *testing.T) {
	b := newBench()
	b.room = 0
	b.print('a')
	b.clock.Advance(1_000_000)
	if b.in(regStatus)&stsReady != 0 {
		t.Error("not busy")
	}
	b.room = 5
	o := newBench()
	if err := o.p.RestoreState(b.p.SaveState()); err != nil {
		t.Fatal(err)
	}
	for _, b := range []*bench{b, o} {
		b.p.TxReady()
		b.p.TxReady()
		b.clock.Advance(2_000_000)
		if b.in(regStatus)&stsReady == 0 || string(b.paper) != "a" {
			t.Errorf("status %#x, printed %q", b.in(regStatus), b.paper)
		}
	}
	b.room = 0
	b.print('b')
	b.out(regControl, 0) // nInit
	b.room = 5
	b.p.TxReady()
	if b.in(regStatus)&stsReady == 0 || string(b.paper) != "a" {
		t.Error("a reset of the printer drops its byte")
	}
	if b.p.RestoreState(State{}) == nil {
		t.Error("a wrong version is taken")
	}
}

func FuzzPort(f *testing.F) {
	f.Add([]byte{1, 0, 65, 0, 0, 0, 1, 2, 0x1d, 0, 0, 0, 0xb0, 1, 255})
	f.Fuzz(func(t *testing.T, in []byte) {
		b := newBench()
		devtest.FuzzPorts(in, &b.clock, b.p, 0x378, 0x379, 0x37a)
		b.room = 100
		b.p.TxReady()
		if err := b.p.RestoreState(b.p.SaveState()); err != nil {
			t.Error(err)
		}
	})
}
