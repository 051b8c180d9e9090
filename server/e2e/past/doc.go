// Package past lets an earlier version of the program, server, page and all, write a history into a browser, and keeps
// what is in IndexedDB then: the databases of wasm/idb/testdata, which the tests there open with the present program.
// make past does so for a commit. Ids and times are those of the moment.
package past
