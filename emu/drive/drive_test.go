package drive

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"goemu/devices/block"
	"goemu/devices/devtest"
)

// machine stands for the machine's lock: what is posted runs in wait.
type machine struct {
	mu    sync.Mutex
	fns   []func()
	some  chan struct{}
	clock devtest.Clock
}

func (m *machine) post(fn func()) {
	m.mu.Lock()
	m.fns = append(m.fns, fn)
	m.mu.Unlock()
	select {
	case m.some <- struct{}{}:
	default:
	}
}

// wait runs what is posted until ok.
func (m *machine) wait(ok func() bool) {
	for !ok() {
		m.mu.Lock()
		fns := m.fns
		m.fns = nil
		m.mu.Unlock()
		if len(fns) == 0 {
			<-m.some
		}
		for _, fn := range fns {
			fn()
		}
	}
}

type bench struct {
	t *testing.T
	m *machine
	d *Drive
}

func image(t *testing.T, p []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "disk.img")
	if err := os.WriteFile(name, p, 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

func parse(t *testing.T, s string) *Options {
	t.Helper()
	props := map[string]string{}
	for _, p := range strings.Split(s, ",") {
		k, v, _ := strings.Cut(p, "=")
		props[k] = v
	}
	o, err := ParseOptions(props)
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return o
}

func open(t *testing.T, opts string, kind block.Kind) *Medium {
	t.Helper()
	m, err := parse(t, opts).Open(kind, Sectors{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func newBench(t *testing.T, m *Medium, kind block.Kind) *bench {
	b := &bench{t: t, m: &machine{some: make(chan struct{}, 1)}}
	b.d = New(Host{Post: b.m.post, Clock: &b.m.clock}, block.Info{Kind: kind}, m)
	t.Cleanup(func() { b.d.Close() })
	return b
}

// do submits a request and waits for it.
func (b *bench) do(op block.Op, off int64, p []byte) error {
	done := false
	r := &block.Request{Op: op, Offset: off, Data: p, Done: func(*block.Request) { done = true }}
	if op == block.Discard {
		r.Data, r.Length = nil, int64(len(p))
	}
	b.d.Submit(r)
	if done {
		b.t.Error("Done was called within Submit")
	}
	b.m.wait(func() bool { return done })
	return r.Err
}

func (b *bench) read(off int64, n int) []byte {
	b.t.Helper()
	p := make([]byte, n)
	if err := b.do(block.Read, off, p); err != nil {
		b.t.Errorf("read %d bytes at %d: %v", n, off, err)
	}
	return p
}

func fill(n int, v byte) []byte { return bytes.Repeat([]byte{v}, n) }

func TestReadWrite(t *testing.T) {
	name := image(t, append(fill(1024, 1), fill(1024, 2)...))
	b := newBench(t, open(t, "file="+name, block.Disk), block.Disk)
	if m, ok := b.d.Medium(); !ok || m.Size != 2048 || m.Sector != 512 || m.Physical != 512 || m.ReadOnly {
		t.Errorf("medium %+v, %v", m, ok)
	}
	if got := b.read(512, 1024); !bytes.Equal(got, append(fill(512, 1), fill(512, 2)...)) {
		t.Error("wrong data read")
	}
	if err := b.do(block.Write, 512, fill(512, 7)); err != nil {
		t.Error(err)
	}
	if p, _ := os.ReadFile(name); !bytes.Equal(p[512:1024], fill(512, 7)) {
		t.Error("a write that is done is not in the file")
	}
	if err := b.do(block.Flush, 0, nil); err != nil {
		t.Error(err)
	}
	for _, c := range []struct {
		op  block.Op
		off int64
		n   int
	}{{block.Read, 2048, 512}, {block.Write, 1536, 1024}, {block.Read, -512, 512}, {block.Discard, 0, 4096}, {block.Write, 1<<63 - 512, 512}} {
		if err := b.do(c.op, c.off, make([]byte, c.n)); !errors.Is(err, block.ErrRange) {
			t.Errorf("%v: error %v, want ErrRange", c, err)
		}
	}
}

// The rest of the last sector reads as 0, and a write to it makes the file longer.
func TestPartialSector(t *testing.T) {
	name := image(t, fill(700, 3))
	m := open(t, "file="+name, block.Disk)
	if !strings.Contains(m.Warning, "700 bytes") {
		t.Errorf("warning %q", m.Warning)
	}
	b := newBench(t, m, block.Disk)
	if got := b.read(512, 512); !bytes.Equal(got, append(fill(188, 3), fill(324, 0)...)) {
		t.Error("wrong end")
	}
	if err := b.do(block.Write, 512, fill(512, 9)); err != nil {
		t.Error(err)
	}
	if got := b.read(512, 512); !bytes.Equal(got, fill(512, 9)) {
		t.Error("what was written to the last sector does not read back")
	}
}

func TestReadOnly(t *testing.T) {
	b := newBench(t, open(t, "readonly=on,file="+image(t, fill(1024, 1)), block.Disk), block.Disk)
	if err := b.do(block.Write, 0, fill(512, 9)); !errors.Is(err, block.ErrReadOnly) {
		t.Errorf("error %v", err)
	}
	if err := b.do(block.Flush, 0, nil); err != nil {
		t.Error(err)
	}
}

func TestSnapshot(t *testing.T) {
	base := make([]byte, 40<<10)
	for i := range base {
		base[i] = byte(i >> 9)
	}
	name := image(t, base)
	b := newBench(t, open(t, "snapshot=on,file="+name, block.Disk), block.Disk)
	want := bytes.Clone(base)
	for _, c := range []struct{ off, n int }{{512, 512}, {3584, 1024}, {8192, 4096}, {12288 + 512, 12 << 10}, {512, 1024}, {39 << 10, 1024}} {
		p := fill(c.n, byte(0x80|c.off>>9))
		if err := b.do(block.Write, int64(c.off), p); err != nil {
			t.Fatal(err)
		}
		copy(want[c.off:], p)
		if !bytes.Equal(b.read(0, len(base)), want) {
			t.Fatalf("after the write of %d bytes at %d: wrong data", c.n, c.off)
		}
	}
	if p, _ := os.ReadFile(name); !bytes.Equal(p, base) {
		t.Error("the image was changed")
	}
}

// A file that gets shorter under the guest is an error of the request, no data.
func TestFileCutShort(t *testing.T) {
	name := image(t, fill(4096, 1))
	b := newBench(t, open(t, "file="+name, block.Disk), block.Disk)
	if err := os.Truncate(name, 1024); err != nil {
		t.Fatal(err)
	}
	if err := b.do(block.Read, 2048, make([]byte, 512)); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("error %v", err)
	}
	b.read(512, 512)
}

func TestLocks(t *testing.T) {
	name := image(t, fill(1024, 1))
	first := open(t, "file="+name, block.Disk)
	for _, s := range []string{"file=", "readonly=on,file=", "snapshot=on,file="} {
		if _, err := parse(t, s+name).Open(block.Disk, Sectors{}); err == nil || !strings.Contains(err.Error(), "lock") {
			t.Errorf("%s of an image that is written: %v", s, err)
		}
	}
	first.Abandon()
	reader := open(t, "readonly=on,file="+name, block.Disk)
	defer reader.Abandon()
	open(t, "snapshot=on,file="+name, block.Disk).Abandon()
	if _, err := parse(t, "file="+name).Open(block.Disk, Sectors{}); err == nil {
		t.Error("a writer beside a reader")
	}
}

func TestMedia(t *testing.T) {
	b := newBench(t, open(t, "media=cdrom,file="+image(t, fill(4096, 1)), block.CD), block.CD)
	var events []string
	b.d.OnChange(func() {
		if _, ok := b.d.Medium(); ok {
			events = append(events, "in")
		} else {
			events = append(events, "out")
		}
	})
	b.d.OnEjectRequest(func() { events = append(events, "request") })
	b.d.Lock(true)
	if err := b.d.Remove(false); err == nil {
		t.Error("a locked medium was taken out")
	}
	b.d.Lock(false)
	b.d.Eject()
	if _, ok := b.d.Medium(); ok || !b.d.TrayOpen() {
		t.Error("the tray is not open")
	}
	if err := b.do(block.Read, 0, make([]byte, 2048)); !errors.Is(err, block.ErrNoMedium) {
		t.Errorf("error %v", err)
	}
	b.d.Insert()
	if !bytes.Equal(b.read(2048, 2048), fill(2048, 1)) {
		t.Error("wrong data after the tray was closed")
	}
	if err := b.d.Change(open(t, "media=cdrom,file="+image(t, fill(6000, 2)), block.CD), false); err != nil {
		t.Error(err)
	}
	if m, _ := b.d.Medium(); m.Size != 6144 || m.Sector != 2048 || !m.ReadOnly {
		t.Errorf("medium %+v", m)
	}
	if err := b.d.Remove(false); err != nil || !b.d.TrayOpen() {
		t.Errorf("taking it out: %v", err)
	}
	b.d.Insert()
	if _, ok := b.d.Medium(); ok || b.d.TrayOpen() {
		t.Error("the tray did not close empty")
	}
	if got := strings.Join(events, " "); got != "request out in out" {
		t.Errorf("events %q", got)
	}
}

// With counted time requests are reported at times that depend on nothing but what they ask for, in order.
func TestCountedTime(t *testing.T) {
	run := func() []int64 {
		b := &bench{t: t, m: &machine{}}
		b.d = New(Host{Post: func(func()) { t.Error("posted") }, Clock: &b.m.clock, Counted: true}, block.Info{},
			open(t, "file="+image(t, make([]byte, 1<<20)), block.Disk))
		var at []int64
		for i := range 4 {
			b.d.Submit(&block.Request{Op: block.Op(i % 2), Data: make([]byte, 512<<i), Done: func(r *block.Request) {
				if r.Err != nil || len(r.Data) != 512<<len(at) {
					t.Errorf("request %d: %v", len(at), r.Err)
				}
				at = append(at, b.m.clock.Now())
			}})
		}
		b.m.clock.Advance(1e9)
		b.d.Close()
		return at
	}
	first, second := run(), run()
	if len(first) != 4 || len(second) != 4 {
		t.Fatalf("%v, %v", first, second)
	}
	for i := range first {
		if first[i] != second[i] || i > 0 && first[i] <= first[i-1] {
			t.Errorf("times %v, then %v", first, second)
		}
	}
}

// Close does what was submitted.
func TestClose(t *testing.T) {
	name := image(t, make([]byte, 1<<20))
	b := newBench(t, open(t, "file="+name, block.Disk), block.Disk)
	for i := range 256 {
		b.d.Submit(&block.Request{Op: block.Write, Offset: int64(i) * 4096, Data: fill(4096, byte(i)+1)})
	}
	if err := b.d.Close(); err != nil {
		t.Fatal(err)
	}
	p, _ := os.ReadFile(name)
	for i := range 256 {
		if p[i*4096] != byte(i)+1 {
			t.Fatalf("write %d is missing", i)
		}
	}
}

func TestNoAllocation(t *testing.T) {
	b := newBench(t, open(t, "file="+image(t, make([]byte, 1<<20)), block.Disk), block.Disk)
	left := 0
	r := &block.Request{Op: block.Write, Data: make([]byte, 4096), Done: func(*block.Request) { left-- }}
	none := func() bool { return left == 0 }
	if n := testing.AllocsPerRun(100, func() {
		left = 1
		b.d.Submit(r)
		b.m.wait(none)
	}); n > 2 { // what the test's own machine posts
		t.Errorf("%v allocations a request", n)
	}
}

func TestOptionErrors(t *testing.T) {
	for s, want := range map[string]string{
		"file=x,zork=1":            `no property "zork"`,
		"if=scsi":                  "want ide, floppy, none, pflash",
		"format=qcow2":             "qemu-img convert",
		"driver=zork":              "unknown format",
		"index=x":                  "want a number",
		"index=1,unit=0":           "cannot be given together",
		"snapshot=maybe":           "want on or off",
		"media=tape":               "want disk, cdrom",
		"media=cdrom,readonly=off": "read-only",
		"if=floppy,media=cdrom":    "together",
		"if=none,index=1":          "-device",
		"werror=panic":             "want report, auto, ignore, enospc, stop",
		"rerror=enospc":            "want report, auto, ignore, stop",
		"cache=fast":               "writethrough",
		"aio=posix":                "io_uring",
		"id=1x":                    "begins with a letter",
		"readonly=on,read-only=on": "give one",
		"discard=maybe":            "unmap",
	} {
		props := map[string]string{}
		for _, p := range strings.Split(s, ",") {
			k, v, _ := strings.Cut(p, "=")
			props[k] = v
		}
		if _, err := ParseOptions(props); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", s, err, want)
		}
	}
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct{ name, want string }{
		{"/nowhere/disk", "Could not open '/nowhere/disk': No such file or directory"},
		{dir, "regular file"},
		{"/dev/zero", "regular file"},
		{image(t, append([]byte("QFI\xfb"), make([]byte, 600)...)), "qcow2"},
		{image(t, append([]byte("KDMV"), make([]byte, 600)...)), "vmdk"},
	} {
		if _, err := parse(t, "file="+c.name).Open(block.Disk, Sectors{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
	name := image(t, append([]byte("QFI\xfb"), make([]byte, 600)...))
	open(t, "format=raw,file="+name, block.Disk).Abandon()
	for _, s := range []Sectors{{Logical: 100}, {Logical: 8192}, {Logical: 4096, Physical: 512}, {Physical: 513}} {
		if _, err := parse(t, "file="+name).Open(block.Disk, s); err == nil {
			t.Errorf("sectors %+v", s)
		}
	}
}

func FuzzOptions(f *testing.F) {
	f.Add("file=a,if=ide,index=1,media=disk,cache=none,werror=report,id=x")
	f.Fuzz(func(t *testing.T, s string) {
		props := map[string]string{}
		for _, p := range strings.Split(s, ",") {
			k, v, _ := strings.Cut(p, "=")
			props[k] = v
		}
		o, err := ParseOptions(props)
		if (o == nil) == (err == nil) {
			t.Error("want options or an error")
		}
	})
}
