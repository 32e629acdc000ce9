package emu

import (
	"errors"
	"fmt"
	"io"
	"time"

	"goemu/bios"
	"goemu/devices/uart"
	"goemu/emu/board"
	"goemu/emu/inspect"
	"goemu/emu/tour"
)

// buildBoard makes the board and connects its lines and ports to the machine.
func (m *Machine) buildBoard() error {
	for _, open := range []func() error{m.openChardevs, m.openSerial, m.openParallel, m.openMonitors, m.openGDB} {
		if err := open(); err != nil {
			return err
		}
	}
	if err := m.readGlobals(); err != nil {
		return err
	}
	drives, devices, err := m.openDrives()
	if err != nil {
		return err
	}
	machine, ok := findMachine(m.cfg.Machine)
	if !ok {
		return fmt.Errorf("no board is called %q", m.cfg.Machine)
	}
	cfg := board.Config{
		Machine: machine, NoHPET: m.cfg.NoHPET, NoSMM: m.cfg.NoSMM, NoGraphics: m.cfg.NoGraphics,
		RAM: m.ram, Space: m.space, Pool: &m.pool, Clock: m.clock, Start: m.startTime(), RTCClock: m.rtcClock(),
		Devices:     devices,
		Drives:      drives,
		Flash:       m.flash,
		Chardev:     func(id string) (io.Writer, error) { return m.deviceChardev(id, "chardev", "chardev:"+id) },
		CPUs:        len(m.vcpus),
		CurrentCPU:  func() int { return m.current().n },
		TSCOffset:   func(cpu int) uint64 { return m.vcpus[cpu].cpu.TSCOffset() },
		TSCRate:     func() uint64 { return m.tscRate },
		OnINTR:      func(cpu int, _ bool) { m.vcpus[cpu].kick() },
		OnNMI:       m.sendNMI,
		OnSMI:       m.sendSMI,
		OnTSEG:      m.takeChips,
		OnINIT:      m.initCPU,
		OnSIPI:      m.sendSIPI,
		OnReset:     m.guestReset,
		OnSuspend:   m.suspend,
		OnWake:      m.wakeUp,
		OnPowerOff:  func() { m.shutDownBy(inspect.ReasonGuestShutdown, 0) },
		OnDebugExit: m.debugExit,
		OnPanic:     m.guestPanic,
	}
	if m.parallel != nil {
		cfg.Parallel = sender{m.parallel}
	}
	for _, b := range m.serial {
		if b == nil {
			cfg.Serial = append(cfg.Serial, nil)
			continue
		}
		cfg.Serial = append(cfg.Serial, sender{b})
	}
	if m.cfg.Debugcon != "" {
		w, err := m.deviceChardev("debugcon", "-debugcon "+m.cfg.Debugcon, m.cfg.Debugcon)
		if err != nil {
			return err
		}
		chardev := cfg.Chardev
		cfg.Chardev = func(id string) (io.Writer, error) {
			if id == debugconID {
				return w, nil
			}
			return chardev(id)
		}
		cfg.Devices = append(cfg.Devices[:len(cfg.Devices):len(cfg.Devices)], "isa-debugcon,chardev="+debugconID)
	}
	m.addDisplay(&cfg)
	for i, s := range cfg.Devices {
		cfg.Devices[i] = m.withGlobals(s)
	}
	if cfg.SMBIOS, err = m.cfg.smbios(); err != nil {
		return err
	}
	if cfg.ACPI, err = m.cfg.acpiTables(); err != nil {
		return err
	}
	cfg.Boot = m.cfg.Boot
	switch {
	case m.cfg.Firmware != "":
		if cfg.ROM, err = m.cfg.loadFirmware(m.cfg.Firmware, &m.pool); err != nil {
			err = fmt.Errorf("-bios %s: %w", m.cfg.Firmware, err)
		}
	case m.runsBuiltin():
		cfg.ROM, err = bios.ROM()
	case m.runsTour():
		if cfg.ROM, err = tour.ROM(); err != nil {
			err = fmt.Errorf("built-in guest: %w", err)
		}
	}
	if err != nil {
		return err
	}
	if m.board, err = board.NewPC(cfg); err != nil {
		return err
	}
	m.tellRTC(cfg.Start, cfg.RTCClock)
	m.ports = m.board.Ports
	if m.cfg.ACPITables != nil || m.cfg.SMBIOS != nil {
		if _, err := bios.Build(m.board.TablesConfig()); err != nil {
			return fmt.Errorf("-acpitable, -smbios: %w", err)
		}
	}
	if err := m.addFwCfgFiles(); err != nil {
		return err
	}
	switch {
	case m.runsBuiltin():
		return m.addBuiltin(drives)
	case m.runsTour():
		mode := "auto"
		if m.cfg.Interactive {
			mode = "interactive"
		}
		return m.board.FwCfg.AddFile("opt/goemu/tour", []byte(mode))
	case m.cfg.Kernel == "" && m.board.VGA != nil:
		return m.addVideoBIOS()
	}
	return nil
}

// initCPU is the INIT of a vCPU. The bootstrap processor then runs the firmware, which resets the machine; where there is none
// the machine is reset at once.
func (m *Machine) initCPU(cpu int) {
	if cpu == 0 && m.cfg.Kernel != "" {
		m.reset(inspect.ReasonGuestReset)
		return
	}
	m.vcpus[cpu].cpu.RequestINIT()
	m.vcpus[cpu].kick()
}

// sendNMI, sendSMI and sendSIPI are messages to a vCPU, which may be in KVM meanwhile.
func (m *Machine) sendNMI(cpu int) {
	m.vcpus[cpu].cpu.RequestNMI()
	m.vcpus[cpu].kick()
}

func (m *Machine) sendSMI(cpu int) {
	m.vcpus[cpu].cpu.RequestSMI()
	m.vcpus[cpu].kick()
}

func (m *Machine) sendSIPI(cpu int, vector byte) {
	m.vcpus[cpu].cpu.RequestSIPI(vector)
	m.vcpus[cpu].kick()
}

// debugExit ends the machine at once, whatever is to be done with one that powers off, as isa-debug-exit does it.
func (m *Machine) debugExit(status int) {
	m.tell(inspect.Notice{Kind: inspect.NoticeShutdown, Reason: inspect.ReasonGuestShutdown, Exit: status})
	m.end(status)
}

// guestPanic does what the Config wants when the guest says that it has panicked.
func (m *Machine) guestPanic() {
	act := m.cfg.Panic
	if act == PanicShutdown && m.cfg.NoShutdown {
		act = PanicPause
	}
	words := map[PanicAction]string{PanicPause: "pause", PanicNone: "run"}
	word, ok := words[act]
	if !ok {
		word = "poweroff"
	}
	m.tell(inspect.Notice{Kind: inspect.NoticePanicked, Action: word, CPU: m.current().n})
	switch act {
	case PanicPause:
		m.hold(inspect.StatusGuestPanicked, inspect.Notice{Why: inspect.StopPanic, CPU: m.current().n})
	case PanicNone:
	case PanicShutdown:
		m.shutDownBy(inspect.ReasonGuestPanic, 0)
	default:
		m.err = errors.New("the guest has panicked (pvpanic)")
		m.tell(inspect.Notice{Kind: inspect.NoticeShutdown, Reason: inspect.ReasonGuestPanic, Exit: 1})
		m.end(1)
	}
}

// debugconID is the chardev of -debugcon. No -chardev can have it.
const debugconID = ":debugcon"

// icountEpoch is what the real-time clock shows at power-on with -icount, so that runs repeat.
var icountEpoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// uart returns serial port i, nil if the machine has none.
func (m *Machine) uart(i int) *uart.UART {
	if i < len(m.board.Serial) {
		return m.board.Serial[i]
	}
	return nil
}
