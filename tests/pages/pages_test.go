package main

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"goemu/tests/guest"
)

const root = "../.."

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func kernel(t *testing.T) string {
	t.Helper()
	k, err := assemble("journey.asm", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// Each package of devices is in docs/devices.md, as it is now.
func TestDevicesPage(t *testing.T) {
	made, err := devicesPage(root, kernel(t))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(read(t, "docs/devices.md"), made); d != "" {
		t.Errorf("docs/devices.md is stale; go run ./tests/pages makes it:\n%s", d)
	}
}

// The listings of docs/journey.md are what goemu does now.
func TestJourneyPage(t *testing.T) {
	page := read(t, "docs/journey.md")
	made, err := journeyPage(page, kernel(t))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(page, made); d != "" {
		t.Errorf("docs/journey.md is stale; go run ./tests/pages makes its listings:\n%s", d)
	}
}

// The example of docs/guide.md is the one that the tests of package emu run.
func TestExample(t *testing.T) {
	page := read(t, "docs/guide.md")
	made, err := guidePage(root, page)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(page, made); d != "" {
		t.Errorf("docs/guide.md is stale; go run ./tests/pages makes its example:\n%s", d)
	}
}

// The pictures are those that the machines show now.
func TestScreenshots(t *testing.T) {
	for _, s := range shots {
		t.Run(s.file, func(t *testing.T) {
			if s.needs != "" {
				guest.File(t, "vmlinuz") // prepared with the media
			}
			made, err := s.take(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			if made == nil {
				t.Fatalf("%s is missing: run make guests", s.needs)
			}
			if s.needs != "" {
				return // it shows the version of Debian's package
			}
			if !sameDots(t, made, []byte(read(t, "docs/screenshots/"+s.file))) {
				t.Errorf("docs/screenshots/%s is stale; go run ./tests/pages makes it", s.file)
			}
		})
	}
}

// The pictures of the terminal display can be made, as large as those that there are.
func TestScenes(t *testing.T) {
	for _, s := range scenes {
		t.Run(s.file, func(t *testing.T) {
			made, err := s.take()
			if err != nil {
				t.Fatal(err)
			}
			var sizes [2]image.Config
			for i, p := range [][]byte{made, []byte(read(t, "docs/screenshots/"+s.file))} {
				if sizes[i], err = png.DecodeConfig(bytes.NewReader(p)); err != nil {
					t.Fatal(err)
				}
			}
			if sizes[0].Width != sizes[1].Width || sizes[0].Height != sizes[1].Height {
				t.Errorf("docs/screenshots/%s is %v, not %v; go run ./tests/pages makes it", s.file, sizes[1], sizes[0])
			}
		})
	}
}

func sameDots(t *testing.T, a, b []byte) bool {
	t.Helper()
	var pictures [2]image.Image
	for i, p := range [][]byte{a, b} {
		var err error
		if pictures[i], err = png.Decode(bytes.NewReader(p)); err != nil {
			t.Fatal(err)
		}
	}
	if pictures[0].Bounds() != pictures[1].Bounds() {
		return false
	}
	for y := range pictures[0].Bounds().Dy() {
		for x := range pictures[0].Bounds().Dx() {
			r, g, b, _ := pictures[0].At(x, y).RGBA()
			if r2, g2, b2, _ := pictures[1].At(x, y).RGBA(); r != r2 || g != g2 || b != b2 {
				return false
			}
		}
	}
	return true
}

// script finds the command lines of a page. Blocks in other fences are not run.
var script = regexp.MustCompile("(?s)\n```sh\n(.*?)```\n")

// The command lines of the pages run as they stand, with small guests in the place of files. Each block is a script of its own. What gdb shows is its own
// affair; beside it nothing is printed on standard error.
func TestCommandLines(t *testing.T) {
	path := filepath.Dir(guest.Goemu(t)) + ":" + os.Getenv("PATH")
	for _, page := range []string{"README.md", "docs/guide.md", "docs/journey.md"} {
		blocks := script.FindAllStringSubmatch(read(t, page), -1)
		if len(blocks) == 0 {
			t.Errorf("%s has no command lines", page)
		}
		for i, b := range blocks {
			lines := b[1]
			t.Run(fmt.Sprintf("%s %d", filepath.Base(page), i+1), func(t *testing.T) {
				dir := guests(t)
				var out, errs bytes.Buffer
				cmd := exec.Command("timeout", "-k", "9", guest.Patience.String()[:1]+"m", "sh", "-eu", "-c", lines)
				cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &errs
				cmd.Env = append(os.Environ(), "PATH="+path)
				if err := cmd.Run(); err != nil {
					t.Errorf("%v:\n%s\n%s%s", err, lines, &out, &errs)
				}
				if errs.Len() > 0 && !strings.Contains(lines, "gdb ") {
					t.Errorf("standard error of\n%s\n%s", lines, &errs)
				}
			})
		}
	}
}

// guests is a folder with what the pages' command lines name.
func guests(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for source, names := range map[string][]string{
		"disk.asm": {"disk.img", "floppy.img", "cd/boot.bin"}, "kernel.asm": {"kernel.elf"}, "linux.asm": {"vmlinuz"},
	} {
		for _, name := range names {
			to := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
				t.Fatal(err)
			}
			if msg, err := exec.Command("nasm", "-f", "bin", "-I", "../commands/", "-o", to, "../commands/"+source).CombinedOutput(); err != nil {
				t.Fatalf("nasm: %v\n%s", err, msg)
			}
		}
	}
	for _, name := range []string{"initrd.gz", "data.img", "config.txt", "module"} {
		if err := os.WriteFile(filepath.Join(dir, name), make([]byte, 1<<16), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, "tests/pages"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "tests/pages/journey.asm"), []byte(read(t, "tests/pages/journey.asm")), 0o666); err != nil {
		t.Fatal(err)
	}
	iso := exec.Command("xorriso", "-as", "mkisofs", "-quiet", "-b", "boot.bin", "-no-emul-boot", "-boot-load-size", "4", "-o", "install.iso", "cd")
	iso.Dir = dir
	if msg, err := iso.CombinedOutput(); err != nil {
		t.Fatalf("xorriso: %v\n%s", err, msg)
	}
	return dir
}
