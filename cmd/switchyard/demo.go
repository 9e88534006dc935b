package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"switchyard"
	"switchyard/sim"
)

// demoCommand shows the main job: an app bound to Imagen, as it was, behind Switchyard, and after Imagen's end.
type demoCommand struct {
	Speed float64 `help:"Divides simulated latencies." default:"10"`
	Out   string  `help:"Folder for the pictures." default:"switchyard-demo"`
	Exit  bool    `help:"End after the third act, instead of leaving everything running."`
	JSON  bool    `help:"Print the table's figures for machines."`
}

// act is one run of the app over all prompts, and its line of the table.
type act struct {
	Images    int              `json:"images"`
	Failed    int              `json:"failed"`
	Seconds   float64          `json:"seconds"` // simulated
	CostUSD   switchyard.Money `json:"-"`
	Cost      json.Number      `json:"cost_usd"`
	Providers map[string]int   `json:"providers"` // images by who made them
}

// acts is what --json prints.
type acts struct {
	Before  act `json:"before"`
	After   act `json:"after"`
	Retired act `json:"retired"`
}

// sideBySide is how many prompts the app sends at once, once it need not fear for each single one.
const sideBySide = 23

// Run plays the three acts.
func (c *demoCommand) Run(e *env) error {
	if c.Speed <= 0 {
		return usageError{fmt.Errorf("--speed must be positive, got %v", c.Speed)}
	}
	world, err := c.world()
	if err != nil {
		return err
	}
	defer func() { _ = world.Close() }()
	side, err := c.sidecar(e, world)
	if err != nil {
		return err
	}
	defer side.end()
	show := &stage{out: e.stdout, quiet: c.JSON}
	all, err := c.play(e.ctx, world, side, show)
	if err != nil {
		return err
	}
	if c.JSON {
		if err := json.NewEncoder(e.stdout).Encode(all); err != nil {
			return err
		}
	} else {
		show.table(all, c.Out)
	}
	if all.After.Failed > 0 || all.Retired.Failed > 0 {
		return fmt.Errorf("not every picture came through Switchyard: %d and %d failed", all.After.Failed, all.Retired.Failed)
	}
	if !c.Exit {
		fmt.Fprintf(e.stderr, "\nStill running; end it with Ctrl-C. The dashboard, by a link that opens once:\n\n  %s\n", side.login())
		fmt.Fprintf(e.stderr, "\nTry\n\n  curl %s/v1/images/generations -H 'Content-Type: application/json' -d '{\"model\":\"gpt-image-2\",\"prompt\":\"a signal box\"}' -i\n", side.url)
		<-e.ctx.Done()
	}
	return nil
}

func (c *demoCommand) play(ctx context.Context, world *sim.World, side *running, show *stage) (all acts, err error) {
	show.begin("1. The old way: 23 portraits from Imagen, one after another")
	if all.Before, err = c.act(ctx, show, world, calls{"before", world.Google.URL, 1}); err != nil {
		return all, err
	}
	show.begin("2. The same app through Switchyard: side by side, with a second provider behind the first")
	if all.After, err = c.act(ctx, show, world, calls{"after", side.url, sideBySide}); err != nil {
		return all, err
	}
	world.Google.Update(func(b *sim.Behavior) { b.Alive = nil })
	show.begin("3. Google has switched Imagen off; the app has not been touched")
	all.Retired, err = c.act(ctx, show, world, calls{"retired", side.url, sideBySide})
	return all, err
}

// calls is how the app goes about its work in an act.
type calls struct {
	folder string // for the pictures
	base   string // URL
	atOnce int
}

// act has the app make every portrait. What it cost and who made what is taken from the providers' own bills.
func (c *demoCommand) act(ctx context.Context, show *stage, world *sim.World, by calls) (act, error) {
	folder := filepath.Join(c.Out, by.folder)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return act{}, err
	}
	for _, p := range world.Providers() {
		p.Reset()
	}
	app := &oldApp{base: by.base, key: world.Google.Key(), folder: folder}
	began := time.Now()
	failed := app.portraits(ctx, by.atOnce, show.progress)
	if ctx.Err() != nil {
		return act{}, ctx.Err()
	}
	a := act{
		Failed: failed, Images: len(prompts) - failed, Providers: map[string]int{},
		Seconds: float64(int(time.Since(began).Seconds()*c.Speed*10)) / 10,
	}
	for _, p := range world.Providers() {
		for _, charge := range p.Bill() {
			a.CostUSD += charge.Amount
			a.Providers[p.Name] += charge.Images
		}
	}
	a.Cost = json.Number(a.CostUSD.String())
	show.end(a)
	return a, nil
}

// world is the providers, Imagen alive: as slow, as dear and as reliable as it was.
func (c *demoCommand) world() (*sim.World, error) {
	behaviors := sim.Typical()
	google := behaviors["google"]
	google.FailRatio, google.Alive = 0.08, sim.ImagenIDs
	behaviors["google"] = google
	return sim.Start(sim.Config{Speed: c.Speed, Seed: 23, Imagen: true, Behaviors: behaviors})
}

// demoConfig is what an operator writes: the app's own provider first, flux if it fails. Imagen is alive here until
// its provider says otherwise.
const demoConfig = `
server: {listen: 127.0.0.1:0, temp_dir: "%[1]s/tmp", fetch_allow: [127.0.0.1]}
admin: {listen: 127.0.0.1:0}
store: {database: "sqlite:%[1]s/switchyard.db", journal: "%[1]s/journal", assets: {url: "file:%[1]s/assets"}}
models: {alive: [imagen-4.0-generate-001]}
providers:
  google: {dialect: gemini, key: "%[2]s", base_url: "%[3]s"}
  openai: {dialect: openai, key: "%[4]s", base_url: "%[5]s"}
  fal: {dialect: fal, key: "%[6]s", base_url: "%[7]s", queue_url: "%[8]s"}
targets:
  flux: {provider: fal, model: fal-ai/flux/dev}
routes:
  - {name: portraits, targets: [native, flux]}
`

// running is a sidecar that serves inside this process.
type running struct {
	url  string
	dash string // address of the dashboard
	stop context.CancelFunc
	done chan struct{}
	side *sidecar
	data string
}

// login is a link to the dashboard that lets one browser in, once.
func (r *running) login() string { return r.dash + "/admin/login?code=" + r.side.admin.LoginCode() }

func (r *running) end() {
	r.stop()
	<-r.done
	r.side.close()
	_ = os.RemoveAll(r.data)
}

func (c *demoCommand) sidecar(e *env, w *sim.World) (r *running, err error) {
	data, err := os.MkdirTemp("", "switchyard-demo-*")
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(data)
		}
	}()
	text := fmt.Sprintf(demoConfig, data, w.Google.Key(), w.Google.URL, w.OpenAI.Key(), w.OpenAI.URL, w.Fal.Key(), w.Fal.URL, w.Fal.QueueURL)
	read := func() (*file, error) { return load("demo.yaml", []byte(text), e.getenv) }
	f, err := read()
	if err != nil {
		return nil, err
	}
	s, err := open(e.ctx, f, read, noLog())
	if err != nil {
		return nil, err
	}
	l, err := listen(e.ctx, f)
	if err != nil {
		s.close()
		return nil, err
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(e.ctx))
	r = &running{url: "http://" + l.app.Addr().String(), dash: "http://" + l.admin.Addr().String(), stop: stop, done: make(chan struct{}), side: s, data: data}
	go func() {
		defer close(r.done)
		if err := s.serve(ctx, f, l); err != nil {
			fmt.Fprintln(e.stderr, "demo:", err)
		}
	}()
	return r, nil
}
