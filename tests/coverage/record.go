package main

import (
	"fmt"
	"strconv"
	"strings"

	"goemu/decoder"
)

// key names a row.
func key(r *decoder.Row) string { return fmt.Sprintf("%v\t%s\t%s", r.Op, r.Enc, r.Args) }

// record is what a run of the row tests has left.
type record struct {
	cases, date, host string
	rows              map[string]entry
}

// entry is a row in it.
type entry struct {
	num    [3]int // cases in 64-, 32- and 16-bit code
	faults int    // of them raised an exception
	engine string // code, Go, both, none: see TestRows
	host   string // "host", or why the host is no oracle
}

func (e *entry) total() int { return e.num[0] + e.num[1] + e.num[2] }

// parseRecord reads the file that TestRows writes.
func parseRecord(text string) (*record, error) {
	rec := &record{rows: map[string]entry{}}
	for n, line := range strings.Split(strings.TrimSpace(text), "\n") {
		if name, v, ok := strings.Cut(line, "\t"); ok && name[0] == '#' {
			switch name {
			case "# cases":
				rec.cases = v
			case "# date":
				rec.date = v
			case "# host":
				rec.host = v
			}
		}
		if line[0] == '#' {
			continue
		}
		f := strings.Split(line, "\t")
		if len(f) != 9 {
			return nil, fmt.Errorf("line %d has %d fields", n+1, len(f))
		}
		var e entry
		for i, p := range []*int{&e.num[0], &e.num[1], &e.num[2], &e.faults} {
			var err error
			if *p, err = strconv.Atoi(f[3+i]); err != nil {
				return nil, fmt.Errorf("line %d: %w", n+1, err)
			}
		}
		e.engine, e.host = f[7], f[8]
		rec.rows[strings.Join(f[:3], "\t")] = e
	}
	return rec, nil
}
