package e2e

import "testing"

func TestNamesThatLookAlikeAreToldApart(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	carol, impostor := s.guest("Carol Bates"), s.guest("Саrоl Bates")
	s.guest("Carol Battes")
	ada := signIn(t, newGate(t, s), "Ada")
	ada.fillIn("searchbox", "Search people and messages", "Bat")
	names := func(want ...string) {
		t.Helper()
		ada.await("the people found", `(...want) => {
			const names = [...document.querySelectorAll('.people .entry-name')].map(e => e.textContent);
			return names.length === want.length && want.every(name => names.includes(name));
		}`, toAny(want)...)
	}
	last := func(id string) string { return " (…" + id[len(id)-4:] + ")" }
	names("Carol Bates"+last(carol), "Саrоl Bates"+last(impostor), "Carol Battes")
	ada.wroteNoErrors()
}

func toAny(texts []string) (all []any) {
	for _, text := range texts {
		all = append(all, text)
	}
	return all
}
