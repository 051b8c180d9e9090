package chat_test

import (
	"testing"

	"parley/proto/search/native"
	"parley/wasm/chat"
	"parley/wasm/chat/storetest"
)

func TestMemory(t *testing.T) { storetest.Run(t, openMemory) }

func TestIndexOfMemory(t *testing.T) { storetest.RunIndex(t, openMemory, native.Fold) }

func TestSearchOfMemory(t *testing.T) { storetest.RunSearch(t, openMemory, native.Fold) }

func openMemory(t *testing.T) (chat.Store, func() chat.Store) {
	m := folding()
	return m, func() chat.Store {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
		return m
	}
}

// folding is a memory that is searched as a browser is.
func folding() *chat.Memory {
	m := chat.NewMemory()
	m.Folder = native.Fold
	return m
}
