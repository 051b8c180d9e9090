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

func TestAnIndexInMemoryKeepsWhatOneMust(t *testing.T) {
	storetest.RunIndex(t, func(*testing.T) storetest.Index {
		x := new(chattest.Index)
		return func() chat.Index { return x }
	})
}
