package gdb

import (
	"encoding/hex"
	"fmt"
	"strings"

	"goemu/emu/inspect"
)

// Threads are vCPUs, counted from 1.

// thread is the name of a vCPU's thread.
func (s *Server) thread(cpu int) string {
	if s.multi {
		return fmt.Sprintf("p%02x.%02x", pid, cpu+1)
	}
	return fmt.Sprintf("%02x", cpu+1)
}

// anyThread and allThreads are what a thread's name can mean besides one.
const (
	anyThread  = 0
	allThreads = -1
)

// parseThread reads the name of a thread: its number, anyThread or allThreads.
func (s *Server) parseThread(name string) (n int, err error) {
	if rest, ok := strings.CutPrefix(name, "p"); ok {
		process, thread, several := strings.Cut(rest, ".")
		if v, ok := hexNumber(process); process != "-1" && (!ok || v > pid) {
			return 0, errNoThread
		}
		if !several {
			return allThreads, nil
		}
		name = thread
	}
	if name == "-1" {
		return allThreads, nil
	}
	v, ok := hexNumber(name)
	if !ok || v > uint64(s.m.CPUs()) {
		return 0, errNoThread
	}
	return int(v), nil
}

// choose is Hg and Hc.
func (s *Server) choose(args string) string {
	if args == "" {
		return errInvalid
	}
	n, err := s.parseThread(args[1:])
	if err != nil {
		return errInvalid
	}
	switch args[0] {
	case 'g':
		if n > 0 { // else the one there is will do
			s.cpu = n - 1
		}
	case 'c':
		s.stepCPU = max(n, anyThread) - 1
	default:
		return errInvalid
	}
	return okReply
}

func (s *Server) alive(args string) string {
	if n, err := s.parseThread(args); err != nil || n <= 0 {
		return errInvalid
	}
	return okReply
}

func (s *Server) threads(string) string {
	var b strings.Builder
	for i := range s.m.CPUs() {
		b.WriteByte("m,"[min(i, 1)])
		b.WriteString(s.thread(i))
	}
	return b.String()
}

// threadInfo is what `info threads` shows.
func (s *Server) threadInfo(args string) string {
	n, err := s.parseThread(args)
	if err != nil || n <= 0 {
		return errInvalid
	}
	r, err := s.m.Registers(n - 1)
	if err != nil {
		return errInvalid
	}
	state := "running"
	if r.State != inspect.CPURunning {
		state = "halted"
	}
	return hex.EncodeToString(fmt.Appendf(nil, "CPU#%d [%s]", n-1, state))
}
