// Package switchyard is the vocabulary that every other package speaks: what an app asks for, what a provider
// made of it, where it can be sent, what an attempt cost and how it failed.
//
// It holds types, their arithmetic and their rules, and does no I/O of its own. Nothing in it names a provider's
// wire format; those live in the folders under dialect.
package switchyard
