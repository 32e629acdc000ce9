package emu

import (
	"encoding/binary"

	"goemu/emu/inspect"
	"goemu/emu/x86"
)

// Reset, sleep and power button. What the guest does leaves the vCPUs' loop, and Run does in carryOut.

// PowerButton presses the power button: the guest gets an event, by which operating systems power off, or wakes from sleep. Any
// goroutine may call it.
func (m *Machine) PowerButton() {
	m.post(func() {
		m.tell(inspect.Notice{Kind: inspect.NoticePowerDown})
		m.board.PressPowerButton()
	})
}

// leaving tells whether the vCPUs are to stop executing for Run to do something.
func (m *Machine) leaving() bool {
	return m.stopped || m.resetting || m.initing || m.suspended || m.moving || m.ownChips || m.kvmFailed != nil
}

// guestReset is a reset that the guest asks for. One of the processor only resets the board too, as most firmware expects it, unless
// the program has told the firmware that it wants to go on.
func (m *Machine) guestReset(hard bool) {
	if hard || m.cfg.NoReboot || m.cfg.Kernel != "" || !m.board.ReturnsFromReset() {
		m.reset(inspect.ReasonGuestReset)
		return
	}
	m.initing = true
	m.kick()
}

func (m *Machine) suspend() {
	m.suspended = true
	m.kick()
}

// wakeUp ends suspended.
func (m *Machine) wakeUp() {
	m.suspended = false
	m.kick()
}

// carryOut does what the vCPUs have stopped for.
func (m *Machine) carryOut() error {
	if m.ownChips {
		m.leaveChips()
	}
	if m.kvmFailed != nil {
		m.fallBack()
	}
	switch {
	case m.stopped:
	case m.resetting:
		m.resetting, m.initing, m.suspended = false, false, false
		m.board.Reset()
		m.current().record(inspect.Event{Kind: inspect.EventReset, Text: "reset: " + m.resetWhy})
		if m.held.on {
			m.held.status = inspect.StatusPrelaunch
		}
		m.tell(inspect.Notice{Kind: inspect.NoticeReset, Reason: m.resetWhy})
		err := m.load()
		if m.debug.stepper != nil { // it is stepped into the reset
			m.hold(inspect.StatusDebug, inspect.Notice{Why: inspect.StopStep, CPU: m.debug.stepper.n})
		}
		if m.held.on {
			m.kick()
		}
		return err
	case m.initing:
		m.initing = false
		m.board.ResetCPUs()
		for _, v := range m.vcpus {
			v.cpu.TakeRequests()
		}
		m.running.Store(m.vcpus[0])
	case m.suspended:
		m.board.Suspend()
		m.tell(inspect.Notice{Kind: inspect.NoticeSuspended})
		for m.suspended && !m.stopped && !m.resetting {
			m.idle()
		}
		if m.resetting {
			return nil
		}
		m.tell(inspect.Notice{Kind: inspect.NoticeWakeUp})
		return m.resume()
	}
	return nil
}

// Firmware ACPI Control Structure (ACPI 6.3, 5.2.10): where the guest wants to be entered.
const (
	facsVector    = 12
	facsVectorEnd = facsVector + 4
)

// resume starts the processors after sleep: in the firmware, or where there is none as it would do it, in real mode at the guest's
// waking vector. Without a vector it is a reset.
func (m *Machine) resume() error {
	if m.stopped {
		return nil
	}
	for _, v := range m.vcpus {
		v.reset()
	}
	m.running.Store(m.vcpus[0])
	if m.cfg.Kernel == "" {
		return nil
	}
	if err := m.board.FirmwareInit(); err != nil {
		return err
	}
	var vector [facsVectorEnd]byte
	if facs, ok := m.tables.Find("FACS"); ok {
		if err := m.space.ReadPhys(facs.Addr, vector[:]); err != nil {
			return err
		}
	}
	at := binary.LittleEndian.Uint32(vector[facsVector:])
	if at == 0 || at >= 1<<20 {
		m.reset(inspect.ReasonGuestReset)
		return nil
	}
	m.vcpus[0].cpu.Enter(realMode(uint16(at>>4), uint16(at&0xf)))
	return nil
}

// realMode is a processor in real mode at seg:off.
func realMode(seg, off uint16) *x86.EntryState {
	const cr0 = 0x60000010 // as after reset
	const code, data, tss = 0x9b, 0x93, 0x8b
	s := &x86.EntryState{RIP: uint64(off), RFLAGS: 2, CR0: cr0, IDT: x86.Table{Limit: 0x3ff}, GDT: x86.Table{Limit: 0xffff}}
	for i := range s.Segs {
		s.Segs[i] = x86.Segment{Limit: 0xffff, Attr: data}
	}
	s.Segs[1] = x86.Segment{Selector: seg, Base: uint64(seg) << 4, Limit: 0xffff, Attr: code}
	s.TR = x86.Segment{Limit: 0xffff, Attr: tss}
	return s
}
