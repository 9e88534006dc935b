// Package alert decides when an operator is to be told. It does no I/O and keeps no clock: Advance takes the states as they
// were, what the conditions come to, and the time, and gives the states as they are and the notices that are due.
//
//	ok ──holds──▶ pending ──for──▶ firing ──holds no more──▶ ok
//	     the rule holds, and all that it is about is stopped by hand: silenced
//
// A firing is told once, and so is its end. Notices that are due at once for the same place are one Message, in Slack's
// form or as JSON; what delivers it keeps it by its ID, which follows from what it tells.
package alert
