// Command coverage writes docs/coverage.md: each row of the decoder's instruction table with its feature, the engines that do it, and the
// oracles outside goemu's own code that tested it, with how many cases.
//
// The counts are those of the last `make difftest`, which stand in tests/difftest/rows/testdata/rows.txt. What cannot run on the host as a user is
// looked up in the tables of others.go.
//
//	go run ./tests/coverage
package main

import (
	"flag"
	"log"
	"os"
)

// Paths from the top of the checkout.
const (
	recordPath = "tests/difftest/rows/testdata/rows.txt"
	pagePath   = "docs/coverage.md"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("coverage: ")
	out := flag.String("o", pagePath, "file to write")
	flag.Parse()
	text, err := os.ReadFile(recordPath)
	if err != nil {
		log.Fatal(err)
	}
	rec, err := parseRecord(string(text))
	if err != nil {
		log.Fatalf("%s: %v", recordPath, err)
	}
	if err := os.WriteFile(*out, []byte(page(rec)), 0o666); err != nil {
		log.Fatal(err)
	}
}
