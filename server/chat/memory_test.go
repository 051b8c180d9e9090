package chat_test

import (
	"testing"

	"parley/server/chat"
	"parley/server/chat/chattest"
	"parley/server/chat/storetest"
)

func TestMemoryKeepsWhatAStoreMust(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.History {
		m := chattest.NewMemory(1)
		return func() chat.Store {
			m.Reopen()
			return m
		}
	})
}
