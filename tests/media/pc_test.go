package media

import (
	"bytes"
	"flag"
	"fmt"
	"image"
	"strings"
	"sync"
	"testing"
	"time"

	"goemu/tests/guest"
)

var patience = flag.Duration("patience", guest.Patience, "how long to wait for what a machine must do")

// pc is a PC and what has been seen of it. Its methods end the test when the machine does not do what is wanted.
type pc struct {
	t       testing.TB
	machine *emulator
	mu      sync.Mutex
	news    *sync.Cond
	out     bytes.Buffer // COM1
	seen    int
	ended   bool // nothing more will come
	brief   bool // as in config

	patience time.Duration // of each wait
}

func newPC(t testing.TB) *pc {
	p := &pc{t: t, patience: *patience}
	p.news = sync.NewCond(&p.mu)
	return p
}

// Write takes what the guest says on COM1.
func (p *pc) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.out.Write(b)
	p.news.Broadcast()
	return len(b), nil
}

// end says that nothing more will come.
func (p *pc) end() {
	p.mu.Lock()
	p.ended = true
	p.mu.Unlock()
	p.news.Broadcast()
}

// expect waits for any of texts on COM1, from where the last expect ended, and returns the output before it, and which it was.
func (p *pc) expect(texts ...string) (before string, which int) {
	p.t.Helper()
	late := false
	timer := time.AfterFunc(p.patience, func() {
		p.mu.Lock()
		late = true
		p.mu.Unlock()
		p.news.Broadcast()
	})
	defer timer.Stop()
	p.mu.Lock()
	for {
		fresh := p.out.Bytes()[p.seen:]
		first := -1
		for i, text := range texts {
			if at := bytes.Index(fresh, []byte(text)); at >= 0 && (first < 0 || at < first) {
				first, which = at, i
			}
		}
		if first >= 0 {
			p.seen += first + len(texts[which])
			p.mu.Unlock()
			return string(fresh[:first]), which
		}
		if p.ended || late {
			why := "the machine ended"
			if late {
				why = "waited long enough"
			}
			p.mu.Unlock()
			p.t.Fatalf("no %q on COM1 (%s)\n%s", texts, why, p.state())
		}
		p.news.Wait()
	}
}

// expectScreen waits for any of texts in a row of the screen and returns the rows, and which it was.
func (p *pc) expectScreen(texts ...string) (rows []string, which int) {
	p.t.Helper()
	for start := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		p.mu.Lock()
		ended := p.ended
		p.mu.Unlock()
		rows, err := p.machine.screen()
		all := strings.Join(rows, "\n")
		for i, text := range texts {
			if strings.Contains(all, text) {
				return rows, i
			}
		}
		if ended || time.Since(start) > p.patience {
			p.t.Fatalf("no %q on the screen (%v)\n%s", texts, err, p.state())
		}
	}
}

// expectPicture waits for a picture on the screen that is right, what says which in words.
func (p *pc) expectPicture(what string, right func(image.Image) bool) {
	p.t.Helper()
	for start := time.Now(); ; time.Sleep(time.Second) {
		p.mu.Lock()
		ended := p.ended
		p.mu.Unlock()
		picture, err := p.machine.picture()
		if err == nil && right(picture) {
			return
		}
		if ended || time.Since(start) > p.patience {
			p.t.Fatalf("no picture of %s (%v)\n%s", what, err, p.state())
		}
	}
}

// enter types a line at COM1.
func (p *pc) enter(line string) {
	p.t.Helper()
	if err := p.machine.send(line + "\r"); err != nil {
		p.t.Fatalf("send %q: %v\n%s", line, err, p.state())
	}
}

// press plays keys on the keyboard: each of the words is pressed alone.
func (p *pc) press(keys string) {
	p.t.Helper()
	for _, k := range strings.Fields(keys) {
		if err := p.machine.key(k); err != nil {
			p.t.Fatalf("key %s: %v\n%s", k, err, p.state())
		}
	}
}

// run types a command at a shell's prompt on COM1 and returns what came before the next prompt.
func (p *pc) run(command, prompt string) string {
	p.t.Helper()
	p.enter(command + "; echo end-$((40+2))")
	out, _ := p.expect("end-42")
	p.expect(prompt)
	return out
}

// finish waits for the end and wants the status.
func (p *pc) finish(status int) {
	p.t.Helper()
	done := make(chan struct{})
	timer := time.AfterFunc(p.patience, func() { close(done); p.machine.kill() })
	defer timer.Stop()
	got, err := p.machine.wait()
	select {
	case <-done:
		p.t.Fatalf("the machine did not end\n%s", p.state())
	default:
	}
	if err != nil || got != status {
		p.t.Fatalf("the machine ended with status %d, want %d (%v)\n%s", got, status, err, p.state())
	}
}

// serial is all that came on COM1.
func (p *pc) serial() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.String()
}

// state describes the machine for a message.
func (p *pc) state() string {
	out := p.serial()
	rows, err := p.machine.screen()
	screen := strings.TrimRight(strings.Join(rows, "\n"), "\n")
	if err != nil {
		screen = fmt.Sprint(err)
	}
	return fmt.Sprintf("--- end of COM1:\n%s\n--- screen:\n%s", out[max(0, len(out)-2000):], screen)
}
