// Package nearest finds what a misspelt name may stand for.
package nearest

import (
	"slices"
	"strings"
)

// Hint gives the names that a misspelt one may stand for, as part of a message.
func Hint(name string, names []string) string {
	name = strings.ToLower(name)
	type match struct {
		name string
		d    int
	}
	var l []match
	for _, n := range names {
		d := Distance(name, strings.ToLower(n))
		if d <= 2 || len(name) >= 3 && strings.Contains(strings.ToLower(n), name) {
			l = append(l, match{n, d})
		}
	}
	if len(l) == 0 {
		return ""
	}
	slices.SortStableFunc(l, func(a, b match) int {
		if a.d != b.d {
			return a.d - b.d
		}
		return strings.Compare(a.name, b.name)
	})
	var out []string
	for _, m := range l[:min(len(l), 4)] {
		out = append(out, m.name)
	}
	return " (did you mean " + strings.Join(out, ", ") + "?)"
}

// Distance is the number of single-letter edits between a and b.
func Distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diag := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := diag
			if a[i-1] != b[j-1] {
				cost++
			}
			diag = row[j]
			row[j] = min(cost, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}
