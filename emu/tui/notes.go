package tui

import (
	"io"
	"os"
	"strings"
	"sync"
)

// Notes are messages of goemu while the terminal is taken: the last is in the status line, and all go to standard error, which is printed at the end.
type Notes struct {
	mu   sync.Mutex
	to   io.Writer // nil: standard error
	last string
}

// Write implements io.Writer.
func (n *Notes) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if s := strings.TrimSpace(string(p)); s != "" {
		n.last = s[strings.LastIndexByte(s, '\n')+1:]
	}
	if n.to != nil {
		return n.to.Write(p)
	}
	return os.Stderr.Write(p)
}

// take gives the last message once.
func (n *Notes) take() (s string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	s, n.last = n.last, ""
	return s
}
