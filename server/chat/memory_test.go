package chat_test

import (
	"testing"

	"parley/server/chat"
	"parley/server/chat/chattest"
	"parley/server/chat/storetest"
)

func TestMemoryKeepsWhatAStoreMust(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.History {
		m, start := chattest.NewMemory(1), uint64(1)
		return func() chat.Store {
			start++
			m = m.Copy(start)
			return m
		}
	})
}
