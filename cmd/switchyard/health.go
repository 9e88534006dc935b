package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// healthCommand is the health check of a container without a shell.
type healthCommand struct {
	sidecarFlags
	URL  string `help:"Address of the readiness page, if it is not on the admin side." placeholder:"URL"`
	JSON bool   `help:"For machines."`
}

// Run fails unless the page answers 200.
func (c *healthCommand) Run(e *env) error {
	err := c.ask(e)
	if c.JSON {
		return errors.Join(encodeJSON(e.stdout, map[string]bool{"ready": err == nil}), err)
	}
	return err
}

func (c *healthCommand) ask(e *env) error {
	page := c.URL
	if page == "" {
		o, err := operatorFlags{sidecarFlags: c.sidecarFlags}.operator(e)
		if err != nil {
			return err
		}
		page = o.base + "/readyz"
	}
	ctx, cancel := context.WithTimeout(e.ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, page, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return unanswered(page, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		why, _ := io.ReadAll(io.LimitReader(resp.Body, 200))
		return fmt.Errorf("%s: %s: %s", page, resp.Status, plain(strings.TrimSpace(string(why))))
	}
	return nil
}
