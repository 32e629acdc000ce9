//go:build linux

// Bench measures goemu against QEMU's TCG and against the host: it boots the
// same kernel and the same static programs on each in turn and times, on the
// host's clock, the lines they print. It prints medians and ratios. Then it boots media, as pc.go has it,
// and compares engines.
//
//	go run ./tests/bench [-runs 3] [-only NAME] [-factor F] [-o docs/performance.md]
package main

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// target is the least ratio (QEMU's time over goemu's) a program must reach.
var target = map[string]float64{
	"boot": 1, "sse2-scalar": 4, "sse2-packed": 10, "x87": 10, "rep-movsb": 20, "calls": 2, "indirect": 2,
}

const floor = 0.9 // for every other program

// run is what one boot of the suite gave.
type run struct {
	names []string
	secs  map[string]float64
	sums  map[string]string
	rss   int64 // peak resident memory in bytes
	over  int64 // most resident memory beside the guest's RAM, in bytes, seen at the end of a program
}

func main() {
	runs := flag.Int("runs", 3, "runs of each")
	factor := flag.String("factor", "1", "scale the amounts of work")
	only := flag.String("only", "", "run only this C program, or \"pc\": only the PC that boots from media, or \"crosscheck\": only the comparison of engines")
	out := flag.String("o", "", "write the table to this file as well")
	engines := flag.String("engines", "goemu,qemu,native", "which to run")
	flag.Parse()
	if err := bench(*runs, *factor, *only, *out, strings.Split(*engines, ",")); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func bench(runs int, factor, only, out string, engines []string) error {
	guests := os.Getenv("GOEMU_GUESTS")
	if guests == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return err
		}
		guests = filepath.Join(cache, "goemu", "guests")
	}
	for _, f := range []string{"vmlinuz", "bench.gz", "bench", "bench32"} {
		if _, err := os.Stat(filepath.Join(guests, f)); err != nil {
			return fmt.Errorf("%w (run make guests first)", err)
		}
	}
	dir, err := os.MkdirTemp("", "goemu-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	goemu := filepath.Join(dir, "goemu")
	build := exec.Command("go", "build", "-o", goemu, "./cmd/goemu")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if o, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build: %w\n%s", err, o)
	}
	script := "/bench/suite.sh"
	if only != "" {
		script = "/bench/bench"
	}
	guest := []string{"-m", fmt.Sprint(guestRAM >> 20), "-kernel", filepath.Join(guests, "vmlinuz"), "-initrd", filepath.Join(guests, "bench.gz"), "-append",
		"console=ttyS0 quiet goemu.run=/bench/one.sh goemu.args=" + script + "," + only + "," + factor, "-nographic", "-no-reboot"}
	command := map[string][]string{
		"goemu":  append([]string{goemu, "-accel", "tcg"}, guest...),
		"interp": append([]string{goemu, "-accel", "interp"}, guest...),
		"qemu":   append([]string{"qemu-system-x86_64", "-accel", "tcg", "-cpu", "max"}, guest...),
	}
	results := map[string][]run{}
	for i := range runs {
		for _, e := range engines {
			if only == onlyPC || only == onlyCross {
				break
			}
			fmt.Fprintf(os.Stderr, "bench: run %d of %d: %s\n", i+1, runs, e)
			var r run
			var err error
			if e == "native" {
				r, err = native(guests, only, factor)
			} else {
				r, err = timed(command[e])
			}
			if err != nil {
				return fmt.Errorf("%s: %w", e, err)
			}
			results[e] = append(results[e], r)
		}
	}
	var b bytes.Buffer
	if only != onlyPC && only != onlyCross {
		report(&b, results, engines)
	}
	if slices.Contains(engines, "goemu") && only != onlyCross {
		if err := startup(&b, goemu, runs); err != nil {
			return err
		}
	}
	if only == onlyPC || only == "" {
		if err := pcTable(&b, goemu, runs); err != nil {
			return err
		}
	}
	if only == onlyCross || only == "" {
		if err := crossTable(&b, goemu, guests, runs); err != nil {
			return err
		}
	}
	os.Stdout.Write(b.Bytes())
	if out != "" {
		return os.WriteFile(out, page(b.Bytes(), runs), 0o644)
	}
	return nil
}

// timed runs one command and takes the time of the lines "bench NAME begin" and "bench NAME end SUM".
func timed(args []string) (run, error) {
	cmd := exec.Command(args[0], args[1:]...)
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return run{}, err
	}
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return run{}, err
	}
	over := int64(0)
	r, tail := read(pipe, start, func() { over = max(over, overhead(cmd.Process.Pid)) })
	r.over = over
	if err := cmd.Wait(); err != nil {
		return r, fmt.Errorf("%w; last output:\n%s", err, tail)
	}
	if u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		r.rss = u.Maxrss << 10
	}
	if !slices.Contains(r.names, "boot") {
		return r, fmt.Errorf("the guest did not come up; last output:\n%s", tail)
	}
	return r, nil
}

// native runs the same programs on the host.
func native(guests, only, factor string) (run, error) {
	name := only
	if name == "" {
		name = "all"
	}
	r, err := onHost(filepath.Join(guests, "bench"), name, factor)
	if err != nil || only != "" {
		return r, err
	}
	r32, err := onHost(filepath.Join(guests, "bench32"), factor)
	if err != nil {
		return r, err
	}
	r.names = append(r.names, r32.names...)
	maps.Copy(r.secs, r32.secs)
	maps.Copy(r.sums, r32.sums)
	return r, nil
}

func onHost(program string, args ...string) (run, error) {
	cmd := exec.Command(program, args...)
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return run{}, err
	}
	if err := cmd.Start(); err != nil {
		return run{}, err
	}
	r, _ := read(pipe, time.Now(), func() {})
	return r, cmd.Wait()
}

// guestRAM is what the machines are given, in bytes.
const guestRAM = 512 << 20

// overhead is the resident memory of a process without the mapping that is the guest's RAM, in bytes.
func overhead(pid int) int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps", pid))
	if err != nil {
		return 0
	}
	var total, lo, hi int64
	for _, l := range strings.Split(string(b), "\n") {
		var rss int64
		if n, _ := fmt.Sscanf(l, "%x-%x ", &lo, &hi); n == 2 {
			continue
		}
		if n, _ := fmt.Sscanf(l, "Rss: %d kB", &rss); n == 1 && hi-lo < guestRAM {
			total += rss << 10
		}
	}
	return total
}

// read takes the times of the lines; between is called after each program.
func read(pipe io.Reader, start time.Time, between func()) (run, string) {
	r := run{secs: map[string]float64{}, sums: map[string]string{}}
	add := func(name string, d time.Duration) {
		r.names = append(r.names, name)
		r.secs[name] = d.Seconds()
	}
	var begun time.Time
	var tail []string
	in := bufio.NewScanner(pipe)
	in.Buffer(make([]byte, 1<<16), 1<<20)
	for in.Scan() {
		now := time.Now()
		line := in.Text()
		if tail = append(tail, line); len(tail) > 20 {
			tail = tail[1:]
		}
		w := strings.Fields(line)
		switch {
		case strings.Contains(line, "goemu-guest: init"):
			add("boot", now.Sub(start))
		case len(w) >= 3 && w[0] == "bench" && w[2] == "begin":
			begun = now
		case len(w) >= 4 && w[0] == "bench" && w[2] == "end":
			add(w[1], now.Sub(begun))
			r.sums[w[1]] = w[3]
			between()
		}
	}
	return r, strings.Join(tail, "\n")
}

func median(rs []run, name string) float64 {
	var v []float64
	for _, r := range rs {
		if s, ok := r.secs[name]; ok {
			v = append(v, s)
		}
	}
	if len(v) == 0 {
		return math.NaN()
	}
	slices.Sort(v)
	return v[len(v)/2]
}

// shortest is the time in seconds below which lines on a console cannot time a program: no ratio is made of it.
const shortest = 1e-3

// report writes the table of medians, in seconds, and ratios.
func report(w io.Writer, results map[string][]run, engines []string) {
	first := results[engines[0]][0]
	fmt.Fprintf(w, "| program |")
	for _, e := range engines {
		fmt.Fprintf(w, " %s s |", e)
	}
	fmt.Fprintf(w, " QEMU/goemu | target | goemu/native |\n|---|%s---|---|---|\n", strings.Repeat("---|", len(engines)))
	logs, n := 0.0, 0
	for _, name := range first.names {
		native := median(results["native"], name)
		if native < shortest {
			native = math.NaN()
		}
		fmt.Fprintf(w, "| %s |", name)
		for _, e := range engines {
			fmt.Fprintf(w, " %s |", number(median(results[e], name)))
		}
		ratio := median(results["qemu"], name) / median(results["goemu"], name)
		want, ok := target[name]
		if !ok {
			want = floor
		}
		mark := ""
		if ratio < want {
			mark = " (missed)"
		}
		if name != "boot" && !math.IsNaN(ratio) {
			logs += math.Log(ratio)
			n++
		}
		fmt.Fprintf(w, " %s | %.1f%s | %s |\n", number(ratio), want, mark, number(median(results["goemu"], name)/native))
		for _, e := range engines {
			if s := results[e][0].sums[name]; s != first.sums[name] && s != "" {
				fmt.Fprintf(w, "\n%s: %s computed %s, %s %s: WRONG\n\n", name, engines[0], first.sums[name], e, s)
			}
		}
	}
	if n > 0 {
		fmt.Fprintf(w, "\nGeometric mean of the programs, QEMU/goemu: %.2f (target 2.5)\n", math.Exp(logs/float64(n)))
	}
	for _, e := range engines {
		if rss := results[e][0].rss; rss > 0 {
			fmt.Fprintf(w, "Peak resident memory of %s: %d MiB, of which beside the guest's RAM at most %d MiB (target for goemu: 100)\n",
				e, rss>>20, results[e][0].over>>20)
		}
	}
}

func number(v float64) string {
	switch {
	case math.IsNaN(v):
		return "-"
	case v < 0.1:
		return fmt.Sprintf("%.4f", v)
	default:
		return fmt.Sprintf("%.2f", v)
	}
}

// startup measures process start to the first guest instruction: a guest whose first instruction writes to isa-debug-exit.
func startup(w io.Writer, goemu string, runs int) error {
	dir, err := os.MkdirTemp("", "goemu-start")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	kernel := filepath.Join(dir, "exit.bin")
	if err := os.WriteFile(kernel, exitKernel(), 0o644); err != nil {
		return err
	}
	var v []float64
	for range max(runs, 5) {
		start := time.Now()
		err := exec.Command(goemu, "-kernel", kernel, "-nographic", "-device", "isa-debug-exit,iobase=0xf4,iosize=4").Run()
		d := time.Since(start)
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 1 {
			return fmt.Errorf("start-up guest: %v", err)
		}
		v = append(v, d.Seconds()*1000)
	}
	slices.Sort(v)
	fmt.Fprintf(w, "Start, first guest instruction and exit: %.1f ms (target 50)\n", v[len(v)/2])
	return nil
}

// exitKernel is a multiboot kernel (address fields in the header) of two instructions: xor eax, eax; out 0xf4, eax.
func exitKernel() []byte {
	const base, magic, flags = 0x100000, 0x1BADB002, 1 << 16
	le := func(v uint32) []byte { return []byte{byte(v), byte(v >> 8), byte(v >> 16), byte(v >> 24)} }
	var b []byte
	check := uint32(magic)
	check = -(check + flags)
	for _, v := range []uint32{magic, flags, check, base, base, 0, 0, base + 32} {
		b = append(b, le(v)...)
	}
	b = append(b, 0x31, 0xc0, 0xe7, 0xf4, 0xf4)
	return append(b, make([]byte, 64)...)
}

// page wraps the table for docs/performance.md.
func page(table []byte, runs int) []byte {
	cpu := "unknown CPU"
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for _, l := range strings.Split(string(b), "\n") {
			if k, v, ok := strings.Cut(l, ":"); ok && strings.TrimSpace(k) == "model name" {
				cpu = strings.TrimSpace(v)
				break
			}
		}
	}
	qemu, _ := exec.Command("qemu-system-x86_64", "--version").Output()
	first, _, _ := strings.Cut(string(qemu), "\n")
	var b bytes.Buffer
	fmt.Fprintf(&b, "# Performance\n\nMade by `make bench` on %s: %s, %d cores, %s, %s. Medians of %d runs, goemu and QEMU in turn.\n"+
		"Times are of the host's clock, from lines on the guest's console; the same static programs run natively in the third column.\n\n",
		time.Now().Format("2006-01-02"), cpu, runtime.NumCPU(), runtime.Version(), first, runs)
	b.Write(table)
	return b.Bytes()
}
