package emu

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"goemu/devices/block"
	"goemu/devices/pflash"
	"goemu/emu/board"
	"goemu/emu/drive"
)

// addFlash takes a -drive that is a flash chip: unit 0 holds the firmware, unit 1, below it, mostly its variables. Without
// unit= or index= it is the first that is not there yet.
func (p *placer) addFlash(o *drive.Options) error {
	unit := max(o.Index, o.Unit)
	if unit < 0 {
		for unit = 0; unit < len(p.m.flash)-1 && p.m.flash[unit].Drive != nil; {
			unit++
		}
	}
	switch {
	case unit >= len(p.m.flash):
		return fmt.Errorf("unit=%d: the board has flash chips 0 and 1", unit)
	case p.m.flash[unit].Drive != nil:
		return fmt.Errorf("unit=%d: there is such a flash chip already", unit)
	case o.CD:
		return errors.New("media=cdrom: a flash chip is no CD")
	case o.File == "":
		return errors.New("file= is missing")
	}
	if o.ID == "" {
		o.ID = fmt.Sprintf("pflash%d", unit)
	}
	medium, err := o.Open(block.Disk, drive.Sectors{})
	if err != nil {
		return err
	}
	if medium.Size == 0 || medium.Size > pflash.MaxSize || medium.Size%pflash.BlockSize != 0 {
		medium.Abandon()
		return fmt.Errorf("%s has %d bytes: want whole blocks of 4 KiB, from 4 KiB to 16 MiB", o.File, medium.Size)
	}
	data, err := p.m.pool.Alloc(uint64(medium.Size))
	if err == nil {
		err = medium.Contents(data)
	}
	if err != nil {
		medium.Abandon()
		return err
	}
	info := block.Info{Kind: block.Disk, BootIndex: -1}
	d := &hostDrive{id: o.ID, opts: o}
	d.Drive = drive.New(p.m.driveHost(d), info, medium)
	p.m.drives = append(p.m.drives, d)
	p.m.flash[unit] = board.FlashChip{Data: data, Drive: d}
	return nil
}

// namedFlash takes the drives that -machine pflash0= and pflash1= name.
func (p *placer) namedFlash() error {
	for unit, id := range p.m.cfg.Pflash {
		if id == "" {
			continue
		}
		d := &hostDrive{}
		err := p.connect(d, id, block.Disk)
		if err == nil {
			o := *d.opts
			o.Unit = unit
			err = p.addFlash(&o)
		}
		if err != nil {
			return fmt.Errorf("-machine pflash%d=%s: %w", unit, id, err)
		}
	}
	return nil
}

// checkFlash finds what is not possible.
func (m *Machine) checkFlash() error {
	if m.flash[0].Drive == nil && m.flash[1].Drive != nil {
		return errors.New("-drive if=pflash: unit=1 needs unit=0, which has the firmware")
	}
	if total := len(m.flash[0].Data) + len(m.flash[1].Data); total > pflash.MaxSize {
		return fmt.Errorf("-drive if=pflash: %d bytes in all: at most 16 MiB have room", total)
	}
	if m.flash[0].Drive != nil && m.cfg.Firmware != "" {
		return errors.New("-bios and -drive if=pflash cannot be given together: both are the firmware")
	}
	return nil
}

// own tells whether neither firmware of others nor a kernel that is loaded directly is to run.
func (m *Machine) own() bool {
	return m.cfg.Kernel == "" && m.cfg.Firmware == "" && m.flash[0].Drive == nil
}

// runsBuiltin tells whether the built-in firmware boots the machine; runsTour whether the built-in guest does.
func (m *Machine) runsBuiltin() bool { return m.own() && m.bootable() }
func (m *Machine) runsTour() bool    { return m.own() && !m.bootable() }

// bootable tells whether the user has given something to boot from, or wants to see that there is nothing.
func (m *Machine) bootable() bool {
	return m.cfg.PowerOn || m.cfg.Boot != (BootOptions{}) || len(m.cfg.Drives) > 0 ||
		slices.ContainsFunc(m.cfg.Devices, func(s string) bool {
			name, _, _ := strings.Cut(s, ",")
			return isDriveDevice(name)
		})
}
