package cpumodel

import (
	"slices"
	"strings"
	"testing"

	"goemu/decoder"
)

// The table names each feature once, in the order of leaves and bits, and what a feature needs exists.
func TestFeatureTable(t *testing.T) {
	seen := map[string]bool{}
	last := -1
	for i := range features {
		f := &features[i]
		if int(f.Feature) <= last {
			t.Errorf("%s: %d comes after %d", f.Name, f.Feature, last)
		}
		last = int(f.Feature)
		if seen[f.Name] {
			t.Errorf("%s is there twice", f.Name)
		}
		seen[f.Name] = true
		for _, n := range strings.Fields(f.Needs) {
			if _, ok := Lookup(n); !ok {
				t.Errorf("%s needs %q, which is no feature", f.Name, n)
			}
		}
		if f.Feature.needs().Has(f.Feature) {
			t.Errorf("%s needs itself", f.Name)
		}
		if g, ok := Lookup(strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))); !ok || g != f.Feature {
			t.Errorf("Lookup(%s) = %v", f.Name, g)
		}
	}
	for alias, name := range aliases {
		if _, ok := Lookup(name); !ok {
			t.Errorf("alias %s of %q", alias, name)
		}
	}
}

// Every instruction of the decoder's table belongs to a feature or to a generation.
func TestEveryGateHasAFeature(t *testing.T) {
	var all Set
	for i := range features {
		all.Put(features[i].Feature, true)
	}
	m := Model{Features: all, gen: genP6, Level: 1}
	gates := m.Gates()
	for i, r := range decoder.Rows() {
		if !gates.Runs(&r) {
			t.Fatalf("row %d, %v: nothing brings %v", i, r.Op, r.Feature)
		}
	}
}

func TestDefinitions(t *testing.T) {
	for _, d := range definitions {
		for _, list := range []string{d.features, d.without, supported, topology} {
			for _, n := range strings.Fields(list) {
				if _, ok := Lookup(n); !ok {
					t.Errorf("%s: no feature is called %q", d.name, n)
				}
			}
		}
		if _, ok := cacheSets[d.caches]; !ok {
			t.Errorf("%s: no caches are called %q", d.name, d.caches)
		}
		// What the real processor has must be possible.
		full, want, _ := define(d.name)
		if lost := want.without(want.closed()); lost != (Set{}) {
			t.Errorf("%s: %v lack what they need", d.name, lost)
		}
		if len(full.vendor) != 12 || full.gen == 0 || full.family == 0 {
			t.Errorf("%s: vendor %q, generation %d, family %d", d.name, full.vendor, full.gen, full.family)
		}
	}
}

// No model shows a bit that goemu does not do, or one whose foundations are missing.
func TestModelsClaimOnlyWhatIsSupported(t *testing.T) {
	can := Supported().or(setOf(topology))
	if s := Supported(); s.closed() != s {
		t.Errorf("supported features lack what they need: %v", s.without(s.closed()))
	}
	for _, name := range Names() {
		m, dropped, err := Parse(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		if more := m.Features.without(can); more != (Set{}) {
			t.Errorf("%s claims %v", name, more)
		}
		if m.Features.closed() != m.Features {
			t.Errorf("%s: features lack what they need", name)
		}
		if both := dropped.and(m.Features); both != (Set{}) {
			t.Errorf("%s: dropped and there: %v", name, both)
		}
	}
}

func TestParse(t *testing.T) {
	has := func(names string) func(*Model) bool {
		return func(m *Model) bool { s := setOf(names); return m.Features.and(s) == s }
	}
	lacks := func(names string) func(*Model) bool {
		return func(m *Model) bool { return m.Features.and(setOf(names)) == (Set{}) }
	}
	for _, tt := range []struct {
		arg string
		ok  func(*Model) bool
	}{
		{"", func(m *Model) bool { return m.Name == Default && m.Brand == "goemu virtual CPU" }},
		{"nehalem", func(m *Model) bool { return m.Name == "Nehalem" }},
		{"Haswell-v1", func(m *Model) bool { return m.Name == "Haswell" }},
		{"x86-64-v1", func(m *Model) bool { return m.Name == "x86-64-v1" }},
		{"qemu64,+sse4.2,+sse4_1,+ssse3", has("sse4.2 sse4.1 ssse3")},
		{"qemu64,popcnt", has("popcnt")},
		{"qemu64,popcnt=on,popcnt=off", lacks("popcnt")},
		{"max,-sse3", lacks("pni ssse3 sse4.1 sse4.2")},
		{"max,lm=off", lacks("lm lahf-lm cx16 pdpe1gb")},
		{"max,-nx,+nx", has("nx")},
		{"486,+cx8", has("cx8 fpu pse")},
		{"pentium,family=6,model=8,stepping=6,vendor=GenuineGoEmu,model-id=a model,level=2", func(m *Model) bool {
			return m.Family == 6 && m.Model == 8 && m.Stepping == 6 && m.Vendor == "GenuineGoEmu" && m.Brand == "a model" && m.Level == 2
		}},
		{"pentium,+smep", func(m *Model) bool { return m.Level == 7 }},
		{"pentium,+nx,+pae", func(m *Model) bool { return m.XLevel == 0x8000_0001 && m.PhysBits == 36 }},
		{"max,phys-bits=36", func(m *Model) bool { return m.PhysBits == 36 }},
		{"max,enforce", func(m *Model) bool { return true }},
	} {
		m, _, err := Parse(tt.arg, nil)
		if err != nil {
			t.Errorf("%s: %v", tt.arg, err)
		} else if !tt.ok(m) {
			t.Errorf("%s: %+v", tt.arg, m)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for _, tt := range []struct{ arg, want string }{
		{"pentum", "-cpu pentum: unable to find CPU model 'pentum' (did you mean pentium, pentium2, pentium3?); -cpu help lists all"},
		{"zzz", "-cpu zzz: unable to find CPU model 'zzz'; -cpu help lists all"},
		{"max,+vmx", "-cpu max,+vmx: goemu does not have vmx"},
		{"max,svm=on", "-cpu max,svm=on: goemu does not have svm"},
		{"max,+popcount", `-cpu max,+popcount: unknown feature or property "popcount" (did you mean popcnt?); -cpu help lists all`},
		{"max,popcmt", `-cpu max,popcmt: unknown feature or property "popcmt" (did you mean popcnt?); -cpu help lists all`},
		{"max,nx=maybe", "-cpu max,nx=maybe: nx=maybe: want on or off"},
		{"max,family=x", `-cpu max,family=x: "x" is not a number from 0x0 to 0xff`},
		{"max,vendor=Intel", "-cpu max,vendor=Intel: vendor=Intel: a vendor has 12 letters"},
		{"max,,", "-cpu max,,: an option is empty"},
		{"max,family", "-cpu max,family: family needs a value"},
		{"486,+sse", "-cpu 486,+sse: sse needs mmx fxsr"},
		{"386,+cx8", "-cpu 386,+cx8: 386 has no CPUID and so no features but fpu"},
		{"EPYC,enforce,-vme", "-cpu EPYC,enforce,-vme: goemu does not have "},
	} {
		_, _, err := Parse(tt.arg, nil)
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", tt.arg, err, tt.want)
		}
	}
}

// A feature taken away by hand is not reported as left out.
func TestDroppedIsWhatTheUserDidNotAskToLose(t *testing.T) {
	_, dropped, err := Parse("qemu64,-svm", nil)
	if err != nil || dropped.Has(Feature(Ext1ECX)<<5+2) {
		t.Errorf("dropped %v, %v", dropped, err)
	}
}

func TestHelpListsAll(t *testing.T) {
	words := strings.Fields(Help())
	for _, n := range Names() {
		if !slices.Contains(words, n) {
			t.Errorf("no model %s", n)
		}
	}
	for _, f := range Features() {
		if !slices.Contains(words, f.Name) {
			t.Errorf("no feature %s", f.Name)
		}
	}
}
