// Package tourtest says what the built-in guest must print, for tests of whatever runs it.
package tourtest

import (
	_ "embed"
	"regexp"
	"strings"
)

// Auto is what the guest prints in its automatic mode on a processor that follows the manuals, masked.
//
//go:embed testdata/auto.txt
var Auto string

var masks = []struct {
	text *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`\r\n`), "\n"},
	{regexp.MustCompile(`\d+ cycles of the TSC, \d+ ticks`), "N cycles of the TSC, N ticks"},
	{regexp.MustCompile(`after \d+ switches`), "after N switches"},
}

// Mask replaces what differs from run to run: measured times, and the resume flag in a double fault's frame, which the
// manuals leave open.
func Mask(out string) string {
	for _, m := range masks {
		out = m.text.ReplaceAllString(out, m.with)
	}
	sections := Sections(out)
	for i, s := range sections {
		if strings.HasPrefix(s, "fault df:") {
			sections[i] = strings.Replace(s, "RFLAGS 0000000000010", "RFLAGS 0000000000000", 1)
		}
	}
	return strings.Join(sections, "")
}

// Sections cuts masked output into pieces that begin with an unindented line.
func Sections(out string) []string {
	var all []string
	for _, line := range strings.SplitAfter(out, "\n") {
		if len(all) > 0 && strings.HasPrefix(line, " ") {
			all[len(all)-1] += line
		} else {
			all = append(all, line)
		}
	}
	return all
}
