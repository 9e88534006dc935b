// Package evidence tells which arm of an experiment does better, and how sure that is. It is pure arithmetic: no clock, no
// random numbers, no I/O.
//
// All that it says stays valid however often somebody looks, and whenever they stop. Verdicts rest on e-processes, which
// exceed 1/α with a probability of at most α over their whole life (Ville 1939). Intervals rest on confidence sequences,
// which hold at all times together (Robbins, Statistical methods related to the law of the iterated logarithm, 1970;
// Howard, Ramdas, McAuliffe and Sekhon, Time-uniform, nonparametric, nonasymptotic confidence sequences, Ann. Statist.
// 2021). Each file names the results that it uses, and what they assume. All of them assume that generations are
// independent: the outcome of one says nothing of the next.
package evidence
