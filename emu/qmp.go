package emu

import (
	"errors"
	"fmt"

	"strings"

	"goemu/emu/chardev"
	"goemu/emu/cpumodel"
	"goemu/emu/inspect"
	"goemu/emu/monitor"
	"goemu/emu/qmp"
)

var _ qmp.Machine = monitored{}

// openQMP opens what -qmp and -mon name.
func (m *Machine) openQMP() error {
	for _, s := range m.cfg.QMP {
		src, err := m.openChar(m.monitorLabel(), "-qmp "+s, s)
		if err != nil {
			return err
		}
		m.addFrontEnd(src, true)
	}
	for _, s := range m.cfg.Mon {
		what := "-mon " + s
		if head, _, _ := strings.Cut(s, ","); !strings.Contains(head, "=") {
			s = "chardev=" + s
		}
		props := map[string]string{}
		if err := ParseProps(what, s, props); err != nil {
			return err
		}
		id, mode := props["chardev"], props["mode"]
		delete(props, "chardev")
		delete(props, "mode")
		for k := range props {
			return fmt.Errorf("%s: %s= is not known (want chardev=ID, mode=readline|control)", what, k)
		}
		if mode != "" && mode != "readline" && mode != "control" {
			return fmt.Errorf("%s: mode=%s: want readline or control", what, mode)
		}
		src, err := m.openChar("", what, "chardev:"+id)
		if err != nil {
			return err
		}
		m.addFrontEnd(src, mode == "control")
	}
	return nil
}

// monitorLabel is the name of the next monitor's character device, as QEMU gives it.
func (m *Machine) monitorLabel() string {
	m.named++
	return fmt.Sprintf("compat_monitor%d", m.named-1)
}

func (m *Machine) addFrontEnd(src chardev.Source, control bool) {
	if src != nil {
		m.monitors = append(m.monitors, &frontEnd{src: src, control: control})
	}
}

// Human implements qmp.Machine.
func (m monitored) Human(line string) string {
	var b strings.Builder
	monitor.Do(m, &b, line)
	return strings.ReplaceAll(b.String(), "\n", "\r\n")
}

// Name implements qmp.Machine.
func (m monitored) Name() string { return m.cfg.Name }

// UUID implements qmp.Machine.
func (m monitored) UUID() string {
	if m.cfg.UUID == "" {
		return "00000000-0000-0000-0000-000000000000"
	}
	return strings.ToLower(m.cfg.UUID)
}

// Topology implements qmp.Machine.
func (m monitored) Topology() (cores, threads int) { return m.cfg.Cores, m.cfg.Threads }

// MemorySize implements qmp.Machine.
func (m monitored) MemorySize() uint64 { return m.cfg.Memory }

// Boards implements qmp.Machine.
func (monitored) Boards() (list []inspect.Model) {
	for i, b := range machines {
		list = append(list, inspect.Model{Name: b.name, About: b.about, Default: i == 0})
	}
	return list
}

// Processors implements qmp.Machine.
func (monitored) Processors() (list []inspect.Model) {
	for _, n := range cpumodel.Names() {
		list = append(list, inspect.Model{Name: n})
	}
	return list
}

// InjectNMI gives every vCPU a non-maskable interrupt.
func (m *Machine) InjectNMI() error {
	return m.do(func() error {
		for _, v := range m.vcpus {
			v.cpu.RequestNMI()
			v.kick()
		}
		return nil
	})
}

// Chardevs lists the character devices.
func (m *Machine) Chardevs() (list []inspect.Chardev) {
	for _, d := range m.chars {
		c := inspect.Chardev{Label: d.label, Filename: d.src.Filename(), Open: d.used}
		if d.mux != nil && d.monitor {
			list = append(list, inspect.Chardev{Label: d.label + "-base", Filename: c.Filename, Open: true})
			c.Filename = "mux"
		}
		list = append(list, c)
	}
	return list
}

// ring finds a ring buffer.
func (m *Machine) ring(label string) (*chardev.Ring, error) {
	d := m.findChar(label)
	if d == nil {
		return nil, qmp.Errorf("Device '%s' not found", label)
	}
	src := d.src
	if l, ok := src.(*chardev.Logged); ok {
		src = l.Source
	}
	r, ok := src.(*chardev.Ring)
	if !ok {
		return nil, fmt.Errorf("%s is not a ringbuf device", label)
	}
	return r, nil
}

// ReadRing takes up to max of the oldest bytes out of a ring buffer.
func (m *Machine) ReadRing(label string, max int) ([]byte, error) {
	r, err := m.ring(label)
	if err != nil {
		return nil, err
	}
	return r.Read(max), nil
}

// WriteRing puts bytes into one.
func (m *Machine) WriteRing(label string, p []byte) error {
	r, err := m.ring(label)
	if err != nil {
		return err
	}
	r.Offer(p)
	return nil
}

// SendBreak gives the serial port on a character device a break condition.
func (m *Machine) SendBreak(label string) error {
	d := m.findChar(label)
	if d == nil {
		return qmp.Errorf("Chardev '%s' not found", label)
	}
	for i, b := range m.serial {
		port, _ := b.(*chardev.Port)
		if b == nil || b != d.src && (port == nil || port.Mux() != d.mux) {
			continue
		}
		return m.do(func() error {
			if u := m.uart(i); u != nil {
				u.Break()
			}
			return nil
		})
	}
	return errors.New("no serial port is on it")
}

// PortIn reads a port as the guest would, with all that follows.
func (m *Machine) PortIn(port uint16, size int) (v uint32, err error) {
	err = m.do(func() error {
		v = m.ports.In(port, size)
		return nil
	})
	return v, err
}

// PortOut writes to a port as the guest would.
func (m *Machine) PortOut(port uint16, size int, v uint32) error {
	return m.do(func() error {
		m.ports.Out(port, size, v)
		return nil
	})
}
