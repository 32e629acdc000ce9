// Package qmp has programs in other languages talk to goemu.
package qmp

import (
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"goemu/tests/guest"
	"goemu/tests/sockets"
)

// A client in Python, with the modules that it comes with, finds what it expects of QMP.
func TestPython(t *testing.T) {
	for _, engine := range []string{"tcg", "interp"} {
		dir := sockets.Dir(t)
		socket := filepath.Join(dir, "qmp")
		s := guest.Start(t, "-accel", engine, "-S", "-display", "none", "-serial", "none", "-qmp", "unix:"+socket+",server=on,wait=on")
		for end := time.Now().Add(guest.Patience); ; time.Sleep(10 * time.Millisecond) {
			c, err := net.Dial("unix", socket)
			if err == nil {
				c.Close()
				break
			}
			if time.Now().After(end) {
				t.Fatalf("%s: %v: %s", engine, err, s.Output())
			}
		}
		out, err := exec.Command("/usr/bin/python3", "client.py", socket, filepath.Join(dir, "dump")).CombinedOutput()
		want := fmt.Sprintf("version True goemu\nstatus prelaunch\nstatus paused\ncommands True True\nkvm False %s\nhmp 'VM status: paused\\r\\n'\n"+
			"error DeviceNotFound CommandNotFound\ndump b'\\x7fELF'\nevents ['RESUME', 'SHUTDOWN', 'STOP']\n", engine)
		if err != nil || string(out) != want {
			t.Errorf("%s: %v\n%s\nwant\n%s", engine, err, out, want)
		}
		if status := s.Wait(); status != 0 {
			t.Errorf("%s: status %d: %s", engine, status, s.Output())
		}
	}
}
