package ata

import (
	"fmt"

	"goemu/devices/block"
)

const stateVersion = 1

// State is the saved state of a device. A request that the drive has not done is submitted again after RestoreState.
type State struct {
	Version   int
	Registers Registers
	Settings  settings
	Optical   optical
	Command   uint8
	Form      uint8
	LBA       uint64
	Left      int64

	Step                   uint8
	In, DMA, Packet        bool
	Pos, Stop, Length      int
	Blocks                 int
	Buffer                 []byte // as far as it is used
	Held                   uint8
	Pending                bool // the drive works on a request
	Op                     block.Op
	Offset, Bytes, Discard int64 // of that request
	Queue                  *QueueState
}

// QueueState is the saved state of the queue.
type QueueState struct {
	Active   uint32
	Halted   bool
	ErrTag   int
	ErrState Registers
	Slots    [queueDepth]SlotState
}

// SlotState is the saved state of a queued command. Its present piece is done again.
type SlotState struct {
	Registers  Registers
	LBA        uint64
	Left       int64
	Write, FUA bool
	Flush      bool
	Buffer     []byte
}

// SaveState returns a copy of the state.
func (d *Device) SaveState() State {
	s := State{
		Version: stateVersion, Registers: d.Registers, Settings: d.settings, Optical: d.cd,
		Command: d.cmd, Form: uint8(d.form), LBA: d.lba, Left: d.left,
		Step: uint8(d.step), In: d.in, DMA: d.dma, Packet: d.packet, Pos: d.pos, Stop: d.stop, Length: d.length, Blocks: d.blocks,
		Held: uint8(d.held), Pending: d.busy,
		Op: d.req.Op, Offset: d.req.Offset, Bytes: int64(len(d.req.Data)), Discard: d.req.Length,
	}
	s.Buffer = append(s.Buffer, d.buf...)
	if d.queue != nil {
		s.Queue = d.queue.save()
	}
	return s
}

func (q *queue) save() *QueueState {
	s := &QueueState{Active: q.active, Halted: q.halted, ErrTag: q.errTag, ErrState: q.errState}
	for i := range q.slots {
		if q.active>>i&1 != 0 {
			t := &q.slots[i]
			s.Slots[i] = SlotState{t.regs, t.lba, t.left, t.write, t.fua, t.flush, append([]byte(nil), t.req.Data...)}
		}
	}
	return s
}

// RestoreState takes over a saved state. The device must be as after New or Reset, and the drive hold the same medium.
func (d *Device) RestoreState(s State) error {
	switch {
	case s.Version != stateVersion:
		return fmt.Errorf("ATA device state has version %d, want %d", s.Version, stateVersion)
	case len(s.Buffer) != chunk || s.Step >= uint8(numSteps) || s.Pos < 0 || s.Pos > s.Stop || s.Stop > chunk || s.Length < 0 || s.Length > chunk ||
		s.Bytes < 0 || s.Bytes > chunk:
		return fmt.Errorf("ATA device state is inconsistent")
	case (s.Queue == nil) != (d.queue == nil):
		return fmt.Errorf("ATA device state is of another kind of device")
	}
	d.abandon()
	d.Registers, d.settings, d.cd = s.Registers, s.Settings, s.Optical
	d.cmd, d.form, d.lba, d.left = s.Command, form(s.Form), s.LBA, s.Left
	d.step, d.in, d.dma, d.packet = step(s.Step), s.In, s.DMA, s.Packet
	d.pos, d.stop, d.length, d.blocks = s.Pos, s.Stop, s.Length, s.Blocks
	copy(d.buf, s.Buffer)
	if s.Queue != nil {
		if err := d.queue.restore(s.Queue); err != nil {
			return err
		}
	}
	d.held = heldBy(s.Held)
	if s.Pending {
		d.request(s.Op, s.Offset, d.buf[:s.Bytes])
		d.req.Length = s.Discard
		d.submit(d.step)
	} else if d.held != heldNothing && d.drain == 0 {
		d.drain = 1
		d.drained()
	}
	return nil
}

func (q *queue) restore(s *QueueState) error {
	q.active, q.halted, q.errTag, q.errState = s.Active, s.Halted, s.ErrTag, s.ErrState
	for i := range q.slots {
		if q.active>>i&1 == 0 {
			continue
		}
		t, u := &q.slots[i], &s.Slots[i]
		if len(u.Buffer) > chunk {
			return fmt.Errorf("ATA device state is inconsistent: queued command %d", i)
		}
		t.regs, t.lba, t.left, t.write, t.fua, t.flush = u.Registers, u.LBA, u.Left, u.Write, u.FUA, u.Flush
		t.buf = make([]byte, chunk)
		t.req.Op, t.req.Offset, t.req.Data = block.Read, int64(t.lba)*int64(q.d.sector()), t.buf[:copy(t.buf, u.Buffer)]
		switch {
		case t.flush:
			t.req.Op, t.req.Data = block.Flush, nil
		case t.write:
			t.req.Op = block.Write
		}
		q.d.drive.Submit(&t.req)
	}
	return nil
}
