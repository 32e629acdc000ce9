package monitor

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"goemu/emu/chardev"
	"goemu/emu/inspect"
	"goemu/tests/sockets"
)

// fake is a machine that notes what it is told.
type fake struct {
	log    []string
	fail   error
	unseen string
}

func (f *fake) note(format string, args ...any) error {
	f.log = append(f.log, fmt.Sprintf(format, args...))
	return f.fail
}

func (f *fake) Screendump(w io.Writer) error {
	if f.fail == nil {
		io.WriteString(w, "picture")
	}
	return f.note("screendump")
}
func (f *fake) ScreenText() ([]string, error) { return []string{"A:\\>", ""}, nil }
func (f *fake) SendKey(keys string, hold time.Duration) error {
	return f.note("sendkey %s %v", keys, hold)
}
func (f *fake) Eject(drive string, force bool) error { return f.note("eject %s %v", drive, force) }
func (f *fake) Change(drive, file string, force bool) error {
	return f.note("change %s %q %v", drive, file, force)
}
func (f *fake) Pause() error                 { return f.note("pause") }
func (f *fake) Continue() error              { return f.note("continue") }
func (f *fake) Reset() error                 { return f.note("reset") }
func (f *fake) WakeUp() error                { return f.note("wakeup") }
func (f *fake) PowerButton()                 { f.note("power") }
func (f *fake) Stop(status int)              { f.note("stop %d", status) }
func (f *fake) Status() inspect.Status       { return inspect.StatusRunning }
func (f *fake) Blocks() []inspect.Drive      { return []inspect.Drive{{ID: "ide1-cd0"}, {ID: "floppy0"}} }
func (f *fake) DriveLines() []string         { return []string{"ide0-cd0: [not inserted]"} }
func (f *fake) Version() string              { return "9.9" }
func (f *fake) Name() string                 { return "me" }
func (f *fake) Engine() string               { return "interp" }
func (f *fake) IRQChip() string              { return "off" }
func (f *fake) EngineReason() string         { return "the default: no KVM here" }
func (f *fake) Engines() []string            { return []string{"tcg", "interp"} }
func (f *fake) SetEngine(name string) error  { return f.note("accel %s", name) }
func (f *fake) ROMs() []string               { return []string{"addr=0"} }
func (f *fake) DumpMemory(w io.Writer) error { io.WriteString(w, "core"); return f.note("dump") }
func (f *fake) Displays() []inspect.VNC {
	if f.fail != nil {
		return nil
	}
	e := inspect.Endpoint{Family: "ipv4", Host: "127.0.0.1", Service: "5901"}
	return []inspect.VNC{{Endpoint: e, Auth: "vnc", Viewers: []inspect.Endpoint{{Family: "unix", Service: "/x"}}}}
}
func (f *fake) SetTrace(pattern string, on bool) error { return f.note("trace %s %v", pattern, on) }
func (f *fake) Traced(p string) ([]inspect.Traced, error) {
	return []inspect.Traced{{Name: p, On: true}, {Name: "b"}}, f.fail
}
func (f *fake) Unseen() string               { return f.unseen }
func (f *fake) SetLog(items string) error    { return f.note("log %s", items) }
func (f *fake) SetLogFile(file string) error { return f.note("logfile %s", file) }
func (f *fake) SetBootOrder(o string) error  { return f.note("boot %s", o) }
func (f *fake) UUID() string                 { return "0" }
func (f *fake) CPUs() int                    { return 2 }
func (f *fake) Registers(int) (r inspect.Registers, err error) {
	return r, nil
}
func (f *fake) ReadMemory(_ int, a inspect.Address, p []byte) (int, error) {
	if a.Addr >= 1<<20 {
		return 0, errors.New("nothing is there")
	}
	return len(p), nil
}
func (f *fake) Disassemble(int, inspect.Address, int) ([]inspect.Line, error) { return nil, nil }
func (f *fake) Walk(int, uint64) (w inspect.Walk, err error)                  { return w, nil }
func (f *fake) Mappings(int) ([]inspect.Mapping, error)                       { return nil, nil }
func (f *fake) JIT() (j inspect.JIT)                                          { return j }
func (f *fake) PCIFunctions() []inspect.PCI                                   { return nil }
func (f *fake) Controllers() (c inspect.Controllers) {
	c.LAPIC = []inspect.LAPIC{{ID: 5, TimerDivide: 0xb, TimerInitial: 7, TimerCurrent: 5, LVT: []inspect.LVT{{Name: "LVT0", Value: 0x8700}}}}
	return c
}
func (f *fake) DeviceTree() []inspect.Node                    { return nil }
func (f *fake) MemoryTree() []inspect.Node                    { return nil }
func (f *fake) PortIn(port uint16, size int) (uint32, error)  { return 0, f.note("in %d", port) }
func (f *fake) PortOut(port uint16, size int, v uint32) error { return f.note("out %d", port) }
func (f *fake) SetDisplayPassword(p string) error             { return f.note("display password %s", p) }
func (f *fake) MouseMove(dx, dy, dz int)                      { f.note("move %d %d %d", dx, dy, dz) }
func (f *fake) MouseButtons(b uint8)                          { f.note("buttons %d", b) }
func (f *fake) InjectNMI() error                              { return f.note("nmi") }
func (f *fake) Chardevs() []inspect.Chardev                   { return nil }
func (f *fake) ReadRing(string, int) ([]byte, error)          { return nil, nil }
func (f *fake) WriteRing(string, []byte) error                { return nil }
func (f *fake) SendBreak(string) error                        { return nil }

func typed(f *fake, in string) string { return answer(f, in, false) }

func answer(f *fake, in string, echo bool) string {
	var out strings.Builder
	NewSession(f, &out, echo).Input([]byte(in))
	return out.String()
}

func TestCommands(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a b.png")
	for _, c := range []struct{ line, log, says string }{
		{"stop", "pause", ""},
		{"c", "continue", ""},
		{"  system_reset ", "reset", ""},
		{"system_powerdown", "power", ""},
		{"system_wakeup", "wakeup", ""},
		{"q", "stop 0", ""},
		{"sendkey ctrl-alt-delete", "sendkey ctrl-alt-delete 0s", ""},
		{"sendkey a 250", "sendkey a 250ms", ""},
		{"eject -f cd0", "eject cd0 true", ""},
		{"eject cd0", "eject cd0 false", ""},
		{`change cd0 "my \"disc\".iso"`, `change cd0 "my \"disc\".iso" false`, ""},
		{"change vnc password secret", "display password secret", ""},
		{"set_password vnc secret", "display password secret", ""},
		{"set_password spice secret", "", "want vnc"},
		{"change -f cd0 x", `change cd0 "x" true`, ""},
		{fmt.Sprintf("screendump %q", file), "screendump", ""},
		{"info status", "", "VM status: running\n"},
		{"info block", "", "ide0-cd0: [not inserted]\n"},
		{"info screen", "", "A:\\>\n\n" + Prompt},
		{"info version", "", "9.9\n"},
		{"help q", "", "quit|q -- end goemu\n"},
		{"", "", ""},
		{"eject", "", "eject: device expected\nTry \"help eject\" for more information\n"},
		{"boot_set cd", "boot cd", "boot device list now set to cd\n"},
		{"log int,mmu", "log int,mmu", ""},
		{"logfile x", "logfile x", ""},
		{"info vnc", "", "default:\n  Server: 127.0.0.1:5901 (ipv4)\n    Auth: vnc (Sub: none)\n  Client: :/x (unix)\n    x509_dname: none\n    sasl_username: none\n"},
		{"trace-event cpu_* off", "trace cpu_* false", ""},
		{"info trace-events x", "", "x : state 1\nb : state 0\n"},
		{fmt.Sprintf("dump-guest-memory %q", file+".core"), "dump", ""},
		{"dump-guest-memory -p", "", "Error: -p: dumps are by physical address"},
		{"info accelerators", "", "  tcg\n* interp\n"},
		{"accel", "", "interp\n"},
		{"accel tcg", "accel tcg", ""},
		{"info roms", "", "addr=0\n"},
		{"info lapic", "", "Timer\t DCR=0xb (divide by 1) initial_count = 7 current_count = 5\n"},
		{"info lapic 5", "", "LVT0\t 0x00008700 active-hi level                             ExtINT (vec 0)\n"},
		{"info lapic 6", "", "no local APIC has the ID 6"},
		{"help x", "", "    for example: x /10i $pc\n"},
		{"help info lapic", "", "    for example: info lapic 0\n"},
		{"info history", "", "0: 'info history'\n"},
		{"frobnicate", "", "unknown command: 'frobnicate'\n"},
		{"info nothing", "", "unknown command: 'info nothing'\n"},
		{"info", "", "info: accelerators|block|"},
		{"stop now", "", "stop|s: extraneous characters at the end of line\nTry \"help stop\" for more information\n"},
		{"eject -f", "", "eject: device expected"},
		{"sendkey a 99999999", "", "not a time"},
		{`eject "cd0`, "", "a quote is not closed"},
		{`eject "cd0\`, "", "ends in a backslash"},
		{"help nothing", "", "unknown command: 'nothing'"},
		{"screendump /no/such/file", "", "no such file"},
		{strings.Repeat("x", 5000), "", "more than 4096"},
	} {
		f := &fake{}
		out := typed(f, c.line+"\n")
		if got := strings.Join(f.log, ";"); got != c.log || !strings.Contains(out, c.says) || c.says == "" && strings.Contains(out, "Error") {
			t.Errorf("%.40s: did %q, want %q; says %q, want %q", c.line, got, c.log, out, c.says)
		}
	}
	if p, err := os.ReadFile(file); err != nil || string(p) != "picture" {
		t.Errorf("the file holds %q, %v", p, err)
	}
	for line, want := range map[string]bool{"log int": true, "accel tcg": true, "accel": false, "trace-event x on": true, "trace-event x off": false} {
		if out := typed(&fake{unseen: "nobody sees it"}, line+"\n"); strings.Contains(out, "warning: nobody sees it\n") != want {
			t.Errorf("%s: %s", line, out)
		}
		if out := typed(&fake{unseen: "nobody sees it", fail: errors.New("no")}, line+"\n"); strings.Contains(out, "warning") {
			t.Errorf("%s, with an error: %s", line, out)
		}
	}
	if out := typed(&fake{fail: errors.New("the drive is locked")}, "eject cd0\n"); !strings.Contains(out, "Error: the drive is locked\n") {
		t.Errorf("an error of the machine: %q", out)
	}
	typed(&fake{fail: errors.New("off")}, fmt.Sprintf("screendump %q\n", file+"2"))
	if _, err := os.Stat(file + "2"); err == nil {
		t.Error("a file without a picture is left")
	}
	for _, c := range commands {
		if !strings.Contains(typed(&fake{}, "help\n"), c.names) {
			t.Errorf("help lacks %s", c.names)
		}
		name, _, _ := strings.Cut(c.names, "|")
		words := strings.Fields(examples[name])
		if len(words) == 0 || words[0] != name || len(words)-1 < c.min || len(words)-1 > c.max {
			t.Errorf("the example of %s: %q", name, words)
		}
	}
}

// A client that reads nothing is left behind by the one after it.
func TestServe(t *testing.T) {
	path := filepath.Join(sockets.Dir(t), "m")
	spec, err := chardev.Parse("unix:" + path + ",server,nowait")
	if err != nil {
		t.Fatal(err)
	}
	src, err := spec.Open(nil)
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{}
	Serve(f, src)
	stalled, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	stalled.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
	for {
		if _, err := stalled.Write([]byte(strings.Repeat("help\n", 1000))); err != nil {
			break
		}
	}
	stalled.Close()
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "info version\nquit\n")
	r := bufio.NewScanner(c)
	for _, want := range []string{"goemu 9.9 monitor - type 'help' for more information", Prompt + "9.9"} {
		if !r.Scan() || r.Text() != want {
			t.Errorf("%q, want %q", r.Text(), want)
		}
	}
	if err := src.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("the socket is left")
	}
}
