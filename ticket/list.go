package ticket

import (
	"context"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Query asks for a page of a tenant's tickets.
type Query struct {
	Tenant  string
	Dialect string
	From    time.Time // created then or later; zero: at any time
	To      time.Time // created earlier than that; zero: at any time
	Before  string    // the cursor of the page before; empty for the newest
	Limit   int
	Bytes   int // of the documents on the page; 0: any number. There is at least one ticket on it, however large
}

// List returns a page of tickets, newest first, and the cursor of the next page; that is empty if there is none. A page
// does not shift when tickets come or go in between: a cursor is a point in time, not a number of rows.
func (s *Store) List(ctx context.Context, q Query) (page []Ticket, next string, err error) {
	created, id, err := parseCursor(q.Before)
	if err != nil {
		return nil, "", err
	}
	if to := nanos(q.To); to != 0 && to <= created {
		created, id = to, "" // no id is less than that
	}
	page, err = s.query(ctx, `SELECT `+columns+` FROM tickets
WHERE tenant = ? AND dialect = ? AND created >= ? AND (created, id) < (?, ?) ORDER BY created DESC, id DESC LIMIT ?`,
		q.Tenant, q.Dialect, nanos(q.From), created, id, q.Limit+1) // one more tells whether there is a next page
	if err != nil {
		return nil, "", fmt.Errorf("list tickets: %w", err)
	}
	if n := q.fits(page); n < len(page) {
		page = page[:n]
		if n > 0 {
			next = cursor(page[n-1])
		}
	}
	return page, next, nil
}

// fits returns how many of the tickets fit on the page.
func (q Query) fits(tickets []Ticket) int {
	bytes := 0
	for i, t := range tickets {
		bytes += len(t.Request) + len(t.Result)
		if i == q.Limit || i > 0 && q.Bytes > 0 && bytes > q.Bytes {
			return i
		}
	}
	return len(tickets)
}

// cursor returns the cursor of the page after a ticket. To apps it is opaque: its form may change.
func cursor(last Ticket) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(nanos(last.Created), 36) + "." + last.ID))
}

func parseCursor(text string) (created int64, id string, err error) {
	if text == "" {
		return 1<<63 - 1, "", nil
	}
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return 0, "", ErrCursor
	}
	at, id, ok := strings.Cut(string(b), ".")
	created, err = strconv.ParseInt(at, 36, 64)
	if !ok || err != nil {
		return 0, "", ErrCursor
	}
	return created, id, nil
}
