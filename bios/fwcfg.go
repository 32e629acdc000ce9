package bios

import "goemu/devices/fwcfg"

// The firmware configuration device, read through its ports.

// hasFwCfg tells whether it is there.
func (f *Firmware) hasFwCfg() bool { return string(f.fwCfgItem(fwcfg.Signature, 4)) == "QEMU" }

// fwCfgItem reads n bytes of an item.
func (f *Firmware) fwCfgItem(key uint16, n int) []byte {
	f.out16(fwcfg.SelectorPort, key)
	p := make([]byte, n)
	for i := range p {
		p[i] = f.in8(fwcfg.DataPort)
	}
	return p
}

// maxFwCfgFile bounds the files that firmware reads, option ROMs among them.
const maxFwCfgFile = 256 << 10

// fwCfgDir calls fn for each file until it returns false.
func (f *Firmware) fwCfgDir(fn func(name string, key uint16, size uint32) bool) {
	if !f.fwCfg {
		return
	}
	const entry = 64
	n := min(be.Uint32(f.fwCfgItem(fwcfg.FileDir, 4)), 0x1000)
	p := make([]byte, entry)
	for range n {
		for i := range p {
			p[i] = f.in8(fwcfg.DataPort)
		}
		if !fn(cString(p[8:]), be.Uint16(p[4:]), be.Uint32(p)) {
			return
		}
	}
}

// fwCfgFile reads a file; nil: there is none.
func (f *Firmware) fwCfgFile(want string) (data []byte) {
	var key uint16
	var size uint32
	f.fwCfgDir(func(name string, k uint16, n uint32) bool {
		if name == want {
			key, size = k, n
		}
		return name != want
	})
	if key == 0 {
		return nil
	}
	return f.fwCfgItem(key, int(min(size, maxFwCfgFile)))
}

// fwCfgNames are the names of all files.
func (f *Firmware) fwCfgNames() (names []string) {
	f.fwCfgDir(func(name string, _ uint16, _ uint32) bool {
		names = append(names, name)
		return true
	})
	return names
}

// cString is the text up to a zero byte.
func cString(p []byte) string {
	for i, b := range p {
		if b == 0 {
			return string(p[:i])
		}
	}
	return string(p)
}
