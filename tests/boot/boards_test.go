package boot

import (
	"bufio"
	"fmt"
	"net"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"goemu/tests/guest"
	"goemu/tests/sockets"
)

// boards have what the kernel finds on each board: PCI functions by address, vendor, device and class, and lines of its log.
var boards = []struct {
	name, lspci string
	log         []string
}{
	{"pc", `00:00.0 8086:1237 060000
00:01.0 8086:7000 060100
00:01.1 8086:7010 010180
00:01.3 8086:7113 068000
00:02.0 1234:1111 030000
00:03.0 1234:11e8 00ff00`, []string{"PCI: Using configuration type 1"}},
	{"q35", `00:00.0 8086:29c0 060000
00:01.0 1234:1111 030000
00:02.0 1234:11e8 00ff00
00:1f.0 8086:2918 060100
00:1f.2 8086:2922 010601
00:1f.3 8086:2930 0c0500`, []string{
		`PCI: MMCONFIG at \[mem 0xb0000000-0xbfffffff\] reserved`,
		`quirk: \[io  0x0600-0x067f\] claimed by ICH6 ACPI/GPIO/TCO`,
	}},
}

// lspci prints an address, IDs and class of each function.
const lspci = `for d in /sys/bus/pci/devices/*; do echo $(basename $d | cut -c6-) ` +
	`$(cut -c3- $d/vendor):$(cut -c3- $d/device) $(cut -c3- $d/class); done`

// TestBoards boots on each board with two processors, sleeps, resets and powers off.
func TestBoards(t *testing.T) {
	t.Parallel()
	for _, b := range boards {
		for _, engine := range engines {
			t.Run(b.name+" "+engine, func(t *testing.T) {
				t.Parallel()
				socket := filepath.Join(sockets.Dir(t), "monitor")
				s := boot(t, "-monitor", "unix:"+socket+",server,nowait", "-M", b.name, "-accel", engine, "-smp", "2", "-device", "edu")
				if got := s.Run(lspci); !strings.Contains(strings.ReplaceAll(got, "\r", ""), b.lspci) {
					t.Errorf("PCI functions:\n%s\nwant\n%s", got, b.lspci)
				}
				for _, line := range append(b.log, `ACPI: PM: \(supports S0 S3 S4 S5\)`) {
					if !regexp.MustCompile(line).MatchString(s.Output()) {
						t.Errorf("the kernel does not say %q", line)
					}
				}

				// Suspend to RAM; the monitor wakes.
				s.Send("echo mem > /sys/power/state; echo status $?; dmesg | grep -c 'PM: suspend exit'; nproc; echo end-$((40+2))\n")
				wake(t, socket)
				if got := s.Expect("end-42"); !regexp.MustCompile(`status 0\s+1\s+2`).MatchString(got) {
					t.Errorf("suspend to RAM: %s", got)
				}

				s.Send("reboot -f\n")
				s.Expect("goemu-guest: shell")
				s.Expect("guest# ")
				shell(t, s, "x86_64")
			})
		}
	}
}

// wake waits until the guest is asleep, and wakes it, by the monitor at a socket.
func wake(t *testing.T, socket string) {
	t.Helper()
	c, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(guest.Patience)); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(c)
	for state := ""; !strings.Contains(state, "suspended"); {
		fmt.Fprintln(c, "info status")
		for state = ""; !strings.Contains(state, "VM status"); {
			if state, err = r.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
		}
	}
	fmt.Fprintln(c, "system_wakeup")
}
