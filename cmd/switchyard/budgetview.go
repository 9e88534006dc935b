package main

import (
	"time"

	"switchyard/admin"
	"switchyard/limit"
)

// budgetStates are the budgets as operators see them, in the order of the file.
func (s *sidecar) budgetStates() []admin.BudgetState {
	var list []admin.BudgetState
	for _, b := range s.budgets.States(time.Now()) {
		list = append(list, budgetState(&b))
	}
	return list
}

// budgetState is one of them. A budget over each of several has its spender in the scope.
func budgetState(b *limit.BudgetState) admin.BudgetState {
	out := admin.BudgetState{
		Name: b.Name, Scope: b.Scope, Per: b.Per, Limit: b.USD, Spent: b.Spent.Money, Reserved: b.Reserved.Money,
		MaxImages: b.Budget.Images, Images: b.Spent.Images, HeldImages: b.Reserved.Images, Resets: b.Resets, State: "ok",
	}
	if _, one := b.One(); one == "" && b.Subject != "" {
		out.Scope += ":" + b.Subject
	}
	switch used := b.Used(); {
	case used >= 1:
		out.State = "spent"
	case used >= b.WarnAt:
		out.State = "warning"
	}
	return out
}
