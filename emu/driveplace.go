package emu

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"goemu/devices/block"
	"goemu/emu/board"
	"goemu/emu/drive"
)

// placer finds a place for each drive, in QEMU's ways: -drive with if=ide and if=floppy make the device too, if=none waits for a -device.
type placer struct {
	m       *Machine
	buses   []board.IDEBus
	waiting []*waitingDrive
	drives  []board.Drive
	devices bool // a -device has made a disk or CD
}

// waitingDrive is a -drive with if=none.
type waitingDrive struct {
	text string
	opts *drive.Options
	used bool
}

// place is where a drive hangs.
type place struct {
	bus        string
	port, unit int
}

func (p *placer) free(at place) bool {
	return !slices.ContainsFunc(p.drives, func(d board.Drive) bool { return d.Bus == at.bus && d.Port == at.port && d.Unit == at.unit })
}

// places are all places of an interface, in the order of index=.
func (p *placer) places(iface string) []place {
	var all []place
	if iface == drive.IfFloppy {
		for unit := range board.Floppies {
			all = append(all, place{board.BusFloppy, 0, unit})
		}
		return all
	}
	for _, b := range p.buses {
		if b.Bus == board.BusIDE { // -drive does not reach other controllers
			all = append(all, placesOf(b)...)
		}
	}
	return all
}

func placesOf(b board.IDEBus) (all []place) {
	for unit := range b.Units {
		all = append(all, place{b.Bus, b.Port, unit})
	}
	return all
}

// find is the place that index=, or bus= and unit=, name (-1: not given), or the first free one.
func (p *placer) find(all []place, index, bus, unit int) (place, error) {
	for i, at := range all {
		switch {
		case index >= 0 && i != index, bus >= 0 && at.port != bus, unit >= 0 && at.unit != unit:
			continue
		case p.free(at):
			return at, nil
		case index >= 0 || unit >= 0 && bus >= 0:
			return place{}, fmt.Errorf("drive with bus=%d, unit=%d (index=%d) exists", at.port, at.unit, i)
		}
	}
	if index >= len(all) {
		return place{}, fmt.Errorf("index=%d: the board has places 0 to %d", index, len(all)-1)
	}
	return place{}, errors.New("the board has no such place, or all are taken")
}

// addOptions takes a -drive.
func (p *placer) addOptions(s string) error {
	props := map[string]string{}
	if err := ParseProps("-drive", s, props); err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), "-drive: "))
	}
	o, err := drive.ParseOptions(props)
	if err != nil {
		return err
	}
	o.Snapshot = o.Snapshot || p.m.cfg.Snapshot
	if o.ID != "" && p.known(o.ID) {
		return fmt.Errorf("id=%s is used twice", o.ID)
	}
	switch o.If {
	case drive.IfNone:
		p.waiting = append(p.waiting, &waitingDrive{text: s, opts: o})
		return nil
	case drive.IfPflash:
		return p.addFlash(o)
	}
	kind := block.Disk
	switch {
	case o.If == drive.IfFloppy:
		kind = block.Floppy
	case o.CD:
		kind = block.CD
	}
	if kind == block.Disk && o.File == "" {
		return errors.New("file= is missing: a disk has no removable medium")
	}
	at, err := p.find(p.places(o.If), o.Index, o.Bus, o.Unit)
	if err != nil {
		return err
	}
	if o.ID == "" {
		o.ID = defaultID(kind, at)
	}
	return p.addOwn(&hostDrive{id: o.ID, opts: o}, at, kind)
}

// addOwn adds a drive whose device is made for it. What -global says of its driver counts.
func (p *placer) addOwn(d *hostDrive, at place, kind block.Kind) error {
	driver := ""
	for name, k := range driveDevices {
		if k == kind {
			driver = name
		}
	}
	props := map[string]string{}
	for _, g := range p.m.globals {
		if g.driver == driver {
			props[g.prop] = g.value
		}
	}
	for _, said := range []string{"id", "drive", "bus", "unit"} {
		delete(props, said) // by the -drive
	}
	info, err := d.traits(kind, driver, props)
	if err != nil {
		return fmt.Errorf("-global: %w", err)
	}
	return p.add(d, at, info)
}

// defaultID is the name of a drive that was given none, as QEMU has it.
func defaultID(kind block.Kind, at place) string {
	switch kind {
	case block.Floppy:
		return fmt.Sprintf("floppy%d", at.unit)
	case block.CD:
		return fmt.Sprintf("ide%d-cd%d", at.port, at.unit)
	}
	return fmt.Sprintf("ide%d-hd%d", at.port, at.unit)
}

func (p *placer) known(id string) bool {
	return slices.ContainsFunc(p.waiting, func(w *waitingDrive) bool { return w.opts.ID == id }) ||
		slices.ContainsFunc(p.m.drives, func(d *hostDrive) bool { return d.id == id || d.device == id })
}

// add opens the medium and puts the drive in its place.
func (p *placer) add(d *hostDrive, at place, info block.Info) error {
	medium, err := d.opts.Open(info.Kind, d.sectors)
	if err != nil {
		return err
	}
	if medium != nil && medium.Warning != "" {
		p.m.warnings = append(p.m.warnings, medium.Warning)
	}
	d.Drive = drive.New(p.m.driveHost(d), info, medium)
	p.m.drives = append(p.m.drives, d)
	p.drives = append(p.drives, board.Drive{Drive: d, ID: d.name(), Bus: at.bus, Port: at.port, Unit: at.unit})
	return nil
}

// finish adds the drives that every PC has and says which -drive nobody took.
func (p *placer) finish() error {
	for _, w := range p.waiting {
		if !w.used {
			p.m.warnings = append(p.m.warnings, fmt.Sprintf("-drive %s: no -device uses it", w.text))
		}
	}
	if p.m.cfg.NoDefaults {
		return nil
	}
	for _, s := range []struct {
		iface string
		index int
		kind  block.Kind
		not   bool
	}{{drive.IfIDE, 2, block.CD, p.devices}, {drive.IfFloppy, 0, block.Floppy, false}} {
		at := p.places(s.iface)[s.index]
		if s.not || !p.free(at) {
			continue
		}
		o := &drive.Options{If: s.iface, ReadOnly: s.kind == block.CD, Snapshot: p.m.cfg.Snapshot}
		d := &hostDrive{id: defaultID(s.kind, at), opts: o}
		if err := p.addOwn(d, at, s.kind); err != nil {
			return err
		}
	}
	return nil
}

// driveDevices are the -device that are drives.
var driveDevices = map[string]block.Kind{"ide-hd": block.Disk, "ide-cd": block.CD, "floppy": block.Floppy}

func isDriveDevice(name string) bool {
	_, ok := driveDevices[strings.TrimPrefix(name, "driver=")]
	return ok
}

// addBuses notes the buses of controllers that -device adds.
func (p *placer) addBuses() error {
	for _, s := range p.m.cfg.Devices {
		name, rest, _ := strings.Cut(s, ",")
		if !board.IsAHCI(strings.TrimPrefix(name, "driver=")) {
			continue
		}
		props := map[string]string{}
		if err := ParseProps(name, rest, props); err != nil {
			return err
		}
		id := props["id"]
		if id == "" {
			continue // nothing can be put there
		}
		for _, b := range board.AHCIBuses(id) {
			if slices.ContainsFunc(p.buses, func(x board.IDEBus) bool { return x.Name == b.Name }) {
				return fmt.Errorf("-device %s: id=%s is used twice", s, id)
			}
			p.buses = append(p.buses, b)
		}
	}
	return nil
}

// numbers are the properties of a -device that are numbers, with their limits.
type numbers map[string]limited

type limited struct {
	to    *int
	limit int
}

// take takes the numbers out of props.
func (n numbers) take(props map[string]string) error {
	for name, v := range n {
		s, ok := props[name]
		if !ok {
			continue
		}
		delete(props, name)
		x, err := strconv.ParseUint(s, 0, 63)
		if err != nil || x > uint64(v.limit) {
			return fmt.Errorf("%s=%s: want a number up to %d", name, s, v.limit)
		}
		*v.to = int(x)
	}
	return nil
}

// addDevice takes a -device that is a drive.
func (p *placer) addDevice(s string) error {
	name, rest, _ := strings.Cut(s, ",")
	name = strings.TrimPrefix(name, "driver=")
	kind := driveDevices[name]
	props := map[string]string{}
	if err := ParseProps(name, rest, props); err != nil {
		return err
	}
	text := func(key string) string {
		v := props[key]
		delete(props, key)
		return v
	}
	d := &hostDrive{device: text("id")}
	if d.device != "" && p.known(d.device) {
		return fmt.Errorf("id=%s is used twice", d.device)
	}
	unit := -1
	bus, driveID := text("bus"), text("drive")
	if kind != block.Floppy {
		p.devices = true
	}
	if err := (numbers{"unit": {&unit, math.MaxInt32}}).take(props); err != nil {
		return err
	}
	if err := p.connect(d, driveID, kind); err != nil {
		return err
	}
	info, err := d.traits(kind, name, props)
	if err != nil {
		return err
	}
	at, err := p.deviceAt(kind, bus, unit)
	if err != nil {
		return err
	}
	return p.add(d, at, info)
}

// traits reads what properties of a -device, all of which it takes, say of the drive itself.
func (d *hostDrive) traits(kind block.Kind, name string, props map[string]string) (info block.Info, err error) {
	info = block.Info{Kind: kind, BootIndex: -1}
	cache := "auto"
	text := func(key string) string {
		v := props[key]
		delete(props, key)
		return v
	}
	n := numbers{"bootindex": {&info.BootIndex, math.MaxInt32}}
	if kind != block.Floppy {
		if err := takeTexts(&info, text); err != nil {
			return info, err
		}
	}
	if kind == block.Disk {
		n["cyls"] = limited{&info.Cylinders, 65535}
		n["heads"] = limited{&info.Heads, 16}
		n["secs"] = limited{&info.Sectors, 255}
		n["logical_block_size"] = limited{&d.sectors.Logical, math.MaxInt32}
		n["physical_block_size"] = limited{&d.sectors.Physical, math.MaxInt32}
		if c := text("write-cache"); c != "" {
			cache = c
		}
	}
	if err := n.take(props); err != nil {
		return info, err
	}
	for key := range props {
		return info, fmt.Errorf("%s has no property %q", name, key)
	}
	if err := d.sectors.Check(); err != nil {
		return info, err
	}
	if (info.Cylinders|info.Heads|info.Sectors) != 0 && (info.Cylinders == 0 || info.Heads == 0 || info.Sectors == 0) {
		return info, errors.New("cyls=, heads= and secs= go together")
	}
	info.WriteCache = d.opts.Cache != drive.WriteThrough
	if cache != "auto" {
		info.WriteCache, err = drive.OnOff("write-cache", cache)
	}
	return info, err
}

// takeTexts takes what a drive says about itself.
func takeTexts(info *block.Info, text func(string) string) error {
	for _, t := range []struct {
		name string
		to   *string
		max  int
	}{{"serial", &info.Serial, 20}, {"model", &info.Model, 40}, {"ver", &info.Version, 8}} {
		v := text(t.name)
		if len(v) > t.max || strings.ContainsFunc(v, func(r rune) bool { return r < ' ' || r > '~' }) {
			return fmt.Errorf("%s=%s: want at most %d printable ASCII characters", t.name, v, t.max)
		}
		*t.to = v
	}
	if s := text("wwn"); s != "" {
		var err error
		if info.WWN, err = strconv.ParseUint(s, 0, 64); err != nil {
			return fmt.Errorf("wwn=%s: want a number of 64 bits", s)
		}
	}
	return nil
}

// connect finds the -drive that a -device names.
func (p *placer) connect(d *hostDrive, id string, kind block.Kind) error {
	if id == "" {
		if kind == block.Disk {
			return errors.New("drive= is missing: a disk has no removable medium")
		}
		d.opts = &drive.Options{ReadOnly: kind == block.CD, Snapshot: p.m.cfg.Snapshot}
		d.id = d.device
		return nil
	}
	for _, w := range p.waiting {
		if w.opts.ID != id {
			continue
		}
		if w.used {
			return fmt.Errorf("drive=%s: another device uses it", id)
		}
		if kind == block.Disk && w.opts.File == "" {
			return fmt.Errorf("drive=%s: it has no file=, and a disk has no removable medium", id)
		}
		w.used, d.opts, d.id = true, w.opts, id
		return nil
	}
	if p.known(id) {
		return fmt.Errorf("drive=%s: its if= has connected it already (if=none is for -device)", id)
	}
	return fmt.Errorf("drive=%s: there is no -drive with this id", id)
}

// deviceAt is the place that bus= and unit= of a -device name.
func (p *placer) deviceAt(kind block.Kind, bus string, unit int) (place, error) {
	if kind == block.Floppy {
		if bus != "" && bus != "floppy-bus.0" {
			return place{}, fmt.Errorf("bus=%s: want floppy-bus.0", bus)
		}
		return p.find(p.places(drive.IfFloppy), -1, -1, unit)
	}
	if bus == "" {
		return p.find(p.places(drive.IfIDE), -1, -1, unit)
	}
	var have []string
	for _, b := range p.buses {
		if b.Name == bus {
			return p.find(placesOf(b), -1, b.Port, unit)
		}
		have = append(have, b.Name)
	}
	return place{}, fmt.Errorf("bus=%s: there is no such bus (have: %s)", bus, strings.Join(have, ", "))
}
