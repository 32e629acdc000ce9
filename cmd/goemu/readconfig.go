package main

import (
	"fmt"
	"io"
	"os"
	"strings"
)

// maxConfigFile bounds a file of -readconfig, in bytes.
const maxConfigFile = 1 << 20

// sections are the groups of QEMU's configuration files, with the option that each is, and the property that the option has first.
var sections = map[string]struct{ option, first string }{
	"machine": {"machine", ""}, "accel": {"accel", "accel"}, "memory": {"m", "size"}, "smp-opts": {"smp", ""}, "boot-opts": {"boot", ""},
	"drive": {"drive", ""}, "device": {"device", "driver"}, "chardev": {"chardev", "backend"}, "global": {"global", "driver"},
	"name": {"name", ""}, "rtc": {"rtc", ""}, "icount": {"icount", ""}, "smbios": {"smbios", ""}, "acpi": {"acpitable", ""}, "fw_cfg": {"fw_cfg", "name"},
	"action": {"action", ""},
}

// readConfig is -readconfig: its sections are options, in their order.
func (s *settings) readConfig(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxConfigFile+1))
	if err != nil {
		return err
	}
	if len(text) > maxConfigFile {
		return fmt.Errorf("it is longer than %d KiB", maxConfigFile>>10)
	}
	return s.applyConfig(string(text))
}

// section is a group of a configuration file.
type section struct {
	name, id string
	line     int
	props    [][2]string
}

// parseConfig reads sections: "[GROUP]" or "[GROUP "ID"]", then lines "PROP = "VALUE"". Lines that begin with # are comments.
func parseConfig(text string) (list []section, err error) {
	for i, l := range strings.Split(text, "\n") {
		l = strings.TrimSpace(l)
		switch {
		case l == "" || l[0] == '#':
		case l[0] == '[' && l[len(l)-1] == ']':
			name, id, hasID := strings.Cut(strings.TrimSpace(l[1:len(l)-1]), " ")
			id = strings.TrimSpace(id)
			if hasID && (len(id) < 3 || id[0] != '"' || id[len(id)-1] != '"') {
				return nil, fmt.Errorf("line %d: %s: want [GROUP \"ID\"]", i+1, l)
			}
			list = append(list, section{name: name, id: strings.Trim(id, `"`), line: i + 1})
		case len(list) == 0:
			return nil, fmt.Errorf("line %d: %s: a [GROUP] comes first", i+1, l)
		default:
			k, v, ok := strings.Cut(l, "=")
			k, v = strings.TrimSpace(k), strings.TrimSpace(v)
			if !ok || k == "" || len(v) < 2 || v[0] != '"' || v[len(v)-1] != '"' {
				return nil, fmt.Errorf("line %d: %s: want PROP = \"VALUE\"", i+1, l)
			}
			last := &list[len(list)-1]
			last.props = append(last.props, [2]string{k, v[1 : len(v)-1]})
		}
	}
	return list, nil
}

// value is the section as the value of an option.
func (x *section) value(first string) string {
	double := func(v string) string { return strings.ReplaceAll(v, ",", ",,") }
	var words []string
	for _, p := range x.props {
		w := p[0] + "=" + double(p[1])
		switch {
		case p[0] != first || first == "":
			words = append(words, w)
		case first == "backend": // -chardev BACKEND,...
			words = append([]string{p[1]}, words...)
		default:
			words = append([]string{w}, words...)
		}
	}
	if x.id != "" {
		words = append(words, "id="+double(x.id))
	}
	return strings.Join(words, ",")
}

func (s *settings) applyConfig(text string) error {
	list, err := parseConfig(text)
	if err != nil {
		return err
	}
	for _, x := range list {
		to, ok := sections[x.name]
		if !ok {
			return fmt.Errorf("line %d: goemu has no group [%s]", x.line, x.name)
		}
		if len(x.props) == 0 {
			continue
		}
		if err := s.wrap(s.find(to.option), x.value(to.first)); err != nil {
			return fmt.Errorf("line %d: %w", x.line, err)
		}
	}
	return nil
}
