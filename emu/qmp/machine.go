package qmp

import (
	"io"
	"time"

	"goemu/emu/inspect"
)

// Machine is what commands act on. All of it may be called from any goroutine but the machine's own.
type Machine interface {
	Pause() error
	Continue() error
	Reset() error
	WakeUp() error // of a guest that sleeps in S3
	PowerButton()
	Quit(status int, reason string)
	Status() inspect.Status
	Notify(buffer int) (notices <-chan inspect.Notice, cancel func())

	SendKey(keys string, hold time.Duration) error
	KeyState(name string, down bool) error
	MouseMove(dx, dy, dz int)
	MouseButtons(buttons uint8)
	InjectNMI() error

	Screendump(w io.Writer) error    // PNG
	ScreendumpPPM(w io.Writer) error // portable pixmap
	DumpMemory(w io.Writer) error    // ELF core
	SetAction(event, action string) error
	SetTrace(pattern string, on bool) error
	Traced(pattern string) ([]inspect.Traced, error)
	Engine() string              // that runs the guest
	Engines() []string           // that this host can have
	SetEngine(name string) error // by another
	CPUs() int
	ReadMemory(cpu int, a inspect.Address, p []byte) (n int, err error)

	Blocks() []inspect.Drive
	Eject(drive string, force bool) error
	Change(drive, file string, force bool) error
	SetDisplayPassword(password string) error // of the display over the network
	Displays() []inspect.VNC                  // over the network
	OpenTray(drive string, force bool) error
	CloseTray(drive string) error

	PCIFunctions() []inspect.PCI
	Chardevs() []inspect.Chardev
	ReadRing(chardev string, max int) ([]byte, error)
	WriteRing(chardev string, p []byte) error
	SendBreak(chardev string) error

	Human(line string) string // does a line of the monitor's
	Version() string
	Name() string
	UUID() string
	Topology() (cores, threads int) // of a socket, of a core
	MemorySize() uint64             // bytes
	Boards() []inspect.Model
	Processors() []inspect.Model
}
