package emu

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	"goemu/devices/block"
	"goemu/emu/board"
	"goemu/emu/drive"
	"goemu/emu/inspect"
)

// hostDrive is a drive of the machine with what its user knows of it.
type hostDrive struct {
	*drive.Drive
	id      string // of -drive
	device  string // of -device; "": none was given
	opts    *drive.Options
	sectors drive.Sectors
}

// DriveInfo is what Machine.Drives tells of one drive.
type DriveInfo struct {
	ID        string // for Eject and Change
	Kind      block.Kind
	File      string // "": there is no medium
	Medium    block.Medium
	TrayOpen  bool
	Locked    bool // the guest forbids to take the medium out
	Removable bool
}

// Drives lists the drives. Any goroutine may call it, also before and after Run.
func (m *Machine) Drives() []DriveInfo {
	var list []DriveInfo
	// The machine may have ended, and then there are none.
	_ = m.do(func() error {
		for _, d := range m.drives {
			i := DriveInfo{ID: d.name(), Kind: d.Info().Kind, File: d.File(), TrayOpen: d.TrayOpen(), Locked: d.Locked(), Removable: d.Removable()}
			i.Medium, _ = d.Medium()
			list = append(list, i)
		}
		return nil
	})
	return list
}

// Eject takes the medium out of a drive. One that the guest has locked stays, unless force is set: the guest is told of the wish, and
// the error says so. Any goroutine may call it.
func (m *Machine) Eject(id string, force bool) error {
	return m.do(func() error {
		d, err := m.findDrive(id)
		if err == nil {
			err = d.Remove(force)
		}
		if err != nil {
			return fmt.Errorf("eject %s: %w", id, err)
		}
		return nil
	})
}

// Change puts a file into a drive, read-only or not as the drive's options say, in the place of what was there. Locks are as for Eject.
func (m *Machine) Change(id, file string, force bool) error {
	if err := m.change(id, file, force); err != nil {
		return fmt.Errorf("change %s: %w", id, err)
	}
	return nil
}

func (m *Machine) change(id, file string, force bool) error {
	var d *hostDrive
	err := m.do(func() (err error) {
		d, err = m.findDrive(id)
		return err
	})
	if err != nil {
		return err
	}
	if !d.Removable() {
		return errors.New("the medium of a disk cannot be changed")
	}
	opts := *d.opts
	opts.File = file
	medium, err := opts.Open(d.Info().Kind, d.sectors) // not under the lock, as it may take long
	if err != nil {
		return err
	}
	if medium == nil {
		return errors.New("no file is named")
	}
	if err := m.do(func() error { return d.Drive.Change(medium, force) }); err != nil {
		medium.Abandon()
		return err
	}
	return nil
}

// OpenTray opens the tray of a CD drive with the medium in it. Locks are as for Eject.
func (m *Machine) OpenTray(id string, force bool) error {
	return m.tray(id, func(d *hostDrive) error { return d.OpenTray(force) })
}

// CloseTray closes it.
func (m *Machine) CloseTray(id string) error {
	return m.tray(id, func(d *hostDrive) error { return d.CloseTray() })
}

func (m *Machine) tray(id string, do func(d *hostDrive) error) error {
	return m.do(func() error {
		d, err := m.findDrive(id)
		if err == nil {
			err = do(d)
		}
		if err != nil {
			return fmt.Errorf("tray of %s: %w", id, err)
		}
		return nil
	})
}

// Blocks lists the drives as monitors show them.
func (m *Machine) Blocks() []inspect.Drive {
	list := []inspect.Drive{}
	// A machine that has ended has none.
	_ = m.do(func() error {
		for _, d := range m.drives {
			i := inspect.Drive{ID: d.name(), Drive: d.id, Device: d.device, File: d.File(), CD: d.Info().Kind == block.CD,
				Removable: d.Removable(), Locked: d.Locked(), TrayOpen: d.TrayOpen()}
			if medium, ok := d.Medium(); ok {
				i.Size, i.ReadOnly = uint64(medium.Size), medium.ReadOnly
			}
			list = append(list, i)
		}
		return nil
	})
	return list
}

// driveHost is the machine as a drive knows it.
func (m *Machine) driveHost(d *hostDrive) drive.Host {
	return drive.Host{Post: m.post, Clock: m.clock, Counted: m.clock.counted, Stop: func(write bool, err error) { m.stopForError(d, write, err) },
		Tray: func(open bool) {
			m.tell(inspect.Notice{Kind: inspect.NoticeTrayMoved, Device: d.name(), TrayOpen: open})
		}}
}

// stopForError pauses the machine until Continue, which has the drive try again.
func (m *Machine) stopForError(d *hostDrive, write bool, err error) {
	m.tell(inspect.Notice{Kind: inspect.NoticeBlockError, Device: d.name(), Write: write, Error: err.Error(), Action: "stop"})
	m.hold(inspect.StatusIOError, inspect.Notice{Why: inspect.StopIOError, CPU: m.current().n})
	fmt.Fprintf(os.Stderr, "goemu: drive %s: %v: the machine is paused; cont in the monitor tries again\r\n", d.name(), err)
}

func (d *hostDrive) name() string {
	if d.device != "" {
		return d.device
	}
	return d.id
}

func (m *Machine) findDrive(id string) (*hostDrive, error) {
	var have []string
	for _, d := range m.drives {
		if d.device == id || d.id == id {
			return d, nil
		}
		have = append(have, d.name())
	}
	return nil, fmt.Errorf("there is no such drive (have: %s)", strings.Join(have, ", "))
}

// closeDrives does all that was submitted and puts it in safety.
func (m *Machine) closeDrives() error {
	if m.board != nil {
		m.board.Sync()
	}
	var first error
	for _, d := range m.drives {
		if err := d.Close(); err != nil && first == nil {
			first = fmt.Errorf("drive %s: %w", d.name(), err)
		}
	}
	m.drives = nil
	return first
}

// life says whether somebody holds the machine's lock: before Run nobody does.
type life struct {
	mu      sync.Mutex
	started bool
	over    chan struct{} // closed at the end of Run
	closed  bool          // by Close
}

func (l *life) start() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.started || l.closed {
		return errEnded
	}
	l.started, l.over = true, make(chan struct{})
	return nil
}

// stop takes the lock when the machine does not run or has ended, and tells whether it ever ran. end ends it.
func (l *life) stop(end func()) (ran bool) {
	l.mu.Lock()
	if !l.started || l.closed {
		return l.started
	}
	l.mu.Unlock()
	end()
	<-l.over
	l.mu.Lock()
	return true
}

func (l *life) end() { close(l.over) }

// errEnded is the error of calls that come after the end of Run.
var errEnded = errors.New("the machine has ended")

// do calls fn under the machine's lock and waits for it. Any goroutine may call it but the machine's own.
func (m *Machine) do(fn func() error) error {
	m.life.mu.Lock()
	if closed := m.life.closed; closed || !m.life.started {
		defer m.life.mu.Unlock()
		if closed {
			return errEnded
		}
		return fn()
	}
	m.life.mu.Unlock()
	result := make(chan error, 1)
	m.post(func() { result <- fn() })
	select {
	case err := <-result:
		return err
	case <-m.life.over:
	}
	select {
	case err := <-result:
		return err
	default:
		return errEnded
	}
}

// driveName is what errors call a drive of the Config.
func (c *Config) driveName(i int) string {
	if i < len(c.DriveNames) {
		return c.DriveNames[i]
	}
	return "-drive " + c.Drives[i]
}

// openDrives opens the media and finds each drive its place. The devices that it gives back are those that are not drives.
func (m *Machine) openDrives() (drives []board.Drive, devices []string, err error) {
	machine, _ := findMachine(m.cfg.Machine)
	p := &placer{m: m, buses: board.IDEBuses(machine)}
	if err := p.addBuses(); err != nil {
		return nil, nil, err
	}
	for i, s := range m.cfg.Drives {
		if err := p.addOptions(s); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", m.cfg.driveName(i), err)
		}
	}
	for _, s := range m.cfg.Devices {
		name, _, _ := strings.Cut(s, ",")
		if driver := strings.TrimPrefix(name, "driver="); findDeviceInfo(driver) == nil {
			return nil, nil, fmt.Errorf("-device %s: %w", s, unknownDevice(driver))
		}
		if !isDriveDevice(name) {
			devices = append(devices, s)
		} else if err := p.addDevice(m.withGlobals(s)); err != nil {
			return nil, nil, fmt.Errorf("-device %s: %w", s, err)
		}
	}
	if err := p.namedFlash(); err != nil {
		return nil, nil, err
	}
	if err := m.checkFlash(); err != nil {
		return nil, nil, err
	}
	if err := p.finish(); err != nil {
		return nil, nil, err
	}
	return p.drives, devices, nil
}
