// Package proxy is the front door: it takes an app's request, finds out what it asks for, has it made, and answers in
// the protocol that the app speaks.
//
// A Handler serves everybody. Each call of an app is a request: it keeps the Snapshot that was in force when it began, which is
// a config, built, and fills in a Record of what becomes of it. Its way is ServeHTTP, carry, serve, dispatch and generate, in
// this order; those of a batch enter by carry. An app that speaks a queue's protocol is answered with a ticket at once, and its
// pictures are made without it. What is no generation is a passage: it goes through to the provider that it is for.
//
// # How things end
//
// Each kind of thing has its own word for it:
//
//   - An attempt is settled: what it cost is known, and its generation's account has that for the journal (account.Settle).
//   - A generation is booked: its row is completed from the Record, and on disk before the last byte of its answer goes out
//     (request.book). If the loser of a hedge is at it for longer, the row is written once more (request.awaitRest).
//   - A ticket ends: its row has what it came to, for the app to fetch (request.end).
//   - A request is told of, once, when it is over: metrics, trace and log get its Record (request.tell).
package proxy
