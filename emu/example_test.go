package emu_test

import (
	"bytes"
	"fmt"
	"strings"

	"goemu/emu"
)

// A machine without a kernel runs the built-in guest, here with its serial port connected to a buffer.
func Example() {
	var out bytes.Buffer
	m, err := emu.New(emu.Config{ConsoleOut: &out})
	if err != nil {
		fmt.Println(err)
		return
	}
	status, err := m.Run()
	lines := strings.Split(strings.ReplaceAll(out.String(), "\r", ""), "\n")
	fmt.Println(lines[0])
	fmt.Println(lines[len(lines)-2])
	fmt.Println(status, err)
	// Output:
	// goemu's built-in guest
	// power off
	// 0 <nil>
}
