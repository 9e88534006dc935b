package main

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"switchyard/ledger"
)

// hungDatabase takes every question and answers none, as a server whose machine has vanished does.
type hungDatabase struct{ ledger.Database }

func (hungDatabase) Account(ctx context.Context, _, _ string) (ledger.Account, error) {
	<-ctx.Done()
	return ledger.Account{}, ctx.Err()
}

func (hungDatabase) Rate(ctx context.Context, _, _, _ string) error {
	<-ctx.Done()
	return ctx.Err()
}

// TestHungDatabase: an app that asks for its generation, or rates it, has an answer even if the database never gives one.
func TestHungDatabase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := accounts{hungDatabase{}, func(context.Context) bool { return true }}
		if _, err := a.Account(t.Context(), "acme", "id"); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if err := a.Rate(t.Context(), "acme", "id", ledger.ThumbsUp); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}
