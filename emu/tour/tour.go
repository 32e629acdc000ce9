// Package tour is the built-in guest: a ROM that shows the way from the reset
// vector through real and protected mode to long mode, paging, interrupts,
// user-mode tasks and every exception, and then takes commands on COM1. Its
// source are the commented assembly files in guest/, one theme a file; package asm assembles them when they
// are needed.
//
// The guest runs by itself and powers off if the fw_cfg file "opt/goemu/tour"
// is "auto"; without that it is interactive. It needs 4 MiB of RAM, a 64-bit
// processor and the devices of the i440FX and PIIX3 board.
package tour

import (
	"embed"
	"fmt"
	"maps"
	"sync"

	"goemu/bios/asm"
)

// FwCfgFile is the fw_cfg file that chooses between Auto and Interactive.
const (
	FwCfgFile   = "opt/goemu/tour"
	Auto        = "auto"
	Interactive = "interactive"
)

// Size of the ROM in bytes. Its end is mapped below 4 GiB, and again below 1 MiB.
const Size = 64 << 10

//go:embed guest/*.asm
var guest embed.FS

var program = sync.OnceValues(func() (*asm.Program, error) {
	src, err := Sources()
	if err != nil {
		return nil, err
	}
	p, err := asm.Assemble(src...)
	if err != nil {
		return nil, fmt.Errorf("assemble the built-in guest: %w", err)
	}
	if len(p.Code) != Size {
		return nil, fmt.Errorf("the built-in guest has %d bytes, must have %d", len(p.Code), Size)
	}
	return p, nil
})

// Sources returns the guest's files in the order in which they are assembled.
func Sources() ([]asm.Source, error) {
	files, err := guest.ReadDir("guest")
	if err != nil {
		return nil, err
	}
	var src []asm.Source
	for _, f := range files {
		text, err := guest.ReadFile("guest/" + f.Name())
		if err != nil {
			return nil, err
		}
		src = append(src, asm.Source{Name: f.Name(), Text: string(text)})
	}
	return src, nil
}

// ROM returns the assembled guest, Size bytes.
func ROM() ([]byte, error) {
	p, err := program()
	if err != nil {
		return nil, err
	}
	return append([]byte(nil), p.Code...), nil
}

// Symbols returns the guest's labels and constants; labels are physical addresses below 1 MiB.
func Symbols() (map[string]uint64, error) {
	p, err := program()
	if err != nil {
		return nil, err
	}
	return maps.Clone(p.Symbols), nil
}
