package vnc

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"goemu/tests/guest"
	"goemu/tests/sockets"
)

// The monitor and QMP tell of the display and who looks at it as QEMU's do.
func TestInfo(t *testing.T) {
	for _, c := range []struct {
		name   string
		vnc    []string
		viewer bool
	}{
		{"none", nil, false}, {"alone", []string{"-vnc", "127.0.0.1:200,to=900"}, false}, {"viewer", []string{"-vnc", "127.0.0.1:200,to=900"}, true},
		{"password", []string{"-vnc", "127.0.0.1:200,to=900,password=on"}, false}, {"socket", []string{"-vnc", "unix:SOCKET"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			ours, theirs := ask(t, guest.Goemu(t), c.vnc, c.viewer), ask(t, "qemu-system-x86_64", c.vnc, c.viewer)
			if d := cmp.Diff(theirs, ours); d != "" {
				t.Error(d)
			}
		})
	}
}

// ask runs an emulator, has a viewer connect, and gives what the emulator says then, with names instead of ports and paths.
func ask(t *testing.T, program string, vnc []string, viewer bool) (said []string) {
	t.Helper()
	socket := sockets.Dir(t) + "/s"
	args := []string{"-display", "none", "-S", "-qmp", "stdio"}
	for _, a := range vnc {
		args = append(args, strings.ReplaceAll(a, "SOCKET", socket))
	}
	cmd := exec.Command(program, args...)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	run(t, cmd)
	late := time.AfterFunc(guest.Patience, func() { cmd.Process.Kill() })
	defer late.Stop()
	r := bufio.NewReader(out)
	say := func(command, arguments string) any {
		t.Helper()
		fmt.Fprintf(in, `{"execute":%q,"arguments":{%s}}`+"\n", command, arguments)
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				t.Fatalf("%s: %s: %v", program, command, err)
			}
			var m map[string]any
			if err := json.Unmarshal([]byte(line), &m); err != nil {
				t.Fatal(err)
			}
			if m["error"] != nil {
				t.Fatal(line)
			}
			if m["return"] != nil {
				return m["return"]
			}
		}
	}
	say("qmp_capabilities", "")
	d := say("query-vnc", "").(map[string]any)
	names := []string{socket, "SOCKET"}
	if port, ok := d["service"].(string); ok && d["family"] != "unix" {
		names = append(names, port, "PORT")
	}
	if viewer {
		network, addr := "tcp", fmt.Sprintf("127.0.0.1:%s", d["service"])
		if d["family"] == "unix" {
			network, addr = "unix", socket
		}
		conn, err := net.Dial(network, addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, mine, err := net.SplitHostPort(conn.LocalAddr().String()); err == nil {
			names = append(names, mine, "VIEWER")
		}
		conn.SetDeadline(time.Now().Add(guest.Patience))
		for _, step := range []struct {
			get int
			put string
		}{{12, "RFB 003.008\n"}, {2, "\x01"}, {4, "\x01"}, {24, ""}} {
			if _, err := io.ReadFull(conn, make([]byte, step.get)); err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(conn, step.put); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, c := range [][2]string{{"query-vnc", ""}, {"query-vnc-servers", ""}, {"human-monitor-command", `"command-line":"info vnc"`}} {
		p, err := json.Marshal(say(c[0], c[1]))
		if err != nil {
			t.Fatal(err)
		}
		said = append(said, strings.NewReplacer(names...).Replace(string(p)))
	}
	say("quit", "")
	return said
}
