package board

import (
	"errors"
	"fmt"

	"goemu/bios/font"
	"goemu/devices/vga"
	"goemu/mmu"
)

// DisplayDriver is the name of the display adapter for -device.
const DisplayDriver = "VGA"

// addVGA is VGA,vgamem_mb=N,xres=N,yres=N,romfile=FILE.
func (pc *PC) addVGA(p properties) error {
	if pc.VGA != nil {
		return errors.New("the board has a display adapter already")
	}
	mem, err := p.number("vgamem_mb", vga.DefaultVRAM, vga.MaxVRAM)
	if err != nil {
		return err
	}
	if mem < vga.MinVRAM || mem&(mem-1) != 0 {
		return fmt.Errorf("property vgamem_mb=%d: want a power of two from %d to %d", mem, vga.MinVRAM, vga.MaxVRAM)
	}
	var res [2]uint64
	for i, name := range []string{"xres", "yres"} {
		if res[i], err = p.number(name, 0, 4088); err != nil {
			return err
		}
	}
	cfg := vga.Config{Clock: pc.cfg.Clock, EDID: vga.EDID{XRes: int(res[0]), YRes: int(res[1])}}
	name, given := p["romfile"]
	p.text("romfile")
	if !given {
		name = pc.cfg.VideoROM
	}
	if name != "" {
		if pc.cfg.LoadROM == nil {
			return errors.New("there are no ROM images")
		}
		if cfg.ROM, err = pc.cfg.LoadROM(name); err != nil {
			return fmt.Errorf("romfile=%s: %w", name, err)
		}
	}
	if cfg.VRAM, err = mmu.AllocRAM(mem << 20); err != nil {
		return err
	}
	if pc.VGA, err = vga.New(cfg); err != nil {
		return err
	}
	if err := pc.PCI.Add(pc.chipset.vgaSlot(), 0, pc.VGA.Function); err != nil {
		return err
	}
	pc.VGA.MapInto(pc.Ports)
	pc.Space.MapIO(vga.WindowBase, vga.WindowSize, pc.VGA.Window())
	pc.add(pc.VGA)
	return nil
}

// initVGA does what a video BIOS would.
func (pc *PC) initVGA() {
	if pc.VGA != nil {
		pc.VGA.SetTextMode(font.Glyphs(16))
	}
}

func (pc *PC) saveVGA() *vga.State {
	if pc.VGA == nil {
		return nil
	}
	s := pc.VGA.SaveState()
	return &s
}

func (pc *PC) restoreVGA(s *vga.State) error {
	switch {
	case (s == nil) != (pc.VGA == nil):
		return errors.New("board state is of another configuration: display")
	case s == nil:
		return nil
	}
	return pc.VGA.RestoreState(*s)
}
