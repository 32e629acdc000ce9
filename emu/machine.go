// Package emu is the machine: it puts memory, CPU, engine, board and the
// host's side of character devices together, and runs them.
//
// New makes a Machine of a Config, Run runs it until the guest powers off, and Stop, from any goroutine, ends it before. Errors
// of New name the option at fault and leave nothing behind. A Machine runs once, can be looked at afterwards, and holds memory until Close; several may run at a time. The
// CPUs follow the SDM, the boards are i440FX with PIIX3 and Q35 with ICH9. Several vCPUs run in turn, on one goroutine, but in a KVM that has their local APICs. State cannot be saved.
package emu

import (
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"goemu/bios"
	"goemu/devices"
	"goemu/devices/portmap"
	"goemu/emu/accel"
	"goemu/emu/board"
	"goemu/emu/boot"
	"goemu/emu/chardev"
	"goemu/emu/cpumodel"
	"goemu/emu/debuglog"
	"goemu/emu/kvm"
	"goemu/emu/kvmcpu"
	"goemu/emu/trace"
	"goemu/emu/x86"
	"goemu/mmu"
	"goemu/tcg/amd64"
)

// DefaultMemory is the RAM of a machine that does not say, in bytes.
const DefaultMemory = 128 << 20

// Limits of RAM, in bytes.
const (
	minMemory = 1 << 20
	maxMemory = 1 << 38
)

// MaxCPUs is the most vCPUs of a machine: xAPIC has 8-bit IDs, of which one means all and one is left for the I/O APIC.
const MaxCPUs = 254

// physBits is the width of physical addresses, as CPUID says.
const physBits = 40

func nativeSupported() bool { return amd64.Supported() }

// Machine is one PC. It is made by New, run once by Run, ended by Stop, and gives its memory back in Close.
type Machine struct {
	cfg      Config
	clock    *clock
	hostTime *hostClock // what the real-time clock follows; nil: clock
	space    *mmu.Space
	ports    *portmap.Map
	pool     mmu.Pool // all memory of the guest
	ram      []byte
	model    *cpumodel.Model
	tscRate  uint64 // of the time-stamp counters, in Hz
	vcpus    []*vcpu
	accel    atomic.Int32 // Accel that runs the vCPUs
	accelWhy atomic.Pointer[string]
	code     *accel.Code
	board    *board.PC
	tables   *bios.Tables

	firmware *bios.Firmware // the built-in firmware; nil: another or none

	envs     sync.Mutex           // held by other goroutines that reach for a vCPU's environment
	freed    bool                 // there are none any more
	running  atomic.Pointer[vcpu] // whose turn it is
	slices   *time.Ticker         // ends turns; nil: there are none, or they are counted
	together together

	terminal  *charDevice // nil: nobody has it
	chars     []*charDevice
	awaited   []*charDevice // clients of which are to be there at the start
	opened    []chardev.Backend
	ownLog    *debuglog.Log // nil: the Config has one
	drives    []*hostDrive
	flash     [board.FlashChips]board.FlashChip
	life      life
	serial    [serialPorts]chardev.Source
	parallel  chardev.Source
	serialIn  [serialPorts]inputQueue
	wake      chan struct{}
	wants     atomic.Uint32 // want... bits, from any goroutine
	stopAs    atomic.Pointer[ending]
	posted    postbox
	spin      spin
	typist    typist
	live      live
	resetting bool
	initing   bool // the processors alone are to be reset
	suspended bool // the guest sleeps in S3
	held      held
	kvm       *kvmcpu.Machine // nil: the guest has not been in KVM yet
	kvmHost   *kvm.Host
	kvmFailed error // another engine is to go on; nil: no
	ownChips  bool  // KVM is to go on without local APICs
	kvmCounts bool  // KVM executes instructions one by one, in counted time
	moving    bool  // another engine goes on
	debug     debugger
	rec       recorder
	notices   notices
	began     bool   // Run has begun
	over      bool   // and ended
	resetWhy  string // why resetting
	monitors  []*frontEnd
	named     int // monitors' character devices
	gdb       gdbServer
	status    int
	stopped   bool
	err       error
	warnings  []string
	globals   []global
}

// Reasons for which another goroutine may want the vCPU's.
const (
	wantStop = 1 << iota
	wantInput
	wantOutput
	wantPosted
)

// New makes a machine. It fails without side effects on the guest's files; errors name the option or file at fault.
func New(cfg Config) (*Machine, error) {
	if cfg.Memory == 0 {
		cfg.Memory = DefaultMemory
	}
	if cfg.Memory < minMemory || cfg.Memory > maxMemory {
		return nil, fmt.Errorf("RAM of %d bytes: from %d MiB to %d GiB are possible", cfg.Memory, minMemory>>20, maxMemory>>30)
	}
	if cfg.CPUs == 0 {
		cfg.CPUs = 1
	}
	if cfg.Threads == 0 {
		cfg.Threads = 1
	}
	if cfg.Cores == 0 {
		cfg.Cores = max(cfg.CPUs/cfg.Threads, 1)
	}
	if cfg.CPUs < 0 || cfg.CPUs > MaxCPUs {
		return nil, fmt.Errorf("%d vCPUs: from 1 to %d are possible", cfg.CPUs, MaxCPUs)
	}
	cfg.Memory = (cfg.Memory + mmu.PageMask) &^ mmu.PageMask
	m := &Machine{cfg: cfg, tscRate: devices.GHz, wake: make(chan struct{}, 1)}
	if cfg.Log == nil { // the monitor may want one
		m.ownLog = debuglog.New(0, os.Stderr)
		m.cfg.Log = m.ownLog
	}
	if cfg.Trace == nil { // here too
		m.cfg.Trace = trace.New(debuglog.New(0, os.Stderr))
	}
	err := m.chooseCPU()
	if err == nil {
		err = m.assemble()
	}
	if err == nil {
		err = m.begin()
	}
	if err != nil {
		m.abandon()
		return nil, err
	}
	return m, nil
}

// begin empties the files that the guest is to write to, now that nothing else can fail.
func (m *Machine) begin() error {
	for _, b := range m.opened {
		if o, ok := b.(*chardev.Output); ok {
			if err := o.Begin(); err != nil {
				return err
			}
		}
	}
	return nil
}

// abandon undoes what New has done.
func (m *Machine) abandon() {
	for i, b := range m.opened {
		if o, ok := b.(*chardev.Output); ok {
			// The error that counts is the one that New returns.
			_ = o.Abandon()
			m.opened[i] = chardev.Null{}
		}
	}
	// The error that counts is the one that New returns.
	_ = m.close()
	_ = m.free()
}

// Warnings are remarks about the Config, a line each, that do not keep the machine from running.
func (m *Machine) Warnings() []string { return m.warnings }

// CPUNames are the names of the processor models.
func CPUNames() []string { return cpumodel.Names() }

// CPUHelp lists the processor models and features that Config.CPU can name.
func CPUHelp() string { return cpumodel.Help() }

func (m *Machine) assemble() error {
	var err error
	if m.ram, err = m.pool.Alloc(m.cfg.Memory); err != nil {
		return err
	}
	m.clock = newClock(m.rouse)
	m.clock.counted, m.clock.shift = m.cfg.Icount, m.cfg.Shift
	m.space = mmu.NewSpace(physBits)
	m.ports = portmap.New()
	m.cfg.Watch.begin(m)
	for i := range m.cfg.CPUs {
		v := &vcpu{m: m, n: i}
		v.outside.v, v.onTrap = v, v.trap
		if v.env, err = accel.NewEnv(); err != nil {
			return fmt.Errorf("state of CPU %d: %w", i, err)
		}
		m.vcpus = append(m.vcpus, v)
	}
	m.running.Store(m.vcpus[0])
	if err := m.buildBoard(); err != nil {
		return err
	}
	if err := m.addPorts(); err != nil {
		return err
	}
	m.code, err = accel.NewCode(m.space, accel.Options{
		Native: m.Accel() == AccelTCG,
		Count:  m.cfg.Icount,
		Yield:  m.several(),
		Watch:  m.cfg.Watch.hooks(),
		Log:    m.cfg.Log,
	})
	if err != nil {
		return err
	}
	m.hookSpace()
	m.hookBuses()
	m.recordKinds()
	m.cfg.Watch.hookDevices()
	for i, v := range m.vcpus {
		v.apic = m.board.LAPICs[i]
		opts := x86.Options{
			Model:         m.model,
			APICID:        uint8(i),
			CPUs:          m.cfg.CPUs,
			Cores:         m.cfg.Cores,
			Threads:       m.cfg.Threads,
			AP:            i > 0,
			SyncX87:       accel.SyncX87,
			OnException:   v.logException,
			OnTripleFault: v.tripleFault,
			OnPause:       v.pause,
			OnSMM:         v.switchedSMM,
			OnMode:        v.switchedMode,
		}
		if m.cfg.Icount { // runs repeat
			opts.Random = rand.NewPCG(uint64(i), 0).Uint64
		}
		v.hookLogs(&opts)
		v.cpu = x86.New(v.env, m.space, v, opts)
		v.engine = m.code.NewEngine(v.cpu, v)
		v.engine.SetDebugger(v)
		v.runner = v.engine
	}
	if m.cfg.Icount {
		m.clock.pending = func() int32 { return m.current().engine.Executed() }
	}
	if m.cfg.Stopped {
		m.beginHeld()
	}
	if m.Accel() == AccelKVM {
		if err := m.startKVM(); err != nil {
			return err
		}
	}
	if w := m.unseen(); w != "" {
		m.warnings = append(m.warnings, w)
	}
	return m.load()
}

// load puts the guest in memory and the bootstrap processor at its entry, after power-on and after each reset.
func (m *Machine) load() error {
	for _, v := range m.vcpus {
		v.reset()
	}
	m.running.Store(m.vcpus[0])
	if m.cfg.Kernel == "" {
		return nil // the CPU is at the reset vector, in a ROM
	}
	if err := m.board.FirmwareInit(); err != nil {
		return err
	}
	firmware := m.board.TablesConfig()
	tables, err := bios.Build(firmware)
	if err != nil {
		return err
	}
	if err := tables.Write(m.space); err != nil {
		return err
	}
	m.tables = tables
	entry, err := boot.Load(boot.Config{
		Kernel: m.cfg.Kernel, Initrd: m.cfg.Initrd, Cmdline: m.cfg.Append,
		RAM: firmware.LowRAM, Memory: m.space, RSDP: tables.RSDP, E820: firmware.E820(), Entry32: !m.model.Has(cpumodel.LM),
		VGAText: m.board.VGA != nil,
	})
	if err != nil {
		return err
	}
	m.enter(entry)
	return nil
}

// enter puts the CPU in the state in which a boot protocol begins.
func (m *Machine) enter(e *boot.Entry) {
	s := x86.EntryState{
		RIP: e.RIP, RFLAGS: uint32(e.RFLAGS), GPR: e.GPR,
		CR0: e.CR0, CR3: e.CR3, CR4: e.CR4, EFER: e.EFER,
		GDT: x86.Table{Base: e.GDT.Base, Limit: uint32(e.GDT.Limit)},
		IDT: x86.Table{Base: e.IDT.Base, Limit: uint32(e.IDT.Limit)},
		TR:  segment(e.TR),
	}
	for i, g := range e.Segs {
		s.Segs[i] = segment(g)
	}
	m.vcpus[0].cpu.Enter(&s)
}

func segment(s boot.Segment) x86.Segment {
	return x86.Segment{Selector: s.Selector, Base: s.Base, Limit: s.Limit, Attr: uint32(s.Attr)}
}

// Run runs the machine until it powers off, is stopped or fails, and returns the status with which goemu is to exit.
func (m *Machine) Run() (status int, err error) {
	if err := m.life.start(); err != nil {
		return 0, err
	}
	defer m.life.end()
	m.began = true
	defer m.endNotices()
	defer func() { m.over = true }()
	m.startMonitors()
	m.startGDB()
	m.startInput()
	m.startChars()
	m.awaitClients()
	defer m.startSlices()()
	for !m.stopped {
		if !m.held.on || !m.poll() {
			m.run()
			if m.shutDown() != nil && !m.stopped && !m.held.on {
				m.guestReset(false)
			}
		}
		if err := m.carryOut(); err != nil {
			m.err = err
			break
		}
	}
	m.logEnd()
	m.endGDB()
	if err := m.close(); m.err == nil {
		m.err = err
	}
	return m.status, m.err
}

// close gives back what New took and writes out what is buffered.
func (m *Machine) close() error {
	first := m.closeDrives()
	m.stopMonitors()
	for _, b := range m.opened {
		if err := b.Close(); err != nil && first == nil {
			first = err
		}
	}
	m.opened = nil
	if err := m.ownLog.Close(); err != nil && first == nil {
		first = err
	}
	if m.code != nil {
		if err := m.code.Close(); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// Close gives the machine's memory back; any goroutine may call it, but those on which the machine calls, as often as it likes. It ends
// a machine that runs, with status 0, and waits until all that the guest has written is where it belongs. What is asked of the machine later is an error.
func (m *Machine) Close() error {
	ran := m.life.stop(func() { m.Stop(0) })
	defer m.life.mu.Unlock()
	if m.life.closed {
		return nil
	}
	m.life.closed = true
	var first error
	if !ran {
		first = m.close()
	}
	if err := m.free(); first == nil {
		first = err
	}
	return first
}

// free unmaps all memory of the guest and of the vCPUs, at which nobody looks any more.
func (m *Machine) free() error {
	if m.clock != nil {
		m.clock.wake.Stop()
	}
	m.envs.Lock()
	defer m.envs.Unlock()
	m.freed = true
	first := m.freeKVM()
	if err := m.pool.Free(); first == nil {
		first = err
	}
	for _, v := range m.vcpus {
		if v.env == nil {
			continue
		}
		if err := accel.FreeEnv(v.env); first == nil {
			first = err
		}
		v.env = nil
	}
	return first
}

// end ends the machine from the vCPU's goroutine: it leaves the loop at the next opportunity.
func (m *Machine) end(status int) {
	m.status, m.stopped = status, true
	m.kick()
}

// reset asks for a reset of the whole machine, from the vCPU's goroutine.
func (m *Machine) reset(reason string) {
	m.logReset()
	if m.cfg.NoReboot {
		m.shutDownBy(reason, 0)
		return
	}
	m.resetting, m.resetWhy = true, reason
	m.kick()
}

func (m *Machine) want(bit uint32) {
	m.wants.Or(bit)
	m.rouse()
}

// kick makes the vCPU whose turn it is leave generated code; any goroutine may call it.
func (m *Machine) kick() {
	m.envs.Lock()
	if !m.freed {
		m.current().kick()
	}
	m.envs.Unlock()
	m.awake()
}

// inputQueue holds what the host typed until the UART takes it.
type inputQueue struct {
	mu   sync.Mutex
	p    []byte
	room chan struct{} // the UART has taken something

	lossy bool // a terminal, which must go on being read, for Ctrl-A x: what is typed too much is lost as on a line that overruns
}

// inputMax is how many bytes wait for a UART before their source has to wait too.
const inputMax = 64 << 10

// input queues bytes for a serial port. It waits while too many are queued.
func (m *Machine) input(port int, p []byte) {
	q := &m.serialIn[port]
	q.mu.Lock()
	for len(q.p) >= inputMax {
		q.mu.Unlock()
		if q.lossy {
			return
		}
		select {
		case <-q.room:
		case <-m.life.over:
			return
		}
		q.mu.Lock()
	}
	q.p = append(q.p, p...)
	q.mu.Unlock()
	m.want(wantInput)
}
