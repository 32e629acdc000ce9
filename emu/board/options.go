package board

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"goemu/devices/debugcon"
	"goemu/devices/debugexit"
)

// properties are the name=value pairs of a -device option that nobody has taken yet.
type properties map[string]string

// parseDevice splits "driver,name=value,..." as -device has it.
func parseDevice(opts string) (driver string, p properties, err error) {
	fields := strings.Split(opts, ",")
	p = properties{}
	for _, f := range fields[1:] {
		name, value, ok := strings.Cut(f, "=")
		if !ok || name == "" {
			return "", nil, fmt.Errorf("property %q: want name=value", f)
		}
		p[name] = value
	}
	return strings.TrimPrefix(fields[0], "driver="), p, nil
}

// text takes a property.
func (p properties) text(name string) string {
	v := p[name]
	delete(p, name)
	return v
}

// number takes a property that is a number up to limit, in C notation.
func (p properties) number(name string, preset, limit uint64) (uint64, error) {
	s := p.text(name)
	if s == "" {
		return preset, nil
	}
	v, err := strconv.ParseUint(s, 0, 64)
	if err != nil || v > limit {
		return 0, fmt.Errorf("property %s=%s: want a number up to %#x", name, s, limit)
	}
	return v, nil
}

// drivers are the devices that -device can add.
var drivers = map[string]func(*PC, properties) error{
	"ahci":           (*PC).addAHCI,
	"ich9-ahci":      (*PC).addAHCI,
	"isa-debugcon":   (*PC).addDebugcon,
	"isa-debug-exit": (*PC).addDebugExit,
	DisplayDriver:    (*PC).addVGA,
	"edu":            (*PC).addEdu,
	"pc-testdev":     (*PC).addPCTestdev,
	"pci-testdev":    (*PC).addPCITestdev,
	"pvpanic":        (*PC).addPvpanic,
	"pvpanic-pci":    (*PC).addPvpanicPCI,
}

func (pc *PC) addDevice(opts string) error {
	driver, p, err := parseDevice(opts)
	if err != nil {
		return err
	}
	add := drivers[driver]
	if add == nil {
		return fmt.Errorf("no device is called %q", driver)
	}
	if err := add(pc, p); err != nil {
		return err
	}
	p.text("id")
	for name := range p {
		return fmt.Errorf("%s has no property %q", driver, name)
	}
	return nil
}

// addDebugcon is isa-debugcon,iobase=P,chardev=ID.
func (pc *PC) addDebugcon(p properties) error {
	base, err := p.number("iobase", debugcon.DefaultBase, 0xffff)
	if err != nil {
		return err
	}
	readback, err := p.number("readback", debugcon.ID, 0xff)
	if err != nil {
		return err
	}
	var w io.Writer
	if id := p.text("chardev"); id != "" {
		if pc.cfg.Chardev == nil {
			return errors.New("there are no chardevs")
		}
		if w, err = pc.cfg.Chardev(id); err != nil {
			return fmt.Errorf("chardev %s: %w", id, err)
		}
	}
	c := debugcon.New(w, uint8(readback))
	c.MapInto(pc.Ports, uint16(base))
	pc.Console = append(pc.Console, c)
	return nil
}

// addDebugExit is isa-debug-exit,iobase=P,iosize=N.
func (pc *PC) addDebugExit(p properties) error {
	base, err := p.number("iobase", debugexit.DefaultBase, 0xffff)
	if err != nil {
		return err
	}
	size, err := p.number("iosize", debugexit.DefaultSize, 4)
	if err != nil {
		return err
	}
	e, err := debugexit.New(uint16(base), int(size), pc.cfg.OnDebugExit)
	if err != nil {
		return err
	}
	e.MapInto(pc.Ports)
	return nil
}
