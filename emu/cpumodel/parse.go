package cpumodel

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"goemu/emu/nearest"
)

// Reader executes CPUID on the host.
type Reader func(leaf, sub uint32) (a, b, c, d uint32)

// Parse reads the value of -cpu: "NAME[,+feature][,-feature][,property=value]...". "" is the default model. host, which may be nil
// where the host has no CPUID, is for the model of that name. dropped are the features of a model that goemu lacks.
func Parse(s string, host Reader) (m *Model, dropped Set, err error) {
	name, rest, more := strings.Cut(s, ",")
	if name == "" {
		name = Default
	}
	m, dropped, ok := New(modelName(name))
	if !ok {
		return nil, dropped, fmt.Errorf("-cpu %s: unable to find CPU model '%[1]s'%[2]s; -cpu help lists all", name, nearest.Hint(name, Names()))
	}
	if m.Name == "host" && host != nil {
		m.takeHost(host)
	}
	p := parser{m: m}
	if more {
		for _, o := range strings.Split(rest, ",") {
			if err := p.option(o); err != nil {
				return nil, dropped, fmt.Errorf("-cpu %s: %w", s, err)
			}
		}
	}
	if err := p.apply(); err != nil {
		return nil, dropped, fmt.Errorf("-cpu %s: %w", s, err)
	}
	dropped = dropped.without(p.off)
	if m.Enforce && dropped != (Set{}) {
		return nil, dropped, fmt.Errorf("-cpu %s: goemu does not have %v, which %s does", s, dropped, m.Name)
	}
	return m, dropped, nil
}

// modelName gives the name as the table has it; QEMU's first version of a model is the model.
func modelName(s string) string {
	for _, n := range Names() {
		if strings.EqualFold(n, s) {
			return n
		}
	}
	return strings.TrimSuffix(s, "-v1")
}

// Names are the names of the models.
func Names() []string {
	names := make([]string, len(definitions))
	for i, d := range definitions {
		names[i] = d.name
	}
	return names
}

// parser collects the options of one -cpu.
type parser struct {
	m       *Model
	on, off Set
}

// option takes one option.
func (p *parser) option(o string) error {
	switch {
	case o == "":
		return fmt.Errorf("an option is empty")
	case o[0] == '+':
		return p.feature(o[1:], true)
	case o[0] == '-':
		return p.feature(o[1:], false)
	}
	name, value, given := strings.Cut(o, "=")
	if !given {
		value = "on"
	}
	if set, ok := properties[name]; ok {
		if !given && name != "enforce" && name != "check" {
			return fmt.Errorf("%s needs a value", name)
		}
		return set(p, value)
	}
	on, err := boolean(value)
	if _, known := Lookup(name); known && err != nil {
		return fmt.Errorf("%s=%s: %w", name, value, err)
	}
	return p.feature(name, on)
}

func boolean(s string) (bool, error) {
	switch s {
	case "on", "yes", "true", "y":
		return true, nil
	case "off", "no", "false", "n":
		return false, nil
	}
	return false, fmt.Errorf("want on or off")
}

// feature switches one feature.
func (p *parser) feature(name string, on bool) error {
	f, ok := Lookup(name)
	if !ok {
		names := make([]string, 0, len(features)+len(properties))
		for i := range features {
			names = append(names, features[i].Name)
		}
		for n := range properties {
			names = append(names, n)
		}
		return fmt.Errorf("unknown feature or property %q%s; -cpu help lists all", name, nearest.Hint(name, names))
	}
	have := Supported().or(setOf(topology))
	if on && !have.Has(f) {
		return fmt.Errorf("goemu does not have %v", f)
	}
	p.on.Put(f, on)
	p.off.Put(f, !on)
	return nil
}

// apply puts the features into the model. What needs one that was taken away goes with it, unless it was asked for.
func (p *parser) apply() error {
	m := p.m
	m.Features = m.Features.or(p.on).without(p.off)
	closed := m.Features.closed()
	if lost := p.on.without(closed).list(); len(lost) > 0 {
		missing := lost[0].needs().without(m.Features)
		return fmt.Errorf("%v needs %v", lost[0], missing)
	}
	m.Features = closed
	if m.Level == 0 && m.Features.without(setOf("fpu")) != (Set{}) {
		return fmt.Errorf("%s has no CPUID and so no features but fpu", m.Name)
	}
	physBits := m.PhysBits
	m.PhysBits = 0
	m.settle()
	if p.m.givenPhysBits {
		m.PhysBits = physBits
	}
	return nil
}

// properties are the settings that are no features.
var properties = map[string]func(p *parser, v string) error{
	"family":    number(func(m *Model, n uint64) { m.Family = uint8(n) }, 0, 255),
	"model":     number(func(m *Model, n uint64) { m.Model = uint8(n) }, 0, 255),
	"stepping":  number(func(m *Model, n uint64) { m.Stepping = uint8(n) }, 0, 15),
	"level":     number(func(m *Model, n uint64) { m.Level = uint32(n) }, 1, 0xff),
	"xlevel":    number(func(m *Model, n uint64) { m.XLevel = uint32(n) }, extLeaf, extLeaf+0xff),
	"phys-bits": number(func(m *Model, n uint64) { m.PhysBits, m.givenPhysBits = int(n), true }, 32, maxPhysBits),
	"vendor": func(p *parser, v string) error {
		if len(v) != 12 {
			return fmt.Errorf("vendor=%s: a vendor has 12 letters", v)
		}
		p.m.Vendor = v
		return nil
	},
	"model-id": func(p *parser, v string) error {
		if len(v) > 48 {
			return fmt.Errorf("model-id=%s: longer than 48 bytes", v)
		}
		p.m.Brand = v
		return nil
	},
	"enforce": func(p *parser, v string) (err error) { p.m.Enforce, err = boolean(v); return err },
	"check":   func(p *parser, v string) error { _, err := boolean(v); return err },
}

// number makes a property that is a number, in C notation.
func number(set func(*Model, uint64), least, most uint64) func(*parser, string) error {
	return func(p *parser, v string) error {
		n, err := strconv.ParseUint(v, 0, 64)
		if err != nil || n < least || n > most {
			return fmt.Errorf("%q is not a number from %#x to %#x", v, least, most)
		}
		set(p.m, n)
		return nil
	}
}

// Help is what -cpu help prints, in the form that scripts for QEMU read.
func Help() string {
	var b strings.Builder
	b.WriteString("Available CPUs:\n")
	for _, d := range definitions {
		fmt.Fprintf(&b, "x86 %-20s  %s\n", d.name, d.about)
	}
	have := Supported().or(setOf(topology))
	var can, cannot []string
	for i := range features {
		if f := &features[i]; have.Has(f.Feature) {
			can = append(can, f.Name)
		} else {
			cannot = append(cannot, f.Name)
		}
	}
	slices.Sort(can)
	slices.Sort(cannot)
	b.WriteString("\nRecognized CPUID flags, for +name, -name, name=on and name=off:\n")
	b.WriteString(wrap(can))
	b.WriteString("\nKnown, but not done by goemu: an error when asked for, left out of models that have them:\n")
	b.WriteString(wrap(cannot))
	b.WriteString("\nProperties: family=, model=, stepping=, level=, xlevel=, phys-bits=, vendor=, model-id=, enforce (nothing may be left out)\n")
	return b.String()
}

// wrap sets names in lines of up to 78 columns.
func wrap(names []string) string {
	var b strings.Builder
	col := 0
	for _, n := range names {
		switch {
		case col == 0:
			b.WriteString("  ")
			col = 2
		case col+1+len(n) > 78:
			b.WriteString("\n  ")
			col = 2
		default:
			b.WriteByte(' ')
			col++
		}
		b.WriteString(n)
		col += len(n)
	}
	b.WriteByte('\n')
	return b.String()
}
