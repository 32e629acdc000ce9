package snippet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"goemu/emu/cpumodel"
	"goemu/emu/crosscheck/report"
	"goemu/emu/inspect"
	"goemu/tcg/amd64"
)

// native is the host's CPU: each run is a process of its own, whose memory is the case's, that is traced (ptrace(2)). It cannot do anything to the
// host, as system calls are not made.
type native struct {
	hasAVX bool
	cr4    uint64
}

func openNative() (engine, error) {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return nil, fmt.Errorf("native: %w", err)
	}
	n := native{hasAVX: hasWord(info, "avx") && hasWord(info, "xsave")}
	if hwcap2()&hwcapFSGSBase != 0 {
		n.cr4 = 1 << 16
	}
	return n, nil
}

// hwcapFSGSBase says that CR4.FSGSBASE is set (AT_HWCAP2).
const hwcapFSGSBase = 1 << 1

// hwcap2 reads AT_HWCAP2 of the auxiliary vector, which processes that this one starts have too.
func hwcap2() uint64 {
	const atHWCAP2 = 26
	auxv, _ := os.ReadFile("/proc/self/auxv")
	for ; len(auxv) >= 16; auxv = auxv[16:] {
		if binary.LittleEndian.Uint64(auxv) == atHWCAP2 {
			return binary.LittleEndian.Uint64(auxv[8:])
		}
	}
	return 0
}

func hasWord(text []byte, word string) bool {
	for i := 0; i+len(word) < len(text); i++ {
		if text[i] == ' ' && string(text[i+1:i+1+len(word)]) == word {
			if end := i + 1 + len(word); end == len(text) || text[end] == ' ' || text[end] == '\n' {
				return true
			}
		}
	}
	return false
}

func (n native) offer() offer {
	have := cpumodel.FeaturesOf(amd64.HostCPUID)
	const sce = 1 << 0 // system calls
	return offer{avx: n.hasAVX, features: &have, efer: sce, cr4: n.cr4}
}

func (native) close() error { return nil }

// Of ptrace(2), what package unix lacks.
const (
	ptraceGetSiginfo = 0x4202
	ptraceSysemu     = 31
	noteXstate       = 0x202 // NT_X86_XSTATE: the XSAVE area in its standard form
	traceSysGood     = 1
	exitKill         = 1 << 20
)

// run implements engine.
func (n native) run(im *image) (res *Result, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("native: %w", err)
		}
	}()
	if err := n.can(im); err != nil {
		return nil, err
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	t, err := startTraced(program(im))
	if err != nil {
		return nil, err
	}
	defer t.end()
	if err := t.load(im); err != nil {
		return nil, err
	}
	return t.finish(im)
}

// can tells whether a process can start in the case's state.
func (n native) can(im *image) error {
	c := im.c
	if c.Mode == 16 || c.Ring != 3 {
		return fmt.Errorf("the host's CPU runs user-level code of modes 32, compat32 and 64, not mode %s, ring %d", c.ModeName(), c.Ring)
	}
	for _, a := range im.areas {
		if a.addr < 0x10000 || a.addr >= 0x7000_0000_0000 {
			return fmt.Errorf("a process cannot have memory at %#x", a.addr)
		}
		if !a.page.user {
			return fmt.Errorf("a process has no supervisor pages (at %#x)", a.addr)
		}
	}
	if name := beyondAVX(&im.regs); name != "" {
		return fmt.Errorf("%s is set, and the AVX-512 state it belongs to is not compared here", name)
	}
	usual := c.reset()
	usual.EFER |= n.offer().efer
	for _, d := range report.Registers(&usual, &im.regs, nil) {
		switch name := d.Name; {
		case processSets[name], owned(name):
		case c.Mode == 64 && (name == "fs.base" || name == "gs.base"):
		case name == "rflags":
			const user = 0x240cd5 // ID AC OF DF SF ZF AF PF CF
			if (im.regs.RFLAGS^usual.RFLAGS)&^user != 0 {
				return fmt.Errorf("rflags=%s: a process cannot set more than OF DF SF ZF AF PF CF AC ID", d.B)
			}
		case vector(name):
			if im.regs.XCR0&4 == 0 && name[0] != 'x' {
				return fmt.Errorf("%s is set, and the AVX state it belongs to is not compared here", name)
			}
		default:
			return fmt.Errorf("a process cannot set %s", name)
		}
	}
	return nil
}

// processSets are the registers that a process can set to all values. CR4 and XCR0 have what the AVX state needs.
var processSets = func() map[string]bool {
	m := map[string]bool{"rip": true, "mxcsr": true, "xcr0": true, "cr4": true}
	for _, n := range inspect.GPRNames {
		m[n] = true
	}
	for _, n := range [...]string{"fcw", "fsw", "ftw", "fop", "fip", "fdp"} {
		m[n] = true
	}
	for i := range 8 {
		m[fmt.Sprintf("st%d", i)] = true
	}
	return m
}()

func vector(name string) bool { return len(name) > 3 && name[1:3] == "mm" }

// program makes an executable whose segments are the case's memory (System V ABI, ELF-64). Its first instruction is never reached: the tracer comes first.
func program(im *image) []byte {
	le := binary.LittleEndian
	const header, entry = 64, 56
	le16 := func(p []byte, v int) { le.PutUint16(p, uint16(v)) }
	at := (header + entry*(len(im.areas)+1) + pageSize - 1) &^ (pageSize - 1)
	b := make([]byte, at)
	copy(b, "\x7fELF\x02\x01\x01")
	le16(b[16:], 2)  // ET_EXEC
	le16(b[18:], 62) // EM_X86_64
	le.PutUint32(b[20:], 1)
	le.PutUint64(b[24:], im.code)
	le.PutUint64(b[32:], header)
	le16(b[52:], header)
	le16(b[54:], entry)
	le16(b[56:], len(im.areas)+1)
	put := func(n int, kind, flags uint32, fields ...uint64) {
		p := b[header+n*entry:]
		le.PutUint32(p, kind)
		le.PutUint32(p[4:], flags)
		for i, v := range fields {
			le.PutUint64(p[8+8*i:], v)
		}
	}
	for i, a := range im.areas {
		flags := uint32(4)
		if a.page.write {
			flags |= 2
		}
		if a.page.exec {
			flags |= 1
		}
		put(i, 1, flags, uint64(len(b)), a.addr, a.addr, a.size, a.size, pageSize) // PT_LOAD
		b = append(b, im.ram[a.phys:a.phys+a.size]...)
	}
	put(len(im.areas), 0x6474e551, 6) // PT_GNU_STACK: not executable
	return b
}

// traced is such a process, stopped.
type traced struct {
	pid   int
	late  atomic.Bool
	timer *time.Timer
	gone  bool
}

// startTraced starts a program and stops it before its first instruction. The calling goroutine has to stay on its thread.
func startTraced(program []byte) (*traced, error) {
	fd, err := unix.MemfdCreate("snippet", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("memfd_create: %w", err)
	}
	w := os.NewFile(uintptr(fd), "snippet")
	_, err = w.Write(program)
	// A file that is open for writing cannot be executed.
	r, err2 := os.Open(fmt.Sprintf("/proc/self/fd/%d", fd))
	if err = errors.Join(err, err2, w.Close()); err != nil {
		return nil, err
	}
	defer r.Close()
	for try := 0; ; try++ {
		cmd := exec.Command(fmt.Sprintf("/proc/self/fd/%d", r.Fd()))
		cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true, Pdeathsig: syscall.SIGKILL, Setpgid: true}
		err := cmd.Start()
		if errors.Is(err, syscall.ETXTBSY) && try < 1000 {
			time.Sleep(time.Millisecond) // another thread's child has not closed the writer yet
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("start a traced process: %w", err)
		}
		t := &traced{pid: cmd.Process.Pid}
		_ = cmd.Process.Release()
		ws, err := t.wait()
		if err == nil && !ws.Stopped() {
			err = errors.New("the host's kernel could not map the case's memory")
		}
		if err == nil {
			err = syscall.PtraceSetOptions(t.pid, traceSysGood|exitKill)
		}
		if err != nil {
			t.end()
			return nil, fmt.Errorf("start a traced process: %w", err)
		}
		t.timer = time.AfterFunc(patience, func() {
			t.late.Store(true)
			_ = syscall.Kill(t.pid, syscall.SIGKILL)
		})
		return t, nil
	}
}

func (t *traced) wait() (ws syscall.WaitStatus, err error) {
	for {
		_, err = syscall.Wait4(t.pid, &ws, syscall.WALL, nil)
		if err != syscall.EINTR {
			t.gone = err != nil || ws.Exited() || ws.Signaled()
			return ws, err
		}
	}
}

// end kills the process.
func (t *traced) end() {
	if t.timer != nil {
		t.timer.Stop()
	}
	if !t.gone {
		_ = syscall.Kill(t.pid, syscall.SIGKILL)
		for !t.gone {
			_, _ = t.wait()
		}
	}
}

func (t *traced) ptrace(req, addr uintptr, p unsafe.Pointer) error {
	if _, _, e := syscall.RawSyscall6(syscall.SYS_PTRACE, req, uintptr(t.pid), addr, uintptr(p), 0, 0); e != 0 {
		return e
	}
	return nil
}

// xsave moves the XSAVE area; n is its size.
func (t *traced) xsave(req uintptr, p []byte) (n int, err error) {
	v := syscall.Iovec{Base: &p[0], Len: uint64(len(p))}
	err = t.ptrace(req, noteXstate, unsafe.Pointer(&v))
	return int(v.Len), err
}

func gprs(r *syscall.PtraceRegs) [16]*uint64 {
	return [16]*uint64{&r.Rax, &r.Rcx, &r.Rdx, &r.Rbx, &r.Rsp, &r.Rbp, &r.Rsi, &r.Rdi, &r.R8, &r.R9, &r.R10, &r.R11, &r.R12, &r.R13, &r.R14, &r.R15}
}

// setCS changes the mode in which the process goes on. It is the last that is set, as the kernel then takes the registers for those of that mode.
func (t *traced) setCS(sel uint16) error {
	v := uintptr(sel)
	if _, _, e := syscall.RawSyscall6(syscall.SYS_PTRACE, syscall.PTRACE_POKEUSR, uintptr(t.pid), unsafe.Offsetof(syscall.PtraceRegs{}.Cs), v, 0, 0); e != 0 {
		return e
	}
	return nil
}

// endCS gives CS, in the state in which the process has stopped, and has the kernel give all other registers as those of 64-bit mode: far transfers change the mode.
func (t *traced) endCS() (sel uint16, err error) {
	var v uint64
	if err = t.ptrace(syscall.PTRACE_PEEKUSR, unsafe.Offsetof(syscall.PtraceRegs{}.Cs), unsafe.Pointer(&v)); err == nil && v != selUser64 {
		err = t.setCS(selUser64)
	}
	return uint16(v), err
}

// load sets the registers.
func (t *traced) load(im *image) error {
	var r syscall.PtraceRegs
	if err := syscall.PtraceGetRegs(t.pid, &r); err != nil {
		return fmt.Errorf("get registers: %w", err)
	}
	from := &im.regs
	for i, p := range gprs(&r) {
		*p = from.GPR[i]
	}
	r.Rip, r.Eflags, r.Orig_rax = from.RIP, from.RFLAGS, ^uint64(0)
	for i, p := range [6]*uint64{inspect.ES: &r.Es, inspect.CS: nil, inspect.SS: &r.Ss, inspect.DS: &r.Ds, inspect.FS: &r.Fs, inspect.GS: &r.Gs} {
		if p != nil {
			*p = uint64(from.Seg[i].Selector)
		}
	}
	r.Fs_base, r.Gs_base = from.Seg[inspect.FS].Base, from.Seg[inspect.GS].Base
	area := make([]byte, xsaveMax)
	n, err := t.xsave(unix.PTRACE_GETREGSET, area)
	if err != nil {
		return fmt.Errorf("get the FPU's registers: %w", err)
	}
	putXSAVE(area, from)
	if _, err = t.xsave(unix.PTRACE_SETREGSET, area[:n]); err == nil {
		err = syscall.PtraceSetRegs(t.pid, &r)
	}
	if err == nil && im.c.Mode == 32 {
		err = t.setCS(selUser32)
	}
	if err != nil {
		return fmt.Errorf("set registers: %w", err)
	}
	return nil
}

// finish lets the process run, and reads what it left.
func (t *traced) finish(im *image) (*Result, error) {
	if err := t.ptrace(ptraceSysemu, 0, nil); err != nil {
		return nil, fmt.Errorf("continue: %w", err)
	}
	ws, err := t.wait()
	switch {
	case err != nil:
		return nil, fmt.Errorf("wait: %w", err)
	case t.gone && t.late.Load():
		res := &Result{Engine: "native", End: End{Kind: Endless}, Regs: im.regs, RAM: append([]byte(nil), im.ram...)}
		im.settle(res)
		return res, nil
	case t.gone:
		return nil, fmt.Errorf("the process ended by itself: status %#x", ws)
	case ws.StopSignal() == syscall.SIGTRAP|0x80:
		return nil, errors.New("the snippet calls the host's kernel, which is not done")
	}
	t.timer.Stop()
	var info [128]byte
	var r syscall.PtraceRegs
	area := make([]byte, xsaveMax)
	cs, err := t.endCS()
	err = errors.Join(err, t.ptrace(ptraceGetSiginfo, 0, unsafe.Pointer(&info)), syscall.PtraceGetRegs(t.pid, &r))
	if err == nil {
		_, err = t.xsave(unix.PTRACE_GETREGSET, area)
	}
	if err != nil {
		return nil, fmt.Errorf("get registers: %w", err)
	}
	res := &Result{Engine: "native", Regs: im.regs, RAM: append([]byte(nil), im.ram...)}
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", t.pid))
	if err != nil {
		return nil, err
	}
	defer mem.Close()
	for _, a := range im.areas {
		if _, err := mem.ReadAt(res.RAM[a.phys:a.phys+a.size], int64(a.addr)); err != nil {
			return nil, fmt.Errorf("read memory at %#x: %w", a.addr, err)
		}
	}
	to := &res.Regs
	for i, p := range gprs(&r) {
		to.GPR[i] = *p
	}
	to.RIP, to.RFLAGS = r.Rip, r.Eflags
	for i, v := range [6]uint64{inspect.ES: r.Es, inspect.CS: uint64(cs), inspect.SS: r.Ss, inspect.DS: r.Ds, inspect.FS: r.Fs, inspect.GS: r.Gs} {
		im.restore(to, i, uint16(v), &im.regs, false)
	}
	if im.c.Mode == 64 {
		to.Seg[inspect.FS].Base, to.Seg[inspect.GS].Base = r.Fs_base, r.Gs_base
	}
	getXSAVE(area, to)
	code, addr := int32(binary.LittleEndian.Uint32(info[8:])), binary.LittleEndian.Uint64(info[16:])
	v, ok := im.vectorOf(ws.StopSignal(), code, res)
	if !ok {
		return nil, fmt.Errorf("signal %v, code %d: no exception is known by it", ws.StopSignal(), code)
	}
	if v == 14 {
		to.CR2 = addr
	}
	res.End = End{Kind: Exception, Vector: v}
	im.settle(res)
	return res, nil
}

// opcode is the first byte of an instruction behind its prefixes.
func (im *image) opcode(ram []byte, linear uint64) byte {
	const longest = 15
	for i := range uint64(longest) {
		if b := im.read(ram, linear+i); strings.IndexByte("\x26\x2e\x36\x3e\x64\x65\x66\x67\xf2\xf3", b) < 0 {
			return b
		}
	}
	return 0
}

// vectorOf turns a signal of Linux back into the exception.
func (im *image) vectorOf(sig syscall.Signal, code int32, res *Result) (v int, ok bool) {
	const kernel, intDiv, adrAln = 0x80, 1, 1
	rip, m := res.Regs.RIP, res.Regs.MXCSR
	switch sig {
	case syscall.SIGTRAP:
		if code == kernel {
			return 3, true
		}
		return 1, true
	case syscall.SIGFPE:
		switch {
		case code == intDiv:
			return 0, true
		case m&^(m>>7)&0x3f != 0:
			return 19, true
		}
		return 16, true
	case syscall.SIGILL:
		return 6, true
	case syscall.SIGBUS:
		if code == adrAln {
			return 17, true
		}
		return 12, true
	case syscall.SIGSEGV:
		switch {
		case code != kernel && code > 0:
			return 14, true
		case res.Regs.CodeBits() == 32 && im.read(res.RAM, rip-1) == 0xce: // INTO
			return 4, true
		case res.Regs.CodeBits() == 32 && im.opcode(res.RAM, rip) == 0x62: // BOUND
			return 5, true
		}
		return 13, true
	}
	return 0, false
}
