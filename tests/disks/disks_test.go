// Package disks has Debian's drivers use the disk controllers, and compares what they read and write with the files on the host.
package disks

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"goemu/tests/guest"
)

const mib = 1 << 20

// image makes a file of n random bytes, always the same ones for a seed.
func image(t *testing.T, name string, n int, seed int64) (path string, data []byte) {
	t.Helper()
	data = make([]byte, n)
	rand.New(rand.NewSource(seed)).Read(data)
	path = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path, data
}

// boot brings Debian with disk drivers up to its shell.
func boot(t *testing.T, args ...string) *guest.Session {
	t.Helper()
	return ready(guest.Start(t, append(kernel(t, "console=ttyS0"), args...)...))
}

func ready(s *guest.Session) *guest.Session {
	s.Expect("goemu-guest: shell")
	s.Expect("guest# ")
	s.Run("while ! [ -b /dev/sda ]; do sleep 0.1; done") // disks come when they come
	return s
}

func kernel(t *testing.T, cmdline string) []string {
	return []string{"-m", "256", "-kernel", guest.File(t, "vmlinux"), "-initrd", guest.File(t, "disks.gz"), "-append", cmdline, "-nographic"}
}

func wantSum(t *testing.T, s *guest.Session, command string, data []byte) {
	t.Helper()
	if got := s.Run(command); !strings.Contains(got, fmt.Sprintf("%x", sha256.Sum256(data))) {
		t.Errorf("%s: %q, want %x", command, got, sha256.Sum256(data))
	}
}

func powerOff(t *testing.T, s *guest.Session) {
	t.Helper()
	s.Send("poweroff -f\n")
	if status := s.Wait(); status != 0 {
		t.Errorf("poweroff: exit status %d\n%s", status, s.Output())
	}
}

// Every controller on both engines: a disk and a CD are read, the disk is written, small pieces and large ones.
func TestReadWrite(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		args []string
		dmes string // what the driver says
	}{
		{"ide", []string{"-M", "pc"}, "ata_piix"},
		{"ide by PIO", []string{"-M", "pc", "-append", "console=ttyS0 libata.dma=0"}, "ata_piix"},
		{"ahci", []string{"-M", "q35"}, "NCQ (depth 32)"},
		{"ahci of 4 KiB sectors", []string{"-M", "q35", "-device", "ide-hd,drive=d,logical_block_size=4096"}, "4096-byte logical blocks"},
		{"ahci on pc", []string{"-M", "pc", "-device", "ahci,id=sata", "-device", "ide-hd,drive=d,bus=sata.3,serial=xyz"}, "NCQ (depth 32)"},
	} {
		for _, engine := range []string{"tcg", "interp"} {
			if engine == "interp" && strings.Contains(c.name, " ") {
				continue // the ways through the processor are those of the others
			}
			t.Run(c.name+"/"+engine, func(t *testing.T) {
				t.Parallel()
				disk, data := image(t, "disk", 12*mib, 1)
				iso, isoData := image(t, "cd", 2*mib+2048, 2)
				args := append([]string{"-accel", engine, "-drive", "media=cdrom,index=2,file=" + iso}, c.args...)
				if strings.Contains(strings.Join(args, " "), "drive=d") {
					args = append(args, "-drive", "if=none,id=d,format=raw,file="+disk)
				} else {
					args = append(args, "-hda", disk)
				}
				s := boot(t, args...)
				if got := s.Run("dmesg"); !strings.Contains(got, c.dmes) {
					t.Errorf("the kernel does not say %q:\n%s", c.dmes, got)
				}
				wantSum(t, s, "sha256sum /dev/sda", data)
				wantSum(t, s, "sha256sum /dev/sr0", isoData)
				s.Run("dd if=/dev/sda bs=1M count=5 of=/tmp/x; dd if=/tmp/x of=/dev/sda bs=1M seek=6 conv=fsync")
				copy(data[6*mib:], data[:5*mib])
				s.Run("dd if=/dev/zero of=/dev/sda bs=4k seek=77 count=3 conv=fsync oflag=direct")
				clear(data[77*4096 : 80*4096])
				s.Run("echo 3 > /proc/sys/vm/drop_caches")
				wantSum(t, s, "sha256sum /dev/sda", data)
				if got := s.Run("dmesg | grep -i -e 'i/o error' -e exception"); strings.Contains(got, "rror,") {
					t.Errorf("errors:\n%s", got)
				}
				powerOff(t, s)
				if got, _ := os.ReadFile(disk); !bytes.Equal(got, data) {
					t.Error("the file on the host is not what the guest wrote")
				}
			})
		}
	}
}

// snapshot=on and read-only images stay as they are.
func TestImageUntouched(t *testing.T) {
	t.Parallel()
	disk, data := image(t, "disk", 2*mib, 1)
	other, otherData := image(t, "other", 3*mib, 2)
	s := boot(t, "-drive", "snapshot=on,file="+disk, "-drive", "readonly=on,file="+other)
	// Which of them comes first is not said: they are known by their sizes in sectors.
	s.Run("disk() { for d in /sys/block/sd?; do [ $(cat $d/size) != $1 ] || echo /dev/${d##*/}; done; }")
	s.Run("while [ -z \"$(disk 4096)\" -o -z \"$(disk 6144)\" ]; do sleep 0.1; done")
	s.Run("dd if=/dev/zero of=$(disk 4096) bs=64k count=7 seek=3 conv=fsync")
	written := bytes.Clone(data)
	clear(written[3*65536 : 10*65536])
	s.Run("echo 3 > /proc/sys/vm/drop_caches")
	wantSum(t, s, "sha256sum $(disk 4096)", written)
	if got := s.Run("dd if=/dev/zero of=$(disk 6144) bs=64k count=1 conv=fsync"); !strings.Contains(got, "Input/output error") {
		t.Errorf("a write to a read-only image: %q", got)
	}
	powerOff(t, s)
	if got, _ := os.ReadFile(disk); !bytes.Equal(got, data) {
		t.Error("snapshot=on: the image was changed")
	}
	if got, _ := os.ReadFile(other); !bytes.Equal(got, otherData) {
		t.Error("readonly=on: the image was changed")
	}
}

// A full file system of the host is an I/O error in the guest. What was written before stays, and the guest goes on.
func TestHostDiskFull(t *testing.T) {
	t.Parallel()
	for _, machine := range []string{"pc", "q35"} {
		t.Run(machine, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			disk := filepath.Join(dir, "disk")
			script := fmt.Sprintf("mount -t tmpfs -o size=8m none %s && truncate -s 32M %s && exec \"$0\" \"$@\"", dir, disk)
			if out, err := exec.Command("unshare", "-rm", "sh", "-c", script, "true").CombinedOutput(); err != nil {
				t.Skipf("no small file system can be mounted here: %v: %s", err, out)
			}
			script = strings.Replace(script, "exec", "trap : TERM;", 1) + "; status=$?; sha256sum " + disk + " | head -c 64; exit $status"
			args := append([]string{"-rm", "sh", "-c", script, guest.Goemu(t), "-M", machine, "-hda", disk}, kernel(t, "console=ttyS0")...)
			s := ready(guest.StartCommand(t, "unshare", args...))
			first := s.Run("yes first | dd of=/dev/sda bs=1M count=3 iflag=fullblock conv=fsync")
			if strings.Contains(first, "rror") {
				t.Errorf("the first 3 MiB: %s", first)
			}
			if got := s.Run("dd if=/dev/zero of=/dev/sda bs=1M seek=10 count=16 conv=fsync"); !strings.Contains(got, "Input/output error") {
				t.Errorf("16 MiB more than there are: %s", got)
			}
			s.Run("echo 3 > /proc/sys/vm/drop_caches")
			data := []byte(strings.Repeat("first\n", 3*mib/6+1))[:3*mib]
			wantSum(t, s, "head -c 3145728 /dev/sda | sha256sum", data)
			if got := s.Run("dd if=/dev/zero of=/dev/sda bs=1M count=1 seek=1 conv=fsync"); strings.Contains(got, "rror") {
				t.Errorf("a write to what has room: %s", got)
			}
			clear(data[mib : 2*mib])
			wantSum(t, s, "head -c 3145728 /dev/sda | sha256sum", data)
			sum := s.Run("sha256sum /dev/sda")
			powerOff(t, s)
			if out := s.Console(); !strings.Contains(sum, out[len(out)-64:]) {
				t.Errorf("the file has the sum %s, the guest said %s", out[len(out)-64:], sum)
			}
		})
	}
}

// With -icount a run that reads and writes disks repeats to the nanosecond, as the kernel's clock shows.
func TestRepeats(t *testing.T) {
	t.Parallel()
	var outputs []string
	for range 2 {
		disk, _ := image(t, "disk", 8*mib, 3)
		args := append(kernel(t, "console=ttyS0 printk.time=1 goemu.run=/bin/diskrun"), "-hda", disk, "-icount", "shift=1,sleep=off")
		s := guest.Start(t, args...)
		if status := s.Wait(); status != 0 {
			t.Fatalf("exit status %d\n%s", status, s.Output())
		}
		outputs = append(outputs, s.Output())
	}
	if outputs[0] != outputs[1] {
		a, b := strings.Split(outputs[0], "\n"), strings.Split(outputs[1], "\n")
		for i := range min(len(a), len(b)) {
			if a[i] != b[i] {
				t.Fatalf("line %d: %q, then %q", i+1, a[i], b[i])
			}
		}
		t.Fatal("one run printed more than the other")
	}
}
