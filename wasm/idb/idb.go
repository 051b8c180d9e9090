// Package idb keeps a user's history in IndexedDB: it implements chat.Store
// in the browser. What a record holds is packed here, in plain Go; only files
// for js touch the browser.
//
// There is one database per user, "parley-{user}", with five object stores:
//
//	messages       conversation key and page number → 64 messages in one record
//	terms          conversation key, shard and block number → which of the shard's terms are on each of 16 pages
//	conversations  conversation key → chat.Row
//	outbox         number → chat.Outgoing
//	meta           "meta" → chat.Meta; "top" → chat.Batch.Top, which earlier versions neither read nor write
//
// A page's terms are written in the transaction that writes the page, and are of what is on it alone. Pages without
// terms, as those of databases of earlier versions, are all searched, until Index was called for them. Filters of
// 64 messages beat postings, of which a message would write dozens of records; and in eight shards, of which a word is
// in one, they beat the browser's reading, which is most of what a search takes.
//
// Elapsed time in IndexedDB is per request, so that pages of messages beat
// single records twenty to one. Numbers in keys are 8 big-endian bytes: number
// keys are floats, in which 2^53 and 2^53+1 are equal.
//
// A record that cannot be read is no error of Load, which names it; of the messages, a chat.Damage does. What a newer
// version of the schema holds is left alone, but for its outbox, which Open reads as far as it can.
//
// What Apply returned from survives the tab and the browser; transactions with the outbox are durable in the strict sense,
// and survive a power cut of the moment, too. The server has the rest.
package idb
