package ata

import "goemu/devices/block"

// queueDepth is how many queued commands a SATA disk takes.
const queueDepth = 32

// queue is native command queuing (Serial ATA 3.x 13.6): READ and WRITE FPDMA QUEUED.
type queue struct {
	d      *Device
	slots  [queueDepth]slot
	active uint32 // tags of commands that the device has
	halted bool   // by an error, until its log is read

	errTag   int
	errState Registers // of the command that failed
}

// slot is a queued command.
type slot struct {
	q     *queue
	tag   int
	req   block.Request
	buf   []byte // made when it is needed
	regs  Registers
	lba   uint64
	left  int64 // sectors
	write bool
	fua   bool
	flush bool // what the drive does now is the flush after a write with FUA
	gone  bool // a reset came meanwhile
}

func newQueue(d *Device) *queue {
	q := &queue{d: d}
	for i := range q.slots {
		s := &q.slots[i]
		s.q, s.tag = q, i
		s.req.Done = s.done
	}
	return q
}

// allows tells whether a command may come now: queued and other commands do not mix, and after an error its log must be read.
func (q *queue) allows(code uint8) bool {
	queued := code == CmdReadFPDMA || code == CmdWriteFPDMA
	switch {
	case q.halted:
		return code == CmdReadLogExt || code == CmdReadLogDMAExt
	case queued || q.active == 0:
		return true
	}
	q.stop()
	return false
}

// queued takes READ or WRITE FPDMA QUEUED: the tag is in bits 7 to 3 of Count, the number of sectors in Features.
func (d *Device) queued() {
	if d.queue == nil {
		d.fail(ErrorABRT)
		return
	}
	q, tag := d.queue, int(d.Count.Now>>3)
	n := int64(d.Features.Now) | int64(d.Features.Prev)<<8
	if n == 0 {
		n = 1 << 16
	}
	s := &q.slots[tag]
	if q.active>>tag&1 != 0 {
		q.stop()
		d.fail(ErrorABRT)
		return
	}
	q.active |= 1 << tag
	s.regs, s.lba, s.left = d.Registers, d.lba48(), n
	s.write, s.fua, s.flush = d.cmd == CmdWriteFPDMA, d.Device&0x80 != 0, false
	d.Status = d.ready()
	d.t.Accepted(d)
	if total := d.total(); s.lba >= total || uint64(n) > total-s.lba {
		s.fail(ErrorIDNF)
		return
	}
	if size := int(min(n*int64(d.sector()), chunk)); len(s.buf) < size {
		s.buf = make([]byte, size)
	}
	s.next()
}

// next does the next piece.
func (s *slot) next() {
	d := s.q.d
	size := int64(d.sector())
	n := min(s.left*size, int64(len(s.buf))/size*size)
	s.req.Op, s.req.Offset, s.req.Data = block.Read, int64(s.lba)*size, s.buf[:n]
	if s.write {
		s.req.Op = block.Write
		if d.t.Queued(d, s.tag, s.req.Data, false) < len(s.req.Data) {
			s.fail(ErrorABRT)
			return
		}
	}
	d.drive.Submit(&s.req)
}

func (s *slot) done(*block.Request) {
	d := s.q.d
	if s.gone {
		s.gone = false
		d.drained()
		return
	}
	switch {
	case s.req.Err != nil && s.write:
		s.fail(ErrorABRT)
		return
	case s.req.Err != nil:
		s.fail(ErrorUNC)
		return
	case s.flush:
		s.complete()
		return
	case !s.write && d.t.Queued(d, s.tag, s.req.Data, true) < len(s.req.Data):
		s.fail(ErrorABRT)
		return
	}
	n := len(s.req.Data) / d.sector()
	s.lba += uint64(n)
	s.left -= int64(n)
	switch {
	case s.left > 0:
		s.next()
	case s.write && (s.fua || !d.settings.WriteCache):
		s.flush = true
		s.req.Op, s.req.Data = block.Flush, nil
		d.drive.Submit(&s.req)
	default:
		s.complete()
	}
}

func (s *slot) complete() {
	s.q.active &^= 1 << s.tag
	s.q.d.t.QueuedDone(s.q.d, 1<<s.tag, false)
}

// fail ends a queued command with an error. All others end with it, and the device waits for its log to be read.
func (s *slot) fail(e uint8) {
	q, d := s.q, s.q.d
	q.active &^= 1 << s.tag
	q.stop()
	q.halted, q.errTag = true, s.tag
	q.errState = s.regs
	q.errState.Status, q.errState.Error = d.ready()|StatusERR, e
	for i, r := range []*Register{&q.errState.LBALow, &q.errState.LBAMid, &q.errState.LBAHigh} {
		r.Now, r.Prev = uint8(s.lba>>(8*i)), uint8(s.lba>>(8*i+24))
	}
	d.Status, d.Error = d.ready()|StatusERR, e
	d.t.QueuedDone(d, 0, true)
}

// stop drops all queued commands. What the drive does for them is waited for before the next command begins.
func (q *queue) stop() {
	for i := range q.slots {
		if q.active>>i&1 != 0 {
			q.slots[i].gone = true
			q.d.drain++
		}
	}
	q.active = 0
}

// abandon is the queue's part of a reset.
func (q *queue) abandon() {
	q.stop()
	q.halted = false
}

// log fills in the log of queued errors (ACS-2 A.14).
func (q *queue) log(p []byte) {
	if !q.halted {
		p[0] = 0x80 // no queued command has failed
		return
	}
	q.halted = false
	r := &q.errState
	p[0] = uint8(q.errTag)
	p[2], p[3] = r.Status, r.Error
	p[4], p[5], p[6], p[7] = r.LBALow.Now, r.LBAMid.Now, r.LBAHigh.Now, r.Device
	p[8], p[9], p[10] = r.LBALow.Prev, r.LBAMid.Prev, r.LBAHigh.Prev
	p[12], p[13] = r.Count.Now, r.Count.Prev
}
