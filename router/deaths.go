package router

import (
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"
)

// maxDeaths bounds what is remembered: the names of models come from strangers.
const maxDeaths = 1024

// Deaths is the models that have been shut down, according to answers of their providers: the latest 1,024 of them.
// It outlives reloads. The zero value and nil know of none. Safe for concurrent use.
type Deaths struct {
	once  sync.Once
	known *lru.Cache[[2]string, struct{}] // the dialect and the model of each that is dead
}

func (d *Deaths) init() {
	d.once.Do(func() { d.known, _ = lru.New[[2]string, struct{}](maxDeaths) }) // it errs only on sizes below 1
}

// Learn notes a death.
func (d *Deaths) Learn(dialectName, model string) {
	d.init()
	d.known.Add([2]string{dialectName, model}, struct{}{})
}

// Known reports whether the model is known to be dead.
func (d *Deaths) Known(dialectName, model string) bool {
	if d == nil {
		return false
	}
	d.init()
	return d.known.Contains([2]string{dialectName, model})
}
