// Package bridge is the program's JavaScript face: it joins pages, which reach
// it through the worker host static/engine.js, to one chat.Engine per user.
// It may import chat and proto; which store and network an engine gets is
// passed in by main.
//
// # Contract with JavaScript
//
// Before the program starts, the worker host sets globalThis.parleyHost:
//
//	interface Host {
//	  // The program is ready. Called once.
//	  start(program: Program): void
//	  // Sends bytes to the pages at these ports. The host owns bytes from now on.
//	  post(bytes: Uint8Array, ...ports: number[]): void
//	}
//	interface Program {
//	  // A page sent bytes. Returns at once; the program copies bytes before.
//	  receive(port: number, bytes: Uint8Array): void
//	  // The page at a port is gone.
//	  detach(port: number): void
//	  // Ends all engines, then the program, with exit code 0.
//	  stop(): void
//	}
//
// The program uses no other global of the host, and sets none. Bytes in either
// direction are one value in the format of wire.go, so each command, answer
// and batch of events crosses between Go and JavaScript once, and ids pass as
// 64 bits. A page's bytes are one command,
//
//	{id: number, op: string, …}
//
// with id chosen by the page. Every command gets exactly one answer,
//
//	{id, value} or {id, error: string, code: number}
//
// where code is an MQTT reason code, or 0. Commands and their values:
//
//	attach         {protocol: number, user: bigint, server, name, token: string, expires: number} → Connection
//	send           {key, content: string, seen: bigint, type: string, target: bigint, extend: string,
//	                anyway: boolean, ref: string, repeat: boolean} → Message
//	retry, discard {ref: string} → null
//	history        {key: string, before: bigint, limit: number} → Timeline
//	conversations  {} → Conversation[]
//	read           {key: string, seq: bigint} → null
//	typing         {key: string, active: boolean} → null
//	settings       {shareTyping?, sharePresence?, listed?: boolean} → null
//	block          {user: bigint, blocked: boolean} → null
//	wake           {} → null
//	token          {token: string, expires: number} → null
//
// ref is the client_ref as 32 hex digits, which the page makes when Send is
// pressed. repeat says that another program, or this one, may have been given
// this send before, and the page got no answer: see chat.Draft.
//
// attach comes first; a port that attaches again is asked for nothing it had
// before. server is an origin, expires Unix milliseconds by the server's clock
// or 0. What happens by itself reaches all ports of the user as an array of
//
//	{event: string, detail}
//
// with the events and details of static/parley.d.ts, error's being {message,
// code}. Two come alone and to one port: error for a command that cannot be
// read, and token, which asks that page for a token command (an empty token
// declines).
//
// A panic of any goroutine ends the program with its words on standard error
// and exit code 2. The host tells the pages and starts the program again.
package bridge
