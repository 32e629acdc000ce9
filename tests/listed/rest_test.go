package listed

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"goemu/tests/guest"
	"goemu/tests/sockets"
)

// client is a program that speaks QMP with goemu.
type client struct {
	*guest.Session
	t *testing.T
}

func start(t *testing.T, args ...string) *client {
	t.Helper()
	c := &client{guest.Start(t, append(args, "-display", "none", "-qmp", "stdio")...), t}
	c.Expect(`{"QMP"`)
	c.say("qmp_capabilities", "")
	return c
}

// say does a command and gives what it returns, as JSON.
func (c *client) say(command, arguments string) string {
	c.t.Helper()
	c.Send(fmt.Sprintf(`{"execute":%q,"arguments":{%s},"id":"?"}`+"\n", command, arguments))
	before := c.Expect(`"id": "?"}`)
	line := before[strings.LastIndex(before, "\n")+1:] + `"id": "?"}`
	var m map[string]any
	if err := json.Unmarshal([]byte(line), &m); err != nil || m["error"] != nil {
		c.t.Fatalf("%s: %s (%v)", command, line, err)
	}
	return line
}

// human does a line of the monitor's.
func (c *client) human(line string) string {
	c.t.Helper()
	return c.say("human-monitor-command", fmt.Sprintf(`"command-line":%q`, line))
}

func (c *client) want(got, want string) {
	c.t.Helper()
	if ok, err := regexp.MatchString(want, got); !ok || err != nil {
		c.t.Errorf("%s: want %s (%v)", got, want, err)
	}
}

// Commands that no other test uses with a real machine.
func TestCommands(t *testing.T) {
	c := start(t, "-S", "-no-hpet", "-no-user-config", "-accel", "interp", "-vnc", "unix:"+filepath.Join(sockets.Dir(t), "v")+",password=on", "-drive", "if=none,id=c,media=cdrom",
		"-device", "ide-cd,drive=c,id=cd")
	c.say("change-vnc-password", `"password":"one"`)
	c.say("set_password", `"protocol":"vnc","password":"two"`)
	c.want(c.human("set_password vnc three"), `"return": ""`)
	c.say("blockdev-open-tray", `"id":"cd"`)
	c.want(c.say("query-block", ""), `"tray_open": true`)
	c.say("blockdev-close-tray", `"id":"cd"`)
	c.want(c.say("query-block", ""), `"tray_open": false`)
	c.say("trace-event-set-state", `"name":"machine_resume","enable":true`)
	c.want(c.say("trace-event-get-state", `"name":"machine_*"`), `\{"name": "machine_resume", "vcpu": false, "state": "enabled"\}`)
	c.want(c.human("info trace-events machine_r*"), `machine_resume : state 1\\r\\nmachine_reset : state 0`)
	c.want(c.say("query-dump-guest-memory-capability", ""), `"formats": \["elf"\]`)
	c.want(c.say("x-accel", `"accel":"interp"`), `"return": \{\}`)
	c.want(c.human("info accelerators"), `interp`)
	c.want(c.human("info block"), `cd.*not inserted`)
	c.want(c.human("info mtree"), `fec00000`)
	if tree := c.human("info mtree"); strings.Contains(tree, "fed00000") {
		t.Errorf("-no-hpet leaves it there: %s", tree)
	}
	c.want(c.human("mouse_button 1"), `"return": ""`)
	c.say("cont", "")
	c.Expect("machine_resume time=")
	c.say("quit", "")
	if status := c.Wait(); status != 0 {
		t.Errorf("exit status %d", status)
	}
	c.want(output(t, "info version\ninfo history\nquit\n", "-display", "none", "-S", "-monitor", "stdio"), `'info version'`)
	c.want(output(t, "", "-version"), `(?m)^QEMU emulator version \d`)
	c.want(output(t, "", "-help"), `(?m)^ *-m `)
}

// A guest that powers off leaves a machine with -no-shutdown, stopped.
func TestNoShutdown(t *testing.T) {
	kernel := filepath.Join(t.TempDir(), "kernel")
	cmd := exec.Command("nasm", "-f", "bin", "-o", kernel, "kernel.asm")
	cmd.Dir = root + "/tests/commands"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("nasm: %v\n%s", err, out)
	}
	c := start(t, "-no-shutdown", "-kernel", kernel, "-serial", "null")
	for end := time.Now().Add(guest.Patience); !strings.Contains(c.say("query-status", ""), `"status": "shutdown"`); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it goes on: %s", c.Output())
		}
	}
	c.say("quit", "")
	if status := c.Wait(); status != 0 {
		t.Errorf("exit status %d", status)
	}
}

// Disks and flash by their short options are where they belong.
func TestShortDrives(t *testing.T) {
	dir := t.TempDir()
	for name, size := range map[string]int64{"disk": 1 << 20, "flash": 128 << 10} {
		f := filepath.Join(dir, name)
		if err := os.WriteFile(f, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(f, size); err != nil {
			t.Fatal(err)
		}
	}
	c := start(t, "-S", "-hdc", filepath.Join(dir, "disk"), "-pflash", filepath.Join(dir, "flash"))
	c.want(c.say("query-block", ""), `"device": "ide1-hd0"`)
	c.want(c.human("info mtree"), `00000000fffe0000-00000000ffffffff \(prio 0, romd\)`)
	c.say("quit", "")
}

// With -enable-kvm the guest runs on KVM, or goemu says that it cannot.
func TestEnableKVM(t *testing.T) {
	cmd := exec.Command(guest.Goemu(t), "-enable-kvm", "-display", "none", "-S", "-monitor", "stdio")
	cmd.Stdin = strings.NewReader("info kvm\nquit\n") // which it may not come to read
	if out, err := cmd.CombinedOutput(); err != nil && !strings.Contains(string(out), "KVM") || err == nil && !strings.Contains(string(out), "kvm support: enabled") {
		t.Errorf("%v: %s", err, out)
	}
}
