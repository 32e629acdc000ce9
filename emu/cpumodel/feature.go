package cpumodel

import (
	"strings"

	"goemu/decoder"
)

// Word is a CPUID register that holds feature bits (SDM vol. 2A, CPUID; AMD APM vol. 3 appendix E).
type Word uint16

// The words. Names give leaf, subleaf if not 0, and register; Ext is 0x80000000.
const (
	Leaf1EDX Word = iota
	Leaf1ECX
	Leaf6EAX
	Leaf7EBX
	Leaf7ECX
	Leaf7EDX
	Leaf7x1EAX
	LeafDx1EAX
	Ext1EDX
	Ext1ECX
	Ext7EDX
	Ext8EBX
	ExtAEDX
	numWords
)

// wordLeaf is the CPUID leaf of each word.
var wordLeaf = [numWords]uint32{
	1, 1, 6, 7, 7, 7, 7, 0xd, 0x8000_0001, 0x8000_0001, 0x8000_0007, 0x8000_0008, 0x8000_000a,
}

// Feature is one feature bit: the word times 32, plus the number of the bit.
type Feature uint16

// Set is a set of features: the CPUID registers themselves.
type Set [numWords]uint32

// Has tells whether f is in s.
func (s Set) Has(f Feature) bool { return s[f>>5]>>(f&31)&1 != 0 }

// Put adds or removes f.
func (s *Set) Put(f Feature, on bool) {
	s[f>>5] &^= 1 << (f & 31)
	if on {
		s[f>>5] |= 1 << (f & 31)
	}
}

// and, or and without are the operations of sets.
func (s Set) and(t Set) Set {
	for i := range s {
		s[i] &= t[i]
	}
	return s
}

func (s Set) or(t Set) Set {
	for i := range s {
		s[i] |= t[i]
	}
	return s
}

func (s Set) without(t Set) Set {
	for i := range s {
		s[i] &^= t[i]
	}
	return s
}

// list gives the features of s in the order of the table.
func (s Set) list() []Feature {
	var l []Feature
	for i := range features {
		if f := features[i].Feature; s.Has(f) {
			l = append(l, f)
		}
	}
	return l
}

// String lists the names, separated by spaces.
func (s Set) String() string {
	l := s.list()
	names := make([]string, len(l))
	for i, f := range l {
		names[i] = f.String()
	}
	return strings.Join(names, " ")
}

// Info describes a feature.
type Info struct {
	Feature Feature
	Name    string            // as QEMU's -cpu spells it
	Needs   string            // names of features without which it cannot be
	Gates   []decoder.Feature // instructions that it brings
}

// Features lists all that -cpu recognises, by CPUID leaf and bit.
func Features() []Info { return features[:] }

// byName finds features by their names, and byNumber their place in the table.
var (
	byName   = map[string]Feature{}
	byNumber [int(numWords) * 32]*Info
)

// aliases are other common names.
var aliases = map[string]string{
	"sse3": "pni", "i64": "lm", "xd": "nx", "ffxsr": "fxsr-opt", "pclmuldq": "pclmulqdq", "sse4-1": "sse4.1", "sse4-2": "sse4.2",
	"lzcnt": "abm", "sha": "sha-ni",
}

func init() {
	for i := range features {
		f := &features[i]
		byName[f.Name] = f.Feature
		byNumber[f.Feature] = f
	}
	for alias, name := range aliases {
		byName[alias] = byName[name]
	}
}

// Lookup finds a feature by its name; case and "_" for "-" do not matter.
func Lookup(name string) (Feature, bool) {
	f, ok := byName[strings.ReplaceAll(strings.ToLower(name), "_", "-")]
	return f, ok
}

// String is the feature's name.
func (f Feature) String() string {
	if int(f) < len(byNumber) && byNumber[f] != nil {
		return byNumber[f].Name
	}
	return "unknown feature"
}

// needs gives the features that f cannot be without.
func (f Feature) needs() Set { return setOf(byNumber[f].Needs) }

// setOf makes a set of names separated by spaces. They come from this package's tables, which a test checks.
func setOf(names string) Set {
	var s Set
	for _, n := range strings.Fields(names) {
		s.Put(byName[n], true)
	}
	return s
}

// closed removes from s, until there are none, features that lack what they need.
func (s Set) closed() Set {
	for again := true; again; {
		again = false
		for _, f := range s.list() {
			need := f.needs()
			if need.without(s) != (Set{}) {
				s.Put(f, false)
				again = true
			}
		}
	}
	return s
}

// gates gives the instructions that the features bring.
func (s Set) gates() (d decoder.FeatureSet) {
	for _, f := range s.list() {
		for _, g := range byNumber[f].Gates {
			d.Put(g, true)
		}
	}
	return d
}
