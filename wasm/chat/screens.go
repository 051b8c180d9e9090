package chat

// Show notes which conversation a page has on its screen, as far as it tells by what it asks for; "": none any more.
func (e *Engine) Show(page int, name string) {
	if name == "" {
		delete(e.screens, page)
		return
	}
	e.screens[page] = name
}

// Follow notes whether a page wants to be told of all messages, those of conversations whose timeline nobody asked for, too.
func (e *Engine) Follow(page int, all bool) {
	if all {
		e.followers[page] = true
	} else {
		delete(e.followers, page)
	}
}

// Followed reports whether some page does.
func (e *Engine) Followed() bool { return len(e.followers) > 0 }

// OnScreen reports whether some page has a conversation on its screen.
func (e *Engine) OnScreen(name string) bool {
	for _, shown := range e.screens {
		if shown == name {
			return true
		}
	}
	return false
}
