package emu

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// global is a property that all devices of a driver have unless they say otherwise: -global.
type global struct{ driver, prop, value string }

// parseGlobal reads "DRIVER.PROP=VALUE" or "driver=DRIVER,property=PROP,value=VALUE".
func parseGlobal(s string) (g global, err error) {
	if strings.HasPrefix(s, "driver=") {
		props := map[string]string{}
		if err := ParseProps("properties", s, props); err != nil {
			return g, err
		}
		g = global{props["driver"], props["property"], props["value"]}
		if len(props) != 3 || g.prop == "" {
			return g, errors.New("want driver=DRIVER,property=PROP,value=VALUE")
		}
	} else {
		name, value, ok := strings.Cut(s, "=")
		driver, prop, ok2 := strings.Cut(name, ".")
		if !ok || !ok2 || driver == "" || prop == "" {
			return g, errors.New("want DRIVER.PROP=VALUE")
		}
		g = global{driver, prop, value}
	}
	d := findDeviceInfo(g.driver)
	if d == nil {
		return g, unknownDevice(g.driver)
	}
	g.driver = d.name
	if !slices.ContainsFunc(d.props, func(p propInfo) bool { return p.name == g.prop }) {
		return g, fmt.Errorf("%s has no property %q; -device %s,help lists them", d.name, g.prop, d.name)
	}
	return g, nil
}

// withGlobals gives the value of -device the properties of -global that it lacks. Later ones come first.
func (m *Machine) withGlobals(device string) string {
	name, rest, _ := strings.Cut(device, ",")
	d := findDeviceInfo(strings.TrimPrefix(name, "driver="))
	if d == nil {
		return device
	}
	has := func(prop string) bool {
		return slices.ContainsFunc(strings.Split(rest, ","), func(p string) bool { return strings.HasPrefix(p, prop+"=") })
	}
	for _, g := range slices.Backward(m.globals) {
		if g.driver == d.name && !has(g.prop) {
			p := g.prop + "=" + strings.ReplaceAll(g.value, ",", ",,")
			device, rest = device+","+p, rest+","+p
		}
	}
	return device
}

// readGlobals reads Config.Globals.
func (m *Machine) readGlobals() error {
	for _, s := range m.cfg.Globals {
		g, err := parseGlobal(s)
		if err != nil {
			return fmt.Errorf("-global %s: %w", s, err)
		}
		m.globals = append(m.globals, g)
	}
	return nil
}
