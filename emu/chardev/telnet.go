package chardev

// Telnet commands and options (RFC 854, 856, 857, 858).
const (
	telnetSE    = 240
	telnetBreak = 243
	telnetSB    = 250
	telnetWill  = 251
	telnetWont  = 252
	telnetDo    = 253
	telnetDont  = 254
	telnetIAC   = 255

	optBinary  = 0
	optEcho    = 1
	optNoAhead = 3 // suppress go ahead
)

// telnet is the server's side of a Telnet connection: it echoes, in binary, character by character. What the client offers beyond that is refused.
type telnet struct {
	state  telnetState
	verb   byte // of the option to come
	binary bool // the client sends binary
	cr     bool // the last character was CR
}

type telnetState uint8

const (
	telnetData telnetState = iota
	telnetCommand
	telnetOption
	telnetSub    // subnegotiation, which is skipped
	telnetSubIAC // IAC in it
)

func (*telnet) hello() []byte {
	return []byte{
		telnetIAC, telnetWill, optEcho,
		telnetIAC, telnetWill, optNoAhead,
		telnetIAC, telnetWill, optBinary,
		telnetIAC, telnetDo, optBinary,
	}
}

func (*telnet) encode(dst, p []byte) []byte {
	for _, b := range p {
		if b == telnetIAC {
			dst = append(dst, b)
		}
		dst = append(dst, b)
	}
	return dst
}

func (t *telnet) decode(p []byte) (out, reply []byte, breaks int) {
	out = p[:0]
	for _, b := range p {
		switch t.state {
		case telnetData:
			switch {
			case b == telnetIAC:
				t.state = telnetCommand
			case b == 0 && t.cr && !t.binary: // CR NUL is a bare CR
				t.cr = false
			default:
				out = append(out, b)
				t.cr = b == '\r'
			}
		case telnetCommand:
			t.state = telnetData
			switch b {
			case telnetIAC:
				out = append(out, b)
				t.cr = false
			case telnetBreak:
				breaks++
			case telnetSB:
				t.state = telnetSub
			case telnetWill, telnetWont, telnetDo, telnetDont:
				t.state, t.verb = telnetOption, b
			}
		case telnetOption:
			t.state = telnetData
			reply = append(reply, t.answer(b)...)
		case telnetSub:
			if b == telnetIAC {
				t.state = telnetSubIAC
			}
		case telnetSubIAC:
			t.state = telnetSub
			if b == telnetSE {
				t.state = telnetData
			}
		}
	}
	return out, reply, breaks
}

// answer is what an option is answered with. Those of hello are agreed on.
func (t *telnet) answer(option byte) []byte {
	switch t.verb {
	case telnetWill, telnetWont:
		if option == optBinary {
			t.binary = t.verb == telnetWill
			return nil
		}
		if t.verb == telnetWill {
			return []byte{telnetIAC, telnetDont, option}
		}
	case telnetDo:
		if option != optEcho && option != optNoAhead && option != optBinary {
			return []byte{telnetIAC, telnetWont, option}
		}
	}
	return nil
}
