package e2e

import "testing"

// pictureIn is JavaScript that says how large the picture is that an avatar shows; "" if it shows none.
const pictureIn = `async selector => {
	const address = document.querySelector(selector + ' .avatar')?.style.backgroundImage.slice(5, -2);
	if (!address) return '';
	const image = new Image();
	image.src = address;
	await image.decode();
	return image.naturalWidth + 'x' + image.naturalHeight;
}`

// awaitPicture waits until an avatar shows a picture of a size.
func (p *person) awaitPicture(selector, size string) {
	p.t.Helper()
	p.await("the picture in "+selector, `async (selector, size) => await (`+pictureIn+`)(selector) === size`, selector, size)
}

func TestAGroupShowsItsPictureToItsMembers(t *testing.T) {
	t.Parallel()
	const annID, benID, cemID = 31, 32, 33
	s := newServerWithKey(t)
	g := newGate(t, s)
	ann := signInAs(newProfile(t), g, annID, "Ann", s.token(annID, "Ann"))
	ben := signInAs(newProfile(t), g, benID, "Ben", s.token(benID, "Ben"))
	cem := newDevice(t, s, cemID, "Cem")
	key := ann.makeGroup("The team", ben.id)
	row := `[data-key="` + key + `"]`
	ben.clickRow(key)
	ann.click("Members")
	ann.find("button", "Change the picture")
	ann.giveFiles("dialog.group input[type=file]", inFolder(t, map[string][]byte{"wide.jpg": photo(t, 900, 600)})["wide.jpg"])
	for _, p := range []*person{ann, ben} {
		p.awaitPicture(row, "256x256")
		p.awaitPicture(".main .bar", "256x256")
	}
	ann.awaitPicture(".group-picture", "256x256")
	ann.shutsNobodyOut("a group with a picture")
	ben.awaitLines("who gave it", "Ann made the group The team", "Ann gave the group another picture")

	// A mere member sees it and can do nothing about it, nor anybody who is no member.
	ben.click("Members")
	ben.awaitPicture(".group-picture", "256x256")
	if offered := call[int](ben.tab, `() => [...document.querySelectorAll('.group-picture button')].filter(b => b.checkVisibility()).length`); offered > 0 {
		t.Errorf("a member is offered %d buttons", offered)
	}
	ben.pressIn("Close")
	id := call[string](ben.tab, `async key => {
		const {token} = JSON.parse(localStorage.getItem('parley.session'));
		const {conversations} = await (await fetch('/api/conversations', {headers: {Authorization: 'Bearer ' + token}})).json();
		return conversations.find(c => c.key === key).group_picture;
	}`, key)
	if status, _ := s.get("/api/attachments/"+id, cem.token); status != 403 {
		t.Errorf("to somebody else: %d", status)
	}

	// It is there after a reload and without the server, and the one before is gone when there is another.
	mark := g.mark()
	ben.reload()
	ben.awaitPicture(row, "256x256")
	if asked := g.since(mark, "/api/attachments/"); len(asked) > 0 {
		t.Errorf("asked for %v", asked)
	}
	ann.giveFiles("dialog.group input[type=file]", inFolder(t, map[string][]byte{"small.jpg": photo(t, 40, 60)})["small.jpg"])
	ben.awaitPicture(row, "40x40")
	kept := `async () => (await (await caches.open('parley-attachments-32')).keys()).length`
	if n := call[int](ben.tab, kept); n != 1 {
		t.Errorf("Ben's browser keeps %d pictures", n)
	}
	ann.focusOn(".group-picture button:nth-of-type(2)")
	ann.pressEnter()
	ben.await("no picture", `async row => await (`+pictureIn+`)(row) === '' && document.querySelector(row + ' .avatar').textContent === 'TT'`, row)
	ann.awaitFocus("what can be done next", "button", "Change the picture")
	ben.await("nothing of it to be kept", `async () => await (`+kept+`)() === 0`)
	ann.pressIn("Close")
	ann.awaitLines("what happened", "You made the group The team", "You gave the group another picture", "You gave the group another picture", "You took the group’s picture away")

	// What is none is said to be none.
	ann.click("Members")
	ann.giveFiles("dialog.group input[type=file]", inFolder(t, map[string][]byte{"notes.txt": []byte("notes")})["notes.txt"])
	ann.await("why not", `() => document.querySelector('dialog .problem').textContent === 'This is no picture that can be shown.'`)
	for _, p := range []*person{ann, ben} {
		p.wroteNoErrors()
	}
}
