package emu_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"goemu/devices/i8042"
	"goemu/emu"
)

// Keys that are pressed and let go at once, many more than a keyboard keeps, all come to the guest, in order; a flood that it does not read is bounded.
func TestPress(t *testing.T) {
	var out bytes.Buffer
	m, err := emu.New(emu.Config{Kernel: assemble(t, "keys.asm"), Debugcon: "stdio", ConsoleOut: &out, Serial: []string{"null"}})
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for i := range 50 {
		k := i8042.Key(0x10 + i%8)
		m.Press(k, true)
		m.Press(k, true) // again: nothing
		m.Press(k, false)
		m.Press(k, false)
		const hex = "0123456789ABCDEF"
		want = append(want, "1"+hex[k&15:][:1], "9"+hex[k&15:][:1])
	}
	m.Press(1, true)
	m.Press(1, false)
	for range 1_000_000 {
		m.Point(1, 1, 0, 0)
	}
	timeout := time.AfterFunc(patience, func() { m.Stop(99) })
	status, err := m.Run()
	timeout.Stop()
	if status != 0 || err != nil {
		t.Fatalf("status %d, %v: %s", status, err, &out)
	}
	var keys []string
	for _, b := range strings.Fields(out.String()) {
		if !strings.HasPrefix(b, "m") && b != "FA" {
			keys = append(keys, b)
		}
	}
	if got, want := strings.Join(keys, " "), strings.Join(want, " ")+" 01 81"; got != want {
		t.Errorf("keys %s, want %s", got, want)
	}
	if err := m.SetDisplayPassword("x"); err == nil || !strings.Contains(err.Error(), "-vnc") {
		t.Errorf("error %v", err)
	}
}
