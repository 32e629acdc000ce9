package gdb

import "goemu/emu/inspect"

// Kinds of breakpoints and watchpoints by their numbers in Z and z.
const (
	softwareBreak = iota
	hardwareBreak
	writeWatch
	readWatch
	accessWatch
)

var pointKinds = [...]inspect.BreakKind{inspect.BreakExec, inspect.BreakExec, inspect.BreakWrite, inspect.BreakRead, inspect.BreakAccess}

// point is a breakpoint that the client has set. A long watchpoint is several of the machine's.
type point struct {
	kind uint64
	addr uint64
	size uint64
	ids  []int
}

// Bounds of what a client sets.
const (
	maxPoints = 1024
	maxWatch  = 512 // bytes
	onePoint  = 8   // bytes that one of the machine's can watch
)

// parsePoint reads "KIND,ADDRESS,SIZE". Conditions, which the server has not offered, are not there.
func parsePoint(args string) (p point, ok bool) {
	if len(args) < 2 || args[1] != ',' {
		return p, false
	}
	p.kind = uint64(args[0] - '0')
	p.addr, p.size, ok = hexPair(args[2:], ",")
	return p, ok
}

func (s *Server) insert(args string) string {
	p, ok := parsePoint(args)
	if p.kind >= uint64(len(pointKinds)) {
		return "" // no such kind
	}
	last := p.addr + p.size - 1
	if !ok || p.kind >= writeWatch && (p.size == 0 || p.size > maxWatch || last < p.addr) || len(s.points) >= maxPoints {
		return errInvalid
	}
	if s.find(p) >= 0 {
		return okReply // inserting twice is inserting once
	}
	size := p.size
	if p.kind < writeWatch {
		size = 1 // gdb means the size of the instruction that would be written there
	}
	for off := uint64(0); off < size; off += onePoint {
		b := inspect.Breakpoint{Kind: pointKinds[p.kind], Addr: p.addr + off, Len: int(min(size-off, onePoint))}
		id, err := s.m.AddBreakpoint(b)
		if err != nil {
			s.drop(&p)
			return failed(err)
		}
		p.ids = append(p.ids, id)
	}
	s.points = append(s.points, p)
	return okReply
}

func (s *Server) remove(args string) string {
	p, ok := parsePoint(args)
	if p.kind >= uint64(len(pointKinds)) {
		return ""
	}
	if !ok {
		return errInvalid
	}
	if i := s.find(p); i >= 0 {
		s.drop(&s.points[i])
		s.points = append(s.points[:i], s.points[i+1:]...)
	}
	return okReply
}

// find gives the place of a point in the list, or -1.
func (s *Server) find(p point) int {
	for i, q := range s.points {
		if q.kind == p.kind && q.addr == p.addr && q.size == p.size {
			return i
		}
	}
	return -1
}

// drop takes a point from the machine.
func (s *Server) drop(p *point) {
	for _, id := range p.ids {
		// One that somebody has removed by the monitor is gone too.
		_ = s.m.RemoveBreakpoint(id)
	}
}

func (s *Server) removeAll() {
	for i := range s.points {
		s.drop(&s.points[i])
	}
	s.points = nil
}

// byID finds the point that one of the machine's belongs to, or nil.
func (s *Server) byID(id int) *point {
	for i := range s.points {
		for _, n := range s.points[i].ids {
			if n == id {
				return &s.points[i]
			}
		}
	}
	return nil
}
