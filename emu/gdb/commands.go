package gdb

import (
	"bytes"
	"encoding/hex"
	"strconv"
	"strings"

	"goemu/emu/inspect"
)

// Errors that are numbers: memory that is not there, and what makes no sense. gdb knows no more of them. An error with a text is "E." and the text.
const (
	errMemory  = "E14"
	errInvalid = "E22"
	okReply    = "OK"
)

// command is a kind of packet. do gets what is behind its name, and gives the reply; none: a stop reply will come, or nothing.
type command struct {
	name string
	do   func(s *Server, args string) (reply string, now bool)
}

// reply makes a command of a function that has its reply at once.
func reply(do func(s *Server, args string) string) func(*Server, string) (string, bool) {
	return func(s *Server, args string) (string, bool) { return do(s, args), true }
}

// says is a command with always the same reply.
func says(text string) func(*Server, string) (string, bool) {
	return func(*Server, string) (string, bool) { return text, true }
}

// commands are all packets, by the beginning of their text. init fills it, as packets that it names come to it.
var commands []command

func init() {
	commands = []command{
		{"!", says(okReply)}, // extended mode: vAttach may follow
		{"?", reply((*Server).why)},
		{"c", (*Server).oldContinue}, {"C", (*Server).oldContinue}, {"s", (*Server).oldStep}, {"S", (*Server).oldStep},
		{"D", reply((*Server).detach)},
		{"g", reply((*Server).readAll)}, {"G", reply((*Server).writeAll)},
		{"p", reply((*Server).readOne)}, {"P", reply((*Server).writeOne)},
		{"H", reply((*Server).choose)}, {"T", reply((*Server).alive)},
		{"k", (*Server).kill},
		{"m", reply((*Server).readMemory)}, {"M", reply((*Server).writeHex)}, {"X", reply((*Server).writeBinary)},
		{"Z", reply((*Server).insert)}, {"z", reply((*Server).remove)},
		{"vAttach;", reply(func(s *Server, _ string) string {
			s.halt()
			return s.why("")
		})},
		{"vCont?", says("vCont;c;C;s;S;r")}, {"vCont;", (*Server).vCont},
		{"vKill;", reply(func(s *Server, _ string) string {
			s.m.Stop(0)
			return okReply
		})},
		{"qAttached", says("1")},
		{"qC", reply(func(s *Server, _ string) string { return "QC" + s.thread(s.cpu) })},
		{"qRcmd,", (*Server).monitor},
		{"qSupported", reply((*Server).supported)},
		{"qThreadExtraInfo,", reply((*Server).threadInfo)},
		{"qXfer:features:read:target.xml:", reply((*Server).description)},
		{"qfThreadInfo", reply((*Server).threads)}, {"qsThreadInfo", says("l")},
		{"QStartNoAckMode", reply(func(s *Server, _ string) string {
			s.noAck = true
			return okReply
		})},
		// QEMU's own, which gdb's users type as `maintenance packet`.
		{"qqemu.Supported", says("sstepbits;sstep;PhyMemMode")},
		{"qqemu.sstepbits", says("ENABLE=1,NOIRQ=2,NOTIMER=4")},
		{"qqemu.sstep", reply(func(s *Server, _ string) string { return "0x" + strconv.FormatUint(s.sstep, 16) })},
		{"Qqemu.sstep", reply((*Server).setStep)},
		{"qqemu.PhyMemMode", reply(func(s *Server, _ string) string {
			if s.phys {
				return "1"
			}
			return "0"
		})},
		{"Qqemu.PhyMemMode:", reply(func(s *Server, v string) string {
			s.phys = v != "0"
			return okReply
		})},
	}
}

// packet implements taker.
func (s *Server) packet(p []byte) {
	if !s.noAck {
		s.src.Offer([]byte{ack})
	}
	if s.waits() {
		return // nobody but a broken client says anything while the machine runs for it
	}
	text := string(p)
	for i := range commands {
		c := &commands[i]
		args, ok := strings.CutPrefix(text, c.name)
		if !ok || !ends(c.name, args) {
			continue
		}
		if r, now := c.do(s, args); now {
			s.send([]byte(r))
		}
		if s.goes {
			s.leave()
		}
		return
	}
	s.send(nil) // gdb takes that as: there is no such packet
}

// ends tells whether a name is all of that: qC is not the beginning of qCRC. Names of one letter have no sign behind them.
func ends(name, args string) bool {
	last := len(name) - 1
	return last == 0 || args == "" || strings.IndexByte(":;,", name[last]) >= 0 || strings.IndexByte(":;,=", args[0]) >= 0
}

// broken implements taker.
func (s *Server) broken() {
	if !s.noAck {
		s.src.Offer([]byte{nak})
	}
}

// acked implements taker.
func (s *Server) acked(ok bool) {
	if !ok && !s.noAck && s.last != nil {
		s.src.Offer(s.last)
	}
}

// send sends a packet. One for which there is no room is lost, with a client that reads nothing.
func (s *Server) send(p []byte) {
	s.last = frame(p)
	s.src.Offer(s.last)
}

// hexNumber reads a hexadecimal number, which must be all of s.
func hexNumber(s string) (uint64, bool) {
	v, err := strconv.ParseUint(s, 16, 64)
	return v, err == nil && s[0] != '+'
}

// hexPair reads two numbers with a sign between them.
func hexPair(s, sep string) (a, b uint64, ok bool) {
	x, y, ok := strings.Cut(s, sep)
	if !ok {
		return 0, 0, false
	}
	a, ok1 := hexNumber(x)
	b, ok2 := hexNumber(y)
	return a, b, ok1 && ok2
}

// failed is the reply that gives gdb's user an error.
func failed(err error) string { return "E." + err.Error() }

// registers gives the state of the chosen vCPU.
func (s *Server) registers() (inspect.Registers, *target, error) {
	r, err := s.m.Registers(s.cpu)
	if err == nil && s.target == nil {
		s.target = newTarget(&r, s.m.LongMode())
	}
	return r, s.target, err
}

func (s *Server) readAll(string) string {
	r, t, err := s.registers()
	if err != nil {
		return errInvalid
	}
	return hex.EncodeToString(t.read(&r))
}

func (s *Server) writeAll(args string) string {
	p, err := hex.DecodeString(args)
	if err != nil {
		return errInvalid
	}
	r, t, err := s.registers()
	if err != nil {
		return errInvalid
	}
	t.write(&r, p)
	if err := s.m.SetRegisters(s.cpu, &r); err != nil {
		return failed(err)
	}
	return okReply
}

func (s *Server) readOne(args string) string {
	r, t, err := s.registers()
	n, ok := hexNumber(args)
	if err != nil || !ok || n >= uint64(len(t.regs)) {
		return errInvalid
	}
	reg := &t.regs[n]
	p := make([]byte, reg.bits/8)
	reg.get(&r, p)
	return hex.EncodeToString(p)
}

func (s *Server) writeOne(args string) string {
	number, value, _ := strings.Cut(args, "=")
	p, err := hex.DecodeString(value)
	r, t, err2 := s.registers()
	n, ok := hexNumber(number)
	if err != nil || err2 != nil || !ok || n >= uint64(len(t.regs)) || len(p) != t.regs[n].bits/8 {
		return errInvalid
	}
	t.regs[n].set(&r, p)
	if err := s.m.SetRegisters(s.cpu, &r); err != nil {
		return failed(err)
	}
	return okReply
}

func (s *Server) address(a uint64) inspect.Address { return inspect.Address{Addr: a, Physical: s.phys} }

func (s *Server) readMemory(args string) string {
	a, n, ok := hexPair(args, ",")
	if !ok {
		return errInvalid
	}
	p := make([]byte, min(n, maxPacket/2)) // gdb asks for the rest
	// What could not be read is what gdb wants to know.
	k, _ := s.m.ReadMemory(s.cpu, s.address(a), p)
	if k == 0 {
		return errMemory
	}
	return hex.EncodeToString(p[:k])
}

func (s *Server) writeHex(args string) string {
	where, data, _ := strings.Cut(args, ":")
	p, err := hex.DecodeString(data)
	if err != nil {
		return errInvalid
	}
	return s.writeMemory(where, p)
}

func (s *Server) writeBinary(args string) string {
	where, data, _ := strings.Cut(args, ":")
	return s.writeMemory(where, []byte(data))
}

func (s *Server) writeMemory(where string, p []byte) string {
	a, n, ok := hexPair(where, ",")
	if !ok || n != uint64(len(p)) {
		return errInvalid
	}
	if n == 0 {
		return okReply // how gdb asks whether X is there
	}
	if _, err := s.m.WriteMemory(s.cpu, s.address(a), p); err != nil {
		return errMemory
	}
	return okReply
}

// description is a part of the target's description.
func (s *Server) description(args string) string {
	off, n, ok := hexPair(args, ",")
	_, t, err := s.registers()
	if !ok || err != nil {
		return errInvalid
	}
	xml := t.xml[min(off, uint64(len(t.xml))):]
	more := "l"
	if n = min(n, maxPacket/2); n < uint64(len(xml)) {
		xml, more = xml[:n], "m"
	}
	return more + string(escaped(nil, []byte(xml)))
}

// supported tells what the server can, and learns what the client can.
func (s *Server) supported(args string) string {
	for _, f := range strings.Split(strings.TrimPrefix(args, ":"), ";") {
		switch f {
		case "multiprocess+":
			s.multi = true
		case "swbreak+":
			s.swbreak = true
		case "hwbreak+":
			s.hwbreak = true
		}
	}
	return "PacketSize=" + strconv.FormatUint(maxPacket, 16) +
		";qXfer:features:read+;vContSupported+;swbreak+;hwbreak+;QStartNoAckMode+;multiprocess+"
}

// monitor does a line for the machine's monitor.
func (s *Server) monitor(args string) (string, bool) {
	line, err := hex.DecodeString(args)
	if err != nil {
		return errInvalid, true
	}
	var out bytes.Buffer
	s.m.Command(strings.ReplaceAll(string(line), "\n", " "), &out)
	for p := out.Bytes(); len(p) > 0; {
		n := min(len(p), maxPacket/2-1)
		s.send([]byte("O" + hex.EncodeToString(p[:n])))
		p = p[n:]
	}
	return okReply, true
}

// setStep is how steps are to be: bits of sstep.
func (s *Server) setStep(args string) string {
	v, err := strconv.ParseUint(strings.TrimPrefix(strings.TrimLeft(args, "=:"), "0x"), 16, 64)
	if err != nil || v&^sstepAll != 0 {
		return errInvalid
	}
	s.sstep = v
	return okReply
}
