package vnc

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"goemu/devices/i8042"
	"goemu/devices/vga"
	"goemu/tests/sockets"
)

// patience bounds waits. It decides no test.
const patience = 5 * time.Minute

// fake is a machine whose screen is a picture, and that notes what is pressed.
type fake struct {
	mu      sync.Mutex
	w, h    int
	pix     []uint32
	lamps   uint8
	log     []string
	watched int
	none    bool
}

func (m *fake) Watch(on bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.none {
		return errors.New("no display adapter")
	}
	if m.watched--; on {
		m.watched += 2
	}
	return nil
}

func (m *fake) LookFrame(f *vga.Frame) (changed bool, lamps uint8, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if f.Width != m.w || f.Height != m.h {
		f.Width, f.Height = m.w, m.h
		f.Pix, f.Dirty = make([]uint32, m.w*m.h), make([]bool, m.h)
	}
	for y := range f.Dirty {
		to, from := f.Pix[y*m.w:][:m.w], m.pix[y*m.w:][:m.w]
		f.Dirty[y] = !slices.Equal(to, from)
		changed = changed || f.Dirty[y]
		copy(to, from)
	}
	return changed, m.lamps, nil
}

func (m *fake) Press(k i8042.Key, down bool) { m.note("%02x %v", uint8(k), down) }
func (m *fake) Point(dx, dy, dz int, b uint8) {
	m.note("%d %d %d %d", dx, dy, dz, b)
}

func (m *fake) note(format string, args ...any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.log) < 1000 {
		m.log = append(m.log, fmt.Sprintf(format, args...))
	}
}

// draw changes the picture.
func (m *fake) draw(w, h int, dot func(x, y int) uint32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.w, m.h, m.pix = w, h, make([]uint32, w*h)
	for i := range m.pix {
		m.pix[i] = dot(i%w, i/w)
	}
}

// serve makes a display of a machine.
func serve(t testing.TB, m Machine, props string) *Server {
	t.Helper()
	o, _, err := Parse("unix:" + sockets.Dir(t) + "/s" + props)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Listen(o, "test")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(m); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// viewer is the other end.
type viewer struct {
	t      testing.TB
	conn   net.Conn
	in     *bufio.Reader
	f      format
	w, h   int
	pix    []uint32
	named  string
	colors [256]uint32
	zlibs  map[int32]*inflater
	used   map[int32]int // rectangles, by encoding
	lamps  uint8
	status [2]int // of the last extended size
	dots   int    // that came
}

func dial(t testing.TB, s *Server) *viewer {
	t.Helper()
	conn, err := net.Dial(s.Addr().Network(), s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	return &viewer{t: t, conn: conn, in: bufio.NewReader(conn), zlibs: map[int32]*inflater{}, used: map[int32]int{}, f: standard}
}

func (v *viewer) get(n int) []byte {
	v.t.Helper()
	p := make([]byte, n)
	if _, err := io.ReadFull(v.in, p); err != nil {
		v.t.Fatal(err)
	}
	return p
}

func (v *viewer) n8() int  { v.t.Helper(); return int(v.get(1)[0]) }
func (v *viewer) n16() int { v.t.Helper(); return int(binary.BigEndian.Uint16(v.get(2))) }
func (v *viewer) n32() int { v.t.Helper(); return int(int32(binary.BigEndian.Uint32(v.get(4)))) }

// send sends bytes; ints are bytes, int16 and int32 numbers in that many bits.
func (v *viewer) send(parts ...any) {
	v.t.Helper()
	var b []byte
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			b = append(b, p...)
		case []byte:
			b = append(b, p...)
		case int:
			b = append(b, byte(p))
		case int16:
			b = binary.BigEndian.AppendUint16(b, uint16(p))
		case int32:
			b = binary.BigEndian.AppendUint32(b, uint32(p))
		default:
			v.t.Fatalf("%T", p)
		}
	}
	if _, err := v.conn.Write(b); err != nil {
		v.t.Fatal(err)
	}
}

// enter goes through the exchange without password.
func enter(t testing.TB, s *Server) *viewer {
	t.Helper()
	v := dial(t, s)
	if got := string(v.get(12)); got != "RFB 003.008\n" {
		t.Fatalf("version %q", got)
	}
	v.send("RFB 003.008\n")
	if n := v.n8(); n != 1 || v.n8() != securityNone {
		t.Fatal("security types")
	}
	v.send(securityNone)
	if v.n32() != 0 {
		t.Fatal("refused")
	}
	v.init(1)
	return v
}

func (v *viewer) init(shared int) {
	v.t.Helper()
	v.send(shared)
	v.w, v.h = v.n16(), v.n16()
	if got, want := v.get(16), []byte{32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0, 0, 0, 0}; !bytes.Equal(got, want) {
		v.t.Fatalf("format %v", got)
	}
	v.named = string(v.get(v.n32()))
	v.pix = make([]uint32, v.w*v.h)
}

func (v *viewer) setFormat(f format) {
	v.f = f
	b := []byte{0, 0, 0, 0, f.bits, f.depth, 0, 1}
	if f.big {
		b[6] = 1
	}
	if f.mapped {
		b[7] = 0
	}
	for _, m := range f.max {
		b = binary.BigEndian.AppendUint16(b, m)
	}
	v.send(append(append(b, f.shift[:]...), 0, 0, 0))
}

func (v *viewer) accept(encodings ...int32) {
	v.send(msgSetEncodings, 0, int16(len(encodings)))
	for _, e := range encodings {
		v.send(e)
	}
}

func (v *viewer) request(incremental int, x, y, w, h int) {
	v.send(msgUpdateRequest, incremental, int16(x), int16(y), int16(w), int16(h))
}

// update takes messages up to an update, and that.
func (v *viewer) update() {
	v.t.Helper()
	for {
		switch kind := v.n8(); kind {
		case msgColourMap:
			v.get(1)
			first := v.n16()
			for i := range v.n16() {
				r, g, b := v.n16(), v.n16(), v.n16()
				v.colors[first+i] = uint32(r>>8<<16 | g>>8<<8 | b>>8)
			}
		case msgUpdate:
			v.get(1)
			for range v.n16() {
				v.rect()
			}
			return
		default:
			v.t.Fatalf("message %d", kind)
		}
	}
}

func (v *viewer) rect() {
	v.t.Helper()
	x, y, w, h, enc := v.n16(), v.n16(), v.n16(), v.n16(), int32(v.n32())
	v.used[enc]++
	switch enc {
	case encDesktopSize:
		v.w, v.h, v.pix = w, h, make([]uint32, w*h)
		return
	case encExtendedSize:
		v.status = [2]int{x, y}
		if n := v.n8(); n != 1 {
			v.t.Fatalf("%d screens", n)
		}
		v.get(3 + 16)
		if x != 1 {
			v.w, v.h, v.pix = w, h, make([]uint32, w*h)
		}
		return
	case encCursor:
		v.get(w*h*int(v.f.bits)/8 + (w+7)/8*h)
		return
	case encRelative, encExtendedKey:
		return
	case encLED:
		v.lamps = uint8(v.n8())
		return
	}
	if x+w > v.w || y+h > v.h || w == 0 || h == 0 {
		v.t.Fatalf("rectangle %d,%d %dx%d on %dx%d", x, y, w, h, v.w, v.h)
	}
	v.dots += w * h
	switch enc {
	case encCopyRect:
		sx, sy := v.n16(), v.n16()
		was := slices.Clone(v.pix)
		for i := range h {
			copy(v.pix[(y+i)*v.w+x:][:w], was[(sy+i)*v.w+sx:][:w])
		}
	case encRaw:
		v.raw(v.in, x, y, w, h)
	case encZlib, encZRLE:
		r := v.inflate(enc)
		if enc == encZlib {
			v.raw(r, x, y, w, h)
		} else {
			v.zrle(r, x, y, w, h)
		}
		if _, err := r.Read(make([]byte, 1)); err != errMore {
			v.t.Fatalf("bytes behind the rectangle: %v", err)
		}
	default:
		v.t.Fatalf("encoding %d", enc)
	}
}

// inflater is a zlib stream that comes in parts.
type inflater struct {
	in bytes.Buffer
	z  io.Reader
}

var errMore = errors.New("more has to come")

type source struct{ b *bytes.Buffer }

func (s source) Read(p []byte) (int, error) {
	if s.b.Len() == 0 {
		return 0, errMore
	}
	return s.b.Read(p)
}

func (s source) ReadByte() (byte, error) {
	if s.b.Len() == 0 {
		return 0, errMore
	}
	return s.b.ReadByte()
}

// inflate takes a part and gives what it holds. As Go's reader keeps an error for ever, all of the part is read at once.
func (v *viewer) inflate(enc int32) io.Reader {
	v.t.Helper()
	i := v.zlibs[enc]
	if i == nil {
		i = &inflater{}
		v.zlibs[enc] = i
	}
	i.in.Write(v.get(v.n32()))
	z, err := zlib.NewReader(source{bytes.NewBuffer(i.in.Bytes())})
	if err != nil {
		v.t.Fatal(err)
	}
	all, err := io.ReadAll(z)
	if err != errMore {
		v.t.Fatal(err)
	}
	had := i.z
	i.z = bytes.NewReader(all)
	if had != nil {
		n := had.(*bytes.Reader).Size()
		return &part{bytes.NewReader(all[n:])}
	}
	return &part{bytes.NewReader(all)}
}

type part struct{ *bytes.Reader }

func (p *part) Read(b []byte) (int, error) {
	n, err := p.Reader.Read(b)
	if err == io.EOF {
		err = errMore
	}
	return n, err
}

// number reads a pixel of n bytes.
func (v *viewer) number(r io.Reader, n int) uint32 {
	v.t.Helper()
	p := make([]byte, n)
	if _, err := io.ReadFull(r, p); err != nil {
		v.t.Fatal(err)
	}
	if !v.f.big {
		slices.Reverse(p)
	}
	var c uint32
	for _, b := range p {
		c = c<<8 | uint32(b)
	}
	return c
}

func (v *viewer) color(c uint32) uint32 {
	if v.f.mapped {
		return v.colors[uint8(c)]
	}
	return c
}

func (v *viewer) raw(r io.Reader, x, y, w, h int) {
	v.t.Helper()
	for i := range h {
		for j := range w {
			v.pix[(y+i)*v.w+x+j] = v.color(v.number(r, int(v.f.bits)/8))
		}
	}
}

// cpixel reads a compressed pixel, as RFC 6143 7.7.5 tells it.
func (v *viewer) cpixel(r io.Reader) uint32 {
	v.t.Helper()
	var all uint32
	for i, m := range v.f.max {
		all |= uint32(m) << v.f.shift[i]
	}
	switch {
	case v.f.bits != 32 || v.f.depth > 24:
	case all&0xff000000 == 0:
		return v.number(r, 3)
	case all&0xff == 0:
		return v.number(r, 3) << 8
	}
	return v.number(r, int(v.f.bits)/8)
}

func (v *viewer) zrle(r io.Reader, rx, ry, rw, rh int) {
	v.t.Helper()
	one := func() int {
		var p [1]byte
		if _, err := io.ReadFull(r, p[:]); err != nil {
			v.t.Fatal(err)
		}
		return int(p[0])
	}
	length := func() int {
		n := 1
		for {
			b := one()
			if n += b; b != 255 {
				return n
			}
		}
	}
	for ty := 0; ty < rh; ty += 64 {
		for tx := 0; tx < rw; tx += 64 {
			w, h := min(64, rw-tx), min(64, rh-ty)
			set := func(i int, c uint32) {
				if i >= w*h {
					v.t.Fatal("a run goes beyond its tile")
				}
				v.pix[(ry+ty+i/w)*v.w+rx+tx+i%w] = v.color(c)
			}
			form := one()
			v.used[int32(1000+form)]++
			var palette []uint32
			for range form & 127 {
				palette = append(palette, v.cpixel(r))
			}
			switch {
			case form == 0:
				for i := range w * h {
					set(i, v.cpixel(r))
				}
			case form == 1:
				for i := range w * h {
					set(i, palette[0])
				}
			case form <= 16:
				depth := map[bool]int{true: 1}[form == 2]
				if form > 2 {
					depth = 2
				}
				if form > 4 {
					depth = 4
				}
				for y := range h {
					b, left := 0, 0
					for x := range w {
						if left == 0 {
							b, left = one(), 8
						}
						left -= depth
						set(y*w+x, palette[b>>left&(1<<depth-1)])
					}
				}
			case form == 128:
				for i := 0; i < w*h; {
					c := v.cpixel(r)
					for range length() {
						set(i, c)
						i++
					}
				}
			case form >= 130:
				for i := 0; i < w*h; {
					at, n := one(), 1
					if at&128 != 0 {
						n = length()
					}
					for range n {
						set(i, palette[at&127])
						i++
					}
				}
			default:
				v.t.Fatalf("form %d of a tile", form)
			}
		}
	}
}

// want is what a colour becomes in the viewer's format.
func (v *viewer) want(c uint32) (p uint32) {
	for i, m := range v.f.max {
		part := c >> (16 - 8*i) & 0xff
		n := (part*uint32(m) + 127) / 255
		if v.f.mapped {
			p |= n * 0xffff / uint32(m) >> 8 << (16 - 8*i)
		} else {
			p |= n << v.f.shift[i]
		}
	}
	return p
}

// same compares the viewer's picture with the machine's.
func (v *viewer) same(m *fake) {
	v.t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if v.w != m.w || v.h != m.h {
		v.t.Fatalf("%dx%d dots, want %dx%d", v.w, v.h, m.w, m.h)
	}
	for i, c := range m.pix {
		if v.pix[i] != v.want(c) {
			v.t.Fatalf("dot %d,%d is %06x, want %06x", i%v.w, i/v.w, v.pix[i], v.want(c))
		}
	}
}
