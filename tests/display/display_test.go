// Package display compares the display adapter with QEMU's: the same guest programs modes by their registers, draws, and reads back; the
// pictures have to agree dot by dot.
package display

import (
	"bufio"
	"bytes"
	"fmt"
	"image/png"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"goemu/emu"
	"goemu/tests/guest"
	"goemu/tests/sockets"
)

// patience bounds the wait for a guest. It decides no test.
const patience = guest.Patience

// picture is what an emulator shows.
type picture struct {
	w, h int
	pix  []byte // red, green, blue
}

// console takes what the guest prints and tells when it is done.
type console struct {
	text bytes.Buffer
	done chan struct{}
}

func (c *console) Write(p []byte) (int, error) {
	c.text.Write(p)
	if strings.HasSuffix(c.text.String(), "DONE\n") {
		close(c.done)
	}
	return len(p), nil
}

func newConsole() *console { return &console{done: make(chan struct{})} }

func wait(t *testing.T, c *console) string {
	t.Helper()
	select {
	case <-c.done:
		return c.text.String()
	case <-time.After(patience):
		t.Fatal("the guest does not come to its end")
		return ""
	}
}

// prepare assembles the guest and writes its script.
func prepare(t *testing.T, s script) (kernel, module string) {
	t.Helper()
	dir := sockets.Dir(t) // without the commas of a test's name, which QEMU's options do not take
	kernel, module = filepath.Join(dir, "guest"), filepath.Join(dir, "script")
	if msg, err := exec.Command("nasm", "-f", "bin", "-o", kernel, "script.asm").CombinedOutput(); err != nil {
		t.Fatalf("nasm: %v\n%s", err, msg)
	}
	if err := os.WriteFile(module, append(s, opEnd), 0o666); err != nil {
		t.Fatal(err)
	}
	return kernel, module
}

// onGoemu runs a script and returns what is on the screen at its end, and what it printed.
func onGoemu(t *testing.T, s script, accel emu.Accel) (picture, string) {
	t.Helper()
	kernel, module := prepare(t, s)
	c := newConsole()
	m, err := emu.New(emu.Config{
		Accel: accel, Memory: 32 << 20, Kernel: kernel, Initrd: module, Serial: []string{"null"}, Debugcon: "stdio", ConsoleIn: strings.NewReader(""), ConsoleOut: c,
	})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		m.Run()
		close(ended)
	}()
	text := wait(t, c)
	var b bytes.Buffer
	err = m.Screendump(&b)
	m.Stop(0)
	<-ended
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	r := img.Bounds()
	p := picture{w: r.Dx(), h: r.Dy()}
	for y := range p.h {
		for x := range p.w {
			r, g, b, _ := img.At(x, y).RGBA()
			p.pix = append(p.pix, byte(r>>8), byte(g>>8), byte(b>>8))
		}
	}
	return p, text
}

// onQEMU does the same on QEMU.
func onQEMU(t *testing.T, s script) (picture, string) {
	t.Helper()
	kernel, module := prepare(t, s)
	dir := filepath.Dir(kernel)
	monitor, dump := filepath.Join(dir, "monitor"), filepath.Join(dir, "screen.ppm")
	c := newConsole()
	cmd := exec.Command("qemu-system-x86_64", "-accel", "tcg", "-m", "32", "-kernel", kernel, "-initrd", module, "-vga", "std", "-display", "none",
		"-serial", "null", "-debugcon", "stdio", "-monitor", "unix:"+monitor+",server,nowait")
	cmd.Stdout, cmd.Stderr = c, os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	text := wait(t, c)
	conn, err := net.Dial("unix", monitor)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	r := bufio.NewReader(conn)
	prompt := func() {
		t.Helper()
		for last := ""; !strings.HasSuffix(last, "(qemu) "); {
			b, err := r.ReadByte()
			if err != nil {
				t.Fatal(err)
			}
			last += string(b)
		}
	}
	prompt()
	fmt.Fprintf(conn, "screendump %s\n", dump)
	prompt()
	p, err := os.ReadFile(dump)
	if err != nil {
		t.Fatal(err)
	}
	return ppm(t, p), text
}

// ppm reads a picture as QEMU writes it.
func ppm(t *testing.T, b []byte) (p picture) {
	t.Helper()
	var limit int
	r := bytes.NewReader(b)
	if _, err := fmt.Fscanf(r, "P6\n%d %d\n%d\n", &p.w, &p.h, &limit); err != nil || limit != 255 {
		t.Fatalf("not a picture: %v", err)
	}
	p.pix, _ = io.ReadAll(r)
	if len(p.pix) != 3*p.w*p.h {
		t.Fatalf("%dx%d dots in %d bytes", p.w, p.h, len(p.pix))
	}
	return p
}

// compare holds two pictures against each other. QEMU widens 6 bits of the DAC to 8 in another way than by repeating the upper ones, so that only
// bits that both have are compared.
func compare(t *testing.T, want, got picture, bits uint) {
	t.Helper()
	if want.w != got.w || want.h != got.h {
		t.Errorf("%dx%d dots; QEMU has %dx%d", got.w, got.h, want.w, want.h)
		return
	}
	wrong := 0
	for i := range want.pix {
		if want.pix[i]>>(8-bits) != got.pix[i]>>(8-bits) {
			if wrong++; wrong <= 3 {
				x, y := i/3%want.w, i/3/want.w
				t.Errorf("dot %d,%d: component %d is %#x, on QEMU %#x", x, y, i%3, got.pix[i], want.pix[i])
			}
		}
	}
	if wrong > 0 {
		t.Errorf("%d of %d bytes differ", wrong, len(want.pix))
	}
}

// text draws a screen full of characters in all colours. Those from B0h to BFh are left out: on QEMU, unlike on a VGA, their ninth dot too
// is the eighth.
func text(s *script, m *vgaMode) {
	s.mode(m)
	s.font()
	p := noise(16<<10, 3)
	for i := 0; i < len(p); i += 2 {
		if p[i]&0xf0 == 0xb0 {
			p[i] ^= 0x80
		}
	}
	s.copy(0xb8000, p)
}

func planar(s *script, m *vgaMode) {
	s.mode(m)
	s.planes(64<<10, 5)
}

// dispi sets a linear mode and fills its memory.
func dispi(s *script, x, y, bpp, flags uint16, n int) {
	s.mode(&mode3)
	s.dispi(4, 0)
	s.dispi(1, x)
	s.dispi(2, y)
	s.dispi(3, bpp)
	s.dispi(4, 0x41|flags)
	s.attr(0x10, 1)
	s.frame(func() { s.copy(0, noise(n, 9)) })
}

func TestPictures(t *testing.T) {
	for _, c := range []struct {
		name string
		bits uint // of a colour that are compared
		draw func(*script)
	}{
		{"text 80x25", 6, func(s *script) { text(s, &mode3) }},
		{"text 40x25", 6, func(s *script) { text(s, &mode1) }},
		{"text, two fonts", 6, func(s *script) { text(s, &mode3); s.seq(3, 4) }},
		{"text, start address", 6, func(s *script) { text(s, &mode3); s.crtc(0x0c, 3); s.crtc(0x0d, 0x21) }},
		{"text, 50 rows", 6, func(s *script) { text(s, &mode3); s.crtc(9, 0x47) }},
		{"text, cursor", 6, func(s *script) {
			text(s, &mode3)
			s.crtc(0x0a, 0x0d)
			s.crtc(0x0e, 1)
			s.crtc(0x0f, 0x45)
		}},
		{"CGA 320x200", 6, func(s *script) { s.mode(&mode4); s.copy(0xb8000, noise(16<<10, 4)) }},
		{"CGA 640x200", 6, func(s *script) { s.mode(&mode6); s.copy(0xb8000, noise(16<<10, 4)) }},
		{"0Dh", 6, func(s *script) { planar(s, &mode0D) }},
		{"0Eh", 6, func(s *script) { planar(s, &mode0E) }},
		{"10h", 6, func(s *script) { planar(s, &mode10) }},
		{"12h", 6, func(s *script) { planar(s, &mode12) }},
		{"12h, colour planes off", 6, func(s *script) { planar(s, &mode12); s.attr(0x12, 5) }},
		{"12h, colour select", 6, func(s *script) { planar(s, &mode12); s.attr(0x14, 0x0d); s.attr(0x10, 0x81) }},
		{"12h, two quarters", 6, func(s *script) { planar(s, &mode12); s.attr(0x14, 0x0c) }},
		{"12h, split screen", 6, func(s *script) {
			planar(s, &mode12)
			s.crtc(0x0c, 0x40)
			s.crtc(0x18, 200)
			s.crtc(7, 0x2e)
			s.crtc(9, 0)
		}},
		{"12h, virtual width", 6, func(s *script) { planar(s, &mode12); s.crtc(0x13, 0x32); s.crtc(0x0d, 7) }},
		{"13h", 6, func(s *script) { s.mode(&mode13); s.copy(0xa0000, noise(64000, 6)) }},
		{"13h, split screen", 6, func(s *script) {
			s.mode(&mode13)
			s.copy(0xa0000, noise(64000, 6))
			s.crtc(0x0d, 80)
			s.crtc(0x18, 201)
			s.crtc(7, 0x0f)
			s.crtc(9, 1)
		}},
		{"mode X", 6, func(s *script) { planar(s, &modeX) }},
		{"mode X, page flip", 6, func(s *script) { planar(s, &modeX); s.crtc(0x0c, 0x4b) }},
		{"mode X, latched copy", 6, func(s *script) {
			planar(s, &modeX)
			s.gfx(5, 0x41)
			s.move(0xa0000+100*80, 0xa0000+13, 100*80)
		}},
		{"write modes", 6, func(s *script) {
			planar(s, &mode12)
			s.gfx(5, 2)
			s.fill(0xa0000, 800, 0xa)
			s.gfx(5, 0)
			s.gfx(0, 6)
			s.gfx(1, 5)
			s.gfx(8, 0x3c)
			s.move(0xa0000+1000, 0xa0000+3000, 1000)
			s.gfx(5, 3)
			s.gfx(3, 0x1b)
			s.copy(0xa0000+4000, noise(4000, 12))
			s.gfx(3, 0x10)
			s.gfx(5, 0)
			s.move(0xa0000+9000, 0xa0000+9100, 3000)
		}},
		// Not dispi with 4 bits: on QEMU nothing that is written in this mode reaches the planes.
		{"dispi 8", 6, func(s *script) { dispi(s, 640, 480, 8, 0, 640*480); s.palette() }},
		{"dispi 8, DAC of 8 bits", 8, func(s *script) {
			dispi(s, 640, 480, 8, 0x20, 640*480)
			s.out(0x3c8, 0)
			for _, c := range noise(768, 2) {
				s.out(0x3c9, c)
			}
		}},
		{"dispi 8, banks", 6, func(s *script) {
			dispi(s, 800, 600, 8, 0, 1000)
			s.palette()
			s.out(0x3c2, 0x63)
			for b := range uint16(8) {
				s.dispi(5, b)
				s.copy(0xa0000, noise(60000, uint64(b)+20))
			}
		}},
		{"dispi 15", 5, func(s *script) { dispi(s, 640, 480, 15, 0, 640*480*2) }},
		{"dispi 16", 8, func(s *script) { dispi(s, 640, 480, 16, 0, 640*480*2) }},
		{"dispi 24", 8, func(s *script) { dispi(s, 800, 600, 24, 0, 800*600*3) }},
		{"dispi 32", 8, func(s *script) { dispi(s, 1024, 768, 32, 0, 1024*768*4) }},
		{"dispi 32, virtual screen", 8, func(s *script) {
			dispi(s, 640, 400, 32, 0, 1<<20)
			s.dispi(6, 800)
			s.dispi(8, 13)
			s.dispi(9, 77)
		}},
		{"dispi 32, kept", 8, func(s *script) {
			dispi(s, 640, 400, 32, 0, 640*400*4)
			s.dispi(4, 0)
			s.dispi(1, 320)
			s.dispi(4, 0xc1)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var s script
			c.draw(&s)
			s.crtc(0x11, 0) // what follows is the same on both
			want, wantText := onQEMU(t, s)
			for _, e := range []struct {
				name  string
				accel emu.Accel
			}{{"tcg", emu.AccelTCG}, {"interp", emu.AccelInterp}} {
				t.Run(e.name, func(t *testing.T) {
					got, gotText := onGoemu(t, s, e.accel)
					if wantText != gotText {
						t.Errorf("printed %q, on QEMU %q", gotText, wantText)
					}
					compare(t, want, got, c.bits)
				})
			}
		})
	}
}
