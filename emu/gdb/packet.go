package gdb

import "fmt"

// maxPacket bounds packets, in bytes between $ and #: PacketSize of qSupported. All registers fit.
const maxPacket = 0x4000

// Bytes that mean something between packets and in them (GDB's manual, E.1).
const (
	ack       = '+'
	nak       = '-'
	begin     = '$'
	finish    = '#'
	escape    = '}'
	repeat    = '*'
	escapeBit = 0x20
	interrupt = 3
)

// parser cuts what a client sends into packets.
type parser struct {
	state  parserState
	data   []byte
	sum    byte
	digits [2]byte // of the checksum
	long   bool    // more than maxPacket
	bad    bool    // repeats what is not there
}

type parserState uint8

const (
	between parserState = iota
	inData
	inEscape
	inRepeat
	inSum1
	inSum2
)

// taker gets what a parser finds.
type taker interface {
	packet(p []byte) // p is valid until it returns
	broken()         // a packet with a wrong checksum, or too long
	acked(ok bool)
	interrupt()
}

// take reads p.
func (x *parser) take(p []byte, t taker) {
	for _, b := range p {
		x.byte(b, t)
	}
}

func (x *parser) byte(b byte, t taker) {
	switch x.state {
	case between:
		switch b {
		case begin:
			x.begin()
		case ack, nak:
			t.acked(b == ack)
		case interrupt:
			t.interrupt()
		}
	case inSum1:
		x.digits[0], x.state = b, inSum2
	case inSum2:
		x.digits[1], x.state = b, between
		hi, ok1 := nibble(x.digits[0])
		lo, ok2 := nibble(b)
		if !ok1 || !ok2 || hi<<4|lo != x.sum || x.long || x.bad {
			t.broken()
			return
		}
		t.packet(x.data)
	default:
		if b == finish {
			x.bad = x.bad || x.state != inData
			x.state = inSum1
			return
		}
		if b == begin && x.state != inRepeat { // never a datum: the end of the one before is lost
			x.begin()
			return
		}
		x.sum += b
		x.datum(b)
	}
}

func (x *parser) begin() { *x = parser{state: inData, data: x.data[:0]} }

// datum takes a byte between $ and #.
func (x *parser) datum(b byte) {
	switch {
	case x.state == inEscape:
		x.state = inData
		x.add(b^escapeBit, 1)
	case x.state == inRepeat:
		x.state = inData
		// The count is a printable character: 29 more than there are to be.
		if n := int(b) - 29; n > 0 && b < 127 && len(x.data) > 0 {
			x.add(x.data[len(x.data)-1], n)
		} else {
			x.bad = true
		}
	case b == escape:
		x.state = inEscape
	case b == repeat:
		x.state = inRepeat
	default:
		x.add(b, 1)
	}
}

func (x *parser) add(b byte, n int) {
	if len(x.data)+n > maxPacket {
		x.long = true
		return
	}
	for range n {
		x.data = append(x.data, b)
	}
}

// frame makes a packet of p, which holds text or hexadecimal digits.
func frame(p []byte) []byte {
	sum := byte(0)
	for _, b := range p {
		sum += b
	}
	out := make([]byte, 0, len(p)+4)
	out = append(append(out, begin), p...)
	return appendf(out, "#%02x", sum)
}

// escaped appends p as binary data to dst.
func escaped(dst, p []byte) []byte {
	for _, b := range p {
		switch b {
		case begin, finish, escape, repeat:
			dst = append(dst, escape, b^escapeBit)
		default:
			dst = append(dst, b)
		}
	}
	return dst
}

func appendf(dst []byte, format string, args ...any) []byte { return fmt.Appendf(dst, format, args...) }

func nibble(b byte) (byte, bool) {
	switch {
	case b >= '0' && b <= '9':
		return b - '0', true
	case b >= 'a' && b <= 'f':
		return b - 'a' + 10, true
	case b >= 'A' && b <= 'F':
		return b - 'A' + 10, true
	}
	return 0, false
}
