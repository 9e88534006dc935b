package main

import (
	"fmt"
	"time"

	"switchyard"
	"switchyard/router"
	"switchyard/rule"
)

// decisions is S6: one decision of the router among many routes.
func decisions(t *table) error {
	fmt.Println("\nS6 a decision of the router")
	for _, n := range []int{1, 100, 10_000} {
		r, facts, err := manyRoutes(n)
		if err != nil {
			return err
		}
		const times = 2000
		now, began := time.Now(), time.Now()
		for range times {
			match := r.Match(facts)
			match.Plan(false, now)
		}
		each := time.Since(began) / times
		fmt.Printf("  %6d routes: %v\n", n, each)
		if most := map[int]float64{100: 3, 10_000: 5}[n]; most > 0 {
			what := fmt.Sprintf("S6 a decision among %d routes, µs", n)
			if err := t.judge(line{what: what, got: float64(each.Nanoseconds()) / 1000, most: most}); err != nil {
				return err
			}
		}
	}
	return nil
}

// manyRoutes has n routes by model, of which the request matches the last.
func manyRoutes(n int) (*router.Router, *rule.Facts, error) {
	cfg := router.Config{Targets: map[string]*switchyard.Target{"t": {Name: "t", Provider: "p", Dialect: "openai", Key: switchyard.NewSecret("k")}}}
	for i := range n {
		var route router.Route
		route.SetDefaults()
		route.Name, route.When, route.Targets = fmt.Sprint(i), fmt.Sprintf("request.model == %q", fmt.Sprint("model-", i)), []string{"t"}
		cfg.Routes = append(cfg.Routes, route)
	}
	r, err := router.New(cfg)
	return r, &rule.Facts{Request: &switchyard.Request{Dialect: "openai", Model: fmt.Sprint("model-", n-1), Images: 1}}, err
}
