package proxy

import (
	"context"
	"database/sql"

	"switchyard"
	"switchyard/dialect"
	"switchyard/ticket"
	"switchyard/ticket/hook"
)

// Hooks delivers notices to apps; those of package ticket/hook do.
type Hooks interface {
	// Insert has notices delivered, if tx commits. Wake tells that it has.
	Insert(ctx context.Context, tx *sql.Tx, notices ...hook.Notice) error
	Wake()
	// Check tells whether an address may be called at all.
	Check(ctx context.Context, address string) error
}

// checkHook refuses an address that we would never call, in the words of a request that is wrong.
func (q *request) checkHook(req *switchyard.Request) error {
	if req.Hook == nil {
		return nil
	}
	if err := q.Hooks.Check(q.r.Context(), req.Hook.URL); err != nil {
		return &switchyard.Error{Kind: switchyard.BadRequest, Param: "webhook", Detail: "The webhook's address cannot be called.", Err: err}
	}
	return nil
}

// notices writes down, along with a move of the ticket, what the app wants to be told of it.
func (q *request) notices(req *switchyard.Request, events ...switchyard.Event) func(context.Context, *sql.Tx, ticket.Ticket) error {
	var wanted []switchyard.Event
	for _, e := range events {
		if req.Hook.Wants(e) {
			wanted = append(wanted, e)
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	return func(ctx context.Context, tx *sql.Tx, next ticket.Ticket) error {
		told := *req
		told.Delivery = switchyard.DeliverURL // a notice is small, whatever the app's SDK expects of an answer
		state := q.state(next, &told)
		front := q.place.dialect.(dialect.Ticketer)
		var list []hook.Notice
		for _, e := range wanted {
			if e == switchyard.EventOutput && state.Result == nil {
				continue
			}
			body, err := front.Notice(&told, state, e)
			if err != nil {
				return err
			}
			list = append(list, hook.Notice{
				ID: next.ID + "." + string(e), Ticket: next.ID, Dialect: next.Dialect, Tenant: next.Tenant,
				URL: req.Hook.URL, Event: string(e), Body: body,
			})
		}
		return q.Hooks.Insert(ctx, tx, list...)
	}
}
