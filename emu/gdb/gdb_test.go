package gdb

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"goemu/emu/chardev"
	"goemu/emu/inspect"
)

// fake is a machine with two vCPUs and 64 KiB of memory that notes what it is told.
type fake struct {
	log     []string
	regs    [2]inspect.Registers
	mem     [0x10000]byte
	points  map[int]inspect.Breakpoint
	last    int
	steps   int
	status  inspect.Status
	short   bool // the CPU model is one of 32 bits
	ends    bool // it has to be reset first
	notices chan inspect.Notice
}

func newFake() *fake {
	f := &fake{points: map[int]inspect.Breakpoint{}, status: inspect.StatusRunning, notices: make(chan inspect.Notice, 100)}
	for i := range f.regs {
		r := &f.regs[i]
		r.Vectors, r.VectorBytes = 32, 64
		r.Seg[inspect.CS] = inspect.Segment{Selector: 8, Attr: inspect.AttrL | inspect.AttrCode}
		r.EFER = inspect.EFERLMA
		r.RIP = uint64(0x1000 * (i + 1))
		for n := range r.GPR {
			r.GPR[n] = uint64(n+1) * 0x0101010101010101
		}
	}
	return f
}

func (f *fake) note(format string, args ...any) { f.log = append(f.log, fmt.Sprintf(format, args...)) }

func (f *fake) CPUs() int                                    { return len(f.regs) }
func (f *fake) Registers(cpu int) (inspect.Registers, error) { return f.regs[cpu], nil }
func (f *fake) SetRegisters(cpu int, r *inspect.Registers) error {
	if r.CR4>>32 != 0 {
		return errors.New("CR4: no")
	}
	f.regs[cpu] = *r
	return nil
}

func (f *fake) access(a inspect.Address, p []byte, write bool) (int, error) {
	if a.Addr >= uint64(len(f.mem)) {
		return 0, errors.New("not mapped")
	}
	if a.Physical {
		f.note("physical")
	}
	if write {
		return copy(f.mem[a.Addr:], p), nil
	}
	return copy(p, f.mem[a.Addr:]), nil
}
func (f *fake) ReadMemory(_ int, a inspect.Address, p []byte) (int, error) {
	return f.access(a, p, false)
}
func (f *fake) WriteMemory(_ int, a inspect.Address, p []byte) (int, error) {
	return f.access(a, p, true)
}
func (f *fake) AddBreakpoint(b inspect.Breakpoint) (int, error) {
	if b.Addr == 0xbad {
		return 0, errors.New("not there")
	}
	f.last++
	f.points[f.last] = b
	f.note("add %s %#x %d", b.Kind, b.Addr, b.Len)
	return f.last, nil
}
func (f *fake) RemoveBreakpoint(id int) error {
	f.note("remove %d", id)
	delete(f.points, id)
	return nil
}
func (f *fake) Pause() error {
	f.note("pause")
	if f.status == inspect.StatusRunning {
		f.stop(inspect.Notice{Why: inspect.StopPause, Status: inspect.StatusPaused})
	}
	return nil
}
func (f *fake) go_(what string) error {
	if f.ends {
		return errors.New("reset it first")
	}
	f.note("%s", what)
	f.status = inspect.StatusRunning
	f.notices <- inspect.Notice{Kind: inspect.NoticeResumed}
	return nil
}
func (f *fake) Continue() error             { return f.go_("continue") }
func (f *fake) ContinueAlone(cpu int) error { return f.go_(fmt.Sprintf("continue %d", cpu)) }
func (f *fake) Step(cpu int, s inspect.Step) error {
	if f.status == inspect.StatusRunning {
		return errors.New("not stopped")
	}
	err := f.go_(fmt.Sprintf("step %d %v", cpu, s.Interrupts))
	f.regs[cpu].RIP++
	n := inspect.Notice{Why: inspect.StopStep, CPU: cpu, Status: inspect.StatusDebug}
	if f.steps++; f.steps%100 == 0 { // ranges may be long
		n.Why = inspect.StopBreakpoint
	}
	f.stop(n)
	return err
}

// stop stops the machine as it does itself.
func (f *fake) stop(n inspect.Notice) {
	n.Kind = inspect.NoticeStopped
	f.status = n.Status
	f.notices <- n
}
func (f *fake) Status() inspect.Status                     { return f.status }
func (f *fake) Notify(int) (<-chan inspect.Notice, func()) { return f.notices, func() {} }
func (f *fake) Stop(status int)                            { f.note("stop %d", status) }
func (f *fake) LongMode() bool                             { return !f.short }
func (f *fake) Command(line string, w io.Writer)           { fmt.Fprintf(w, "did %s\n", line) }

// wire is a character device that keeps what is said.
type wire struct {
	chardev.Null
	out []byte
}

func (w *wire) Offer(p []byte) int {
	w.out = append(w.out, p...)
	return len(p)
}

// session is a server without its goroutine.
type session struct {
	*Server
	f *fake
	w *wire
}

func newSession() *session {
	f, w := newFake(), &wire{}
	s := &session{&Server{m: f, src: w, notices: f.notices}, f, w}
	s.event(chardev.Opened)
	s.settle()
	f.log = nil
	return s
}

// settle gives the server the notices that wait.
func (s *session) settle() {
	for len(s.f.notices) > 0 {
		n := <-s.f.notices
		s.notice(&n)
	}
}

// say sends packets and gives what comes back, without the frames: "+" for an acknowledgement, then packets.
func (s *session) say(packets ...string) string {
	s.w.out = nil
	for _, p := range packets {
		s.parser.take(frame([]byte(p)), s.Server)
		s.settle()
	}
	return s.answer()
}

func (s *session) answer() string {
	var b strings.Builder
	for out := string(s.w.out); out != ""; {
		if out[0] != begin {
			b.WriteByte(out[0])
			out = out[1:]
			continue
		}
		end := strings.IndexByte(out, finish)
		b.WriteString(out[1:end] + "|")
		out = out[end+3:]
	}
	return strings.TrimSuffix(b.String(), "|")
}

func TestCommands(t *testing.T) {
	for _, c := range []struct{ send, want, log string }{
		{"vMustReplyEmpty", "+", ""},
		{"qCRC:0,1", "+", ""},
		{"vFile:setfs:0", "+", ""},
		{"", "+", ""},
		{"!", "+OK", ""},
		{"?", "+T05thread:01;", ""},
		{"qC", "+QC01", ""},
		{"qSupported:multiprocess+;xmlRegisters=i386", "+PacketSize=4000;qXfer:features:read+;vContSupported+;swbreak+;hwbreak+;QStartNoAckMode+;multiprocess+", ""},
		{"qAttached", "+1", ""}, {"qAttached:1", "+1", ""},
		{"qfThreadInfo", "+m01,02", ""}, {"qsThreadInfo", "+l", ""},
		{"qThreadExtraInfo,2", "+" + hex.EncodeToString([]byte("CPU#1 [running]")), ""},
		{"qThreadExtraInfo,3", "+E22", ""}, {"qThreadExtraInfo,0", "+E22", ""},
		{"T1", "+OK", ""}, {"Tp1.2", "+OK", ""}, {"T3", "+E22", ""}, {"Tp2.1", "+E22", ""}, {"T", "+E22", ""}, {"T-1", "+E22", ""},
		{"Hg2", "+OK", ""}, {"Hc-1", "+OK", ""}, {"Hx1", "+E22", ""}, {"H", "+E22", ""}, {"Hg7", "+E22", ""}, {"Hgp-1.-1", "+OK", ""}, {"Hgp1", "+OK", ""},
		{"p0", "+0101010101010101", ""}, {"p10", "+0010000000000000", ""}, {"p999", "+E22", ""}, {"p", "+E22", ""}, {"p+1", "+E22", ""},
		{"P0=1122334455667788", "+OK", ""}, {"P0=11", "+E22", ""}, {"P999=11", "+E22", ""}, {"Px", "+E22", ""}, {"P0=1g", "+E22", ""},
		{"Gzz", "+E22", ""}, {"G00", "+OK", ""},
		{"M10,2:abcd", "+OK", ""}, {"M10,3:abcd", "+E22", ""}, {"M10000,1:ab", "+E14", ""}, {"M", "+E22", ""}, {"X0,0:", "+OK", ""},
		{"m10000,1", "+E14", ""}, {"mffff,10", "+00", ""}, {"m1", "+E22", ""}, {"m1,ffffffffffffffffff", "+E22", ""}, {"m10,0", "+E14", ""},
		{"Z0,1000,1", "+OK", "add breakpoint 0x1000 1"}, {"Z1,1000,8", "+OK", "add breakpoint 0x1000 1"},
		{"Z2,1000,4", "+OK", "add write watchpoint 0x1000 4"}, {"Z3,1000,1", "+OK", "add read watchpoint 0x1000 1"},
		{"Z4,1004,c", "+OK", "add access watchpoint 0x1004 8;add access watchpoint 0x100c 4"},
		{"Z5,0,1", "+", ""}, {"Z2,0,0", "+E22", ""}, {"Z2,0,10000", "+E22", ""}, {"Z2,ffffffffffffffff,2", "+E22", ""}, {"Z0,bad,1", "+E.not there", ""},
		{"Z0,x,1", "+E22", ""}, {"Z", "+E22", ""}, {"z0,1000,1", "+OK", ""}, {"z9,0,0", "+", ""},
		{"vCont?", "+vCont;c;C;s;S;r", ""},
		{"vCont;x", "+E22", ""}, {"vCont;", "+E22", ""}, {"vCont;c:7", "+E22", ""}, {"vCont;Cxx", "+E22", ""}, {"vCont;r1", "+E22", ""},
		{"c", "+", "continue"}, {"C05", "+", "continue"}, {"vCont;c", "+", "continue"}, {"vCont;C05:-1", "+", "continue"},
		{"vCont;c:2", "+", "continue 1"},
		{"s", "+T05thread:01;", "step 0 false"}, {"S05", "+T05thread:01;", "step 0 false"}, {"vCont;s:2", "+T05thread:02;", "step 1 false"},
		{"vCont;s:1;c", "+T05thread:01;", "step 0 false"},
		{"vCont;r1000,1003:1", "+T05thread:01;", "step 0 false;step 0 false;step 0 false"},
		{"k", "+", "stop 0"}, {"vKill;1", "+OK", "stop 0"}, {"vAttach;1", "+T05thread:01;", "pause"},
		{"D", "+OK", "continue"}, {"D;1", "+OK", "continue"},
		{"qRcmd," + hex.EncodeToString([]byte("info x")), "+O" + hex.EncodeToString([]byte("did info x\n")) + "|OK", ""}, {"qRcmd,zz", "+E22", ""},
		{"qqemu.Supported", "+sstepbits;sstep;PhyMemMode", ""}, {"qqemu.sstepbits", "+ENABLE=1,NOIRQ=2,NOTIMER=4", ""},
		{"qqemu.sstep", "+0x7", ""}, {"Qqemu.sstep=8", "+E22", ""}, {"Qqemu.sstep", "+E22", ""},
		{"qXfer:features:read:target.xml:ffffff,10", "+l", ""}, {"qXfer:features:read:target.xml:x,10", "+E22", ""}, {"qXfer:features:read:other.xml:0,10", "+", ""},
	} {
		s := newSession()
		if got := s.say(c.send); got != c.want || strings.Join(s.f.log, ";") != c.log {
			t.Errorf("%s: %q, want %q; did %q, want %q", c.send, got, c.want, s.f.log, c.log)
		}
	}
}

// dialogue is what is said in turn, and did in between.
func TestDialogues(t *testing.T) {
	hit := func(s *session, id int) {
		b := s.f.points[id]
		why := inspect.StopBreakpoint
		if b.Kind != inspect.BreakExec {
			why = inspect.StopWatchpoint
		}
		s.f.stop(inspect.Notice{Why: why, Breakpoint: id, Address: b.Addr - 2, CPU: 1, Status: inspect.StatusDebug})
		s.w.out = nil
		s.settle()
	}
	expect := func(t *testing.T, what, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	t.Run("stops", func(t *testing.T) {
		s := newSession()
		s.say("qSupported:multiprocess+;swbreak+;hwbreak+", "Z0,2000,1", "Z1,2000,1", "Z2,3000,14", "Z3,3000,4", "Z4,3000,4", "Z0,5000,1")
		for id, want := range []string{
			1: "T05thread:p01.02;swbreak:;", 2: "T05thread:p01.02;hwbreak:;",
			3: "T05thread:p01.02;watch:3000;", 4: "T05thread:p01.02;watch:3006;", 5: "T05thread:p01.02;watch:300e;",
			6: "T05thread:p01.02;rwatch:3000;", 7: "T05thread:p01.02;awatch:3000;",
			8: "T05thread:p01.02;", // RIP is elsewhere
		} {
			if want == "" {
				continue
			}
			expect(t, "continue", s.say("c"), "+")
			hit(s, id)
			expect(t, "stop", s.answer(), want)
		}
		expect(t, "current", s.say("qC"), "+QCp01.02")
		for status, want := range map[inspect.Status]string{
			inspect.StatusPaused: "T02thread:p01.01;", inspect.StatusShutdown: "T03thread:p01.01;", inspect.StatusIOError: "T17thread:p01.01;",
			inspect.StatusGuestPanicked: "T06thread:p01.01;", inspect.StatusSuspended: "T8fthread:p01.01;",
		} {
			s.say("c")
			s.w.out = nil
			s.f.stop(inspect.Notice{Status: status})
			s.settle()
			expect(t, "stop", s.answer(), want)
		}
		s.f.ends, s.f.status = true, inspect.StatusShutdown
		expect(t, "the end", s.say("c"), "+O"+hex.EncodeToString([]byte("reset it first\n"))+"|T03thread:p01.01;")
		s.f.log = nil
		s.event(chardev.Opened)
		expect(t, "attach", s.say("?"), "+T03thread:01;")
		if len(s.f.points) != 0 {
			t.Errorf("breakpoints of before are left: %v", s.f.points)
		}
	})
	t.Run("interrupt", func(t *testing.T) {
		s := newSession()
		s.say("c")
		expect(t, "while it runs", s.say("g", "m0,1", "?"), "+++")
		s.w.out = nil
		s.parser.take([]byte{interrupt}, s.Server)
		s.settle()
		expect(t, "Ctrl-C", s.answer(), "T02thread:01;")
		s.w.out = nil
		s.parser.take([]byte{interrupt}, s.Server)
		s.settle()
		expect(t, "late Ctrl-C", s.answer(), "")
	})
	t.Run("range", func(t *testing.T) {
		s := newSession()
		expect(t, "breakpoint in a range", s.say("Z0,1002,1", "vCont;r1000,1010:1"), "+OK|+T05thread:01;")
		if s.f.regs[0].RIP != 0x1002 {
			t.Errorf("stepped to %#x", s.f.regs[0].RIP)
		}
	})
	t.Run("steps", func(t *testing.T) {
		s := newSession()
		expect(t, "with interrupts", s.say("Qqemu.sstep=1", "qqemu.sstep", "Hc2", "s"), "+OK|+0x1|+OK|+T05thread:02;")
		expect(t, "none", s.say("Qqemu.sstep=0x0", "s"), "+OK|+")
		expect(t, "what it did", strings.Join(s.f.log, ";"), "step 1 true;continue 1")
		s = newSession()
		s.f.status = inspect.StatusRunning // by the monitor
		expect(t, "while it runs", s.say("s"), "+T05thread:01;")
	})
	t.Run("memory", func(t *testing.T) {
		s := newSession()
		expect(t, "what must be escaped", s.say("X20,3:}\x03}\x04$", "m20,3"), "-+000000") // the $ begins another packet
		s = newSession()
		expect(t, "binary", s.say("X20,3:}\x03\x03}\x04", "m20,3"), "+OK|+230324")
		expect(t, "physical", s.say("Qqemu.PhyMemMode:1", "qqemu.PhyMemMode", "m20,1", "Qqemu.PhyMemMode:0", "qqemu.PhyMemMode", "m20,1"), "+OK|+1|+23|+OK|+0|+23")
		expect(t, "what it did", strings.Join(s.f.log, ";"), "physical")
	})
	t.Run("registers", func(t *testing.T) {
		s := newSession()
		all := s.say("g")
		s.say("Hg2", "G"+all[1:])
		if s.f.regs[1] != s.f.regs[0] {
			t.Errorf("G is not what g says: %+v, %+v", s.f.regs[1], s.f.regs[0])
		}
		n := -1
		for i, r := range s.target.regs {
			if r.name == "cr4" {
				n = i
			}
		}
		expect(t, "bad value", s.say(fmt.Sprintf("P%x=ffffffffffffffff", n)), "+E.CR4: no")
		for i := range s.f.regs {
			s.f.regs[i].Seg[inspect.CS].Attr, s.f.regs[i].EFER = 0, 0
		}
		if small := s.say("g"); len(small) != len(all) || !strings.HasPrefix(small, "+0101010100000000") {
			t.Errorf("registers in 16-bit code: %q", small)
		}
		s.say("Pf=1111111111111111")
		if s.f.regs[1].GPR[15] == 0x1111111111111111 {
			t.Error("R15 is written in 16-bit code")
		}
	})
	t.Run("acks", func(t *testing.T) {
		s := newSession()
		s.w.out = nil
		s.parser.take([]byte("$qC#00"), s.Server)
		expect(t, "bad sum", s.answer(), "-")
		s.w.out = nil
		s.parser.take([]byte("-$qC#b4-+"), s.Server)
		expect(t, "NAK", s.answer(), "+QC01|QC01")
		expect(t, "no acks", s.say("QStartNoAckMode", "qC"), "+OK|QC01")
		s.w.out = nil
		s.parser.take([]byte("-$qC#00"), s.Server)
		expect(t, "bad sum", s.answer(), "")
	})
	t.Run("end", func(t *testing.T) {
		s := newSession()
		s.say("c")
		s.w.out = nil
		s.Exit(0x103)
		s.Exit(4)
		expect(t, "while it runs", s.answer(), "W03")
		s = newSession()
		s.w.out = nil
		s.Exit(3)
		expect(t, "while it is stopped", s.answer(), "")
	})
	t.Run("gone", func(t *testing.T) {
		s := newSession()
		s.say("qSupported:multiprocess+", "Z0,1,1", "Z2,2,2", "QStartNoAckMode", "c")
		s.f.log = nil
		s.event(chardev.Closed)
		expect(t, "what it did", strings.Join(s.f.log, ";"), "remove 1;remove 2")
		s.event(chardev.Opened)
		s.settle()
		expect(t, "the next client", s.say("qC"), "+QC01")
		s.say("c")
		s.w.out = nil
		s.event(chardev.Break)
		s.settle()
		expect(t, "break", s.answer(), "T02thread:01;")
	})
}

func TestParser(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"$abc#26", "<abc>"}, {"junk$abc#26more\n", "<abc>"}, {"$#00", "<>"},
		{"$a}\x03b#43", "<a#b>"}, {"$0* #7a", "<0000>"}, {"$x0*\"1#25", "<x0000001>"},
		{"$* #4a", "!"}, {"$a*#8b", "!"}, {"$a}#de", "!"}, {"$abc#27", "!"}, {"$abc#zz", "!"},
		{"$lost$abc#26", "<abc>"}, {"+-\x03", "+-^"}, {"$\x03#03", "<\x03>"},
		{"$" + strings.Repeat("a", maxPacket+1) + "#61$abc#26", "!<abc>"},
	} {
		var x parser
		var got note
		x.take([]byte(c.in), &got)
		if string(got) != c.want {
			t.Errorf("%.40q: %q, want %q", c.in, got, c.want)
		}
	}
}

type note string

func (n *note) packet(p []byte) { *n += note("<" + string(p) + ">") }
func (n *note) broken()         { *n += "!" }
func (n *note) interrupt()      { *n += "^" }
func (n *note) acked(ok bool)   { *n += map[bool]note{true: "+", false: "-"}[ok] }

// What is sent comes back from the parser as it was.
func FuzzParser(f *testing.F) {
	f.Add([]byte("$abc#26+-\x03$x0*\"1#25"))
	f.Fuzz(func(t *testing.T, in []byte) {
		var x parser
		var got note
		x.take(in, &got)
		if len(x.data) > maxPacket {
			t.Fatalf("%d bytes are kept", len(x.data))
		}
		if len(in) < maxPacket/2 {
			x, got = parser{}, ""
			x.take(frame(escaped(nil, in)), &got)
			if string(got) != "<"+string(in)+">" {
				t.Fatalf("%q comes back as %q", in, got)
			}
		}
	})
}

// FuzzSession sends packets, one a line.
func FuzzSession(f *testing.F) {
	f.Add([]byte("qSupported:multiprocess+;swbreak+\nZ0,1000,1\nvCont;c:p1.-1\n\x03\ng\nZ2,10,20\nc"), byte(3))
	f.Add([]byte("m0,100\nX10,2:ab\nP0=1122334455667788\np10\nvCont;r1000,1004:1\nqRcmd,6162\nD"), byte(0))
	f.Add([]byte("qXfer:features:read:target.xml:0,fff\nQqemu.sstep=5\ns\nHgp1.2\nk"), byte(1))
	f.Fuzz(func(t *testing.T, in []byte, how byte) {
		s := newSession()
		s.f.short = how&4 != 0
		lines := strings.Split(string(in), "\n")
		for _, l := range lines[:min(len(lines), 50)] {
			if how&1 != 0 && s.waits() {
				s.f.stop(inspect.Notice{Why: inspect.StopBreakpoint, Breakpoint: s.f.last, CPU: int(how & 1), Status: inspect.StatusDebug})
			}
			s.parser.take(frame([]byte(l)), s.Server)
			s.settle()
			if how&2 != 0 {
				s.parser.take([]byte{interrupt}, s.Server)
				s.settle()
			}
		}
		s.event(chardev.Closed)
		if len(s.f.points) != 0 {
			t.Fatalf("breakpoints are left: %v", s.f.points)
		}
	})
}
