package main

import (
	"time"

	"switchyard/admin"
	"switchyard/limit"
)

// budgetStates are the budgets as operators see them, in the order of the file.
func (st *standing) budgetStates() []admin.BudgetState {
	var list []admin.BudgetState
	for _, b := range st.budgets.States(time.Now()) {
		list = append(list, budgetState(&b))
	}
	return list
}

// budgetState is one of them. A budget over each of several has its spender in the scope.
func budgetState(b *limit.BudgetState) admin.BudgetState {
	out := admin.BudgetState{
		Name: b.Name, Scope: b.Scope, Per: b.Per, State: "ok", Resets: b.Resets.UTC(),
		Limit: admin.USD{Money: b.USD}, Spent: admin.USD{Money: b.Spent.Money}, Reserved: admin.USD{Money: b.Reserved.Money},
		LimitImages: b.Budget.Images, Images: b.Spent.Images, ReservedImages: b.Reserved.Images,
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
