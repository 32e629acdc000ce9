package main

import (
	"fmt"
	"io"
	"strings"
)

const completionHelp = `  bash:  source <(goemu completion bash)
  zsh:   source <(goemu completion zsh)
  fish:  goemu completion fish | source
To keep it, write it to where the shell looks: for example
  goemu completion bash >~/.local/share/bash-completion/completions/goemu
`

// shells print the completion for each shell.
var shells = map[string]func(w io.Writer){"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion}

func printCompletion(out io.Writer, args []string) (int, error) {
	if len(args) != 1 || shells[args[0]] == nil {
		return 0, fmt.Errorf("want one of bash, zsh, fish")
	}
	shells[args[0]](out)
	return 0, nil
}

// optionNames are the names of all options, with a dash.
func optionNames() (list []string) {
	for _, o := range options {
		list = append(list, "-"+o.name)
		if o.alias != "" {
			list = append(list, "-"+o.alias)
		}
	}
	return list
}

// commandWords are the sub-commands with the words that may follow, but for those with options of machines.
func commandWords() (list [][2]string) {
	for _, c := range commands {
		if strings.Contains(c.args, "OPTIONS") {
			continue
		}
		var w []string
		for _, x := range strings.FieldsFunc(c.args, func(r rune) bool { return r == '|' || r == ' ' }) {
			if x == strings.ToLower(x) && x[0] >= 'a' && x[0] <= 'z' {
				w = append(w, x)
			}
		}
		list = append(list, [2]string{c.name, strings.Join(w, " ")})
	}
	return list
}

// names are the option's names with a dash.
func (o *option) names() []string {
	if o.alias == "" {
		return []string{"-" + o.name}
	}
	return []string{"-" + o.name, "-" + o.alias}
}

// value is what may follow an option, as each shell completes it.
type value struct {
	given bool
	words []string // nil: not these
	files bool
}

func valueOf(arg string, words func() []string, files bool) value {
	v := value{given: arg != "", files: files}
	if words != nil {
		v.words = words()
	}
	return v
}

func (o *option) value() value      { return valueOf(o.arg, o.words, o.files) }
func (o *crossOption) value() value { return valueOf(o.arg, o.words, o.files()) }

// bash is a case for the word before, which pattern matches.
func (v value) bash(w io.Writer, pattern string) {
	reply := ""
	switch {
	case !v.given:
		return
	case v.words != nil:
		reply = fmt.Sprintf("COMPREPLY=($(compgen -W '%s' -- \"$cur\")); ", strings.Join(v.words, " "))
	case v.files:
		reply = "COMPREPLY=($(compgen -f -- \"$cur\")); "
	}
	fmt.Fprintf(w, "\t%s) %sreturn ;;\n", pattern, reply)
}

// zsh is the end of a specification for _arguments.
func (v value) zsh() string {
	switch {
	case !v.given:
		return ""
	case v.words != nil:
		return ":value:(" + strings.ReplaceAll(strings.Join(v.words, " "), ":", `\:`) + ")"
	case v.files:
		return ":file:_files"
	}
	return ":value: "
}

// fish is the end of a command.
func (v value) fish() string {
	switch {
	case !v.given:
		return ""
	case v.words != nil:
		return " -x -a '" + fishText.Replace(strings.Join(v.words, " ")) + "'"
	case v.files:
		return " -r -F"
	}
	return " -x"
}

func bashCompletion(w io.Writer) {
	fmt.Fprint(w, "# bash completion for goemu\n_goemu() {\n\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n\tprev=${prev/#--/-}\n\tCOMPREPLY=()\n"+
		"\tcase $prev in\n")
	for i := range options {
		o := &options[i]
		o.value().bash(w, strings.Join(o.names(), "|"))
	}
	fmt.Fprint(w, "\tesac\n\tlocal own=\n\tif ((COMP_CWORD > 1)) && [[ ${COMP_WORDS[1]} == crosscheck ]]; then\n\t\tcase $prev in\n")
	var own, first []string
	for i := range crossOptions {
		o := &crossOptions[i]
		own = append(own, "--"+o.name)
		o.value().bash(w, "-"+o.name)
	}
	fmt.Fprintf(w, "\t\tesac\n\t\town='%s'\n\tfi\n\tif ((COMP_CWORD == 2)); then\n\t\tcase ${COMP_WORDS[1]} in\n", strings.Join(own, " "))
	for _, c := range commands {
		first = append(first, c.name)
	}
	for _, c := range commandWords() {
		fmt.Fprintf(w, "\t\t%s) COMPREPLY=($(compgen -W '%s' -- \"$cur\")); return ;;\n", c[0], c[1])
	}
	fmt.Fprintf(w, "\t\tesac\n\tfi\n\tif [[ $cur == --* ]]; then\n\t\tCOMPREPLY=($(compgen -W \"$own %s\" -- \"$cur\"))\n\telif [[ $cur == -* ]]; then\n"+
		"\t\tCOMPREPLY=($(compgen -W '%s' -- \"$cur\"))\n\telse\n\t\tCOMPREPLY=($(compgen -f -- \"$cur\"))\n"+
		"\t\t((COMP_CWORD == 1)) && COMPREPLY+=($(compgen -W '%s' -- \"$cur\"))\n\tfi\n}\ncomplete -o filenames -o nosort -F _goemu goemu\n",
		"-"+strings.Join(optionNames(), " -"), strings.Join(optionNames(), " "), strings.Join(first, " "))
}

// zshText makes text safe between [ and ] in single quotes of zsh's _arguments.
var zshText = strings.NewReplacer("'", `'\''`, "[", `\[`, "]", `\]`, "\n", " ", ":", `\:`)

func zshCompletion(w io.Writer) {
	fmt.Fprint(w, "#compdef goemu\n_goemu() {\n\tlocal -a first\n\tfirst=(\n")
	for _, c := range commands {
		fmt.Fprintf(w, "\t\t'%s:%s'\n", c.name, zshText.Replace(c.about))
	}
	fmt.Fprint(w, "\t)\n\tif ((CURRENT == 3)); then\n\t\tcase $words[2] in\n")
	for _, c := range commandWords() {
		fmt.Fprintf(w, "\t\t%s) compadd -- %s; return ;;\n", c[0], c[1])
	}
	fmt.Fprint(w, "\t\tesac\n\tfi\n\tlocal -a own\n\t[[ $words[2] == crosscheck ]] && own=(\n")
	for i := range crossOptions {
		o := &crossOptions[i]
		fmt.Fprintf(w, "\t\t'*--%s[%s]%s'\n", o.name, zshText.Replace(o.about), o.value().zsh())
	}
	fmt.Fprint(w, "\t)\n\t((CURRENT == 2)) && [[ $PREFIX != -* ]] && _describe sub-command first\n\t_arguments -s- $own \\\n")
	for i := range options {
		o := &options[i]
		for _, n := range o.names() {
			fmt.Fprintf(w, "\t\t'*%s[%s]%s' \\\n", n, zshText.Replace(o.about), o.value().zsh())
		}
	}
	fmt.Fprint(w, "\t\t'*:disk image:_files'\n}\nif [[ $funcstack[1] == _goemu ]]; then _goemu \"$@\"; else compdef _goemu goemu; fi\n")
}

// fishText makes text safe in single quotes of fish.
var fishText = strings.NewReplacer(`\`, `\\`, "'", `\'`, "\n", " ")

func fishCompletion(w io.Writer) {
	fmt.Fprint(w, "# fish completion for goemu\n")
	for _, c := range commands {
		fmt.Fprintf(w, "complete -c goemu -n __fish_use_subcommand -a %s -d '%s'\n", c.name, fishText.Replace(c.about))
	}
	for _, c := range commandWords() {
		if c[1] != "" {
			fmt.Fprintf(w, "complete -c goemu -f -n '__fish_seen_subcommand_from %s' -a '%s'\n", c[0], c[1])
		}
	}
	for i := range options {
		o := &options[i]
		for _, n := range o.names() {
			fmt.Fprintf(w, "complete -c goemu -o %s -d '%s'%s\n", n[1:], fishText.Replace(o.about), o.value().fish())
		}
	}
	for i := range crossOptions {
		o := &crossOptions[i]
		fmt.Fprintf(w, "complete -c goemu -n '__fish_seen_subcommand_from crosscheck' -l %s -d '%s'%s\n", o.name, fishText.Replace(o.about), o.value().fish())
	}
}
