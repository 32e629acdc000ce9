package debuglog

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	if got, err := Parse("in_asm,op_opt"); err != nil || got != InAsm|OpOpt {
		t.Errorf("Parse: %v, %v", got, err)
	}
	if _, err := Parse("in_asm,opp"); err == nil || !strings.Contains(err.Error(), `"opp"`) {
		t.Errorf("the error does not name the unknown item: %v", err)
	}
}

func TestParseRanges(t *testing.T) {
	for _, c := range []struct {
		in   string
		want []Range
	}{
		{"0x1000..0x1fff", []Range{{0x1000, 0x1fff}}},
		{"0x1000+0x200", []Range{{0x1000, 0x11ff}}},
		{"0x1000-0x200", []Range{{0xe01, 0x1000}}},
		{"1..2,3+1", []Range{{1, 2}, {3, 3}}},
		{"0xffffffff81000000+0x1000", []Range{{0xffffffff81000000, 0xffffffff81000fff}}},
		{"5", nil}, {"5..3", nil}, {"5+0", nil}, {"x..y", nil}, {"", nil},
	} {
		got, err := ParseRanges(c.in)
		if (err != nil) != (c.want == nil) {
			t.Errorf("%q: error %v", c.in, err)
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%q: %s", c.in, d)
		}
	}
}

func TestFilter(t *testing.T) {
	l := New(InAsm, io.Discard)
	l.ranges = []Range{{0x100, 0x1ff}}
	for rip, want := range map[uint64]bool{0xff: false, 0x100: true, 0x1ff: true, 0x200: false} {
		if got := l.At(InAsm, rip); got != want {
			t.Errorf("At(%#x) = %v", rip, got)
		}
	}
	if l.At(Op, 0x100) {
		t.Error("an item that is not wanted is logged")
	}
	var none *Log
	if none.Wants(InAsm) || none.Close() != nil {
		t.Error("a nil log wants something")
	}
}

func TestPrintf(t *testing.T) {
	var b bytes.Buffer
	l := New(Int, &b)
	l.Printf("vector %d", 14)
	if b.String() != "vector 14" {
		t.Errorf("got %q", b.String())
	}
}

func FuzzParseRanges(f *testing.F) {
	f.Add("0x1000+0x200,1..2")
	f.Fuzz(func(t *testing.T, s string) {
		rs, err := ParseRanges(s)
		for _, r := range rs {
			if err == nil && r.Last < r.First {
				t.Errorf("%q: empty range %v", s, r)
			}
		}
	})
}
