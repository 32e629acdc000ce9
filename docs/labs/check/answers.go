package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// readAnswers reads lines "question = value"; # begins a comment.
func readAnswers(file string) (map[string]string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	answers := map[string]string{}
	for n, line := range strings.Split(string(text), "\n") {
		line, _, _ = strings.Cut(line, "#")
		if strings.TrimSpace(line) == "" {
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if key = strings.TrimSpace(key); !ok || key == "" {
			return nil, fmt.Errorf("%s:%d: want question = value", file, n+1)
		}
		if _, twice := answers[key]; twice {
			return nil, fmt.Errorf("%s:%d: %s is answered twice", file, n+1, key)
		}
		answers[key] = normalise(value)
	}
	return answers, nil
}

// normalise makes one form of all ways to write a value: numbers (12, 0xc, 0Ch) are decimal, words lower case, lists sorted.
func normalise(value string) string {
	var words []string
	for _, w := range strings.FieldsFunc(strings.ToLower(value), func(r rune) bool { return strings.ContainsRune(", \t\r", r) }) {
		digits, hex := w, 0
		if h, ok := strings.CutSuffix(w, "h"); ok {
			digits, hex = h, 16
		}
		if n, err := strconv.ParseUint(digits, hex, 64); err == nil {
			w = strconv.FormatUint(n, 10)
		}
		words = append(words, w)
	}
	slices.Sort(words)
	return strings.Join(words, " ")
}

// digest is how right answers stand here: to be compared, not to be read.
func digest(lab int, key, value string) string {
	return fmt.Sprintf("%x", sha256.Sum256(fmt.Appendf(nil, "goemu lab %d %s=%s", lab, key, value)))[:12]
}
