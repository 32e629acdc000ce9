package x86

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"syscall"
	"testing"
	"unsafe"

	"goemu/decoder"
	"goemu/mmu"
	"goemu/tcg"
	"goemu/tcg/softfloat/hostcpu"
	"goemu/tests/seed"
)

// An avxHost runs instructions on the host beside the CPU under test, with a page of memory each, after which nothing is mapped.
type avxHost struct {
	*hostcpu.CPU
	m    *machine
	r    *rand.Rand
	page []byte
}

// pageAt is where the page is in the machine.
const pageAt = dataAt

func newAVXHost(t *testing.T) *avxHost {
	c, err := hostcpu.New()
	if err != nil {
		t.Fatal(err)
	}
	info, _ := os.ReadFile("/proc/cpuinfo")
	if !bytes.Contains(info, []byte(" avx2 ")) || !bytes.Contains(info, []byte(" xsavec ")) {
		t.Skip("the host has no AVX2 or no XSAVEC")
	}
	area, err := syscall.Mmap(-1, 0, 2*mmu.PageSize, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mprotect(area[mmu.PageSize:], syscall.PROT_NONE); err != nil {
		t.Fatal(err)
	}
	m := newMachine(t).sse()
	m.put(pte(pageAt+mmu.PageSize), 8, 0)
	m.xcr0 = compX87 | compSSE | compAVX
	return &avxHost{CPU: c, m: m, r: rand.New(rand.NewPCG(seed.Of(t), 2)), page: area[:mmu.PageSize]}
}

// cases is the number of cases a row.
func avxCases() int {
	n, err := strconv.Atoi(os.Getenv("GOEMU_CASES"))
	if err != nil {
		n = 400
	}
	return n
}

// vector gives a random vector register's half; often 0.
func (h *avxHost) vector() (v tcg.Vec128) {
	if h.r.IntN(4) != 0 {
		v = tcg.Vec128{h.r.Uint64(), h.r.Uint64()}
	}
	return v
}

// randomise gives both the same registers and memory. RBX is an offset in the page, made an address.
func (h *avxHost) randomise(rbx uint64) {
	e, s := h.m.env, h.State
	for i := range 16 {
		e.XMM[i], e.YMMH[i] = h.vector(), h.vector()
	}
	e.MXCSR = []uint32{mxcsrInit, mxcsrInit | uint32(h.r.IntN(4))<<13 | 1}[h.r.IntN(2)]
	e.GPR = [16]uint64{regBX: pageAt + rbx, regSP: stackAt}
	e.CC = tcg.CCFixed
	h.m.settleYMM()
	for i := range h.page {
		h.page[i] = byte(h.r.Uint32())
	}
	copy(h.m.ram[pageAt:], h.page)
	h.copyOut()
	s.GPR[regBX] = uint64(uintptr(unsafe.Pointer(&h.page[0]))) + rbx
}

func (h *avxHost) copyOut() {
	e, s := h.m.env, h.State
	le := binary.LittleEndian
	for i := range 16 {
		for k := range 2 {
			le.PutUint64(s.FX[fxXMM+16*i+8*k:], e.XMM[i][k])
			le.PutUint64(s.YMMH[i][8*k:], e.YMMH[i][k])
		}
	}
	le.PutUint32(s.FX[fxMXCSR:], e.MXCSR)
	s.GPR = e.GPR
	s.Flags = 2
}

// run runs code on both and compares vectors and memory; what tells of a difference.
func (h *avxHost) run(code []byte) (what string) {
	h.Load(code, -1)
	h.RunFaulting()
	h.m.env.RIP = codeAt
	h.m.exec(code...)
	vector, _ := h.m.fault()
	switch want := h.State.Trapped; {
	case want == 0 && vector >= 0, want == uint64(syscall.SIGSEGV) && vector != vecPF && vector != vecGP, want == uint64(syscall.SIGILL) && vector != vecUD:
		what += fmt.Sprintf("exception %d, host signal %d; ", vector, want)
	}
	le := binary.LittleEndian
	for i := range 16 {
		want := [4]uint64{le.Uint64(h.State.FX[fxXMM+16*i:]), le.Uint64(h.State.FX[fxXMM+16*i+8:]), le.Uint64(h.State.YMMH[i][:]), le.Uint64(h.State.YMMH[i][8:])}
		e := h.m.env
		if got := [4]uint64{e.XMM[i][0], e.XMM[i][1], e.YMMH[i][0], e.YMMH[i][1]}; got != want {
			what += fmt.Sprintf("YMM%d %016x, host %016x; ", i, got, want)
		}
	}
	if m := le.Uint32(h.State.FX[fxMXCSR:]); m != h.m.env.MXCSR {
		what += fmt.Sprintf("MXCSR %x, host %x; ", h.m.env.MXCSR, m)
	}
	return what
}

// VMASKMOVPS and the like, and gathers: masked-out elements do not fault, gathers keep what they did before a fault.
func TestMaskedAccess(t *testing.T) {
	h := newAVXHost(t)
	total := 0
	for _, op := range []struct {
		opcode byte
		w      byte
		gather bool
	}{
		{0x2c, 0, false}, {0x2d, 0, false}, {0x2e, 0, false}, {0x2f, 0, false}, {0x8c, 0, false}, {0x8c, 1, false}, {0x8e, 0, false}, {0x8e, 1, false},
		{0x90, 0, true}, {0x90, 1, true}, {0x91, 0, true}, {0x91, 1, true}, {0x92, 0, true}, {0x92, 1, true}, {0x93, 0, true}, {0x93, 1, true},
	} {
		for range avxCases() {
			l, reg, mask, index := byte(h.r.IntN(2)), byte(h.r.IntN(16)), byte(h.r.IntN(16)), byte(h.r.IntN(16))
			if h.r.IntN(8) != 0 {
				for reg == mask || reg == index || mask == index {
					mask, index = byte(h.r.IntN(16)), byte(h.r.IntN(16))
				}
			}
			h.randomise(uint64(mmu.PageSize - 1 - h.r.IntN(64)))
			code := []byte{0xc4, ^reg>>3&1<<7 | 0x62, op.w<<7 | ^mask&15<<3 | l<<2 | 1, op.opcode, reg&7<<3 | 3} // [rbx]
			if op.gather {
				code[1] ^= index >> 3 << 6
				code[4] = reg&7<<3 | 4
				code = append(code, byte(h.r.IntN(4))<<6|index&7<<3|3) // [rbx+index*scale]
				e := h.m.env
				for k := range 2 { // small indexes, mostly negative
					for _, p := range []*uint64{&e.XMM[index][k], &e.YMMH[index][k]} {
						*p = uint64(int64(h.r.IntN(80) - 70))
						if op.opcode&1 == 0 {
							*p = *p&0xffffffff | uint64(uint32(h.r.IntN(80)-70))<<32
						}
					}
				}
				h.copyOut()
				h.State.GPR[regBX] += uint64(uintptr(unsafe.Pointer(&h.page[0]))) - pageAt
			}
			var in decoder.Inst
			if err := decoder.Decode(code, decoder.Mode64, &in); err != nil { // two of the three registers are the same
				h.Load(code, -1)
				if h.Run(); h.State.Trapped != uint64(syscall.SIGILL) {
					t.Fatalf("% x: %v; host signal %d", code, err, h.State.Trapped)
				}
				continue
			}
			before, ymmh, rbx := h.m.env.XMM, h.m.env.YMMH, h.m.env.GPR[regBX]
			d := h.run(code)
			if !bytes.Equal(h.page, h.m.ram[pageAt:pageAt+mmu.PageSize]) {
				d += "memory differs"
			}
			total++
			if d != "" {
				t.Fatalf("%s % x: %s\n\tmask %x %x index %x %x rbx %x", in.Op, code, d, before[mask], ymmh[mask], before[index], ymmh[index], rbx)
			}
		}
	}
	t.Logf("16 rows, %d cases", total)
}

// XSAVE, XSAVEOPT, XSAVEC and XRSTOR of SSE and AVX state against the host: areas, headers, what is in use, and faults.
func TestXSAVEHost(t *testing.T) {
	h := newAVXHost(t)
	le := binary.LittleEndian
	codes := [][]byte{{0x48, 0x0f, 0xae, 0x23}, {0x48, 0x0f, 0xae, 0x33}, {0x48, 0x0f, 0xc7, 0x23}, {0x48, 0x0f, 0xae, 0x2b}}
	total := 0
	for n, name := range []string{"XSAVE64", "XSAVEOPT64", "XSAVEC64", "XRSTOR64"} {
		for range avxCases() {
			h.randomise(uint64(h.r.IntN(8) * 64))
			// The host tells that registers are in use that have been written, even with 0: let it be true.
			h.m.env.XMM[h.r.IntN(16)][0] |= 1
			h.m.env.YMMH[h.r.IntN(16)][1] |= 1
			h.m.env.GPR[regAX], h.m.env.GPR[regDX] = uint64(h.r.IntN(4))<<1, 0
			area := h.m.env.GPR[regBX] - pageAt
			h.copyOut()
			h.State.GPR[regBX] = uint64(uintptr(unsafe.Pointer(&h.page[0]))) + area
			header := h.page[area+xsHeader:][:64]
			clear(header)
			bv, compBV := uint64(h.r.IntN(4))<<1, uint64(0)
			if h.r.IntN(2) == 0 {
				compBV = compacted | uint64(h.r.IntN(8))
			}
			le.PutUint64(header, bv)
			le.PutUint64(header[8:], compBV)
			if n < 3 {
				le.PutUint64(header, h.r.Uint64())
			} else if h.r.IntN(8) == 0 {
				header[16+h.r.IntN(48)] = 1
			}
			csr := h.r.Uint32() & mxcsrKnown
			if h.r.IntN(8) == 0 {
				csr |= 1 << 16
			}
			le.PutUint32(h.page[area+fxMXCSR:], csr)
			copy(h.m.ram[pageAt:], h.page)
			rfbm := h.m.env.GPR[regAX]
			used := h.m.xinuse()
			d := h.run(codes[n])
			for i, b := range h.page {
				if g := h.m.ram[pageAt+i]; g != b && (i < int(area)+fxMask || i >= int(area)+fxRegs) { // MXCSR_MASK is the model's
					d += fmt.Sprintf("byte %d of the area %x, host %x; ", i-int(area), g, b)
					break
				}
			}
			total++
			if d != "" {
				t.Fatalf("%s: %s\n\tmask %x in use %x header %x %x MXCSR %x", name, d, rfbm, used, bv, compBV, csr)
			}
		}
	}
	t.Logf("4 rows, %d cases", total)
}

// VMASKMOVDQU, VLDMXCSR and VSTMXCSR against the host. Bit 17 of MXCSR is AMD's own.
func TestVEXMoves(t *testing.T) {
	h := newAVXHost(t)
	for n := range avxCases() {
		reg, mask := byte(h.r.IntN(16)), byte(h.r.IntN(16))
		code := [][]byte{
			{0xc4, ^reg>>3&1<<7 | 0x41 | ^mask>>3&1<<5, 0x79, 0xf7, 0xc0 | reg&7<<3 | mask&7}, // vmaskmovdqu to [rdi]
			{0xc5, 0xf8, 0xae, 0x13}, // vldmxcsr [rbx]
			{0xc5, 0xf8, 0xae, 0x1b}, // vstmxcsr [rbx]
		}[n%3]
		off := uint64(mmu.PageSize - 1 - h.r.IntN(32))
		if n%3 == 0 { // whether bytes that are left out fault is up to the processor
			off = uint64(mmu.PageSize - 16 - h.r.IntN(32))
		}
		h.randomise(off)
		copy(h.page[off:], binary.LittleEndian.AppendUint32(nil, h.r.Uint32()&(mxcsrKnown|1<<uint(18+h.r.IntN(64)))))
		copy(h.m.ram[pageAt:], h.page)
		h.m.env.GPR[regDI], h.State.GPR[regDI] = h.m.env.GPR[regBX], h.State.GPR[regBX]
		d := h.run(code)
		if !bytes.Equal(h.page, h.m.ram[pageAt:pageAt+mmu.PageSize]) {
			d += "memory differs"
		}
		if d != "" {
			t.Fatalf("% x: %s", code, d)
		}
	}
}
