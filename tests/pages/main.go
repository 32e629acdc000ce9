// Command pages makes those pages and pictures of the documentation that goemu's own output makes up: docs/devices.md, the listings of docs/journey.md,
// the example of docs/guide.md, and docs/screenshots. Its tests make the pages again and compare, and run the command lines of README.md, docs/guide.md and
// docs/journey.md.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

func main() {
	root := flag.String("root", ".", "folder of the source code")
	flag.Parse()
	if err := makeAll(*root); err != nil {
		fmt.Fprintln(os.Stderr, "pages:", err)
		os.Exit(1)
	}
}

func makeAll(root string) error {
	tmp, err := os.MkdirTemp("", "pages")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	kernel, err := assemble(filepath.Join(root, "tests/pages/journey.asm"), tmp)
	if err != nil {
		return err
	}
	devices, err := devicesPage(root, kernel)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(root, "docs/devices.md"), []byte(devices), 0o666); err != nil {
		return err
	}
	for name, make := range map[string]func(page string) (string, error){
		"docs/journey.md": func(page string) (string, error) { return journeyPage(page, kernel) },
		"docs/guide.md":   func(page string) (string, error) { return guidePage(root, page) },
	} {
		path := filepath.Join(root, name)
		old, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		page, err := make(string(old))
		if err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(page), 0o666); err != nil {
			return err
		}
	}
	return screenshots(filepath.Join(root, "docs/screenshots"), tmp)
}

// assemble makes the guest of a source file in dir.
func assemble(source, dir string) (string, error) {
	out := filepath.Join(dir, filepath.Base(source)+".bin")
	if msg, err := exec.Command("nasm", "-f", "bin", "-o", out, source).CombinedOutput(); err != nil {
		return "", fmt.Errorf("nasm %s: %w\n%s", source, err, msg)
	}
	return out, nil
}
