package storetest

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"parley/server/chat"
)

func users(t *testing.T, open History) {
	s := open()
	all := []chat.User{
		{ID: 10, Name: "Ada Lovelace"}, {ID: 11, Name: "ada"}, {ID: 12, Name: "100% Bob"}, {ID: 13, Name: "under_score"},
		{ID: 14, Name: "Ünsal"}, {ID: 15, Name: `back\slash`}, {ID: 16, Name: "ΣΊΣΥΦΟΣ"}, {ID: 17, Name: "it's; --"}, {ID: 18, Name: ""},
		{ID: 19, Name: "李小龙"}, {ID: math.MaxUint64, Name: "Zed"}, {ID: 20, Name: "Jose\u0301 Garci\u0301a"}, {ID: 21, Name: "İrem"},
		{ID: 1 << 63, Name: "Clément Ada Adams"}, {ID: 22, Name: "Strada"}, {ID: 23, Name: "Estrada"}, {ID: 24, Name: "\u1100\u1161\u11b7"},
		{ID: 1<<63 + 1, Name: "Balustrade"},
	}
	update(t, s, func(tx chat.Tx) error {
		for _, u := range all {
			if err := tx.PutUser(u); err != nil {
				return err
			}
		}
		return nil
	})
	for _, test := range []struct {
		query string
		limit int
		ids   []uint64
	}{
		{"ADA", 10, []uint64{11, 10, 1 << 63, 22, 23}}, // the beginning, another word, the middle
		{"ADA", 3, []uint64{11, 10, 1 << 63}},
		{"ADA", 1, []uint64{11}},
		{"lace", 10, []uint64{10}},
		{"strad", 10, []uint64{22, 23, 1<<63 + 1}}, // in the middle, by id
		{"trad", 2, []uint64{22, 23}},
		{"ra", 10, nil}, // two characters are looked for at the beginning of words alone
		{"da ad", 10, []uint64{1 << 63}},
		{"ada a", 10, []uint64{1 << 63}},
		{"jose", 10, []uint64{20}},
		{"José", 10, []uint64{20}},
		{"garcía", 10, []uint64{20}},
		{"GARCI\u0301", 10, []uint64{20}},
		{"irem", 10, []uint64{21}},
		{"감", 10, []uint64{24}},
		{`"`, 10, nil},
		{`ada" OR "zed`, 10, nil},
		{"%", 10, []uint64{12}},
		{"_", 10, []uint64{13}},
		{`\`, 10, []uint64{15}},
		{"üNS", 10, []uint64{14}},
		{"σίσυφος", 10, []uint64{16}},
		{"小", 10, []uint64{19}},
		{"小龙", 10, []uint64{19}},
		{"'", 10, []uint64{17}},
		{"18446744073709551615", 10, []uint64{math.MaxUint64}},
		{"18", 10, []uint64{18}},
		{"018", 10, nil},
		{"18446744073709551616", 10, nil},
		{"nobody", 10, nil},
		{"10", 10, []uint64{10, 12}}, // an id, and a name
		{"", 2, []uint64{18, 12}},
		{"", 0, nil},
	} {
		got := found(t, s, chat.UserQuery{Text: test.query, Limit: test.limit})
		var ids []uint64
		for _, u := range got {
			ids = append(ids, u.ID)
		}
		want(t, fmt.Sprintf("query %q limit %d", test.query, test.limit), ids, test.ids)
	}
	want(t, "all that a viewer finds", found(t, s, chat.UserQuery{Text: "ada", Viewer: 11, Limit: 1}), all[:1])
	want(t, "what a viewer finds in the middle", found(t, s, chat.UserQuery{Text: "trad", Viewer: 22, Limit: 1}), all[slices.IndexFunc(all, func(u chat.User) bool { return u.ID == 23 }):][:1])
	want(t, "a viewer by id", found(t, s, chat.UserQuery{Text: "18446744073709551615", Viewer: math.MaxUint64, Limit: 9}), nil)
	for _, u := range all {
		want(t, "User", get(t, s, func(v chat.View) (chat.User, error) { return v.User(u.ID) }), u)
	}
}

// A name is found as it is now: by each of its parts, and by no part of a name
// that the user had before, whatever else was written of the user since.
func renamed(t *testing.T, open History) {
	s := open()
	const ada = 1<<63 + 7
	names := []string{"Augusta Ada Byron", "augusta ada Byron", "Ada King", "李小龙", "", "Lovelace"}
	for i, name := range names {
		for seen := range uint64(2) { // the second time under the same name
			update(t, s, func(tx chat.Tx) error { return tx.PutUser(chat.User{ID: ada, Name: name, LastSeen: seen}) })
		}
		for _, part := range []string{"augusta", "ada", "byron", "gust", "king", "小龙", "love"} {
			got := found(t, s, chat.UserQuery{Text: part, Limit: 9})
			if in := strings.Contains(strings.ToLower(names[i]), part); in != (len(got) == 1) {
				t.Errorf("%q finds %v while the name is %q", part, got, name)
			}
		}
	}
	failed := errors.New("no")
	if err := s.Update(t.Context(), func(tx chat.Tx) error {
		return errors.Join(tx.PutUser(chat.User{ID: ada, Name: "Countess"}), failed)
	}); !errors.Is(err, failed) {
		t.Fatal(err)
	}
	for part, n := range map[string]int{"countess": 0, "ount": 0, "ovel": 1} {
		if got := found(t, s, chat.UserQuery{Text: part, Limit: 9}); len(got) != n {
			t.Errorf("%q finds %v after an update that failed", part, got)
		}
	}
}

// Many short names of few characters and all queries of a kind: the store finds
// whom UserQuery.Pick finds when it looks at everybody whom Admits admits.
func manyUsers(t *testing.T, open History) {
	s := open()
	random := rand.New(rand.NewPCG(3, 5))
	text := func(least, most int) string {
		var b strings.Builder
		for range least + random.IntN(most-least+1) {
			b.WriteRune([]rune("aabÉ  ß-李\"")[random.IntN(10)])
		}
		return b.String()
	}
	all := make(map[uint64]chat.User)
	for range 4 { // again and again, so that some have had other names
		update(t, s, func(tx chat.Tx) error {
			for i := range uint64(150) {
				u := chat.User{ID: i*(1<<57) + 1, Name: text(0, 9), Services: chat.Services(random.IntN(2) * random.IntN(4))}
				all[u.ID] = u
				if err := tx.PutUser(u); err != nil {
					return err
				}
			}
			return nil
		})
	}
	for range 300 {
		q := chat.UserQuery{
			Text: text(0, 5), Limit: 1 + random.IntN(30),
			Services: chat.Services(random.IntN(2) * random.IntN(4)), Viewer: uint64(random.IntN(9))*(1<<57) + 1,
		}
		picked := q.Pick(func(yield func(chat.User, string) bool) {
			for _, u := range all {
				if q.Admits(u, chat.Bond{}) && !yield(u, chat.Fold(u.Name)) {
					return
				}
			}
		})
		want(t, fmt.Sprintf("%+v", q), found(t, s, q), picked)
	}
}
