package uart

import (
	"testing"

	"goemu/devices/devtest"
)

// sink takes up to room bytes, all if room is negative.
type sink struct {
	got  []byte
	room int
}

func (s *sink) Send(p []byte) int {
	n := len(p)
	if s.room >= 0 {
		n = min(n, s.room)
		s.room -= n
	}
	s.got = append(s.got, p[:n]...)
	return n
}

type bench struct {
	t     *testing.T
	clock devtest.Clock
	irq   devtest.Line
	sink  sink
	u     *UART
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t}
	b.sink.room = -1
	b.u = New(&b.clock, COM1Base, &b.irq, &b.sink)
	b.out(regMCR, mcrOUT2)
	return b
}

func (b *bench) out(reg int, v uint8) { b.u.Out(COM1Base+uint16(reg), 1, uint32(v)) }
func (b *bench) in(reg int) uint8     { return uint8(b.u.In(COM1Base+uint16(reg), 1)) }

func (b *bench) want(what string, reg int, v uint8) {
	b.t.Helper()
	if got := b.in(reg); got != v {
		b.t.Errorf("%s: register %d is %#x, want %#x", what, reg, got, v)
	}
}

func (b *bench) line(what string, level bool) {
	b.t.Helper()
	if b.irq.Level != level {
		b.t.Errorf("%s: interrupt line is %v", what, b.irq.Level)
	}
}

func TestRegistersAfterReset(t *testing.T) {
	b := newBench(t)
	b.u.Reset()
	for reg, v := range map[int]uint8{regIER: 0, regIIR: 1, regLCR: 0, regMCR: 0, regLSR: 0x60, regMSR: 0xb0} {
		b.want("reset", reg, v)
	}
	b.out(regSCR, 0x5a)
	b.want("scratch", regSCR, 0x5a)
	b.out(regLCR, 0x83)
	b.out(0, 0x0c)
	b.out(1, 0x01)
	b.want("DLL", 0, 0x0c)
	b.want("DLM", 1, 0x01)
	b.out(regLCR, 3)
	b.want("IER behind DLAB", regIER, 0)
	b.out(regIER, 0xff)
	b.want("IER has four bits", regIER, 0x0f)
	b.out(regMCR, 0xff)
	b.want("MCR has five bits", regMCR, 0x1f)
}

func TestTransmit(t *testing.T) {
	b := newBench(t)
	b.out(regData, 'A')
	b.want("sent", regLSR, 0x60)
	b.out(regIER, ierTx)
	b.line("THRE when enabled", true)
	b.want("THRE", regIIR, iirTx)
	b.line("reading IIR clears it", false)
	b.want("none", regIIR, iirNone)
	b.out(regData, 'B')
	b.line("empty again", true)
	b.out(regIER, 0)
	b.out(regIER, ierTx)
	b.line("enabling again", true)
	if string(b.sink.got) != "AB" {
		t.Errorf("sent %q", b.sink.got)
	}
}

func TestTransmitBlocked(t *testing.T) {
	b := newBench(t)
	b.out(regIIR, fcrEnable)
	b.sink.room = 2
	b.out(regIER, ierTx)
	b.in(regIIR)
	for _, c := range []byte("abcdef") {
		b.out(regData, c)
	}
	b.want("characters wait", regLSR, 0)
	b.in(regIIR)
	b.line("no THRE", false)
	b.sink.room = 2
	b.u.TxReady()
	b.want("some wait still", regLSR, 0)
	b.sink.room = -1
	b.u.TxReady()
	b.want("all gone", regLSR, 0x60)
	b.line("THRE", true)
	if string(b.sink.got) != "abcdef" {
		t.Errorf("sent %q", b.sink.got)
	}
	b.sink.room = 0
	for range 20 {
		b.out(regData, 'x')
	}
	b.out(regIIR, fcrEnable|fcrResetTx)
	b.want("FIFO reset", regLSR, 0x60)
}

func TestReceiveWithoutFIFO(t *testing.T) {
	b := newBench(t)
	b.out(regIER, ierRx)
	if n := b.u.Receive([]byte("xy")); n != 1 {
		t.Errorf("took %d characters, want 1", n)
	}
	b.line("data", true)
	b.want("data", regIIR, iirRx)
	b.want("DR", regLSR, 0x61)
	b.want("RBR", regData, 'x')
	b.line("read", false)
	b.want("DR gone", regLSR, 0x60)
}

func TestReceiveFIFO(t *testing.T) {
	for i, level := range triggers {
		b := newBench(t)
		b.out(regIER, ierRx)
		b.out(regIIR, fcrEnable|uint8(i<<6))
		for n := 1; n <= level; n++ {
			b.line("below the trigger level", false)
			b.u.Receive([]byte{byte(n)})
		}
		b.line("at the trigger level", true)
		b.want("at the trigger level", regIIR, iirFIFO|iirRx)
		b.want("first in, first out", regData, 1)
		b.line("below it again", false)
		if free := b.u.RxFree(); free != FIFOSize-level+1 {
			t.Errorf("%d free", free)
		}
	}
}

func TestReceiverTimeout(t *testing.T) {
	b := newBench(t)
	b.out(regLCR, 0x83)
	b.out(0, 12) // 9600 bit/s
	b.out(regLCR, 3)
	b.out(regIER, ierRx)
	b.out(regIIR, fcrEnable|2<<6)
	b.u.Receive([]byte("ab"))
	four := 4 * b.u.charTime()
	if four/1000 != 4166 { // 40 bits
		t.Errorf("four characters take %d ns", four)
	}
	b.clock.Advance(four - 1)
	b.line("early", false)
	b.clock.Advance(1)
	b.line("timeout", true)
	b.want("timeout", regIIR, iirFIFO|iirTimeout)
	b.want("timeout stays", regIIR, iirFIFO|iirTimeout)
	b.in(regData)
	b.line("a read clears it", false)
	b.clock.Advance(four)
	b.line("a character is left: again", true)
	b.in(regData)
	b.clock.Advance(10 * four)
	b.line("nothing left", false)
}

func TestPriorities(t *testing.T) {
	b := newBench(t)
	b.out(regIIR, fcrEnable)
	b.out(regIER, 0xf)
	b.u.SetModem(CTS) // DSR and DCD fall
	b.u.Receive([]byte("a"))
	b.u.Break()
	b.want("break is not at the head yet", regIIR, iirFIFO|iirRx)
	b.in(regData)
	b.want("line status first", regIIR, iirFIFO|iirLine)
	b.want("break", regLSR, 0xe0|lsrData|lsrBreak)
	b.want("then data", regIIR, iirFIFO|iirRx)
	b.want("a break reads as 0", regData, 0)
	b.want("then the transmitter", regIIR, iirFIFO|iirTx)
	b.want("then the modem", regIIR, iirFIFO|iirModem)
	b.want("deltas", regMSR, CTS|0x0a)
	b.want("deltas clear", regMSR, CTS)
	b.want("none", regIIR, iirFIFO|iirNone)
	b.line("none", false)
}

func TestLoopback(t *testing.T) {
	b := newBench(t)
	b.out(regMCR, mcrLoop)
	b.in(regMSR)
	for out, in := range map[uint8]uint8{mcrDTR: DSR, mcrRTS: CTS, mcrOUT1: RI, mcrOUT2: DCD} {
		b.out(regMCR, mcrLoop|out)
		if v := b.in(regMSR); v&0xf0 != in {
			t.Errorf("MCR %#x gives MSR %#x, want %#x", out, v, in)
		}
	}
	b.out(regData, 'x')
	b.want("character comes back", regData, 'x')
	b.out(regData, 'x')
	b.out(regData, 'y')
	b.want("overrun", regLSR, 0x60|lsrData|lsrOverrun)
	b.want("overrun read", regLSR, 0x60|lsrData)
	b.want("the newer one stays", regData, 'y')
	if len(b.sink.got) != 0 || b.u.Receive([]byte("z")) != 0 {
		t.Error("the line is not cut off")
	}
	b.out(regIIR, fcrEnable)
	for i := range FIFOSize + 1 {
		b.out(regData, uint8(i))
	}
	b.want("FIFO overrun", regLSR, 0x60|lsrData|lsrOverrun)
	for i := range FIFOSize {
		b.want("FIFO", regData, uint8(i))
	}
	b.want("empty", regLSR, 0x60)
}

func TestRingTrailingEdge(t *testing.T) {
	b := newBench(t)
	b.in(regMSR)
	b.u.SetModem(CTS | DSR | DCD | RI)
	b.want("rising", regMSR, 0xf0)
	b.u.SetModem(CTS | DSR | DCD)
	b.want("falling", regMSR, 0xb4)
}

func TestOUT2GatesTheLine(t *testing.T) {
	b := newBench(t)
	b.out(regIER, ierTx)
	b.line("OUT2", true)
	b.out(regMCR, 0)
	b.line("no OUT2", false)
}

func TestFlowOfInput(t *testing.T) {
	b := newBench(t)
	b.out(regIIR, fcrEnable)
	in := []byte("The quick brown fox jumps over the lazy dog")
	pump := func() { in = in[b.u.Receive(in):] }
	b.u.RxReady = pump
	pump()
	var got []byte
	for b.in(regLSR)&lsrData != 0 {
		got = append(got, b.in(regData))
	}
	if string(got) != "The quick brown fox jumps over the lazy dog" {
		t.Errorf("received %q", got)
	}
}

func FuzzUART(f *testing.F) {
	f.Add([]byte{1, 2, 0xc1, 0, 0, 0, 1, 4, 0x18, 0, 0, 0, 1, 0, 'x', 0, 0, 0, 0x80, 5, 99})
	f.Fuzz(func(t *testing.T, in []byte) {
		b := newBench(t)
		b.sink.room = len(in) % 40
		b.u.RxReady = func() { b.u.Receive([]byte("input")) }
		b.u.Receive([]byte("x"))
		devtest.FuzzPorts(in, &b.clock, b.u, 0x3f8, 0x3f9, 0x3fa, 0x3fb, 0x3fc, 0x3fd, 0x3fe, 0x3ff)
		if err := b.u.RestoreState(b.u.SaveState()); err != nil {
			t.Error(err)
		}
	})
}
