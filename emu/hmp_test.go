package emu

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The log begins and ends while the machine runs, and says all of what is translated then.
func TestMonitorLog(t *testing.T) {
	for _, accel := range []Accel{AccelAuto, AccelInterp} {
		file := filepath.Join(t.TempDir(), "log")
		m, err := New(Config{Firmware: "bios-256k.bin", Accel: accel, Serial: []string{"none"}, ConsoleOut: io.Discard})
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() {
			m.Run()
			close(ended)
		}()
		human := func(line string) string { return monitored{m}.Human(line) }
		until := func(word string) {
			for {
				p, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				if strings.Contains(string(p), word) {
					return
				}
				time.Sleep(time.Millisecond)
			}
		}
		if out := human("logfile " + file + "\nlog exec,in_asm"); out != "" {
			t.Fatal(out)
		}
		until("IN:")
		until("Trace")
		for _, items := range []string{"none", "int", "unimp,mmu", "none"} {
			if out := human("log " + items); out != "" {
				t.Fatal(out)
			}
		}
		before, _ := os.Stat(file)
		for i := range 3 {
			if out := human("system_reset"); out != "" {
				t.Errorf("reset %d: %s", i, out)
			}
		}
		if after, _ := os.Stat(file); before.Size() != after.Size() {
			t.Error("the log goes on")
		}
		if out := human("log frob"); !strings.Contains(out, `unknown log item "frob"`) {
			t.Error(out)
		}
		if out := human("boot_set q"); !strings.Contains(out, "q") || !strings.HasPrefix(out, "Error") {
			t.Error(out)
		}
		if out := human("boot_set dc"); out != "boot device list now set to dc\r\n" {
			t.Error(out)
		}
		m.see(func() error {
			if m.board.RTC.CMOS(0x3d) != 0x23 {
				t.Errorf("CMOS memory has %#x, want %#x: CD-ROM, then hard disk", m.board.RTC.CMOS(0x3d), 0x23)
			}
			return nil
		})
		if out := human("info roms"); !strings.Contains(out, "addr=00000000fffc0000 size=0x040000 mem=rom name=\"bios-256k.bin\"\r\n") || !strings.Contains(out, "fw=etc/acpi/tables size=0x") {
			t.Error(out)
		}
		if out := human("info lapic"); !strings.Contains(out, "\nLVT0\t 0x") || !strings.Contains(out, "\nSPIV\t 0x") {
			t.Error(out)
		}
		if err := m.SetAction("shutdown", "frob"); err == nil {
			t.Error("an action that is not known is taken")
		}
		if err := m.SetAction("reboot", "shutdown"); err != nil {
			t.Error(err)
		}
		human("system_reset") // which ends it now
		<-ended
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
}
