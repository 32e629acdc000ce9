package boot

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"goemu/tests/guest"
)

// TestISADrivers lets Debian's drivers use the floppy controller, the parallel port and SMBus, and checks from outside what they did.
func TestISADrivers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ engine, board string }{{"tcg", "pc"}, {"tcg", "q35"}, {"interp", "pc"}} {
		t.Run(c.engine+" "+c.board, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			rnd := rand.NewChaCha8([32]byte{1})
			disk := func(name string, size int) (string, []byte) {
				p := make([]byte, size)
				_, _ = rnd.Read(p)
				path := filepath.Join(dir, name)
				if err := os.WriteFile(path, p, 0o644); err != nil {
					t.Fatal(err)
				}
				return path, p
			}
			a, dataA := disk("a", 1440<<10)
			b, dataB := disk("b", 720<<10)
			paper := filepath.Join(dir, "paper")
			s := bootKernel(t, "vmlinux", "isa.gz", "-m", "256", "-accel", c.engine, "-M", c.board,
				"-drive", "if=floppy,format=raw,file="+a, "-drive", "if=floppy,format=raw,readonly=on,file="+b, "-parallel", "file:"+paper)
			for dev, data := range map[string][]byte{"fd0": dataA, "fd1": dataB} {
				if got, want := s.Run("sha256sum /dev/"+dev), fmt.Sprintf("%x", sha256.Sum256(data)); !strings.Contains(got, want) {
					t.Errorf("%s: got %s, want %s", dev, got, want)
				}
			}
			got := s.Run("yes goemu | head -c 100000 >/tmp/y; dd if=/tmp/y of=/dev/fd0 bs=1000 seek=777 conv=notrunc,fsync 2>&1 | tail -n 1")
			if !strings.Contains(got, "100+0 records out") {
				t.Errorf("writing: %s", got)
			}
			copy(dataA[777000:], bytes.Repeat([]byte("goemu\n"), 100000/6+1)[:100000])
			if got := s.Run("dd if=/tmp/y of=/dev/fd1 bs=1000 count=1 conv=fsync 2>&1"); !strings.Contains(got, "Read-only file system") {
				t.Errorf("writing to a protected disk: %s", got)
			}
			if got := s.Run("echo out of paper? >/dev/lp0; echo $?"); !strings.HasSuffix(got, "0") {
				t.Errorf("printing: %s", got)
			}
			if got := s.Run("hexdump -C /sys/bus/i2c/devices/0-0050/eeprom"); !strings.Contains(got, "80 08 08 0d 0a 60 40 00") || !strings.Contains(got, "GOEMU D") {
				t.Errorf("memory module: %s", got)
			}
			// The mouse is one with five buttons.
			if got := s.Run("cat /proc/bus/input/devices"); !strings.Contains(got, "ImExPS/2") {
				t.Errorf("no mouse: %s", got)
			}
			complaints(t, s)
			s.Send("poweroff -f\n")
			if status := s.Wait(); status != 0 {
				t.Errorf("exit status %d\n%s", status, s.Output())
			}
			if got, err := os.ReadFile(a); err != nil || !bytes.Equal(got, dataA) {
				t.Errorf("what was written is not on the image (%v)", err)
			}
			if got, err := os.ReadFile(b); err != nil || !bytes.Equal(got, dataB) {
				t.Errorf("the protected image has changed (%v)", err)
			}
			if got, err := os.ReadFile(paper); err != nil || string(got) != "out of paper?\n" {
				t.Errorf("printed %q (%v)", got, err)
			}
		})
	}
}

// TestPanic wants the machine to end when the kernel says that it has panicked.
func TestPanic(t *testing.T) {
	t.Parallel()
	for _, device := range []string{"pvpanic", "pvpanic-pci"} {
		t.Run(device, func(t *testing.T) {
			t.Parallel()
			s := guest.Start(t, "-kernel", guest.File(t, "vmlinux"), "-initrd", guest.File(t, "isa.gz"), "-append", "console=ttyS0", "-nographic",
				"-device", device)
			s.Expect("guest# ")
			s.Send("echo c >/proc/sysrq-trigger\n")
			if status := s.Wait(); status != 1 || !strings.Contains(s.Errors(), "the guest has panicked") {
				t.Errorf("exit status %d\n%s", status, s.Output())
			}
		})
	}
}
