// Package startup measures what a person waits for: how long a reload takes
// until the messages of the open conversation are on the screen, with 10,000
// messages stored in the browser; and how long until those that the engine tells
// have taken the place of those that the tab kept over the reload, which are painted
// first. The measure of both is a bare Go program that links
// the same three libraries, served in the same way and reloaded in turn, since
// milliseconds of one machine say nothing on another.
//
//	go test -C server/e2e -run='^$' -bench=Reload -benchtime=25x ./startup
//
// needs Chromium and the server's binary, as the tests in .../e2e do.
package startup
