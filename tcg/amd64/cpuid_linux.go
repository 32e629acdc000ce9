//go:build linux && amd64

package amd64

// HostCPUID executes CPUID on the host; nil where this back end does not run.
var HostCPUID = cpuid
