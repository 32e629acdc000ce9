package emu

import (
	"fmt"
	"slices"
	"strings"

	"goemu/emu/nearest"
)

// deviceInfo is what help tells of a device of -device.
type deviceInfo struct {
	category         string
	name, bus, alias string
	about            string
	props            []propInfo
}

// propInfo is a property: its type in QEMU's words, what it is, and its value where none is given ("": none).
type propInfo struct{ name, kind, about, preset string }

// Properties that several devices have.
var (
	propAddr      = propInfo{"addr", "int32", "slot and function in hexadecimal, for example 06.0 or 6; else the first free slot", ""}
	propBootIndex = propInfo{"bootindex", "int32", "place in the boot order, from 0 on", ""}
	propDrive     = propInfo{"drive", "str", "id of the -drive", ""}
	propTexts     = []propInfo{
		{"bus", "str", "bus to sit on, for example ide.1", ""},
		{"unit", "uint32", "place on the bus", ""},
		{"serial", "str", "up to 20 characters", ""},
		{"model", "str", "up to 40 characters", ""},
		{"ver", "str", "up to 8 characters", ""},
		{"wwn", "uint64", "world wide name", "0"},
	}
)

// Headings of the list of devices.
const (
	storageDevices = "Storage devices"
	displayDevices = "Display devices"
	miscDevices    = "Misc devices"
)

// deviceInfos are the devices of -device, by name within each category.
var deviceInfos = []deviceInfo{
	{storageDevices, "floppy", "floppy-bus", "", "floppy drive",
		[]propInfo{propBootIndex, {"bus", "str", "floppy-bus.0", ""}, propDrive, {"unit", "uint32", "place on the bus", ""}}},
	{storageDevices, "ich9-ahci", "PCI", "ahci", "SATA controller with buses ID.0 to ID.5", []propInfo{propAddr}},
	{storageDevices, "ide-cd", "IDE", "", "CD and DVD drive", append([]propInfo{propBootIndex, propDrive}, propTexts...)},
	{storageDevices, "ide-hd", "IDE", "", "disk", append([]propInfo{
		propBootIndex, propDrive,
		{"cyls", "uint32", "cylinders; with heads and secs", "0"},
		{"heads", "uint32", "up to 16", "0"},
		{"secs", "uint32", "sectors of a track, up to 255", "0"},
		{"logical_block_size", "size", "a power of two from 512 to 4096", "512"},
		{"physical_block_size", "size", "a power of two from 512 to 2 MiB", "512"},
		{"write-cache", "OnOffAuto", "on/off/auto", "auto"},
	}, propTexts...)},
	{displayDevices, "VGA", "PCI", "", "display adapter", []propInfo{
		{"romfile", "str", "image of its ROM; empty: it has none", ""},
		{"vgamem_mb", "uint32", "memory in MiB, a power of two", "16"},
		{"xres", "uint32", "width that the monitor prefers", "0"},
		{"yres", "uint32", "height that the monitor prefers", "0"},
	}},
	{miscDevices, "edu", "PCI", "", "device to learn drivers on", []propInfo{propAddr, {"dma_mask", "uint64", "addresses that it reaches", "0xfffffff"}}},
	{miscDevices, "isa-debug-exit", "ISA", "", "ends the machine with status (value<<1)|1",
		[]propInfo{{"iobase", "uint32", "port", "0x501"}, {"iosize", "uint32", "ports, up to 4", "2"}}},
	{miscDevices, "isa-debugcon", "ISA", "", "debug console", []propInfo{
		{"chardev", "str", "id of the -chardev", ""},
		{"iobase", "uint32", "port", "0xe9"},
		{"readback", "uint32", "what the port reads as", "0xe9"},
	}},
	{miscDevices, "pc-testdev", "ISA", "", "ports, memory and interrupt lines for kvm-unit-tests", nil},
	{miscDevices, "pci-testdev", "PCI", "", "BARs that count writes", []propInfo{propAddr, {"membar", "size", "bytes of a third BAR", "0"}}},
	{miscDevices, "pvpanic", "ISA", "", "the guest says that it has panicked, which ends the machine",
		[]propInfo{{"events", "uint8", "events that the guest may tell of", "3"}, {"ioport", "uint16", "port", "0x505"}}},
	{miscDevices, "pvpanic-pci", "PCI", "", "the same on PCI", []propInfo{propAddr, {"events", "uint8", "events that the guest may tell of", "3"}}},
}

// DeviceHelp lists the devices of -device by category, a line each in the form that scripts for QEMU read.
func DeviceHelp() string {
	var b strings.Builder
	category := ""
	for _, d := range deviceInfos {
		if d.category != category {
			if category != "" {
				b.WriteByte('\n')
			}
			category = d.category
			fmt.Fprintf(&b, "%s:\n", category)
		}
		fmt.Fprintf(&b, "name %q, bus %s", d.name, d.bus)
		if d.alias != "" {
			fmt.Fprintf(&b, ", alias %q", d.alias)
		}
		fmt.Fprintf(&b, ", desc %q\n", d.about)
	}
	return b.String()
}

// DevicePropHelp lists the properties of a device of -device, a line each, with type, meaning and preset value.
func DevicePropHelp(driver string) (string, error) {
	d := findDeviceInfo(driver)
	if d == nil {
		return "", unknownDevice(driver)
	}
	if len(d.props) == 0 {
		return fmt.Sprintf("There are no options for %s.\n", driver), nil
	}
	props := slices.Clone(d.props)
	slices.SortFunc(props, func(a, b propInfo) int { return strings.Compare(a.name, b.name) })
	var b strings.Builder
	fmt.Fprintf(&b, "%s options:\n", driver)
	for _, p := range props {
		fmt.Fprintf(&b, "  %-22s - %s", p.name+"=<"+p.kind+">", p.about)
		switch {
		case p.preset != "" && (p.kind == "str" || p.kind == "OnOffAuto"):
			fmt.Fprintf(&b, " (default: %q)", p.preset)
		case p.preset != "":
			fmt.Fprintf(&b, " (default: %s)", p.preset)
		}
		b.WriteByte('\n')
	}
	return b.String(), nil
}

// DeviceNames are the names of the devices of -device.
func DeviceNames() (names []string) {
	for _, d := range deviceInfos {
		names = append(names, d.name)
		if d.alias != "" {
			names = append(names, d.alias)
		}
	}
	return names
}

func findDeviceInfo(driver string) *deviceInfo {
	for i := range deviceInfos {
		if d := &deviceInfos[i]; d.name == driver || d.alias == driver && driver != "" {
			return d
		}
	}
	return nil
}

// unknownDevice is the error of a -device that goemu lacks.
func unknownDevice(driver string) error {
	return fmt.Errorf("'%s' is not a valid device model name%s; -device help lists them", driver, nearest.Hint(driver, DeviceNames()))
}
