package x86

import (
	"math/rand/v2"
	"testing"

	"goemu/emu/inspect"

	"github.com/google/go-cmp/cmp"
)

// A CPU that has taken another's state gives the same.
func TestTransfer(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 7))
		var want, got Transfer
		a, b := newMachine(t), newMachine(t)
		a.Give(&want)
		for i := range want.GPR {
			want.GPR[i] = r.Uint64()
		}
		for i := range 16 {
			for k := range 4 {
				want.Vec[i][k] = r.Uint64()
			}
		}
		want.RIP, want.RFLAGS = r.Uint64()&0xffff, r.Uint64()&0xcd5|2
		want.CR0, want.CR2, want.CR3 = 0x8005_0033, r.Uint64(), 0x1000
		want.CR4, want.EFER = 0x620, 0xd01
		want.Seg[inspect.CS] = inspect.Segment{Selector: 0x10, Limit: 0xffff_ffff, Attr: 0xa09b}
		want.Seg[inspect.GS].Base = 0xffff_8000_0000_0000
		want.LSTAR, want.STAR, want.KernelGSBase = r.Uint64(), r.Uint64(), r.Uint64()
		want.NMIMasked, want.NMIPending = true, seed&1 != 0
		want.Inhibit, want.ShadowSS = seed&2 != 0, seed&6 == 6
		want.X87.FCW, want.X87.FSW, want.X87.FTW = 0x37f, 0x3800, 0x3fff
		want.X87.ST[0] = inspect.Float80{Significand: 1<<63 | r.Uint64(), Exponent: 0x3fff}
		want.MXCSR = 0x1fa0
		want.State = inspect.CPUState(Halted)
		b.Take(&want)
		b.Give(&got)
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("seed %d: (-given +taken)\n%s", seed, d)
		}
		if b.Pending() {
			t.Error("an exception waits")
		}
	}
}
