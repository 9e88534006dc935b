package main

import (
	"context"
	"errors"

	"switchyard/ledger"
)

// accounts is the ledger as apps may ask it. They ask right after their answer, which the database may not have yet. A server that has
// died may never answer: nobody waits for it longer than ledgerPatience.
type accounts struct {
	store   ledger.Database
	settled func(context.Context) bool
}

// errBehind is the error of a generation that may be among those which the database does not have yet: that it does not exist
// would be the last that its app asks.
var errBehind = errors.New("the database does not have everything yet")

func (a accounts) Account(ctx context.Context, tenant, id string) (ledger.Account, error) {
	settled := a.settled(ctx)
	ctx, cancel := context.WithTimeout(ctx, ledgerPatience)
	defer cancel()
	acc, err := a.store.Account(ctx, tenant, id)
	return acc, unlessBehind(settled, err)
}

func (a accounts) Rate(ctx context.Context, tenant, id, rating string) error {
	settled := a.settled(ctx)
	ctx, cancel := context.WithTimeout(ctx, ledgerPatience)
	defer cancel()
	return unlessBehind(settled, a.store.Rate(ctx, tenant, id, rating))
}

// unlessBehind is err, but nothing is said to be missing from a database that has not settled.
func unlessBehind(settled bool, err error) error {
	if !settled && errors.Is(err, ledger.ErrNotFound) {
		return errBehind
	}
	return err
}
