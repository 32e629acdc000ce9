package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"goemu/decoder"
)

const top = "../.."

// TestPageIsCurrent: the page lists the rows of the table, all of them and in order, as the command would.
func TestPageIsCurrent(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(top, recordPath))
	if err != nil {
		t.Fatal(err)
	}
	rec, err := parseRecord(string(text))
	if err != nil {
		t.Fatal(err)
	}
	have, err := os.ReadFile(filepath.Join(top, pagePath))
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != page(rec) {
		t.Errorf("%s is not what the command makes: run go run ./tests/coverage", pagePath)
	}
	known := map[string]bool{}
	for _, r := range decoder.Rows() {
		known[key(&r)] = true
	}
	for k := range rec.rows {
		if !known[k] {
			t.Errorf("%s has a row that the decoder has not: %q", recordPath, k)
		}
	}
}

// TestSourcesExist: the tests that the tables name are there.
func TestSourcesExist(t *testing.T) {
	texts := map[string]string{}
	check := func(list []source) {
		for _, s := range list {
			if texts[s.pkg] == "" {
				files, err := filepath.Glob(filepath.Join(top, s.pkg, "*_test.go"))
				if err != nil {
					t.Fatal(err)
				}
				for _, f := range files {
					b, err := os.ReadFile(f)
					if err != nil {
						t.Fatal(err)
					}
					texts[s.pkg] += string(b)
				}
			}
			if !regexp.MustCompile(`(?m)^func ` + s.test + `\(`).MatchString(texts[s.pkg]) {
				t.Errorf("%s has no %s", s.pkg, s.test)
			}
		}
	}
	for _, l := range others {
		check(l)
	}
	encodings := map[string]bool{}
	for _, r := range decoder.Rows() {
		encodings[r.Enc] = true
	}
	for enc, l := range othersByRow {
		check(l)
		if !encodings[enc] {
			t.Errorf("no row has the encoding %q", enc)
		}
	}
}

func TestParseRecord(t *testing.T) {
	rec, err := parseRecord("# a comment\n# cases\t100\nADD\t00 /r\tEb,Gb\t100\t25\t25\t7\tcode\thost\n")
	if err != nil {
		t.Fatal(err)
	}
	e := rec.rows["ADD\t00 /r\tEb,Gb"]
	if rec.cases != "100" || e.total() != 150 || e.faults != 7 || e.engine != "code" || e.host != "host" {
		t.Errorf("%+v", rec)
	}
	for _, bad := range []string{"ADD\t00 /r", "ADD\t00 /r\tEb,Gb\t100\tx\t25\t7\tcode\thost"} {
		if _, err := parseRecord(bad); err == nil || !strings.Contains(err.Error(), "line 1") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
