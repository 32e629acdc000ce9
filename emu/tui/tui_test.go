package tui

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gdamore/tcell/v2"

	"goemu/emu"
	"goemu/emu/inspect"
)

func TestText(t *testing.T) {
	b := newBench(t, newFake(screenText()), 100, 30, nil)
	b.until("text", func() bool { return strings.HasPrefix(b.row(24), "Y··") })
	b.until("status line", func() bool {
		r := b.row(29)
		return strings.Contains(r, "Ctrl-A: h help x quit i inside p paste d ctrl-alt-del") && strings.Contains(r, "running tcg 12.0s") && strings.Contains(r, "hd0:--")
	})
	if b.row(25) != "" || len([]rune(b.row(0))) != 80 {
		t.Error("something beside the screen")
	}
	b.until("colours", func() bool {
		fg, bg := b.colors(0, 2)
		return fg == 15*0x0f0f0f && bg == 4*0x0f0f0f
	})
	b.until("the cursor", func() bool {
		x, y, on := b.s.GetCursor()
		return x == 3 && y == 24 && on
	})
	b.d.Close()
	b.told("watch false")
}

// A terminal that is too small shows where the cursor is.
func TestSmallTerminal(t *testing.T) {
	b := newBench(t, newFake(screenText()), 40, 10, nil)
	b.until("the last rows", func() bool { return strings.HasPrefix(b.row(8), "Y·") && strings.HasPrefix(b.row(0), "Q·") })
	for _, size := range [][2]int{{20, 1}, {1, 1}, {2, 2}, {3, 5}} {
		b.s.SetSize(size[0], size[1])
		b.press("Ctrl-A", "i", "Ctrl-A", "h", "Ctrl-A", "h", "q")
	}
	b.s.SetSize(80, 27)
	b.until("all rows", func() bool { return strings.HasPrefix(b.row(0), "A·") && strings.HasPrefix(b.row(24), "Y·") })
}

func TestPixels(t *testing.T) {
	var l emu.Look
	l.Frame.Width, l.Frame.Height = 640, 480
	l.Frame.Pix = make([]uint32, 640*480)
	for i := range l.Frame.Pix {
		switch y := i / 640; {
		case y < 240:
			l.Frame.Pix[i] = 0xff0000
		case i%640 < 320:
			l.Frame.Pix[i] = 0x00ff00
		default:
			l.Frame.Pix[i] = 0x0000ff
		}
	}
	b := newBench(t, newFake(l), 64, 31, nil)
	b.until("a picture", func() bool { return strings.HasPrefix(b.row(23), "▀") })
	for _, c := range []struct {
		x, y   int
		fg, bg int32
	}{{0, 0, 0xff0000, 0xff0000}, {63, 11, 0xff0000, 0xff0000}, {0, 12, 0xff00, 0xff00}, {63, 23, 0xff, 0xff}} {
		b.until(fmt.Sprintf("%06x over %06x at %d,%d", c.fg, c.bg, c.x, c.y), func() bool {
			fg, bg := b.colors(c.x, c.y)
			return fg == c.fg && bg == c.bg
		})
	}
	if b.row(24) != "" {
		t.Error("the picture is too high")
	}
	// The mouse moves by what a cell stands for.
	b.press("Ctrl-A", "m")
	b.sees("the mouse is the guest's")
	b.s.InjectMouse(10, 10, 0, 0)
	b.s.InjectMouse(12, 9, tcell.Button1, 0)
	b.told("move 20 -20 0")
	b.told("buttons 1")
	b.s.InjectMouse(12, 9, tcell.Button2, 0)
	b.told("buttons 2")
	b.s.InjectMouse(12, 9, tcell.WheelUp, 0)
	b.told("move 0 0 -1")
}

func TestKeyNames(t *testing.T) {
	for _, c := range []struct {
		k    tcell.Key
		r    rune
		mod  tcell.ModMask
		want string
	}{
		{tcell.KeyRune, 'a', 0, "a"}, {tcell.KeyRune, 'Q', tcell.ModShift, "shift-q"}, {tcell.KeyRune, '?', 0, "shift-slash"}, {tcell.KeyRune, '5', tcell.ModAlt, "alt-5"},
		{tcell.KeyRune, ' ', 0, "spc"}, {tcell.KeyRune, 'ä', 0, ""}, {tcell.KeyEnter, 13, 0, "ret"}, {tcell.KeyCtrlC, 3, tcell.ModCtrl, "ctrl-c"},
		{tcell.KeyTab, 9, 0, "tab"}, {tcell.KeyBackspace2, 127, 0, "backspace"}, {tcell.KeyF12, 0, tcell.ModCtrl | tcell.ModAlt, "alt-ctrl-f12"},
		{tcell.KeyUp, 0, tcell.ModShift, "shift-up"}, {tcell.KeyCtrlSpace, 0, tcell.ModCtrl, "ctrl-spc"}, {tcell.KeyEscape, 27, 0, "esc"},
	} {
		got, _ := keyNames(tcell.NewEventKey(c.k, c.r, c.mod))
		if got != c.want {
			t.Errorf("%v %q %v: %q, want %q", c.k, c.r, c.mod, got, c.want)
		}
	}
}

func TestTyping(t *testing.T) {
	b := newBench(t, newFake(screenText()), 100, 26, nil)
	b.press("l", "x")
	b.until("an error in the status line", func() bool { return strings.Contains(b.row(25), "no x") })
	b.told("key l")
}

func TestPaste(t *testing.T) {
	b := newBench(t, newFake(screenText()), 120, 26, nil)
	b.f.mu.Lock()
	b.f.full = true
	b.f.mu.Unlock()
	paste := func(s string) {
		b.post(tcell.NewEventPaste(true))
		b.types(s)
		b.press("Enter")
		b.post(tcell.NewEventPaste(false))
	}
	paste("Hi-é1")
	b.sees("6 characters are still to be pasted")
	b.f.mu.Lock()
	b.f.full = false
	b.f.mu.Unlock()
	b.sees("pasted; 1 characters are not on the guest's keyboard")
	b.f.mu.Lock()
	keys := slices.DeleteFunc(slices.Clone(b.f.calls), func(c string) bool { return !strings.HasPrefix(c, "key ") })
	b.f.mu.Unlock()
	if want := []string{"key shift-h", "key i", "key minus", "key 1", "key ret"}; !slices.Equal(keys, want) {
		t.Errorf("%q, want %q", keys, want)
	}
	// Ctrl-A in a paste is no escape key.
	b.post(tcell.NewEventPaste(true))
	b.press("Ctrl-A", "y")
	b.post(tcell.NewEventPaste(false))
	b.told("key y")
	if b.f.has("stop") {
		t.Error("a paste has ended goemu")
	}
	// What the terminal gives of its clipboard.
	b.s.SetClipboard([]byte("zz"))
	b.press("Ctrl-A", "p")
	b.told("key z")
}

// Every key of the tables does what it says.
func TestEscapeKeys(t *testing.T) {
	tried := map[string]bool{}
	for _, c := range []struct {
		key   string
		check func(b *bench)
	}{
		{"h", func(b *bench) { b.sees("end goemu"); b.press("y"); b.sees("A·····") }},
		{"?", func(b *bench) { b.sees("end goemu") }},
		{"x", func(b *bench) { b.told("stop") }},
		{"i", func(b *bench) { b.sees("── registers"); b.press("Ctrl-A", "i"); b.sees("Ctrl-A: h help") }},
		{"o", func(b *bench) {
			b.press("Ctrl-A", "i", "Ctrl-A", "o", "s", "Ctrl-A", "o")
			b.told("key s")
			b.press("p")
			b.told("pause")
		}},
		{"z", func(b *bench) {
			b.press("Ctrl-A", "i")
			b.until("the inside alone", func() bool { return strings.HasPrefix(b.row(0), "1 cpu") && !strings.Contains(b.all(), "A·····") })
		}},
		{"c", func(b *bench) { b.types("info version"); b.press("Enter"); b.sees("1.2.3") }},
		{"p", func(b *bench) { b.sees("asked the terminal for its clipboard") }},
		{"d", func(b *bench) { b.told("key ctrl-alt-delete") }},
		{"m", func(b *bench) {
			b.sees("the mouse is the guest's")
			b.press("Ctrl-A", "m")
			b.sees("the mouse is the terminal's")
		}},
		{"2", func(b *bench) { b.sees("serial0"); b.press("Ctrl-A", "1"); b.sees("A·····") }},
		{"9", func(b *bench) { b.sees("there is no console 9") }},
		{"PgUp", func(b *bench) { b.sees("the screen does not scroll back") }},
		{"PgDn", func(b *bench) { b.sees("the screen does not scroll back") }},
		{"Ctrl-A", func(b *bench) { b.told("key ctrl-a") }},
		{"a", func(b *bench) { b.told("key ctrl-a") }},
		{"y", func(b *bench) { b.sees("no such key") }},
	} {
		t.Run(c.key, func(t *testing.T) {
			b := newBench(t, newFake(screenText()), 170, 50, nil)
			b.sees("A·····")
			b.press("Ctrl-A", c.key)
			c.check(b)
		})
		if c.key == "Ctrl-A" {
			c.key = twice
		}
		tried[c.key] = true
	}
	tested(t, escapes, tried)
}

// Another key may be chosen: Ctrl-A is then the guest's, and what is shown names the one chosen.
func TestOtherEscapeKey(t *testing.T) {
	for _, c := range []struct {
		escape      byte
		name, typed string
		key         tcell.Key
	}{{20, "Ctrl-T", "ctrl-t", tcell.KeyCtrlT}, {29, "Ctrl-]", "ctrl-bracket_right", tcell.KeyCtrlRightSq}, {9, "Ctrl-I", "tab", tcell.KeyTab}, {27, "Ctrl-[", "esc", tcell.KeyEscape}} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, newFake(screenText()), 170, 50, &Host{Escape: c.escape})
			b.sees("A·····")
			b.sees(c.name + ": h help")
			b.press("Ctrl-A")
			b.told("key ctrl-a")
			press := func(then string) {
				b.s.InjectKey(c.key, 0, 0)
				b.press(then)
			}
			b.s.InjectKey(c.key, 0, 0)
			b.s.InjectKey(c.key, 0, 0)
			b.told("key " + c.typed)
			press("y")
			b.sees("no such key: " + c.name + " h shows")
			press("m")
			b.sees(c.name + " m gives it back")
			press("h")
			b.sees("Everywhere (" + c.name + " is the escape key")
			b.sees(c.name + " " + c.name + " a")
			if s := b.all(); strings.Contains(strings.ReplaceAll(s, "Ctrl-Alt-Del", ""), "Ctrl-A") {
				t.Errorf("Ctrl-A is still spoken of:\n%s", s)
			}
			press("i") // ends the help, as any key does, and is a command all the same
			b.sees("Esc guest " + c.name + " h help")
			press("x")
			b.told("stop")
		})
	}
}

// tested fails for keys of a table that no test has pressed; digits are one.
func tested(t *testing.T, table []binding, tried map[string]bool) {
	for i := range table {
		for _, k := range strings.Fields(table[i].keys) {
			if table[i].do != nil && !tried[k] {
				t.Errorf("key %s is not tested", k)
			}
		}
	}
}

func TestInsideKeys(t *testing.T) {
	tried := map[string]bool{}
	for _, c := range []struct {
		keys  string
		check func(b *bench)
	}{
		{"p", func(b *bench) { b.told("pause"); b.sees("paused"); b.press("p"); b.told("continue") }},
		{"c", func(b *bench) { b.told("continue") }},
		{"p s", func(b *bench) { b.told("step 0 0"); b.sees("▶00001001"); b.sees("stopped: step") }},
		{"p b", func(b *bench) { b.told("step 0 1") }},
		{"p n", func(b *bench) { b.told("step 0 2") }},
		{"p f", func(b *bench) { b.told("step 0 3") }},
		{"s", func(b *bench) { b.told("pause") }},
		{"]", func(b *bench) { b.sees("CPU 1  protected mode") }},
		{"[", func(b *bench) { b.sees("CPU 1  protected mode") }},
		{"q", func(b *bench) {
			b.until("closed", func() bool { return !strings.Contains(b.all(), "── registers") })
		}},
		{"Esc", func(b *bench) { b.press("v"); b.told("key v") }},
		{"Tab Enter", func(b *bench) {
			b.told("add breakpoint 0x1000 0 false")
			b.sees("● ▶00001000")
			b.press("Enter")
			b.told("remove 1")
		}},
		{"Backtab Enter", func(b *bench) { b.told("add write watchpoint 0x8000 4 false") }},
		{"Tab Down Enter", func(b *bench) { b.told("add breakpoint 0x1001 0 false") }},
		{"Tab j j k Enter", func(b *bench) { b.told("add breakpoint 0x1001 0 false") }},
		{"Tab Up Enter", func(b *bench) { b.told("add breakpoint 0xfff 0 false") }},
		{"Tab PgDn PgUp Home Enter", func(b *bench) { b.told("add breakpoint 0xfe8 0 false") }},
		{"Tab w", func(b *bench) { b.sees("00007777") }},
		{"7 End", func(b *bench) { b.sees("[x] exception") }},
		{"Tab g", func(b *bench) {
			b.sees("code at (empty: follow RIP):")
			b.types("esp+0x10-1")
			b.press("Enter")
			b.sees("0000800f 90")
			b.press("g", "Enter")
			b.sees("▶00001000")
		}},
		{"g", func(b *bench) { b.sees("this pane shows no address") }},
		{"6 /", func(b *bench) {
			b.types("vgx")
			b.press("Backspace")
			b.types("a")
			b.press("Enter")
			b.until("one line", func() bool { return strings.Contains(b.all(), "dev: VGA") && !strings.Contains(b.all(), "bus: pci") })
		}},
		{":", func(b *bench) {
			for _, l := range []string{"break 0x500", "tbreak 0x600", "watch eip", "rwatch 0x700 8", "awatch 0x800", "port 0x60 2", "delete 1", "bogus", "break", "watch 1 x", "break zz"} {
				b.types(l)
				b.press("Enter")
			}
			for _, call := range []string{"add breakpoint 0x500 0 false", "add breakpoint 0x600 0 true", "add write watchpoint 0x1000 4 false", "add read watchpoint 0x700 8 false",
				"add access watchpoint 0x800 4 false", "add port breakpoint 0x60 2 false", "remove 1"} {
				b.told(call)
			}
			for _, want := range []string{"unknown command: 'bogus'", "want break ADDRESS", `"x" is not a number`, `"zz" is neither a number`} {
				b.sees(want)
			}
			b.types("gone")
			b.press("Ctrl-U", "Up", "Up", "Down", "Esc", ":", "Enter", "8")
			b.sees("port breakpoint at 0x60, 2 bytes")
			b.press(":")
			b.types("delete")
			b.press("Enter", "Esc", "8")
			b.sees("none. Click on a line")
		}},
		{"y", func(b *bench) { b.sees("no such key in the inside") }},
	} {
		keys := strings.Fields(c.keys)
		t.Run(c.keys, func(t *testing.T) {
			b := newBench(t, newFake(screenText()), 200, 60, nil)
			b.press("Ctrl-A", "i")
			b.sees("▶00001000")
			for _, k := range keys {
				b.press(k)
				if k == "p" {
					b.sees("paused")
				}
				if k >= "1" && k <= "9" {
					b.until("page", func() bool { return !strings.Contains(b.all(), "── code") })
				}
			}
			c.check(b)
		})
		for _, k := range keys {
			tried[k] = true
		}
	}
	tested(t, insides, tried)
}

func TestPages(t *testing.T) {
	f := newFake(screenText())
	f.events = []inspect.Event{{Number: 1, Kind: inspect.EventException, Vector: 13, RIP: 0x4321}, {Number: 2, Kind: inspect.EventMode, Text: "long mode"}}
	b := newBench(t, f, 220, 50, nil)
	b.press("Ctrl-A", "i")
	for _, c := range []struct{ key, want string }{
		{"1", "efl 00000000"}, {"2", "optimised"}, {"3", "paging is off, physical 0x1000"}, {"3", "0000000000abc000: 0000000000123000 load"},
		{"4", "0000:0000000000005555"}, {"5", "20      1234"}, {"5", "ISR 20  IRR none"}, {"5", "vector 31"}, {"6", "bus: pci.0"},
		{"7", "#GP"}, {"7", "long mode"}, {"8", "none. Click"}, {"9", "tbreak ADDRESS"},
	} {
		b.press(c.key)
		b.sees(c.want)
	}
	b.told("record " + defaultKinds.String())
	b.told("record ")

	f = newFake(screenText())
	f.accel = emu.AccelKVM
	b = newBench(t, f, 220, 50, nil)
	b.press("Ctrl-A", "i", "7")
	b.sees("KVM does not tell of exceptions")
}

// click clicks on a text.
func (b *bench) click(text string, button tcell.ButtonMask) {
	b.t.Helper()
	b.until("text to click on "+text, func() bool { // the terminal may be half drawn
		for y, r := range Text(b.s) {
			if i := strings.Index(r, text); i >= 0 {
				b.s.InjectMouse(len([]rune(r[:i])), y, button, 0)
				b.s.InjectMouse(len([]rune(r[:i])), y, 0, 0)
				return true
			}
		}
		return false
	})
}

func TestClicks(t *testing.T) {
	b := newBench(t, newFake(screenText()), 200, 60, nil)
	b.press("Ctrl-A", "i")
	b.click("00001003 90", tcell.Button1)
	b.told("add breakpoint 0x1003 0 false")
	b.sees("●  00001003")
	b.click("00001004 90", tcell.Button2) // follows the jump
	b.sees("00007777 90")
	b.click("04 05 06 07", tcell.Button1)
	b.told("add write watchpoint 0x8004 4 false")
	b.click("3 paging", tcell.Button1)
	b.click("0000000000abc000", tcell.Button1)
	b.sees("0xabc000: paging is off")
	b.click("2 block", tcell.Button1)
	b.click("runs are not counted", tcell.Button1)
	b.told("count 0x1000 true")
	b.click("4 tables", tcell.Button1)
	b.click("IntGate32", tcell.Button1)
	b.sees("page cpu shows the code at 0x5555")
	b.click("7 events", tcell.Button1)
	b.click("[ ] port", tcell.Button1)
	b.sees("[x] port")
	b.click("8 breaks", tcell.Button1)
	b.click("1: breakpoint at 0x1003", tcell.Button1)
	b.told("remove 1")
	b.click("A·····", tcell.Button1) // the guest has the keyboard
	b.sees("Ctrl-A: h help")
	b.press("k")
	b.told("key k")
	b.click("1 cpu", tcell.Button1)
	b.sees("s step")
	x, y := 150, 30
	b.s.InjectMouse(x, y, tcell.WheelDown, 0)
	b.s.InjectMouse(x, y, tcell.WheelUp, 0)
}

// What the machine tells is in the status line.
func TestNotices(t *testing.T) {
	b := newBench(t, newFake(screenText()), 170, 30, nil)
	b.f.notices <- inspect.Notice{Kind: inspect.NoticeStopped, Why: inspect.StopWatchpoint, Breakpoint: 3, Address: 0x1234, Write: true}
	b.sees("write at 0x1234")
	b.f.notices <- inspect.Notice{Kind: inspect.NoticePanicked}
	b.sees("the guest has panicked")
	b.host.Notes.to = &strings.Builder{}
	if _, err := b.host.Notes.Write([]byte("one\ngoemu: warning: two\n")); err != nil {
		t.Error(err)
	}
	b.sees("│ goemu: warning: two │")
}

// Without a display adapter there are consoles; without anything on either, it is said.
func TestNoAdapter(t *testing.T) {
	f := newFake(emu.Look{})
	f.noVGA = errors.New("no display adapter")
	b := newBench(t, f, 120, 30, nil)
	b.sees("no display adapter")
	b.host.consoles[0].Offer([]byte("hello\r\n"))
	b.until("the console", func() bool { return b.row(0) == "hello" })
	got := make(chan string, 10)
	b.host.consoles[0].Start(func(p []byte) { got <- string(p) }, nil)
	b.types("a")
	b.press("Up")
	if s := <-got + <-got; s != "a\x1b[A" {
		t.Errorf("%q", s)
	}
}
