// Package report compares the architectural state of two engines and tells what differs, and nothing else, in the form of a go-cmp diff: a line with -
// for the first engine, one with + for the second. It names registers as the SDM does, and reads and writes them by these names.
package report
