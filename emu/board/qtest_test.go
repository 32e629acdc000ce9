package board

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "ask QEMU (qemu-system-x86_64) for the replies in testdata")

// goldens are dialogues with QEMU by its qtest protocol: commands, and after = what QEMU replied. A line "machine [BOARD [DEVICE]]"
// starts with a new one, of which "pc" is the default. Time stands still. The replies were recorded with -update. "any" stands where the data sheets say something else
// than QEMU does:
//   - command registers of the bridges and UART MCR after reset;
//   - UART MSR deltas in loop-back, I/O APIC bits that cannot be written, bit 0 of PMBASE;
//   - the HPET's free routes, TMROF_STS at time 0;
//   - command byte after the self test, unused bits of the output port;
//   - the 8237A's mask register read back, page registers without a channel; the checksum of CMOS memory;
//   - IDETIM, by which channels answer after reset, as OVMF expects; the lock of the i440FX's SMRAM; where GPE0 of the PIIX4 is; capabilities of MCH and LPC bridge; EOS of SMI_EN; the words of TCO_MESSAGE;
//     interrupt pins in D31IP and its like, which QEMU leaves at 0, and so that of the SMBus function; memory that nobody answers.
var goldens = []string{"testdata/qtest.txt", "testdata/pci.txt", "testdata/q35.txt"}

const anyReply = " = any"

// TestAgainstQEMU replays the dialogue.
func TestAgainstQEMU(t *testing.T) {
	for _, golden := range goldens {
		t.Run(golden, func(t *testing.T) { replay(t, golden) })
	}
}

func replay(t *testing.T, golden string) {
	text, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		text = record(t, string(text))
		if err := os.WriteFile(golden, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var want, got []string
	var b *bench
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		cmd, _, _ := strings.Cut(line, " = ")
		switch {
		case line == "" || line[0] == '#':
		case strings.HasPrefix(cmd, "machine"):
			b = newBench(t, func(c *Config) {
				board, device := machineLine(line)
				if board == "q35" {
					c.Machine = Q35
				}
				if device != "" {
					c.Devices = []string{device}
				}
			})
			b.pc.Reset()
			b.pc.LAPICs[0].SetVirtualWire() // QEMU's I/O APIC does not ask whether anyone takes an interrupt
			want, got = append(want, line), append(got, line)
		default:
			reply := b.qtest(cmd)
			if strings.HasSuffix(line, anyReply) {
				reply = cmd + anyReply
			}
			want, got = append(want, line), append(got, reply)
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// qtest carries out a command and returns it with the reply.
func (b *bench) qtest(cmd string) string {
	f := strings.Fields(cmd)
	arg := func(i int) uint64 {
		v, err := strconv.ParseUint(f[i], 0, 64)
		if err != nil {
			b.t.Fatalf("%s: %v", cmd, err)
		}
		return v
	}
	size := map[byte]int{'b': 1, 'w': 2, 'l': 4, 'q': 8}[f[0][len(f[0])-1]]
	var v uint64
	switch f[0] {
	case "inb", "inw", "inl":
		v = uint64(b.pc.Ports.In(uint16(arg(1)), size))
	case "readb", "readw", "readl", "readq":
		v = b.pc.Space.Read(arg(1), size)
	case "outb", "outw", "outl":
		b.pc.Ports.Out(uint16(arg(1)), size, uint32(arg(2)))
		return cmd
	case "writeb", "writew", "writel", "writeq":
		b.pc.Space.Write(arg(1), size, arg(2))
		return cmd
	default:
		b.t.Fatalf("unknown command %q", cmd)
	}
	return fmt.Sprintf("%s = %#x", cmd, v&^ignored[cmd])
}

// ignored has bits of replies that are not compared: QEMU's keyboard controller says always that the last write was a command.
var ignored = map[string]uint64{"inb 0x64": 0x08}

// record runs the dialogue's commands on QEMU.
func record(t *testing.T, text string) []byte {
	var out strings.Builder
	var q *qemu
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		cmd, _, _ := strings.Cut(line, " = ")
		switch {
		case line == "" || line[0] == '#':
		case strings.HasPrefix(cmd, "machine"):
			q.stop()
			q = startQEMU(t, line)
		default:
			v, ok := q.do(cmd)
			if ok && !strings.HasSuffix(line, anyReply) {
				line = fmt.Sprintf("%s = %#x", cmd, v&^ignored[cmd])
			}
		}
		fmt.Fprintln(&out, line)
	}
	q.stop()
	return []byte(out.String())
}

// patience bounds the wait for QEMU. It decides no test.
const patience = 10 * time.Minute

type qemu struct {
	t     *testing.T
	cmd   *exec.Cmd
	in    *bufio.Writer
	reply *bufio.Scanner
}

// machineLine gives board and device of a line "machine".
func machineLine(line string) (board, device string) {
	f := append(strings.Fields(line), "pc", "")
	if board = f[1]; len(f) > 4 {
		device = f[2]
	}
	return board, device
}

func startQEMU(t *testing.T, line string, more ...string) *qemu {
	board, device := machineLine(line)
	args := []string{"-S", "-machine", board, "-nodefaults", "-display", "none", "-m", "32",
		"-serial", "null", "-rtc", "base=2023-06-10T12:34:56,clock=vm", "-qtest", "stdio", "-qtest-log", "/dev/null"}
	if device != "" {
		args = append(args, "-device", device)
	}
	c := exec.Command("qemu-system-x86_64", append(args, more...)...)
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(patience, func() { _ = c.Process.Kill() })
	t.Cleanup(func() { late.Stop() })
	return &qemu{t, c, bufio.NewWriter(in), bufio.NewScanner(out)}
}

func (q *qemu) stop() {
	if q != nil {
		_ = q.cmd.Process.Kill()
		_ = q.cmd.Wait()
	}
}

// do sends a command; ok tells whether the reply has a value.
func (q *qemu) do(cmd string) (v uint64, ok bool) {
	fmt.Fprintln(q.in, cmd)
	if err := q.in.Flush(); err != nil {
		q.t.Fatal(err)
	}
	for q.reply.Scan() {
		f := strings.Fields(q.reply.Text())
		switch {
		case len(f) == 0 || f[0] == "IRQ":
		case f[0] != "OK":
			q.t.Fatalf("%s: QEMU says %q", cmd, q.reply.Text())
		case len(f) == 1:
			return 0, false
		default:
			v, err := strconv.ParseUint(f[1], 0, 64)
			if err != nil {
				q.t.Fatalf("%s: QEMU says %q", cmd, q.reply.Text())
			}
			return v, true
		}
	}
	q.t.Fatalf("%s: QEMU has gone", cmd)
	return 0, false
}
