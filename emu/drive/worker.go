package drive

import (
	"fmt"
	"sync"

	"goemu/devices"
	"goemu/devices/block"
)

// job is one thing for the drive's goroutine to do.
type job struct {
	r    *block.Request // nil: only close m
	m    *Medium
	last bool // close m
}

// worker is the drive's goroutine with what goes to it and comes back.
type worker struct {
	d      *Drive
	finish func() // d.work.report, made once

	mu           sync.Mutex
	changed      *sync.Cond
	in           []job // to do
	inSpare      []job
	out          []*block.Request // done, not reported
	spare        []*block.Request
	posted       bool  // report will be called
	stalled      error // why the machine is to stop; nil: it is not
	stalledWrite bool  // it was not a read

	active   bool // the goroutine has jobs that it took
	borrowed bool // in[0] is being done by Help
	noHelp   bool // Help could not do in[0]

	closing bool
	ended   bool
	err     error // the first one of Sync and Close at the end
}

func (w *worker) init(d *Drive) {
	w.d = d
	w.finish = w.report
	w.changed = sync.NewCond(&w.mu)
	go w.loop()
}

func (w *worker) put(j job) {
	w.mu.Lock()
	w.in = append(w.in, j)
	w.changed.Broadcast()
	w.mu.Unlock()
}

// close waits for all jobs.
func (w *worker) close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closing = true
	w.changed.Broadcast()
	for !w.ended {
		w.changed.Wait()
	}
	return w.err
}

// take returns the jobs that wait, in order, and waits for one; nil: it is over. done are those of the call before.
func (w *worker) take(done []job) []job {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(done)
	w.inSpare = done[:0]
	w.active = false
	for len(w.in) == 0 || w.borrowed {
		if w.closing && !w.borrowed {
			w.ended = true
			w.changed.Broadcast()
			return nil
		}
		w.changed.Wait()
	}
	jobs := w.in
	w.in = w.inSpare
	w.active, w.noHelp = true, false
	return jobs
}

func (w *worker) loop() {
	for jobs := w.take(nil); jobs != nil; jobs = w.take(jobs) {
		for _, j := range jobs {
			if j.last {
				w.closeMedium(j.m)
				continue
			}
			if j.r.Err == nil {
				j.r.Err = w.try(j.m, j.r)
			}
			w.done(j.r)
		}
	}
}

// closeMedium ends the use of a medium.
func (w *worker) closeMedium(m *Medium) {
	err := m.close()
	w.mu.Lock()
	if w.err == nil {
		w.err = err
	}
	w.mu.Unlock()
}

// done hands a request back.
func (w *worker) done(r *block.Request) {
	w.mu.Lock()
	w.out = append(w.out, r)
	post := !w.posted && !w.d.host.Counted
	w.posted = w.posted || post
	w.changed.Broadcast()
	w.mu.Unlock()
	if post {
		w.d.host.Post(w.finish)
	}
}

// report calls Done of all that is done. It runs under the machine's lock.
func (w *worker) report() {
	w.mu.Lock()
	list := w.out
	w.out, w.spare = w.spare[:0], nil
	w.posted = false
	w.mu.Unlock()
	for _, r := range list {
		w.d.finished(r)
	}
	clear(list)
	w.mu.Lock()
	w.spare = list
	w.mu.Unlock()
}

// next waits for the oldest request that is not reported; nil: the machine is to stop first.
func (w *worker) next() *block.Request {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.out) == 0 {
		if w.stalled != nil {
			return nil
		}
		w.changed.Wait()
	}
	r := w.out[0]
	n := copy(w.out, w.out[1:])
	w.out[n] = nil
	w.out = w.out[:n]
	return r
}

// do does a request on the medium's image.
func (m *Medium) do(r *block.Request) error {
	var err error
	switch r.Op {
	case block.Read:
		_, err = m.image.ReadAt(r.Data, r.Offset)
	case block.Write:
		_, err = m.image.WriteAt(r.Data, r.Offset)
		if err == nil && m.opts.Cache.through() {
			err = m.image.Sync()
		}
	case block.Flush:
		if m.ReadOnly || m.opts.Cache.unsafe() {
			return nil
		}
		err = m.image.Sync()
	case block.Discard:
		if m.opts.Discard {
			err = m.image.Discard(r.Offset, r.Length)
		}
	default:
		return fmt.Errorf("%s: unknown operation %d", m.File, r.Op)
	}
	return err
}

// close puts what was written in safety and closes the image.
func (m *Medium) close() error {
	var err error
	if !m.ReadOnly && !m.opts.Snapshot && !m.opts.Cache.unsafe() {
		err = m.image.Sync()
	}
	if e := m.image.Close(); err == nil {
		err = e
	}
	if err != nil {
		return fmt.Errorf("%s: %w", m.File, err)
	}
	return nil
}

// Times of requests with counted time, in ns: about those of a solid-state disk.
const (
	requestTime = 50_000
	byteTime    = 2
)

// duration is how long a request takes in counted time.
func duration(r *block.Request) int64 { return requestTime + byteTime*int64(len(r.Data)) }

// schedule has the guest times at which requests are reported, with counted time.
type schedule struct {
	timer devices.Timer
	at    []int64 // of the requests that are not reported, in order
}

func (s *schedule) add(at int64) {
	if n := len(s.at); n > 0 {
		at = max(at, s.at[n-1]+1)
	}
	s.at = append(s.at, at)
	if len(s.at) == 1 {
		s.timer.At(at)
	}
}

// due is the time of the first of the schedule.
func (d *Drive) due() {
	s := &d.sched
	r := d.work.next()
	if r == nil {
		s.timer.At(s.at[0])
		d.stop()
		return
	}
	s.at = s.at[:copy(s.at, s.at[1:])]
	if len(s.at) > 0 {
		s.timer.At(s.at[0])
	}
	d.finished(r)
}
