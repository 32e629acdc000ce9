//go:build !linux

package main

import "errors"

func nameProcess(string) error {
	return errors.New("this host has no names of processes that can be changed")
}
