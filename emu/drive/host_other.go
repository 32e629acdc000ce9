//go:build !linux

package drive

import "os"

// lock does nothing: two users of an image are found on Linux only.
func lock(*os.File, bool) error { return nil }

// punch does nothing: the host keeps what the guest discards.
func punch(*os.File, int64, int64) error { return nil }

// readCached does nothing: what the host has in memory is known on Linux only.
func readCached(*os.File, []byte, int64) (ok, never bool) { return false, true }
