package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	sqlite3 "modernc.org/sqlite/lib"
)

// applicationID marks a file as Parley's (PRAGMA application_id): "Prly".
const applicationID = 0x50726c79

// migrations lead from one version of the schema to the next; PRAGMA
// user_version counts those that were applied. Add to the end, change none.
//
// Numbers are 8 big-endian bytes (see number), so that they sort unsigned.
// Conversations have a small row id, which keeps messages and their indexes
// short; messages lie together by conversation and seq, as they are read.
var migrations = []string{`
	CREATE TABLE meta (
		name  TEXT PRIMARY KEY NOT NULL,
		value BLOB NOT NULL
	);
	CREATE TABLE conversations (
		id   INTEGER PRIMARY KEY,
		key  TEXT NOT NULL UNIQUE,
		head BLOB NOT NULL,
		min  BLOB NOT NULL
	);
	CREATE TABLE members (
		conversation     INTEGER NOT NULL,
		user_id          BLOB NOT NULL,
		rev              BLOB NOT NULL,
		read_seq         BLOB NOT NULL,
		delivered_seq    BLOB NOT NULL,
		answered_through BLOB NOT NULL,
		waiting_seq      BLOB NOT NULL,
		waiting_since    BLOB NOT NULL,
		PRIMARY KEY (conversation, user_id)
	) WITHOUT ROWID;
	CREATE INDEX members_by_rev ON members (user_id, rev);
	CREATE TABLE messages (
		conversation INTEGER NOT NULL,
		seq          BLOB NOT NULL,
		id           BLOB NOT NULL,
		sender       BLOB NOT NULL,
		client_ref   BLOB NOT NULL,
		create_time  BLOB NOT NULL,
		body         BLOB NOT NULL,
		PRIMARY KEY (conversation, seq)
	) WITHOUT ROWID;
	CREATE UNIQUE INDEX messages_by_id ON messages (id);
	CREATE UNIQUE INDEX messages_by_ref ON messages (sender, client_ref);
	CREATE INDEX messages_by_sender ON messages (conversation, sender, seq);
	CREATE TABLE users (
		id     BLOB PRIMARY KEY NOT NULL,
		name   TEXT NOT NULL,
		folded TEXT NOT NULL
	) WITHOUT ROWID;
	CREATE INDEX users_by_name ON users (folded, id);
`, `
	-- Service conversations, and what a conversation's members share: a_ is of
	-- the first side (proto.Side), b_ of the second. Counts are integers.
	ALTER TABLE conversations ADD COLUMN service INTEGER; -- NULL: between two users
	ALTER TABLE conversations ADD COLUMN rev BLOB NOT NULL DEFAULT x'0000000000000000';
	ALTER TABLE conversations ADD COLUMN a_through BLOB NOT NULL DEFAULT x'0000000000000000';
	ALTER TABLE conversations ADD COLUMN a_seq BLOB NOT NULL DEFAULT x'0000000000000000';
	ALTER TABLE conversations ADD COLUMN a_since BLOB NOT NULL DEFAULT x'0000000000000000';
	ALTER TABLE conversations ADD COLUMN b_through BLOB NOT NULL DEFAULT x'0000000000000000';
	ALTER TABLE conversations ADD COLUMN b_seq BLOB NOT NULL DEFAULT x'0000000000000000';
	ALTER TABLE conversations ADD COLUMN b_since BLOB NOT NULL DEFAULT x'0000000000000000';
	ALTER TABLE conversations ADD COLUMN assignee BLOB NOT NULL DEFAULT x'0000000000000000';
	ALTER TABLE conversations ADD COLUMN post_proc INTEGER NOT NULL DEFAULT 0;
	ALTER TABLE conversations ADD COLUMN answer_seq BLOB NOT NULL DEFAULT x'0000000000000000';
	ALTER TABLE conversations ADD COLUMN answer_by BLOB NOT NULL DEFAULT x'0000000000000000';
	ALTER TABLE conversations ADD COLUMN service_read BLOB NOT NULL DEFAULT x'0000000000000000';
	ALTER TABLE conversations ADD COLUMN service_delivered BLOB NOT NULL DEFAULT x'0000000000000000';
	ALTER TABLE conversations ADD COLUMN a_counted INTEGER NOT NULL DEFAULT 0;
	ALTER TABLE conversations ADD COLUMN b_counted INTEGER NOT NULL DEFAULT 0;
	CREATE INDEX conversations_by_rev ON conversations (service, rev) WHERE service IS NOT NULL;
	ALTER TABLE members ADD COLUMN own INTEGER NOT NULL DEFAULT 0;
	ALTER TABLE members ADD COLUMN seen INTEGER NOT NULL DEFAULT 0;
	ALTER TABLE messages ADD COLUMN type INTEGER NOT NULL DEFAULT 0;
	CREATE INDEX messages_control ON messages (conversation, seq, type, sender) WHERE type >= 16;
	ALTER TABLE users ADD COLUMN services INTEGER NOT NULL DEFAULT 0; -- bit n stands for type n
	ALTER TABLE users ADD COLUMN last_seen BLOB NOT NULL DEFAULT x'0000000000000000';
	ALTER TABLE users ADD COLUMN hides INTEGER NOT NULL DEFAULT 0; -- 1: typing, 2: presence
	CREATE INDEX users_agents ON users (services) WHERE services != 0;

	-- So far there were conversations between two users, and no control entries.
	-- Who waits stood with the members, of whom the lower id is the first side.
	UPDATE conversations SET
		a_counted = (SELECT count(*) FROM messages WHERE conversation = conversations.id),
		b_counted = (SELECT count(*) FROM messages WHERE conversation = conversations.id);
	UPDATE conversations SET (a_through, a_seq, a_since) =
		(SELECT answered_through, waiting_seq, waiting_since FROM members WHERE conversation = conversations.id ORDER BY user_id LIMIT 1)
		WHERE EXISTS (SELECT 1 FROM members WHERE conversation = conversations.id);
	UPDATE conversations SET (b_through, b_seq, b_since) =
		(SELECT answered_through, waiting_seq, waiting_since FROM members WHERE conversation = conversations.id ORDER BY user_id DESC LIMIT 1)
		WHERE EXISTS (SELECT 1 FROM members WHERE conversation = conversations.id);
	UPDATE members SET
		own = (SELECT count(*) FROM messages m WHERE m.conversation = members.conversation AND m.sender = members.user_id),
		seen = (SELECT count(*) FROM messages m WHERE m.conversation = members.conversation AND m.seq <= members.read_seq AND m.sender != members.user_id);
	ALTER TABLE members DROP COLUMN answered_through;
	ALTER TABLE members DROP COLUMN waiting_seq;
	ALTER TABLE members DROP COLUMN waiting_since;
`, `
	-- When watermarks rose to their values; 0: unknown, as of all that rose before.
	ALTER TABLE conversations ADD COLUMN service_read_time BLOB NOT NULL DEFAULT x'0000000000000000';
	ALTER TABLE conversations ADD COLUMN service_delivered_time BLOB NOT NULL DEFAULT x'0000000000000000';
	ALTER TABLE members ADD COLUMN read_time BLOB NOT NULL DEFAULT x'0000000000000000';
	ALTER TABLE members ADD COLUMN delivered_time BLOB NOT NULL DEFAULT x'0000000000000000';
`, `
	-- What each user has used of the quotas: how full the buckets were, and when.
	CREATE TABLE usage (
		user_id            BLOB PRIMARY KEY NOT NULL,
		bytes              BLOB NOT NULL,
		bytes_time         BLOB NOT NULL,
		conversations      BLOB NOT NULL,
		conversations_time BLOB NOT NULL
	) WITHOUT ROWID;
`, `
	-- When users were seen first; 0: unknown, as of all who came before.
	ALTER TABLE users ADD COLUMN first_seen BLOB NOT NULL DEFAULT x'0000000000000000';
`, `
	-- Counts so far stand with each message: conversations.a_counted and b_counted
	-- with it, and its author's members.own. Notes (type 19) count to the second
	-- side, and customers write none.
	ALTER TABLE messages ADD COLUMN a_counted INTEGER NOT NULL DEFAULT 0;
	ALTER TABLE messages ADD COLUMN b_counted INTEGER NOT NULL DEFAULT 0;
	ALTER TABLE messages ADD COLUMN own INTEGER NOT NULL DEFAULT 0;
	UPDATE messages SET (a_counted, b_counted, own) = (c.a, c.b, c.own) FROM (
		SELECT conversation, seq,
			sum(type < 16) OVER log AS a, sum(type < 16 OR type = 19) OVER log AS b, sum(type < 16 OR type = 19) OVER author AS own
		FROM messages
		WINDOW log AS (PARTITION BY conversation ORDER BY seq), author AS (PARTITION BY conversation, sender ORDER BY seq)
	) c WHERE messages.conversation = c.conversation AND messages.seq = c.seq;
	-- When the newest message was written, which stays known when it is gone.
	ALTER TABLE conversations ADD COLUMN newest_time BLOB NOT NULL DEFAULT x'0000000000000000';
	UPDATE conversations SET newest_time = m.create_time FROM messages m WHERE m.conversation = conversations.id AND m.seq = conversations.head;
	-- What people wrote and control entries are looked for apart.
	DROP INDEX messages_by_sender;
	DROP INDEX messages_control;
	CREATE INDEX messages_written ON messages (conversation, sender, seq) WHERE type < 16;
	CREATE INDEX messages_control ON messages (conversation, sender, seq) WHERE type >= 16;
`, `
	-- What people are found by beside users_by_name; refold fills it.
	CREATE TABLE user_words (
		rest    TEXT NOT NULL,
		user_id BLOB NOT NULL,
		PRIMARY KEY (rest, user_id)
	) WITHOUT ROWID;
	CREATE VIRTUAL TABLE user_names USING fts5 (folded, content='', columnsize=0, tokenize='trigram case_sensitive 1');
`, `
	-- Of two users: who the other is, whether this one blocks the other, and whether
	-- the other blocks this one.
	ALTER TABLE members ADD COLUMN peer BLOB; -- NULL: in a service conversation
	ALTER TABLE members ADD COLUMN blocks INTEGER NOT NULL DEFAULT 0;
	ALTER TABLE members ADD COLUMN blocked INTEGER NOT NULL DEFAULT 0;
	UPDATE members SET peer =
		(SELECT other.user_id FROM members other WHERE other.conversation = members.conversation AND other.user_id != members.user_id)
		WHERE conversation IN (SELECT id FROM conversations WHERE service IS NULL);
	CREATE INDEX members_by_peer ON members (user_id, peer) WHERE peer IS NOT NULL;
	CREATE INDEX members_blocking ON members (user_id) WHERE blocks != 0;
	-- Whether a user ever wrote to another, and the services that they wrote to, as
	-- bits. So far who is neither and has a row in a service's conversation is its
	-- customer: or an agent of before, whom nothing tells apart.
	ALTER TABLE users ADD COLUMN wrote INTEGER NOT NULL DEFAULT 0;
	ALTER TABLE users ADD COLUMN customer INTEGER NOT NULL DEFAULT 0;
	UPDATE users SET wrote = EXISTS (SELECT 1 FROM members m WHERE m.user_id = users.id AND m.peer IS NOT NULL AND m.own > 0);
	UPDATE users SET customer = ifnull((SELECT sum(DISTINCT 1 << c.service) FROM members m JOIN conversations c ON c.id = m.conversation
		WHERE m.user_id = users.id AND c.service IS NOT NULL), 0) WHERE services = 0;
`, `
	-- Since when and until when users answer for services, up to when tokens were
	-- issued that are refused, and whom an operator blocked. When the tokens of
	-- agents expire that came before is unknown: this server's own do in 30 days.
	ALTER TABLE users ADD COLUMN services_since BLOB NOT NULL DEFAULT x'0000000000000000';
	ALTER TABLE users ADD COLUMN services_until BLOB NOT NULL DEFAULT x'0000000000000000';
	ALTER TABLE users ADD COLUMN revoked BLOB NOT NULL DEFAULT x'0000000000000000';
	ALTER TABLE users ADD COLUMN blocked INTEGER NOT NULL DEFAULT 0;
	UPDATE users SET services_until = unhex(printf('%016x', (unixepoch() + 30 * 86400) * 1000)) WHERE services != 0;
	CREATE INDEX users_ending ON users (services_until, id) WHERE services != 0;
	CREATE INDEX users_blocked ON users (id) WHERE blocked;
`, `
	-- What stays of messages that were deleted: their senders' refs, for ever, with
	-- what a repeat is answered. meta.deleted holds the highest id among them.
	CREATE TABLE refs (
		sender       BLOB NOT NULL,
		client_ref   BLOB NOT NULL,
		conversation INTEGER NOT NULL,
		seq          BLOB NOT NULL,
		id           BLOB NOT NULL,
		create_time  BLOB NOT NULL,
		PRIMARY KEY (sender, client_ref)
	) WITHOUT ROWID;
	ALTER TABLE conversations ADD COLUMN gone INTEGER NOT NULL DEFAULT 0;
`, `
	-- Each time that the history was opened (see start), and the highest change number
	-- when it was. meta.secret is what chat.Store.Secret returns, meta.file tells the
	-- file from its copies.
	CREATE TABLE starts (
		number INTEGER PRIMARY KEY,
		id     BLOB NOT NULL UNIQUE,
		rev    BLOB NOT NULL
	);
`, `
	-- What users chose for conversations in their own lists, and up to which seq they
	-- archived one. Nothing is searched by these: integers keep the rows short.
	ALTER TABLE members ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0;
	ALTER TABLE members ADD COLUMN muted INTEGER NOT NULL DEFAULT 0;
	ALTER TABLE members ADD COLUMN marked_unread INTEGER NOT NULL DEFAULT 0;
	ALTER TABLE members ADD COLUMN archived_through INTEGER NOT NULL DEFAULT 0;
`, `
	-- Where users are signed in, up to when those that are not known are refused, when
	-- users were renamed here, and the hashes of codes that sign them in.
	CREATE TABLE devices (
		user_id   BLOB NOT NULL,
		id        BLOB NOT NULL,
		label     TEXT NOT NULL,
		last_seen BLOB NOT NULL,
		expires   BLOB NOT NULL,
		ended     INTEGER NOT NULL,
		PRIMARY KEY (user_id, id)
	) WITHOUT ROWID;
	CREATE INDEX devices_by_expiry ON devices (expires);
	CREATE TABLE codes (
		user_id BLOB NOT NULL,
		kind    INTEGER NOT NULL,
		hash    BLOB NOT NULL UNIQUE,
		made    BLOB NOT NULL,
		expires BLOB NOT NULL,
		used    INTEGER NOT NULL,
		PRIMARY KEY (user_id, kind)
	) WITHOUT ROWID;
	ALTER TABLE users ADD COLUMN signed_out BLOB NOT NULL DEFAULT x'0000000000000000';
	ALTER TABLE users ADD COLUMN renamed BLOB NOT NULL DEFAULT x'0000000000000000';
`, `
	-- Notes on conversations, which agents write for agents, beside the log of which the
	-- customer has a copy; how often they changed in a conversation; and canned replies.
	ALTER TABLE conversations ADD COLUMN notes INTEGER NOT NULL DEFAULT 0;
	CREATE TABLE notes (
		conversation INTEGER NOT NULL,
		id           BLOB NOT NULL,
		after_seq    BLOB NOT NULL,
		author       BLOB NOT NULL,
		ref          BLOB NOT NULL,
		create_time  BLOB NOT NULL,
		content      TEXT NOT NULL,
		PRIMARY KEY (conversation, id)
	) WITHOUT ROWID;
	CREATE INDEX notes_by_time ON notes (create_time);
	CREATE TABLE replies (
		service INTEGER NOT NULL,
		id      BLOB NOT NULL,
		version BLOB NOT NULL,
		title   TEXT NOT NULL,
		content TEXT NOT NULL,
		PRIMARY KEY (service, id)
	) WITHOUT ROWID;
`, `
	-- gone was how many were deleted of what counts to agents; now also those before the
	-- first that waits for an answer (chat.Conversation.Past).
	UPDATE conversations SET gone = CASE WHEN service IS NULL THEN 0 ELSE coalesce((SELECT m.b_counted - 1 FROM messages m
		WHERE conversations.a_seq != x'0000000000000000' AND m.conversation = conversations.id AND m.seq = conversations.a_seq), b_counted) END;
`, `
	-- Of an entry that others spoke of, the seq of the last that did; of a conversation, that
	-- of the newest that spoke of another, and of the newest that was taken back (type 27).
	ALTER TABLE messages ADD COLUMN revised INTEGER NOT NULL DEFAULT 0;
	CREATE INDEX messages_revised ON messages (conversation, revised) WHERE revised > 0;
	CREATE INDEX messages_recalled ON messages (conversation, seq, sender) WHERE type = 27;
	ALTER TABLE conversations ADD COLUMN revised INTEGER NOT NULL DEFAULT 0;
	ALTER TABLE conversations ADD COLUMN recalled INTEGER NOT NULL DEFAULT 0;
`, `
	-- Groups: what a member is in one (chat.Member.Role), the first entry that they may read
	-- and, once they are in it no more, the last one, and through which they have answered.
	ALTER TABLE members ADD COLUMN role INTEGER NOT NULL DEFAULT 0;
	ALTER TABLE members ADD COLUMN from_seq BLOB NOT NULL DEFAULT x'0000000000000000';
	ALTER TABLE members ADD COLUMN until_seq BLOB NOT NULL DEFAULT x'0000000000000000';
	ALTER TABLE members ADD COLUMN answered BLOB NOT NULL DEFAULT x'0000000000000000';
	CREATE INDEX members_in_groups ON members (user_id) WHERE role != 0;
	CREATE TABLE user_groups (
		conversation INTEGER PRIMARY KEY,
		name         TEXT NOT NULL,
		whole        INTEGER NOT NULL,
		members      INTEGER NOT NULL,
		version      INTEGER NOT NULL
	);
	-- Whom the messages of groups mention; user 0 is everyone.
	CREATE TABLE mentions (
		conversation INTEGER NOT NULL,
		user_id      BLOB NOT NULL,
		seq          BLOB NOT NULL,
		PRIMARY KEY (conversation, user_id, seq)
	) WITHOUT ROWID;
	CREATE TABLE group_links (
		conversation INTEGER NOT NULL,
		id           BLOB NOT NULL,
		secret       BLOB NOT NULL UNIQUE,
		author       BLOB NOT NULL,
		made         BLOB NOT NULL,
		expires      BLOB NOT NULL,
		PRIMARY KEY (conversation, id)
	) WITHOUT ROWID;
`, `
	-- Nothing changes but that a redo log may stand beside the file (see redoLog), which
	-- versions before would leave behind.
`, `
	-- What users uploaded (chat.Attachment), which entries name it, and what users have used
	-- of the quotas of uploads. The contents are kept elsewhere.
	CREATE TABLE attachments (
		id           BLOB PRIMARY KEY NOT NULL,
		owner        BLOB NOT NULL,
		state        INTEGER NOT NULL,
		name         TEXT NOT NULL,
		media_type   TEXT NOT NULL,
		width        INTEGER NOT NULL,
		height       INTEGER NOT NULL,
		size         INTEGER NOT NULL,
		offset_bytes INTEGER NOT NULL,
		time         BLOB NOT NULL,
		due          BLOB NOT NULL
	) WITHOUT ROWID;
	CREATE INDEX attachments_due ON attachments (due, id) WHERE due != x'0000000000000000';
	CREATE INDEX attachments_unfinished ON attachments (owner, id) WHERE state = 0;
	CREATE TABLE attachment_names (
		attachment   BLOB NOT NULL,
		conversation INTEGER NOT NULL,
		seq          BLOB NOT NULL,
		PRIMARY KEY (attachment, conversation, seq)
	) WITHOUT ROWID;
	CREATE INDEX attachment_names_by_entry ON attachment_names (conversation, seq);
	CREATE TABLE upload_usage (
		user_id    BLOB PRIMARY KEY NOT NULL,
		bytes      BLOB NOT NULL,
		bytes_time BLOB NOT NULL,
		kept       BLOB NOT NULL
	) WITHOUT ROWID;
`, `
	-- The attachment that is a group's picture, and has a name with seq 0; 0: none.
	ALTER TABLE user_groups ADD COLUMN picture BLOB NOT NULL DEFAULT x'0000000000000000';
`, `
	-- The entries that give groups their names: what one was called once, who left it then is told.
	CREATE INDEX messages_naming ON messages (conversation, seq) WHERE type IN (32, 36);
`}

// redoVersion is the first with a redo log.
const redoVersion = 18

// errNewer and errForeign are files that this program must not touch.
var (
	errNewer   = errors.New("it was written by a newer version of Parley: run that version, or choose another data folder")
	errForeign = errors.New("it is a database of another program: move it away, or choose another data folder")
)

// migrate brings the file to the newest schema, all or nothing.
func migrate(ctx context.Context, s *connection) (err error) {
	if err := s.Exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = s.Exec("ROLLBACK") // err is what matters
		}
	}()
	var application, version, tables int
	for query, dest := range map[string]*int{
		"PRAGMA application_id":              &application,
		"PRAGMA user_version":                &version,
		"SELECT count(*) FROM sqlite_schema": &tables,
	} {
		if _, err := s.Row([]any{dest}, query); err != nil {
			return err
		}
	}
	switch {
	case application != applicationID && (tables > 0 || version > 0):
		return errForeign
	case version > len(migrations):
		return fmt.Errorf("%w (its schema is %d, this one's %d)", errNewer, version, len(migrations))
	}
	for _, m := range migrations[version:] {
		if err := s.until(ctx, func() error { return s.script(m) }); err != nil {
			return fmt.Errorf("change the schema: %w", err)
		}
	}
	if err := refold(ctx, s); err != nil {
		return fmt.Errorf("index the names of people: %w", err)
	}
	for name, value := range map[string]int{"application_id": applicationID, "user_version": len(migrations)} {
		if err := s.script("PRAGMA " + name + " = " + strconv.Itoa(value)); err != nil {
			return err
		}
	}
	return s.Exec("COMMIT")
}

// explain turns an error of opening into a sentence that says what to do.
func explain(path string, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, errNewer) || errors.Is(err, errForeign) {
		return fmt.Errorf("open the history %s: %w", path, err)
	}
	advice := Advice(err)
	switch codeOf(err) {
	case sqlite3.SQLITE_NOTADB:
		advice = "it is no database: move it away, or choose another data folder"
	case sqlite3.SQLITE_CORRUPT:
		advice = "it is damaged: restore a backup, or choose another data folder"
	}
	return fmt.Errorf("open the history %s: %s: %w", path, advice, err)
}
