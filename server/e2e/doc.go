// Package e2e holds tests that run what a person runs: the server's binary,
// with its data on disk, and Chromium, one process with a fresh profile for
// each person. They know Parley by its public faces alone: the page's roles,
// names and data attributes, static/parley.js, HTTP, MQTT over WebSocket.
//
// They need Chromium: $CHROME, or one of its names on the path. The server is
// $PARLEY_BIN, or is built by make. With -artifacts a failed test leaves a
// screenshot and the page's console of each tab, and the server's log.
package e2e
