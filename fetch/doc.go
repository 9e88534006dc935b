// Package fetch is the one guarded HTTP client and dialer.
//
// A Client gets what a request names: reference images, addresses of results. Whoever wrote the request is a stranger,
// so the dialer refuses every address that is not public, after resolution, at the moment of connecting. Nothing gets
// past that: no other spelling of an address, no redirect, and no name server that changes its answer.
//
// Post sends to an address that a stranger named: a webhook. The guard is the same, and it follows no redirect.
//
// Transport reaches what the operator configured, and is not guarded: a provider may well run on this machine.
package fetch
