package drive

import "goemu/devices/block"

// helpMax bounds what Help reads, in bytes, so that it takes some 20 microseconds.
const helpMax = 256 << 10

// Busy tells whether the drive has requests that are not reported.
func (d *Drive) Busy() bool { return d.requests > 0 }

// Help does a read that waits for the drive's goroutine and whose data the host has in memory, and calls its Done; false: there is none. It never
// waits for the host. It is for a machine whose vCPUs are halted and that would do nothing else meanwhile, and saves it two changes of threads.
func (d *Drive) Help() bool {
	if d.requests == 0 || d.host.Counted {
		return false
	}
	j, ok := d.work.borrow()
	if !ok {
		return false
	}
	ok = j.m.image.ReadCached(j.r.Data, j.r.Offset)
	d.work.giveBack(ok)
	if ok {
		d.finished(j.r)
	}
	return ok
}

// borrow gives the oldest job, if it is a read for Help and no other is under way. The goroutine leaves all jobs alone until giveBack.
func (w *worker) borrow() (j job, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.active || w.noHelp || len(w.in) == 0 || len(w.out) > 0 {
		return job{}, false
	}
	j = w.in[0]
	w.borrowed = j.r != nil && j.r.Op == block.Read && j.r.Err == nil && len(j.r.Data) <= helpMax
	return j, w.borrowed
}

// giveBack ends what borrow began. If the job is not done the goroutine has to do it, and all up to it.
func (w *worker) giveBack(done bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.borrowed = false
	if w.noHelp = !done; done {
		n := copy(w.in, w.in[1:])
		w.in[n] = job{}
		w.in = w.in[:n]
	}
	if len(w.in) > 0 {
		w.changed.Broadcast()
	}
}
