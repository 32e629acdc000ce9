//go:build !linux

package main

import "os"

func roomOf(os.FileInfo) (int64, bool) { return 0, false }

func probeKVM() (found, advice string) { return "this host has no KVM", "" }
