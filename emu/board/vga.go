package board

import (
	"errors"
	"fmt"

	"goemu/bios"
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
	switch {
	case name == "" && !given:
		cfg.ROM, err = builtinVideoROM(pc.cfg.Pool)
	case name == "": // the user wants none
	case pc.cfg.LoadROM == nil:
		err = errors.New("there are no ROM images")
	default:
		if cfg.ROM, err = pc.cfg.LoadROM(name); err != nil {
			err = fmt.Errorf("romfile=%s: %w", name, err)
		}
	}
	if err != nil {
		return err
	}
	if cfg.VRAM, err = pc.cfg.Pool.Alloc(mem << 20); err != nil {
		return err
	}
	cfg.Tracker = pc.Space.NewTracker(cfg.VRAM)
	cfg.MapWindow = pc.mapVGAWindow
	if cfg.Text, err = pc.cfg.Pool.Alloc(vga.TextSize); err != nil {
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

// mapVGAWindow lies memory over a part of the window, or takes it away.
func (pc *PC) mapVGAWindow(off, size uint32, p []byte) {
	if p == nil {
		pc.Space.Unmap(vga.WindowBase+uint64(off), uint64(size))
		return
	}
	pc.Space.MapRAM(vga.WindowBase+uint64(off), p, false)
}

// initVGA does what the video BIOS would: text mode 3.
func (pc *PC) initVGA() error {
	if pc.VGA == nil {
		return nil
	}
	return bios.InitVideo(pc.Space, pc.Ports)
}

// builtinVideoROM is the built-in video BIOS in memory for a ROM BAR.
func builtinVideoROM(pool *mmu.Pool) ([]byte, error) {
	image, err := bios.VideoROM()
	if err != nil {
		return nil, err
	}
	rom, err := pool.Alloc(uint64(len(image)))
	if err != nil {
		return nil, err
	}
	copy(rom, image)
	return rom, nil
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
