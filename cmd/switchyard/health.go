package main

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// healthCommand is the health check of a container without a shell.
type healthCommand struct {
	URL string `help:"Address of the readiness page." default:"http://127.0.0.1:9090/readyz"`
}

// Run fails unless the page answers 200.
func (c *healthCommand) Run(e *env) error {
	ctx, cancel := context.WithTimeout(e.ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", c.URL, resp.Status)
	}
	return nil
}
