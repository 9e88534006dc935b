// Command switchyard is a reverse proxy for image providers: apps keep their SDK and change one base URL.
//
// Each command has a file of its own, and its flags are the fields of a struct there. A file is a config: it is put together of the
// Configs of the other packages, and finds what is wrong with it. serve makes a sidecar of one, whose life is in sidecar.go: what
// it owns is in stores.go, standing.go and reload.go, and the rest gives the packages to each other.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	_ "time/tzdata" // budgets go by calendars, and containers have none

	"github.com/alecthomas/kong"

	"switchyard/config"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.LookupEnv, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// Exit statuses: it did not work; it was called wrongly, or with a config that is wrong.
const (
	exitFailed = 1
	exitUsage  = 2
)

// env is what a command may use of the world.
type env struct {
	ctx    context.Context
	getenv func(string) (string, bool)
	stdout io.Writer
	stderr io.Writer
}

// commands are the command line; each has a file of its own.
type commands struct {
	Versions kong.VersionFlag `name:"version" help:"Print the version."`

	Serve      serveCommand      `cmd:"" default:"withargs" help:"Run the sidecar; also what is done without a command."`
	Check      checkCommand      `cmd:"" help:"Check a config file and say what is wrong with it."`
	Demo       demoCommand       `cmd:"" help:"Show the main job with simulated providers, in three acts."`
	Sim        simCommand        `cmd:"" help:"Run the simulated providers alone."`
	Plan       planCommand       `cmd:"" help:"Say who would serve a request, in what order and at what price, without a running sidecar."`
	Status     statusCommand     `cmd:"" help:"Show how a running sidecar stands: who is busy, who is out, what today has cost."`
	Kill       killCommand       `cmd:"" help:"Stop a provider, a target, a route or everything in a running sidecar, at once."`
	Revive     reviveCommand     `cmd:"" help:"Take a kill back."`
	Models     modelsCommand     `cmd:"" help:"List the models that are known: their life, abilities and prices."`
	Prices     pricesCommand     `cmd:"" help:"List what each model costs, in which unit and by which source, and where the config says otherwise."`
	Schema     schemaCommand     `cmd:"" help:"Print the JSON Schema of config files, for editors."`
	Report     reportCommand     `cmd:"" help:"What it cost, how well it went and how long it took; from the ledger."`
	Alerts     alertsCommand     `cmd:"" help:"List the alerts that a config has in force; or print them as a rule file for Prometheus."`
	Backtest   backtestCommand   `cmd:"" help:"Try a config on what has been recorded: what it would have cost, how well and how fast it would have gone."`
	Health     healthCommand     `cmd:"" help:"Ask a running sidecar whether it is ready; for container health checks."`
	Completion completionCommand `cmd:"" help:"Print a script that completes this command line in a shell."`
	Version    versionCommand    `cmd:"" help:"Print the version."`
}

// newParser makes the parser of the command line.
func newParser(options ...kong.Option) (*kong.Kong, error) {
	return kong.New(&commands{}, append(options, kong.Name("switchyard"), kong.UsageOnError(), kong.Vars{"version": thisBuild().String()},
		kong.Description("A transparent sidecar between an app and the image providers it calls."))...)
}

// run parses and runs one command line, and is its exit status.
func run(ctx context.Context, args []string, getenv func(string) (string, bool), stdout, stderr io.Writer) int {
	code, exited := 0, false
	parser, err := newParser(kong.Writers(stdout, stderr), kong.Exit(func(c int) { code, exited = c, true }))
	if err != nil {
		fmt.Fprintln(stderr, "switchyard:", err)
		return exitFailed
	}
	if len(args) > 0 && args[0] == "help" {
		args = append(args[1:], "--help")
	}
	if err := unknownCommand(parser, args); err != nil {
		fmt.Fprintln(stderr, "switchyard:", err)
		return exitUsage
	}
	parsed, err := parser.Parse(args)
	if exited { // help was asked for
		return code
	}
	if err != nil {
		fmt.Fprintf(stderr, "switchyard: %v%s\n", err, more(err))
		return exitUsage
	}
	err = parsed.Run(&env{ctx, getenv, stdout, stderr})
	var faults config.Errors
	var usage usageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &usage):
		fmt.Fprintln(stderr, "switchyard:", err)
		return exitUsage
	case errors.As(err, &faults):
		fmt.Fprintln(stderr, err)
		return exitUsage
	}
	fmt.Fprintln(stderr, "switchyard:", err)
	return exitFailed
}

// more names the page that tells how the command is called whose arguments err is about.
func more(err error) string {
	var parse *kong.ParseError
	if !errors.As(err, &parse) || parse.Context == nil || parse.Context.Command() == "" {
		return `; "switchyard --help" says more`
	}
	name, _, _ := strings.Cut(parse.Context.Command(), " ")
	return fmt.Sprintf("; %q says more", "switchyard "+name+" --help")
}

// unknownCommand is the error of a first argument that is no command; nil if it is one. The parser itself would take it for an
// argument of serve, the command that runs when none is named.
func unknownCommand(parser *kong.Kong, args []string) error {
	if len(args) == 0 || strings.HasPrefix(args[0], "-") {
		return nil
	}
	known := names(parser.Model.Children)
	if slices.Contains(known, args[0]) {
		return nil
	}
	return fmt.Errorf("there is no command %q%s", args[0], cmp.Or(config.Suggest(args[0], known), `; "switchyard --help" lists them`))
}
