package chardev

import (
	"bytes"
	"testing"
)

// However the output is cut into pieces, the same is left of it.
func TestTame(t *testing.T) {
	const in = "\x1bc\x1b[?7l\x1b[2J\x1b[01;01HSeaBIOS\x1b[0m \x1b[?25l\x1b\x1b[2Jx\x1b[2Kok\x1b["
	const want = "SeaBIOS\x1b[0m \x1b[?25l\x1bx\x1b[2Kok\x1b["
	for size := 1; size <= len(in); size++ {
		var out bytes.Buffer
		x := &tamer{w: &out}
		for p := []byte(in); len(p) > 0; {
			n := min(size, len(p))
			if _, err := x.Write(p[:n]); err != nil {
				t.Fatal(err)
			}
			p = p[n:]
		}
		if err := x.flush(); err != nil || out.String() != want {
			t.Errorf("pieces of %d: %q, want %q (%v)", size, &out, want, err)
		}
	}
	var out bytes.Buffer
	x := &tamer{w: &out}
	x.Write([]byte("\x1b["))
	x.off.Store(true)
	x.Write([]byte("2J\x1bc"))
	if out.String() != "\x1b[2J\x1bc" {
		t.Errorf("after a key: %q", &out)
	}
}

func FuzzTame(f *testing.F) {
	f.Add([]byte("\x1bc\x1b[?7l\x1b[2"), 3)
	f.Fuzz(func(t *testing.T, p []byte, cut int) {
		var whole, parts bytes.Buffer
		a, b := &tamer{w: &whole}, &tamer{w: &parts}
		n := min(max(cut, 0), len(p))
		a.Write(p)
		b.Write(p[:n])
		b.Write(p[n:])
		if a.flush(); b.flush() != nil || !bytes.Equal(whole.Bytes(), parts.Bytes()) {
			t.Errorf("%q in one piece, %q in two", &whole, &parts)
		}
	})
}
