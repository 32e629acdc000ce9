package emu

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"goemu/emu/debuglog"
	"goemu/emu/trace"
)

// What nobody asks for is not recorded; tracing and the recorder do not take events from each other.
func TestTraceAndRecord(t *testing.T) {
	var out bytes.Buffer
	m, err := New(Config{Firmware: "bios-256k.bin", Serial: []string{"none"}, ConsoleOut: io.Discard, Stopped: true, Trace: trace.New(debuglog.New(0, &out))})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if m.rec.kinds != 0 || m.space.OnIO != nil {
		t.Errorf("records %s", m.rec.kinds)
	}
	for _, c := range []struct {
		pattern string
		on      bool
		err     string
	}{{"cpu_out", true, ""}, {"memory*", true, ""}, {"none*", true, ""}, {"none", true, `unknown event "none"`}, {"exception", true, ""}, {"exception", false, ""}} {
		if err := m.SetTrace(c.pattern, c.on); (err == nil) != (c.err == "") || err != nil && err.Error() != c.err {
			t.Errorf("%s: %v", c.pattern, err)
		}
	}
	m.Record(0)
	if m.rec.kinds.String() != "port,mmio" || m.space.OnIO == nil {
		t.Errorf("records %s", m.rec.kinds)
	}
	m.vcpus[0].Out(0x80, 1, 0x55)
	m.vcpus[0].In(0x80, 1)
	if s := out.String(); strings.Count(s, "\n") != 1 || !strings.Contains(s, "cpu_out time=") || !strings.Contains(s, "addr=0x80 size=1 val=0x55") {
		t.Error(s)
	}
	if list, last := m.Events(0, 10); len(list) != 0 || last != 0 {
		t.Errorf("%v", list)
	}
	human := func(line string) string { return monitored{m}.Human(line) }
	if got := human("trace-event cpu_out maybe"); !strings.Contains(got, "on or off expected") {
		t.Error(got)
	}
	if got := human("info trace-events frob") + human("trace-event frob on"); got != "unknown event \"frob\"\r\nunknown event \"frob\"\r\n" {
		t.Errorf("%q", got)
	}
}
