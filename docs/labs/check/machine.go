package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"goemu/emu"
	"goemu/emu/debuglog"
)

// patience is after how long a guest that does not end is stopped. One that works takes a fraction of a second.
var patience = 3 * time.Minute

// hung is the status of a machine that had to be stopped.
const hung = 255

// result is what a guest did.
type result struct {
	out    string // what it printed, lines without spaces at their ends
	status int
	log    string
	m      *emu.Machine // it has ended, and can be looked at; close it
}

// assemble builds a guest with nasm, in the lab's folder. The error has what nasm says.
func (c *checker) assemble(source string, options ...string) (bin string, err error) {
	source, err = filepath.Abs(source)
	if err != nil {
		return "", err
	}
	f, err := os.CreateTemp(c.work, "*.bin")
	if err != nil {
		return "", err
	}
	if err := f.Close(); err != nil {
		return "", err
	}
	cmd := exec.Command("nasm", append(options, "-o", f.Name(), source)...)
	cmd.Dir = c.dir
	if msg, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("nasm %s: %w\n%s", source, err, msg)
	}
	return f.Name(), nil
}

// machine is the machine of docs/labs/lab, for an emu.Config's other fields.
func (c *checker) machine(cfg emu.Config, items debuglog.Item) (*result, error) {
	var out bytes.Buffer
	cfg.Accel = c.accel
	cfg.ConsoleIn, cfg.ConsoleOut = strings.NewReader(""), &out
	cfg.NoReboot = true
	cfg.Devices = append(cfg.Devices, "isa-debug-exit,iobase=0xf4")
	if cfg.Serial == nil {
		cfg.NoDefaults = true
		cfg.Debugcon = "stdio"
	}
	name := filepath.Join(c.work, "log")
	if items != 0 {
		log, err := debuglog.Open(items, name, nil)
		if err != nil {
			return nil, err
		}
		cfg.Log = log
	}
	m, err := emu.New(cfg)
	if err != nil {
		return nil, errors.Join(err, cfg.Log.Close())
	}
	timer := time.AfterFunc(patience, func() { m.Stop(hung) })
	defer timer.Stop()
	r := &result{m: m}
	r.status, err = m.Run()
	err = errors.Join(err, cfg.Log.Close())
	if err == nil && items != 0 {
		var text []byte
		text, err = os.ReadFile(name)
		r.log = string(text)
	}
	if err != nil {
		r.close()
		return nil, err
	}
	r.out = strings.ReplaceAll(out.String(), "\r", "")
	return r, nil
}

// kernel assembles a guest and runs it.
func (c *checker) kernel(source string, cfg emu.Config, items debuglog.Item, options ...string) (*result, error) {
	bin, err := c.assemble(source, options...)
	if err != nil {
		return nil, err
	}
	cfg.Kernel = bin
	r, err := c.machine(cfg, items)
	if err == nil && r.status == hung {
		r.close()
		return nil, fmt.Errorf("%s: the guest did not end", source)
	}
	return r, err
}

// close gives the machine back.
func (r *result) close() {
	// It has ended, and nothing was written to.
	_ = r.m.Close()
}

// has tells whether the guest printed a line.
func (r *result) has(line string) bool {
	for _, l := range strings.Split(r.out, "\n") {
		if strings.TrimSpace(l) == line {
			return true
		}
	}
	return false
}

// value is what follows name on a line of text; hex: hexadecimal, as guests print; else decimal.
func value(text, name string, hex bool) string {
	for _, l := range strings.Split(text, "\n") {
		if v, ok := strings.CutPrefix(strings.TrimSpace(l), name+" "); ok {
			if hex {
				v = "0x" + strings.TrimSpace(v)
			}
			return normalise(v)
		}
	}
	return ""
}
