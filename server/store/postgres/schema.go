package postgres

import (
	"context"
	"errors"
	"fmt"

	"parley/server/chat"
	"parley/server/store/relational"
)

// schemaName is where in the database all tables are, beside those of other programs.
const schemaName = "parley"

// migrations lead from one version of the schema to the next; meta.schema counts those
// that were applied. Add to the end, change none.
//
// The tables are those of SQLite's (server/store), with the names and meanings of its
// columns. Text is compared by bytes, and where nobody looks for it, it is bytes: text has no NUL.
var migrations = []string{`
	CREATE TABLE meta (
		name  text PRIMARY KEY,
		value bytea NOT NULL
	);
	CREATE TABLE conversations (
		id          bigint PRIMARY KEY,
		key         text COLLATE "C" NOT NULL UNIQUE,
		head        bytea NOT NULL,
		min         bytea NOT NULL,
		service     bigint, -- NULL: between two users
		rev         bytea NOT NULL DEFAULT '\x0000000000000000',
		newest_time bytea NOT NULL DEFAULT '\x0000000000000000',
		a_through   bytea NOT NULL DEFAULT '\x0000000000000000',
		a_seq       bytea NOT NULL DEFAULT '\x0000000000000000',
		a_since     bytea NOT NULL DEFAULT '\x0000000000000000',
		b_through   bytea NOT NULL DEFAULT '\x0000000000000000',
		b_seq       bytea NOT NULL DEFAULT '\x0000000000000000',
		b_since     bytea NOT NULL DEFAULT '\x0000000000000000',
		assignee    bytea NOT NULL DEFAULT '\x0000000000000000',
		post_proc   bigint NOT NULL DEFAULT 0,
		answer_seq  bytea NOT NULL DEFAULT '\x0000000000000000',
		answer_by   bytea NOT NULL DEFAULT '\x0000000000000000',
		service_read           bytea NOT NULL DEFAULT '\x0000000000000000',
		service_delivered      bytea NOT NULL DEFAULT '\x0000000000000000',
		service_read_time      bytea NOT NULL DEFAULT '\x0000000000000000',
		service_delivered_time bytea NOT NULL DEFAULT '\x0000000000000000',
		a_counted   bigint NOT NULL DEFAULT 0,
		b_counted   bigint NOT NULL DEFAULT 0,
		gone        bigint NOT NULL DEFAULT 0,
		notes       bigint NOT NULL DEFAULT 0
	) WITH (fillfactor = 80);
	CREATE INDEX conversations_by_rev ON conversations (service, rev) WHERE service IS NOT NULL;
	CREATE TABLE members (
		conversation   bigint NOT NULL,
		user_id        bytea NOT NULL,
		rev            bytea NOT NULL,
		read_seq       bytea NOT NULL,
		delivered_seq  bytea NOT NULL,
		read_time      bytea NOT NULL,
		delivered_time bytea NOT NULL,
		own            bigint NOT NULL,
		seen           bigint NOT NULL,
		peer           bytea, -- NULL: in a service conversation
		blocks         boolean NOT NULL,
		blocked        boolean NOT NULL,
		pinned         boolean NOT NULL,
		muted          boolean NOT NULL,
		marked_unread  boolean NOT NULL,
		archived_through bigint NOT NULL,
		PRIMARY KEY (conversation, user_id)
	);
	CREATE INDEX members_by_rev ON members (user_id, rev);
	CREATE INDEX members_by_peer ON members (user_id, peer) WHERE peer IS NOT NULL;
	CREATE INDEX members_blocking ON members (user_id) WHERE blocks;
	CREATE TABLE messages (
		conversation bigint NOT NULL,
		seq          bytea NOT NULL,
		id           bytea NOT NULL,
		sender       bytea NOT NULL,
		client_ref   bytea NOT NULL,
		create_time  bytea NOT NULL,
		type         bigint NOT NULL,
		a_counted    bigint NOT NULL,
		b_counted    bigint NOT NULL,
		own          bigint NOT NULL,
		body         bytea NOT NULL,
		PRIMARY KEY (conversation, seq)
	);
	CREATE UNIQUE INDEX messages_by_id ON messages (id);
	CREATE UNIQUE INDEX messages_by_ref ON messages (sender, client_ref);
	CREATE INDEX messages_written ON messages (conversation, sender, seq) WHERE type < 16;
	CREATE INDEX messages_control ON messages (conversation, sender, seq) WHERE type >= 16;
	CREATE TABLE refs (
		sender       bytea NOT NULL,
		client_ref   bytea NOT NULL,
		conversation bigint NOT NULL,
		seq          bytea NOT NULL,
		id           bytea NOT NULL,
		create_time  bytea NOT NULL,
		PRIMARY KEY (sender, client_ref)
	);
	CREATE TABLE users (
		id         bytea PRIMARY KEY,
		name       text NOT NULL,
		folded     text COLLATE "C" NOT NULL,
		services   bigint NOT NULL, -- bit n stands for type n
		services_since bytea NOT NULL,
		services_until bytea NOT NULL,
		revoked    bytea NOT NULL,
		blocked    boolean NOT NULL,
		signed_out bytea NOT NULL,
		renamed    bytea NOT NULL,
		first_seen bytea NOT NULL,
		last_seen  bytea NOT NULL,
		hides      bigint NOT NULL,
		wrote      boolean NOT NULL,
		customer   bigint NOT NULL
	);
	CREATE INDEX users_by_name ON users (folded, id);
	CREATE INDEX users_agents ON users (services) WHERE services != 0;
	CREATE INDEX users_ending ON users (services_until, id) WHERE services != 0;
	CREATE INDEX users_blocked ON users (id) WHERE blocked;
	-- What people are found by beside users_by_name: what their names say from later
	-- words on, and the three characters that begin at each place.
	CREATE TABLE user_words (
		rest    text COLLATE "C" NOT NULL,
		user_id bytea NOT NULL,
		PRIMARY KEY (rest, user_id)
	);
	CREATE TABLE user_trigrams (
		trigram text COLLATE "C" NOT NULL,
		user_id bytea NOT NULL,
		PRIMARY KEY (trigram, user_id)
	);
	CREATE TABLE usage (
		user_id            bytea PRIMARY KEY,
		bytes              bytea NOT NULL,
		bytes_time         bytea NOT NULL,
		conversations      bytea NOT NULL,
		conversations_time bytea NOT NULL
	);
	CREATE TABLE devices (
		user_id   bytea NOT NULL,
		id        bytea NOT NULL,
		label     bytea NOT NULL,
		last_seen bytea NOT NULL,
		expires   bytea NOT NULL,
		ended     boolean NOT NULL,
		PRIMARY KEY (user_id, id)
	);
	CREATE INDEX devices_by_expiry ON devices (expires);
	CREATE TABLE codes (
		user_id bytea NOT NULL,
		kind    bigint NOT NULL,
		hash    bytea NOT NULL UNIQUE,
		made    bytea NOT NULL,
		expires bytea NOT NULL,
		used    boolean NOT NULL,
		PRIMARY KEY (user_id, kind)
	);
	CREATE TABLE notes (
		conversation bigint NOT NULL,
		id           bytea NOT NULL,
		after_seq    bytea NOT NULL,
		author       bytea NOT NULL,
		ref          bytea NOT NULL,
		create_time  bytea NOT NULL,
		content      bytea NOT NULL,
		PRIMARY KEY (conversation, id)
	);
	CREATE INDEX notes_by_time ON notes (create_time);
	CREATE TABLE replies (
		service bigint NOT NULL,
		id      bytea NOT NULL,
		version bytea NOT NULL,
		title   bytea NOT NULL,
		content bytea NOT NULL,
		PRIMARY KEY (service, id)
	);
	-- Each time that the history was opened, the highest change number when it was, and
	-- how many transactions this opening committed: by that it finds out what became of
	-- one whose answer was lost.
	CREATE TABLE starts (
		number  bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
		id      bytea NOT NULL UNIQUE,
		rev     bytea NOT NULL,
		commits bigint NOT NULL DEFAULT 0
	) WITH (fillfactor = 50);
	-- Which start may do something alone, and until when by the database's clock.
	CREATE TABLE leases (
		name   text PRIMARY KEY,
		holder bytea NOT NULL,
		until  timestamptz NOT NULL
	) WITH (fillfactor = 50);
	-- Whoever changes something locks this row first.
	INSERT INTO meta (name, value) VALUES ('rev', '\x0000000000000000');
	ALTER TABLE meta SET (fillfactor = 50);
`, `
	-- gone was how many were deleted of what counts to agents; now also those before the
	-- first that waits for an answer (chat.Conversation.Past).
	UPDATE conversations c SET gone = CASE WHEN service IS NULL THEN 0 ELSE coalesce((SELECT m.b_counted - 1 FROM messages m
		WHERE c.a_seq != '\x0000000000000000' AND m.conversation = c.id AND m.seq = c.a_seq), b_counted) END;
`, `
	DROP TABLE leases;
	-- The change log: what each transaction has to tell, in the order of commits, and when that
	-- was, in Unix milliseconds; without a record it tells that meta changed, and an empty one is
	-- that of a node that was alone, and keeps it to itself. It has no gaps, and the newest
	-- stays.
	CREATE TABLE changes (
		number bigint PRIMARY KEY,
		time   bigint NOT NULL,
		record bytea
	);
	ALTER TABLE changes ALTER COLUMN record SET STORAGE EXTERNAL; -- to compress it takes longer
	-- Who uses the database, and until when they count as there by the database's clock; alone:
	-- nobody else may; ended: it is there no more, and soon counts as gone; gone: it does, but
	-- may only be frozen, and needs the change log when it goes on.
	CREATE TABLE nodes (
		id      bytea PRIMARY KEY, -- of the start
		renewed timestamptz NOT NULL,
		until   timestamptz NOT NULL,
		alone   boolean NOT NULL,
		ended   boolean NOT NULL DEFAULT FALSE,
		gone    boolean NOT NULL DEFAULT FALSE
	) WITH (fillfactor = 50);
	-- Who is connected to which node.
	CREATE TABLE connections (
		node    bytea NOT NULL,
		user_id bytea NOT NULL,
		client  bytea NOT NULL,
		device  bytea NOT NULL,
		mark    bigint NOT NULL,
		PRIMARY KEY (node, user_id, client)
	);
`, `
	-- As in SQLite's.
	ALTER TABLE messages ADD COLUMN revised bigint NOT NULL DEFAULT 0;
	CREATE INDEX messages_revised ON messages (conversation, revised) WHERE revised > 0;
	CREATE INDEX messages_recalled ON messages (conversation, seq, sender) WHERE type = 27;
	ALTER TABLE conversations ADD COLUMN revised bigint NOT NULL DEFAULT 0;
	ALTER TABLE conversations ADD COLUMN recalled bigint NOT NULL DEFAULT 0;
`, `
	-- Groups: what a member is in one (chat.Member.Role), the first entry that they may read
	-- and, once they are in it no more, the last one, and through which they have answered.
	ALTER TABLE members ADD COLUMN role bigint NOT NULL DEFAULT 0;
	ALTER TABLE members ADD COLUMN from_seq bytea NOT NULL DEFAULT '\x0000000000000000';
	ALTER TABLE members ADD COLUMN until_seq bytea NOT NULL DEFAULT '\x0000000000000000';
	ALTER TABLE members ADD COLUMN answered bytea NOT NULL DEFAULT '\x0000000000000000';
	CREATE INDEX members_in_groups ON members (user_id) WHERE role != 0;
	CREATE TABLE user_groups (
		conversation bigint PRIMARY KEY,
		name         bytea NOT NULL,
		whole        boolean NOT NULL,
		members      bigint NOT NULL,
		version      bigint NOT NULL
	);
	-- Whom the messages of groups mention; user 0 is everyone.
	CREATE TABLE mentions (
		conversation bigint NOT NULL,
		user_id      bytea NOT NULL,
		seq          bytea NOT NULL,
		PRIMARY KEY (conversation, user_id, seq)
	);
	CREATE TABLE group_links (
		conversation bigint NOT NULL,
		id           bytea NOT NULL,
		secret       bytea NOT NULL UNIQUE,
		author       bytea NOT NULL,
		made         bytea NOT NULL,
		expires      bytea NOT NULL,
		PRIMARY KEY (conversation, id)
	);
`, `
	-- What users uploaded (chat.Attachment), which entries name it, and what users have used
	-- of the quotas of uploads. The contents are kept elsewhere.
	CREATE TABLE attachments (
		id           bytea PRIMARY KEY,
		owner        bytea NOT NULL,
		state        bigint NOT NULL,
		name         bytea NOT NULL,
		media_type   bytea NOT NULL,
		width        bigint NOT NULL,
		height       bigint NOT NULL,
		size         bigint NOT NULL,
		offset_bytes bigint NOT NULL,
		time         bytea NOT NULL,
		due          bytea NOT NULL
	);
	CREATE INDEX attachments_due ON attachments (due, id) WHERE due != '\x0000000000000000';
	CREATE INDEX attachments_unfinished ON attachments (owner, id) WHERE state = 0;
	CREATE TABLE attachment_names (
		attachment   bytea NOT NULL,
		conversation bigint NOT NULL,
		seq          bytea NOT NULL,
		PRIMARY KEY (attachment, conversation, seq)
	);
	CREATE INDEX attachment_names_by_entry ON attachment_names (conversation, seq);
	CREATE TABLE upload_usage (
		user_id    bytea PRIMARY KEY,
		bytes      bytea NOT NULL,
		bytes_time bytea NOT NULL,
		kept       bytea NOT NULL
	);
`, `
	-- The schema that a node's program knows.
	ALTER TABLE nodes ADD COLUMN schema bigint NOT NULL DEFAULT 0;
`, `
	-- As in SQLite's.
	ALTER TABLE user_groups ADD COLUMN picture bytea NOT NULL DEFAULT '\x0000000000000000';
`, `
	-- No samples of what people wrote are kept in PostgreSQL's statistics, where they would stay
	-- after it was taken back. A column's type that is set drops those that there are.
	ALTER TABLE messages ALTER COLUMN body TYPE bytea, ALTER COLUMN body SET STATISTICS 0;
	ALTER TABLE notes ALTER COLUMN content TYPE bytea, ALTER COLUMN content SET STATISTICS 0;
	ALTER TABLE attachments ALTER COLUMN name TYPE bytea, ALTER COLUMN name SET STATISTICS 0;
	ALTER TABLE changes ALTER COLUMN record TYPE bytea, ALTER COLUMN record SET STATISTICS 0,
		ALTER COLUMN record SET STORAGE EXTERNAL;
`, `
	-- As in SQLite's.
	CREATE INDEX messages_naming ON messages (conversation, seq) WHERE type IN (32, 36);
`, `
	-- The search index (relational.IndexTransaction), which is derived from the messages. A page
	-- has some KiB that cannot be compressed, and lies in its row.
	CREATE TABLE index_place (
		one     bigint PRIMARY KEY,
		epoch   bytea NOT NULL,
		version bytea NOT NULL,
		through bytea NOT NULL
	);
	CREATE TABLE index_pages (
		audience text COLLATE "C" NOT NULL,
		first    bytea NOT NULL,
		body     bytea NOT NULL,
		PRIMARY KEY (audience, first)
	) WITH (toast_tuple_target = 8160);
	ALTER TABLE index_pages ALTER COLUMN body SET STORAGE EXTERNAL;
	CREATE INDEX index_pages_by_first ON index_pages (first, audience);
`, `
	-- A member's row changes with each message, and what of it changes then is in no index, so
	-- that none has to be written (HOT). What changed is found by blocks of change numbers.
	DROP INDEX members_by_rev;
	ALTER TABLE members SET (fillfactor = 80);
	ALTER TABLE members ADD COLUMN block bytea NOT NULL GENERATED ALWAYS AS (` + blockOf("rev") + `) STORED;
	CREATE INDEX members_by_block ON members (user_id, block);
`, `
	-- Each transaction raises it, also one of a version that knows nothing of it: where it stands as
	-- a node left it, nobody else wrote, and what that node knows of rows still holds.
	CREATE SEQUENCE writes;
	SELECT nextval('writes'); -- the next is another
	CREATE FUNCTION raise_writes() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM nextval('parley.writes'); RETURN NULL; END $$;
	CREATE TRIGGER raise_writes BEFORE UPDATE ON starts FOR EACH STATEMENT EXECUTE FUNCTION raise_writes();
`, `
	-- A page of the search index is put again as messages are added, and no longer than half of one
	-- of the database's: where that has room, the version before makes it for the next (HOT), and
	-- the table does not grow with each.
	ALTER TABLE index_pages SET (fillfactor = 60);
`, `
	-- Where the sequence writes stood behind the transaction, and of which rows that nodes keep in
	-- memory it wrote some, by their names (relational.Touched): all others still hold. NULL: any.
	ALTER TABLE changes ADD COLUMN IF NOT EXISTS write bigint, ADD COLUMN IF NOT EXISTS touched text[] COLLATE "C";
	ALTER TABLE changes ALTER COLUMN touched SET STORAGE EXTERNAL, ALTER COLUMN touched SET STATISTICS 0;
`}

// blockOf is SQL for the block that a change number is in, of 65,536.
func blockOf(rev string) string { return "substring(" + rev + " FROM 1 FOR 6)" }

// lastAlone is the last schema that one server at a time used, which had a lease.
const lastAlone = 2

// errNewer is a schema that this program must not touch.
var errNewer = errors.New("it was written by a newer version of Parley: run that version, or choose another database")

// migrationLock is the number of the advisory lock under which the schema is changed:
// two programs that begin at once do so one after the other.
const migrationLock = 0x5072_6c79 // "Prly"

// migrate brings the database to the newest schema, all or nothing.
func migrate(ctx context.Context, c *connection) error {
	return c.transaction(ctx, "BEGIN", func() error {
		if err := errors.Join(c.Exec("SET LOCAL lock_timeout = '60s'"), c.Exec("SELECT pg_advisory_xact_lock(?)", int64(migrationLock))); err != nil {
			return err
		}
		version, err := c.schemaVersion()
		switch {
		case err != nil:
			return err
		case version > len(migrations):
			return fmt.Errorf("%w (its schema is %d, this one's %d)", errNewer, version, len(migrations))
		case version == 0:
			err = c.script("CREATE SCHEMA IF NOT EXISTS " + schemaName)
		case version <= lastAlone:
			err = c.noLease()
		}
		if err == nil && version < len(migrations) {
			err = c.migrateFrom(version)
		}
		if err == nil {
			err = refold(ctx, c)
		}
		return err
	})
}

// migrateFrom applies the migrations after a version. Nodes that are there wait meanwhile, and then
// read the rows anew that they kept: they may be others.
func (c *connection) migrateFrom(version int) error {
	if version > 0 {
		if err := c.Exec(lockQuery); err != nil {
			return err
		}
	}
	for _, m := range migrations[version:] {
		if err := c.script(m); err != nil {
			return err
		}
	}
	return errors.Join(
		c.Exec("SELECT nextval('writes')"),
		c.Exec("INSERT INTO meta (name, value) VALUES ('schema', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", relational.Number(len(migrations))),
	)
}

// noLease sees that no server of the version before uses the database.
func (c *connection) noLease() error {
	var one int64
	held, err := c.Row([]any{&one}, "SELECT 1::bigint FROM leases WHERE until > clock_timestamp()")
	if err == nil && held {
		err = fmt.Errorf("%w, of a version that shares it with none: stop it; if it ended without a goodbye, start this one again in 15 s", ErrInUse)
	}
	return err
}

// schemaVersion is 0 where there is no history yet.
func (c *connection) schemaVersion() (int, error) {
	var there bool
	if _, err := c.Row([]any{&there}, "SELECT to_regclass('"+schemaName+".meta') IS NOT NULL"); err != nil || !there {
		return 0, err
	}
	var version relational.Number
	_, err := c.Row([]any{&version}, "SELECT value FROM meta WHERE name = 'schema'")
	return int(version), err
}

// refold makes what names are found by anew, if another version of chat.Fold made it.
func refold(ctx context.Context, c *connection) error {
	var made string
	if _, err := c.Row([]any{&made}, "SELECT value FROM meta WHERE name = 'fold'"); err != nil || made == chat.FoldVersion {
		return err
	}
	if err := c.Exec("TRUNCATE user_words, user_trigrams"); err != nil {
		return err
	}
	for after := relational.Number(0); ; {
		page, err := c.names(after)
		if err != nil || len(page) == 0 {
			if err == nil {
				err = c.Exec("INSERT INTO meta (name, value) VALUES ('fold', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", []byte(chat.FoldVersion))
			}
			return err
		}
		for _, n := range page {
			folded := chat.Fold(n.name)
			if err := errors.Join(ctx.Err(), c.Exec("UPDATE users SET folded = ? WHERE id = ?", folded, n.id), c.IndexName(uint64(n.id), folded)); err != nil {
				return err
			}
			after = n.id
		}
	}
}
