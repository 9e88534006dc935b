package main

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// lookShell is where a shell is. One that is not installed is no failure but in CI.
func lookShell(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	switch {
	case err == nil:
	case os.Getenv("CI") != "":
		t.Fatal(err)
	default:
		t.Skip(err)
	}
	return path
}

// TestBashCompletion asks a shell.
func TestBashCompletion(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Fatal(err) // every machine that builds us has one
	}
	o := command(t, []string{"completion", "bash"})
	if o.code != 0 {
		t.Fatalf("%+v", o)
	}
	for line, want := range map[string]string{
		"switchyard ki":                  "kill",
		"switchyard kill pr":             "provider",
		"switchyard kill --by":           "--bypass",
		"switchyard kill --reason ":      "",
		"switchyard completion f":        "fish",
		"switchyard report --by t":       "tier tenant",
		"switchyard report --by = t":     "tier tenant", // --by=t, as readline takes it apart
		"switchyard report --by =":       "provider model tier tenant experiment route key day",
		"switchyard report --since =":    "",
		"switchyard revive --admin x:1 ": "--help --json --config --admin --token provider target route all",
	} {
		script := o.out + `
COMP_LINE=$1; COMP_WORDS=($1); [[ $1 == *' ' ]] && COMP_WORDS+=('')
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_switchyard; echo "${COMPREPLY[*]}"; complete -p switchyard`
		out, err := exec.CommandContext(t.Context(), bash, "-c", script, "bash", line).CombinedOutput()
		if got := string(out); err != nil || got != want+"\ncomplete -o default -F _switchyard switchyard\n" {
			t.Errorf("%q: %q, %v", line, got, err)
		}
	}
}

// TestCompletionKnowsAll: no command and no flag is left out.
func TestCompletionKnowsAll(t *testing.T) {
	parser, err := newParser()
	if err != nil {
		t.Fatal(err)
	}
	for _, shell := range []string{"bash", "zsh", "fish"} {
		o := command(t, []string{"completion", shell})
		for _, cmd := range parser.Model.Children {
			if !strings.Contains(o.out, cmd.Name) {
				t.Errorf("%s: no %s", shell, cmd.Name)
			}
			for _, f := range cmd.Flags {
				if !strings.Contains(o.out, "--"+f.Name) && !strings.Contains(o.out, "-l "+f.Name) {
					t.Errorf("%s: no --%s", shell, f.Name)
				}
			}
		}
	}
	if o := command(t, []string{"completion", "tcsh"}); o.code != exitUsage {
		t.Errorf("%+v", o)
	}
}

// TestZshAndFishComplete asks both shells, with what they are told to source.
func TestZshAndFishComplete(t *testing.T) {
	lines := map[string]string{
		"switchyard ki":                      "kill",
		"switchyard --":                      "--help",
		"switchyard kill pr":                 "provider",
		"switchyard kill --by":               "--bypass",
		"switchyard completion f":            "fish",
		"switchyard report --by t":           "tenant tier",
		"switchyard plan --header a --he":    "--header --help",
		"switchyard revive --":               "--admin --config --help --json --token",
		"switchyard serve --config sidecar_": "sidecar_test.go",
	}
	for name, driver := range map[string]string{"zsh": zshDriver, "fish": fishDriver} {
		t.Run(name, func(t *testing.T) {
			path := lookShell(t, name)
			script := filepath.Join(t.TempDir(), "script")
			o := command(t, []string{"completion", name})
			if err := os.WriteFile(script, []byte(o.out), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, line := range slices.Sorted(maps.Keys(lines)) {
				cmd := exec.CommandContext(t.Context(), path, "-c", driver)
				cmd.Env = append(os.Environ(), "SCRIPT="+script, "LINE="+line, "HOME="+t.TempDir(), "TERM=dumb")
				out, err := cmd.CombinedOutput()
				got := strings.Fields(string(out))
				slices.Sort(got)
				if err != nil || strings.Join(got, " ") != lines[line] {
					t.Errorf("%q: %q, %v; want %s", line, got, err, lines[line])
				}
			}
		})
	}
}

// fishDriver prints what fish offers after $LINE.
const fishDriver = `source $SCRIPT; complete -C $LINE | string replace -r "\t.*" ""; true`

// zshDriver types $LINE into a zsh on a terminal, and a tab behind it, and prints what the completion adds to its list.
const zshDriver = `setopt extendedglob
zmodload zsh/zpty
zpty z zsh -f -i
heard() {
	local l told=0
	while zpty -r z l; do
		case $l in
		*'<end>'*) return ;;
		*'<begin>'*) told=1 ;;
		*) ((told)) && print -r -- ${l%%[[:space:]]##} ;;
		esac
	done
}
zpty -w z "stty -echo; PROMPT=; autoload -Uz compinit; compinit -u -D; source $SCRIPT; bindkey '^I' complete-word; print '<e'nd'>'"
heard
zpty -w z 'compadd() {
	[[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]] && { builtin compadd "$@"; return; }
	local -a hits; builtin compadd -A hits "$@"; print -rl -- $hits
}
begin() print "\n<beg"in">"; finish() print "<e"nd">"; compprefuncs=(begin); comppostfuncs=(finish); print "<e"nd">"'
heard
zpty -w -n z "$LINE"$'\t'
heard
`
