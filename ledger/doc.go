// Package ledger keeps account of money: what may have been spent is on disk before the request that spends it leaves,
// and is in the database exactly once, whatever crashes in between.
//
// Writing is in two steps. A Journal is a local append-only log; appending to it is all that a request waits for. (One
// whose cost nobody knows anyway may leave when the kernel has its record, and wait for the disk before it ends.) An
// Applier copies its records to a Store, a database, in batches, idempotent by attempt id, and frees the journal of them.
// A database that is locked, full or gone therefore stops no answer and loses no row.
//
//	opened ──▶ (held) ──▶ settled      an attempt; held tells the job id at an asynchronous provider
//	begun  ─────────────▶ ended        the generation that its attempts belong to
//
// An attempt that an earlier process opened and never settled counts as possibly charged, at its estimate: Store.Unfinished
// finds it, and Account.Lost says what is to be recorded. Several journals may be applied to one store: each row has the
// epoch, and so the journal, of who opened it.
package ledger
