// Package firefox uses the page in Firefox as people do: they sign in, chat both ways,
// reload, open a second tab, write while the server is away, and open the page without it. The tests of the store run
// in it, too.
//
// Firefox is driven by WebDriver BiDi (https://www.w3.org/TR/webdriver-bidi/), which it
// speaks itself.
package firefox
