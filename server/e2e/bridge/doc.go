// Package bridge holds tests of static/parley.js and of the worker in which the
// Go program runs, in Chromium: what tabs, workers and programs make of each
// other. The program is one of testdata whose server is in its head.
package bridge
