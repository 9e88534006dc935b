// Package ledger keeps account of money: what may have been spent is on disk before the request that spends it leaves,
// and is in the database exactly once, whatever crashes in between.
//
// Writing is in two steps. A Journal is a local append-only log; a request waits for nothing but its own records there. (A
// request whose cost nobody knows anyway may leave when the kernel has its record, and waits for the disk before it ends.)
// An Applier copies the records to a Store, a database, in batches, idempotent by attempt id, and then frees the journal of
// them. So a database that is locked, full or gone stops no answer and loses no row.
//
//	opened ──▶ (held) ──▶ settled      an attempt; held tells the job id at an asynchronous provider
//	begun  ─────────────▶ ended        the generation that its attempts belong to
//
// An attempt that an earlier process opened and never settled counts as possibly charged, at its estimate: Store.Unfinished
// finds it, and Account.End says what is to be recorded. Several journals may be applied to one store: each row has the
// epoch of the process that opened it, which names the journal.
package ledger
