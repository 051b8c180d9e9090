// Package idb keeps a user's history in IndexedDB: it implements chat.Store
// in the browser. What a record holds is packed here, in plain Go; only files
// for js touch the browser.
//
// There is one database per user, "parley-{user}", with four object stores:
//
//	messages       conversation key and page number → 64 messages in one record
//	conversations  conversation key → chat.Row
//	outbox         number → chat.Outgoing
//	meta           "meta" → chat.Meta
//
// Elapsed time in IndexedDB is per request, so that pages of messages beat
// single records twenty to one. Numbers in keys are 8 big-endian bytes: number
// keys are floats, in which 2^53 and 2^53+1 are equal.
//
// Transactions are durable in the relaxed sense: what Apply returned from
// survives the tab and the browser, though not a power cut of the moment.
package idb
