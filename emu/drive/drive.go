// Package drive is the host's side of drives: block.Drive over raw images and block devices.
//
// Each drive does its requests on a goroutine of its own, one after the other, and reports them under the machine's lock through
// Host.Post. With counted time a request is reported at a guest time that depends only on what it asks for, and the machine waits for the host
// if that has not finished by then. Images of other formats would be another Image.
package drive

import (
	"errors"
	"fmt"

	"goemu/devices"
	"goemu/devices/block"
)

// Image is what a medium's bytes are stored in. It is used by one goroutine at a time. Reads beyond its end give 0 up to the end of the
// last sector.
type Image interface {
	ReadAt(p []byte, off int64) (int, error)
	// ReadCached is ReadAt of what the host has in memory. It never waits. false: there is more to it, and p holds anything.
	ReadCached(p []byte, off int64) bool
	WriteAt(p []byte, off int64) (int, error)
	Discard(off, n int64) error
	Sync() error // what was written is safe
	Close() error
}

// Host is the machine that a drive works for.
type Host struct {
	Post    func(fn func()) // has fn called soon under the machine's lock, in order
	Clock   devices.Clock
	Counted bool // guest time is counted: see the package's comment

	// Stop is called under the machine's lock when an error of a read or write, as rerror= and werror= have it, is to stop the machine until Resume.
	Stop func(write bool, err error)

	Tray func(open bool) // nil, or is told under the machine's lock when a CD drive's tray opens or closes
}

// Medium is an image with what the drive must know of it.
type Medium struct {
	block.Medium
	File    string   // as the user named it
	Warning string   // a remark for the user; "": none
	opts    *Options // how to treat errors and caches
	image   Image
}

// Drive implements block.Drive. Its methods are called under the machine's lock.
type Drive struct {
	host      Host
	info      block.Info
	medium    *Medium // in the drive; nil: none
	tray      *Medium // on the open tray
	open      bool
	locked    bool
	onChange  func()
	changes   uint // by the user
	onRequest func()
	requests  int // that are not reported
	work      worker
	sched     schedule
	traffic   Traffic
}

// New returns a drive with m in it; nil: none. info.Kind says what it is. The drive runs until Close.
func New(host Host, info block.Info, m *Medium) *Drive {
	d := &Drive{host: host, info: info, medium: m}
	d.work.init(d)
	if host.Counted {
		d.sched.timer = host.Clock.NewTimer(d.due)
	}
	return d
}

// Medium implements block.Drive.
func (d *Drive) Medium() (block.Medium, bool) {
	if d.medium == nil {
		return block.Medium{}, false
	}
	return d.medium.Medium, true
}

// File is the name of the medium's file; "": there is no medium.
func (d *Drive) File() string {
	if d.medium == nil {
		return ""
	}
	return d.medium.File
}

// Info implements block.Drive.
func (d *Drive) Info() block.Info { return d.info }

// Removable implements block.Drive.
func (d *Drive) Removable() bool { return d.info.Kind != block.Disk }

// OnChange implements block.Drive.
func (d *Drive) OnChange(fn func()) { d.onChange = fn }

// OnEjectRequest implements block.Drive.
func (d *Drive) OnEjectRequest(fn func()) { d.onRequest = fn }

// Lock implements block.Drive.
func (d *Drive) Lock(on bool) { d.locked = on }

// setTray opens or closes the tray.
func (d *Drive) setTray(open bool) {
	if d.open == open {
		return
	}
	d.open = open
	if d.host.Tray != nil {
		d.host.Tray(open)
	}
}

// OpenTray is the user who opens the tray; the medium stays in it. Locks are as for Remove.
func (d *Drive) OpenTray(force bool) error {
	if d.open {
		return nil
	}
	if d.info.Kind != block.CD {
		return errNoTray
	}
	if err := d.userMay(force); err != nil {
		return err
	}
	d.Eject()
	d.changed()
	return nil
}

// CloseTray is the user who closes it.
func (d *Drive) CloseTray() error {
	if d.info.Kind != block.CD {
		return errNoTray
	}
	if d.open {
		d.Insert()
		d.changed()
	}
	return nil
}

var errNoTray = errors.New("the drive has no tray")

var errNotRemovable = errors.New("the medium of a disk cannot be changed")

// Changes counts how often the user has put a medium in or taken it out.
func (d *Drive) Changes() uint { return d.changes }

// Locked tells whether the guest forbids to take the medium out.
func (d *Drive) Locked() bool { return d.locked }

// TrayOpen implements block.Drive.
func (d *Drive) TrayOpen() bool { return d.open }

// Eject implements block.Drive. Drives without a tray give the medium back to the user.
func (d *Drive) Eject() {
	switch d.info.Kind {
	case block.CD:
		if !d.open {
			d.tray, d.medium = d.medium, nil
			d.setTray(true)
		}
	case block.Floppy:
		d.drop(d.medium)
		d.medium = nil
	}
}

// Insert implements block.Drive.
func (d *Drive) Insert() {
	if d.open {
		d.medium, d.tray = d.tray, nil
		d.setTray(false)
	}
}

// Remove is the user who takes the medium out; the tray stays open. With force a locked one, too.
func (d *Drive) Remove(force bool) error {
	if err := d.userMay(force); err != nil {
		return err
	}
	had := d.medium != nil
	d.drop(d.medium)
	d.drop(d.tray)
	d.medium, d.tray = nil, nil
	d.setTray(d.info.Kind == block.CD)
	if had {
		d.changed()
	}
	return nil
}

// Change is the user who puts m in, instead of what was there.
func (d *Drive) Change(m *Medium, force bool) error {
	if err := d.Remove(force); err != nil {
		return err
	}
	d.medium = m
	d.setTray(false)
	d.changed()
	return nil
}

// userMay tells whether the user may take the medium out. If the guest has locked it, the guest is told of the wish.
func (d *Drive) userMay(force bool) error {
	if !d.Removable() {
		return errNotRemovable
	}
	if !d.locked || force {
		return nil
	}
	if d.onRequest != nil {
		d.onRequest()
	}
	return fmt.Errorf("the guest has locked the tray and was told of the wish")
}

func (d *Drive) changed() {
	d.changes++
	if d.onChange != nil {
		d.onChange()
	}
}

// drop closes a medium after what was submitted for it.
func (d *Drive) drop(m *Medium) {
	if m != nil {
		d.work.put(job{m: m, last: true})
	}
}

// Submit implements block.Drive.
func (d *Drive) Submit(r *block.Request) {
	r.Err = check(d.medium, r)
	d.requests++
	d.traffic.count(r)
	d.work.put(job{r: r, m: d.medium})
	if d.host.Counted {
		d.sched.add(d.host.Clock.Now() + duration(r))
	}
}

// finished reports a request.
func (d *Drive) finished(r *block.Request) {
	d.requests--
	r.Done(r)
}

// check finds what makes a request impossible.
func check(m *Medium, r *block.Request) error {
	if m == nil {
		return block.ErrNoMedium
	}
	n := int64(len(r.Data))
	switch r.Op {
	case block.Flush:
		return nil
	case block.Discard:
		n = r.Length
	}
	if r.Offset < 0 || n < 0 || n > m.Size || r.Offset > m.Size-n {
		return block.ErrRange
	}
	if r.Op != block.Read && m.ReadOnly {
		return block.ErrReadOnly
	}
	return nil
}

// Close does all that was submitted, puts it in safety and closes the image. It returns the first error of doing so; those
// of requests were reported where they belong. The machine has stopped: nothing is reported any more.
func (d *Drive) Close() error {
	d.drop(d.medium)
	d.drop(d.tray)
	d.medium, d.tray = nil, nil
	return d.work.close()
}
