package drive

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Locks on an image are those that QEMU sets (open file description locks on single bytes), so that a program of either kind notices one of the other.
// A byte from lockUse on is locked by whoever uses a permission, one from lockShare on by whoever forbids others to use it.
const (
	lockUse   = 100
	lockShare = 200
)

// The permissions that are of interest, as numbers of bytes.
const (
	permRead   = 0
	permWrite  = 1
	permResize = 3
)

// lock claims an image: any number of readers, or one writer. File systems without locks are taken as they are.
func lock(f *os.File, write bool) error {
	uses := []int64{permRead}
	if write {
		uses = append(uses, permWrite)
	}
	forbids := []int64{permWrite, permResize}
	for _, p := range uses {
		if err := setLock(f, lockUse+p); err != nil {
			return err
		}
	}
	for _, p := range forbids {
		if err := setLock(f, lockShare+p); err != nil {
			return err
		}
	}
	for _, p := range uses {
		if taken(f, lockShare+p) {
			return inUse(p)
		}
	}
	for _, p := range forbids {
		if taken(f, lockUse+p) {
			return inUse(p)
		}
	}
	return nil
}

func inUse(perm int64) error {
	what := map[int64]string{permRead: "consistent read", permWrite: "write", permResize: "resize"}[perm]
	return fmt.Errorf("failed to get %q lock (is another process using the image?)", what)
}

func setLock(f *os.File, at int64) error {
	l := unix.Flock_t{Type: unix.F_RDLCK, Start: at, Len: 1}
	err := unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &l)
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
		return inUse(at % 100)
	}
	return nil // no locks there
}

// taken tells whether somebody else has a byte locked.
func taken(f *os.File, at int64) bool {
	l := unix.Flock_t{Type: unix.F_WRLCK, Start: at, Len: 1}
	return unix.FcntlFlock(f.Fd(), unix.F_OFD_GETLK, &l) == nil && l.Type != unix.F_UNLCK
}

// punch gives a part of a file back to the host, where its file system can.
func punch(f *os.File, off, n int64) error {
	err := unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, off, n)
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ENOSYS) {
		return nil
	}
	return err
}

// readCached reads what the page cache has; ok: it was all of p. never: files of this kind do not tell.
func readCached(f *os.File, p []byte, off int64) (ok, never bool) {
	n, err := unix.Preadv2(int(f.Fd()), [][]byte{p}, off, unix.RWF_NOWAIT)
	return n == len(p), err != nil && !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR)
}
