package video

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"goemu/emu"
	"goemu/tests/guest"
)

// screens are modes with the height of characters and the colours that screens.asm draws with. Those of 40 columns are not among them: QEMU
// has no 18 dots a character. Nor has it an underline, for which mode 7 leaves out colours; and in VBE's
// modes SeaBIOS draws within 64 KiB only.
var screens = []struct{ mode, height, colors int }{
	{0x03, 16, 0xff}, {0x07, 16, 0xfe}, {0x04, 8, 3}, {0x06, 8, 1}, {0x0d, 8, 15}, {0x0e, 8, 15}, {0x10, 14, 15}, {0x12, 16, 15},
	{0x13, 8, 0xff},
}

// TestScreens compares pictures, pixel by pixel: same services, same font, on QEMU with SeaBIOS.
func TestScreens(t *testing.T) {
	for _, s := range screens {
		t.Run(fmt.Sprintf("%02x", s.mode), func(t *testing.T) {
			dir := t.TempDir()
			disk := filepath.Join(dir, "disk.img")
			defines := []string{fmt.Sprintf("-DMODE=%d", s.mode), fmt.Sprintf("-DHEIGHT=%d", s.height), fmt.Sprintf("-DCOLORS=%d", s.colors)}
			if msg, err := exec.Command("nasm", append(defines, "-f", "bin", "-o", disk, "screens.asm")...).CombinedOutput(); err != nil {
				t.Fatalf("nasm: %v\n%s", err, msg)
			}
			if err := os.Truncate(disk, 1440<<10); err != nil {
				t.Fatal(err)
			}
			samePicture(t, goemuPicture(t, disk), qemuPicture(t, disk))
		})
	}
}

// waitFor waits until a file has contents.
func waitFor(t *testing.T, file string) {
	t.Helper()
	for end := time.Now().Add(guest.Patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if p, _ := os.ReadFile(file); len(p) > 0 {
			return
		}
	}
	t.Fatalf("nothing comes to %s", file)
}

func goemuPicture(t *testing.T, disk string) image.Image {
	t.Helper()
	console := filepath.Join(t.TempDir(), "console")
	m, err := emu.New(emu.Config{
		Memory: 32 << 20, Serial: []string{"none"}, ConsoleOut: io.Discard, Debugcon: "file:" + console,
		Drives: []string{"if=floppy,format=raw,snapshot=on,file=" + disk},
	})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_, _ = m.Run()
		close(ended)
	}()
	waitFor(t, console)
	var b bytes.Buffer
	if err := m.Screendump(&b); err != nil {
		t.Error(err)
	}
	m.Stop(0)
	<-ended
	img, err := png.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func qemuPicture(t *testing.T, disk string) image.Image {
	t.Helper()
	dir := t.TempDir()
	console, picture := filepath.Join(dir, "console"), filepath.Join(dir, "screen.ppm")
	cmd := exec.Command("qemu-system-x86_64", "-accel", "tcg", "-nodefaults", "-vga", "std", "-m", "32", "-display", "none", "-monitor", "stdio",
		"-debugcon", "file:"+console, "-drive", "if=floppy,format=raw,snapshot=on,file="+disk)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill() // where it has not quit
		_ = cmd.Wait()
	}()
	waitFor(t, console)
	if _, err := io.WriteString(in, "screendump "+picture+"\nquit\n"); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("QEMU: %v\n%s", err, out.String())
	}
	p, err := os.ReadFile(picture)
	if err != nil {
		t.Fatalf("QEMU: %v\n%s", err, out.String())
	}
	return decodePPM(t, p)
}

// decodePPM reads the binary form of PPM that QEMU writes.
func decodePPM(t *testing.T, p []byte) image.Image {
	t.Helper()
	var w, h, most int
	if _, err := fmt.Sscanf(string(p[:min(len(p), 32)]), "P6\n%d %d\n%d\n", &w, &h, &most); err != nil {
		t.Fatalf("PPM: %v", err)
	}
	p = p[len(p)-3*w*h:]
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := range w * h {
		img.SetRGBA(i%w, i/w, color.RGBA{p[3*i], p[3*i+1], p[3*i+2], 255})
	}
	return img
}

// dac is a colour with the 6 bits that the DAC has: how they become 8 is not the same everywhere.
func dac(c color.Color) [3]uint32 {
	r, g, b, _ := c.RGBA()
	return [3]uint32{r >> 10, g >> 10, b >> 10}
}

func samePicture(t *testing.T, got, want image.Image) {
	t.Helper()
	size := want.Bounds().Size()
	if got.Bounds().Size() != size {
		t.Fatalf("picture of %v, QEMU has %v", got.Bounds().Size(), size)
	}
	var first []string
	n := 0
	for y := range size.Y {
		for x := range size.X {
			g, w := dac(got.At(x, y)), dac(want.At(x, y))
			if g == w {
				continue
			}
			if n++; n <= 5 {
				first = append(first, fmt.Sprintf("%d,%d: %v, QEMU has %v", x, y, g, w))
			}
		}
	}
	if n > 0 {
		t.Errorf("%d pixels differ:\n%s", n, strings.Join(first, "\n"))
	}
}
