package tui

import (
	"io"
	"time"

	"goemu/emu"
	"goemu/emu/inspect"
	"goemu/emu/monitor"
)

// Machine is what is shown. All of it may be called from any goroutine but the machine's own; Stop, SendKey, MouseMove and MouseButtons never wait.
type Machine interface {
	SendKey(keys string, hold time.Duration) error
	MouseMove(dx, dy, dz int)
	MouseButtons(buttons uint8)
	Stop(status int)

	Watch(on bool) error
	Look(l *emu.Look) (changed bool, err error)

	CPUs() int
	Registers(cpu int) (inspect.Registers, error)
	ReadMemory(cpu int, a inspect.Address, p []byte) (n int, err error)
	Walk(cpu int, linear uint64) (inspect.Walk, error)
	TLB(cpu int) ([]inspect.TLBEntry, error)
	Descriptors(cpu int, table inspect.Table) ([]inspect.Descriptor, error)
	TSS(cpu int) (inspect.TSS, error)
	Disassemble(cpu int, a inspect.Address, n int) ([]inspect.Line, error)
	Block(cpu int, rip uint64) (inspect.Block, error)
	CountRuns(linear uint64, on bool) error
	DeviceTree() []inspect.Node
	Controllers() inspect.Controllers
	Stats() inspect.Stats
	Accel() emu.Accel
	Record(kinds inspect.EventKind)
	Events(after uint64, max int) ([]inspect.Event, uint64)

	Pause() error
	Continue() error
	Status() inspect.Status
	Step(cpu int, s inspect.Step) error
	AddBreakpoint(b inspect.Breakpoint) (id int, err error)
	RemoveBreakpoint(id int) error
	Breakpoints() []inspect.Breakpoint
	Notify(buffer int) (notices <-chan inspect.Notice, cancel func())

	// MonitorSession is a monitor that answers to w, without echo.
	MonitorSession(w io.Writer) *monitor.Session
}

var _ Machine = (*emu.Machine)(nil)
