package qmp

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"goemu/emu/inspect"
)

// fake is a machine that notes what it is told.
type fake struct {
	log     []string
	stopped bool
}

func (f *fake) note(format string, args ...any) error {
	f.log = append(f.log, fmt.Sprintf(format, args...))
	return nil
}

func (f *fake) Pause() error                   { return f.note("pause") }
func (f *fake) Continue() error                { return f.note("continue") }
func (f *fake) Reset() error                   { return f.note("reset") }
func (f *fake) WakeUp() error                  { return errors.New("awake") }
func (f *fake) PowerButton()                   { f.note("power") }
func (f *fake) Quit(status int, reason string) { f.note("quit %d %s", status, reason) }
func (f *fake) Status() inspect.Status {
	if f.stopped {
		return inspect.StatusPaused
	}
	return inspect.StatusRunning
}
func (f *fake) Notify(int) (<-chan inspect.Notice, func()) { return nil, func() {} }
func (f *fake) SendKey(keys string, h time.Duration) error { return f.note("keys %s %v", keys, h) }
func (f *fake) KeyState(name string, down bool) error      { return f.note("key %s %v", name, down) }
func (f *fake) SetDisplayPassword(p string) error          { return f.note("display password %s", p) }
func (f *fake) MouseMove(dx, dy, dz int)                   { f.note("move %d %d %d", dx, dy, dz) }
func (f *fake) MouseButtons(b uint8)                       { f.note("buttons %d", b) }
func (f *fake) Displays() []inspect.VNC                    { return nil }
func (f *fake) SetTrace(p string, on bool) error           { return f.note("trace %s %v", p, on) }
func (f *fake) Traced(p string) ([]inspect.Traced, error) {
	return []inspect.Traced{{Name: p, On: true}}, nil
}
func (f *fake) InjectNMI() error                     { return f.note("nmi") }
func (f *fake) Screendump(w io.Writer) error         { io.WriteString(w, "png"); return nil }
func (f *fake) ScreendumpPPM(w io.Writer) error      { io.WriteString(w, "ppm"); return nil }
func (f *fake) DumpMemory(w io.Writer) error         { io.WriteString(w, "core"); return f.note("dump") }
func (f *fake) SetAction(event, action string) error { return f.note("action %s %s", event, action) }
func (f *fake) Engine() string                       { return "interp" }
func (f *fake) Engines() []string                    { return []string{"tcg", "interp"} }
func (f *fake) CPUs() int                            { return 4 }
func (f *fake) Eject(d string, force bool) error     { return f.note("eject %s %v", d, force) }
func (f *fake) Change(d, file string, force bool) error {
	return f.note("change %s %s %v", d, file, force)
}
func (f *fake) OpenTray(d string, force bool) error { return f.note("open %s %v", d, force) }
func (f *fake) CloseTray(d string) error            { return f.note("close %s", d) }
func (f *fake) ReadRing(c string, max int) ([]byte, error) {
	return []byte("ring"), f.note("read %s %d", c, max)
}
func (f *fake) WriteRing(c string, p []byte) error { return f.note("write %s %s", c, p) }
func (f *fake) SetEngine(name string) error        { return f.note("accel %s", name) }
func (f *fake) SendBreak(c string) error           { return f.note("break %s", c) }
func (f *fake) Human(line string) string           { return "did " + line }
func (f *fake) Version() string                    { return "9.9" }
func (f *fake) Name() string                       { return "me" }
func (f *fake) UUID() string                       { return "00000000-0000-0000-0000-000000000000" }
func (f *fake) Topology() (cores, threads int)     { return 1, 2 }
func (f *fake) MemorySize() uint64                 { return 1 << 30 }
func (f *fake) Boards() []inspect.Model {
	return []inspect.Model{{Name: "pc", Default: true}, {Name: "q35"}}
}
func (f *fake) Processors() []inspect.Model { return []inspect.Model{{Name: "max"}} }
func (f *fake) Chardevs() []inspect.Chardev {
	return []inspect.Chardev{{Label: "serial0", Filename: "stdio", Open: true}}
}
func (f *fake) PCIFunctions() []inspect.PCI {
	return []inspect.PCI{{Pin: 1, BARs: []inspect.BAR{{IO: true}, {Mapped: true, Size: 4096}}}}
}
func (f *fake) Blocks() []inspect.Drive {
	return []inspect.Drive{{ID: "cd0", Drive: "d1", Device: "cd0", CD: true, Removable: true, File: "x.iso", Size: 2048, ReadOnly: true}, {ID: "fd", Drive: "fd", Removable: true},
		{ID: "hd", Drive: "hd", File: "x", Failed: true}}
}
func (f *fake) ReadMemory(cpu int, a inspect.Address, p []byte) (int, error) {
	for i := range p {
		p[i] = byte(a.Addr) + byte(i)
	}
	if a.Addr >= 1<<32 {
		return 0, errors.New("nothing is there")
	}
	return len(p), f.note("memory %d %v %d", cpu, a, len(p))
}

// say has a session do what a client says, after the negotiation, and gives what it answers.
func say(f *fake, in string) string {
	var out strings.Builder
	s := NewSession(f, &out)
	s.Begin()
	s.Input([]byte(`{"execute":"qmp_capabilities"}`))
	out.Reset()
	s.Input([]byte(in))
	return out.String()
}

func failed(class, desc string) string {
	return string(appendJSON(nil, object{{"error", object{{"class", class}, {"desc", desc}}}})) + "\r\n"
}

const done = "{\"return\": {}}\r\n"

func TestCommands(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "f")
	for _, c := range []struct{ in, log, out string }{
		{`{"execute":"stop"}`, "pause", done},
		{`{"execute":"cont","arguments":{}}`, "continue", done},
		{`{"execute":"system_reset","id":7}`, "reset", "{\"return\": {}, \"id\": 7}\r\n"},
		{`{'execute':'system_powerdown','id':[1,{"b":2,"a":null}]}`, "power", "{\"return\": {}, \"id\": [1, {\"b\": 2, \"a\": null}]}\r\n"},
		{`{"execute":"system_wakeup"}`, "", failed(classGeneric, "Unable to wake up: guest is not in suspended state")},
		{`{"execute":"quit"}`, "quit 0 host-qmp-quit", done},
		{`{"execute":"inject-nmi"}`, "nmi", done},
		{`{"execute":"set-action","arguments":{"panic":"none","reboot":"shutdown"}}`, "action reboot shutdown;action panic none", done},
		{`{"execute":"set-action","arguments":{"watchdog":"none"}}`, "", failed(classGeneric, "Parameter 'watchdog' is unexpected")},
		{`{"execute":"query-accelerators"}`, "", "{\"return\": {\"enabled\": \"interp\", \"present\": [\"tcg\", \"interp\"]}}\r\n"},
		{`{"execute":"query-kvm"}`, "", "{\"return\": {\"enabled\": false, \"present\": false}}\r\n"},
		{`{"execute":"x-accel","arguments":{"accel":"tcg"}}`, "accel tcg", done},
		{`{"execute":"x-accel","arguments":{"accel":"frob"}}`, "", failed(classGeneric, "Parameter 'accel' does not accept value 'frob'")},
		{`{"execute":"query-dump-guest-memory-capability"}`, "", "{\"return\": {\"formats\": [\"elf\"]}}\r\n"},
		{`{"execute":"dump-guest-memory","arguments":{"paging":false,"protocol":"file:` + file + `core"}}`, "dump", done},
		{`{"execute":"dump-guest-memory","arguments":{"paging":true,"protocol":"file:x"}}`, "", failed(classGeneric, "paging: dumps are by physical address")},
		{`{"execute":"dump-guest-memory","arguments":{"paging":false,"protocol":"x"}}`, "", failed(classGeneric, "Invalid parameter 'protocol'")},
		{`{"execute":"send-key","arguments":{"keys":[{"type":"qcode","data":"ctrl"},{"type":"number","data":30}],"hold-time":250}}`, "keys ctrl-0x1e 250ms", done},
		{`{"execute":"send-key","arguments":{"keys":[]}}`, "", failed(classGeneric, "no keys are given")},
		{`{"execute":"send-key","arguments":{"keys":[{"type":"number","data":-3}]}}`, "", failed(classGeneric, "there is no key number -3")},
		{`{"execute":"input-send-event","arguments":{"events":[{"type":"key","data":{"down":true,"key":{"type":"qcode","data":"a"}}},` +
			`{"type":"btn","data":{"down":true,"button":"right"}},{"type":"btn","data":{"down":true,"button":"wheel-up"}},` +
			`{"type":"rel","data":{"axis":"x","value":3}},{"type":"rel","data":{"axis":"y","value":-99999999}}]}}`,
			"key a true;buttons 2;move 3 -32768 -1", done},
		{`{"execute":"memsave","arguments":{"val":5,"size":3,"filename":"` + file + `","cpu-index":1}}`, "memory 1 linear 0x5 3", done},
		{`{"execute":"memsave","arguments":{"val":5,"size":3,"filename":"` + file + `"}}`, "memory 0 linear 0x5 3", done},
		{`{"execute":"pmemsave","arguments":{"val":5,"size":3,"filename":"` + file + `"}}`, "memory 0 physical 0x5 3", done},
		{`{"execute":"pmemsave","arguments":{"val":18446744073709551615,"size":3,"filename":"` + file + `x"}}`, "",
			failed(classGeneric, "Invalid addr 0xffffffffffffffff/size 3 specified: nothing is there")},
		{`{"execute":"memsave","arguments":{"val":5,"size":3,"filename":"x","cpu-index":4}}`, "", failed(classGeneric, "Parameter 'cpu-index' expects a CPU number")},
		{`{"execute":"human-monitor-command","arguments":{"command-line":"info x"}}`, "", "{\"return\": \"did info x\"}\r\n"},
		{`{"execute":"human-monitor-command","arguments":{"command-line":"info x","cpu-index":3}}`, "", "{\"return\": \"did cpu 3\\ninfo x\"}\r\n"},
		{`{"execute":"change-vnc-password","arguments":{"password":"x y"}}`, "display password x y", done},
		{`{"execute":"set_password","arguments":{"protocol":"vnc","password":"x","connected":"keep"}}`, "display password x", done},
		{`{"execute":"set_password","arguments":{"protocol":"spice","password":"x"}}`, "", failed(classGeneric, "Parameter 'protocol' does not accept value 'spice'")},
		{`{"execute":"eject","arguments":{"id":"cd0","force":true}}`, "eject cd0 true", done},
		{`{"execute":"eject"}`, "", failed(classGeneric, "Need exactly one of 'device' and 'id'")},
		{`{"execute":"eject","arguments":{"device":"x"}}`, "", failed(classNoDevice, "Device 'x' not found")},
		{`{"execute":"blockdev-open-tray","arguments":{"device":"d1"}}`, "open d1 false", done},
		{`{"execute":"blockdev-close-tray","arguments":{"device":"d1"}}`, "close d1", done},
		{`{"execute":"blockdev-change-medium","arguments":{"device":"d1","filename":"y.iso","format":"raw"}}`, "change d1 y.iso false", done},
		{`{"execute":"blockdev-change-medium","arguments":{"device":"d1","filename":"y.iso","format":"qcow2"}}`, "", failed(classGeneric, "Unknown driver 'qcow2'")},
		{`{"execute":"ringbuf-read","arguments":{"device":"r","size":9}}`, "read r 9", "{\"return\": \"ring\"}\r\n"},
		{`{"execute":"ringbuf-read","arguments":{"device":"r","size":9,"format":"base64"}}`, "read r 9", "{\"return\": \"cmluZw==\"}\r\n"},
		{`{"execute":"ringbuf-read","arguments":{"device":"r","size":-1}}`, "", failed(classGeneric, "size must be greater than zero")},
		{`{"execute":"ringbuf-write","arguments":{"device":"r","data":"cmluZw==","format":"base64"}}`, "write r ring", done},
		{`{"execute":"ringbuf-write","arguments":{"device":"r","data":"!","format":"base64"}}`, "", failed(classGeneric, "Base64 data is not valid")},
		{`{"execute":"chardev-send-break","arguments":{"id":"s"}}`, "break s", done},
		{`{"execute":"screendump","arguments":{"filename":"` + file + `","format":"png"}}`, "", done},
		{`{"execute":"screendump","arguments":{"filename":"` + dir + `"}}`, "", ""},
		{`{"execute":"query-status"}`, "", "{\"return\": {\"status\": \"running\", \"singlestep\": false, \"running\": true}}\r\n"},
		{`{"execute":"query-name"}`, "", "{\"return\": {\"name\": \"me\"}}\r\n"},
	} {
		f := &fake{}
		out := say(f, c.in)
		if log := strings.Join(f.log, ";"); log != c.log || out != c.out && c.out != "" || c.out == "" && !strings.Contains(out, "GenericError") {
			t.Errorf("%s: did %q, want %q; answers %s, want %s", c.in, log, c.log, out, c.out)
		}
	}
	if p, err := os.ReadFile(file); string(p) != "png" || err != nil {
		t.Errorf("the file holds %q, %v", p, err)
	}
	if _, err := os.Stat(file + "x"); err == nil {
		t.Error("a file without contents is left")
	}
	if out := say(&fake{stopped: true}, `{"execute":"input-send-event","arguments":{"events":[]}}`); out != failed(classGeneric, "VM not running") {
		t.Error(out)
	}
}

// The errors are QEMU's: see TestAgainstQEMU. What is behind them is found again.
func TestErrors(t *testing.T) {
	parse := func(s string) string { return failed(classGeneric, "JSON parse error, "+s) }
	for in, want := range map[string]string{
		"blah ":                                  parse("invalid keyword 'blah'"),
		"5\n":                                    failed(classGeneric, "QMP input must be a JSON object"),
		`"x"`:                                    failed(classGeneric, "QMP input must be a JSON object"),
		"[1]":                                    failed(classGeneric, "QMP input must be a JSON object"),
		`{"a":1,"a":2}`:                          parse("duplicate key"),
		`{"a" 1}`:                                parse("missing : in object pair"),
		`{"a":1 "b":2}`:                          parse("expected separator in dict"),
		`{5:1}`:                                  parse("key is not a string in object"),
		`[1 2]`:                                  parse("expected separator in list"),
		`{"a":}`:                                 parse("expecting value"),
		`}`:                                      parse("expecting value"),
		`]`:                                      parse("expecting value"),
		`"\q"`:                                   parse("invalid escape sequence in string"),
		`"\ud800x"`:                              parse("invalid Unicode sequence in string"),
		`"\u0000"`:                               parse("invalid Unicode sequence in string"),
		"\"\xc0\x80\"":                           parse("invalid UTF-8 sequence in string"),
		"@@@\n":                                  parse("stray '@'"),
		"\"abc\n":                                parse("stray '\"abc\n'"),
		"007 ":                                   parse("stray '007'"),
		"- ":                                     parse("stray '-'"),
		`{"execute":1}`:                          failed(classGeneric, "QMP input member 'execute' must be a string"),
		`{"exec":1}`:                             failed(classGeneric, "QMP input member 'exec' is unexpected"),
		`{"id":1}`:                               "{\"error\": {\"class\": \"GenericError\", \"desc\": \"QMP input lacks member 'execute'\"}, \"id\": 1}\r\n",
		`{}`:                                     failed(classGeneric, "QMP input lacks member 'execute'"),
		`{"execute":"stop","arguments":5}`:       failed(classGeneric, "QMP input member 'arguments' must be an object"),
		`{"execute":"nothing"}`:                  failed(classNoCommand, "The command nothing has not been found"),
		`{"execute":"qmp_capabilities"}`:         failed(classNoCommand, "Capabilities negotiation is already complete, command ignored"),
		`{"execute":"stop","arguments":{"x":1}}`: failed(classGeneric, "Parameter 'x' is unexpected"),
		`{"execute":"eject","arguments":{"device":5}}`:                         failed(classGeneric, "Invalid parameter type for 'device', expected: string"),
		`{"execute":"send-key"}`:                                               failed(classGeneric, "Parameter 'keys' is missing"),
		`{"execute":"send-key","arguments":{"keys":"a"}}`:                      failed(classGeneric, "Invalid parameter type for 'keys', expected: array"),
		`{"execute":"send-key","arguments":{"keys":[{"type":"qcode"}]}}`:       failed(classGeneric, "Parameter 'keys[0].data' is missing"),
		`{"execute":"screendump","arguments":{"filename":"x","format":"bmp"}}`: failed(classGeneric, "Parameter 'format' does not accept value 'bmp'"),
		strings.Repeat("[", 1025) + "\n":                                       failed(classGeneric, "JSON nesting depth limit exceeded"),
		`{"execute":"` + strings.Repeat("x", 2<<20) + "\"}\n":                  failed(classGeneric, "JSON message size limit exceeded"),
		"\xff\x00\n": parse("stray '\x00'"),
	} {
		name := in[:min(len(in), 60)]
		if out := say(&fake{}, in+` {"execute":"stop"}`); out != want+done {
			t.Errorf("%s: %q, want %q", name, out[:min(len(out), 300)], want+done)
		}
	}
	var out strings.Builder
	s := NewSession(&fake{}, &out)
	s.Begin()
	s.Event(&inspect.Notice{}) // not yet
	s.Input([]byte(`{"execute":"stop"}{"execute":"qmp_capabilities","arguments":{"enable":["oob"]}}`))
	if want := `{"QMP": {"version": {"qemu": {"micro": 0, "minor": 2, "major": 7}, "package": "goemu 9.9"}, "capabilities": []}}` + "\r\n" +
		failed(classNoCommand, "Expecting capabilities negotiation with 'qmp_capabilities'") +
		failed(classGeneric, "Parameter 'enable[0]' does not accept value 'oob'"); out.String() != want {
		t.Errorf("%s, want %s", out.String(), want)
	}
}

// A message may come in pieces of any size.
func TestPieces(t *testing.T) {
	var out strings.Builder
	s := NewSession(&fake{}, &out)
	s.Begin()
	out.Reset()
	for _, b := range []byte(`{"execute": "qmp_capabilities"} {"execute": "query-name", "id": "\u00e9\ud83d\ude00\n\"\\\/"}`) {
		s.Input([]byte{b})
	}
	if want := done + `{"return": {"name": "me"}, "id": "\u00E9\uD83D\uDE00\n\"\\/"}` + "\r\n"; out.String() != want {
		t.Errorf("%s, want %s", out.String(), want)
	}
}

func TestEvents(t *testing.T) {
	var out strings.Builder
	s := NewSession(&fake{}, &out)
	s.Begin()
	s.Input([]byte(`{"execute": "qmp_capabilities"}`))
	for _, c := range []struct {
		n    inspect.Notice
		want string
	}{
		{inspect.Notice{Kind: inspect.NoticeStopped}, `"event": "STOP"}`},
		{inspect.Notice{Kind: inspect.NoticeResumed}, `"event": "RESUME"}`},
		{inspect.Notice{Kind: inspect.NoticeShutdown, Reason: inspect.ReasonGuestShutdown}, `"event": "SHUTDOWN", "data": {"guest": true, "reason": "guest-shutdown"}}`},
		{inspect.Notice{Kind: inspect.NoticeReset, Reason: inspect.ReasonHostQMPReset}, `"event": "RESET", "data": {"guest": false, "reason": "host-qmp-system-reset"}}`},
		{inspect.Notice{Kind: inspect.NoticePanicked, Action: "pause"}, `"event": "GUEST_PANICKED", "data": {"action": "pause"}}`},
		{inspect.Notice{Kind: inspect.NoticeTrayMoved, Device: "cd", TrayOpen: true}, `"event": "DEVICE_TRAY_MOVED", "data": {"device": "cd", "id": "cd", "tray-open": true}}`},
		{inspect.Notice{Kind: inspect.NoticeBlockError, Device: "hd", Action: "stop", Error: "EIO"},
			`"event": "BLOCK_IO_ERROR", "data": {"device": "hd", "operation": "read", "action": "stop", "reason": "EIO"}}`},
		{inspect.Notice{Kind: inspect.NoticeBlockError, Device: "hd", Write: true, Action: "stop", Error: "ENOSPC"},
			`"event": "BLOCK_IO_ERROR", "data": {"device": "hd", "operation": "write", "action": "stop", "reason": "ENOSPC"}}`},
		{inspect.Notice{Kind: inspect.NoticeRTCChanged, Offset: -5}, `"event": "RTC_CHANGE", "data": {"offset": -5, "qom-path": "/machine/rtc"}}`},
	} {
		out.Reset()
		c.n.Time = time.Unix(12, 345678000)
		s.Event(&c.n)
		if want := `{"timestamp": {"seconds": 12, "microseconds": 345678}, ` + c.want + "\r\n"; out.String() != want {
			t.Errorf("%s, want %s", out.String(), want)
		}
		typ := events[c.n.Kind.String()]
		if data, _ := eventData(&c.n).(object); typ != "" {
			if err := check("data", typ, normal(data)); err != nil {
				t.Errorf("%s: %v", c.n.Kind, err)
			}
		}
	}
}

// normal gives a value as it arrives.
func normal(v any) any {
	return normalLine(string(appendJSON(nil, v)) + " ")
}

// What the commands answer is what the schema says.
func TestSchema(t *testing.T) {
	known := map[string]object{}
	for _, o := range schema() {
		name := o.get("name").(string)
		if known[name] != nil {
			t.Errorf("%s is described twice", name)
		}
		known[name] = o
		if err := check(name, "SchemaInfo", normal(o)); err != nil {
			t.Error(err)
		}
	}
	refer := func(from string, v any) {
		if s, _ := v.(string); known[s] == nil {
			t.Errorf("%s refers to %q, which is not there", from, s)
		}
	}
	for name, o := range known {
		switch o.get("meta-type") {
		case "command":
			refer(name, o.get("arg-type"))
			refer(name, o.get("ret-type"))
		case "array":
			refer(name, o.get("element-type"))
		case "object":
			for _, m := range o.get("members").([]object) {
				refer(name, m.get("type"))
			}
		}
	}
	s := NewSession(&fake{}, io.Discard)
	for _, c := range commands {
		if !strings.HasPrefix(c.name, "query-") {
			continue
		}
		v, err := c.do(s, arguments{})
		if err == nil {
			err = check("return", c.ret, normal(v))
		}
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func FuzzSession(f *testing.F) {
	f.Add([]byte(`{"execute":"query-status","id":[1,{"a":-5.5e3,"b":"\u00e9\"'"}]} @ {'execute':'send-key','arguments':{"keys":[{"type":"qcode","data":"a"}]}}`))
	f.Add([]byte(`}]{"execute":"query-qmp-schema"}{"a":[}` + "\xff\x00\"\n{\"execute\":\"stop\"}"))
	f.Fuzz(func(t *testing.T, in []byte) {
		if s := string(in); strings.Contains(s, "save") || strings.Contains(s, "dump") || strings.Contains(s, `\u`) {
			return // would write files
		}
		out := say(&fake{}, string(in)+"\n@\n")
		for _, line := range strings.Split(strings.TrimSuffix(out, "\r\n"), "\r\n") {
			if normalLine(line) == nil {
				t.Errorf("answers what is no JSON: %q", line)
			}
		}
	})
}

func normalLine(line string) (o any) {
	x := lexer{emit: func(tokens []token, err error) {
		if err == nil {
			o, _ = parse(tokens)
		}
	}}
	x.feed([]byte(line))
	return o
}
