package drive

import (
	"fmt"
	"os"
)

// The overlay keeps clusters of 4 KiB. A bit for each says whether it is there; the bits come in tables that are
// made on the first write, one for each 128 MiB of the disk.
const (
	cluster      = 4 << 10
	tableBits    = 32 << 10
	tableCovered = tableBits * cluster
)

// overlay is snapshot=on: what the guest writes goes to a temporary file that has no name, and is gone with goemu.
type overlay struct {
	base   Image
	f      *os.File
	tables []*[tableBits / 64]uint64
	buf    [cluster]byte

	uncached bool // as of raw
}

// newOverlay makes an overlay of an image of size bytes.
func newOverlay(base Image, size int64) (*overlay, error) {
	dir := os.Getenv("TMPDIR")
	if dir == "" {
		dir = "/var/tmp" // as QEMU: /tmp may be memory
		if _, err := os.Stat(dir); err != nil {
			dir = os.TempDir()
		}
	}
	f, err := os.CreateTemp(dir, "goemu-snapshot")
	if err != nil {
		return nil, fmt.Errorf("temporary file for snapshot=on: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, fmt.Errorf("temporary file for snapshot=on: %w", err)
	}
	return &overlay{base: base, f: f, tables: make([]*[tableBits / 64]uint64, (size+tableCovered-1)/tableCovered)}, nil
}

// has tells whether the cluster at off is in the overlay.
func (o *overlay) has(off int64) bool {
	n := off / cluster
	t := o.tables[n/tableBits]
	return t != nil && t[n%tableBits/64]>>(n%64)&1 != 0
}

func (o *overlay) add(off int64) {
	n := off / cluster
	t := &o.tables[n/tableBits]
	if *t == nil {
		*t = new([tableBits / 64]uint64)
	}
	(*t)[n%tableBits/64] |= 1 << (n % 64)
}

// ReadAt implements Image. Runs of clusters of one source are read at once.
func (o *overlay) ReadAt(p []byte, off int64) (int, error) {
	done := 0
	for done < len(p) {
		at := off + int64(done)
		q, have := o.run(p[done:], at)
		var n int
		var err error
		if have {
			n, err = o.f.ReadAt(q, at)
		} else {
			n, err = o.base.ReadAt(q, at)
		}
		if done += n; n < len(q) {
			return done, err
		}
	}
	return done, nil
}

// run is the part of p, whose place is at, that is of one source: the overlay, if have is set.
func (o *overlay) run(p []byte, at int64) (q []byte, have bool) {
	have = o.has(at)
	end := at&^(cluster-1) + cluster
	for end < at+int64(len(p)) && o.has(end) == have {
		end += cluster
	}
	return p[:min(int64(len(p)), end-at)], have
}

// ReadCached implements Image.
func (o *overlay) ReadCached(p []byte, off int64) bool {
	for len(p) > 0 {
		q, have := o.run(p, off)
		ok := false
		switch {
		case have && o.uncached:
		case have:
			ok, o.uncached = readCached(o.f, q, off)
		default:
			ok = o.base.ReadCached(q, off)
		}
		if !ok {
			return false
		}
		p, off = p[len(q):], off+int64(len(q))
	}
	return true
}

// WriteAt implements Image. Clusters that are not written wholly are filled up from the base.
func (o *overlay) WriteAt(p []byte, off int64) (int, error) {
	done := 0
	for done < len(p) {
		at := off + int64(done)
		start := at &^ (cluster - 1)
		q := p[done:]
		if start == at && len(q) >= cluster {
			q = q[:len(q)&^(cluster-1)]
			if n, err := o.write(q, at); err != nil {
				return done + n&^(cluster-1), err
			}
			for a := at; a < at+int64(len(q)); a += cluster {
				o.add(a)
			}
			done += len(q)
			continue
		}
		q = q[:min(int64(len(q)), start+cluster-at)]
		if o.has(start) {
			if n, err := o.write(q, at); err != nil {
				return done + n, err
			}
		} else {
			if _, err := o.base.ReadAt(o.buf[:], start); err != nil {
				return done, err
			}
			copy(o.buf[at-start:], q)
			if _, err := o.write(o.buf[:], start); err != nil {
				return done, err
			}
			o.add(start)
		}
		done += len(q)
	}
	return done, nil
}

func (o *overlay) write(p []byte, at int64) (int, error) {
	n, err := o.f.WriteAt(p, at)
	if err != nil {
		return n, fmt.Errorf("temporary file of snapshot=on: %w", cause(err))
	}
	return n, nil
}

// Discard implements Image: nothing, as what the base has must not show again.
func (o *overlay) Discard(int64, int64) error { return nil }

// Sync implements Image: the file goes with goemu.
func (o *overlay) Sync() error { return nil }

// Close implements Image.
func (o *overlay) Close() error {
	err := o.f.Close()
	if e := o.base.Close(); err == nil {
		err = e
	}
	return err
}
