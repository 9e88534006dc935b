package replicate

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"switchyard"
	"switchyard/dialect"
	"switchyard/spool"
)

var (
	_ dialect.Pager  = Dialect{}
	_ dialect.Lister = Dialect{}
)

// isPage reports whether Page can answer a path.
func isPage(parts []string) bool {
	switch {
	case len(parts) == 3 && parts[0] == "webhooks":
		return parts[1] == "default" && parts[2] == "secret"
	case len(parts) == 5 && parts[0] == "models" && parts[3] == "versions":
		return table().Find(parts[1]+"/"+parts[2]) != nil
	}
	return false
}

// Page answers the secret that webhooks are signed with, and the documents of the versions that we know. The Python SDK
// reads such a document before it runs a version, to learn whether the output is a list.
func (d Dialect) Page(c dialect.PageCall) *dialect.Reply {
	parts, _ := split(c.Path)
	switch {
	case !isPage(parts):
		return nil
	case len(parts) == 5:
		return version(table().Find(parts[1]+"/"+parts[2]), parts[4])
	case len(c.Keys.Shared) == 0:
		return nil
	}
	body, _ := (&spool.Composer{}).JSON(map[string]string{"key": secretOf(c.Keys.Shared)}) // a text: it cannot fail
	return dialect.JSON(http.StatusOK, "application/json", body)
}

// version returns the document of a version, as far as SDKs read it; nil if we do not know the version.
func version(row *switchyard.Model, id string) *dialect.Reply {
	if !strings.EqualFold(id, "hidden") && !hash.MatchString(id) {
		return nil
	}
	file := map[string]any{"type": "string", "format": "uri"}
	output := map[string]any{"title": "Output", "type": "array", "items": file}
	if row.Can.Has("string_output") {
		output = map[string]any{"title": "Output", "type": "string", "format": "uri"}
	}
	body, err := (&spool.Composer{}).JSON(map[string]any{
		"id": id, "created_at": "2024-01-01T00:00:00.000000Z", "cog_version": "0.9.0",
		"openapi_schema": map[string]any{
			"openapi": "3.0.2",
			"info":    map[string]string{"title": "Cog", "version": "0.1.0"},
			"components": map[string]any{"schemas": map[string]any{
				"Input":  map[string]any{"title": "Input", "type": "object", "properties": map[string]any{}},
				"Output": output,
			}},
		},
	})
	if err != nil {
		return nil
	}
	return dialect.JSON(http.StatusOK, "application/json", body)
}

// Span reads created_after, which includes its own moment, and created_before, which does not.
func (Dialect) Span(query url.Values) (from, to time.Time, err error) {
	for name, at := range map[string]*time.Time{"created_after": &from, "created_before": &to} {
		text := query.Get(name)
		if text == "" {
			continue
		}
		if *at, err = parseTime(text); err != nil {
			return from, to, switchyard.Invalid(name, "%s is not a valid ISO 8601 date.", name)
		}
	}
	return from, to, nil
}

// No ticket is older than dawn, or younger than ages. Nanoseconds since 1970 cannot be counted far beyond them.
var (
	dawn = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	ages = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
)

// parseTime reads a date, with or without a time and a zone.
func parseTime(text string) (at time.Time, err error) {
	for _, form := range []string{time.RFC3339, "2006-01-02T15:04:05", time.DateOnly} {
		if at, err = time.Parse(form, text); err != nil {
			continue
		}
		switch {
		case at.Before(dawn):
			return dawn, nil
		case at.After(ages):
			return ages, nil
		}
		return at, nil
	}
	return at, err
}

// List writes a page of predictions, newest first. Its cursor is in an absolute address, which SDKs follow.
func (d Dialect) List(req *switchyard.Request, page []dialect.Listed, next url.Values) (*dialect.Reply, error) {
	results := make([]prediction, len(page))
	c := &spool.Composer{}
	for i, l := range page {
		l.Request.Base = req.Base
		results[i] = d.prediction(c, l.Request, l.State)
	}
	doc := map[string]any{"previous": nil, "next": nil, "results": results}
	if next != nil {
		doc["next"] = req.Base + "/v1/predictions?" + next.Encode()
	}
	body, err := c.JSON(doc)
	if err != nil {
		return nil, err
	}
	return dialect.JSON(http.StatusOK, "application/json", body), nil
}
