package main

import (
	"context"

	"switchyard/ledger"
)

// accounts is the ledger as apps may ask it. They ask right after their answer, which the database may not have yet.
type accounts struct {
	store   ledger.Database
	settled func(context.Context)
}

func (a accounts) Account(ctx context.Context, tenant, id string) (ledger.Account, error) {
	a.settled(ctx)
	return a.store.Account(ctx, tenant, id)
}

func (a accounts) Rate(ctx context.Context, tenant, id, rating string) error {
	a.settled(ctx)
	return a.store.Rate(ctx, tenant, id, rating)
}
