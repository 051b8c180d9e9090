package storetest

import (
	"errors"
	"math"
	"testing"

	"parley/proto"
	"parley/server/chat"
)

func people(t *testing.T, open History) {
	s := open()
	const viewer, unlisted, customer, talker, friend, blocked, blocking, emptied, ann, ben, high = 1, 2, 3, 4, 5, 6, 7, 8, 50, 60, math.MaxUint64
	sales := chat.ServicesOf([]proto.ServiceType{proto.ServiceType_SERVICE_TYPE_SALES})
	billing := chat.ServicesOf([]proto.ServiceType{proto.ServiceType_SERVICE_TYPE_BILLING})
	between := func(tx chat.Tx, user, other, head uint64, rev uint64, m chat.Member) error {
		m.Key, m.User, m.Rev = proto.DirectKey(user, other), user, rev
		mirror := chat.Member{Key: m.Key, User: other, Rev: rev + 1, Blocks: m.Blocked, Blocked: m.Blocks}
		err := errors.Join(tx.PutMember(m), tx.PutMember(mirror))
		if head > 0 {
			err = errors.Join(err, tx.PutConversation(chat.Conversation{Key: m.Key, Head: head, Min: 1}))
		}
		return err
	}
	update(t, s, func(tx chat.Tx) error {
		var err error
		for _, u := range []chat.User{
			{ID: viewer, Name: "a"}, {ID: unlisted, Name: "b", Unlisted: true}, {ID: customer, Name: "c", Customer: sales},
			{ID: talker, Name: "d", Customer: sales, Wrote: true}, {ID: friend, Name: "e", Unlisted: true, Wrote: true},
			{ID: blocked, Name: "f"}, {ID: blocking, Name: "g"}, {ID: emptied, Name: "h", Unlisted: true},
			{ID: ann, Name: "y", Services: sales, Unlisted: true}, {ID: ben, Name: "z", Services: sales, Customer: billing}, {ID: high, Name: "h2", Unlisted: true},
		} {
			err = errors.Join(err, tx.PutUser(u))
		}
		return errors.Join(err,
			between(tx, viewer, friend, 3, 10, chat.Member{}), between(tx, viewer, blocked, 3, 20, chat.Member{Blocks: true}),
			between(tx, viewer, blocking, 0, 30, chat.Member{Blocked: true}), between(tx, viewer, emptied, 0, 40, chat.Member{}),
			between(tx, high, talker, 1, 50, chat.Member{}), between(tx, high, ben, 1, 60, chat.Member{}))
	})
	all := []uint64{viewer, unlisted, customer, talker, friend, blocked, blocking, emptied, high, ann, ben}
	for name, test := range map[string]struct {
		query chat.UserQuery
		want  []uint64
	}{
		"the server":               {chat.UserQuery{}, all},
		"somebody":                 {chat.UserQuery{Viewer: viewer}, []uint64{talker, friend, ben}},
		"somebody, known":          {chat.UserQuery{Viewer: viewer, Known: true}, []uint64{friend}},
		"whom somebody blocks":     {chat.UserQuery{Viewer: blocked}, []uint64{talker, blocking, ben}},
		"who blocks somebody":      {chat.UserQuery{Viewer: blocking}, []uint64{talker, blocked, ben}},
		"a stranger, known":        {chat.UserQuery{Viewer: unlisted, Known: true}, nil},
		"the highest":              {chat.UserQuery{Viewer: high}, []uint64{viewer, talker, blocked, blocking, ben}},
		"the highest, known":       {chat.UserQuery{Viewer: high, Known: true}, []uint64{talker, ben}},
		"known, by text":           {chat.UserQuery{Viewer: high, Known: true, Text: "Z"}, []uint64{ben}},
		"known, by id":             {chat.UserQuery{Viewer: high, Known: true, Text: "60"}, []uint64{ben}},
		"an agent":                 {chat.UserQuery{Viewer: ben, Answers: sales}, []uint64{viewer, customer, talker, blocked, blocking, high, ann}},
		"an agent, known":          {chat.UserQuery{Viewer: ben, Answers: sales, Known: true}, []uint64{customer, talker, high, ann}},
		"an agent, the first two":  {chat.UserQuery{Viewer: ben, Answers: sales, Known: true, Limit: 2}, []uint64{customer, talker}},
		"an agent of another":      {chat.UserQuery{Viewer: ben, Answers: billing, Known: true}, []uint64{high}},
		"an agent, colleagues":     {chat.UserQuery{Viewer: ben, Answers: sales, Services: sales}, []uint64{ann}},
		"known, colleagues":        {chat.UserQuery{Viewer: ben, Answers: sales, Services: sales, Known: true}, []uint64{ann}},
		"somebody unlisted, by id": {chat.UserQuery{Viewer: viewer, Text: "2"}, nil},
		"a friend unlisted, by id": {chat.UserQuery{Viewer: viewer, Text: "5"}, []uint64{friend}},
		"only a customer, by name": {chat.UserQuery{Viewer: viewer, Text: "c"}, nil},
	} {
		if test.query.Limit == 0 {
			test.query.Limit = 100
		}
		var ids []uint64
		for _, u := range found(t, s, test.query) {
			ids = append(ids, u.ID)
		}
		want(t, name, ids, test.want)
	}
	for _, u := range []chat.User{{ID: friend, Name: "e", Unlisted: true, Wrote: true}, {ID: ben, Name: "z", Services: sales, Customer: billing}} {
		want(t, "User", get(t, s, func(v chat.View) (chat.User, error) { return v.User(u.ID) }), u)
	}
}
