// Package bridge is the program's JavaScript face: it joins pages, which reach
// it through the worker host static/engine.js, to one chat.Engine per user.
// It may import chat and proto; which store and network an engine gets is
// passed in by main.
//
// What crosses between JavaScript and the program is described in
// static/bridge.d.ts, from which protocol.go is generated.
package bridge
