package backtest

import (
	"fmt"
	"strings"

	"switchyard/router"
	"switchyard/rule"
)

// sightings are the headers and query parameters that any record has.
type sightings struct{ headers, query map[string]bool }

func newSightings() *sightings { return &sightings{map[string]bool{}, map[string]bool{}} }

func (s *sightings) add(shape *router.Shape) {
	for name := range shape.Headers {
		s.headers[name] = true
	}
	for name := range shape.Query {
		s.query[name] = true
	}
}

// missing returns those of m that no record has, as rules write them.
func (s *sightings) missing(m rule.Mentions) []string {
	missing := []string{}
	for _, name := range m.Headers {
		if !s.headers[name] {
			missing = append(missing, fmt.Sprintf("headers[%q]", strings.ToLower(name)))
		}
	}
	for _, name := range m.Query {
		if !s.query[name] {
			missing = append(missing, fmt.Sprintf("query[%q]", name))
		}
	}
	return missing
}
