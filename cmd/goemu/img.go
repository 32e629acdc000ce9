package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"goemu/emu"
)

const imgHelp = `  goemu img create [-f raw] FILE SIZE   make an empty raw image; what exists is left alone
  goemu img info FILE                   show an image's or block device's size

SIZE is a number of bytes, or has a suffix K, M, G or T. An image takes room on the host as it is written to.
`

// sectorSize is what sizes of images are rounded up to, in bytes.
const sectorSize = 512

func runImg(out io.Writer, args []string) (int, error) {
	switch {
	case len(args) == 5 && args[0] == "create" && args[1] == "-f":
		if args[2] != "raw" {
			return 0, fmt.Errorf("create -f %s: goemu knows raw images alone", args[2])
		}
		return 0, createImage(out, args[3], args[4])
	case len(args) == 3 && args[0] == "create":
		return 0, createImage(out, args[1], args[2])
	case len(args) == 2 && args[0] == "info":
		return 0, imageInfo(out, args[1])
	}
	return 0, errors.New("want create FILE SIZE or info FILE")
}

// createImage makes a sparse file, if there is none of this name.
func createImage(out io.Writer, file, size string) (err error) {
	n, err := emu.ParseSize(size, 1)
	if err != nil {
		return fmt.Errorf("create: %w", err)
	}
	if n = (n + sectorSize - 1) &^ (sectorSize - 1); n == 0 {
		return fmt.Errorf("create: a disk of %s has no sectors", size)
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("create: %s is there already, and stays as it is", file)
	}
	if err != nil {
		return fmt.Errorf("create: %w", err)
	}
	err = f.Truncate(int64(n))
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		// What is half made is of no use; the error that counts is the first.
		_ = os.Remove(file)
		return fmt.Errorf("create: %w", err)
	}
	_, err = fmt.Fprintf(out, "Formatting '%s', fmt=raw size=%d\n", file, n)
	return err
}

// imageInfo shows what a file or block device is as a disk.
func imageInfo(out io.Writer, file string) error {
	st, err := os.Stat(file)
	if err != nil {
		return fmt.Errorf("info: %w", err)
	}
	if m := st.Mode(); !m.IsRegular() && (m&os.ModeDevice == 0 || m&os.ModeCharDevice != 0) {
		return fmt.Errorf("info: %s is neither a regular file nor a block device", file)
	}
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("info: %w", err)
	}
	defer f.Close()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return fmt.Errorf("info: %w", err)
	}
	fmt.Fprintf(out, "image: %s\nfile format: raw\nvirtual size: %s (%d bytes)\n", file, inUnits(size), size)
	if used, ok := roomOf(st); ok && st.Mode().IsRegular() {
		fmt.Fprintf(out, "disk size: %s\n", inUnits(used))
	}
	if size%sectorSize != 0 {
		fmt.Fprintf(out, "note: not whole sectors of %d bytes; the rest of the last one reads as 0\n", sectorSize)
	}
	return nil
}

// inUnits is a size with three digits and a unit of 1024s.
func inUnits(n int64) string {
	v, unit := float64(n), 0
	units := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}
	for v >= 1024 && unit < len(units)-1 {
		v, unit = v/1024, unit+1
	}
	return fmt.Sprintf("%.3g %s", v, units[unit])
}
