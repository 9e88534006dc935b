// Package alert decides when an operator is to be notified. It does no I/O and keeps no clock: Advance takes the states as
// they were, what the conditions come to, and the time; it returns the new states and the notices that are due.
//
//	ok ──holds──▶ pending ──for──▶ firing ──holds no more──▶ ok
//	     the rule holds, and all that it is about is stopped by hand: silenced
//
// There is one notice when an alert begins to fire, and one when that ends. Notices that are due at once for the same
// receiver are one Message, in Slack's form or as JSON. Whatever delivers it can tell a repetition by its ID, which
// depends only on what the message says.
package alert
