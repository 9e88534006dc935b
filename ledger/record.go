package ledger

import "switchyard"

// Kind is what a record tells.
type Kind string

const (
	Begun   Kind = "begun"   // a generation has been taken on
	Opened  Kind = "opened"  // an attempt's request is about to leave; it may cost money from now on
	Held    Kind = "held"    // the provider gave the attempt a job id
	Settled Kind = "settled" // the attempt has ended; a later Settled of the same attempt corrects it
	Ended   Kind = "ended"   // the generation has ended; a later Ended of the same generation corrects it
	Damaged Kind = "damaged" // in the place of a record that was destroyed; there is nothing to apply
)

// Record is one line of the journal. Each holds all that is known of its subject, so that it does not matter whether
// an earlier record of that has survived.
type Record struct {
	Kind       Kind
	Attempt    switchyard.Attempt    // of Opened, Held, Settled
	Generation switchyard.Generation // of Begun, Ended
	Epoch      string                // of the process that wrote it; filled in by the journal
	Index      uint64                // position; filled in by the journal
}

// BeginRecord is a Begun.
func BeginRecord(g switchyard.Generation) Record { return Record{Kind: Begun, Generation: g} }

// OpenRecord is an Opened.
func OpenRecord(a switchyard.Attempt) Record { return Record{Kind: Opened, Attempt: a} }

// HoldRecord is a Held.
func HoldRecord(a switchyard.Attempt) Record { return Record{Kind: Held, Attempt: a} }

// SettleRecord is a Settled.
func SettleRecord(a switchyard.Attempt) Record { return Record{Kind: Settled, Attempt: a} }

// EndRecord is an Ended.
func EndRecord(g switchyard.Generation) Record { return Record{Kind: Ended, Generation: g} }
