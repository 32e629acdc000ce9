package main

import (
	"fmt"
	"slices"
	"strings"

	"goemu/decoder"
)

// page makes the text of docs/coverage.md.
func page(rec *record) string {
	var body strings.Builder
	type total struct{ rows, done, host, other, none, cases int }
	var all total
	sections := map[decoder.Feature][]*decoder.Row{}
	rows := decoder.Rows()
	for i := range rows {
		sections[rows[i].Feature] = append(sections[rows[i].Feature], &rows[i])
	}
	var features []decoder.Feature
	for f := range sections {
		features = append(features, f)
	}
	slices.Sort(features)
	for _, f := range features {
		var sum total
		var table strings.Builder
		for _, r := range sections[f] {
			e, have := rec.rows[key(r)]
			if avx512Sources(r) != nil || absent[r.Op] == approximate {
				e.engine, e.host = "go", "the host has no AVX-512" // nor had it when the rest was recorded
			}
			text, oracle := oracles(r, &e, have)
			sum.rows++
			sum.cases += e.total()
			if e.engine != "none" && have {
				sum.done++
			}
			switch oracle {
			case byHost:
				sum.host++
			case byOther:
				sum.other++
			default:
				sum.none++
			}
			fmt.Fprintf(&table, "| %v | `%s` | %s | %s | %s |\n", r.Op, r.Enc, strings.ReplaceAll(r.Args, ",", ", "), engines(&e, have), text)
		}
		fmt.Fprintf(&body, "\n## %v\n%d rows, %d done; oracle: the host %d, another %d, none %d; %d cases.\n\n", f, sum.rows, sum.done, sum.host, sum.other, sum.none, sum.cases)
		body.WriteString("| instruction | encoding | operands | engines | oracle |\n|---|---|---|---|---|\n")
		body.WriteString(table.String())
		all.rows += sum.rows
		all.done += sum.done
		all.host += sum.host
		all.other += sum.other
		all.none += sum.none
		all.cases += sum.cases
	}
	return fmt.Sprintf(`# Coverage

Made by %[1]sgo run ./tests/coverage%[1]s from what %[1]smake difftest%[1]s recorded on %[2]s with %[3]s cases a row (a quarter of that in 32- and in 16-bit code for
what exists in 64-bit code too). Host: %[4]s.

- *Engines*: "both" is micro-ops: the interpreter runs them, the native engine makes host code of them (and leaves to the interpreter what its host lacks).
  "Go" is a call of package x86 from either. "#UD": goemu does not do it, and says so in CPUID.
- *Oracle*: what outside goemu's code the row was compared with. "Host" is the host's CPU, with cases in 64-, 32- and 16-bit code; registers, flags, memory,
  x87, MXCSR, vector registers, and the exceptions that some cases end in, are the same on both engines. Flags that are left out stand with their reasons
  in [exclude_linux_amd64_test.go](../tests/difftest/rows/exclude_linux_amd64_test.go).

%[5]d rows, %[6]d done; oracle: the host %[7]d, another %[8]d, none %[9]d; %[10]d cases.
`, "`", orNever(rec.date), orNever(rec.cases), orNever(rec.host), all.rows, all.done, all.host, all.other, all.none, all.cases) + body.String()
}

func orNever(s string) string {
	if s == "" {
		return "(never)"
	}
	return s
}

// engines tells which engines do a row.
func engines(e *entry, have bool) string {
	switch {
	case !have:
		return "?"
	case e.engine == "none":
		return "#UD"
	case e.engine == "code":
		return "both"
	case e.engine == "both":
		return "both, some forms in Go"
	}
	return "Go"
}

// Kinds of oracles.
const (
	noOracle = iota
	byHost
	byOther
)

// oracles describes what a row was compared with.
func oracles(r *decoder.Row, e *entry, have bool) (text string, kind int) {
	list := others[r.Op]
	if l := avx512Sources(r); l != nil {
		list = l
	}
	if l, ok := othersByRow[r.Enc]; ok {
		list = l
	}
	var tests []string
	for _, s := range list {
		tests = append(tests, fmt.Sprintf("%s %s (%s)", s.pkg, s.test, s.oracle))
	}
	other := strings.Join(tests, "; ")
	switch {
	case !have:
		return "none: new since the last `make difftest`", noOracle
	case e.host == "host":
		text = fmt.Sprintf("host: %d + %d + %d", e.num[0], e.num[1], e.num[2])
		if e.faults == e.total() {
			text += ", all of them faults"
			if other != "" {
				return text + "; " + other, byOther
			}
		}
		return text, byHost
	case e.total() > 0 && strings.HasPrefix(e.host, "undefined"):
		text = fmt.Sprintf("host: %d + %d + %d, all of them #UD", e.num[0], e.num[1], e.num[2])
		if other != "" {
			return text + "; " + other, byOther
		}
		return text, byHost
	case e.engine == "none":
		return "none: goemu does not do it", noOracle
	case other != "":
		return e.host + ": " + other, byOther
	case absent[r.Op] != "":
		return "none: " + absent[r.Op], noOracle
	}
	return "none: " + e.host, noOracle
}
