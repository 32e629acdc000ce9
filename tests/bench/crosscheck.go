//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

const onlyCross = "crosscheck"

// crossRows are comparisons of the translator with the interpreter, with the least million instructions a second that they must reach.
var crossRows = []struct {
	every, insns string
	target       float64
}{
	{"block", "50M", 20}, {"insn", "10M", 0.2}, {"1M", "50M", 0}, {"exit", "50M", 0},
}

// crossTable compares the beginning of a boot of Debian on two engines.
func crossTable(w io.Writer, goemu, guests string, runs int) error {
	fmt.Fprintf(w, "\n## Comparing engines\n\n`goemu crosscheck` of the translator with the interpreter, at the beginning of a boot of Debian.\n\n")
	fmt.Fprintf(w, "| --every | instructions | million a second | target |\n|---|---|---|---|\n")
	for _, row := range crossRows {
		var speeds []float64
		for i := range runs {
			fmt.Fprintf(os.Stderr, "bench: run %d of %d: crosscheck --every %s\n", i+1, runs, row.every)
			out, err := exec.Command(goemu, "crosscheck", "--json", "--every", row.every, "--insns", row.insns, "-m", "256", "-kernel", filepath.Join(guests, "vmlinuz"),
				"-initrd", filepath.Join(guests, "initrd.gz"), "-append", "console=ttyS0").Output()
			if err != nil {
				return fmt.Errorf("crosscheck: %w\n%s", err, out)
			}
			var r struct{ Insns, Seconds float64 }
			if err := json.Unmarshal(out, &r); err != nil {
				return err
			}
			speeds = append(speeds, r.Insns/r.Seconds/1e6)
		}
		slices.Sort(speeds)
		target := "-"
		if row.target > 0 {
			target = fmt.Sprintf("%.1f", row.target)
		}
		fmt.Fprintf(w, "| %s | %s | %.1f | %s |\n", row.every, row.insns, speeds[len(speeds)/2], target)
	}
	return nil
}
