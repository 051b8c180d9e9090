package chat

// Show notes which conversation a page has on its screen, as far as it tells by what it asks for; "": none any more.
func (e *Engine) Show(page int, name string) {
	if name == "" {
		delete(e.screens, page)
		return
	}
	e.screens[page] = name
}

// OnScreen reports whether some page has a conversation on its screen.
func (e *Engine) OnScreen(name string) bool {
	for _, shown := range e.screens {
		if shown == name {
			return true
		}
	}
	return false
}
