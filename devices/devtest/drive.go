package devtest

import "goemu/devices/block"

// Drive is a block.Drive over memory. Requests wait for Work.
type Drive struct {
	Image    []byte
	What     block.Info
	Sector   int // 0: 512
	ReadOnly bool
	Out      bool  // the medium is not in the drive
	Open     bool  // the tray is
	Locked   bool  // by the guest
	Err      error // what the next request fails with, once
	Flushes  int   // how many there were

	queue    []*block.Request
	onChange func()
	onEject  func()
}

// NewDrive makes a drive with a medium of n bytes, each sector of 512 bytes filled with its number, low byte first.
func NewDrive(n int, kind block.Kind) *Drive {
	d := &Drive{Image: make([]byte, n), What: block.Info{Kind: kind, WriteCache: true}}
	for n := 0; n < len(d.Image); n += 512 {
		p := d.Image[n:min(n+512, len(d.Image))]
		copy(p, []byte{byte(n >> 9), byte(n >> 17)})
		for k := 2; k < len(p); k *= 2 {
			copy(p[k:], p[:k])
		}
	}
	if kind == block.CD {
		d.Sector, d.ReadOnly = 2048, true
	}
	return d
}

// Medium implements block.Drive.
func (d *Drive) Medium() (block.Medium, bool) {
	sector := max(d.Sector, 512)
	return block.Medium{Size: int64(len(d.Image)), Sector: sector, Physical: sector, ReadOnly: d.ReadOnly}, !d.Out
}

// Submit implements block.Drive.
func (d *Drive) Submit(r *block.Request) { d.queue = append(d.queue, r) }

// Work does all requests, also those that come meanwhile, and tells how many there were.
func (d *Drive) Work() (n int) {
	for ; len(d.queue) > 0; n++ {
		d.Step()
	}
	return n
}

// Step does one request; false: there was none.
func (d *Drive) Step() bool {
	if len(d.queue) == 0 {
		return false
	}
	r := d.queue[0]
	d.queue = d.queue[1:]
	r.Err = d.do(r)
	r.Done(r)
	return true
}

// Pending takes the requests that wait, for a test that does them itself. The list is used again.
func (d *Drive) Pending() []*block.Request {
	p := d.queue
	d.queue = d.queue[:0]
	return p
}

func (d *Drive) do(r *block.Request) error {
	if err := d.Err; err != nil {
		d.Err = nil
		return err
	}
	n := int64(len(r.Data))
	if r.Op == block.Discard {
		n = r.Length
	}
	switch {
	case d.Out:
		return block.ErrNoMedium
	case r.Offset < 0 || n < 0 || r.Offset > int64(len(d.Image))-n:
		return block.ErrRange
	case r.Op == block.Read:
		copy(r.Data, d.Image[r.Offset:])
	case r.Op == block.Flush:
		d.Flushes++
	case d.ReadOnly:
		return block.ErrReadOnly
	case r.Op == block.Write:
		copy(d.Image[r.Offset:], r.Data)
	case r.Op == block.Discard:
		clear(d.Image[r.Offset:][:n])
	}
	return nil
}

// Swap is the user who takes the medium out and puts another in; nil: none.
func (d *Drive) Swap(image []byte) {
	d.Out = true
	d.changed()
	if image != nil {
		d.Image, d.Out, d.Open = image, false, false
		d.changed()
	}
}

func (d *Drive) changed() {
	if d.onChange != nil {
		d.onChange()
	}
}

// WantEject is the user who asks for a locked medium.
func (d *Drive) WantEject() {
	if d.onEject != nil {
		d.onEject()
	}
}

// Removable implements block.Drive.
func (d *Drive) Removable() bool { return d.What.Kind != block.Disk }

// OnChange implements block.Drive.
func (d *Drive) OnChange(fn func()) { d.onChange = fn }

// OnEjectRequest implements block.Drive.
func (d *Drive) OnEjectRequest(fn func()) { d.onEject = fn }

// Eject implements block.Drive.
func (d *Drive) Eject() { d.Out, d.Open = true, true }

// Insert implements block.Drive: the medium that Eject took out.
func (d *Drive) Insert() { d.Out, d.Open = false, false }

// TrayOpen implements block.Drive.
func (d *Drive) TrayOpen() bool { return d.Open }

// Lock implements block.Drive.
func (d *Drive) Lock(on bool) { d.Locked = on }

// Info implements block.Drive.
func (d *Drive) Info() block.Info { return d.What }
