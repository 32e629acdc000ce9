package bios

import (
	"embed"
	"fmt"
	"maps"
	"strings"
	"sync"

	"goemu/bios/asm"
)

// The ROM: 64 KiB at F0000h, and again below 4 GiB.
const (
	romBase = 0xf0000
	romSize = 0x10000
	romSeg  = romBase >> 4
)

//go:embed rom/*.asm
var romFiles embed.FS

// stub is one place in the ROM from which the guest calls a service.
type stub struct {
	service
	retry bool   // the call comes again
	wait  uint32 // address at which a call waits
}

// rom is the assembled ROM.
type rom struct {
	image   []byte
	symbols map[string]uint64 // labels are physical addresses below 1 MiB
	stubs   map[uint32]stub   // by the physical address behind the OUT
	waits   map[uint32]bool   // addresses behind a HLT at which calls wait
}

// The code of a stub that can wait begins, after the first OUT, with one byte that returns.
const (
	sizeOfOut   = 2
	sizeOfRet   = 1
	waitHalted  = sizeOfOut + sizeOfRet + 2 // from the stub's label: behind its HLT
	waitRetried = waitHalted + 1 + sizeOfOut
)

var theROM = sync.OnceValues(func() (*rom, error) {
	var src []asm.Source
	files, err := romFiles.ReadDir("rom")
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		text, err := romFiles.ReadFile("rom/" + f.Name())
		if err != nil {
			return nil, err
		}
		src = append(src, asm.Source{Name: f.Name(), Text: string(text)})
	}
	p, err := asm.Assemble(src...)
	if err != nil {
		return nil, fmt.Errorf("assemble the firmware's ROM: %w", err)
	}
	if len(p.Code) != romSize || p.Origin != romBase {
		return nil, fmt.Errorf("the firmware's ROM has %#x bytes at %#x, must have %#x at %#x", len(p.Code), p.Origin, romSize, romBase)
	}
	r := &rom{image: p.Code, symbols: p.Symbols, stubs: map[uint32]stub{}, waits: map[uint32]bool{}}
	for name, s := range services {
		if err := r.add(name, s); err != nil {
			return nil, err
		}
	}
	for name, sum := range checksums {
		at := r.symbols[name] - romBase
		p := r.image[at:]
		fix(p[:sum.length], sum.at)
	}
	v, err := theVideoROM()
	if err != nil {
		return nil, err
	}
	maps.Copy(r.stubs, v.stubs)
	fix(r.image, romSize-1)
	return r, nil
})

// checksums are the headers in the ROM, their lengths, and where their sums are.
var checksums = map[string]struct{ length, at int }{"bios32_header": {16, 10}, "pnp_header": {0x21, 8}, "pmm_header": {16, 6}}

// ROM returns the firmware's image, to be mapped below 4 GiB and below 1 MiB.
func ROM() ([]byte, error) {
	r, err := theROM()
	if err != nil {
		return nil, err
	}
	return append([]byte(nil), r.image...), nil
}

// add notes the stub of a service.
func (r *rom) add(name string, s service) error {
	at, ok := r.symbols[name]
	if !ok {
		return fmt.Errorf("the firmware's ROM has no stub %q", name)
	}
	code := r.image[at-romBase:]
	if code[0] != 0xe6 || code[1] != TrapPort {
		return fmt.Errorf("stub %s does not begin with an OUT to port %#x", name, TrapPort)
	}
	first := uint32(at) + sizeOfOut
	r.stubs[first] = stub{service: s, wait: first + sizeOfRet}
	// sti; hlt; cli; out TRAP, al
	if strings.HasPrefix(string(code[sizeOfOut+sizeOfRet:]), "\xfb\xf4\xfa\xe6\xba") {
		r.waits[uint32(at)+waitHalted] = true
		r.stubs[uint32(at)+waitRetried] = stub{service: s, retry: true, wait: first + sizeOfRet}
	} else if s.waits {
		return fmt.Errorf("stub %s cannot wait", name)
	}
	return nil
}

// offset is a label's offset in segment F000h.
func (r *rom) offset(name string) uint16 { return uint16(r.symbols[name]) }
