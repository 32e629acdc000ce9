// Package gdb is a server of gdb's remote serial protocol (GDB's manual, appendix E), for a whole machine: its vCPUs are the threads of one process.
//
// The target's description (registers.go, target.go) is that of the CPU model's largest mode and never changes, so that gdb goes along with all mode switches. As in QEMU's stub,
// RIP is the offset in CS, breakpoints are at linear addresses, a client that connects stops the machine, and one that goes leaves it as it is, without
// the breakpoints that it has set. Not done: non-stop mode, files, tracepoints, reverse execution; packets of these get the empty reply that says so.
//
// A Server has a goroutine of its own, which alone asks the machine. Packets are bounded, replies have bounded queues (package chardev), and while
// the machine runs for gdb nothing is done for a client but to stop it.
package gdb

import (
	"errors"
	"io"
	"sync"

	"goemu/emu/chardev"
	"goemu/emu/inspect"
)

// Machine is what the server debugs. All of it may be called from any goroutine but the machine's own; see *emu.Machine.
type Machine interface {
	CPUs() int
	Registers(cpu int) (inspect.Registers, error)
	SetRegisters(cpu int, r *inspect.Registers) error
	ReadMemory(cpu int, a inspect.Address, p []byte) (n int, err error)
	WriteMemory(cpu int, a inspect.Address, p []byte) (n int, err error)
	AddBreakpoint(b inspect.Breakpoint) (id int, err error)
	RemoveBreakpoint(id int) error
	Pause() error
	Continue() error
	ContinueAlone(cpu int) error // the other vCPUs stand still
	Step(cpu int, s inspect.Step) error
	Status() inspect.Status
	Notify(buffer int) (notices <-chan inspect.Notice, cancel func())
	Stop(status int) // ends it
	LongMode() bool  // the CPU model has 64-bit mode
	Command(line string, w io.Writer)
}

// pid is the process that gdb sees.
const pid = 1

// Server serves those who come to a character device, one after the other.
type Server struct {
	m   Machine
	src chardev.Source
	in  chan input
	end chan struct{} // closed when the server takes nothing more

	notices <-chan inspect.Notice

	mu      sync.Mutex // of what Exit shares with the server's goroutine; nobody waits while holding it
	open    bool       // there is a client
	waiting bool       // it waits for a stop reply
	exited  bool       // and was told that the machine is over

	target *target // made for the first client

	// Of the client there is.
	parser  parser
	last    []byte // packet that is sent again for a NAK
	noAck   bool
	multi   bool // it knows process IDs
	swbreak bool // it takes reasons of stops
	hwbreak bool
	cpu     int // that g, m and the like mean
	stepCPU int // that s and c mean; all: -1
	phys    bool
	sstep   uint64
	points  []point
	resumed resumed
	stop    inspect.Notice // the last one that the client was told of
	goes    bool           // behind the packet, forget the client's points, and let the machine run
}

// input is what the client sends, or what there is to know of it.
type input struct {
	p       []byte
	event   chardev.Event
	isEvent bool
}

// Bounds of queues.
const (
	inputQueue  = 16 // of at most 4 KiB each: see chardev.Link
	noticeQueue = 256
)

// Serve begins to serve, until the machine ends. It is called before the machine runs, on its goroutine.
func Serve(m Machine, src chardev.Source) *Server {
	s := &Server{m: m, src: src, in: make(chan input, inputQueue), end: make(chan struct{})}
	s.forget()
	s.notices, _ = m.Notify(noticeQueue)
	go s.run()
	put := func(i input) {
		select {
		case s.in <- i:
		case <-s.end:
		}
	}
	src.Start(func(p []byte) { put(input{p: append([]byte(nil), p...)}) }, func(e chardev.Event) { put(input{event: e, isEvent: true}) })
	return s
}

// run is the server's goroutine.
func (s *Server) run() {
	defer close(s.end)
	for {
		select {
		case n, ok := <-s.notices:
			if !ok {
				return
			}
			s.notice(&n)
		case i := <-s.in:
			if i.isEvent {
				s.event(i.event)
				continue
			}
			s.parser.take(i.p, s)
		}
	}
}

// forget makes the client's state that of a new one.
func (s *Server) forget() {
	s.parser = parser{}
	s.last = nil
	s.noAck, s.multi, s.swbreak, s.hwbreak, s.phys, s.goes = false, false, false, false, false, false
	s.cpu, s.stepCPU = 0, -1
	s.sstep = sstepAll
	s.resumed = resumed{}
}

// event is a client that comes or goes.
func (s *Server) event(e chardev.Event) {
	switch e {
	case chardev.Opened:
		s.forget()
		s.setOpen(true)
		s.halt()
	case chardev.Closed:
		s.setOpen(false)
		s.removeAll()
		s.forget()
	case chardev.Break:
		s.interrupt()
	}
}

func (s *Server) setOpen(open bool) {
	s.mu.Lock()
	s.open, s.waiting = open, false
	s.mu.Unlock()
}

// halt stops the machine for a client that has come.
func (s *Server) halt() {
	// A machine that has ended stands still too.
	_ = s.m.Pause()
	s.stop = inspect.Notice{Kind: inspect.NoticeStopped, Why: inspect.StopStep, CPU: s.cpu, Status: s.m.Status()}
}

// wait says whether the client is to get a stop reply.
func (s *Server) wait(on bool) {
	s.mu.Lock()
	s.waiting = on
	s.mu.Unlock()
}

func (s *Server) waits() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waiting
}

// Exit tells the client, if it waits, that the machine is over. The machine calls it before it closes the character device.
func (s *Server) Exit(status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.open || s.exited {
		return
	}
	s.exited = true
	if s.waiting {
		s.src.Offer(frame(appendf(nil, "W%02x", uint8(status))))
	}
}

// errNoThread is what commands for a vCPU that there is not fail by.
var errNoThread = errors.New("no such thread")
