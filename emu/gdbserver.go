package emu

import (
	"fmt"
	"io"

	"goemu/emu/chardev"
	"goemu/emu/cpumodel"
	"goemu/emu/gdb"
	"goemu/emu/monitor"
)

// gdbServer is the server for gdb and the character device on which it is.
type gdbServer struct {
	src    chardev.Source // nil: there is none
	server *gdb.Server    // nil: the machine has not begun
}

var _ gdb.Machine = debugged{}

// openGDB opens what -gdb names. With "tcp:" gdb comes to the machine, whatever else the option says, as QEMU has it.
func (m *Machine) openGDB() error {
	s := m.cfg.GDB
	if s == "" || s == "none" {
		return nil
	}
	what := "-gdb " + s
	spec, err := chardev.Parse(s)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if spec.Kind == chardev.KindTCP {
		spec.Server, spec.Wait, spec.NoDelay, spec.Reconnect = true, false, true, 0
	}
	m.gdb.src, err = m.openSpec("gdb", what, spec)
	return err
}

// startGDB begins to serve.
func (m *Machine) startGDB() {
	if m.gdb.src != nil {
		m.gdb.server = gdb.Serve(debugged{m}, m.gdb.src)
	}
}

// endGDB tells gdb that the machine is over, while it can still be told.
func (m *Machine) endGDB() {
	if m.gdb.server != nil {
		m.gdb.server.Exit(m.status)
	}
}

// debugged is the machine as gdb's server knows it.
type debugged struct{ *Machine }

// LongMode implements gdb.Machine.
func (d debugged) LongMode() bool { return d.model.Has(cpumodel.LM) }

// Command implements gdb.Machine.
func (d debugged) Command(line string, w io.Writer) {
	monitor.Do(monitored(d), w, line)
}
