package drive

import (
	"errors"
	"io/fs"
	"syscall"
	"testing"

	"goemu/devices/block"
	"goemu/devices/devtest"
)

// failing is an image whose host fails for some time.
type failing struct {
	Image
	err   error
	times int // that it fails; used by the drive's goroutine
	wrote []byte
}

func (f *failing) fails() error {
	if f.times == 0 {
		return nil
	}
	f.times--
	return &fs.PathError{Op: "write", Path: "image", Err: f.err}
}

func (f *failing) WriteAt(p []byte, off int64) (int, error) {
	if err := f.fails(); err != nil {
		return 0, err
	}
	f.wrote = append(f.wrote, p...)
	return len(p), nil
}

func (f *failing) ReadAt(p []byte, off int64) (int, error) {
	if err := f.fails(); err != nil {
		return 0, err
	}
	for i := range p {
		p[i] = 7
	}
	return len(p), nil
}

// TestOnError has errors of the host treated as rerror= and werror= say, with real and with counted time. Where the machine is to stop, it goes on at once.
func TestOnError(t *testing.T) {
	const (
		full = syscall.ENOSPC
		bad  = syscall.EIO
	)
	for _, c := range []struct {
		opts  string
		op    block.Op
		err   error
		stops int
		want  error
		data  byte // after a read
	}{
		{"werror=report", block.Write, full, 0, full, 1},
		{"werror=auto", block.Write, full, 0, full, 1},
		{"werror=ignore", block.Write, bad, 0, nil, 1},
		{"werror=enospc", block.Write, full, 3, nil, 1},
		{"werror=enospc", block.Write, bad, 0, bad, 1},
		{"werror=stop", block.Write, bad, 3, nil, 1},
		{"werror=stop", block.Read, bad, 0, bad, 1},
		{"rerror=stop", block.Read, bad, 3, nil, 7},
		{"rerror=stop", block.Write, bad, 0, bad, 1},
		{"rerror=ignore", block.Read, bad, 0, nil, 0},
	} {
		for _, counted := range []bool{false, true} {
			m := open(t, c.opts+",file="+image(t, make([]byte, 4096)), block.Disk)
			f := &failing{Image: m.image, err: c.err, times: 3}
			if c.stops == 0 {
				f.times = 1
			}
			m.image = f
			b := &bench{t: t, m: &machine{some: make(chan struct{}, 1)}}
			stops := 0
			b.d = New(Host{Post: b.m.post, Clock: &b.m.clock, Counted: counted, Stop: func(write bool, err error) {
				if !errors.Is(err, c.err) || write != (c.op != block.Read) {
					t.Errorf("%s: stopped for %v, write %v", c.opts, err, write)
				}
				stops++
				b.d.Resume()
			}}, block.Info{}, m)
			var log []byte // requests stay in order
			first := &block.Request{Op: c.op, Data: fill(512, 1), Done: func(*block.Request) { log = append(log, 1) }}
			second := &block.Request{Op: block.Write, Offset: 512, Data: fill(512, 2), Done: func(*block.Request) { log = append(log, 2) }}
			b.d.Submit(first)
			b.d.Submit(second)
			if counted {
				for len(log) < 2 {
					b.m.clock.Advance(1e6)
				}
			}
			b.m.wait(func() bool { return len(log) == 2 })
			if string(log) != "\x01\x02" || stops != c.stops || !errors.Is(first.Err, c.want) || second.Err != nil || first.Data[511] != c.data {
				t.Errorf("%s, %v, counted %v: order %v, %d stops, errors %v, %v, data %d", c.opts, c.op, counted, log, stops, first.Err, second.Err, first.Data[511])
			}
			if err := b.d.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// A machine that ends while it is stopped writes after all, or says what was lost.
func TestCloseWhileStopped(t *testing.T) {
	for times, lost := range map[int]bool{1: false, 9: true} {
		m := open(t, "werror=stop,file="+image(t, make([]byte, 4096)), block.Disk)
		f := &failing{Image: m.image, err: syscall.ENOSPC, times: times}
		m.image = f
		stopped := make(chan struct{})
		var clock devtest.Clock
		d := New(Host{Post: func(fn func()) { go fn() }, Clock: &clock, Stop: func(bool, error) { close(stopped) }}, block.Info{}, m)
		d.Submit(&block.Request{Op: block.Write, Data: fill(512, 1), Done: func(*block.Request) {}})
		<-stopped
		err := d.Close()
		if lost != errors.Is(err, syscall.ENOSPC) || lost != (len(f.wrote) == 0) {
			t.Errorf("%d failures: %d bytes written, %v", times, len(f.wrote), err)
		}
	}
}
