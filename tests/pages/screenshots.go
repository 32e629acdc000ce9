package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"goemu/emu"
)

// A shot is a picture: the machine, the text that tells that the screen is complete, and a key to press when another text is there.
type shot struct {
	file, until string
	when, key   string
	drives      []string
	needs       string // a medium of tests/media/prepare; without it the picture stays as it is
	menu        bool
}

var shots = []shot{
	{file: "boot-menu.png", when: "Press F12", key: "f12", until: "ESC boots in the usual order.", menu: true,
		drives: []string{"file=DISK,format=raw,if=ide,index=0,media=disk,readonly=off"}},
	{file: "grub.png", until: "grub>", needs: "grub.iso", drives: []string{"file=MEDIUM,if=ide,index=2,media=cdrom"}},
}

// patience bounds the wait for a screen. It decides nothing: a guest that works is far quicker.
const patience = 8 * time.Minute

// screenshots makes the pictures that can be made here.
func screenshots(dir, tmp string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	for _, s := range shots {
		picture, err := s.take(tmp)
		switch {
		case err != nil:
			return fmt.Errorf("%s: %w", s.file, err)
		case picture == nil:
			fmt.Fprintf(os.Stderr, "pages: %s stays as it is: make guests prepares %s\n", s.file, s.needs)
		default:
			if err := os.WriteFile(filepath.Join(dir, s.file), picture, 0o666); err != nil {
				return err
			}
		}
	}
	for _, s := range scenes {
		picture, err := s.take()
		if err != nil {
			return fmt.Errorf("%s: %w", s.file, err)
		}
		if err := os.WriteFile(filepath.Join(dir, s.file), picture, 0o666); err != nil {
			return err
		}
	}
	return nil
}

// take returns the picture as PNG; nil: a medium is missing.
func (s *shot) take(tmp string) ([]byte, error) {
	disk := filepath.Join(tmp, "disk.img")
	if err := os.WriteFile(disk, make([]byte, 1<<20), 0o666); err != nil {
		return nil, err
	}
	medium := ""
	if s.needs != "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return nil, err
		}
		medium = filepath.Join(cache, "goemu", "media", s.needs)
		if _, err := os.Stat(medium); err != nil {
			return nil, nil
		}
	}
	splash := 60_000 // ms
	cfg := emu.Config{ConsoleOut: io.Discard, Serial: []string{"null"}, Boot: emu.BootOptions{Menu: s.menu, SplashTime: &splash}}
	for _, d := range s.drives {
		cfg.Drives = append(cfg.Drives, strings.NewReplacer("DISK", disk, "MEDIUM", medium).Replace(d))
	}
	m, err := emu.New(cfg)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	ended := make(chan error, 1)
	go func() {
		_, err := m.Run()
		ended <- err
	}()
	picture, err := s.watch(m)
	m.Stop(0)
	return picture, errors.Join(err, <-ended)
}

// watch waits for the screen.
func (s *shot) watch(m *emu.Machine) ([]byte, error) {
	pressed := s.key == ""
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		rows, err := m.ScreenText()
		if err != nil {
			continue // nothing is on the screen yet
		}
		text := strings.Join(rows, "\n")
		switch {
		case !pressed && strings.Contains(text, s.when):
			if err := m.SendKey(s.key, 0); err != nil {
				return nil, err
			}
			pressed = true
		case pressed && strings.Contains(text, s.until):
			var picture bytes.Buffer
			err := m.Screendump(&picture)
			return picture.Bytes(), err
		}
	}
	return nil, fmt.Errorf("the screen does not show %q", s.until)
}
