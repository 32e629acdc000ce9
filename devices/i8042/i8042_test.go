package i8042

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"goemu/devices/devtest"
)

type bench struct {
	t      *testing.T
	clock  devtest.Clock
	irq1   devtest.Line
	irq12  devtest.Line
	c      *Controller
	resets int
	a20    []bool
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t}
	b.c = New(&b.clock, &b.irq1, &b.irq12)
	b.c.OnReset = func() { b.resets++ }
	b.c.OnA20 = func(on bool) { b.a20 = append(b.a20, on) }
	return b
}

func (b *bench) in(port uint16) uint8     { return uint8(b.c.In(port, 1)) }
func (b *bench) out(port uint16, v uint8) { b.c.Out(port, 1, uint32(v)) }

// drain reads everything from port 60h; bytes of the mouse have a leading m.
func (b *bench) drain() string {
	var out []string
	for n := 0; n < 100; n++ {
		s := b.in(CommandPort)
		if s&stsOBF == 0 {
			break
		}
		v := fmt.Sprintf("%02x", b.in(DataPort))
		if s&stsAux != 0 {
			v = "m" + v
		}
		out = append(out, v)
	}
	return strings.Join(out, " ")
}

// run sends a script: c60 writes port 64h, d45 port 60h, m.. a byte to the mouse.
func (b *bench) run(script string) {
	for _, w := range strings.Fields(script) {
		v, err := strconv.ParseUint(w[1:], 16, 8)
		if err != nil {
			b.t.Fatalf("step %q: %v", w, err)
		}
		switch w[0] {
		case 'c':
			b.out(CommandPort, uint8(v))
		case 'd':
			b.out(DataPort, uint8(v))
		case 'm':
			b.out(CommandPort, cmdToAux)
			b.out(DataPort, uint8(v))
		}
	}
}

func TestCommands(t *testing.T) {
	for _, c := range []struct{ name, script, want string }{
		{"self test", "caa", "55"},
		{"interface tests", "cab ca9", "00 00"},
		{"command byte", "c60 d47 c20", "47"},
		{"RAM", "c65 d5a c25", "5a"},
		{"disable and enable", "c60 d00 cad ca7 c20 cae ca8 c20", "30 00"},
		{"output port", "cd0", "c3"},
		{"input port", "cc0", "80"},
		{"test inputs", "ce0", "00"},
		{"no password", "ca4", "f1"},
		{"fake bytes", "cd2 d12 cd3 d34", "12 m34"},
		{"unknown", "cb0", ""},
		{"keyboard ID", "df2", "fa ab 83"},
		{"keyboard ID, translated", "c60 d40 df2", "fa ab 41"},
		{"echo", "dee", "ee"},
		{"lamps", "ded d07", "fa fa"},
		{"resend", "dee", "ee"},
		{"keyboard reset", "dff", "fa aa"},
		{"rate", "df3 d00", "fa fa"},
		{"scan code set", "df0 d00", "fa fa 02"},
		{"scan code set 3", "df0 d03 df0 d00", "fa fa fa fa 03"},
		{"scan code set 9", "df0 d09", "fa fe"},
		{"unknown keyboard command", "def", "fe"},
		{"writing enables the keyboard", "cad dee c20", "ee 03"},
		{"mouse ID", "mf2", "mfa m00"},
		{"mouse reset", "mff", "mfa maa m00"},
		{"mouse status", "me8 m03 mf3 m28 me9", "mfa mfa mfa mfa mfa m00 m03 m28"},
		{"wheel", "mf3 mc8 mf3 m64 mf3 m50 mf2", "mfa mfa mfa mfa mfa mfa mfa m03"},
		{"mouse wrap", "mee m12 mec mf2", "mfa m12 mfa mfa m00"},
		{"unknown mouse command", "m01", "mfe"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			// Read after each byte, as drivers do, but keep the order.
			var got []string
			for _, w := range strings.Fields(c.script) {
				b.run(w)
				if s := b.drain(); s != "" {
					got = append(got, s)
				}
			}
			if s := strings.Join(got, " "); s != c.want {
				t.Errorf("got %q, want %q", s, c.want)
			}
		})
	}
}

func TestDisabledInterfaceHoldsBytes(t *testing.T) {
	b := newBench(t)
	b.run("df2 cad")
	if got := b.drain(); got != "fa" {
		t.Errorf("got %q, want the byte that was in the buffer", got)
	}
	b.run("cae")
	if got := b.drain(); got != "ab 83" {
		t.Errorf("got %q after enabling", got)
	}
}

func TestScanCodes(t *testing.T) {
	for _, c := range []struct {
		key      Key
		set      string // 1, 2, 3 or t: 2 translated
		down, up string
		name     string
	}{
		{0x1e, "t", "1e", "9e", "A"},
		{0x1e, "1", "1e", "9e", "A"},
		{0x1e, "2", "1c", "f0 1c", "A"},
		{0x1e, "3", "1c", "", "A"},
		{0x2a, "3", "12", "f0 12", "Shift"},
		{0x41, "2", "83", "f0 83", "F7"},
		{0x41, "t", "41", "c1", "F7"},
		{0x9d, "t", "e0 1d", "e0 9d", "right Ctrl"},
		{0x9d, "2", "e0 14", "e0 f0 14", "right Ctrl"},
		{0xc8, "1", "e0 48", "e0 c8", "Up"},
		{0xc8, "3", "63", "", "Up"},
		{KeyPause, "t", "e1 1d 45 e1 9d c5", "", "Pause"},
		{KeyPause, "2", "e1 14 77 e1 f0 14 f0 77", "", "Pause"},
		{KeyPrint, "t", "e0 2a e0 37", "e0 b7 e0 aa", "Print"},
		{KeyPrint, "3", "57", "", "Print"},
		{0x70, "2", "13", "f0 13", "Katakana"},
	} {
		b := newBench(t)
		switch c.set {
		case "t":
			b.run("c60 d40")
		default:
			b.run("df0 d0" + c.set)
		}
		b.drain()
		b.c.Keyboard.Key(c.key, true)
		if got := b.drain(); got != c.down {
			t.Errorf("%s, set %s: make %q, want %q", c.name, c.set, got, c.down)
		}
		b.c.Keyboard.Key(c.key, true)
		b.c.Keyboard.Key(c.key, false)
		if got := b.drain(); got != c.up {
			t.Errorf("%s, set %s: break %q, want %q", c.name, c.set, got, c.up)
		}
	}
}

// TestTranslationIsOneToOne: what set 1 and translated set 2 send must agree for every key.
func TestTranslationIsOneToOne(t *testing.T) {
	one, two := newBench(t), newBench(t)
	one.run("df0 d01")
	two.run("c60 d40")
	one.drain()
	two.drain()
	for k := 1; k < 256; k++ {
		key := Key(k)
		if set2[k&0x7f] == 0 || k&0x7f == 0 {
			continue
		}
		for _, down := range []bool{true, false} {
			one.c.Keyboard.Key(key, down)
			two.c.Keyboard.Key(key, down)
			if a, b := one.drain(), two.drain(); a != b {
				t.Errorf("key %#x down %v: set 1 %q, translated %q", k, down, a, b)
			}
		}
	}
}

func TestTypematic(t *testing.T) {
	b := newBench(t)
	b.run("c60 d40")
	k := b.c.Keyboard
	k.Key(0x1e, true)
	b.drain()
	b.clock.Advance(499_000_000)
	if got := b.drain(); got != "" {
		t.Errorf("repeats after less than 500 ms: %q", got)
	}
	b.clock.Advance(1_100_000)
	if got := b.drain(); got != "1e" {
		t.Errorf("after 500 ms: %q", got)
	}
	n := 0
	for range 1000 {
		b.clock.Advance(1_000_000)
		n += len(strings.Fields(b.drain()))
	}
	if n != 10 { // 10.9 a second
		t.Errorf("%d repeats in a second", n)
	}
	k.Key(0x1f, true)
	b.drain()
	k.Key(0x1e, false)
	b.drain()
	b.clock.Advance(510_000_000)
	if got := b.drain(); got != "1f" {
		t.Errorf("the newer key does not repeat: %q", got)
	}
	k.Key(0x1f, false)
	b.drain()
	b.clock.Advance(2_000_000_000)
	if got := b.drain(); got != "" {
		t.Errorf("repeats after the release: %q", got)
	}
}

func TestOverrun(t *testing.T) {
	b := newBench(t)
	b.run("c60 d00")
	for range 12 {
		b.c.Keyboard.Key(0x1e, true)
		b.c.Keyboard.Key(0x1e, false)
	}
	got := strings.Fields(b.drain())
	if len(got) != queueSize+1 || got[len(got)-1] != "00" {
		t.Errorf("%d bytes, the last %s: want the buffer's, %d queued, the last the overrun code 00", len(got), got[len(got)-1], queueSize)
	}
}

func TestInterruptLines(t *testing.T) {
	b := newBench(t)
	b.run("c60 d43")
	b.c.Keyboard.Key(0x1e, true)
	b.c.Keyboard.Key(0x1e, false)
	if !b.irq1.Level || b.irq12.Level {
		t.Error("keyboard: IRQ 1 must be high, IRQ 12 low")
	}
	b.in(DataPort)
	if n := b.irq1.Edges(); n != 2 {
		t.Errorf("%d edges for two bytes", n)
	}
	b.in(DataPort)
	if b.irq1.Level {
		t.Error("IRQ 1 stays")
	}
	b.run("ca8 mf4")
	b.drain()
	b.c.Mouse.Move(1, -1, 0)
	if !b.irq12.Level || b.irq1.Level {
		t.Error("mouse: IRQ 12 must be high, IRQ 1 low")
	}
	b.run("c60 d40")
	if b.irq12.Level {
		t.Error("IRQ 12 with its interrupt off")
	}
}

func TestMousePackets(t *testing.T) {
	b := newBench(t)
	m := b.c.Mouse
	m.Move(5, 5, 0)
	if got := b.drain(); got != "" {
		t.Errorf("reports while off: %q", got)
	}
	b.run("mf6 mf4")
	b.drain()
	m.Move(3, -2, 1)
	if got := b.drain(); got != "m28 m03 mfe" {
		t.Errorf("moved: %q", got)
	}
	m.SetButtons(ButtonLeft | ButtonMiddle)
	if got := b.drain(); got != "m0d m00 m00" {
		t.Errorf("buttons: %q", got)
	}
	m.Move(300, 0, 0)
	if got := b.drain(); got != "m0d mff m00 m0d m2d m00" {
		t.Errorf("far: %q", got)
	}
	b.run("mf3 mc8 mf3 m64 mf3 m50")
	b.drain()
	m.Move(0, 0, -1)
	if got := b.drain(); got != "m0d m00 m00 mff" {
		t.Errorf("wheel: %q", got)
	}
	b.run("mf0")
	b.drain()
	m.Move(1, 1, 0)
	if got := b.drain(); got != "" {
		t.Errorf("remote mode: %q", got)
	}
	b.run("meb")
	if got := b.drain(); got != "mfa m0d m01 m01 m00" {
		t.Errorf("read data: %q", got)
	}
}

// Scaling 2:1 counts in stream mode, not in reports that were asked for.
func TestMouseScaling(t *testing.T) {
	b := newBench(t)
	m := b.c.Mouse
	b.run("mf6 me7 mf4")
	b.drain()
	for in, want := range []int{0, 1, 1, 3, 6, 9, 12, 14} {
		m.Move(in, -in, 0)
		head, neg := 0x08, uint8(-want)
		if in > 0 {
			head = 0x28
		}
		if got := b.drain(); got != fmt.Sprintf("m%02x m%02x m%02x", head, want, neg) {
			t.Errorf("%d steps: %s, want %d", in, got, want)
		}
	}
	m.Move(150, 0, 0)
	if got := b.drain(); got != "m08 mfe m00 m08 m2e m00" {
		t.Errorf("far: %s", got)
	}
	b.run("mf0")
	b.drain()
	m.Move(4, 0, 0)
	b.run("meb")
	if got := b.drain(); got != "mfa m08 m04 m00" {
		t.Errorf("asked for: %s", got)
	}
}

func TestKeyNames(t *testing.T) {
	for name, want := range map[string]Key{"a": 0x1e, "1": 0x02, "0": 0x0b, "p": 0x19, "l": 0x26, "m": 0x32, "f1": 0x3b, "f10": 0x44,
		"f12": 0x58, "delete": 0xd3, "0x1c": 0x1c, "pause": KeyPause} {
		if k, ok := KeyByName(name); !ok || k != want {
			t.Errorf("%s is %#x, %v; want %#x", name, k, ok, want)
		}
	}
	for name, k := range keyNames { // set 2 knows every key, so that the guest sees it
		if set2[k&0x7f] == 0 && k != KeyPrint && k != KeyPause {
			t.Errorf("%s (%#x) sends nothing", name, k)
		}
	}
}

func TestA20AndReset(t *testing.T) {
	b := newBench(t)
	b.run("cd1 ddd")
	b.out(Port92, 2)
	b.out(Port92, 0)
	b.run("cdf cdd")
	if got := fmt.Sprint(b.a20); got != "[false true false true false]" {
		t.Errorf("A20 went %s", got)
	}
	b.run("cfe")
	b.out(Port92, 1)
	b.out(Port92, 1)
	b.run("cd1 dfe cff")
	if b.resets != 3 {
		t.Errorf("%d resets, want 3", b.resets)
	}
}

func TestLamps(t *testing.T) {
	b := newBench(t)
	leds := uint8(0xff)
	b.c.Keyboard.OnLEDs = func(v uint8) { leds = v }
	b.run("ded d05")
	if leds != 5 {
		t.Errorf("lamps %d", leds)
	}
}

func FuzzI8042(f *testing.F) {
	f.Add([]byte{1, 1, 0x60, 0, 0, 0, 1, 0, 0x47, 0, 0, 0, 1, 1, 0xd4, 0, 0, 0, 1, 0, 0xf4, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, in []byte) {
		b := newBench(t)
		devtest.FuzzPorts(in, &b.clock, b.c, 0x60, 0x64, 0x92)
		for i, v := range in {
			b.c.Keyboard.Key(Key(v), i&1 == 0)
			b.c.Mouse.Move(int(int8(v)), i, int(v)-128)
			b.c.Mouse.SetButtons(v)
		}
		devtest.FuzzPorts(in, &b.clock, b.c, 0x60, 0x64, 0x92)
		if err := b.c.RestoreState(b.c.SaveState()); err != nil {
			t.Error(err)
		}
	})
}
