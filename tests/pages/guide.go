package main

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// example finds the example of docs/guide.md.
var example = regexp.MustCompile("(?s)(<!-- example: emu/example_test.go -->\n```go\n).*?(```\n)")

// guidePage puts the example of package emu into docs/guide.md.
func guidePage(root, page string) (string, error) {
	source, err := os.ReadFile(filepath.Join(root, "emu/example_test.go"))
	if err != nil {
		return "", err
	}
	_, body, ok := strings.Cut(string(source), "func Example() {\n")
	body, _, end := strings.Cut(body, "\n}\n")
	if !ok || !end || !example.MatchString(page) {
		return "", errors.New("docs/guide.md: no example, or none in emu/example_test.go")
	}
	body = strings.ReplaceAll("\n"+body, "\n\t", "\n")[1:] + "\n"
	return example.ReplaceAllStringFunc(page, func(old string) string {
		m := example.FindStringSubmatch(old)
		return m[1] + body + m[2]
	}), nil
}
