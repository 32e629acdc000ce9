package commands

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"goemu/tests/guest"
)

// What cannot be written where standard output goes is an error, which is said once.
func TestFullOutput(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	for line, status := range map[string]int{
		"-h": 1, "doctor": 1, "version": 1, "completion bash": 1, "man": 1, "help": 1, "crosscheck --a interp --b interp --insns 1k": 2,
		"crosscheck -h": 2, "crosscheck --undefined help": 2,
	} {
		cmd := exec.Command(guest.Goemu(t), strings.Fields(line)...)
		var said strings.Builder
		cmd.Stdout, cmd.Stderr = full, &said
		if err := cmd.Run(); cmd.ProcessState == nil {
			t.Fatal(err)
		}
		if got := cmd.ProcessState.ExitCode(); got != status || strings.Count(said.String(), "no space left on device") != 1 {
			t.Errorf("goemu %s: status %d, want %d: %s", line, got, status, said.String())
		}
	}
}
