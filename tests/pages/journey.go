package main

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/sys/cpu"

	"goemu/decoder"
	"goemu/emu"
	"goemu/emu/debuglog"
	"goemu/emu/inspect"
)

// travelled are the bytes of the instruction of the journey: add [ebx+8], eax. The guest has it twice: in a loop, and where it faults.
var travelled = []byte{0x01, 0x43, 0x08}

// listing finds the listings of a page: a comment with the name, then the fence.
var listing = regexp.MustCompile("(?s)<!-- listing: ([a-z-]+) -->\n```\n.*?```\n")

// journeyPage puts listings that are made now into a page. Where the host has no translator, or one that makes other code, those of host code stay.
func journeyPage(page, kernel string) (string, error) {
	made, err := journeyListings(kernel)
	if err != nil {
		return "", err
	}
	used := map[string]bool{}
	out := listing.ReplaceAllStringFunc(page, func(old string) string {
		name := listing.FindStringSubmatch(old)[1]
		text, ok := made[name]
		used[name] = true
		if !ok {
			err = fmt.Errorf("docs/journey.md: there is no listing %q", name)
		}
		if text == "" {
			return old
		}
		return fmt.Sprintf("<!-- listing: %s -->\n```\n%s```\n", name, text)
	})
	for name := range made {
		if !used[name] {
			err = fmt.Errorf("docs/journey.md: listing %q is not used", name)
		}
	}
	return out, err
}

// journeyListings runs the guest and returns listings by name.
func journeyListings(kernel string) (map[string]string, error) {
	var text bytes.Buffer
	log := debuglog.New(debuglog.InAsm|debuglog.Op|debuglog.OpOpt|debuglog.OutAsm|debuglog.Int, &text)
	m, err := emu.New(emu.Config{Kernel: kernel, ConsoleOut: io.Discard, Serial: []string{"null"}, Devices: []string{"isa-debug-exit,iobase=0xf4"}, Log: log})
	if err != nil {
		return nil, err
	}
	defer m.Close()
	if status, err := m.Run(); status != 33 || err != nil {
		return nil, fmt.Errorf("journey: status %d, %v", status, err)
	}
	made := map[string]string{}
	code := make([]byte, 0x400)
	if _, err := m.ReadMemory(0, inspect.Linear(0x100000), code); err != nil {
		return nil, err
	}
	loop := 0x100000 + uint64(bytes.Index(code, travelled))
	var inst decoder.Inst
	if err := decoder.Decode(travelled, decoder.Mode32, &inst); err != nil {
		return nil, err
	}
	made["inst"] = fields(&inst)

	if err := log.Close(); err != nil {
		return nil, err
	}
	head := fmt.Sprintf("IN: 0x%x ", loop)
	for _, block := range strings.Split(text.String(), "----------------\n") {
		if !strings.HasPrefix(block, head) || made["in"] != "" {
			continue
		}
		parts := strings.SplitN(block, "\n\n", 5)
		if len(parts) < 4 {
			return nil, fmt.Errorf("journey: the log of the block at %#x has %d parts", loop, len(parts))
		}
		for i, name := range []string{"in", "op", "optimised"} {
			made[name] = parts[i] + "\n"
		}
		made["host"] = hostCode(parts[3])
	}
	if i := strings.Index(text.String(), "exception 0x0e"); i >= 0 {
		lines := strings.SplitAfterN(text.String()[i:], "\n", 5)
		made["fault"] = strings.Join(lines[:4], "")
	}

	mapped, err := m.Walk(0, 0x210008)
	if err != nil {
		return nil, err
	}
	missing, err := m.Walk(0, 0x300000)
	if err != nil {
		return nil, err
	}
	made["walk"], made["walk-missing"] = mapped.String(), missing.String()
	entries, err := m.TLB(0)
	if err != nil {
		return nil, err
	}
	var tlb strings.Builder
	for _, e := range entries {
		if e.Linear == 0x210000 {
			fmt.Fprintln(&tlb, e.String())
		}
	}
	made["tlb"] = tlb.String()
	return made, nil
}

// fields shows what the decoder has found of an instruction with a memory operand.
func fields(i *decoder.Inst) string {
	return fmt.Sprintf("%s\nOp %v, Len %d, OpSize %d, AddrSize %d\nOpcode %#02x, ModRM %#02x\nMemory %+v, Disp %d\nArgs %+v\n",
		i, i.Op, i.Len, i.OpSize, i.AddrSize, i.Opcode, i.ModRM, i.Memory, i.Disp, i.Args[:i.NArgs])
}

var (
	hostLine = regexp.MustCompile(`^0x([0-9a-f]+)  [0-9a-f]+ +(.*)$`)
	exitLine = regexp.MustCompile(`^0x([0-9a-f]+)  exit (.*)$`)
	hostAddr = regexp.MustCompile(`0x7[0-9a-f]{11}$`)
)

// hostCode gives the places in a listing of host code names, as their addresses differ from run to run, and leaves bytes and padding out: what begins the
// block is at 0, what is seldom run at c0, and what all blocks have in common is "common". "": the listing is of another processor's instructions.
func hostCode(s string) string {
	if !cpu.X86.HasBMI2 {
		return ""
	}
	type line struct {
		addr uint64
		text string
	}
	var lines []line
	for _, l := range strings.Split(s, "\n") {
		m := hostLine.FindStringSubmatch(l)
		if e := exitLine.FindStringSubmatch(l); e != nil {
			m = []string{"", e[1], "(exit: " + e[2] + ")"}
		}
		if m == nil {
			continue
		}
		a, err := strconv.ParseUint(m[1], 16, 64)
		if err != nil {
			return ""
		}
		lines = append(lines, line{a, m[2]})
	}
	if len(lines) == 0 {
		return ""
	}
	base, cold := lines[0].addr, uint64(0)
	names := map[uint64]string{}
	for _, l := range lines {
		if cold == 0 && l.addr > base+1<<16 {
			cold = l.addr
		}
		if cold == 0 {
			names[l.addr] = fmt.Sprintf("%x", l.addr-base)
		} else {
			names[l.addr] = fmt.Sprintf("c%x", l.addr-cold)
		}
	}
	var b strings.Builder
	for _, l := range lines {
		text := strings.TrimPrefix(l.text, "hint-not-taken ")
		if strings.HasPrefix(text, "nop") {
			continue
		}
		text = hostAddr.ReplaceAllStringFunc(text, func(a string) string {
			n, err := strconv.ParseUint(a[2:], 16, 64)
			if name := names[n]; err == nil && name != "" {
				return name
			}
			return "common"
		})
		fmt.Fprintf(&b, "%5s  %s\n", names[l.addr], text)
	}
	return b.String()
}
