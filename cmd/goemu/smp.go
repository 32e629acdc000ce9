package main

import (
	"fmt"
	"strconv"
	"strings"

	"goemu/emu"
)

// setSMP reads -smp: [cpus=]N and the numbers of sockets, cores in each and threads in each of these. As with QEMU what is
// not given follows from the rest; cores come before sockets.
func (set *settings) setSMP(s string) error {
	first, _, _ := strings.Cut(s, ",")
	if !strings.Contains(first, "=") {
		s = "cpus=" + s
	}
	props := map[string]string{}
	if err := emu.ParseProps("-smp", s, props); err != nil {
		return err
	}
	n := map[string]int{"cpus": 0, "maxcpus": 0, "sockets": 0, "dies": 0, "cores": 0, "threads": 0}
	for k, v := range props {
		if _, known := n[k]; !known {
			return fmt.Errorf("-smp: %s is not known (want [cpus=]N, sockets=N, cores=N, threads=N)", k)
		}
		x, err := strconv.ParseUint(v, 10, 16)
		if err != nil || x == 0 {
			return fmt.Errorf("-smp: %s=%s is not a number from 1 on", k, v)
		}
		n[k] = int(x)
	}
	if n["dies"] > 1 {
		return fmt.Errorf("-smp: dies=%d: a socket has one die", n["dies"])
	}
	or := func(v, preset int) int {
		if v == 0 {
			return preset
		}
		return v
	}
	cpus := or(n["cpus"], n["maxcpus"])
	threads := or(n["threads"], 1)
	cores, sockets := n["cores"], n["sockets"]
	if cores == 0 {
		sockets = or(sockets, 1)
		cores = max(or(cpus, sockets*threads)/(sockets*threads), 1)
	}
	if sockets == 0 {
		sockets = max(or(cpus, cores*threads)/(cores*threads), 1)
	}
	cpus = or(cpus, sockets*cores*threads)
	if m := n["maxcpus"]; m != 0 && m != cpus {
		return fmt.Errorf("-smp: maxcpus=%d: vCPUs cannot be added later, want %d", m, cpus)
	}
	if sockets*cores*threads != cpus {
		return fmt.Errorf("-smp: %d vCPUs are not %d sockets of %d cores with %d threads", cpus, sockets, cores, threads)
	}
	// The IDs of local APICs have a field for each level; without gaps they are the numbers of the vCPUs.
	pow2 := func(n int) bool { return n&(n-1) == 0 }
	if !pow2(threads) && cores*sockets > 1 || !pow2(cores) && sockets > 1 {
		return fmt.Errorf("-smp: %d sockets of %d cores with %d threads: want powers of two below the highest level that there are several of", sockets, cores, threads)
	}
	if cpus > emu.MaxCPUs {
		return fmt.Errorf("-smp: %d vCPUs: at most %d are possible", cpus, emu.MaxCPUs)
	}
	set.cfg.CPUs, set.cfg.Cores, set.cfg.Threads = cpus, cores, threads
	return nil
}
