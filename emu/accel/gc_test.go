//go:build linux

package accel_test

import (
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// patience bounds waits. It decides no test that is right.
const patience = 10 * time.Minute

// within fails the test if f takes unreasonably long.
func within(t *testing.T, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { f(); close(done) }()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatalf("%s does not come to an end", what)
	}
}

// A guest that jumps to itself keeps neither the garbage collector nor a request to stop waiting.
func TestSpinningGuest(t *testing.T) {
	for name, src := range map[string]string{
		"jmp $":              "jmp $",
		"two blocks":         "a: jmp b\nalign 64\nb: jmp a",
		"indirect jumps":     "mov eax, a\na: jmp rax",
		"call and ret":       "a: call f\njmp a\nf: ret",
		"forward, flags die": "a: cmp eax, 1\nje b\nb: cmp eax, 2\njmp a",
		"loop of stores":     "a: inc dword [SCRATCH]\njnz a\njmp a",
		"rep movsb":          "a: mov esi, SCRATCH\nmov edi, SCRATCH+0x1000\nmov ecx, 0x1000\nrep movsb\njmp a",
		"port":               "a: in al, 0x80\njmp a",
	} {
		t.Run(name, func(t *testing.T) {
			for _, native := range engines() {
				p := program{bits: 64, src: src, limit: 1 << 60}
				w := p.start(t, native)
				done := make(chan struct{})
				go func() { w.eng.Run(); close(done) }()
				within(t, engineName(native)+": garbage collection", func() {
					for range 5 {
						runtime.GC()
					}
				})
				within(t, engineName(native)+": stopping the world", func() {
					for range 20 {
						runtime.ReadMemStats(new(runtime.MemStats))
					}
				})
				w.stop.Store(true)
				atomic.StoreUint32(&w.env.ExitReq, 1)
				within(t, engineName(native)+": the run", func() { <-done })
				w.close()
			}
		})
	}
}

// stressed computes over and over what the test knows: integers in registers and memory, SSE, AVX, x87, calls, string moves, faults that a
// handler mends, TLB flushes. A wrong value ends it.
const stressed = `
	gate64 6, ud
	mov rax, cr4
	bts eax, 18             ; OSXSAVE
	mov cr4, rax
	xor ecx, ecx
	xor edx, edx
	mov eax, 7              ; x87, SSE, AVX
	xsetbv
	mov eax, 3
	mov [SCRATCH+64], rax
	vpbroadcastq ymm8, [SCRATCH+64]
	mov eax, 1
	movd xmm7, eax
	cvtdq2pd xmm7, xmm7
	fld1
	xor r15d, r15d
again:	mov ecx, 2000
	xor eax, eax
	xor r8d, r8d
	pxor xmm0, xmm0
	vpxor xmm9, xmm9, xmm9
	vpxor xmm10, xmm10, xmm10
	fldz
.l:	add eax, ecx
	adc r8, rcx
	mov [SCRATCH], eax
	xor edx, edx
	xadd [SCRATCH], edx
	cmp edx, eax
	jne bad
	addsd xmm0, xmm7
	fadd st0, st1
	vpaddq ymm9, ymm9, ymm8
	paddq xmm10, xmm9       ; leaves the upper half alone
	vpsubq ymm10, ymm10, ymm9
	call f
	dec ecx
	jnz .l
	cmp eax, 2001000
	jne bad
	cvttsd2si ebx, xmm0
	cmp ebx, 2000
	jne bad
	fistp dword [SCRATCH+16]
	cmp dword [SCRATCH+16], 2000
	jne bad
	ud2
	cmp r14d, 77
	jne bad
	mov rax, cr3
	mov cr3, rax
	vextracti128 xmm1, ymm9, 1
	vpcmpeqq ymm2, ymm9, ymm1
	vpmovmskb eax, xmm2
	cmp eax, 0xffff
	jne bad
	vpextrq rax, xmm1, 1
	cmp rax, 2000*3
	jne bad
	vptest xmm10, xmm10     ; added and subtracted
	jnz bad
	vextracti128 xmm1, ymm10, 1
	vmovq rax, xmm1
	cmp rax, -6003000
	jne bad
	test r15b, 1
	jz .u
	vzeroupper
	vextracti128 xmm1, ymm9, 1
	vptest xmm1, xmm1
	jnz bad
	vpbroadcastq ymm8, [SCRATCH+64]
.u:
	mov esi, again
	mov edi, SCRATCH+0x100
	mov ecx, 64
	rep movsd
	inc r15
	jmp again
f:	push rax
	lea rax, [rsp]
	cmp rax, rsp
	jne bad
	pop rax
	ret
ud:	mov r14d, 77
	add qword [rsp], 2
	iretq
bad:	mov r13d, 0xbad
	hlt`

// Generated code runs under all that the Go runtime does to its threads: garbage collection, preemption, profiling
// signals, and a storm of the signal that asks for preemption. GOEMU_STRESS=1 runs it for a minute.
func TestRuntimeStress(t *testing.T) {
	length := time.Second
	if os.Getenv("GOEMU_STRESS") != "" {
		length = time.Minute
	}
	for _, native := range engines() {
		t.Run(engineName(native), func(t *testing.T) { stress(t, native, length) })
	}
}

func stress(t *testing.T, native bool, length time.Duration) {
	defer debug.SetGCPercent(debug.SetGCPercent(5))
	if err := pprof.StartCPUProfile(io.Discard); err == nil {
		defer pprof.StopCPUProfile()
	}
	p := program{bits: 64, src: stressed, limit: 1 << 60}
	w := p.start(t, native)
	defer w.close()
	var stop atomic.Bool
	var all sync.WaitGroup
	loop := func(f func()) {
		all.Add(1)
		go func() {
			defer all.Done()
			for !stop.Load() {
				f()
			}
		}()
	}
	tid := make(chan int, 1)
	done := make(chan struct{})
	go func() {
		runtime.LockOSThread()
		tid <- unix.Gettid()
		w.eng.Run()
		close(done)
	}()
	thread := <-tid
	var signals, collections atomic.Int64
	loop(func() { runtime.GC(); collections.Add(1) })
	loop(func() {
		for range 50 {
			unix.Tgkill(os.Getpid(), thread, unix.SIGURG)
			signals.Add(1)
		}
		time.Sleep(200 * time.Microsecond)
	})
	var sink atomic.Pointer[[]byte]
	loop(func() {
		for range 100 {
			b := make([]byte, 4096)
			sink.Store(&b)
		}
		runtime.Gosched()
	})
	// On a busy host all of it may take its time to begin.
	begun := func() bool {
		return atomic.LoadUint64(&w.env.GPR[15]) != 0 && collections.Load() != 0 && signals.Load() != 0
	}
	over := false
	for start := time.Now(); !over && (time.Since(start) < length || !begun() && time.Since(start) < patience); {
		select {
		case <-time.After(length / 100):
		case <-done:
			over = true
			t.Errorf("the guest has stopped: RIP %#x R13 %#x, %v", w.env.RIP, w.env.GPR[13], tail(w.history))
		}
	}
	stop.Store(true)
	w.stop.Store(true)
	atomic.StoreUint32(&w.env.ExitReq, 1)
	within(t, "the run", func() { <-done })
	all.Wait()
	if w.env.GPR[13] != 0 {
		t.Errorf("the guest has computed something wrong; R15 %d", w.env.GPR[15])
	}
	if !begun() {
		t.Errorf("%d rounds of the guest, %d collections, %d signals: not much of a test", w.env.GPR[15], collections.Load(), signals.Load())
	}
	t.Logf("%d rounds of the guest, %d collections, %d signals", w.env.GPR[15], collections.Load(), signals.Load())
}
