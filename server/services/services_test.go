package services

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/proto"
)

func TestAFileNamesTheServices(t *testing.T) {
	d := read(t, `[
		{"number": 63, "name": {"en": "Billing", "zh-Hans": "账单"}, "greeting": {"en": "Hello!\nWhat is it?"},
		 "hours": {"zone": "Europe/Berlin", "mon": ["09:00-12:00", "13:00-17:00"]}},
		{"number": 0, "name": {"de": "Sonstiges"}}
	]`)
	if got := d.Numbers(); !slices.Equal(got, []proto.ServiceType{63, 0}) {
		t.Errorf("the numbers are %v, want 63 and 0 in the file's order", got)
	}
	if names := d.Names(); len(names) != 3 || !slices.Contains(names, "账单") {
		t.Errorf("the names are %q", names)
	}
	if first := d.All()[0]; first.Greeting["en"] != "Hello!\nWhat is it?" || first.Hours == nil {
		t.Errorf("the first service is %+v", first)
	}
	if open, changes := d.All()[1].At(time.Now()); !open || !changes.IsZero() {
		t.Error("a service without hours is not always open")
	}
}

func TestWithoutAFileThereAreThoseThatHaveAName(t *testing.T) {
	want := []proto.ServiceType{0, 1, 2, 3, 4, 5, 6}
	if got := Default().Numbers(); !slices.Equal(got, want) {
		t.Errorf("the numbers are %v, want %v", got, want)
	}
}

func TestAWrongFileIsRefusedInOneLineThatNamesThePlace(t *testing.T) {
	const good = `{"number": 1, "name": {"en": "Sales"}}`
	hours := func(hours string) string { return `[{"number": 1, "name": {"en": "Sales"}, "hours": ` + hours + `}]` }
	for _, test := range []struct{ file, place string }{
		{``, "line 1: not JSON"},
		{"[\n" + good + ",\n}]", "line 3: not JSON"},
		{`{}`, "not a JSON array"},
		{`[]`, "no service"},
		{`[7]`, "[0]: a number stands there"},
		{`[` + good + `, {"name": {"en": "X"}}]`, "[1].number: missing"},
		{`[{"number": null, "name": {"en": "X"}}]`, "[0].number: missing"},
		{`[{"number": 64, "name": {"en": "X"}}]`, "[0].number: 64 is out of range"},
		{`[{"number": -1, "name": {"en": "X"}}]`, "[0].number: -1 is out of range"},
		{`[{"number": 1.5, "name": {"en": "X"}}]`, "[0].number: a number 1.5 stands there"},
		{`[{"number": "1", "name": {"en": "X"}}]`, "[0].number: a string stands there"},
		{`[` + good + `, ` + good + `]`, "[1].number: 1 is another's"},
		{`[{"number": 1, "nam": {"en": "X"}}]`, `[0]: unknown field "nam"`},
		{`[{"number": 1}]`, "[0].name: missing"},
		{`[{"number": 1, "name": "Sales"}]`, "[0].name: a string stands there"},
		{`[{"number": 1, "name": {"en": " "}}]`, "[0].name.en: empty"},
		{`[{"number": 1, "name": {"english": "X"}}]`, "[0].name.english: no language"},
		{`[{"number": 1, "name": {"": "X"}}]`, "[0].name.: no language"},
		{`[{"number": 1, "name": {"zh-hans": "X"}}]`, `[0].name.zh-hans: write the language as "zh-Hans"`},
		{`[{"number": 1, "name": {"en": "` + strings.Repeat("x", 65) + `"}}]`, "[0].name.en: longer than 64 bytes"},
		{`[{"number": 1, "name": {"en": "a\nb"}}]`, "[0].name.en: holds a character"},
		{`[{"number": 1, "name": {"en": "X"}, "greeting": {"en": "a\u202eb"}}]`, "[0].greeting.en: holds a character"},
		{hours(`{}`), "[0].hours.zone: missing"},
		{hours(`7`), "[0].hours: a number stands there"},
		{hours(`{"zone": "Berlin", "mon": ["09:00-17:00"]}`), `[0].hours.zone: "Berlin" is no time zone`},
		{hours(`{"zone": "", "mon": ["09:00-17:00"]}`), `[0].hours.zone: "" is no time zone`},
		{hours(`{"zone": "Local", "mon": ["09:00-17:00"]}`), `[0].hours.zone: "Local" is no time zone`},
		{hours(`{"zone": "UTC"}`), "[0].hours: it is never open"},
		{hours(`{"zone": "UTC", "mon": []}`), "[0].hours: it is never open"},
		{hours(`{"zone": "UTC", "mon": "09:00-17:00"}`), "[0].hours.mon: write the hours"},
		{hours(`{"zone": "UTC", "mon": ["09:00-17:00"], "monday": []}`), `[0].hours: "monday" is no day`},
		{hours(`{"zone": "UTC", "mon": ["9-17"]}`), `[0].hours.mon[0]: "9-17" is no span of hours`},
		{hours(`{"zone": "UTC", "mon": ["09:60-17:00"]}`), `[0].hours.mon[0]: "09:60-17:00" is no span`},
		{hours(`{"zone": "UTC", "mon": ["09:00-24:01"]}`), `[0].hours.mon[0]: "09:00-24:01" does not end`},
		{hours(`{"zone": "UTC", "fri": ["20:00-04:00"]}`), `[0].hours.fri[0]: "20:00-04:00" does not end after it begins`},
		{hours(`{"zone": "UTC", "mon": ["09:00-12:00", "11:00-17:00"]}`), `[0].hours.mon[1]: "11:00-17:00" begins before`},
		{`[{"number": 1, "name": {"en": "X"}}]` + strings.Repeat(" ", maxFile), "longer than 262144 bytes"},
	} {
		_, err := Read(write(t, test.file))
		if err == nil || !strings.Contains(err.Error(), ".json: "+test.place) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%.80s: %v, want one line with %q", test.file, err, test.place)
		}
	}
	if _, err := Read(filepath.Join(t.TempDir(), "none.json")); err == nil {
		t.Error("a file that is not there names services")
	}
}

func TestAServiceIsOpenByTheClocksOfItsZone(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	d := read(t, `[
		{"number": 0, "name": {"en": "Office"}, "hours": {"zone": "Europe/Berlin", "mon": ["09:00-12:00", "13:00-17:00"], "sun": ["02:30-04:00"]}},
		{"number": 1, "name": {"en": "Bar"}, "hours": {"zone": "Europe/Berlin", "sat": ["20:00-24:00"], "sun": ["00:00-03:00"]}},
		{"number": 2, "name": {"en": "Always"}, "hours": {"zone": "UTC", "mon": ["00:00-24:00"], "tue": ["00:00-24:00"], "wed": ["00:00-24:00"],
			"thu": ["00:00-24:00"], "fri": ["00:00-24:00"], "sat": ["00:00-24:00"], "sun": ["00:00-24:00"]}}
	]`)
	at := func(month time.Month, day, hour, minute int) time.Time {
		return time.Date(2026, month, day, hour, minute, 0, 0, berlin)
	}
	for _, test := range []struct {
		name    string
		service int
		at      time.Time
		open    bool
		changes time.Time
	}{
		{"before it opens", 0, at(3, 2, 8, 59), false, at(3, 2, 9, 0)},
		{"as it opens", 0, at(3, 2, 9, 0), true, at(3, 2, 12, 0)},
		{"as it closes", 0, at(3, 2, 12, 0), false, at(3, 2, 13, 0)},
		{"after its last day", 0, at(3, 2, 17, 0), false, at(3, 8, 2, 30)},
		{"the week before clocks are set forward", 0, at(3, 23, 17, 0), false, at(3, 29, 3, 30)}, // there is no 02:30
		{"clocks set forward since", 0, at(3, 29, 5, 0), false, at(3, 30, 9, 0)},
		{"across midnight", 1, at(3, 7, 23, 0), true, at(3, 8, 3, 0)},
		{"after midnight", 1, at(3, 8, 2, 59), true, at(3, 8, 3, 0)},
		{"across midnight as clocks are set back", 1, at(10, 24, 23, 0), true, at(10, 25, 3, 0)},
		{"for ever", 2, at(3, 7, 23, 0), true, time.Time{}},
	} {
		open, changes := d.All()[test.service].At(test.at.UTC())
		if open != test.open || !changes.Equal(test.changes) {
			t.Errorf("%s: open is %v until %v, want %v until %v", test.name, open, changes.In(berlin), test.open, test.changes)
		}
	}
}

func read(t *testing.T, content string) *Directory {
	t.Helper()
	d, err := Read(write(t, content))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func write(t *testing.T, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "services.json")
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
