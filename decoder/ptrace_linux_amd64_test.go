package decoder

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The host CPU as an oracle. A stopped child gets two pages of code, the second
// without any access right; an instruction that lies against the end of the first tells its
// length: one byte too few, and the CPU faults in fetching from the second page.
const (
	hostCode  = 0x1000_0000 // two code pages
	hostEnd   = hostCode + 2*4096
	hostData  = 0x2000_0000 // readable, writable; registers point into it
	hostDataN = 1 << 20
)

// host is the traced child.
type host struct {
	pid  int
	mem  *os.File
	regs [3]unix.PtraceRegs // by Mode: what to start with
	cs16 int64              // code segment base of 16-bit mode
}

// outcome is what an instruction did.
type outcome uint8

const (
	ran       outcome = iota // executed, or faulted in executing
	undefined                // #UD
	fetch                    // the CPU wanted bytes beyond hostEnd
)

func (o outcome) String() string { return [...]string{"runs", "#UD", "needs more bytes"}[o] }

// startHost starts the child and locks the goroutine to its thread, as ptrace wants.
func startHost(t *testing.T) *host {
	t.Helper()
	runtime.LockOSThread()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p, err := os.StartProcess(exe, []string{exe}, &os.ProcAttr{Sys: &unix.SysProcAttr{Ptrace: true, Pdeathsig: unix.SIGKILL}})
	if err != nil {
		t.Fatalf("start traced child: %v", err)
	}
	h := &host{pid: p.Pid}
	t.Cleanup(func() {
		h.mem.Close()
		_ = p.Kill()
		_, _ = p.Wait()
		runtime.UnlockOSThread()
	})
	if h.mem, err = os.OpenFile(fmt.Sprintf("/proc/%d/mem", h.pid), os.O_RDWR, 0); err != nil {
		t.Fatal(err)
	}
	var ws unix.WaitStatus
	if _, err := unix.Wait4(h.pid, &ws, 0, nil); err != nil {
		t.Fatal(err)
	}
	const rw, fixed = unix.PROT_READ | unix.PROT_WRITE, unix.MAP_PRIVATE | unix.MAP_ANONYMOUS | unix.MAP_FIXED
	h.syscall(t, unix.SYS_MMAP, hostCode, 2*4096, rw|unix.PROT_EXEC, fixed)
	h.syscall(t, unix.SYS_MMAP, hostEnd, 4096, unix.PROT_NONE, fixed)
	h.syscall(t, unix.SYS_MMAP, hostData, hostDataN, rw, fixed)
	h.makeLDT(t)
	var r unix.PtraceRegs
	if err := unix.PtraceGetRegs(h.pid, &r); err != nil {
		t.Fatal(err)
	}
	at := uint64(hostData + hostDataN/2)
	for i, p := range []*uint64{&r.Rax, &r.Rcx, &r.Rdx, &r.Rbx, &r.Rsp, &r.Rbp, &r.Rsi, &r.Rdi, &r.R8, &r.R9, &r.R10, &r.R11, &r.R12, &r.R13, &r.R14, &r.R15} {
		*p = at + uint64(i)*256
	}
	r.Rcx = 3
	r.Orig_rax = ^uint64(0)
	h.regs[Mode64] = r
	r.Cs = 0x23
	h.regs[Mode32] = r
	r.Cs = 7 // LDT, entry 0
	h.regs[Mode16] = r
	return h
}

// makeLDT gives the child a 16-bit code segment in its LDT.
func (h *host) makeLDT(t *testing.T) {
	t.Helper()
	h.cs16 = hostEnd - 0x8000
	type userDesc struct{ entry, base, limit, flags uint32 }
	// contents 2 (code), limit 64 KiB
	d := userDesc{0, uint32(h.cs16), 0xFFFF, 2 << 1}
	if _, err := h.mem.WriteAt(unsafe.Slice((*byte)(unsafe.Pointer(&d)), unsafe.Sizeof(d)), hostData); err != nil {
		t.Fatal(err)
	}
	h.syscall(t, unix.SYS_MODIFY_LDT, 0x11, hostData, uint64(unsafe.Sizeof(d)), 0)
}

// syscall makes the child do a system call.
func (h *host) syscall(t *testing.T, nr, a, b, c, d uint64) {
	t.Helper()
	var r unix.PtraceRegs
	if err := unix.PtraceGetRegs(h.pid, &r); err != nil {
		t.Fatal(err)
	}
	if _, err := unix.PtracePokeText(h.pid, uintptr(r.Rip), []byte{0x0F, 0x05}); err != nil {
		t.Fatal(err)
	}
	s := r
	s.Rax, s.Rdi, s.Rsi, s.Rdx, s.R10, s.R8, s.R9 = nr, a, b, c, d, ^uint64(0), 0
	if err := unix.PtraceSetRegs(h.pid, &s); err != nil {
		t.Fatal(err)
	}
	if err := unix.PtraceSingleStep(h.pid); err != nil {
		t.Fatal(err)
	}
	var ws unix.WaitStatus
	if _, err := unix.Wait4(h.pid, &ws, 0, nil); err != nil {
		t.Fatal(err)
	}
	if err := unix.PtraceGetRegs(h.pid, &s); err != nil {
		t.Fatal(err)
	}
	if e := int64(s.Rax); e < 0 && e > -4096 {
		t.Fatalf("system call %d in the child: %v", nr, unix.Errno(-e))
	}
	if err := unix.PtraceSetRegs(h.pid, &r); err != nil {
		t.Fatal(err)
	}
}

// siginfo is the part of the kernel's siginfo_t for faults.
type siginfo struct {
	signo, errno, code, _ int32
	addr                  uint64
	_                     [104]byte
}

// step runs code, n of its bytes before hostEnd and the rest dropped.
func (h *host) step(code []byte, n int, mode Mode) (outcome, error) {
	if _, err := h.mem.WriteAt(code[:n], int64(hostEnd-n)); err != nil {
		return 0, err
	}
	r := h.regs[mode]
	r.Rip = uint64(hostEnd - n)
	if mode == Mode16 {
		r.Rip -= uint64(h.cs16)
	}
	err := unix.PtraceSetRegs(h.pid, &r)
	if err == unix.EIO { // the kernel takes 64-bit registers only while CS is a 64-bit segment
		if _, err := unix.PtracePokeUser(h.pid, unsafe.Offsetof(r.Cs), binary.LittleEndian.AppendUint64(nil, h.regs[Mode64].Cs)); err != nil {
			return 0, fmt.Errorf("set CS: %w", err)
		}
		err = unix.PtraceSetRegs(h.pid, &r)
	}
	if err != nil {
		return 0, fmt.Errorf("set registers: %w", err)
	}
	if err := unix.PtraceSingleStep(h.pid); err != nil {
		return 0, fmt.Errorf("step: %w", err)
	}
	var ws unix.WaitStatus
	if _, err := unix.Wait4(h.pid, &ws, 0, nil); err != nil {
		return 0, err
	}
	if !ws.Stopped() {
		return 0, fmt.Errorf("child ended: %#x", ws)
	}
	switch ws.StopSignal() {
	case unix.SIGILL:
		return undefined, nil
	case unix.SIGSEGV:
		var si siginfo
		if _, _, e := unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_GETSIGINFO, uintptr(h.pid), 0, uintptr(unsafe.Pointer(&si)), 0, 0); e != 0 {
			return 0, fmt.Errorf("siginfo: %w", e)
		}
		if si.code > 0 && si.code != 0x80 && si.addr == hostEnd {
			return fetch, nil
		}
	}
	return ran, nil
}

// hostFeatures is what the host has, as the kernel's flags say.
func hostFeatures(t *testing.T) map[Feature]bool {
	t.Helper()
	b, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		t.Fatal(err)
	}
	_, b, _ = bytes.Cut(b, []byte("flags"))
	b, _, _ = bytes.Cut(b, []byte("\n"))
	flags := map[string]bool{}
	for _, f := range bytes.Fields(b) {
		flags[string(f)] = true
	}
	have := map[Feature]bool{}
	for f := range numFeatures {
		have[f] = true
	}
	for f, name := range map[Feature]string{
		FeatSSE3: "pni", FeatSSSE3: "ssse3", FeatSSE41: "sse4_1", FeatSSE42: "sse4_2", FeatSSE4A: "sse4a", FeatPOPCNT: "popcnt", FeatLZCNT: "abm",
		FeatBMI1: "bmi1", FeatBMI2: "bmi2", FeatADX: "adx", FeatMOVBE: "movbe", FeatAES: "aes", FeatPCLMUL: "pclmulqdq", FeatSHA: "sha_ni", FeatGFNI: "gfni",
		FeatVAES: "vaes", FeatVPCLMUL: "vpclmulqdq", FeatAVX: "avx", FeatAVX2: "avx2", FeatFMA: "fma", FeatF16C: "f16c", FeatAVXVNNI: "avx_vnni", FeatAVXIFMA: "avx_ifma",
		FeatAVX512F: "avx512f", FeatAVX512CD: "avx512cd", FeatAVX512BW: "avx512bw", FeatAVX512DQ: "avx512dq", FeatAVX512VNNI: "avx512_vnni", FeatAVX512IFMA: "avx512ifma",
		FeatAVX512VBMI: "avx512vbmi", FeatAVX512VBMI2: "avx512_vbmi2", FeatAVX512BITALG: "avx512_bitalg", FeatAVX512VPOPCNTDQ: "avx512_vpopcntdq", FeatAVX512BF16: "avx512_bf16",
		FeatRDTSCP: "rdtscp", FeatRDPID: "rdpid", FeatRDRAND: "rdrand", FeatRDSEED: "rdseed", FeatFSGSBASE: "fsgsbase", FeatSMAP: "smap", FeatINVPCID: "invpcid",
		FeatPKU: "ospke", FeatRTM: "rtm", FeatXSAVE: "xsave", FeatXSAVEOPT: "xsaveopt", FeatXSAVEC: "xsavec", FeatXSAVES: "xsaves", FeatCLFLUSHOPT: "clflushopt", FeatCLWB: "clwb",
		FeatCLZERO: "clzero", FeatWBNOINVD: "wbnoinvd", FeatMOVDIRI: "movdiri", FeatMOVDIR64B: "movdir64b", FeatSERIALIZE: "serialize", FeatCX16: "cx16",
		FeatSMX: "smx", FeatSGX: "sgx", FeatVMX: "vmx", FeatSVM: "svm", FeatMONITOR: "monitor", FeatMONITORX: "mwaitx",
	} {
		have[f] = flags[name]
	}
	return have
}
