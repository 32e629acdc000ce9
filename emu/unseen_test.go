package emu_test

import (
	"io"
	"strings"
	"testing"

	"goemu/emu"
	"goemu/emu/debuglog"
	"goemu/emu/trace"
)

// Who has logged or traced what the engine does not see is told, at the start and by the monitor's commands.
func TestUnseen(t *testing.T) {
	defer emu.AcceptKVM()()
	goodKVM(t, "max", nil)
	for _, c := range []struct {
		accel emu.Accel
		items debuglog.Item
		trace string
		want  string
	}{
		{emu.AccelKVM, debuglog.Int | debuglog.Exec | debuglog.GuestErrors, "", "-d int,exec: KVM does not tell"},
		{emu.AccelKVM, debuglog.GuestErrors | debuglog.CPUReset, "cpu_out", ""},
		{emu.AccelKVM, 0, "exception", "-trace exception: KVM does not tell"},
		{emu.AccelKVM, debuglog.Stats, "*", "-d stats and -trace exception,interrupt,cpu_mode: KVM does not tell"},
		{emu.AccelKVMOrInterp, debuglog.Int, "", "-d int: KVM does not tell"},
		{emu.AccelInterp, debuglog.Int | debuglog.OutAsm, "exception", "-d out_asm: the interpreter"},
		{emu.AccelInterp, debuglog.Int, "exception", ""},
		{emu.AccelInterp, debuglog.Insns, "", "-d insns: instructions are counted with -icount only"},
		{emu.AccelKVM, debuglog.Insns | debuglog.Exec, "", "-d insns: instructions are counted with -icount only; -d exec: KVM does not tell"},
		{emu.AccelAuto, debuglog.Int, "exception", ""},
	} {
		tr := trace.New(debuglog.New(0, io.Discard))
		tr.Apply(c.trace)
		m, err := emu.New(emu.Config{PowerOn: true, Accel: c.accel, ConsoleOut: io.Discard, Log: debuglog.New(c.items, io.Discard), Trace: tr})
		must(t, err)
		if w := strings.Join(m.Warnings(), "\n"); !strings.HasPrefix(w, c.want) || c.want == "" && w != "" || strings.Contains(w, "\n") {
			t.Errorf("%v, %q: %q, want %q", c.accel, c.trace, w, c.want)
		}
		must(t, m.Close())
	}

	m, err := emu.New(emu.Config{PowerOn: true, Accel: emu.AccelKVM, ConsoleOut: io.Discard, Log: debuglog.New(0, io.Discard), Trace: trace.New(debuglog.New(0, io.Discard))})
	must(t, err)
	ended := make(chan struct{})
	go func() {
		m.Run()
		close(ended)
	}()
	for _, c := range []struct{ line, want string }{
		{"log guest_errors", ""},
		{"log int,cpu", "warning: -d int,cpu: KVM does not tell of all that happens in it; -accel tcg does\r\n"},
		{"accel interp", ""},
		{"trace-event exception on", ""},
		{"accel kvm", "warning: -d int,cpu and -trace exception: KVM does not tell of all that happens in it; -accel tcg does\r\n"},
		{"trace-event exception off", ""},
		{"log none", ""},
		{"trace-event cpu_o* on", ""},
		{"trace-event cpu_* on", "warning: -trace cpu_mode: KVM does not tell of all that happens in it; -accel tcg does\r\n"},
	} {
		if got := emu.Human(m, c.line); got != c.want {
			t.Errorf("%s: %q, want %q", c.line, got, c.want)
		}
	}
	m.Stop(0)
	<-ended
	must(t, m.Close())
}
