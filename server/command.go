package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"parley/proto"
	"parley/server/auth"
	"parley/server/chat"
	"parley/server/services"
	"parley/server/store"
)

const (
	// commandTime bounds what an operator decides (check, backup and restore take as
	// long as the history is large), and serverTime how long that waits for a server
	// that starts or stops, or for another command.
	commandTime, serverTime = 60 * time.Second, 10 * time.Second
	// An invite of the parley command is for so many agents and so long.
	inviteCount, inviteTime = 10, 24 * time.Hour
	// The most that may be asked for.
	maxInviteCount, maxInviteTime = 10_000, 366 * 24 * time.Hour
)

// command is what the program does, with its words before the options, instead
// of running the server: what an operator decides counts at once, also where a
// server runs.
type command struct {
	words string
	takes string                      // what follows the words: takesUser, takesFile, or nothing
	about string                      // for the usage
	print func(w io.Writer, r report) // of what an order came to; nil: it gives none, but
	do    func(ctx context.Context, folder, file string, stdout, stderr io.Writer) (exit int)
}

// What may follow a command's words.
const takesUser, takesFile = "USER", "FILE"

var commands = []command{
	{"agents", "", "list the agents", printAgents, nil},
	{"agents remove", takesUser, "take an agent off; tokens issued to them so far are refused", printRemoved, nil},
	{"users", "", "list the users who are blocked", printBlocked, nil},
	{"users block", takesUser, "let a user in no more, and end their connections", printBlock, nil},
	{"users unblock", takesUser, "let a blocked user in again", printUnblock, nil},
	{"invite", "", "make a new agent invite for -count agents within -expires; the old one stops working", printInvite, nil},
	{"check", "", "verify the history, which it does not change", nil, check},
	{"backup", takesFile, "copy the history and the server's own keys to a new file, also while it runs", nil, backup},
	{"restore", takesFile, "put a backup into the data folder of a server that is stopped; what was there is kept aside", nil, restore},
	{"copy", "", "copy the history from -from to -to, each a data folder or postgres://…, where no server runs", nil, copyHistory},
	{"epoch", "", "begin a new epoch, as after a snapshot of the machine was put back: clients load the history anew", printEpoch, nil},
}

// commandOf finds the command that arguments begin with, and what follows its
// words; nil if there is none.
func commandOf(args []string) (found *command, rest []string) {
	for i, c := range commands {
		words := strings.Fields(c.words)
		if len(args) >= len(words) && strings.Join(args[:len(words)], " ") == c.words && (found == nil || len(c.words) > len(found.words)) {
			found, rest = &commands[i], args[len(words):]
		}
	}
	return found, rest
}

// printCommands lists them for the usage.
func printCommands(w io.Writer) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, c := range commands {
		fmt.Fprintf(table, "  parley %s %s\t%s\n", c.words, c.takes, c.about)
	}
	_ = table.Flush() // as for all that is printed: whoever reads may be gone
}

// run does what the command says and prints what came of it.
func (c *command) run(args []string, getenv func(string) string, stdout, stderr io.Writer) (exit int) {
	where, file, want, err := c.parse(args, getenv)
	switch {
	case errors.Is(err, flag.ErrHelp):
		printUsage(stdout)
		return 0
	case err != nil:
		fmt.Fprintf(stderr, "parley: %s: %v (parley -h lists the options)\n", c.words, err)
		return 2
	}
	if c.do != nil && where.db != "" {
		fmt.Fprintf(stderr, "parley: %s: the history is in PostgreSQL (-db), whose own programs do that: pg_dump and pg_restore, pg_amcheck\n", c.words)
		return 1
	}
	if c.do != nil {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		return c.do(ctx, where.data, file, stdout, stderr)
	}
	ctx, cancel := context.WithTimeout(context.Background(), commandTime)
	defer cancel()
	r, err := carryOut(ctx, where, want)
	if r.Doubt != "" { // the server will not know any more
		fmt.Fprintf(stderr, "parley: the history may be a backup that was put back: a new epoch began, and clients load their messages anew: %s\n", r.Doubt)
	}
	if err != nil {
		fmt.Fprintf(stderr, "parley: %s: %v: %s\n", c.words, where, wordsOf(err))
		return 1
	}
	c.print(stdout, r)
	return 0
}

// parse takes what follows the words, in any order, and from the environment
// the folder if it is not there.
func (c *command) parse(args []string, getenv func(string) string) (where site, file string, want order, err error) {
	flags := flag.NewFlagSet(c.words, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	where = site{data: "./data", db: getenv(environment("db"))}
	if value := getenv(environment("data")); value != "" {
		where.data = value
	}
	flags.StringVar(&where.data, "data", where.data, "")
	flags.StringVar(&where.db, "db", where.db, "")
	want.Command = c.words
	if c.words == "copy" { // which names two histories otherwise
		where = site{}
		flags.StringVar(&where.data, "from", "", "")
		flags.StringVar(&file, "to", "", "")
	}
	if c.words == "invite" {
		flags.DurationVar(&want.Expires, "expires", inviteTime, "")
		flags.IntVar(&want.Count, "count", inviteCount, "")
	}
	var words []string
	for err = flags.Parse(args); err == nil && flags.NArg() > 0; err = flags.Parse(args) {
		words, args = append(words, flags.Arg(0)), flags.Args()[1:]
	}
	switch {
	case err != nil:
	case c.takes != "" && len(words) == 0:
		err = fmt.Errorf("name the %s: parley %s %s", strings.ToLower(c.takes), c.words, c.takes)
	case c.takes == "" && len(words) > 0 || len(words) > 1:
		err = fmt.Errorf("unexpected argument %q", words[len(words)-1])
	case c.takes == takesFile:
		file = words[0]
	case c.takes == takesUser:
		var ok bool
		if want.User, ok = proto.ParseID(words[0]); !ok {
			err = fmt.Errorf("%q is no user id: give a decimal from 1 on, as parley agents lists them", words[0])
		}
	case c.words == "invite" && (want.Expires < time.Second || want.Expires > maxInviteTime):
		err = fmt.Errorf("-expires is %v: give 1s to %v, such as 24h", want.Expires, maxInviteTime)
	case c.words == "invite" && (want.Count < 1 || want.Count > maxInviteCount):
		err = fmt.Errorf("-count is %d: give 1 to %d", want.Count, maxInviteCount)
	}
	return where, file, want, err
}

// carryOut gives an order to the server that runs on a data folder, or does it
// on the folder itself if none does.
func carryOut(ctx context.Context, where site, want order) (report, error) {
	if where.db == "" {
		if _, err := os.Stat(filepath.Join(where.data, store.FileName)); err != nil {
			return report{}, fmt.Errorf("give the folder of a server that has run: %w", err)
		}
	}
	limit, cancel := context.WithTimeout(ctx, serverTime)
	defer cancel()
	for {
		db, err := where.open(ctx, commanding, slog.New(slog.DiscardHandler))
		if err == nil {
			r, err := alone(ctx, db, where.data, want)
			r.Doubt = db.Doubt()
			return r, errors.Join(err, db.Close())
		}
		if where.db != "" || !errors.Is(err, store.ErrInUse) {
			return report{}, err
		}
		r, err := knock(ctx, where.data, want)
		if !errors.Is(err, errNobody) {
			return r, err
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-limit.Done():
			return r, err
		}
	}
}

// alone carries an order out where no server runs.
func alone(ctx context.Context, db history, folder string, want order) (r report, err error) {
	service, err := chat.New(chat.Config{Store: db, Fanout: nobody{}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return r, err
	}
	commits, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- service.Run(commits) }() // ends after stop
	o := operator{service: service, offered: services.Default(), invite: auth.NewInvite(secretOf(db, folder, inviteFile), time.Now), now: time.Now}
	r, err = o.do(ctx, want)
	stop()
	return r, errors.Join(err, <-ended)
}

// nobody is a fan-out in which nobody is connected.
type nobody struct{}

func (nobody) Publish(uint64, proto.Branch, []byte) {}

func (nobody) PublishTo(context.Context, uint64, string, proto.Branch, []byte) error { return nil }

func printAgents(w io.Writer, r report) {
	if len(r.Users) == 0 {
		fmt.Fprintln(w, "There are no agents.")
		return
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "USER\tNAME\tSERVICES\tSINCE\tUNTIL\tLAST SEEN")
	for _, u := range r.Users {
		fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s\t%s\n", u.ID, u.Name, servicesText(u.Services, r.Offered), timeText(u.ServicesSince, "unknown"), timeText(u.ServicesUntil, "no end"), lastSeen(u))
	}
	_ = table.Flush()
}

func printBlocked(w io.Writer, r report) {
	if len(r.Users) == 0 {
		fmt.Fprintln(w, "Nobody is blocked.")
		return
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "USER\tNAME\tLAST SEEN")
	for _, u := range r.Users {
		fmt.Fprintf(table, "%d\t%s\t%s\n", u.ID, u.Name, lastSeen(u))
	}
	_ = table.Flush()
}

// servicesText names services as the protocol does: all that there are, or by their
// words, or by their numbers where they have none.
func servicesText(services, all chat.Services) string {
	if services == all {
		return "all"
	}
	var names []string
	for _, s := range services.All() {
		names = append(names, strings.ToLower(strings.TrimPrefix(s.String(), "SERVICE_TYPE_")))
	}
	return strings.Join(names, ",")
}

func lastSeen(u listed) string {
	if u.Here {
		return "now"
	}
	return timeText(u.LastSeen, "unknown")
}

// timeText is a time in Unix milliseconds, in UTC to the minute.
func timeText(ms uint64, none string) string {
	if ms == 0 {
		return none
	}
	return time.UnixMilli(int64(ms)).UTC().Format("2006-01-02 15:04Z")
}

// named is a user in a sentence.
func named(u chat.User) string {
	if u.Name == "" {
		return fmt.Sprintf("User %d", u.ID)
	}
	return fmt.Sprintf("User %d (%s)", u.ID, u.Name)
}

func printRemoved(w io.Writer, r report) {
	was := "is no agent any more"
	if r.Before.Services == 0 {
		was = "was no agent"
	}
	fmt.Fprintf(w, "%s %s; tokens issued so far are refused.\n", named(r.Before), was)
}

func printBlock(w io.Writer, r report) {
	was := "is blocked"
	if r.Before.Blocked {
		was = "was blocked already"
	}
	fmt.Fprintf(w, "%s %s.\n", named(r.Before), was)
}

func printUnblock(w io.Writer, r report) {
	was := "is not blocked any more"
	if !r.Before.Blocked {
		was = "was not blocked"
	}
	fmt.Fprintf(w, "%s %s.\n", named(r.Before), was)
}

func printEpoch(w io.Writer, _ report) {
	fmt.Fprintln(w, "A new epoch began: clients load the history anew.")
}

func printInvite(w io.Writer, r report) {
	fmt.Fprintf(w, "Agent invite: %s\n", r.Invite)
}
