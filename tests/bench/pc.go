//go:build linux

package main

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// How fast a PC boots from media and uses its disk and screen: tests/media's images, goemu with the built-in firmware and with SeaBIOS, QEMU with SeaBIOS.

// onlyPC is the value of -only that leaves out the programs.
const onlyPC = "pc"

// pcTarget is the least ratio of QEMU's time over goemu's.
var pcTarget = map[string]float64{rowGRUB: 1.5, rowLogin: 1.5}

// Rows. Those of disks are done on pc by IDE, on q35 by AHCI.
const (
	rowGRUB   = "power-on to GRUB's prompt"
	rowLogin  = "power-on to Debian's login"
	rowRead   = "read 256 MiB"
	rowWrite  = "write 128 MiB"
	rowScroll = "scroll 50,000 lines"
)

// script is what is typed at Debian's shell for each row.
var script = []struct{ row, command string }{
	{rowRead, "dd if=/dev/sda of=/dev/null bs=1M count=256 iflag=direct 2>/dev/null"},
	{rowWrite, "dd if=/dev/zero of=/root/big bs=1M count=128 oflag=direct conv=fsync 2>/dev/null"},
	{rowScroll, "seq 1 50000 >/dev/tty1"},
}

// console is a machine whose console is read up to texts.
type console struct {
	cmd *exec.Cmd
	in  io.Writer
	out io.Reader
	buf []byte
}

// patience ends a machine that does not come to a text.
const patience = 10 * time.Minute

func power(args []string) (*console, error) {
	c := &console{cmd: exec.Command(args[0], args[1:]...)}
	var err error
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if c.out, err = c.cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	return c, c.cmd.Start()
}

func (c *console) off() {
	c.cmd.Process.Kill()
	c.cmd.Wait()
}

// until reads up to a text.
func (c *console) until(text string) error {
	timer := time.AfterFunc(patience, func() { c.cmd.Process.Kill() })
	defer timer.Stop()
	b := make([]byte, 4096)
	for {
		if i := bytes.Index(c.buf, []byte(text)); i >= 0 {
			c.buf = c.buf[i+len(text):]
			return nil
		}
		n, err := c.out.Read(b)
		c.buf = append(c.buf, b[:n]...)
		if err != nil {
			return fmt.Errorf("no %q on the console: %w; it ends:\n%s", text, err, c.buf[max(0, len(c.buf)-2000):])
		}
	}
}

func (c *console) enter(line string) error {
	_, err := io.WriteString(c.in, line+"\r")
	return err
}

// talk waits for texts and answers each: text, answer, text ...
func (c *console) talk(said ...string) error {
	for i, s := range said {
		var err error
		if i%2 == 0 {
			err = c.until(s)
		} else {
			err = c.enter(s)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// pcRun boots GRUB's CD, then Debian's disk, of which it makes a copy, and takes times in seconds.
func pcRun(emulator []string, media, dir string) (map[string]float64, error) {
	secs := map[string]float64{}
	common := append(slices.Clone(emulator), "-m", "512", "-display", "none", "-serial", "stdio", "-no-reboot")

	start := time.Now()
	c, err := power(append(slices.Clone(common), "-cdrom", filepath.Join(media, "grub.iso"), "-boot", "d"))
	if err != nil {
		return nil, err
	}
	err = c.until("grub> ")
	secs[rowGRUB] = time.Since(start).Seconds()
	c.off()
	if err != nil {
		return nil, err
	}

	disk := filepath.Join(dir, "disk.img")
	if out, err := exec.Command("cp", "--sparse=always", filepath.Join(media, "debian.img"), disk).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	defer os.Remove(disk)
	start = time.Now()
	if c, err = power(append(common, "-drive", "format=raw,file="+disk)); err != nil {
		return nil, err
	}
	defer c.off()
	if err := c.talk("Debian GNU/Linux", "", "login: "); err != nil {
		return nil, err
	}
	secs[rowLogin] = time.Since(start).Seconds()
	if err := c.talk("", "root", "Password: ", "goemu", "# "); err != nil {
		return nil, err
	}
	for _, s := range script {
		if err := c.enter("echo begin-$((40+2)); " + s.command + "; echo end-$((40+2))"); err != nil {
			return nil, err
		}
		if err := c.until("begin-42"); err != nil {
			return nil, err
		}
		start := time.Now()
		if err := c.until("end-42"); err != nil {
			return nil, err
		}
		secs[s.row] = time.Since(start).Seconds()
	}
	return secs, nil
}

// pcTable runs the rows on both boards and writes a table of medians.
func pcTable(w io.Writer, goemu string, runs int) error {
	media := os.Getenv("GOEMU_MEDIA_DIR")
	if media == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return err
		}
		media = filepath.Join(cache, "goemu", "media")
	}
	dir, err := os.MkdirTemp("", "goemu-bench-pc")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	fmt.Fprintf(w, "\n## A PC that boots from media\n\nThe disk is IDE on pc and AHCI on q35; goemu with its own firmware and with SeaBIOS, QEMU with SeaBIOS. The disk's transfers go past the guest's\n"+
		"cache, to a file that the host has in its own.\n\n| row | goemu s | goemu, SeaBIOS s | QEMU s | QEMU/goemu | QEMU/goemu, SeaBIOS | target |\n|---|---|---|---|---|---|---|\n")
	for _, board := range []string{"pc", "q35"} {
		emulators := [][]string{
			{goemu, "-accel", "tcg", "-M", board},
			{goemu, "-accel", "tcg", "-M", board, "-bios", "bios-256k.bin"},
			{"qemu-system-x86_64", "-accel", "tcg", "-cpu", "max", "-M", board, "-nic", "none"},
		}
		times := make([]map[string][]float64, len(emulators))
		for i := range runs {
			for e, emulator := range emulators {
				fmt.Fprintf(os.Stderr, "bench: PC, run %d of %d: %s\n", i+1, runs, strings.Join(emulator, " "))
				secs, err := pcRun(emulator, media, dir)
				if err != nil {
					return fmt.Errorf("%s: %w", strings.Join(emulator, " "), err)
				}
				if times[e] == nil {
					times[e] = map[string][]float64{}
				}
				for row, s := range secs {
					times[e][row] = append(times[e][row], s)
				}
			}
		}
		for _, row := range []string{rowGRUB, rowLogin, rowRead, rowWrite, rowScroll} {
			var m [3]float64
			for e := range emulators {
				v := times[e][row]
				slices.Sort(v)
				m[e] = math.NaN()
				if len(v) > 0 {
					m[e] = v[len(v)/2]
				}
			}
			want, ok := pcTarget[row]
			if !ok {
				want = 1
			}
			mark := ""
			if m[2]/m[0] < want {
				mark = " (missed)"
			}
			fmt.Fprintf(w, "| %s: %s | %s | %s | %s | %s | %s | %.1f%s |\n", board, row, number(m[0]), number(m[1]), number(m[2]),
				number(m[2]/m[0]), number(m[2]/m[1]), want, mark)
		}
	}
	return nil
}
