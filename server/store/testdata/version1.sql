-- A history as version 1 of the schema kept it.
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
INSERT INTO meta (name, value) VALUES ('epoch', x'201e552b93e32586');
INSERT INTO meta (name, value) VALUES ('rev', x'0000000000000018');
INSERT INTO conversations (id, key, head, min) VALUES (1, 'd:3:5', x'0000000000000004', x'0000000000000001');
INSERT INTO conversations (id, key, head, min) VALUES (2, 'd:9223372036854775808:18446744073709551615', x'0000000000000003', x'0000000000000001');
INSERT INTO conversations (id, key, head, min) VALUES (3, 'd:3:18446744073709551615', x'0000000000000002', x'0000000000000001');
INSERT INTO members (conversation, user_id, rev, read_seq, delivered_seq, answered_through, waiting_seq, waiting_since) VALUES (1, x'0000000000000003', x'000000000000000b', x'0000000000000004', x'0000000000000004', x'0000000000000001', x'0000000000000002', x'000001977420eba0');
INSERT INTO members (conversation, user_id, rev, read_seq, delivered_seq, answered_through, waiting_seq, waiting_since) VALUES (1, x'0000000000000005', x'000000000000000c', x'0000000000000002', x'0000000000000004', x'0000000000000002', x'0000000000000003', x'000001977420f370');
INSERT INTO members (conversation, user_id, rev, read_seq, delivered_seq, answered_through, waiting_seq, waiting_since) VALUES (2, x'8000000000000000', x'0000000000000014', x'0000000000000001', x'0000000000000001', x'0000000000000000', x'0000000000000002', x'0000019774210ae0');
INSERT INTO members (conversation, user_id, rev, read_seq, delivered_seq, answered_through, waiting_seq, waiting_since) VALUES (2, x'ffffffffffffffff', x'0000000000000013', x'0000000000000002', x'0000000000000003', x'0000000000000001', x'0000000000000000', x'0000000000000000');
INSERT INTO members (conversation, user_id, rev, read_seq, delivered_seq, answered_through, waiting_seq, waiting_since) VALUES (3, x'0000000000000003', x'0000000000000018', x'0000000000000000', x'0000000000000000', x'0000000000000001', x'0000000000000000', x'0000000000000000');
INSERT INTO members (conversation, user_id, rev, read_seq, delivered_seq, answered_through, waiting_seq, waiting_since) VALUES (3, x'ffffffffffffffff', x'0000000000000017', x'0000000000000000', x'0000000000000000', x'0000000000000000', x'0000000000000002', x'0000019774212250');
INSERT INTO messages (conversation, seq, id, sender, client_ref, create_time, body) VALUES (1, x'0000000000000001', x'00d53dd8fa001000', x'0000000000000003', x'30303030303030303030303030303031', x'000001977420e3d0', x'0880a080d08fbbcf6a10031a036f6e6520d0c783a1f732280580010192011030303030303030303030303030303031');
INSERT INTO messages (conversation, seq, id, sender, client_ref, create_time, body) VALUES (1, x'0000000000000002', x'00d53ddaee001000', x'0000000000000003', x'30303030303030303030303030303032', x'000001977420eba0', x'0880a080f0aebbcf6a10031a0374776f20a0d783a1f732280580010288010192011030303030303030303030303030303032');
INSERT INTO messages (conversation, seq, id, sender, client_ref, create_time, body) VALUES (1, x'0000000000000003', x'00d53ddce2001000', x'0000000000000005', x'30303030303030303030303030303033', x'000001977420f370', x'0880a08090cebbcf6a10051a0863726f7373696e6720f0e683a1f732280380010388010192011030303030303030303030303030303033');
INSERT INTO messages (conversation, seq, id, sender, client_ref, create_time, body) VALUES (1, x'0000000000000004', x'00d53dded6001000', x'0000000000000003', x'30303030303030303030303030303034', x'000001977420fb40', x'0880a080b0edbbcf6a10031a05746872656520c0f683a1f732280580010488010292011030303030303030303030303030303034');
INSERT INTO messages (conversation, seq, id, sender, client_ref, create_time, body) VALUES (2, x'0000000000000001', x'00d53de0ca001000', x'ffffffffffffffff', x'30303030303030303030303030303035', x'0000019774210310', x'0880a080d08cbccf6a10ffffffffffffffffff011a0c66726f6d2074686520746f7020908684a1f732288080808080808080800180010188010092011030303030303030303030303030303035');
INSERT INTO messages (conversation, seq, id, sender, client_ref, create_time, body) VALUES (2, x'0000000000000002', x'00d53de2be001000', x'8000000000000000', x'30303030303030303030303030303036', x'0000019774210ae0', x'0880a080f0abbccf6a10808080808080808080011a0a746f2074686520746f7020e09584a1f73228ffffffffffffffffff0180010288010192011030303030303030303030303030303036');
INSERT INTO messages (conversation, seq, id, sender, client_ref, create_time, body) VALUES (2, x'0000000000000003', x'00d53de4b2001000', x'8000000000000000', x'30303030303030303030303030303037', x'00000197742112b0', x'0880a08090cbbccf6a10808080808080808080011a09616e6420616761696e20b0a584a1f73228ffffffffffffffffff0180010388010192011030303030303030303030303030303037');
INSERT INTO messages (conversation, seq, id, sender, client_ref, create_time, body) VALUES (3, x'0000000000000001', x'00d53de6a6001000', x'0000000000000003', x'30303030303030303030303030303038', x'0000019774211a80', x'0880a080b0eabccf6a10031a0568656c6c6f2080b584a1f73228ffffffffffffffffff0180010192011030303030303030303030303030303038');
INSERT INTO messages (conversation, seq, id, sender, client_ref, create_time, body) VALUES (3, x'0000000000000002', x'00d53de89a001000', x'ffffffffffffffff', x'30303030303030303030303030303039', x'0000019774212250', x'0880a080d089bdcf6a10ffffffffffffffffff011a0d616e206f6c6420636c69656e7420d0c484a1f732280380010292011030303030303030303030303030303039');
INSERT INTO users (id, name, folded) VALUES (x'0000000000000003', 'Ada', 'ADA');
INSERT INTO users (id, name, folded) VALUES (x'0000000000000005', '', '');
INSERT INTO users (id, name, folded) VALUES (x'ffffffffffffffff', 'Zoë', 'ZOË');
PRAGMA application_id = 1349676153;
PRAGMA user_version = 1;
