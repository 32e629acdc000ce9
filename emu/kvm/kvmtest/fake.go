package kvmtest

import (
	"maps"
	"sync"
	"syscall"
	"unsafe"

	"goemu/emu/kvm"
)

// pageBytes is what a processor of the fake shares: kvm_run, a page of port data, the ring.
const pageBytes = 3 * 4096

// ioOffset is where port data is.
const ioOffset = 4096

// Fake is a KVM. Its fields may be changed before it is used.
type Fake struct {
	OpenErr  error
	Version  int // of the API
	Caps     map[kvm.Cap]int
	CPUID    []kvm.CPUIDEntry
	MSRs     map[uint32]uint64           // what there is, with the values at reset
	Run      func(c *CPU) syscall.Errno  // KVM_RUN; nil: waits for RequestExit
	TSCKHz   uint32                      // rate of the host's time-stamp counter
	OnTSC    func(was, to uint64) uint64 // what becomes of the counter when it is set; nil: what it is set to
	Slots    map[uint32]Region           // memory slots of the newest machine, as set
	Dirty    map[uint32][]uint64         // what the log says next
	Routes   []kvm.Route                 // as last set
	Message  kvm.MSI                     // the last that was sent; somebody takes it
	Lines    []Line                      // into the interrupt controllers, in the order in which they were set
	Requests []kvm.Request               // all so far

	mu    sync.Mutex
	chips [3][]byte // structures of the interrupt controllers
	cond  *sync.Cond
	fds   map[int]*object
	last  int
}

// Region is a memory slot.
type Region struct {
	Flags  uint32
	Guest  uint64
	Memory []byte
}

// object is what an open file stands for.
type object struct {
	kind kvm.Request // CreateVM, CreateVCPU; 0: the device
	kept map[kvm.Request][]byte
	cpu  *CPU
}

// CPU is a processor of the fake, as Fake.Run sees it.
type CPU struct {
	ID   int
	Page []byte // what is shared
	MSRs map[uint32]uint64
	Runs int // times Run was called before

	TSCKHz uint32 // rate of its time-stamp counter
	CPUID  []kvm.CPUIDEntry

	fake   *Fake
	object *object
}

// NewFake makes a KVM that has what goemu needs.
func NewFake() *Fake {
	f := &Fake{
		Version: kvm.APIVersion,
		Caps:    map[kvm.Cap]int{kvm.CapNrMemSlots: 32, kvm.CapMaxVCPUs: 8, kvm.CapMaxVCPUID: 8, kvm.CapNrVCPUs: 4},
		MSRs:    map[uint32]uint64{0x10: 0, 0x1b: 0xfee0_0900, 0xc000_0080: 0},
		Slots:   map[uint32]Region{}, Dirty: map[uint32][]uint64{},
		fds: map[int]*object{},
	}
	for _, c := range []kvm.Cap{
		kvm.CapUserMemory, kvm.CapImmediateExit, kvm.CapExtCPUID, kvm.CapDestroyMemoryRegion, kvm.CapJoinMemoryRegions, kvm.CapSetTSSAddr,
		kvm.CapSetIdentityMapAddr, kvm.CapReadonlyMem, kvm.CapVCPUEvents, kvm.CapDebugRegs, kvm.CapSetGuestDebug, kvm.CapXSAVE, kvm.CapXCRs,
		kvm.CapUserNMI, kvm.CapMPState,
	} {
		f.Caps[c] = 1
	}
	f.cond = sync.NewCond(&f.mu)
	return f
}

// Open opens the device.
func (f *Fake) Open(string) (int, error) {
	if f.OpenErr != nil {
		return -1, f.OpenErr
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.file(&object{}), nil
}

func (f *Fake) file(o *object) int {
	f.last++
	o.kept = map[kvm.Request][]byte{}
	f.fds[f.last+100] = o
	return f.last + 100
}

// Close closes a file.
func (f *Fake) Close(fd int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fds[fd] == nil {
		return syscall.EBADF
	}
	delete(f.fds, fd)
	return nil
}

// Files is the number of files that are open.
func (f *Fake) Files() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.fds)
}

// Mmap gives what a processor shares.
func (f *Fake) Mmap(fd, length int) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	o := f.fds[fd]
	if o == nil || o.cpu == nil || length != len(o.cpu.Page) {
		return nil, syscall.EINVAL
	}
	return o.cpu.Page, nil
}

// Munmap gives it back.
func (f *Fake) Munmap([]byte) error { return nil }

// Thread is always the same.
func (f *Fake) Thread() int { return 1 }

// Kick wakes CPU.Wait.
func (f *Fake) Kick(int) {
	// With the lock, as CPU.Wait may have looked and not yet wait.
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cond.Broadcast()
}

// size is that of a request's argument.
func size(r kvm.Request) int { return int(r >> 16 & 0x3fff) }

// sets gives, for each request that reads what another one sets, the latter.
var sets = map[kvm.Request]kvm.Request{
	kvm.ReqGetRegs: kvm.ReqSetRegs, kvm.ReqGetSregs: kvm.ReqSetSregs, kvm.ReqGetFPU: kvm.ReqSetFPU, kvm.ReqGetXSAVE: kvm.ReqSetXSAVE,
	kvm.ReqGetXCRs: kvm.ReqSetXCRs, kvm.ReqGetDebugRegs: kvm.ReqSetDebugRegs, kvm.ReqGetVCPUEvents: kvm.ReqSetVCPUEvents,
	kvm.ReqGetMPState: kvm.ReqSetMPState, kvm.ReqGetLAPIC: kvm.ReqSetLAPIC, kvm.ReqGetPIT2: kvm.ReqSetPIT2, kvm.ReqGetClock: kvm.ReqSetClock,
}

// Ioctl answers a request.
func (f *Fake) Ioctl(fd int, r kvm.Request, value uintptr, p unsafe.Pointer) (int, syscall.Errno) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.Requests = append(f.Requests, r)
	o := f.fds[fd]
	if o == nil {
		return -1, syscall.EBADF
	}
	var arg []byte
	if p != nil {
		arg = unsafe.Slice((*byte)(p), size(r))
	} else if size(r) != 0 {
		return -1, syscall.EFAULT
	}
	if from, ok := sets[r]; ok {
		clear(arg)
		copy(arg, o.kept[from])
		if r == kvm.ReqGetXCRs && o.kept[from] == nil {
			arg[0], arg[16] = 1, 1
		}
		return 0, 0
	}
	switch r {
	case kvm.ReqGetAPIVersion:
		return f.Version, 0
	case kvm.ReqCheckExtension:
		return f.Caps[kvm.Cap(value)], 0
	case kvm.ReqGetVCPUMmapSize:
		return pageBytes, 0
	case kvm.ReqCreateVM:
		clear(f.Slots)
		return f.file(&object{kind: r}), 0
	case kvm.ReqCreateVCPU:
		if int(value) >= f.Caps[kvm.CapMaxVCPUID] {
			return -1, syscall.EINVAL
		}
		n := &object{kind: r}
		n.cpu = &CPU{ID: int(value), Page: make([]byte, pageBytes), MSRs: maps.Clone(f.MSRs), TSCKHz: f.TSCKHz, fake: f, object: n}
		fd := f.file(n)
		n.cpu.reset()
		return fd, 0
	case kvm.ReqGetSupportedCPUID:
		return list(p, f.CPUID)
	case kvm.ReqGetMSRIndexList:
		return f.indices(p)
	case kvm.ReqGetMSRs, kvm.ReqSetMSRs:
		return o.cpu.transfer(p, r == kvm.ReqSetMSRs)
	case kvm.ReqSetUserMemoryRegion:
		return f.slot(p)
	case kvm.ReqGetDirtyLog:
		return f.dirty(p)
	case kvm.ReqSetGSIRouting:
		f.Routes = append(f.Routes[:0], unsafe.Slice((*kvm.Route)(unsafe.Add(p, size(r))), *(*uint32)(p))...)
		return 0, 0
	case kvm.ReqGetIRQChip, kvm.ReqSetIRQChip:
		return f.chip(arg, r == kvm.ReqSetIRQChip)
	case kvm.ReqIRQLine:
		l := (*[2]uint32)(p)
		f.Lines = append(f.Lines, Line{l[0], l[1] != 0})
		return 0, 0
	case kvm.ReqSignalMSI:
		f.Message = *(*kvm.MSI)(p)
		return 1, 0
	case kvm.ReqRun:
		return f.runCPU(o.cpu)
	case kvm.ReqSetCPUID2:
		return o.setCPUID(p)
	case kvm.ReqSetLAPIC:
		regs := append([]byte(nil), arg...)
		o.cpu.startTimer(regs)
		o.kept[r] = regs
		return 0, 0
	case kvm.ReqSetTSCKHz:
		if uint32(value) != f.TSCKHz && f.Caps[kvm.CapTSCControl] == 0 {
			return -1, syscall.EINVAL
		}
		o.cpu.TSCKHz = uint32(value)
		return 0, 0
	case kvm.ReqGetTSCKHz:
		return int(o.cpu.TSCKHz), 0
	}
	o.kept[r] = append([]byte(nil), arg...)
	return 0, 0
}

// list writes a list of CPUID entries.
func list(p unsafe.Pointer, e []kvm.CPUIDEntry) (int, syscall.Errno) {
	n := (*uint32)(p)
	if int(*n) < len(e) {
		return -1, syscall.E2BIG
	}
	*n = uint32(copy(unsafe.Slice((*kvm.CPUIDEntry)(unsafe.Add(p, 8)), *n), e))
	return 0, 0
}

// setCPUID takes what Linux takes: 80 leaves, as kernels did until 5.11, and no other numbers of linear address bits than there are in long mode.
func (o *object) setCPUID(p unsafe.Pointer) (int, syscall.Errno) {
	const most, addressSizes = 80, 0x8000_0008
	n := *(*uint32)(p)
	if n > most {
		return -1, syscall.E2BIG
	}
	o.cpu.CPUID = append([]kvm.CPUIDEntry(nil), unsafe.Slice((*kvm.CPUIDEntry)(unsafe.Add(p, 8)), n)...)
	if a, _, _, _ := kvm.Answer(o.cpu.CPUID, addressSizes, 0); a>>8&0xff != 0 && a>>8&0xff != 48 && a>>8&0xff != 57 {
		return -1, syscall.EINVAL
	}
	return 0, 0
}

func (f *Fake) indices(p unsafe.Pointer) (int, syscall.Errno) {
	n := (*uint32)(p)
	if int(*n) < len(f.MSRs) {
		return -1, syscall.E2BIG
	}
	out := unsafe.Slice((*uint32)(unsafe.Add(p, 4)), *n)
	*n = 0
	for i := range f.MSRs {
		out[*n] = i
		*n++
	}
	return 0, 0
}

// transfer reads or sets MSRs up to the first that there is not.
func (c *CPU) transfer(p unsafe.Pointer, set bool) (int, syscall.Errno) {
	l := unsafe.Slice((*kvm.MSR)(unsafe.Add(p, 8)), *(*uint32)(p))
	for i := range l {
		v, ok := c.MSRs[l[i].Index]
		if !ok {
			return i, 0
		}
		const tsc = 0x10
		if set && l[i].Index == tsc && c.fake.OnTSC != nil {
			c.MSRs[tsc] = c.fake.OnTSC(v, l[i].Data)
		} else if set {
			c.MSRs[l[i].Index] = l[i].Data
		} else {
			l[i].Data = v
		}
	}
	return len(l), 0
}

// slot is SetUserMemoryRegion, with the kernel's checks.
func (f *Fake) slot(p unsafe.Pointer) (int, syscall.Errno) {
	arg := (*struct {
		slot, flags uint32
		guest, size uint64
		user        unsafe.Pointer
	})(p)
	old, have := f.Slots[arg.slot]
	switch {
	case int(arg.slot) >= f.Caps[kvm.CapNrMemSlots]:
		return -1, syscall.EINVAL
	case arg.size == 0 && !have:
		return -1, syscall.EINVAL
	case arg.size == 0:
		delete(f.Slots, arg.slot)
		return 0, 0
	case arg.flags&kvm.ReadOnly != 0 && f.Caps[kvm.CapReadonlyMem] == 0:
		return -1, syscall.EINVAL
	case have && (len(old.Memory) != int(arg.size) || unsafe.Pointer(&old.Memory[0]) != arg.user || (old.Flags^arg.flags)&kvm.ReadOnly != 0):
		return -1, syscall.EINVAL
	}
	for i, s := range f.Slots {
		if i != arg.slot && arg.guest < s.Guest+uint64(len(s.Memory)) && s.Guest < arg.guest+arg.size {
			return -1, syscall.EEXIST
		}
	}
	f.Slots[arg.slot] = Region{arg.flags, arg.guest, unsafe.Slice((*byte)(arg.user), arg.size)}
	return 0, 0
}

func (f *Fake) dirty(p unsafe.Pointer) (int, syscall.Errno) {
	n := *(*uint32)(p)
	s, ok := f.Slots[n]
	if !ok || s.Flags&kvm.LogDirty == 0 {
		return -1, syscall.ENOENT
	}
	out := unsafe.Slice(*(**uint64)(unsafe.Add(p, 8)), (len(s.Memory)/4096+63)/64)
	clear(out)
	copy(out, f.Dirty[n])
	delete(f.Dirty, n)
	return 0, 0
}

// runCPU is KVM_RUN.
func (f *Fake) runCPU(c *CPU) (int, syscall.Errno) {
	if c.interrupted() {
		return -1, syscall.EINTR
	}
	run := f.Run
	if run == nil {
		run = (*CPU).Wait
	}
	f.mu.Unlock()
	errno := run(c)
	f.mu.Lock()
	c.Runs++
	if errno != 0 {
		return -1, errno
	}
	return 0, 0
}
