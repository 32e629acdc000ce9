package emu

import (
	"fmt"
	"os"

	"goemu/mmu"
)

// maxOptionROM is the largest image of an expansion ROM, in bytes.
const maxOptionROM = 16 << 20

// loadROM reads the image of an expansion ROM into page-aligned memory of a power of two of bytes.
func (m *Machine) loadROM(name string) ([]byte, error) {
	path, err := m.cfg.findFirmware(name)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if n := info.Size(); !info.Mode().IsRegular() || n == 0 || n > maxOptionROM {
		return nil, fmt.Errorf("%s: want a plain file of 1 byte to %d MiB", path, maxOptionROM>>20)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	size := mmu.PageSize
	for size < len(data) {
		size *= 2
	}
	rom, err := m.pool.Alloc(uint64(size))
	if err != nil {
		return nil, err
	}
	copy(rom, data)
	return rom, nil
}
