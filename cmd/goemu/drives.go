package main

import (
	"strings"

	"github.com/spf13/pflag"
)

// driveFlags declares the options that name drives. Each adds a -drive, in the order of the command line.
func driveFlags(f *pflag.FlagSet, v *values) {
	f.Var(&driveFlag{v, "drive", ""}, "drive", "`drive`: file=,if=ide|floppy|pflash|none,index=,media=disk|cdrom,id=,format=raw,\n"+
		"readonly=on,snapshot=on,cache=,discard=unmap,\n"+
		"werror=report|ignore|enospc|stop,rerror=report|ignore|stop")
	for _, s := range []struct{ name, props, usage string }{
		{"hda", "index=0,media=disk", "first disk: `file`"},
		{"hdb", "index=1,media=disk", "second disk: `file`"},
		{"hdc", "index=2,media=disk", "third disk: `file`"},
		{"hdd", "index=3,media=disk", "fourth disk: `file`"},
		{"cdrom", "index=2,media=cdrom", "CD or DVD: `file`"},
		{"fda", "if=floppy,index=0", "first floppy: `file`"},
		{"fdb", "if=floppy,index=1", "second floppy: `file`"},
	} {
		f.Var(&driveFlag{v, s.name, s.props}, s.name, s.usage)
	}
	f.BoolVar(&v.snapshot, "snapshot", false, "drives forget at the end what was written to them")
}

// driveFlag is an option that adds a drive.
type driveFlag struct {
	v     *values
	name  string
	props string // what the option says beside the file; "": it says all
}

// Set implements pflag.Value.
func (d *driveFlag) Set(s string) error {
	name := "-" + d.name + " " + s
	if d.props != "" {
		s = shortDrive(s, d.props)
	}
	d.v.addDrive(s, name)
	return nil
}

// addDrive adds a -drive. Messages call it by what the user has typed.
func (v *values) addDrive(s, name string) {
	v.drives = append(v.drives, s)
	v.driveNames = append(v.driveNames, name)
}

// String implements pflag.Value.
func (d *driveFlag) String() string { return "" }

// Type implements pflag.Value.
func (d *driveFlag) Type() string { return "file" }

// shortDrive is the -drive of a file; commas in its name are doubled.
func shortDrive(file, props string) string {
	return "file=" + strings.ReplaceAll(file, ",", ",,") + "," + props
}
