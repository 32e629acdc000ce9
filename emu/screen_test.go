package emu

import (
	"bytes"
	"fmt"
	"goemu/devices/vga"
	"image/png"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestScreen boots stock firmware, which has nothing to boot, and looks at what it says.
func TestScreen(t *testing.T) {
	if _, err := os.Stat("/usr/share/seabios/bios-256k.bin"); err != nil {
		t.Fatalf("%v: run tests/setup", err)
	}
	m, err := New(Config{Firmware: "bios-256k.bin", Serial: []string{"none"}, ConsoleOut: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		m.Run()
		close(ended)
	}()
	for {
		lines, err := m.ScreenText()
		if err == nil && strings.HasPrefix(lines[0], "SeaBIOS") && strings.Contains(strings.Join(lines, "\n"), "No bootable device") {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	err = m.do(func() error { // meanwhile the guest stands still, but time goes on
		v := m.board.VGA
		var still, again, live vga.Frame
		live.Live = true
		v.Look(&still)
		v.Look(&live)
		for first := slices.Clone(live.Pix); slices.Equal(first, live.Pix); v.Look(&live) {
			time.Sleep(10 * time.Millisecond) // until the cursor has blinked
		}
		v.Look(&again)
		if !slices.Equal(still.Pix, again.Pix) {
			t.Error("another picture of a still screen")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	m.Stop(0)
	<-ended
	var dump bytes.Buffer
	if err := m.Screendump(&dump); err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(&dump)
	if err != nil {
		t.Fatal(err)
	}
	if s := img.Bounds().Size(); s.X != 720 || s.Y != 400 {
		t.Errorf("%dx%d dots", s.X, s.Y)
	}
}

func TestNoScreen(t *testing.T) {
	m, err := New(Config{NoVGA: true, Serial: []string{"none"}, ConsoleOut: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	if m.Screendump(io.Discard) == nil {
		t.Error("a picture without a display adapter")
	}
	if _, err := m.ScreenText(); err == nil {
		t.Error("text without a display adapter")
	}
	m.Stop(0)
	m.Run()
	for _, d := range []string{"VGA,vgamem_mb=3", "VGA,vgamem_mb=512", "VGA,romfile=/no/such", "VGA,xres=9999", "VGA,depth=8"} {
		if _, err := New(Config{Devices: []string{d}, Serial: []string{"none"}, ConsoleOut: io.Discard}); err == nil || !strings.Contains(err.Error(), "VGA") {
			t.Errorf("-device %s: %v", d, err)
		}
	}
}

// The built-in firmware leaves the image of a display adapter's ROM to firmware of others, and says so.
func TestOwnVideoBIOS(t *testing.T) {
	for _, boots := range []bool{false, true} {
		m, err := New(Config{PowerOn: boots, Devices: []string{"VGA,romfile="}, Serial: []string{"none"}, ConsoleOut: io.Discard})
		if err != nil {
			t.Fatal(err)
		}
		if warned := strings.Contains(strings.Join(m.Warnings(), "\n"), "romfile="); warned != boots {
			t.Errorf("boots %v: warnings %q", boots, m.Warnings())
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestTracking looks at a screen to which a guest writes in all ways: a picture that is kept up to date by what has been tracked is always the same as
// a new one.
func TestTracking(t *testing.T) {
	kernel := filepath.Join(t.TempDir(), "paint")
	for _, args := range [][]string{{"-o", kernel}, {"-o", kernel + "kvm", "-DINTEGER"}} {
		if msg, err := exec.Command("nasm", append(args, "-f", "bin", "-w-all", "testdata/paint.asm")...).CombinedOutput(); err != nil {
			t.Fatalf("nasm: %v\n%s", err, msg)
		}
	}
	engines := []Accel{AccelTCG, AccelInterp}
	if err := kvmUsable(); err == nil {
		engines = append(engines, AccelKVM)
	} else {
		t.Log("NO KVM HERE: ", err)
	}
	for _, accel := range engines {
		kernel := kernel
		if accel == AccelKVM {
			kernel += "kvm"
		}
		m, err := New(Config{Accel: accel, Memory: 32 << 20, Kernel: kernel, Serial: []string{"none"}, ConsoleOut: io.Discard})
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() {
			m.Run()
			close(ended)
		}()
		if err := m.Watch(true); err != nil {
			t.Fatal(err)
		}
		live := vga.Frame{Live: true}
		painted := 0
		for n := 0; n < 60 || painted < 20; n++ {
			err := m.do(func() error {
				var fresh vga.Frame
				m.board.VGA.Look(&live)
				m.board.VGA.Look(&fresh)
				if live.Width != 640 {
					return nil // text, whose cursor blinks in the one
				}
				if slices.Contains(live.Dirty, true) {
					painted++
				}
				if !slices.Equal(live.Pix, fresh.Pix) {
					return fmt.Errorf("look %d misses what was written", n)
				}
				return nil
			})
			if err != nil {
				t.Error(err)
				break
			}
			time.Sleep(2 * time.Millisecond)
		}
		m.Stop(0)
		<-ended
	}
}
