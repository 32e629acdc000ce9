package video

import (
	"io"
	"strings"
	"testing"
	"time"

	"goemu/emu"
	"goemu/tests/guest"
)

// A kernel that is loaded directly has its log on the screen: without a root file system the last lines stay there.
func TestKernelLog(t *testing.T) {
	m, err := emu.New(emu.Config{
		Kernel: guest.File(t, "vmlinuz"), Append: "console=tty0", Memory: 128 << 20, Serial: []string{"none"}, ConsoleOut: io.Discard,
	})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_, _ = m.Run()
		close(ended)
	}()
	defer func() {
		m.Stop(0)
		<-ended
	}()
	var text string
	for end := time.Now().Add(guest.Patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		lines, err := m.ScreenText()
		if text = strings.Join(lines, "\n"); err == nil && strings.Contains(text, "end Kernel panic - not syncing") {
			return
		}
	}
	t.Errorf("the screen shows:\n%s", text)
}
