package monitor

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"goemu/devices/i8042"
	"goemu/emu/debuglog"
	"goemu/emu/inspect"
)

// maxCandidates bounds what Tab lists.
const maxCandidates = 200

// completers give the candidates for a word by what a command's arguments are called.
var completers = map[string]func(s *Session, word string) []string{
	"command": func(*Session, string) []string { return names(commands) },
	"device": func(s *Session, _ string) (list []string) {
		for _, d := range s.m.Blocks() {
			list = append(list, d.ID)
		}
		return list
	},
	"event":  traceNames,
	"on|off": func(*Session, string) []string { return []string{"on", "off"} },
	"engine": func(s *Session, _ string) []string { return s.m.Engines() },
	"file":   func(_ *Session, word string) []string { return files(word) },
	"id": func(s *Session, _ string) (list []string) {
		for _, c := range s.m.Chardevs() {
			list = append(list, c.Label)
		}
		return list
	},
	"items":      func(_ *Session, word string) []string { return each(word, ",", append(debuglog.Names(), "none")) },
	"keys":       func(_ *Session, word string) []string { return each(word, "-", i8042.KeyNames()) },
	"expression": func(_ *Session, word string) (list []string) { return each(word, "$", inspect.GPRNames[:]) },
}

// names are those of a table's commands, all of them.
func names(table []command) (list []string) {
	for _, c := range table {
		list = append(list, strings.Split(c.names, "|")...)
	}
	return list
}

// each completes the last of several names in a word.
func each(word, sep string, names []string) (list []string) {
	head := word[:strings.LastIndex(word, sep)+1]
	for _, n := range names {
		list = append(list, head+n)
	}
	return list
}

// files are those that a word may begin; folders end in a slash.
func files(word string) (list []string) {
	dir := word[:strings.LastIndexByte(word, '/')+1]
	f, err := os.Open(filepath.Join(".", dir))
	if strings.HasPrefix(dir, "/") {
		f, err = os.Open(dir)
	}
	if err != nil {
		return nil
	}
	defer f.Close()
	// What could be read of a folder is better than nothing.
	entries, _ := f.ReadDir(1 << 14)
	for _, e := range entries {
		name := dir + e.Name()
		if e.IsDir() {
			name += "/"
		}
		list = append(list, name)
	}
	return list
}

// candidates gives the word at the end of a line that is not complete, and what it could become, in order.
func (s *Session) candidates(line string) (word string, list []string) {
	words := strings.Fields(line)
	if line == "" || strings.HasSuffix(line, " ") {
		words = append(words, "")
	}
	word = words[len(words)-1]
	if strings.ContainsAny(line, "\"\t") {
		return word, nil // quotes are the user's
	}
	switch before := words[:len(words)-1]; {
	case len(before) == 0:
		list = names(commands)
	case len(before) == 1 && before[0] == "info", len(before) == 2 && before[1] == "info" && (before[0] == "help" || before[0] == "?"):
		list = names(infos)
	default:
		c := find(commands, before[0])
		if c == nil {
			return word, nil
		}
		args := strings.Fields(c.args)
		if len(args) > 0 && (args[0] == "[-f]" || args[0] == "[/fmt]") && (len(before) == 1 || !strings.HasPrefix(before[1], args[0][1:2])) {
			args = args[1:]
		}
		if n := len(before) - 1; n < len(args) {
			if f := completers[strings.Trim(args[n], "[]")]; f != nil {
				list = f(s, word)
			}
		}
	}
	list = slices.DeleteFunc(list, func(c string) bool { return !strings.HasPrefix(c, word) || strings.ContainsAny(c, " \"") })
	slices.Sort(list)
	list = slices.Compact(list)
	return word, list[:min(len(list), maxCandidates)]
}
