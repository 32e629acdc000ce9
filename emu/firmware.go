package emu

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"goemu/devices/fwcfg"
	"goemu/mmu"
)

// maxFirmware is the largest firmware image, in bytes: more would reach into what lies below it, the interrupt controllers' registers.
const maxFirmware = 16 << 20

// firmwareDirs is where Debian's packages of firmware put their images.
var firmwareDirs = []string{"/usr/share/seabios", "/usr/share/qemu", "/usr/share/OVMF", "/usr/share/ovmf"}

// AllFirmwareDirs are the directories in which images are looked for, in this order.
func (c *Config) AllFirmwareDirs() []string { return slices.Concat(c.FirmwareDirs, firmwareDirs) }

// findFirmware returns the path of an image: as it is given, or in the first directory that has it.
func (c *Config) findFirmware(name string) (string, error) {
	_, err := os.Stat(name)
	if err == nil || filepath.IsAbs(name) || !errors.Is(err, fs.ErrNotExist) {
		return name, err
	}
	dirs := c.AllFirmwareDirs()
	for _, d := range dirs {
		p := filepath.Join(d, name)
		if _, err := os.Stat(p); err == nil {
			return p, nil
		}
	}
	return "", fmt.Errorf("%s is not here, nor in %s", name, strings.Join(dirs, ", "))
}

// loadFirmware reads an image into page-aligned memory.
func (c *Config) loadFirmware(name string, pool *mmu.Pool) ([]byte, error) {
	path, err := c.findFirmware(name)
	if err != nil {
		return nil, fmt.Errorf("could not load PC BIOS '%s': %w", name, err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	switch n := info.Size(); {
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a plain file", path)
	case n == 0 || n > maxFirmware || n&mmu.PageMask != 0:
		return nil, fmt.Errorf("%s has %d bytes: want whole pages of 4 KiB, from 4 KiB to 16 MiB", path, n)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if int64(len(data)) != info.Size() {
		return nil, fmt.Errorf("%s changed while it was read", path)
	}
	rom, err := pool.Alloc(uint64(len(data)))
	if err != nil {
		return nil, err
	}
	copy(rom, data)
	return rom, nil
}

// addFwCfgFiles adds the files of -fw_cfg.
func (m *Machine) addFwCfgFiles() error {
	for _, s := range m.cfg.FwCfg {
		name, data, err := parseFwCfg(s)
		if err == nil {
			err = m.board.FwCfg.AddFile(name, data)
		}
		if err != nil {
			return fmt.Errorf("-fw_cfg %s: %w", s, err)
		}
		if !strings.HasPrefix(name, "opt/") {
			m.warnings = append(m.warnings, fmt.Sprintf("-fw_cfg %s: names that do not begin with opt/ are the machine's", s))
		}
	}
	return nil
}

// maxFwCfgFile bounds the contents of a file from the host, in bytes.
const maxFwCfgFile = 64 << 20

// parseFwCfg reads "[name=]NAME,string=TEXT" or "[name=]NAME,file=PATH".
func parseFwCfg(s string) (name string, data []byte, err error) {
	props := map[string]string{}
	if first, _, _ := strings.Cut(s, ","); !strings.Contains(first, "=") {
		s = "name=" + s
	}
	if err := ParseProps("properties", s, props); err != nil {
		return "", nil, err
	}
	text, isText := props["string"]
	path, isFile := props["file"]
	for k := range props {
		if k != "name" && k != "string" && k != "file" {
			return "", nil, fmt.Errorf("%s= is not known (want name, string, file)", k)
		}
	}
	switch name = props["name"]; {
	case name == "" || len(name) >= fwcfg.FileNameMax:
		return "", nil, fmt.Errorf("want a name of 1 to %d bytes", fwcfg.FileNameMax-1)
	case isText == isFile:
		return "", nil, errors.New("want string= or file=")
	case isText:
		return name, []byte(text), nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFwCfgFile {
		return "", nil, fmt.Errorf("%s: want a plain file of at most %d MiB", path, maxFwCfgFile>>20)
	}
	data, err = os.ReadFile(path)
	return name, data, err
}
