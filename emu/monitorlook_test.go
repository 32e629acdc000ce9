package emu

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestMonitorLooks compares what the monitor shows of SeaBIOS's ROM with what QEMU's shows of it, and looks at the rest.
func TestMonitorLooks(t *testing.T) {
	m, err := New(Config{Firmware: "bios-256k.bin", Serial: []string{"chardev:r"}, Chardevs: []string{"ringbuf,id=r"}, CPUs: 2, Stopped: true, Name: "me"})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	ended := make(chan struct{})
	go func() {
		m.Run()
		close(ended)
	}()
	h := monitored{m}
	file := filepath.Join(t.TempDir(), "mem")
	for _, c := range [][2]string{
		{"x /3xb 0xfffffff0", "00000000fffffff0: 0xea 0x5b 0xe0\n"},
		{"xp /2xw 0xffff0", "00000000000ffff0: 0x00e05bea 0x2f3630f0\n"},
		{"xp/2xw 0xffff0", "00000000000ffff0: 0x00e05bea 0x2f3630f0\n"},
		{"x /4dh 0xffff0", "00000000000ffff0: 23530   224 12528 12086\n"},
		{"x /9cb 0xffff0", "00000000000ffff0: '\\xea' '[' '\\xe0' '\\x00' '\\xf0' '0' '6' '/'\n00000000000ffff8: '2'\n"},
		{"x /1xg 0xffff0", "00000000000ffff0: 0x2f3630f000e05bea\n"},
		{"x /5ob 0xffff0", "00000000000ffff0: 0352 0133 0340   0 0360\n"},
		{"x /5ub 0xffff0", "00000000000ffff0: 234  91 224   0 240\n"},
		{"print /x 5+$eip*2", "0x1ffe5\n"},
		{"p 10", "0xa\n"},
		{"p /o 9", "011\n"},
		{"p /c 65", "'A'\n"},
		{"p /d -1", "-1\n"},
		{"p ('a'&~1|6)%50", "0x2\n"},
		{"p 1/0", "Error: division by zero\n"},
		{"p (1", "Error: ')' expected\n"},
		{"p $foo", "Error: unknown register $foo\n"},
		{"x /zz 5", "Error: invalid char in format: 'z'\n"},
		{"gva2gpa 0x1000", "gpa: 0x1000\n"},
		{"xp 0x7f00000000", "0000007f00000000: Cannot access memory\n"},
		{"info kvm", "kvm support: disabled\n"},
		{"info name", "me\n"},
		{"info uuid", "00000000-0000-0000-0000-000000000000\n"},
		{"info mem", "PG disabled\n"},
		{"cpu 3", "Error: invalid CPU index\n"},
		{"o /b 0x70 0x0f\ni /b 0x71", "portb[0x0071] = 0x00\n"},
		{"ringbuf_write r hello\nringbuf_read r 9", "hello\n"},
		{"ringbuf_read x 5", "Error: Device 'x' not found\n"},
		{"mouse_move 1 -2\nmouse_move 0 0 1\nmouse_button 4\nmouse_button 0\nchardev-send-break r", ""},
		{"pmemsave 0xffff0 3 " + file, ""},
		{"pmemsave 0x7f00000000 3 " + file + "2", "Error: nothing is at physical address 0x7f00000000\n"},
	} {
		if got := strings.ReplaceAll(h.Human(c[0]), "\r", ""); got != c[1] {
			t.Errorf("%s: %q, want %q", c[0], got, c[1])
		}
	}
	if p, err := os.ReadFile(file); string(p) != "\xea\x5b\xe0" || err != nil {
		t.Errorf("% x, %v", p, err)
	}
	for line, want := range map[string]string{
		"info registers":    "EIP=0000fff0",
		"info registers -a": "CPU#1\r\n",
		"cpu 1\ninfo cpus":  "* CPU #1",
		"info chardev":      "r: filename=ringbuf",
		"info pci":          "8086:1237",
		"info pic":          "pic1: irr=",
		"info qtree":        "bus: ",
		"info mtree":        "address-space: ",
		"info jit":          "TB count",
		"info tlb":          "PG disabled",
		"info irq":          "",
		"x /2i 0xfffffff0":  "0xfffffff0:  ea5be000f0",
		"help info":         "info qtree -- ",
		"help":              "print|p [/fmt] expression",
		"help x":            "x /10i $pc",
	} {
		if got := h.Human(line); !strings.Contains(got, want) || strings.Contains(got, "Error") {
			t.Errorf("%s: %q", line, got)
		}
	}
	m.Stop(0)
	<-ended
}
