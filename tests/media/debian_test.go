package media

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const (
	rootPrompt = "root@goemu:~# "
	mbrRoot    = 1 << 20  // where the root file system is on debian.img
	gptRoot    = 40 << 20 // on debian-gpt.img
)

// TestDebian boots Debian off a disk by GRUB, logs in, writes a file and powers off; then the file system is looked at.
func TestDebian(t *testing.T) {
	t.Parallel()
	each(t, true, "pc-tcg-builtin q35-tcg-seabios q35-interp-seabios", func(t *testing.T, c config) { debian(t, c, "debian.img", mbrRoot) })
}

// TestDebianGPT does the same with a disk that BIOS and UEFI boot alike.
func TestDebianGPT(t *testing.T) {
	t.Parallel()
	for _, c := range []config{
		{board: pcBoard, engine: tcg, firmware: seabios}, // these two are not among those of TestDebian
		{board: q35, engine: tcg, firmware: builtin},
		{board: pcBoard, engine: tcg, firmware: ovmf},
		{board: q35, engine: tcg, firmware: ovmf},
	} {
		if onQEMU() && c.firmware == builtin {
			continue
		}
		t.Run(c.String(), func(t *testing.T) {
			t.Parallel()
			debian(t, c, "debian-gpt.img", gptRoot)
		})
	}
}

func debian(t *testing.T, c config, image string, root int64) {
	disk := filepath.Join(t.TempDir(), "disk.img")
	copySparse(t, disk, file(t, image))
	c.memory, c.boot = 512, "c"
	c.drives = append(c.drives, "format=raw,file="+disk)
	p := start(t, c)

	p.expect("GNU GRUB")
	p.expect("login: ")
	p.enter("root")
	p.expect("Password: ")
	p.enter("goemu")
	p.expect(rootPrompt)
	if out := p.run("systemctl --failed --no-pager --plain | cat", rootPrompt); !strings.Contains(out, "0 loaded units listed") {
		t.Errorf("units failed:\n%s", out)
	}
	var numbers bytes.Buffer
	for i := range 300000 {
		fmt.Fprintln(&numbers, i+1)
	}
	sum := fmt.Sprintf("%x", sha256.Sum256(numbers.Bytes()))
	if out := p.run("seq 1 300000 >numbers; sync; echo 3 >/proc/sys/vm/drop_caches; sha256sum numbers", rootPrompt); !strings.Contains(out, sum) {
		t.Errorf("sha256sum of what was written:\n%s\nwant %s", out, sum)
	}
	if out := p.run("dmesg --level=emerg,alert,crit,err | cat", rootPrompt); strings.Contains(out, "ata") || strings.Contains(out, "EXT4") {
		t.Errorf("the kernel complained:\n%s", out)
	}
	p.enter("poweroff")
	p.finish(0)

	// The host's look at the file system.
	fs := fmt.Sprintf("%s?offset=%d", disk, root)
	if out, err := exec.Command("e2fsck", "-fn", fs).CombinedOutput(); err != nil {
		t.Errorf("e2fsck: %v\n%s", err, out)
	}
	got, err := exec.Command("debugfs", "-R", "cat /root/numbers", fs).Output()
	if err != nil || !bytes.Equal(got, numbers.Bytes()) {
		t.Errorf("/root/numbers is not what the guest wrote: %d bytes, want %d (%v)", len(got), numbers.Len(), err)
	}
}

// copySparse copies a file and leaves holes where it has zeros.
func copySparse(t testing.TB, to, from string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	b, zeros := make([]byte, 64<<10), make([]byte, 64<<10)
	size := int64(0)
	for {
		n, err := io.ReadFull(in, b)
		if n > 0 && !bytes.Equal(b[:n], zeros[:n]) {
			if _, err := out.WriteAt(b[:n], size); err != nil {
				t.Fatal(err)
			}
		}
		size += int64(n)
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Truncate(size); err != nil {
		t.Fatal(err)
	}
}
