package difftest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"unsafe"

	"goemu/decoder"
	"goemu/tcg"
)

// The address space of a test: one page of code, two of data, nothing around them.
// Both are below 2 GiB, so that 32-bit addresses reach them.
const (
	codeBase = 0x10000000
	codeSize = 0x1000
	dataBase = 0x20000000
	dataSize = 0x2000
)

// Outcome of a run other than a vector.
const (
	ended   = -1 // ran to the end
	unknown = -2 // something the harness does not model
)

// codeStart is the RIP at which sequences begin: an offset in CS.
func codeStart(mode decoder.Mode) uint64 {
	if mode == decoder.Mode16 {
		return 0
	}
	return codeBase
}

// state is what a sequence starts from and what it leaves.
type state struct {
	Mode   decoder.Mode
	GPR    [16]uint64
	RIP    uint64
	Flags  uint32 // EFLAGS
	FSBase uint64
	GSBase uint64
	FP     [512]byte // FXSAVE64 image
	AVX    bool      // YMMH counts
	YMMH   [256]byte // bits 255..128 of the YMM registers
	Mem    [dataSize]byte
	Vector int // exception, or ended
}

// host is the traced child.
type host struct {
	pid int
	mem *os.File
	ldt bool // the segments of 16-bit code exist
}

// elf makes an executable whose segments are the code page (RWX) and the data pages (RW), with an
// endless loop as its program.
func elf() []byte {
	le := binary.LittleEndian
	b := make([]byte, 0x2000)
	copy(b, "\x7fELF\x02\x01\x01")
	le.PutUint16(b[16:], 2)  // ET_EXEC
	le.PutUint16(b[18:], 62) // EM_X86_64
	le.PutUint32(b[20:], 1)
	le.PutUint64(b[24:], codeBase)
	le.PutUint64(b[32:], 64)
	le.PutUint16(b[52:], 64)
	le.PutUint16(b[54:], 56)
	le.PutUint16(b[56:], 2)
	segment := func(p []byte, flags uint32, off, addr, filesz, memsz uint64) {
		le.PutUint32(p, 1) // PT_LOAD
		le.PutUint32(p[4:], flags)
		for i, v := range []uint64{off, addr, addr, filesz, memsz, 0x1000} {
			le.PutUint64(p[8+8*i:], v)
		}
	}
	segment(b[64:], 7, 0x1000, codeBase, codeSize, codeSize)
	segment(b[120:], 6, 0x2000, dataBase, 0, dataSize)
	copy(b[0x1000:], "\xeb\xfe")
	return b
}

// newHost starts the child. The calling goroutine stays on its thread from now on.
func newHost(t *testing.T) *host {
	t.Helper()
	runtime.LockOSThread()
	path := filepath.Join(t.TempDir(), "child")
	if err := os.WriteFile(path, elf(), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path)
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	h := &host{pid: cmd.Process.Pid}
	var ws syscall.WaitStatus
	if _, err := syscall.Wait4(h.pid, &ws, 0, nil); err != nil || !ws.Stopped() {
		t.Fatalf("child did not stop: %v %#x", err, ws)
	}
	var err error
	if h.mem, err = os.OpenFile(fmt.Sprintf("/proc/%d/mem", h.pid), os.O_RDWR, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		h.mem.Close()
		_ = syscall.Kill(h.pid, syscall.SIGKILL)
		_, _ = syscall.Wait4(h.pid, &ws, 0, nil)
	})
	return h
}

// Requests of ptrace(2) that package syscall lacks.
const (
	ptraceGetFPRegs  = 14
	ptraceSetFPRegs  = 15
	ptraceGetSiginfo = 0x4202
	ptraceGetRegset  = 0x4204
	ptraceSetRegset  = 0x4205

	noteXstate = 0x202 // NT_X86_XSTATE: the XSAVE area in its standard form
)

// In the XSAVE area (SDM vol. 1 13.4).
const (
	xstateBV  = 512
	ymmAt     = 576
	ymmInBV   = 1 << 2
	xsaveArea = 16 << 10 // more than any processor has
)

// xstate moves the XSAVE area; n is its size.
func (h *host) xstate(req uintptr, p []byte) (n int, err error) {
	v := syscall.Iovec{Base: &p[0], Len: uint64(len(p))}
	if _, _, e := syscall.RawSyscall6(syscall.SYS_PTRACE, req, uintptr(h.pid), noteXstate, uintptr(unsafe.Pointer(&v)), 0, 0); e != 0 {
		return 0, e
	}
	return int(v.Len), nil
}

// setYMM and getYMM move the upper halves of the YMM registers.
func (h *host) setYMM(s *state) error {
	var p [xsaveArea]byte
	n, err := h.xstate(ptraceGetRegset, p[:])
	if err != nil {
		return err
	}
	p[xstateBV] |= ymmInBV | 3
	copy(p[ymmAt:], s.YMMH[:])
	_, err = h.xstate(ptraceSetRegset, p[:n])
	return err
}

func (h *host) getYMM(s *state) error {
	var p [xsaveArea]byte
	if _, err := h.xstate(ptraceGetRegset, p[:]); err != nil {
		return err
	}
	clear(s.YMMH[:])
	if p[xstateBV]&ymmInBV != 0 {
		copy(s.YMMH[:], p[ymmAt:])
	}
	return nil
}

// Selectors of Linux.
const (
	userCS32 = 0x23
	userDS   = 0x2b
	userCS64 = 0x33

	// In the LDT: code, data, and the second page of data for ES.
	userCS16 = 0x07
	userDS16 = 0x0f
	userES16 = 0x17
)

// makeLDT makes the child create the segments of 16-bit code, with a limit at the end of the pages.
func (h *host) makeLDT() error {
	if h.ldt {
		return nil
	}
	h.ldt = true
	for i, d := range [][3]uint32{{codeBase, codeSize - 1, 0x44}, {dataBase, dataSize - 1, 0x40}, {dataBase + dataSize/2, dataSize/2 - 1, 0x40}} {
		desc := make([]byte, 16) // struct user_desc
		for j, v := range []uint32{uint32(i), d[0], d[1], d[2]} {
			binary.LittleEndian.PutUint32(desc[4*j:], v)
		}
		if _, err := h.mem.WriteAt(desc, dataBase); err != nil {
			return err
		}
		r, err := h.exec("\x0f\x05\xcc", func(r *syscall.PtraceRegs) { // syscall; int3
			r.Rax, r.Rdi, r.Rsi, r.Rdx = syscall.SYS_MODIFY_LDT, 0x11, dataBase, 16
		})
		if err == nil && r.Rax != 0 {
			err = syscall.Errno(-int32(r.Rax))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// exec runs 64-bit code of the harness in the child.
func (h *host) exec(code string, set func(*syscall.PtraceRegs)) (r syscall.PtraceRegs, err error) {
	if err := syscall.PtraceGetRegs(h.pid, &r); err != nil {
		return r, err
	}
	r.Rip, r.Rsp, r.Eflags, r.Orig_rax = codeBase, dataBase+dataSize, 0x202, ^uint64(0)
	r.Ss = userDS
	set(&r)
	_, err = h.mem.WriteAt([]byte(code), codeBase)
	err = errors.Join(err, syscall.PtraceSetRegs(h.pid, &r), syscall.PtraceCont(h.pid, 0))
	if err != nil {
		return r, err
	}
	var ws syscall.WaitStatus
	if _, err = syscall.Wait4(h.pid, &ws, 0, nil); err != nil {
		return r, err
	}
	return r, syscall.PtraceGetRegs(h.pid, &r)
}

// setCS changes the mode in which the child goes on.
func (h *host) setCS(sel uintptr) error {
	_, _, e := syscall.RawSyscall6(syscall.SYS_PTRACE, syscall.PTRACE_POKEUSR, uintptr(h.pid), unsafe.Offsetof(syscall.PtraceRegs{}.Cs), sel, 0, 0)
	if e != 0 {
		return e
	}
	return nil
}

func (h *host) ptrace(req uintptr, p unsafe.Pointer) error {
	if _, _, e := syscall.RawSyscall6(syscall.SYS_PTRACE, req, uintptr(h.pid), 0, uintptr(p), 0, 0); e != 0 {
		return e
	}
	return nil
}

// run executes code, which ends with INT3, from s, and updates s.
func (h *host) run(s *state, code []byte) error {
	var r syscall.PtraceRegs
	if err := syscall.PtraceGetRegs(h.pid, &r); err != nil {
		return fmt.Errorf("get registers: %w", err)
	}
	if r.Eflags&^(flagMask|0x10202) != 0 {
		// A POPF has set flags that ptrace cannot clear.
		if _, err := h.exec("\x68\x02\x02\x00\x00\x9d\xcc", func(*syscall.PtraceRegs) {}); err != nil { // push 0x202; popf; int3
			return fmt.Errorf("clear flags: %w", err)
		}
	}
	gprs := []*uint64{&r.Rax, &r.Rcx, &r.Rdx, &r.Rbx, &r.Rsp, &r.Rbp, &r.Rsi, &r.Rdi, &r.R8, &r.R9, &r.R10, &r.R11, &r.R12, &r.R13, &r.R14, &r.R15}
	for i, p := range gprs {
		*p = s.GPR[i]
	}
	r.Rip, r.Eflags, r.Fs_base, r.Gs_base = s.RIP, uint64(s.Flags), s.FSBase, s.GSBase
	r.Orig_rax = ^uint64(0)
	r.Ds, r.Es, r.Ss, r.Fs, r.Gs = userDS, userDS, userDS, 0, 0
	if s.Mode == decoder.Mode16 {
		if err := h.makeLDT(); err != nil {
			return fmt.Errorf("modify_ldt: %w", err)
		}
		r.Ds, r.Es, r.Ss, r.Fs, r.Gs = userDS16, userES16, userDS16, userDS16, userDS16
		r.Fs_base, r.Gs_base = dataBase, dataBase
	}
	err := errors.Join(syscall.PtraceSetRegs(h.pid, &r), h.ptrace(ptraceSetFPRegs, unsafe.Pointer(&s.FP)))
	if s.AVX {
		err = errors.Join(err, h.setYMM(s))
	}
	switch s.Mode { // last, as it changes what ptrace takes the registers for
	case decoder.Mode32:
		err = errors.Join(err, h.setCS(userCS32))
	case decoder.Mode16:
		err = errors.Join(err, h.setCS(userCS16))
	}
	if err != nil {
		return fmt.Errorf("set registers: %w", err)
	}
	if _, err := h.mem.WriteAt(code, codeBase); err != nil {
		return fmt.Errorf("write code: %w", err)
	}
	if _, err := h.mem.WriteAt(s.Mem[:], dataBase); err != nil {
		return fmt.Errorf("write data: %w", err)
	}
	if err := syscall.PtraceCont(h.pid, 0); err != nil {
		return fmt.Errorf("continue: %w", err)
	}
	var ws syscall.WaitStatus
	if _, err := syscall.Wait4(h.pid, &ws, 0, nil); err != nil || !ws.Stopped() {
		return fmt.Errorf("wait: %v, status %#x", err, ws)
	}
	var info [128]byte
	err = errors.Join(h.setCS(userCS64), h.ptrace(ptraceGetSiginfo, unsafe.Pointer(&info)), syscall.PtraceGetRegs(h.pid, &r),
		h.ptrace(ptraceGetFPRegs, unsafe.Pointer(&s.FP)))
	if s.AVX {
		err = errors.Join(err, h.getYMM(s))
	}
	if err != nil {
		return fmt.Errorf("get registers: %w", err)
	}
	if _, err := h.mem.ReadAt(s.Mem[:], dataBase); err != nil {
		return fmt.Errorf("read data: %w", err)
	}
	for i, p := range gprs {
		s.GPR[i] = *p
	}
	if s.Mode == decoder.Mode16 {
		s.GPR[4] = uint64(uint32(s.GPR[4])) // above is what Linux needed to load ESP with a 16-bit stack segment
	}
	s.RIP, s.Flags = r.Rip, uint32(r.Eflags)
	s.Vector = vector(ws.StopSignal(), int32(binary.LittleEndian.Uint32(info[8:])))
	return nil
}

// vector turns a signal of Linux back into the exception.
func vector(sig syscall.Signal, code int32) int {
	const kernel, intDiv, adrAln = 0x80, 1, 1
	switch {
	case sig == syscall.SIGTRAP && code == kernel:
		return ended
	case sig == syscall.SIGFPE && code == intDiv:
		return tcg.VectorDE
	case sig == syscall.SIGFPE:
		return tcg.VectorMF // or #XM
	case sig == syscall.SIGBUS && code == adrAln:
		return tcg.VectorAC
	case sig == syscall.SIGILL:
		return tcg.VectorUD
	case sig == syscall.SIGSEGV && code == kernel:
		return tcg.VectorGP
	case sig == syscall.SIGSEGV:
		return tcg.VectorPF
	case sig == syscall.SIGBUS && code == kernel:
		return tcg.VectorSS
	}
	return unknown
}
