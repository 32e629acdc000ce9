package vnc

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

// parts draws a picture that has in its tiles all that ZRLE tells apart, and ends within a tile.
func parts(x, y int) uint32 {
	noise := uint32(x*7919+y*104729) * 2654435761 >> 8
	colors := func(n int) uint32 { return noise % uint32(n) * 0x0b3a61 & 0xffffff }
	switch (x/64 + y/64*5) % 9 {
	case 0:
		return 0x123456
	case 1:
		return colors(2)
	case 2:
		return colors(4)
	case 3:
		return colors(16)
	case 4:
		return colors(100)
	case 5:
		return noise // of all colours
	case 6:
		return uint32(x/8*3+y*1000) * 0x10203 & 0xffffff // runs of all colours
	case 7:
		return uint32(x/16+y/16) % 30 * 0x80402 // runs of some
	}
	return 0xffffff * uint32(x/300%2)
}

var formats = map[string]format{
	"32":        standard,
	"32 big":    {bits: 32, depth: 24, big: true, max: standard.max, shift: [3]uint8{0, 8, 16}},
	"32 high":   {bits: 32, depth: 24, max: standard.max, shift: [3]uint8{24, 16, 8}},
	"32 high b": {bits: 32, depth: 24, big: true, max: standard.max, shift: [3]uint8{24, 16, 8}},
	"32 deep":   {bits: 32, depth: 30, max: [3]uint16{1023, 1023, 1023}, shift: [3]uint8{20, 10, 0}},
	"16":        {bits: 16, depth: 16, max: [3]uint16{31, 63, 31}, shift: [3]uint8{11, 5, 0}},
	"16 big":    {bits: 16, depth: 15, big: true, max: [3]uint16{31, 31, 31}, shift: [3]uint8{0, 5, 10}},
	"8":         {bits: 8, depth: 8, max: [3]uint16{7, 7, 3}, shift: [3]uint8{0, 3, 6}},
	"map":       {bits: 8, depth: 8, mapped: true, max: cube.max, shift: cube.shift},
}

func TestEncodings(t *testing.T) {
	m := &fake{}
	m.draw(500, 300, parts)
	s := serve(t, m, "")
	for name, f := range formats {
		for _, enc := range []int32{encRaw, encZlib, encZRLE} {
			t.Run(fmt.Sprint(name, " ", enc), func(t *testing.T) {
				v := enter(t, s)
				v.setFormat(f)
				v.accept(-9999, enc, encRaw)
				v.request(0, 0, 0, 500, 300)
				v.update()
				v.same(m)
				if v.used[enc] == 0 {
					t.Errorf("encodings %v", v.used)
				}
				if enc == encZRLE && f.max == standard.max {
					for _, form := range []int32{0, 1, 2, 4, 16, 128} {
						if v.used[1000+form] == 0 {
							t.Errorf("no tile of form %d: %v", form, v.used)
						}
					}
				}
				v.request(0, 0, 0, 500, 300) // the streams go on
				v.update()
				v.same(m)
			})
		}
	}
}

// What changes comes, and nothing else; parts of the picture and several requests at once too.
func TestIncremental(t *testing.T) {
	m := &fake{}
	dots := func(int, int) uint32 { return 0x203040 }
	m.draw(640, 480, dots)
	s := serve(t, m, "")
	v := enter(t, s)
	if v.named != "goemu (test)" {
		t.Errorf("named %q", v.named)
	}
	v.accept(encZRLE)
	v.request(1, 0, 0, 640, 480) // nothing is known yet
	v.update()
	v.same(m)
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		x, y := rnd.IntN(640), rnd.IntN(480)
		v.dots = 0
		v.request(1, 0, 0, 640, 480)
		m.mu.Lock()
		m.pix[y*640+x]++
		m.mu.Unlock()
		v.update()
		v.same(m)
		if v.dots > tile*tile {
			t.Fatalf("%d dots for one", v.dots)
		}
	}
	m.draw(640, 480, parts)
	v.request(1, 0, 0, 320, 480)
	v.update()
	v.request(1, 320, 0, 320, 100)
	v.update()
	v.request(1, 0, 0, 640, 480)
	v.update()
	v.same(m)
	v.request(1, 600, 400, 1000, 1000) // a part beyond the screen is none
	v.request(0, 65535, 65535, 65535, 65535)
	v.request(0, 100, 100, 16, 16)
	v.request(0, 10, 10, 17, 3)
	v.update()
	v.same(m)
}

// Lines that go up come as a copy, from viewers' own pictures, and what is drawn meanwhile comes too.
func TestScroll(t *testing.T) {
	m := &fake{}
	at := 0
	text := func(x, y int) uint32 { return uint32((y+at)/16*977+x/9*(y+at)%16) * 0x10101 & 0xffffff }
	m.draw(720, 400, text)
	s := serve(t, m, "")
	v := enter(t, s)
	v.accept(encZRLE, encCopyRect)
	v.request(0, 0, 0, 720, 400)
	v.update()
	for _, by := range []int{16, 48, -32, 1, 160, -5} {
		v.used[encCopyRect], v.dots = 0, 0
		v.request(1, 0, 0, 720, 400)
		at += by
		m.draw(720, 400, text)
		v.update()
		v.same(m)
		if v.used[encCopyRect] != 1 {
			t.Errorf("by %d: encodings %v", by, v.used)
		}
	}
}

func TestSizes(t *testing.T) {
	m := &fake{lamps: 2}
	m.draw(320, 200, parts)
	s := serve(t, m, "")
	all := enter(t, s)
	all.accept(encRaw, encDesktopSize, encExtendedSize, encCursor, encRelative, encExtendedKey, encLED)
	for all.used[encExtendedSize] == 0 {
		all.update()
	}
	for _, e := range []int32{encCursor, encRelative, encExtendedKey, encLED, encExtendedSize} {
		if all.used[e] != 1 {
			t.Errorf("encoding %d: %d times", e, all.used[e])
		}
	}
	if all.lamps != 2 {
		t.Errorf("lamps %d", all.lamps)
	}
	old, fixed := enter(t, s), enter(t, s)
	old.accept(encRaw, encDesktopSize)
	for _, size := range [][2]int{{640, 480}, {33, 17}, {1024, 768}} {
		for _, v := range []*viewer{all, old} {
			v.request(0, 0, 0, v.w, v.h)
			v.update()
			v.same(m)
			v.request(1, 0, 0, v.w, v.h)
		}
		m.draw(size[0], size[1], parts)
		for _, v := range []*viewer{all, old} {
			for v.w != size[0] {
				v.update()
			}
			v.request(1, 0, 0, v.w, v.h)
			v.update()
			v.same(m)
		}
		// One that cannot change its size sees a part, and black beyond the screen.
		fixed.request(0, 0, 0, 320, 200)
		fixed.update()
		for i, c := range fixed.pix {
			want := uint32(0)
			if x, y := i%320, i/320; x < size[0] && y < size[1] {
				want = parts(x, y)
			}
			if c != want {
				t.Fatalf("%v: dot %d,%d is %06x, want %06x", size, i%320, i/320, c, want)
			}
		}
	}
	all.send(msgSetDesktopSize, 0, int16(99), int16(99), 1, 0, make([]byte, 16))
	for all.status != [2]int{1, 1} {
		all.update()
	}
	m.mu.Lock()
	m.lamps = 5
	m.mu.Unlock()
	all.request(1, 0, 0, all.w, all.h)
	for all.lamps != 5 {
		all.update()
	}
}

// told waits until the machine has been told something, and gives all that it was.
func (m *fake) told(last string) string {
	for {
		m.mu.Lock()
		log := slices.Clone(m.log)
		m.mu.Unlock()
		if n := len(log); n > 0 && log[n-1] == last {
			m.mu.Lock()
			m.log = nil
			m.mu.Unlock()
			return strings.Join(log, ", ")
		}
		time.Sleep(time.Millisecond)
	}
}

func TestInput(t *testing.T) {
	m := &fake{}
	m.draw(64, 64, parts)
	s := serve(t, m, "")
	v := enter(t, s)
	key := func(down int, sym int32) { v.send(msgKey, down, int16(0), sym) }
	for _, c := range []struct {
		do   func()
		want string
	}{
		{func() { key(1, 'a'); key(0, 'a') }, "1e true, 1e false"},
		{func() { key(1, 0xffe1); key(1, 'A'); key(0, 'A'); key(0, 0xffe1) }, "2a true, 1e true, 1e false, 2a false"},
		{func() { key(1, '?'); key(0, '?') }, "2a true, 35 true, 2a false, 35 false"}, // a program that does not press Shift
		{func() { key(1, 0x1234567); key(1, 0xff1b); key(0, 0xff1b) }, "01 true, 01 false"},
		{func() {
			v.send(msgQEMU, 0, int16(1), int32('z'), int32(0x15))
			v.send(msgQEMU, 0, int16(0), int32('z'), int32(0x15))
		}, "15 true, 15 false"},
		{func() { v.send(msgQEMU, 0, int16(1), int32(0xff51), int32(0xcb)) }, "cb true"},
		{func() { v.send(msgQEMU, 0, int16(0), int32('q'), int32(0)) }, "10 false"},
		{func() { v.send(msgQEMU, 0, int16(1), int32(0), int32(0x54)) }, "b7 true"},
		{func() {
			v.send(msgQEMU, 0, int16(1), int32(0), int32(0x12345))
			v.send(msgQEMU, 0, int16(1), int32('q'), int32(0))
		}, "10 true"},
		{func() { v.send(msgPointer, 0, int16(10), int16(20)) }, "0 0 0 0"},
		{func() { v.send(msgPointer, 1, int16(15), int16(18)) }, "5 -2 0 1"},
		{func() { v.send(msgPointer, 7, int16(15), int16(18)) }, "0 0 0 7"},
		{func() { v.send(msgPointer, 8, int16(15), int16(18)) }, "0 0 -1 0"},
		{func() { v.send(msgPointer, 16, int16(15), int16(18)) }, "0 0 1 0"},
		{func() { v.accept(encRaw, encRelative); v.send(msgPointer, 4, []byte{0x80, 2, 0x7f, 0xfb}) }, "3 -4 0 2"},
		{func() { v.send(msgCutText, 0, int16(0), int32(5), "hello"); key(1, 0xffe3) }, "1d true"},
		{func() { v.conn.Close() }, "10 false, 1d false, b7 false, cb false, 0 0 0 0"}, // nothing stays down
	} {
		c.do()
		want := c.want
		last := want[strings.LastIndex(want, ", ")+1:]
		if got := m.told(strings.TrimSpace(last)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	m.mu.Lock()
	m.lamps = lampCaps
	m.mu.Unlock()
	v = enter(t, s) // which looks
	v.send(msgKey, 1, int16(0), int32('B'))
	if got := m.told("30 true"); got != "30 true" {
		t.Errorf("with Caps Lock: %s", got)
	}
}

// gone waits for the end of the connection.
func (v *viewer) gone() {
	v.t.Helper()
	if _, err := io.Copy(io.Discard, v.in); err != nil {
		if e, ok := err.(net.Error); ok && e.Timeout() {
			v.t.Fatal("the viewer is not dropped")
		}
	}
}

func TestPassword(t *testing.T) {
	m := &fake{}
	m.draw(64, 64, parts)
	s := serve(t, m, ",password=on")
	for _, minor := range []int{3, 7, 8} {
		for _, c := range []struct {
			set, typed string
			ok         bool
		}{{"", "", false}, {"secret", "secret", true}, {"secret", "Secret", false}, {"longer than it can", "longer t", true}} {
			if err := s.SetPassword(c.set); err != nil {
				t.Fatal(err)
			}
			v := dial(t, s)
			v.get(12)
			v.send(fmt.Sprintf("RFB 003.%03d\n", minor))
			kind := 0
			if minor == 3 {
				kind = v.n32()
			} else if n := v.n8(); n > 0 {
				kind = v.n8()
			}
			if c.set == "" {
				if why := string(v.get(v.n32())); kind != 0 || !strings.Contains(why, "not set") {
					t.Errorf("3.%d: type %d, %q", minor, kind, why)
				}
				v.gone()
				continue
			}
			if kind != securityVNC {
				t.Fatalf("3.%d: type %d", minor, kind)
			}
			if minor > 3 {
				v.send(securityVNC)
			}
			answer, err := encrypt(c.typed, [16]byte(v.get(16)))
			if err != nil {
				t.Fatal(err)
			}
			v.send(answer[:])
			if result := v.n32(); (result == 0) != c.ok {
				t.Errorf("3.%d %q: result %d", minor, c.typed, result)
			}
			if c.ok {
				v.init(1)
				continue
			}
			if minor == 8 {
				if why := string(v.get(v.n32())); !strings.Contains(why, "wrong") {
					t.Errorf("why: %q", why)
				}
			}
			v.gone()
		}
	}
	open := serve(t, m, "")
	if err := open.SetPassword("x"); err == nil || !strings.Contains(err.Error(), "password=on") {
		t.Errorf("error %v", err)
	}
	for _, minor := range []string{"003", "005", "889"} { // without password and result
		v := dial(t, open)
		v.get(12)
		v.send("RFB 003." + minor + "\n")
		if v.n32() != securityNone {
			t.Error("not open")
		}
		v.init(1)
	}
}

// The example of DES of FIPS 81, with the key as the protocol turns it.
func TestDES(t *testing.T) {
	got, err := encrypt("\x80\xc4\xa2\xe6\x91\xd5\xb3\xf7", [16]byte([]byte("Now is the time ")))
	if want := "\x3f\xa4\x0e\x8a\x98\x4d\x48\x15"; err != nil || string(got[:8]) != want {
		t.Errorf("%x, %v", got, err)
	}
}

func TestSharing(t *testing.T) {
	m := &fake{}
	m.draw(64, 64, parts)
	in := func(s *Server, shared int) *viewer {
		v := dial(t, s)
		v.get(12)
		v.send("RFB 003.003\n")
		v.n32()
		v.send(shared)
		return v
	}
	sees := func(v *viewer) {
		v.get(20)
		v.get(v.n32())
		v.request(0, 0, 0, 64, 64)
		v.w, v.h, v.pix = 64, 64, make([]uint32, 64*64)
		v.update()
	}
	s := serve(t, m, "")
	a, b := in(s, 1), in(s, 1)
	sees(a)
	sees(b)
	c := in(s, 0) // alone
	sees(c)
	a.gone()
	b.gone()
	in(s, 1).gone()
	c.conn.Close()
	s = serve(t, m, ",share=force-shared")
	sees(in(s, 1))
	in(s, 0).gone()
	s = serve(t, m, ",share=ignore")
	a, b = in(s, 0), in(s, 0)
	sees(a)
	sees(b)
	a.request(0, 0, 0, 64, 64)
	a.update()
	// More than there is room for.
	for range 2 * maxClients {
		dial(t, s)
	}
	a.request(0, 0, 0, 64, 64)
	a.update()
	a.same(m)
}

// Viewers that flood, stall or talk nonsense harm nobody else.
func TestBadViewers(t *testing.T) {
	m := &fake{}
	m.draw(1024, 768, parts)
	s := serve(t, m, "")
	good := enter(t, s)
	stalled := enter(t, s)
	stalled.accept(encRaw)
	for range 1000 { // for 3 GB, of which it takes nothing
		stalled.request(0, 0, 0, 1024, 768)
	}
	flood := enter(t, s)
	go func() {
		p := []byte{msgKey, 1, 0, 0, 0, 0, 0, 'a', msgPointer, 0, 1, 2, 3, 4}
		for i := 0; ; i++ {
			p[7]++
			if _, err := flood.conn.Write(p); err != nil {
				return
			}
		}
	}()
	for _, nonsense := range []string{
		"\x09", "\xff\x01", "\xf8", "\x06\x00\x00\x00\xff\xff\xff\xff", "\x00\x00\x00\x00\x18\x18\x00\x01", "\x00\x00\x00\x00" + "\x20\x18\x00\x01\x00\x05\x00\xff\x00\xff\x10\x08\x00\x00\x00\x00",
		"\x00\x00\x00\x00" + "\x08\x08\x00\x01\x00\x07\x00\x07\x00\x07\x00\x03\x06\x00\x00\x00", "\x00\x00\x00\x00" + "\x18\x18\x00\x01\x00\x07\x00\x07\x00\x07\x00\x03\x06\x00\x00\x00",
	} {
		v := enter(t, s)
		v.send(nonsense)
		if len(nonsense) == 8 && nonsense[0] == 0 { // half a message
			v.conn.Close()
			continue
		}
		v.gone()
	}
	for _, hello := range []string{"GET / HTTP/1.0\r\n\r\n", "RFB 002.000\n", "RFB 003_008\n", "RFB 003.008\n\x07"} {
		v := dial(t, s)
		v.send(hello)
		v.gone()
	}
	good.accept(encZRLE)
	for range 3 {
		good.request(0, 0, 0, 1024, 768)
		good.update()
		good.same(m)
	}
	flood.conn.Close()
}

func TestParse(t *testing.T) {
	for v, want := range map[string]Options{
		":0":                     {Host: "localhost"},
		"0.0.0.0:7,to=9":         {Host: "0.0.0.0", Display: 7, To: 9},
		"[::1]:3":                {Host: "::1", Display: 3, To: 3},
		"unix:/a,,b,password":    {Path: "/a,b", Password: true},
		":1,share=ignore,id=x":   {Host: "localhost", Display: 1, To: 1, Share: shareIgnore},
		"vnc=:1,password=off":    {Host: "localhost", Display: 1, To: 1},
		"h:1,share=force-shared": {Host: "h", Display: 1, To: 1, Share: shareForce},
	} {
		got, ok, err := Parse(v)
		if got.text = ""; got != want || !ok || err != nil {
			t.Errorf("%s: %+v %v %v", v, got, ok, err)
		}
	}
	if _, ok, err := Parse("none"); ok || err != nil {
		t.Errorf("none: %v %v", ok, err)
	}
	for v, want := range map[string]string{
		"": "HOST:DISPLAY", "5900": "HOST:DISPLAY", ":x": "not the number", ":59636": "0 to 59635", ":-1": "not the number", "[::1:0": "IPv6", "unix:": "path",
		"none,to=3": "no properties", ":3,to=2": "from 3", "unix:/x,to=2": "to=2", "unix:/" + strings.Repeat("l", 149): "has 150: use a shorter one", ":0,password=secret": "change vnc password", ":0,share=me": "force-shared",
		":0,tls-creds=x": "goemu has no tls-creds", ":0,colour=1": "not known", ":0,to=1,to=2": "twice",
	} {
		if _, _, err := Parse(v); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", v, err, want)
		}
	}
}

// Displays that are taken are passed by as far as that is said.
func TestPorts(t *testing.T) {
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	n := l.Addr().(*net.TCPAddr).Port - basePort
	if _, err := Listen(Options{Host: "localhost", Display: n, To: n, text: "x"}, ""); err == nil || !strings.Contains(err.Error(), "-vnc x") {
		t.Errorf("error %v", err)
	}
	s, err := Listen(Options{Host: "localhost", Display: n, To: 65535 - basePort}, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(&fake{none: true}); err == nil {
		t.Error("no error without a display adapter")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// Nobody looks when nobody sees, and pictures cost no memory anew.
func TestCosts(t *testing.T) {
	m := &fake{}
	m.draw(640, 480, parts)
	s := serve(t, m, "")
	v := enter(t, s)
	m.mu.Lock()
	if m.watched != 1 {
		t.Errorf("watched by %d", m.watched)
	}
	m.mu.Unlock()
	v.conn.Close()
	for watched := 1; watched != 0; time.Sleep(time.Millisecond) {
		m.mu.Lock()
		watched = m.watched
		m.mu.Unlock()
	}
	c := newClient(s, nowhere{})
	c.resize(640, 480)
	for _, enc := range []int32{encRaw, encZlib, encZRLE} {
		w := wishes{format: standard, accepts: accepts{pixels: enc, copyRect: true}, pending: true, full: rect{0, 0, 640, 480}}
		n := testing.AllocsPerRun(10, func() {
			if _, err := c.update(w); err != nil {
				t.Error(err)
			}
		})
		if n > 1 {
			t.Errorf("encoding %d: %v allocations a picture", enc, n)
		}
	}
}

// nowhere is a connection that takes everything, and from which bytes come.
type nowhere struct {
	net.Conn
	in io.Reader
}

func (n nowhere) Read(p []byte) (int, error) { return n.in.Read(p) }
func (nowhere) Close() error                 { return nil }

func (nowhere) Write(p []byte) (int, error)        { return len(p), nil }
func (nowhere) SetWriteDeadline(t time.Time) error { return nil }

// FuzzMessages sends a server what a viewer might, from the first byte on or behind the exchange.
func FuzzMessages(f *testing.F) {
	f.Add(true, []byte("\x02\x00\x00\x02\x00\x00\x00\x10\x00\x00\x00\x01\x03\x00\x00\x00\x00\x00\x00\x40\x00\x40"))
	f.Add(true, []byte("\x00\x00\x00\x00\x10\x10\x00\x01\x00\x1f\x00\x3f\x00\x1f\x0b\x05\x00\x00\x00\x00\x03\x00\x00\x01\x00\x01\x00\x05\x00\x05\x04\x01\x00\x00\x00\x00\x00a"))
	f.Add(true, []byte("\xff\x00\x00\x01\x00\x00\x00a\x00\x00\x00\x1e\x05\x01\x00\x07\x00\x07\xfb\x00\x00\x10\x00\x10\x01\x00"))
	f.Add(false, []byte("RFB 003.007\n\x01\x00\x03\x00\x00\x00\x00\x00\x00\x40\x00\x40"))
	m := &fake{}
	m.draw(70, 70, parts)
	s := serve(f, m, "")
	f.Fuzz(func(t *testing.T, begun bool, p []byte) {
		if begun {
			p = append([]byte("RFB 003.008\n\x01\x01"), p...)
		}
		c := newClient(s, nowhere{in: bytes.NewReader(p)})
		defer s.leave(c)
		if c.begin() != nil {
			return
		}
		for i := 0; c.message() == nil; i++ {
			m.pix[(i+len(p))%len(m.pix)]++
			s.look()
			if c.waits() {
				w := c.wishes
				c.wishes = wishes{format: w.format, accepts: w.accepts}
				if _, err := c.update(w); err != nil {
					t.Fatal(err)
				}
			}
		}
		c.input.release()
	})
}
