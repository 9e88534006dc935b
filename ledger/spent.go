package ledger

import "switchyard"

// Scope is what spending is added up by.
type Scope string

// By whom or what.
const (
	ByAll      Scope = "all"
	ByKey      Scope = "key"
	ByTenant   Scope = "tenant"
	ByProvider Scope = "provider"
	ByTarget   Scope = "target"
	ByRoute    Scope = "route"
)

// Spent is what attempts came to. One that runs counts at its estimate.
type Spent struct {
	Money   switchyard.Money // known amounts, possible ones included
	Images  int
	Unknown int // attempts that cost an amount which nobody knows
}
