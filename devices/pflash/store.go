package pflash

import "goemu/devices/block"

// store writes what changes to the drive: one block at a time, beside the vCPU. A block that changes meanwhile is written again.
type store struct {
	f        *Flash
	drive    block.Drive // nil: nothing is kept
	readOnly bool
	dirty    []bool // by block
	next     int    // where to look for a dirty one
	busy     bool
	req      block.Request
	buf      [BlockSize]byte
	err      error // the host's; from then on operations fail
}

func (s *store) init(f *Flash, d block.Drive) {
	s.f, s.drive = f, d
	s.dirty = make([]bool, len(f.data)/BlockSize)
	if d == nil {
		return
	}
	m, ok := d.Medium()
	s.readOnly = !ok || m.ReadOnly
	s.req = block.Request{Op: block.Write, Data: s.buf[:], Done: s.done}
}

// changed notes that n bytes at off are not on the drive.
func (s *store) changed(off, n int) {
	if n <= 0 || s.drive == nil {
		return
	}
	for b := off / BlockSize; b <= (off+n-1)/BlockSize; b++ {
		s.dirty[b] = true
		s.next = min(s.next, b)
	}
	s.start()
}

// start submits the next block.
func (s *store) start() {
	if s.busy || s.err != nil {
		return
	}
	for ; s.next < len(s.dirty); s.next++ {
		if s.dirty[s.next] {
			s.dirty[s.next] = false
			s.req.Offset = int64(s.next) * BlockSize
			copy(s.buf[:], s.f.data[s.req.Offset:])
			s.busy = true
			s.drive.Submit(&s.req)
			return
		}
	}
}

func (s *store) done(r *block.Request) {
	s.busy = false
	if r.Err != nil {
		s.err = r.Err
	}
	s.start()
}

// Sync submits all that is not on the drive yet. No operation may follow: it is for the end of the machine.
func (f *Flash) Sync() {
	s := &f.store
	if s.drive == nil || s.err != nil {
		return
	}
	for b, dirty := range s.dirty {
		if dirty {
			s.dirty[b] = false
			off := b * BlockSize
			s.drive.Submit(&block.Request{Op: block.Write, Offset: int64(off), Data: f.data[off : off+BlockSize], Done: func(*block.Request) {}})
		}
	}
}
