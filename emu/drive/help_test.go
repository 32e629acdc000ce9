package drive

import (
	"bytes"
	"slices"
	"testing"

	"goemu/devices/block"
)

// memImage is an image of which the host says whether it is in memory.
type memImage struct {
	Image
	cached bool
	reads  int // by the drive's goroutine
}

func (i *memImage) ReadCached(p []byte, off int64) bool {
	if i.cached {
		_, err := i.Image.ReadAt(p, off)
		return err == nil
	}
	clear(p)
	return false
}

func (i *memImage) ReadAt(p []byte, off int64) (int, error) {
	i.reads++
	return i.Image.ReadAt(p, off)
}

// hold keeps the drive's goroutine from what is submitted until Help or release.
func (b *bench) hold() {
	b.d.work.mu.Lock()
	b.d.work.borrowed = true
	b.d.work.mu.Unlock()
}

func (b *bench) release() {
	b.d.work.mu.Lock()
	b.d.work.borrowed = false
	b.d.work.changed.Broadcast()
	b.d.work.mu.Unlock()
}

func TestHelp(t *testing.T) {
	const size = 4 * helpMax
	data := fill(size, 1)
	for i := range data {
		data[i] = byte(i >> 9)
	}
	for _, c := range []struct {
		name   string
		cached bool
		op     block.Op
		off    int64
		n      int
		want   bool
	}{
		{"a read of what is in memory", true, block.Read, 512, 4096, true},
		{"a read of what is not", false, block.Read, 512, 4096, false},
		{"the longest", true, block.Read, 512, helpMax, true},
		{"too long", true, block.Read, 0, helpMax + 512, false},
		{"beyond the end", true, block.Read, size, 512, false},
		{"a write", true, block.Write, 0, 512, false},
		{"a flush", true, block.Flush, 0, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, open(t, "file="+image(t, data), block.Disk), block.Disk)
			img := &memImage{Image: b.d.medium.image, cached: c.cached}
			b.d.medium.image = img
			if b.d.Help() || b.d.Busy() {
				t.Error("there is something to do before the first request")
			}
			done := 0
			r := &block.Request{Op: c.op, Offset: c.off, Data: make([]byte, c.n), Done: func(*block.Request) { done++ }}
			b.hold()
			b.d.Submit(r)
			if !b.d.Busy() {
				t.Error("the drive is not busy after Submit")
			}
			if got := b.d.Help(); got != c.want || (done == 1) != c.want {
				t.Errorf("Help is %v and Done was called %d times, want %v", got, done, c.want)
			}
			b.release()
			b.m.wait(func() bool { return done > 0 })
			if b.read(0, 512); done != 1 || b.d.Busy() || b.d.Help() {
				t.Errorf("Done was called %d times; afterwards the drive is busy: %v", done, b.d.Busy())
			}
			if c.op == block.Read && r.Err == nil && !bytes.Equal(r.Data, data[c.off:c.off+int64(c.n)]) {
				t.Error("wrong data")
			}
			if (r.Err != nil) != (c.off == size) {
				t.Errorf("the request's error is %v", r.Err)
			}
			if c.want != (img.reads == 1) && c.op == block.Read && r.Err == nil {
				t.Errorf("the goroutine did %d reads", img.reads)
			}
		})
	}
}

// Requests are reported in the order in which they were submitted, whoever does them, and reads see the writes before them.
func TestHelpOrder(t *testing.T) {
	b := newBench(t, open(t, "file="+image(t, fill(1<<20, 0)), block.Disk), block.Disk)
	img := &memImage{Image: b.d.medium.image, cached: true}
	b.d.medium.image = img
	const rounds, batch = 200, 5
	var order []int
	for round := range rounds {
		img.cached = round%7 != 0
		order = order[:0]
		reqs := make([]*block.Request, batch)
		for i := range reqs {
			op := block.Read
			if i == round%batch {
				op = block.Write
			}
			reqs[i] = &block.Request{Op: op, Offset: 4096, Data: fill(512, byte(round+1)), Done: func(*block.Request) { order = append(order, i) }}
			b.d.Submit(reqs[i])
			if round&(1<<i) != 0 {
				b.d.Help()
			}
		}
		b.m.wait(func() bool { b.d.Help(); return len(order) == batch })
		if !slices.IsSorted(order) {
			t.Fatalf("round %d: done in the order %v", round, order)
		}
		for i, r := range reqs {
			want := byte(round + 1)
			if i < round%batch {
				want = byte(round)
			}
			if r.Err != nil || !bytes.Equal(r.Data, fill(512, want)) {
				t.Fatalf("round %d, request %d: %v, or wrong data: %d, want %d", round, i, r.Err, r.Data[0], want)
			}
		}
	}
}

func TestHelpCounted(t *testing.T) {
	b := &bench{t: t, m: &machine{some: make(chan struct{}, 1)}}
	b.d = New(Host{Post: b.m.post, Clock: &b.m.clock, Counted: true}, block.Info{}, open(t, "file="+image(t, fill(512, 1)), block.Disk))
	defer b.d.Close()
	b.hold()
	defer b.release()
	b.d.Submit(&block.Request{Op: block.Read, Data: make([]byte, 512), Done: func(*block.Request) {}})
	if b.d.Help() {
		t.Error("a request with counted time was done at a time of the host's")
	}
}

// TestReadCached is about the images' own: where the file system tells what is in memory, that is the medium's data.
func TestReadCached(t *testing.T) {
	data := append(fill(8192, 1), fill(8192, 2)...)
	for _, opts := range []string{"", ",snapshot=on"} {
		m := open(t, "file="+image(t, data)+opts, block.Disk)
		b := newBench(t, m, block.Disk)
		if err := b.do(block.Write, 4096, fill(4096, 3)); err != nil {
			t.Fatal(err)
		}
		want := slices.Concat(fill(4096, 1), fill(4096, 3), fill(8192, 2))
		p := make([]byte, len(want))
		if !m.image.ReadCached(p, 0) {
			t.Logf("%s: not in memory, or the host does not tell", opts)
		} else if !bytes.Equal(p, want) {
			t.Errorf("%s: wrong data", opts)
		}
		if m.image.ReadCached(p, 512) {
			t.Errorf("%s: a read beyond the end of the file is in memory", opts)
		}
		if n := testing.AllocsPerRun(100, func() { m.image.ReadCached(p, 0) }); n != 0 {
			t.Errorf("%s: %v allocations", opts, n)
		}
	}
}
