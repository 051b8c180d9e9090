package chat_test

import (
	"fmt"
	"testing"

	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
	"parley/server/chat"
)

// finds returns the ids of those whom a user finds.
func (b *bench) finds(q chat.UserQuery) (ids []uint64) {
	b.t.Helper()
	q.Limit = 100
	users, err := b.Users(b.t.Context(), q)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, u := range users {
		ids = append(ids, u.ID)
	}
	return ids
}

func TestWhoCameOnlyAsACustomerIsFoundByAgentsAlone(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := start(t, s)
		b.join(ann, "Ann", sales)
		b.join(ada, "Ada")
		b.join(cora, "Cora")
		ask := chat.UserQuery{Text: "cora", Viewer: ada}
		agent := chat.UserQuery{Text: "cora", Viewer: ann, Answers: chat.ServicesOf([]proto.ServiceType{sales})}
		other := chat.UserQuery{Text: "cora", Viewer: ann, Answers: chat.ServicesOf([]proto.ServiceType{support})}
		same(t, "one who wrote to nobody yet", b.finds(ask), []uint64{cora})
		b.say(cora, word(cora, "hello?"))
		same(t, "one who wrote to a service, to others", b.finds(ask), []uint64(nil))
		same(t, "to its agents", b.finds(agent), []uint64{cora})
		same(t, "to those of another", b.finds(other), []uint64(nil))
		b.say(ann, word(cora, "yes?"))
		b.send(ada, text(cora, "I know your number"))
		same(t, "who wrote to them", b.finds(ask), []uint64{cora})
		ask.Viewer = eve
		same(t, "a third, whom that does not concern", b.finds(ask), []uint64(nil))
		b.send(cora, text(ada, "hello"))
		same(t, "once they wrote to somebody", b.finds(ask), []uint64{cora})
		b.join(cora, "Cora Two") // another token changes nothing of it
		b.say(cora, word(cora, "hello?"))
		same(t, "and to the service again", b.finds(ask), []uint64{cora})
	})
}

func TestWhoChoseNotToBeListedIsFoundByWhoKnowsThem(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := start(t, s)
		for user, name := range map[uint64]string{ada: "Ada", bob: "Bob", eve: "Eve"} {
			b.join(user, name)
		}
		if _, err := b.publish(bob, proto.BranchSettings, &proto.Settings{Listed: protobuf.Bool(false)}); err != nil {
			t.Fatal(err)
		}
		same(t, "by name", b.finds(chat.UserQuery{Text: "bob", Viewer: ada}), []uint64(nil))
		same(t, "by id", b.finds(chat.UserQuery{Text: "5", Viewer: ada}), []uint64(nil))
		b.send(ada, text(bob, "hello"))
		same(t, "by who shares a conversation", b.finds(chat.UserQuery{Text: "bob", Viewer: ada}), []uint64{bob})
		same(t, "by another", b.finds(chat.UserQuery{Viewer: eve}), []uint64{ada})
		b.block(ada, bob, true)
		same(t, "by who blocks them", b.finds(chat.UserQuery{Text: "bob", Viewer: ada}), []uint64(nil))
		same(t, "who blocks, by whom they block", b.finds(chat.UserQuery{Viewer: bob}), []uint64{eve})
		b.block(ada, bob, false)
		if _, err := b.publish(bob, proto.BranchSettings, &proto.Settings{Listed: protobuf.Bool(true)}); err != nil {
			t.Fatal(err)
		}
		same(t, "listed again", b.finds(chat.UserQuery{Viewer: eve}), []uint64{ada, bob})
	})
}

func TestAServerSaysWhoIsFoundAmongPeople(t *testing.T) {
	const dora = cora + 1
	inSales := chat.ServicesOf([]proto.ServiceType{sales})
	for people, want := range map[chat.People]struct{ ada, ann, colleagues []uint64 }{
		"":               {[]uint64{ann, ben, bob, eve}, []uint64{ada, ben, bob, dora, eve}, []uint64{ben}},
		chat.PeopleAll:   {[]uint64{ann, ben, bob, eve}, []uint64{ada, ben, bob, dora, eve}, []uint64{ben}},
		chat.PeopleKnown: {[]uint64{bob}, []uint64{ben, dora}, []uint64{ben}},
		chat.PeopleNone:  {nil, nil, []uint64{ben}},
	} {
		t.Run(string(people), func(t *testing.T) {
			inBubble(t, chat.Config{People: people}, func(t *testing.T, b *bench) {
				for user, name := range map[uint64]string{ada: "Ada", bob: "Bob", dora: "Dora", eve: "Eve"} {
					b.join(user, name)
				}
				b.say(dora, word(dora, "hello?"))
				same(t, "to Ada", b.finds(chat.UserQuery{Viewer: ada}), want.ada)
				same(t, "to Ann, an agent", b.finds(chat.UserQuery{Viewer: ann, Answers: inSales}), want.ann)
				same(t, "to Ann, of her colleagues", b.finds(chat.UserQuery{Viewer: ann, Answers: inSales, Services: inSales}), want.colleagues)
			})
		})
	}
}

func TestASearchPassesOverABoundedNumberOfPeople(t *testing.T) {
	s := sqlite(t)
	err := s.Update(t.Context(), func(tx chat.Tx) error {
		for n := range uint64(chat.MaxPassed + 2) {
			name := fmt.Sprintf("hidden %04d", n)
			if err := tx.PutUser(chat.User{ID: 1000 + n, Name: name, Unlisted: n != chat.MaxPassed+1 && n != chat.MaxPassed-2}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	b := start(t, s)
	last, before := uint64(1000+chat.MaxPassed+1), uint64(1000+chat.MaxPassed-2)
	same(t, "behind as many", b.finds(chat.UserQuery{Text: "hidden", Viewer: ada}), []uint64{before})
	same(t, "by a longer text", b.finds(chat.UserQuery{Text: fmt.Sprint("hidden 0", chat.MaxPassed+1), Viewer: ada}), []uint64{last})
}
