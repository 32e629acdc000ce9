package media

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// onQEMU tells whether the tests run on QEMU's TCG, to check the media and what is typed at them.
func onQEMU() bool { return os.Getenv("GOEMU_MEDIA_ON") == "qemu" }

// qemuScreen reads the text buffer of 80 columns from guest memory.
func (e *emulator) qemuScreen() ([]string, error) {
	const rows, columns = 25, 80
	file := filepath.Join(e.dir, "screen")
	if _, err := e.monitor(fmt.Sprintf("pmemsave 0xb8000 %d \"%s\"", rows*columns*2, file)); err != nil {
		return nil, err
	}
	b, err := os.ReadFile(file)
	if err != nil || len(b) < rows*columns*2 {
		return nil, errors.Join(err, errors.New("QEMU wrote no screen"))
	}
	var lines []string
	for r := range rows {
		line := make([]byte, columns)
		for i := range line {
			if line[i] = b[(r*columns+i)*2]; line[i] < ' ' || line[i] > '~' {
				line[i] = ' '
			}
		}
		lines = append(lines, strings.TrimRight(string(line), " "))
	}
	return lines, nil
}
