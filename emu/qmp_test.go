package emu

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"goemu/tests/sockets"
)

// client is a program that speaks QMP.
type client struct {
	t      *testing.T
	w      io.Writer
	r      *bufio.Reader
	events []string
}

// read reads a message.
func (c *client) read() map[string]any {
	c.t.Helper()
	line, err := c.r.ReadBytes('\n')
	if err != nil {
		c.t.Fatal(err)
	}
	m := map[string]any{}
	if err := json.Unmarshal(line, &m); err != nil {
		c.t.Fatalf("%s: %v", line, err)
	}
	return m
}

// say sends a command and reads to its answer. Events before it are kept.
func (c *client) say(command string, args string) map[string]any {
	c.t.Helper()
	if args != "" {
		args = `, "arguments": {` + args + "}"
	}
	fmt.Fprintf(c.w, `{"execute": "%s"%s}`+"\n", command, args)
	for {
		m := c.read()
		if m["event"] == nil {
			return m
		}
		c.events = append(c.events, m["event"].(string))
	}
}

// until reads to an event.
func (c *client) until(event string) map[string]any {
	c.t.Helper()
	for {
		if m := c.read(); m["event"] == event {
			return m
		}
	}
}

func dialQMP(t *testing.T, path string) *client {
	t.Helper()
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	c := &client{t: t, w: conn, r: bufio.NewReader(conn)}
	if c.read()["QMP"] == nil {
		t.Fatal("no greeting")
	}
	if r := c.say("qmp_capabilities", ""); r["return"] == nil {
		t.Fatal(r)
	}
	return c
}

// TestQMP has two programs and a person talk to a machine.
func TestQMP(t *testing.T) {
	dir := sockets.Dir(t)
	a, b, screen, mem := filepath.Join(dir, "a"), filepath.Join(dir, "b"), filepath.Join(dir, "s"), filepath.Join(dir, "mem")
	iso := filepath.Join(dir, "x.iso")
	if err := os.WriteFile(iso, make([]byte, 4096), 0o600); err != nil {
		t.Fatal(err)
	}
	m, err := New(Config{Firmware: "bios-256k.bin", Serial: []string{"chardev:r"}, ConsoleOut: io.Discard,
		QMP:      []string{"unix:" + a + ",server=on,wait=off"},
		Chardevs: []string{"socket,id=b,path=" + b + ",server=on,wait=off", "ringbuf,id=r"},
		Mon:      []string{"chardev=b,mode=control"}, Drives: []string{"if=none,id=c,media=cdrom"}, Devices: []string{"ide-cd,drive=c,id=cd"}})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	ended := make(chan int)
	go func() {
		status, _ := m.Run()
		ended <- status
	}()
	one, two := dialQMP(t, a), dialQMP(t, b)
	ok := func(r map[string]any) any {
		t.Helper()
		if r["return"] == nil {
			t.Fatal(r)
		}
		return r["return"]
	}
	ok(one.say("stop", ""))
	if e := two.until("STOP"); e["timestamp"].(map[string]any)["seconds"].(float64) < 1e9 {
		t.Error(e)
	}
	if s := ok(two.say("query-status", "")).(map[string]any); s["status"] != "paused" || s["running"] != false {
		t.Error(s)
	}
	ok(one.say("screendump", `"filename": "`+screen+`"`))
	if p, err := os.ReadFile(screen); err != nil || !strings.HasPrefix(string(p), "P6\n") {
		t.Errorf("%.20q, %v", p, err)
	}
	// The BIOS's entry, as processors and as devices see it.
	ok(one.say("pmemsave", `"val": 4294967280, "size": 16, "filename": "`+mem+`"`))
	if p, err := os.ReadFile(mem); err != nil || len(p) != 16 || p[0] != 0xea {
		t.Errorf("% x, %v", p, err)
	}
	if r := one.say("pmemsave", `"val": 68719476736, "size": 16, "filename": "`+mem+`"`); r["error"] == nil {
		t.Error(r)
	}
	ok(two.say("cont", ""))
	one.until("RESUME")
	ok(two.say("blockdev-open-tray", `"id": "cd"`))
	one.until("DEVICE_TRAY_MOVED")
	ok(two.say("blockdev-change-medium", `"id": "cd", "filename": "`+iso+`"`))
	one.until("DEVICE_TRAY_MOVED")
	var cd map[string]any
	for _, d := range ok(two.say("query-block", "")).([]any) {
		if cd = d.(map[string]any); cd["qdev"] == "cd" {
			break
		}
	}
	if cd["qdev"] != "cd" || cd["inserted"].(map[string]any)["image"].(map[string]any)["virtual-size"] != 4096.0 {
		t.Error(cd)
	}
	ok(two.say("ringbuf-write", `"device": "r", "data": "hello"`))
	if s := ok(two.say("ringbuf-read", `"device": "r", "size": 100`)).(string); !strings.Contains(s, "hello") {
		t.Errorf("%q", s)
	}
	ok(two.say("chardev-send-break", `"id": "r"`))
	ok(two.say("send-key", `"keys": [{"type": "qcode", "data": "ret"}]`))
	ok(two.say("input-send-event", `"events": [{"type": "rel", "data": {"axis": "x", "value": 5}}, {"type": "btn", "data": {"button": "left", "down": true}}]`))
	if s := ok(two.say("human-monitor-command", `"command-line": "info status"`)); s != "VM status: running\r\n" {
		t.Errorf("%q", s)
	}
	ok(one.say("system_reset", ""))
	two.until("RESET")
	ok(one.say("stop", ""))
	ok(two.say("inject-nmi", ""))
	if r := one.say("quit", ""); r["return"] == nil {
		t.Error(r)
	}
	if e := two.until("SHUTDOWN")["data"].(map[string]any); e["reason"] != "host-qmp-quit" || e["guest"] != false {
		t.Error(e)
	}
	if status := <-ended; status != 0 {
		t.Errorf("status %d", status)
	}
	for _, p := range []string{a, b} {
		if _, err := os.Stat(p); err == nil {
			t.Errorf("%s is left", p)
		}
	}
}

// shape lists the members of a value with their types. The first element of an array stands for all of it.
func shape(path string, v any, out map[string]string) {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			shape(path+"."+k, e, out)
		}
	case []any:
		out[path] = "array"
		if len(v) > 0 {
			shape(path+"[]", v[0], out)
		}
	default:
		out[path] = fmt.Sprintf("%T", v)
	}
}

// TestQMPAgainstQEMU compares what goemu and QEMU answer: which members, of which types, and errors to the letter.
func TestQMPAgainstQEMU(t *testing.T) {
	dir := sockets.Dir(t)
	disk := filepath.Join(dir, "disk")
	for _, f := range []string{disk, disk + "2"} {
		if err := os.WriteFile(f, make([]byte, 1<<20), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("qemu-system-x86_64", "-accel", "tcg", "-display", "none", "-S", "-smp", "2", "-qmp", "stdio", "-nodefaults", "-serial", "null",
		"-drive", "if=none,id=d,format=raw,file="+disk, "-device", "ide-hd,drive=d,id=x")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill() // it does not end with its standard input
	theirs := &client{t: t, w: in, r: bufio.NewReader(out)}
	socket := filepath.Join(dir, "q")
	m, err := New(Config{Firmware: "bios-256k.bin", CPUs: 2, NoDefaults: true, Serial: []string{"null"}, QMP: []string{"unix:" + socket + ",server,nowait"},
		Stopped: true, Drives: []string{"if=none,id=d,format=raw,file=" + disk + "2"}, Devices: []string{"ide-hd,drive=d,id=x"}})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		m.Run()
		close(ended)
	}()
	conn, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ours := &client{t: t, w: conn, r: bufio.NewReader(conn)}

	// Where goemu does otherwise, and why.
	differs := map[string]string{
		"query-block return[].inserted.node-name":               "there are no block nodes",
		"query-block return[].inserted.image.actual-size":       "not known of devices",
		"query-block return[].inserted.image.dirty-flag":        "of formats that goemu does not read",
		"query-pci return[].devices[].class_info.desc":          "classes are numbers",
		"query-machines return[].alias":                         "boards have no versions",
		"query-machines return[].default-ram-id":                "there are no memory objects",
		"query-machines return[].is-default":                    "the first need not be the default",
		"query-cpu-definitions return[].migration-safe":         "there is no migration",
		"query-cpu-definitions return[].alias-of":               "models have no versions",
		"query-cpu-definitions return[].unavailable-features[]": "what goemu lacks it does not offer",
	}
	compare := func(what string, a, b map[string]any) {
		t.Helper()
		x, y := map[string]string{}, map[string]string{}
		shape("", a, x)
		shape("", b, y)
		paths := map[string]bool{}
		for p := range x {
			paths[p] = true
		}
		for p := range y {
			paths[p] = true
		}
		var list []string
		for p := range paths {
			list = append(list, p)
		}
		sort.Strings(list)
		for _, p := range list {
			if key := what + " " + strings.TrimPrefix(p, "."); x[p] != y[p] && differs[key] == "" {
				t.Errorf("%s: %q here, %q in QEMU", key, x[p], y[p])
			}
		}
	}
	compare("greeting", map[string]any{"QMP": ours.read()["QMP"].(map[string]any)["version"]}, map[string]any{"QMP": theirs.read()["QMP"].(map[string]any)["version"]})
	for _, c := range []string{"query-status", "qmp_capabilities", "query-status", "query-version", "query-cpus-fast", "query-block", "query-chardev", "query-name", "query-uuid",
		"query-kvm", "query-machines", "query-cpu-definitions", "query-memory-size-summary", "query-target", "query-current-machine", "query-mice", "query-commands", "query-pci",
		"cont", "stop", "system_wakeup"} {
		compare(c, ours.say(c, ""), theirs.say(c, ""))
	}
	for _, line := range []string{
		`{"execute":"nothing"}`, `{"execute":"eject"}`, `{"execute":"eject","arguments":{"device":5}}`, `{"execute":"eject","arguments":{"device":"x1"}}`,
		`{"execute":"stop","arguments":{"x":1}}`, `{"exec":1}`, `[1]`, `5`, `"x"`, `{"execute":1}`, `{"id":1}`, `{"execute":"query-status","arguments":[]}`, `{"execute":"send-key"}`,
		`{"execute":"send-key","arguments":{"keys":"a"}}`, `{"execute":"send-key","arguments":{"keys":[{"type":"qcode"}]}}`,
		`{"execute":"send-key","arguments":{"keys":[{"type":"number","data":30}],"hold-time":"x"}}`,
		`{"execute":"screendump","arguments":{"filename":"x","format":"bmp"}}`, `{"execute":"memsave","arguments":{"val":0,"size":1,"filename":"x","cpu-index":7}}`,
		`{"execute":"input-send-event","arguments":{"events":[]}}`, `{"execute":"ringbuf-read","arguments":{"device":"x","size":5}}`, `{"execute":"chardev-send-break","arguments":{"id":"zz"}}`,
		`{"execute":"qmp_capabilities"}`, `{"a":1,"a":2}`, `{"a" 1}`, `{"a":1 "b"}`, `{5:1}`, `[1 2]`, `{"a":}`, `}`, `"\q"`, `blah`, `@@`, `"abc`, `{"execute":"query-name","id":{"x":[1,-2,null,true,"é"]}}`,
		`{'execute':'query-name','id':'it\'s'}`,
	} {
		var answers [2]string
		for i, c := range []*client{ours, theirs} {
			fmt.Fprintln(c.w, line)
			m := c.read()
			for m["event"] != nil {
				m = c.read()
			}
			p, err := json.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			answers[i] = string(p)
		}
		if answers[0] != answers[1] {
			t.Errorf("%s:\n%s here\n%s in QEMU", line, answers[0], answers[1])
		}
	}
	for _, c := range []*client{ours, theirs} {
		c.say("quit", "")
	}
	<-ended
	m.Close()
}
