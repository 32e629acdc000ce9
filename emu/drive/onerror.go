package drive

import (
	"errors"
	"syscall"

	"goemu/devices/block"
)

// onError says what is done about an error of the host.
type onError uint8

const (
	toGuest    onError = iota // the guest is told, by its controller
	ignored                   // the guest hears nothing; what cannot be read is 0
	stopIfFull                // the machine stops if the host has no space left, and else the guest is told
	stop                      // the machine stops
)

var onErrors = map[string]onError{"report": toGuest, "auto": toGuest, "ignore": ignored, "enospc": stopIfFull, "stop": stop}

// setOnError takes werror= and rerror=.
func (o *Options) setOnError(name, v string) error {
	if name == "werror" {
		o.onWrite = onErrors[v]
		return choice{"report", "auto", "ignore", "enospc", "stop"}.check(name, v)
	}
	o.onRead = onErrors[v]
	return choice{"report", "auto", "ignore", "stop"}.check(name, v)
}

// onError says what to do about an error of a request.
func (m *Medium) onError(op block.Op, err error) onError {
	how := m.opts.onWrite
	if op == block.Read {
		how = m.opts.onRead
	}
	if how == stopIfFull {
		if how = toGuest; errors.Is(err, syscall.ENOSPC) {
			how = stop
		}
	}
	return how
}

// try does a request until it is done or the guest is to know the error.
func (w *worker) try(m *Medium, r *block.Request) error {
	for {
		err := m.do(r)
		if err == nil {
			return nil
		}
		switch m.onError(r.Op, err) {
		case ignored:
			if r.Op == block.Read {
				clear(r.Data)
			}
			return nil
		case toGuest:
			return err
		}
		if !w.stall(r.Op, err) {
			return err
		}
	}
}

// stall has the machine stop, and waits until it goes on or has ended; false: it has ended, and there is nothing to wait for.
func (w *worker) stall(op block.Op, err error) (again bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closing {
		if w.err == nil && op != block.Read {
			w.err = err
		}
		return false
	}
	w.stalled, w.stalledWrite = err, op != block.Read
	w.changed.Broadcast()
	if !w.d.host.Counted { // else due finds it
		w.d.host.Post(w.d.stop)
	}
	for w.stalled != nil && !w.closing {
		w.changed.Wait()
	}
	w.stalled = nil
	return true
}

// stop tells the machine why it is to stop.
func (d *Drive) stop() {
	d.work.mu.Lock()
	err, write := d.work.stalled, d.work.stalledWrite
	d.work.mu.Unlock()
	if err != nil && d.host.Stop != nil {
		d.host.Stop(write, err)
	}
}

// Resume has the drive try again what it has stopped the machine for, if there is something.
func (d *Drive) Resume() {
	d.work.mu.Lock()
	d.work.stalled = nil
	d.work.changed.Broadcast()
	d.work.mu.Unlock()
}
