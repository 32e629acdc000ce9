// Package vnc has stock viewers look at a guest and type into it.
package vnc

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"goemu/emu"
	"goemu/emu/vnc"
	"goemu/tests/guest"
)

// console tells what the guest has said so far.
type console chan byte

func (c console) Write(p []byte) (int, error) {
	for _, b := range p {
		c <- b
	}
	return len(p), nil
}

// expect waits until the guest has said exactly text, in which no character follows itself: on a slow host keys may be down for so long that the keyboard
// repeats them.
func (c console) expect(t *testing.T, text string) {
	t.Helper()
	var got []byte
	timeout := time.After(guest.Patience)
	for string(got) != text {
		select {
		case b := <-c:
			if n := len(got); n == 0 || got[n-1] != b {
				got = append(got, b)
			}
		case <-timeout:
			t.Fatalf("the guest got %q, want %q", got, text)
		}
		if !strings.HasPrefix(text, string(got)) {
			t.Fatalf("the guest got %q, want %q", got, text)
		}
	}
}

// start boots the guest with a display, and gives that's TCP port.
func start(t *testing.T, props string) (m *emu.Machine, s *vnc.Server, port int, c console) {
	t.Helper()
	disk := filepath.Join(t.TempDir(), "echo.img")
	if msg, err := exec.Command("nasm", "-f", "bin", "-o", disk, "echo.asm").CombinedOutput(); err != nil {
		t.Fatalf("nasm: %v\n%s", err, msg)
	}
	c = make(console, 1<<16)
	m, err := emu.New(emu.Config{
		Drives: []string{"format=raw,file=" + disk}, Serial: []string{"null"}, Debugcon: "stdio", ConsoleIn: strings.NewReader(""), ConsoleOut: c,
	})
	if err != nil {
		t.Fatal(err)
	}
	o, _, err := vnc.Parse("127.0.0.1:100,to=9999" + props)
	if err != nil {
		t.Fatal(err)
	}
	if s, err = vnc.Listen(o, ""); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(m); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if _, err := m.Run(); err != nil {
			t.Error(err)
		}
	}()
	t.Cleanup(func() {
		m.Stop(0)
		<-ended
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	c.expect(t, ">")
	return m, s, s.Addr().(*net.TCPAddr).Port, c
}

// xServer starts an X server without a screen and gives its display.
func xServer(t *testing.T) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd := exec.Command("Xvfb", "-displayfd", "3", "-r", "-screen", "0", "1024x768x24", "-nolisten", "tcp")
	cmd.ExtraFiles = []*os.File{w}
	run(t, cmd)
	w.Close()
	line, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		t.Fatalf("Xvfb does not say its display: %v: run tests/setup", err)
	}
	return ":" + strings.TrimSpace(line)
}

// run starts a program that ends with the test.
func run(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v: run tests/setup", err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
}

func decode(t *testing.T, p []byte) image.Image {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(p))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// A person types into TigerVNC's viewer, who knows the password, and the guest gets all of it; gtk-vnc's takes the same picture as screendump.
func TestViewers(t *testing.T) {
	x := xServer(t)
	ctx, cancel := context.WithTimeout(t.Context(), guest.Patience)
	defer cancel()
	const typed = "Help, World: 6*7=42 [ok] {It's \"fine\"} ~/a_b|c?"
	for _, props := range []string{"", ",password=on"} {
		m, s, port, c := start(t, props)
		args := []string{"-RemoteResize=0", "-ReconnectOnError=0", "-AlertOnFatalError=0"}
		if props != "" {
			if err := s.SetPassword("geheim"); err != nil {
				t.Fatal(err)
			}
		}
		viewer := exec.Command("vncviewer", append(args, fmt.Sprintf("127.0.0.1::%d", port))...)
		viewer.Env = append(os.Environ(), "DISPLAY="+x, "HOME="+t.TempDir(), "VNC_PASSWORD=geheim", "VNC_USERNAME=x")
		var log bytes.Buffer
		viewer.Stdout, viewer.Stderr = &log, &log
		run(t, viewer)
		typist := exec.CommandContext(ctx, "xdotool", "search", "--sync", "--onlyvisible", "--name", "goemu", "windowfocus", "--sync", "type", "--delay", "1", typed)
		typist.Env = append(os.Environ(), "DISPLAY="+x)
		if out, err := typist.CombinedOutput(); err != nil {
			t.Fatalf("xdotool: %v\n%s\n%s", err, out, &log)
		}
		c.expect(t, typed)
		viewer.Process.Kill()
		viewer.Wait()
		if props == "" {
			capture(t, m, fmt.Sprintf("127.0.0.1:%d", port-5900))
		}
	}
}

// capture compares the picture that a viewer takes with screendump's, when the guest stands still.
func capture(t *testing.T, m *emu.Machine, display string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "picture.png")
	var seen []byte
	var before, after bytes.Buffer
	for after.Len() == 0 || !bytes.Equal(before.Bytes(), after.Bytes()) {
		before.Reset()
		after.Reset()
		if err := m.Screendump(&before); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("gvnccapture", "-q", display, file).CombinedOutput(); err != nil {
			t.Fatalf("gvnccapture: %v: run tests/setup\n%s", err, out)
		}
		if err := m.Screendump(&after); err != nil {
			t.Fatal(err)
		}
		var err error
		if seen, err = os.ReadFile(file); err != nil {
			t.Fatal(err)
		}
	}
	a, b := decode(t, seen), decode(t, after.Bytes())
	if a.Bounds() != b.Bounds() {
		t.Fatalf("picture of %v, want %v", a.Bounds(), b.Bounds())
	}
	lit := 0
	for y := range b.Bounds().Dy() {
		for x := range b.Bounds().Dx() {
			r1, g1, b1, _ := a.At(x, y).RGBA()
			r2, g2, b2, _ := b.At(x, y).RGBA()
			if r1>>8 != r2>>8 || g1>>8 != g2>>8 || b1>>8 != b2>>8 {
				t.Fatalf("dot %d,%d differs", x, y)
			}
			if r2|g2|b2 != 0 {
				lit++
			}
		}
	}
	if lit < 100 {
		t.Errorf("%d dots are lit", lit)
	}
}
