package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// completionCommand prints a script for a shell. It is made of the command line itself, so that none is forgotten.
type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Run prints the script.
func (c *completionCommand) Run(e *env) error {
	parser, err := newParser()
	if err != nil {
		return err
	}
	script := map[string]func([]*kong.Node) string{"bash": bashScript, "zsh": zshScript, "fish": fishScript}[c.Shell]
	_, err = fmt.Fprint(e.stdout, script(parser.Model.Children))
	return err
}

// choices are what may stand where a value has a fixed set.
func choices(v *kong.Value) []string {
	if v.Enum == "" {
		return nil
	}
	return v.EnumSlice()
}

// takesValue reports whether something must follow a flag.
func takesValue(f *kong.Flag) bool { return !f.IsBool() && !f.IsCounter() }

// words are what may follow a command: its flags, and the choices of its arguments.
func words(cmd *kong.Node) []string {
	words := []string{"--help"}
	for _, f := range cmd.Flags {
		words = append(words, "--"+f.Name)
	}
	for _, p := range cmd.Positional {
		words = append(words, choices(p)...)
	}
	return words
}

func names(cmds []*kong.Node) (names []string) {
	for _, cmd := range cmds {
		names = append(names, cmd.Name)
	}
	return names
}

// bashScript completes words; where a value is wanted that has no fixed set, the shell completes files.
func bashScript(cmds []*kong.Node) string {
	var b strings.Builder
	fmt.Fprintf(&b, `# bash completion for switchyard: source <(switchyard completion bash)
_switchyard() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} cmd= words= i
	if [[ $cur == = ]]; then
		cur= # of --flag=, which is two words here
	elif [[ $prev == = ]]; then
		prev=${COMP_WORDS[COMP_CWORD-2]}
	fi
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		%s) cmd=${COMP_WORDS[i]}; break ;;
		esac
	done
	case "$cmd $prev" in
`, strings.Join(names(cmds), "|"))
	for _, cmd := range cmds {
		for _, f := range cmd.Flags {
			if takesValue(f) {
				fmt.Fprintf(&b, "\t%q) words=%q ;;\n", cmd.Name+" --"+f.Name, strings.Join(choices(f.Value), " "))
			}
		}
	}
	b.WriteString("\t*)\n\t\tcase $cmd in\n")
	fmt.Fprintf(&b, "\t\t'') words=%q ;;\n", strings.Join(append(names(cmds), "--help"), " "))
	for _, cmd := range cmds {
		fmt.Fprintf(&b, "\t\t%s) words=%q ;;\n", cmd.Name, strings.Join(words(cmd), " "))
	}
	b.WriteString(`		esac
		;;
	esac
	COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _switchyard switchyard
`)
	return b.String()
}

// zshScript is one argument specification a command.
func zshScript(cmds []*kong.Node) string {
	var b strings.Builder
	b.WriteString("#compdef switchyard\n# zsh completion for switchyard: source <(switchyard completion zsh)\n_switchyard() {\n\tlocal -a commands=(\n")
	for _, cmd := range cmds {
		fmt.Fprintf(&b, "\t\t%s\n", quote(cmd.Name+":"+cmd.Help))
	}
	b.WriteString("\t\t'--help:Show what there is.'\n\t)\n\tif ((CURRENT == 2)); then\n\t\t_describe command commands\n\t\treturn\n\tfi\n\tlocal cmd=${words[2]}\n")
	b.WriteString("\tshift words\n\t((CURRENT--))\n\tcase $cmd in\n")
	for _, cmd := range cmds {
		fmt.Fprintf(&b, "\t%s)\n\t\t_arguments %s", cmd.Name, quote("--help[Show what there is.]"))
		for _, f := range cmd.Flags {
			spec := "--" + f.Name + "[" + escape(f.Help) + "]"
			if takesValue(f) {
				spec = "--" + f.Name + "=[" + escape(f.Help) + "]:" + f.Name + ":" + action(f.Value)
			}
			if f.IsCumulative() {
				spec = "*" + spec // else zsh takes it for said once it stands there
			}
			fmt.Fprintf(&b, " \\\n\t\t\t%s", quote(spec))
		}
		for _, p := range cmd.Positional {
			fmt.Fprintf(&b, " \\\n\t\t\t%s", quote(":"+p.Name+":"+action(p)))
		}
		b.WriteString("\n\t\t;;\n")
	}
	b.WriteString("\tesac\n}\nif [[ $zsh_eval_context[-1] == loadautofunc ]]; then\n\t_switchyard \"$@\"\nelse\n\t(($+functions[compdef])) || { autoload -Uz compinit && compinit; }\n\tcompdef _switchyard switchyard\nfi\n")
	return b.String()
}

// action is what zsh offers for a value.
func action(v *kong.Value) string {
	if c := choices(v); c != nil {
		return "(" + strings.Join(c, " ") + ")"
	}
	return "_files"
}

// escape takes their meaning from the characters that end a description for zsh.
func escape(s string) string {
	return strings.NewReplacer(`\`, `\\`, "[", `\[`, "]", `\]`, ":", `\:`).Replace(s)
}

// quote is s as one word of a shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// fishScript is a line for each thing that may be completed.
func fishScript(cmds []*kong.Node) string {
	var b strings.Builder
	b.WriteString("# fish completion for switchyard: switchyard completion fish | source\n")
	word := func(s string) string { // fish knows no '\''
		return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'"
	}
	b.WriteString("complete -c switchyard -l help -d 'Show what there is.'\n")
	for _, cmd := range cmds {
		fmt.Fprintf(&b, "complete -c switchyard -n __fish_use_subcommand -f -a %s -d %s\n", cmd.Name, word(cmd.Help))
	}
	for _, cmd := range cmds {
		on := word("__fish_seen_subcommand_from " + cmd.Name)
		for _, f := range cmd.Flags {
			fmt.Fprintf(&b, "complete -c switchyard -n %s -l %s", on, f.Name)
			if takesValue(f) {
				b.WriteString(" -r")
			}
			if c := choices(f.Value); c != nil {
				fmt.Fprintf(&b, " -f -a %s", word(strings.Join(c, " ")))
			}
			fmt.Fprintf(&b, " -d %s\n", word(f.Help))
		}
		if i := slices.IndexFunc(cmd.Positional, func(p *kong.Value) bool { return p.Enum != "" }); i >= 0 {
			fmt.Fprintf(&b, "complete -c switchyard -n %s -f -a %s\n", on, word(strings.Join(choices(cmd.Positional[i]), " ")))
		}
	}
	return b.String()
}
