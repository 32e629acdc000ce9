package main

import (
	"os"
	"syscall"
)

// roomOf is the room that a file takes on the host, in bytes.
func roomOf(st os.FileInfo) (int64, bool) {
	s, ok := st.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return s.Blocks * 512, true // st_blocks counts 512 bytes wherever the file is
}
