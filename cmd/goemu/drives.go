package main

import "strings"

// driveOptions name drives. Each adds a -drive, in the order of the command line.
var driveOptions = []option{
	{name: "drive", arg: "[PROP=VALUE][,PROP=VALUE...]", group: groupDrives,
		about: "file=, if=ide|floppy|pflash|none, index=, media=disk|cdrom,\nid=, format=raw, readonly=on, snapshot=on, cache=,\n" +
			"discard=unmap, werror=report|ignore|enospc|stop,\nrerror=report|ignore|stop",
		example: "-drive file=disk.img,if=none,id=d,format=raw -device ide-hd,drive=d,bus=ide.1,unit=1,serial=X1",
		set: func(s *settings, v string) error {
			s.addDrive(v, "-drive "+v)
			return nil
		}},
	shortDriveOption("hda", "first disk", "index=0,media=disk"),
	shortDriveOption("hdb", "second disk", "index=1,media=disk"),
	shortDriveOption("hdc", "third disk", "index=2,media=disk"),
	shortDriveOption("hdd", "fourth disk", "index=3,media=disk"),
	shortDriveOption("cdrom", "CD or DVD", "index=2,media=cdrom"),
	shortDriveOption("fda", "first floppy", "if=floppy,index=0"),
	shortDriveOption("fdb", "second floppy", "if=floppy,index=1"),
	shortDriveOption("pflash", "flash chip, for firmware and its variables", "if=pflash"),
	{name: "snapshot", group: groupDrives,
		about: "drives forget at the end what was written to them", example: "-snapshot disk.img", set: given(func(s *settings) { s.cfg.Snapshot = true })},
}

// shortDriveOption is an option that names the file of a drive of fixed properties.
func shortDriveOption(name, about, props string) option {
	return option{name: name, arg: "FILE", group: groupDrives, about: about, files: true, example: "-" + name + " disk.img",
		set: func(s *settings, v string) error {
			s.addDrive(shortDrive(v, props), "-"+name+" "+v)
			return nil
		}}
}

// addDrive adds a -drive. Messages call it by what the user has typed.
func (s *settings) addDrive(drive, typed string) {
	s.cfg.Drives = append(s.cfg.Drives, drive)
	s.cfg.DriveNames = append(s.cfg.DriveNames, typed)
}

// shortDrive is the -drive of a file; commas in its name are doubled.
func shortDrive(file, props string) string {
	return "file=" + strings.ReplaceAll(file, ",", ",,") + "," + props
}
