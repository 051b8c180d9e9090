package chat_test

import (
	"testing"

	"parley/wasm/chat"
	"parley/wasm/chat/storetest"
)

func TestMemory(t *testing.T) {
	storetest.Run(t, func(t *testing.T) (chat.Store, func() chat.Store) {
		m := chat.NewMemory()
		return m, func() chat.Store {
			if err := m.Close(); err != nil {
				t.Error(err)
			}
			return m
		}
	})
}
