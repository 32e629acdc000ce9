// Package media boots what people boot PCs from: GRUB, isolinux, memtest86+, iPXE, Debian and its installer, from floppies, CDs and disks that
// tests/media/prepare makes of Debian's packages. Each medium is a row with what is typed and what must come; the columns are board,
// engine and firmware.
//
// GOEMU_MEDIA=all runs every combination, otherwise a choice that has each medium on each board, engine and firmware.
// GOEMU_MEDIA_ON=qemu runs the same on QEMU's TCG, which checks the media and the rows themselves.
package media

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Boards, engines and firmware.
const (
	pcBoard = "pc"
	q35     = "q35"

	tcg    = "tcg"
	interp = "interp"

	builtin = "builtin"
	seabios = "seabios"
	ovmf    = "ovmf"
)

// config is a machine to start.
type config struct {
	board, engine, firmware string
	memory                  int // MiB
	drives                  []string
	boot                    string
	icount                  uint // not 0: the shift of -icount, with sleep=off
	brief                   bool // end when the kernel is loaded
}

func (c config) String() string { return c.board + "-" + c.engine + "-" + c.firmware }

// combinations are those that the tests of a medium run on, with those that take long first. The chosen are those that always do: each two of board,
// engine and firmware meet there.
var combinations = []struct {
	board, engine, firmware string
	chosen                  bool
}{
	{pcBoard, interp, builtin, false},
	{pcBoard, interp, seabios, true},
	{q35, interp, builtin, true},
	{q35, interp, seabios, false},
	{pcBoard, tcg, builtin, true},
	{pcBoard, tcg, seabios, false},
	{q35, tcg, builtin, false},
	{q35, tcg, seabios, true},
}

// medium is one row.
type medium struct {
	name   string
	drives []string // each "cdrom:FILE", "disk:FILE" or "floppy:FILE"
	memory int      // MiB
	icount uint
	talk   func(*pc)
	slow   bool   // much for the interpreter: one run there is enough
	brief  bool   // and there the kernel is loaded and not started
	choice string // the combinations, but with GOEMU_MEDIA=all; "": those of each
}

var media = []medium{
	{name: "grub-cd", drives: []string{"cdrom:grub.iso"}, memory: 256, talk: grubLinux, slow: true},
	{name: "grub-hybrid-disk", drives: []string{"disk:grub.iso"}, memory: 256, talk: grubPrompt},
	{name: "grub-usb-disk", drives: []string{"disk:grub-usb.img"}, memory: 256, talk: grubLinux, slow: true, brief: true},
	{name: "grub-floppy", drives: []string{"floppy:grub-floppy.img"}, memory: 64, talk: grubFloppy},
	{name: "grub-floppy-and-disk", drives: []string{"floppy:grub-floppy.img", "disk:grub-usb.img"}, memory: 256, talk: grubFromFloppy, slow: true, brief: true},
	{name: "isolinux-cd", drives: []string{"cdrom:isolinux.iso"}, memory: 256, talk: isolinux, slow: true},
	{name: "eltorito-none", drives: []string{"cdrom:eltorito-none.iso"}, memory: 32, talk: says("hello from drive e0 emulation 00e0 reads CD001 done")},
	{name: "eltorito-floppy", drives: []string{"cdrom:eltorito-floppy.iso"}, memory: 32, talk: says("hello from drive 00 emulation 0200 geometry 014f12 reads FD144 done")},
	{name: "eltorito-disk", drives: []string{"cdrom:eltorito-disk.iso"}, memory: 32, talk: says("hello from drive 80 emulation 0480 geometry 0f0", "3f reads HD001 done")},
	{name: "memtest", drives: []string{"cdrom:memtest.iso"}, memory: 6, icount: memtestShift, talk: memtest,
		choice: "pc-tcg-builtin q35-tcg-seabios pc-interp-builtin"},
	{name: "memtest-grub", drives: []string{"cdrom:grub.iso"}, memory: 8, icount: memtestShift, talk: memtestGRUB, choice: "pc-tcg-seabios q35-tcg-builtin"},
	{name: "ipxe-cd", drives: []string{"cdrom:ipxe.iso"}, memory: 64, talk: ipxe},
	{name: "ipxe-lkrn", drives: []string{"cdrom:grub.iso"}, memory: 64, talk: ipxeGRUB},
	// With 512 MiB the installer's first screen would be one that says so ("Low memory").
	{name: "installer-amd64", drives: []string{"cdrom:installer-amd64.iso"}, memory: 1024, talk: installer, choice: "pc-tcg-builtin"},
	{name: "installer-i386", drives: []string{"cdrom:installer-i386.iso"}, memory: 1024, talk: installerScreen, choice: "q35-tcg-builtin"},
}

// file is the path of a prepared medium.
func file(t testing.TB, name string) string {
	t.Helper()
	dir := os.Getenv("GOEMU_MEDIA_DIR")
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			t.Fatal(err)
		}
		dir = filepath.Join(cache, "goemu", "media")
	}
	p := filepath.Join(dir, name)
	if _, err := os.Stat(p); err != nil {
		t.Fatalf("%v: run make guests", err)
	}
	return p
}

// drive is the value of -drive for a prepared medium, "cdrom:FILE" for example. What is written to it is lost.
func drive(t testing.TB, medium string) string {
	t.Helper()
	kind, name, _ := strings.Cut(medium, ":")
	return driveOf(t, kind, file(t, name))
}

func driveOf(t testing.TB, kind, path string) string {
	t.Helper()
	s := "format=raw,file=" + path
	switch kind {
	case "cdrom":
		return s + ",media=cdrom,readonly=on"
	case "floppy":
		return s + ",if=floppy,snapshot=on"
	case "disk":
		return s + ",snapshot=on"
	}
	t.Fatalf("what is a %q?", kind)
	return ""
}

// start powers a machine on: goemu's, or QEMU's.
func start(t testing.TB, c config) *pc {
	t.Helper()
	if c.firmware == ovmf {
		const dir = "/usr/share/OVMF/"
		vars := filepath.Join(t.TempDir(), "vars.fd")
		copySparse(t, vars, dir+"OVMF_VARS_4M.fd")
		c.drives = append([]string{"if=pflash,format=raw,readonly=on,file=" + dir + "OVMF_CODE_4M.fd", "if=pflash,format=raw,file=" + vars}, c.drives...)
	}
	return launch(t, c)
}

// everything tells whether all that there is shall run.
func everything() bool { return os.Getenv("GOEMU_MEDIA") == "all" }

// each runs a test on the combinations of board, engine and firmware; slow and choice are as in medium.
func each(t *testing.T, slow bool, choice string, test func(t *testing.T, c config)) {
	for _, on := range combinations {
		c := config{board: on.board, engine: on.engine, firmware: on.firmware}
		chosen := on.chosen && !(slow && c.board == q35 && c.engine == interp)
		if choice != "" {
			chosen = slices.Contains(strings.Fields(choice), c.String())
		}
		if everything() {
			chosen = true
		}
		if onQEMU() {
			chosen = c.engine == tcg && c.firmware == seabios
		}
		if !chosen {
			continue
		}
		t.Run(c.String(), func(t *testing.T) {
			t.Parallel()
			test(t, c)
		})
	}
}

func TestMedia(t *testing.T) {
	t.Parallel()
	if err := unknown(os.Getenv("GOEMU_MEDIA_ON"), "", "qemu"); err != "" {
		t.Fatal(err)
	}
	for _, m := range media {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			each(t, m.slow, m.choice, func(t *testing.T, c config) {
				c.memory, c.icount = m.memory, m.icount
				c.brief = m.brief && c.engine == interp && !everything()
				kinds := ""
				for _, d := range m.drives {
					c.drives = append(c.drives, drive(t, d))
					kinds += d[:1]
				}
				// The drive to boot from is the first; on a PC without a say it would be the disk.
				c.boot = map[byte]string{'c': "d", 'd': "c", 'f': "a"}[kinds[0]]
				m.talk(start(t, c))
			})
		})
	}
}

func unknown(value string, known ...string) string {
	if slices.Contains(known, value) {
		return ""
	}
	return "GOEMU_MEDIA_ON=" + value + " is not known"
}
