// Package debuglog is the log behind -d, -D and -dfilter: which items are
// wanted, for which guest addresses, and where the text goes. Items have the
// names that QEMU users know.
package debuglog

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// Item is one kind of log entry.
type Item uint32

// Items of -d.
const (
	InAsm       Item = 1 << iota // guest assembly of each block translated
	Op                           // its micro-ops before optimisation
	OpOpt                        // and after
	OutAsm                       // host assembly
	Int                          // exceptions and interrupts
	Exec                         // each block executed
	CPU                          // registers before each block executed
	MMU                          // page faults, CR3 loads and TLB flushes
	GuestErrors                  // what the guest does that hardware would not answer
	Stats                        // what the engine and the CPU counted, at the end
	CPUReset                     // registers before each reset of the machine
	Insns                        // the number of instructions executed, at the end (-icount)
)

var names = []struct {
	name, help string
	item       Item
}{
	{"in_asm", "guest assembly of each block when it is translated", InAsm},
	{"op", "micro-ops of each block before optimisation", Op},
	{"op_opt", "micro-ops of each block after optimisation", OpOpt},
	{"out_asm", "host assembly of each block", OutAsm},
	{"int", "exceptions and interrupts, with error code and registers", Int},
	{"exec", "a line for each block executed (blocks are not chained)", Exec},
	{"cpu", "registers before each block executed (blocks are not chained)", CPU},
	{"mmu", "page faults with their walks, loads of CR3, TLB flushes", MMU},
	{"stats", "what the engine did, instructions that goemu lacks, exceptions by vector, at the end", Stats},
	{"insns", "the number of instructions executed, at the end (needs -icount)", Insns},
	{"cpu_reset", "registers before each reset of the machine", CPUReset},
	{"unimp", "the same as guest_errors", GuestErrors},
	{"guest_errors", "accesses that no device answers, instructions that goemu lacks", GuestErrors},
}

// Help lists the items, a line each.
func Help() string {
	var b strings.Builder
	b.WriteString("Log items (comma-separated for -d):\n")
	for _, n := range names {
		fmt.Fprintf(&b, "%-14s %s\n", n.name, n.help)
	}
	return b.String()
}

// Names are the names of the items.
func Names() (list []string) {
	for _, n := range names {
		list = append(list, n.name)
	}
	return list
}

// Parse reads a comma-separated list of items; none is no item.
func Parse(list string) (Item, error) {
	var items Item
next:
	for _, w := range strings.Split(list, ",") {
		if w == "none" {
			continue
		}
		for _, n := range names {
			if n.name == w {
				items |= n.item
				continue next
			}
		}
		var known []string
		for _, n := range names {
			known = append(known, n.name)
		}
		sort.Strings(known)
		return 0, fmt.Errorf("unknown log item %q (known: %s)", w, strings.Join(known, ", "))
	}
	return items, nil
}

// Range is a range of guest addresses, both ends included.
type Range struct{ First, Last uint64 }

// ParseRanges reads the argument of -dfilter: START..END, START+SIZE or START-SIZE, comma-separated.
func ParseRanges(s string) ([]Range, error) {
	var rs []Range
	for _, w := range strings.Split(s, ",") {
		sep, at := "", -1
		for _, c := range []string{"..", "+", "-"} {
			if i := strings.Index(w, c); i > 0 {
				sep, at = c, i
				break
			}
		}
		if at < 0 {
			return nil, fmt.Errorf("address range %q: want START..END, START+SIZE or START-SIZE", w)
		}
		a, err := strconv.ParseUint(w[:at], 0, 64)
		if err != nil {
			return nil, fmt.Errorf("address range %q: %w", w, err)
		}
		b, err := strconv.ParseUint(w[at+len(sep):], 0, 64)
		if err != nil {
			return nil, fmt.Errorf("address range %q: %w", w, err)
		}
		r := Range{a, b}
		switch {
		case sep != ".." && b == 0:
			return nil, fmt.Errorf("address range %q is empty", w)
		case sep == "+":
			r.Last = a + b - 1
		case sep == "-":
			r = Range{a - (b - 1), a}
		}
		if r.Last < r.First {
			return nil, fmt.Errorf("address range %q ends before it begins", w)
		}
		rs = append(rs, r)
	}
	return rs, nil
}

// Log is where the wanted items go. A nil *Log wants nothing.
type Log struct {
	items  atomic.Uint32 // Item
	ranges []Range
	mu     sync.Mutex
	w      *bufio.Writer
	f      io.Closer
	live   bool // the reader watches: flush after every entry
}

// Open makes a log of items. file "" is standard error; ranges empty means all addresses.
func Open(items Item, file string, ranges []Range) (*Log, error) {
	l := &Log{ranges: ranges, w: bufio.NewWriter(os.Stderr), live: true}
	l.Set(items)
	if file == "" {
		return l, nil
	}
	if err := l.SetFile(file); err != nil {
		return nil, err
	}
	l.live = false
	return l, nil
}

// New makes a log of items that writes to w.
func New(items Item, w io.Writer) *Log {
	l := &Log{w: bufio.NewWriter(w), live: true}
	l.Set(items)
	return l
}

// Wants tells whether any of items is logged.
func (l *Log) Wants(items Item) bool { return l != nil && Item(l.items.Load())&items != 0 }

// Wanted are the names of those of items that are logged; nil: none.
func (l *Log) Wanted(items Item) (list []string) {
	for _, n := range names {
		if l.Wants(n.item&items) && n.name != "unimp" { // which is another name
			list = append(list, n.name)
		}
	}
	return list
}

// Set says which items are wanted from now on.
func (l *Log) Set(items Item) { l.items.Store(uint32(items)) }

// SetFile has the log go on in another file, which is emptied and written entry by entry.
func (l *Log) SetFile(file string) error {
	f, err := os.Create(file)
	if err != nil {
		return fmt.Errorf("log file: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	err = l.end()
	l.w, l.f, l.live = bufio.NewWriterSize(f, 1<<16), f, true
	return err
}

// At tells whether any of items is logged for guest address rip.
func (l *Log) At(items Item, rip uint64) bool {
	if !l.Wants(items) {
		return false
	}
	if len(l.ranges) == 0 {
		return true
	}
	for _, r := range l.ranges {
		if rip >= r.First && rip <= r.Last {
			return true
		}
	}
	return false
}

// Printf writes to the log.
func (l *Log) Printf(format string, args ...any) {
	l.Write(func(w io.Writer) { fmt.Fprintf(w, format, args...) })
}

// Write lets f write one entry.
func (l *Log) Write(f func(w io.Writer)) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	f(l.w)
	if l.live {
		l.w.Flush()
	}
}

// Close writes out what is buffered.
func (l *Log) Close() error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.end()
}

func (l *Log) end() error {
	err := l.w.Flush()
	if l.f != nil {
		if e := l.f.Close(); err == nil {
			err = e
		}
	}
	if err != nil {
		return fmt.Errorf("log: %w", err)
	}
	return nil
}
