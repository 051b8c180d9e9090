package main

import (
	"flag"
	"fmt"
	"io"
	"math"
	"net/netip"
	"strings"
	"time"

	"parley/proto"
	"parley/server/chat"
	"parley/server/clientip"
	"parley/server/gateway"
	"parley/server/origin"
	"parley/server/services"
)

// options are what whoever starts the server may choose.
type options struct {
	listen   string
	site            // -data and -db
	jwtKey   string // file, "" for a key of the server's own
	origins  origin.Origins
	static   string // folder, "" for the page that is built in
	proxies  []netip.Prefix
	metrics  string // address, "" for none
	hsts     time.Duration
	people   chat.People
	services string // file, "" for those that there are by default
	rate     float64
	burst    int

	broker       string // address, "" for none
	brokerSecret string
	brokerAllow  []netip.Prefix

	maxConnections int // of users in all
	maxPerAddress  int // 0: as the broker does

	// What may be stored; 0 is no bound.
	dailyBytes       size // of a user, in a day
	guestBytes       size // of a guest, in a day
	newConversations uint // of a user who is no agent, in an hour
	guestsPerHour    uint // of an address

	// What users upload; 0 is no bound.
	attachments  string // where it is kept: "" for a folder of -data, a folder, or s3://…
	maxUpload    size   // of one file
	dailyUploads size   // of a user, in a day
	guestUploads size   // of a guest, in a day
	keptUploads  size   // of a user, in all

	retention       span // how long messages are kept; 0: for ever
	editWindow      span // how long messages can be edited and taken back; 0: not at all
	retentionGuests span // and guests whom nobody sees again; 0: for ever
}

// usageError is about an option that does not exist or does not parse.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// environment is the variable that stands for an option: PARLEY_JWT_KEY for -jwt-key.
func environment(option string) string {
	return "PARLEY_" + strings.ToUpper(strings.ReplaceAll(option, "-", "_"))
}

func newFlags(o *options) (flags *flag.FlagSet, origins *string) {
	flags = flag.NewFlagSet("parley", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // errors are returned, and printed in one line
	flags.StringVar(&o.listen, "listen", "127.0.0.1:8080", "`address` to listen on, host:port; port 0 picks a free one")
	flags.StringVar(&o.data, "data", "./data", "`folder` that keeps the history")
	flags.StringVar(&o.db, "db", "", "`address` of a PostgreSQL database that keeps the history instead, postgres://USER:PASSWORD@HOST/DATABASE; better in the environment, where others on this machine do not see the password")
	flags.StringVar(&o.jwtKey, "jwt-key", "", "`file` with the key of users' tokens: an HMAC secret, or an Ed25519, RSA or EC public key in PEM; without it a key is made in the data folder, and guests are welcome")
	origins = flags.String("origins", "", "`list` of origins, separated by commas, whose pages may connect too: https://example.com,https://*.example.org")
	flags.StringVar(&o.static, "static", "", "`folder` to serve the page from while working on it, instead of the one built in")
	flags.Func("trusted-proxies", "`list` of addresses and networks of proxies, separated by commas, whose word on who the client is counts: 127.0.0.1,10.0.0.0/8; from elsewhere X-Forwarded-For and Forwarded change nothing", func(list string) (err error) {
		o.proxies, err = clientip.ParseProxies(list)
		return err
	})
	flags.StringVar(&o.metrics, "metrics", "", "`address` of a listener of its own for /metrics, which only those should reach who may see them; without it there are none")
	flags.DurationVar(&o.hsts, "hsts", 0, "`time` for which browsers are told to come back over TLS only (Strict-Transport-Security), such as 8760h; for a server behind a proxy that speaks TLS")
	flags.TextVar(&o.people, "people", chat.PeopleAll, "`who` is found among people: all, known (who shares a conversation with the one who asks) or none")
	flags.StringVar(&o.services, "services", "", "`file` with the services that customers can write to, in JSON: number, name, greeting and hours; it is read at the start")
	flags.Float64Var(&o.rate, "rate", 50, "`messages` per second that a user may send")
	flags.IntVar(&o.burst, "burst", 1000, "`messages` that a user may send at once")
	flags.StringVar(&o.broker, "broker", "", "`address` of an external MQTT 5 broker that serves other clients, mqtt://USER:PASSWORD@HOST:PORT, or mqtts:// for TLS, several hosts separated by commas; needs -db; better in the environment, where others on this machine do not see the password")
	flags.StringVar(&o.brokerSecret, "broker-secret", "", "`secret` by which that broker proves itself when it asks who may do what, at /auth/SECRET/user, vhost, resource and topic, or as a bearer token; better in the environment")
	flags.Func("broker-allow", "`list` of addresses and networks, separated by commas, that may ask so without the secret: 10.0.0.0/8", func(list string) (err error) {
		o.brokerAllow, err = clientip.ParseProxies(list)
		return err
	})
	flags.IntVar(&o.maxConnections, "max-connections", 10_000, "`connections` of users that there may be in all; the last quarter is for agents and for those who came a day ago or earlier")
	flags.IntVar(&o.maxPerAddress, "max-per-address", 0, "`connections` that one address (IPv6: /64) may have of these; 0: 2000, or half of all if that is less")
	o.dailyBytes, o.guestBytes = 64<<20, 4<<20
	flags.Var(&o.dailyBytes, "daily-bytes", "`bytes` that a user may have stored in a day, such as 64MiB; 0: no bound")
	flags.Var(&o.guestBytes, "guest-bytes", "`bytes` that a guest may have stored in a day, such as 4MiB; 0: no bound")
	o.maxUpload, o.dailyUploads, o.guestUploads, o.keptUploads = 25<<20, 1<<30, 250<<20, 2<<30
	flags.StringVar(&o.attachments, "attachments", "", "`place` that keeps what users upload: a folder, or s3://HOST/BUCKET with the keys in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (?region=REGION, ?insecure for HTTP); by default a folder of -data. Several servers with the same -db need the same place")
	flags.Var(&o.maxUpload, "max-upload", "`bytes` that a file may have that somebody sends, such as 25MiB; 0: no bound")
	flags.Var(&o.dailyUploads, "daily-uploads", "`bytes` of files that a user may send in a day, such as 1GiB; 0: no bound")
	flags.Var(&o.guestUploads, "guest-uploads", "`bytes` of files that a guest may send in a day, such as 250MiB; 0: no bound")
	flags.Var(&o.keptUploads, "kept-uploads", "`bytes` of files that are kept of one user, such as 2GiB; 0: no bound")
	flags.UintVar(&o.newConversations, "new-conversations", 30, "`conversations` that somebody who is no agent may begin in an hour; 0: no bound")
	flags.UintVar(&o.guestsPerHour, "guests-per-hour", 100, "`guests` that may come from one address in an hour; 0: no bound")
	flags.Var(&o.retention, "retention", "`time` for which messages are kept, such as 90d; older ones are deleted for everybody; 0: for ever")
	o.editWindow = span(chat.DefaultEditWindow)
	flags.Var(&o.editWindow, "edit-window", "`time` for which messages can be edited and taken back by who wrote them; 0: not at all")
	flags.Var(&o.retentionGuests, "retention-guests", "`time` for which guests are kept who never come again and in whose conversations nothing is left, such as 90d; at least 30d; 0: for ever")
	return flags, origins
}

// parseOptions takes options from the command line, and from the environment
// what is not there.
func parseOptions(args []string, getenv func(string) string) (options, error) {
	var o options
	flags, origins := newFlags(&o)
	var err error
	flags.VisitAll(func(f *flag.Flag) {
		if value := getenv(environment(f.Name)); value != "" && err == nil {
			if bad := flags.Set(f.Name, value); bad != nil {
				err = usageError{fmt.Errorf("%s=%q: %w", environment(f.Name), value, bad)}
			}
		}
	})
	if err != nil {
		return o, err
	}
	if err := flags.Parse(args); err != nil {
		return o, usageError{err}
	}
	if flags.NArg() > 0 {
		return o, usageError{fmt.Errorf("unexpected argument %q", flags.Arg(0))}
	}
	if o.origins, err = origin.Parse(items(*origins)); err != nil {
		return o, fmt.Errorf("-origins: %w", err)
	}
	return o, o.check()
}

// items are the parts of a list that is separated by commas.
func items(list string) (items []string) {
	for item := range strings.SplitSeq(list, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

func (o *options) check() error {
	switch {
	case o.listen == "":
		return fmt.Errorf("-listen is empty: give host:port")
	case o.data == "":
		return fmt.Errorf("-data is empty: give a folder")
	case !(o.rate > 0) || math.IsInf(o.rate, 0):
		return fmt.Errorf("-rate is %v: give a number above 0", o.rate)
	case o.hsts < 0:
		return fmt.Errorf("-hsts is %v: give a time such as 8760h, or 0 for none", o.hsts)
	case o.burst < 1:
		return fmt.Errorf("-burst is %d: give a number of at least 1", o.burst)
	case o.maxConnections < 1 || o.maxConnections > math.MaxInt32:
		return fmt.Errorf("-max-connections is %d: give a number from 1 to %d", o.maxConnections, math.MaxInt32)
	case o.maxPerAddress < 0:
		return fmt.Errorf("-max-per-address is %d: give a number of at least 1, or 0 for the default", o.maxPerAddress)
	}
	if err := o.checkBroker(); err != nil {
		return err
	}
	if o.retention > 0 && o.retention < span(time.Second) {
		return fmt.Errorf("-retention is %v: give at least 1s, or 0 for ever", &o.retention)
	}
	if o.retentionGuests > 0 && o.retentionGuests < span(chat.LeastGuestRetention) {
		return fmt.Errorf("-retention-guests is %v: a guest's token lives 30d and must not outlive its user, give at least 30d, or 0 for ever", &o.retentionGuests)
	}
	if o.retentionGuests > 0 && o.jwtKey != "" {
		return fmt.Errorf("-retention-guests is %v: with -jwt-key there are no guests, leave one of the two out", &o.retentionGuests)
	}
	for option, bytes := range map[string]size{"-daily-uploads": o.dailyUploads, "-guest-uploads": o.guestUploads, "-kept-uploads": o.keptUploads} {
		if bytes > 0 && (bytes < o.maxUpload || o.maxUpload == 0) {
			return fmt.Errorf("%s is less than one file may have: give at least -max-upload, or 0 for no bound", option)
		}
	}
	for option, bytes := range map[string]size{"-daily-bytes": o.dailyBytes, "-guest-bytes": o.guestBytes} {
		if bytes > 0 && bytes < chat.LeastBytes {
			return fmt.Errorf("%s is %d: one message may be as large, give at least %d, or 0 for no bound", option, bytes, chat.LeastBytes)
		}
	}
	return nil
}

// leastSecret is how short a secret may be, in bytes.
const leastSecret = 16

func (o *options) checkBroker() error {
	switch {
	case o.broker == "" && (o.brokerSecret != "" || o.brokerAllow != nil):
		return fmt.Errorf("-broker-secret and -broker-allow are for a broker: give -broker, too")
	case o.broker == "":
		return nil
	case o.db == "":
		return fmt.Errorf("-broker needs -db: a history in PostgreSQL, postgres://USER:PASSWORD@HOST/DATABASE")
	case o.brokerSecret != "" && (len(o.brokerSecret) < leastSecret || strings.ContainsAny(o.brokerSecret, "/?#% ")):
		return fmt.Errorf("-broker-secret stands in an address: give %d letters and digits or more, by chance", leastSecret)
	}
	address, err := gateway.ParseAddress(o.broker)
	if err != nil {
		return fmt.Errorf("-broker: %w", err)
	}
	if _, taken := proto.ParseID(address.User); taken {
		return fmt.Errorf("-broker: the user name is a number, as users of Parley have: give the gateway another")
	}
	return nil
}

// uploads are what the service is to hold users to who upload.
func (o *options) uploads() chat.UploadQuotas {
	q := chat.UploadQuotas{Largest: uint64(o.maxUpload), Daily: uint64(o.guestUploads), AgentDaily: uint64(o.dailyUploads), Kept: uint64(o.keptUploads)}
	if o.jwtKey != "" {
		q.Daily = q.AgentDaily
	}
	return q
}

// directory reads which services there are.
func (o *options) directory() (*services.Directory, error) {
	if o.services == "" {
		return services.Default(), nil
	}
	return services.Read(o.services)
}

// quotas are what the service is to hold users to. Without guests all users
// come from a backend that knows them.
func (o *options) quotas() chat.Quotas {
	q := chat.Quotas{Bytes: uint64(o.guestBytes), AgentBytes: uint64(o.dailyBytes), Conversations: uint64(o.newConversations)}
	if o.jwtKey != "" {
		q.Bytes = q.AgentBytes
	}
	return q
}

func printUsage(w io.Writer) {
	flags, _ := newFlags(new(options))
	fmt.Fprintf(w, "Parley is real-time chat for the web: page, broker and history in one program.\n\n"+
		"  parley [options]  run the server\n\n"+
		"Commands; each takes -data and -db, and all but restore count at once, also while a server runs:\n\n")
	printCommands(w)
	fmt.Fprintf(w, "\nOptions; each may also be set in the environment, as PARLEY_LISTEN for -listen:\n\n")
	flags.SetOutput(w)
	flags.PrintDefaults()
}

// window is chat.Config.EditWindow.
func (o *options) window() time.Duration {
	if o.editWindow == 0 {
		return -1
	}
	return time.Duration(o.editWindow)
}
