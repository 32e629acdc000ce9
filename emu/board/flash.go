package board

import (
	"fmt"

	"goemu/devices"
	"goemu/devices/block"
	"goemu/devices/pflash"
)

// FlashChips is how many flash chips a board can have.
const FlashChips = 2

// FlashChip is a flash chip for the firmware. Chip 0 ends at 4 GiB, chip 1 below it.
type FlashChip struct {
	Data  []byte      // page-aligned, whole pages, what is on Drive; nil: there is no such chip
	Drive block.Drive // what the guest changes goes there
}

// MapROM implements pflash.Bus.
func (b mmioBus) MapROM(base uint64, p []byte, w devices.MMIODevice) { b.space.MapROM(base, p, w) }

// addFlash maps the chips.
func (pc *PC) addFlash() error {
	end := uint64(biosTop)
	for i, c := range pc.cfg.Flash {
		if c.Data == nil {
			continue
		}
		f, err := pflash.New(fmt.Sprintf("flash chip %d", i), c.Data, c.Drive)
		if err != nil {
			return err
		}
		end -= uint64(len(c.Data))
		f.MapInto(mmioBus{pc.Space}, end)
		pc.flash = append(pc.flash, f)
		pc.add(f)
	}
	return nil
}

// firmware is the image whose end is mapped below 1 MiB, too.
func (c *Config) firmware() []byte {
	if c.Flash[0].Data != nil {
		return c.Flash[0].Data
	}
	return c.ROM
}

// Sync has what is in flash chips written to their drives. It is called at the end of the machine, before the drives are closed.
func (pc *PC) Sync() {
	for _, f := range pc.flash {
		f.Sync()
	}
}
