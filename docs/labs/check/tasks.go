package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"goemu/emu"
	"goemu/emu/debuglog"
	"goemu/emu/inspect"
)

// What right answers and right programs are, lab by lab.

// runGiven runs the lab's guest as it is given.
func (c *checker) runGiven(items debuglog.Item, options ...string) (*result, error) {
	r, err := c.kernel(c.given, emu.Config{}, items, options...)
	if err == nil {
		r.close()
	}
	return r, err
}

// student runs the student's guest. A guest that nasm does not take or that hangs is a complaint: ok is false.
func (c *checker) student(cfg emu.Config, items debuglog.Item, options ...string) (r *result, ok bool) {
	r, err := c.kernel(c.guest, cfg, items, options...)
	if err != nil {
		c.complain("%v", err)
		return nil, false
	}
	return r, true
}

// ended complains of a guest that did not end by its exit 0.
func (c *checker) ended(r *result) {
	if r.status != 1 {
		c.complain("%s: the guest did not come to its end; it printed:\n%s", filepath.Base(c.guest), r.out)
	}
}

func measureTranslation(c *checker) (map[string]string, error) {
	r, err := c.runGiven(debuglog.InAsm | debuglog.OpOpt)
	if err != nil {
		return nil, err
	}
	want := map[string]string{"sum": normalise("0x" + strings.TrimSpace(r.out))}
	_, first, _ := strings.Cut(r.log, "IN: ")
	first, _, _ = strings.Cut(first, "\n\n")
	want["first_block_instructions"] = strconv.Itoa(strings.Count(first, "\n"))
	add := regexp.MustCompile(`(?m)^0x0*([0-9a-f]+): .* add eax, ecx$`).FindStringSubmatch(first)
	if add == nil {
		return nil, fmt.Errorf("%s: no add eax, ecx in its first block", c.given)
	}
	_, loop, _ := strings.Cut(r.log, "OP after optimisation: 0x"+add[1]+"\n")
	if m := regexp.MustCompile(`add\.32 .*!(\S+)`).FindStringSubmatch(loop); m != nil {
		want["flags_wanted"] = normalise(m[1])
	}
	return want, nil
}

func measureSensitive(c *checker) (map[string]string, error) {
	plain, err := c.runGiven(0)
	if err != nil {
		return nil, err
	}
	umip, err := c.runGiven(0, "-dUMIP")
	if err != nil {
		return nil, err
	}
	return map[string]string{
		"wrong": value(plain.out, "wrong", true), "traps": value(plain.out, "traps", true), "umip_wrong": value(umip.out, "wrong", true),
	}, nil
}

func taskSensitive(c *checker) error {
	before, err := c.runGiven(0)
	if err != nil {
		return err
	}
	r, ok := c.student(emu.Config{}, 0, "-dTASK")
	if !ok {
		return nil
	}
	defer r.close()
	line := regexp.MustCompile(`(?m)^MOV EAX,CR0 +(\S+) (\S+)`).FindStringSubmatch(r.out)
	switch {
	case line == nil:
		c.complain("the monitor does not emulate MOV EAX, CR0; with -dTASK the guest printed:\n%s", r.out)
	case line[1] != line[2]:
		c.complain("MOV EAX, CR0: the kernel sees %s in ring 3 and %s in ring 0", line[2], line[1])
	case value(r.out, "wrong", true) != value(before.out, "wrong", true):
		c.complain("other lines have changed too: wrong is not what it was")
	}
	return nil
}

func measureInterrupts(c *checker) (map[string]string, error) {
	r, err := c.runGiven(0)
	if err != nil {
		return nil, err
	}
	last := r.out[max(0, strings.LastIndex(r.out, "  #GP")):]
	return map[string]string{
		"program_cs":       value(r.out, "the first system call comes with CS", true),
		"int20_error_code": value(last, "#GP with error code", true),
	}, nil
}

func taskInterrupts(c *checker) error {
	r, ok := c.student(emu.Config{}, 0, "-dTASK")
	if !ok {
		return nil
	}
	defer r.close()
	c.ended(r)
	for _, line := range []string{"#DE", "the program goes on", "it has ticked"} {
		if !r.has(line) {
			c.complain("with -dTASK the guest does not print %q", line)
		}
	}
	return nil
}

func measurePaging(c *checker) (map[string]string, error) {
	r, err := c.runGiven(0)
	if err != nil {
		return nil, err
	}
	return map[string]string{"write_error_code": value(r.out, "error code", true)}, nil
}

// taskPaging looks at the mapping itself, beside what the guest prints.
func taskPaging(c *checker) error {
	r, ok := c.student(emu.Config{}, 0, "-dTASK")
	if !ok {
		return nil
	}
	defer r.close()
	c.ended(r)
	for _, line := range []string{"mapped CCCCCCCC", "its neighbour AAAAAAAA"} {
		if !r.has(line) {
			c.complain("with -dTASK the guest does not print %q", line)
		}
	}
	for _, p := range []struct {
		linear   uint64
		writable bool
	}{{0xC0DE5000, false}, {0xC0DE6000, true}} {
		w, err := r.m.Walk(0, p.linear)
		switch {
		case err != nil:
			return err
		case w.End != inspect.WalkMapped:
			c.complain("%#x: the walk ends with: %v", p.linear, w.End)
		case w.Writable != p.writable:
			c.complain("%#x: writable is %v, the caller of map wants %v", p.linear, w.Writable, p.writable)
		}
	}
	return nil
}

func measureSMC(c *checker) (map[string]string, error) {
	r, err := c.runGiven(debuglog.InAsm | debuglog.Stats)
	if err != nil {
		return nil, err
	}
	return map[string]string{
		"invalidations":         value(r.log, "engine: Invalidations", false),
		"function_translations": strconv.Itoa(len(regexp.MustCompile(`IN: .*\n.* mov eax, 0x(11111111|22222222|33333333)\n.* ret\n`).FindAllString(r.log, -1))),
	}, nil
}

func taskSMC(c *checker) error {
	r, ok := c.student(emu.Config{}, debuglog.Stats)
	if !ok {
		return nil
	}
	defer r.close()
	c.ended(r)
	for _, line := range []string{"function returns 33333333", "counter 00002710"} {
		if !r.has(line) {
			c.complain("the guest does not print %q", line)
		}
	}
	if n, _ := strconv.Atoi(value(r.log, "engine: Bails", false)); n > 1000 {
		c.complain("there are still %d bails: the counter lies in a page with code", n)
	}
	return nil
}

// transfer gives fw_cfg its file.
func (c *checker) transfer() (emu.Config, error) {
	name := filepath.Join(c.work, "data")
	var b bytes.Buffer
	for i := 1; b.Len() < 65536; i++ {
		fmt.Fprintln(&b, i)
	}
	return emu.Config{FwCfg: []string{"name=opt/lab/data,file=" + strings.ReplaceAll(name, ",", ",,")}}, os.WriteFile(name, b.Bytes()[:65536], 0o600)
}

func measureDevices(c *checker) (map[string]string, error) {
	cfg, err := c.transfer()
	if err != nil {
		return nil, err
	}
	r, err := c.kernel(c.given, cfg, 0, "-dWAY=1")
	if err != nil {
		return nil, err
	}
	r.close()
	return map[string]string{"checksum": value(r.out, "checksum", true)}, nil
}

func taskDevices(c *checker) error {
	want, err := measureDevices(c)
	if err != nil {
		return err
	}
	cfg, err := c.transfer()
	if err != nil {
		return err
	}
	r, ok := c.student(cfg, debuglog.Stats, "-dWAY=3")
	if !ok {
		return nil
	}
	defer r.close()
	c.ended(r)
	if value(r.out, "checksum", true) != want["checksum"] {
		c.complain("with -dWAY=3 the checksum is not that of the other ways: the data did not come, or not all of it")
	}
	if n, _ := strconv.Atoi(value(r.log, "engine: Sys", false)); n > 1000 {
		c.complain("with -dWAY=3 there are %d system instructions: the device is not asked to do it alone", n)
	}
	return nil
}

// taskBoot gives the boot sector a disk with a text that it cannot know.
func taskBoot(c *checker) error {
	bin, err := c.assemble(c.guest)
	if err != nil {
		c.complain("%v", err)
		return nil
	}
	sector, err := os.ReadFile(bin)
	if err != nil {
		return err
	}
	if len(sector) != 512 || sector[510] != 0x55 || sector[511] != 0xaa {
		c.complain("%s: %d bytes: a boot sector has 512, of which the last two are its mark", filepath.Base(c.guest), len(sector))
		return nil
	}
	text := "the text is " + secret()
	disk := make([]byte, 1<<20)
	copy(disk, sector)
	copy(disk[512:], text)
	image := filepath.Join(c.work, "disk.img")
	if err := os.WriteFile(image, disk, 0o600); err != nil {
		return err
	}
	r, err := c.machine(emu.Config{
		NoGraphics: true, Serial: []string{"stdio"},
		Drives: []string{"format=raw,file=" + strings.ReplaceAll(image, ",", ",,")},
	}, 0)
	if err != nil {
		return err
	}
	defer r.close()
	if r.status == hung {
		c.complain("the boot sector did not end")
	}
	if !strings.Contains(r.out, "boot sector runs, drive 80") {
		c.complain("the boot sector does not say that it runs, and from which drive")
	}
	if !strings.Contains(r.out, text) {
		c.complain("the boot sector does not print the text of the second sector")
	}
	return nil
}

// secret is a word that no program can know.
func secret() string {
	b := make([]byte, 12)
	for i := range b {
		b[i] = byte('a' + rand.IntN(26))
	}
	return string(b)
}

// taskHypercall builds the student's host program and has it run a guest.
func taskHypercall(c *checker) error {
	host := filepath.Join(c.work, "host")
	source, err := filepath.Abs(c.host)
	if err != nil {
		return err
	}
	cmd := exec.Command("go", "build", "-o", host, source)
	cmd.Dir = c.dir
	if msg, err := cmd.CombinedOutput(); err != nil {
		c.complain("go build: %v\n%s", err, msg)
		return nil
	}
	word := secret()
	bin, err := c.assemble(c.given, "-dTASK", "-dWORD='"+word+"'")
	if err != nil {
		return err
	}
	var out bytes.Buffer
	run := exec.Command(host, bin)
	run.Stdout = &out
	err = run.Run()
	if run.ProcessState == nil {
		return err
	}
	r := result{out: out.String(), status: run.ProcessState.ExitCode()}
	if r.status != 1 {
		c.complain("the host program ended with status %d: the guest did not come to its end", r.status)
	}
	reversed := []byte(word)
	for i, j := 0, len(reversed)-1; i < j; i, j = i+1, j-1 {
		reversed[i], reversed[j] = reversed[j], reversed[i]
	}
	for _, line := range []string{"hello, host", "sum 00000214", "none FFFFFFFF", "reverse 00000000"} {
		if !r.has(line) {
			c.complain("with -dTASK the guest does not print %q", line)
		}
	}
	if !r.has(string(reversed)) {
		c.complain("the guest's word %q does not come back reversed", word)
	}
	return nil
}
