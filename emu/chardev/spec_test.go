package chardev

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	yes := true
	for s, want := range map[string]Spec{
		"null":                                 {Kind: KindNull},
		"none":                                 {Kind: KindNone},
		"stdio":                                {Kind: KindStdio},
		"mon:stdio":                            {Kind: KindStdio, Mux: true},
		"pty":                                  {Kind: KindPTY},
		"vc":                                   {Kind: KindVC, Size: RingSize},
		"vc:80Cx24C":                           {Kind: KindVC, Size: RingSize},
		"ringbuf":                              {Kind: KindRing, Size: RingSize},
		"file:/a,b":                            {Kind: KindFile, Path: "/a,b"},
		"pipe:/a":                              {Kind: KindPipe, Path: "/a"},
		"/dev/ttyS1":                           {Kind: KindSerial, Path: "/dev/ttyS1"},
		"chardev:x":                            {Kind: KindRef, ID: "x"},
		"tcp:127.0.0.1:4444":                   {Kind: KindTCP, Address: "127.0.0.1:4444", NoDelay: true},
		"tcp::4444,server,nowait":              {Kind: KindTCP, Address: ":4444", Server: true, NoDelay: true},
		"tcp:[::1]:4444,server=on,nodelay":     {Kind: KindTCP, Address: "[::1]:4444", Server: true, Wait: true, NoDelay: true},
		"tcp:h:1,reconnect=3,delay=on,ipv4=on": {Kind: KindTCP, Address: "h:1", Reconnect: 3 * time.Second, IP: "4"},
		"telnet:h:1,server=on,wait=off":        {Kind: KindTCP, Address: "h:1", Server: true, Telnet: true, NoDelay: true},
		"unix:/a,,b,server=on,wait=off":        {Kind: KindUnix, Address: "/a,b", Server: true, NoDelay: true},
		"mon:unix:/a,server,nowait":            {Kind: KindUnix, Address: "/a", Server: true, NoDelay: true, Mux: true},
	} {
		got, err := Parse(s)
		if err != nil {
			t.Errorf("%s: %v", s, err)
		} else if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", s, d)
		}
	}
	for s, want := range map[string]Spec{
		"null,id=a":                                        {Kind: KindNull, ID: "a"},
		"stdio,id=a,mux=on,signal=on":                      {Kind: KindStdio, ID: "a", Mux: true, Signal: &yes},
		"file,id=a,path=x,,y,append=on":                    {Kind: KindFile, ID: "a", Path: "x,y", Append: true},
		"file,path=x,input-path=y,id=a":                    {Kind: KindFile, ID: "a", Path: "x", Input: "y"},
		"ringbuf,id=a,size=4096":                           {Kind: KindRing, ID: "a", Size: 4096},
		"vc,id=a,cols=80,rows=25":                          {Kind: KindVC, ID: "a", Size: RingSize},
		"pty,id=a,logfile=l,logappend=on":                  {Kind: KindPTY, ID: "a", LogFile: "l", LogAppend: true},
		"serial,id=a,path=/dev/ttyUSB0":                    {Kind: KindSerial, ID: "a", Path: "/dev/ttyUSB0"},
		"pipe,id=a,path=p":                                 {Kind: KindPipe, ID: "a", Path: "p"},
		"socket,id=a,path=/s,server=on,wait=off":           {Kind: KindUnix, ID: "a", Address: "/s", Server: true, NoDelay: true},
		"socket,id=a,host=::1,port=0,server,nowait,telnet": {Kind: KindTCP, ID: "a", Address: "[::1]:0", Server: true, Telnet: true, NoDelay: true},
		"backend=socket,id=a,port=5,reconnect=1":           {Kind: KindTCP, ID: "a", Address: ":5", Reconnect: time.Second, NoDelay: true},
	} {
		got, err := ParseOption(s)
		if err != nil {
			t.Errorf("%s: %v", s, err)
		} else if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", s, d)
		}
	}
}

// Each error holds the words that help.
func TestParseErrors(t *testing.T) {
	long := "/" + strings.Repeat("l", 149)
	for s, want := range map[string]string{
		"":                           "want stdio",
		"warp":                       "want stdio",
		"udp:1@:2":                   "datagrams",
		"COM1":                       "want stdio",
		"msmouse":                    "PS/2",
		"/dev/parport0":              "use file:",
		"file:":                      "no path",
		"pipe:":                      "no path",
		"chardev:":                   "no id",
		"tcp:1":                      "HOST:PORT",
		"tcp:h:":                     "no path or port",
		"tcp:h:99999":                `port "99999"`,
		"tcp:h:1,server=2":           "want on or off",
		"tcp:h:1,server,server":      "given twice",
		"tcp:h:1,tls-creds=x":        "tls-creds= is not done",
		"tcp:h:1,wait=on":            "server=on",
		"tcp:h:1,frob=1":             "frob= is not known",
		"tcp:h:1,server,reconnect=1": "for clients",
		"tcp:h:1,":                   "not an option",
		"unix:":                      "no path",
		"unix:" + long:               long + " has 150: use a shorter one",
		"mon:mon:stdio":              "mon:",
		"mon:none":                   "mon:",
	} {
		if _, err := Parse(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", s, err, want)
		}
	}
	for s, want := range map[string]string{
		"null":                            "id= is missing",
		"warp,id=a":                       "have: file, memory, null",
		"udp,id=a":                        "datagrams",
		"file,id=a":                       "no path=",
		"null,id=a,path=x":                "path= is not known",
		"ringbuf,id=a,size=5":             "power of two",
		"ringbuf,id=a,size=1234567890123": "from 0 to",
		"socket,id=a":                     "no path or port",
		"socket,id=a,path=x,port=1":       "exclude",
		"socket,id=a,fd=3":                "descriptors",
		"stdio,id=a,signal=maybe":         "want on or off",
		"null,id=a,mux=maybe":             "want on or off",
	} {
		_, err := ParseOption(s)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", s, err, want)
		}
	}
	if h := BackendHelp(); !strings.Contains(h, "\n  socket\n") {
		t.Error(h)
	}
}

// open opens what s says.
func open(t *testing.T, s string) Source {
	t.Helper()
	var spec Spec
	var err error
	if strings.Contains(s, "id=") {
		spec, err = ParseOption(s)
	} else {
		spec, err = Parse(s)
	}
	if err != nil {
		t.Fatal(err)
	}
	src, err := spec.Open(nil)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	out, in, log := filepath.Join(dir, "out"), filepath.Join(dir, "in"), filepath.Join(dir, "log")
	if err := errors.Join(os.WriteFile(in, []byte("typed"), 0o600), os.WriteFile(out, []byte("old "), 0o600)); err != nil {
		t.Fatal(err)
	}
	src := open(t, "file,id=a,path="+out+",append=on,input-path="+in+",logfile="+log).(*Logged)
	typed, closed := "", make(chan struct{})
	src.Start(func(p []byte) { typed += string(p) }, func(e Event) {
		if e == Closed {
			close(closed)
		}
	})
	<-closed
	if err := errors.Join(src.Source.(*Output).Begin(), src.Log().Begin()); err != nil {
		t.Fatal(err)
	}
	src.Offer([]byte("new"))
	if err := errors.Join(src.Close(), src.Log().Close()); err != nil {
		t.Fatal(err)
	}
	for f, want := range map[string]string{out: "old new", log: "new"} {
		if p, err := os.ReadFile(f); string(p) != want || err != nil {
			t.Errorf("%s holds %q, %v; want %q", f, p, err, want)
		}
	}
	if typed != "typed" {
		t.Errorf("%q was read", typed)
	}
	made := filepath.Join(dir, "made")
	if err := open(t, "file:"+made).(*Output).Abandon(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(made); err == nil {
		t.Error("a file that was made is left")
	}
	for _, s := range []string{"file:" + dir, "file:" + dir + "/no/such", "pipe:" + dir + "/no", "unix:" + dir + "/no", "/dev/null",
		"unix:" + dir + "/no/such,server=on"} {
		spec, err := Parse(s)
		if err == nil {
			_, err = spec.Open(nil)
		}
		if err == nil {
			t.Errorf("%s is opened", s)
		}
	}
}

func TestRing(t *testing.T) {
	r := open(t, "ringbuf,id=a,size=8").(*Ring)
	for _, c := range []struct{ write, read string }{
		{"abc", "abc"}, {"", ""}, {"12345678", "12345678"}, {"abcdefghij", "cdefghij"}, {"xy", "xy"}, {strings.Repeat("0123456789", 9), "23456789"},
	} {
		if n := r.Offer([]byte(c.write)); n != len(c.write) {
			t.Errorf("%q: %d bytes taken", c.write, n)
		}
		if got := string(r.Read(3)) + string(r.Read(100)); got != c.read {
			t.Errorf("%q: %q read, want %q", c.write, got, c.read)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("mon:tcp:[::1]:4444,server=on,nowait,,x=y")
	f.Add("socket,id=a,path=/x,,y,server,no-wait,reconnect=1")
	f.Fuzz(func(t *testing.T, s string) {
		if spec, err := Parse(s); err == nil && spec.Kind == "" {
			t.Errorf("%q: no kind", s)
		}
		if spec, err := ParseOption(s); err == nil && (spec.Kind == "" || spec.ID == "") {
			t.Errorf("%q: no kind or ID", s)
		}
	})
}
