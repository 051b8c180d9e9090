package chat_test

import (
	"testing"

	"parley/proto/search/native"
	"parley/wasm/chat"
	"parley/wasm/chat/chattest"
	"parley/wasm/chat/storetest"
)

func TestMemory(t *testing.T) {
	storetest.Run(t, func(t *testing.T) (chat.Store, func() chat.Store) { return reopening(t, chat.NewMemory()) })
}

func TestMemoryWithAnIndex(t *testing.T) {
	storetest.Run(t, indexedMemory)
	storetest.RunIndex(t, indexedMemory, native.Fold)
}

func TestASearchFindsInMemoryWhatReadingEverythingFinds(t *testing.T) {
	storetest.RunSearch(t, indexedMemory, native.Fold)
}

func indexedMemory(t *testing.T) (chat.Store, func() chat.Store) {
	return reopening(t, chattest.NewMemory(native.Fold))
}

// reopening is how storetest opens a store that can be loaded again once it is closed.
func reopening(t *testing.T, s chat.Store) (chat.Store, func() chat.Store) {
	return s, func() chat.Store {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		return s
	}
}
