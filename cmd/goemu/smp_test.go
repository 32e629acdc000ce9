package main

import (
	"io"
	"strings"
	"testing"
)

// What is not given follows from the rest, as QEMU's machines since 6.2 have it.
func TestParseSMP(t *testing.T) {
	for args, want := range map[string][3]int{
		"4":                                    {4, 4, 1},
		"cpus=2":                               {2, 2, 1},
		"4,sockets=4":                          {4, 1, 1},
		"8,cores=2":                            {8, 2, 1},
		"8,cores=2,threads=2":                  {8, 2, 2},
		"8,threads=2":                          {8, 4, 2},
		"sockets=2,cores=4":                    {8, 4, 1},
		"cpus=4,maxcpus=4,sockets=2,threads=2": {4, 1, 2},
	} {
		s, err := parse([]string{"-smp", args}, io.Discard)
		if err != nil {
			t.Errorf("-smp %s: %v", args, err)
			continue
		}
		if got := [3]int{s.cfg.CPUs, s.cfg.Cores, s.cfg.Threads}; got != want {
			t.Errorf("-smp %s: %d vCPUs, %d cores, %d threads; want %d", args, got[0], got[1], got[2], want)
		}
	}
	for args, want := range map[string]string{
		"0":                 "cpus=0",
		"many":              "cpus=many",
		"300":               "at most 254",
		"4,cores=3":         "4 vCPUs are not",
		"2,maxcpus=4":       "cannot be added later",
		"4,dies=2":          "one die",
		"4,frobs=2":         "frobs",
		"sockets=2,cores=3": "powers of two",
	} {
		if _, err := parse([]string{"-smp", args}, io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("-smp %s: error %v, want one with %q", args, err, want)
		}
	}
}
