package disks

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"goemu/emu"
	"goemu/tests/guest"
)

// console is what a machine has printed.
type console struct {
	mu   sync.Mutex
	news *sync.Cond
	text []byte
	late bool
}

func (c *console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.text = append(c.text, p...)
	c.news.Broadcast()
	return len(p), nil
}

// expect waits for text and drops what came before it.
func (c *console) expect(t *testing.T, text string) {
	t.Helper()
	late := time.AfterFunc(guest.Patience, func() {
		c.mu.Lock()
		c.late = true
		c.mu.Unlock()
		c.news.Broadcast()
	})
	defer late.Stop()
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		if i := bytes.Index(c.text, []byte(text)); i >= 0 {
			c.text = c.text[i+len(text):]
			return
		}
		if c.late {
			t.Fatalf("no %q; the output ends:\n%s", text, c.text[max(0, len(c.text)-2000):])
		}
		c.news.Wait()
	}
}

// The guest notices each change of a CD that the host makes while it runs.
func TestChangeOfCD(t *testing.T) {
	t.Parallel()
	for _, machine := range []string{"pc", "q35"} {
		t.Run(machine, func(t *testing.T) {
			t.Parallel()
			first, firstData := image(t, "first", 2<<20, 1)
			second, secondData := image(t, "second", 3<<20, 2)
			in, _ := io.Pipe()
			out := &console{}
			out.news = sync.NewCond(&out.mu)
			m, err := emu.New(emu.Config{
				Machine: machine, Memory: 256 << 20, Kernel: guest.File(t, "vmlinux"), Initrd: guest.File(t, "disks.gz"),
				Append: "console=ttyS0 goemu.run=/bin/cdrun", Drives: []string{"id=cd,media=cdrom,file=" + first}, ConsoleIn: in, ConsoleOut: out,
			})
			if err != nil {
				t.Fatal(err)
			}
			done := make(chan error)
			go func() {
				_, err := m.Run()
				done <- err
			}()
			sum := func(p []byte) string { return fmt.Sprintf("cdrun: %x", sha256.Sum256(p)) }
			out.expect(t, sum(firstData))
			if err := m.Change("cd", second, true); err != nil {
				t.Error(err)
			}
			out.expect(t, sum(secondData))
			if err := m.Eject("cd", true); err != nil {
				t.Error(err)
			}
			out.expect(t, "cdrun: nothing")
			if err := m.Change("cd", first, false); err != nil {
				t.Error(err)
			}
			out.expect(t, sum(firstData))
			m.Stop(0)
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}
