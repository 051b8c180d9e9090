/** Parley's public JavaScript API: chat over MQTT 5, from an engine in a worker. */

/** A user id, message id or seq. Always a BigInt: a number would lose digits above 2^53. */
export type ID = bigint;

/** `d:{low}:{high}` for two users, `s:{user}:{service_type}` for a customer and a service, `g:{group}` for a group; others are of kinds to come. */
export type ConversationKey = string;

export interface User { id: ID; name: string; services: number[] }

/**
 * Somebody who was found. Agents are told for which services they answer, of those that they answer for themselves to
 * which they wrote, and of agents whether they are away: then they want no further conversations.
 */
export interface Person { id: ID; name: string; services: number[]; customerOf: number[]; away: boolean }

export type MessageState = 'pending' | 'sent' | 'delivered' | 'read' | 'refused' | 'received';

/**
 * What an entry is: text that people write, or a control entry (a claim and so on). A 'move' goes on with another
 * service, whose conversation then begins a 'moved', which only the server writes, as it does what happens to groups:
 * the content of a 'group-create' and a 'group-rename' is the name, that of a 'group-role' the role, and a 'group-picture' that
 * takes the picture away has none. An 'edit', 'recall'
 * or 'react' speaks of another entry, which is told again as it is then, and is not to be shown itself unless it was
 * refused; what was taken back is a 'recalled'. The last two are of types
 * that only a newer version knows, which people write and which are control entries; they cannot be sent.
 */
export type EntryType = 'text' | 'image' | 'file' | 'voice' | 'claim' | 'release' | 'hand-over' | 'note' | 'resolve' | 'reopen' | 'no-reply-needed'
  | 'move' | 'moved' | 'edit' | 'recall' | 'react' | 'recalled'
  | 'group-create' | 'group-join' | 'group-leave' | 'group-remove' | 'group-rename' | 'group-role' | 'group-picture'
  | 'unknown' | 'unknown-control';

export interface Message {
  key: ConversationKey;
  /** Place in the conversation, from 1n; 0n until confirmed. This alone orders. */
  seq: ID;
  /** 0n until confirmed. */
  id: ID;
  sender: ID;
  receiver: ID;
  content: string;
  /** Unix milliseconds; the server's once confirmed. */
  time: number;
  /**
   * When a message of mine was on a device of the other side, and when it was read, or by when at the
   * latest: Unix milliseconds by the server's clock, 0 if it was not yet, or if that is unknown.
   * time <= deliveredTime <= readTime.
   */
  deliveredTime: number;
  readTime: number;
  /** The highest seq the author had seen, 0n if unknown. */
  seen: ID;
  /** 32 hex digits that identify a send from the moment it is made; '' if an old client sent none. */
  ref: string;
  /** Orders unconfirmed messages, which stand after all confirmed ones. */
  number: ID;
  state: MessageState;
  /** Why it was refused, or is pending and not taken by the server yet, for the person to read; '' otherwise. */
  reason: string;
  /** A word for that sentence, as blocked-by-them, for pages that say it in another language; '' if it has none. */
  reasonCode: string;
  /** What the sentence speaks of, in its order: numbers in decimal, durations in seconds. */
  reasonArgs: string[];
  /** The entry just before this one is missing here, so far. */
  gap: boolean;
  type: EntryType;
  /** Written by me, on this device or another. */
  mine: boolean;
  /**
   * In a service conversation: the agent who wrote it, 0n for the customer's
   * and, to a customer, always: the customer sees one voice.
   */
  agent: ID;
  /** The agent whom a hand-over names, or the number of the service that a move names, or that it was moved from; else 0n. */
  target: ID;
  /**
   * JSON text of the application's own, '' if none. To agents, of a 'moved' {"excerpt": [{"agent": boolean,
   * "content": string}, …]}, what people wrote last where it comes from, as it is now.
   */
  extend: string;
  /** The message that it quotes; 0n if none. message() has that. */
  quote: ID;
  /** The message that an 'edit', 'recall' or 'react' speaks of; else 0n. */
  of: ID;
  /** When the content was last edited, or was taken back, Unix milliseconds by the server's clock; 0 if it was not. */
  edited: number;
  /** One for each who reacted, in the order in which they first did. */
  reactions: Reaction[];
  /** Of a 'recalled' answer, to agents: the colleague who took it back, 0n if its author did. */
  recalledBy: ID;
  /** Until when I may take it back and, if it is a text of mine, edit it: Unix milliseconds by the server's clock; 0 if never. */
  changeableUntil: number;
  /** It is shown as edits, recalls or reactions of mine make it which are not confirmed yet. */
  changing: boolean;
  /** The rest is of groups only. The sender's name, as far as it is known here. */
  senderName: string;
  /** Whom it mentions; 0n is everyone. */
  mentions: ID[];
  /** That is me, or everyone, and somebody else wrote it. */
  mentionsMe: boolean;
  /** Of what happened to the group: whom it is about, and their names, as they were then; no names where they are many. */
  members: ID[];
  memberNames: string[];
  /** Of a message of mine: how many of the others have read it, and how many these are; 0 if that is not known so far. */
  readBy: number;
  readOf: number;
  /** What it carries, of an 'image', 'file' or 'voice'. content is then the caption, '' if there is none. */
  attachments: Attachment[];
  /** Their upload rests; see pause(). */
  paused: boolean;
}

/** What somebody answered a message with. A service has one voice, whichever agent reacts. */
export interface Reaction {
  /** Who; 0n is the service, to its customer. */
  user: ID;
  /** One emoji. */
  emoji: string;
}

/** A file that a message is to carry. */
export interface NewFile {
  blob: Blob;
  name: string;
  /** Of an image, as Attachment. preview has at most 18 pixels to a side. */
  width?: number;
  height?: number;
  preview?: Uint8Array;
  /** Of a voice message, as Attachment. duration is an hour at most, waveform has 128 bytes at most. */
  duration?: number;
  waveform?: Uint8Array;
}

/** A file that a message carries. */
export interface Attachment {
  /** For attachment(); 0n until it is uploaded. */
  id: ID;
  name: string;
  /** What it is by its content, as the server found: an image or sound that can be shown and played, or application/octet-stream. */
  mediaType: string;
  /** Bytes. */
  size: number;
  /** Of an image, pixels as its file says, which a viewer that obeys Exif may turn; 0 if unknown. */
  width: number;
  height: number;
  /** Of an image, in Base64: width and height, a byte each, then red, green and blue of each pixel, line by line; '' if there is none. */
  preview: string;
  /** Of a voice message: milliseconds, and how loud it is in equal parts of that, a byte each, in Base64. */
  duration: number;
  waveform: string;
  /** Of a message that is not sent: what keptFile() gives it by, in this browser; '' of others. */
  file: string;
  /** How many bytes of it the server has, while it is uploaded. */
  uploaded: number;
  /** The message that carries it: '{key}/{seq}', or '{key}/{ref}' until that is confirmed. */
  place: string;
}

export interface Conversation {
  key: ConversationKey;
  /** The other user, 0n in a service conversation. */
  peer: ID;
  peerName: string;
  head: ID;
  /** Messages before this seq were deleted by the server, and here; 0n or 1n if none were. */
  min: ID;
  read: ID;
  delivered: ID;
  peerRead: ID;
  peerDelivered: ID;
  unread: ID;
  /** Unix milliseconds since when the other side waits for me; 0 if it does not. */
  waitingSince: number;
  /** Unix milliseconds since when I wait for the other side; 0 if I do not. */
  awaitingSince: number;
  /**
   * The newest message, for a preview: content is cut to 1,024 bytes at most and extend is
   * left out. history() has all of it.
   */
  last: Message | null;
  /** How many of my messages, edits, recalls and reactions are in this browser alone: not sent yet, or refused. */
  unsent: number;
  /** Seq of the first message of the other side that my side has not answered; 0n if none. */
  waitingSeq: ID;
  /** Seq of the first message of my side that the other side has not answered; 0n if none. */
  awaitingSeq: ID;
  /** The rest is of service conversations only. The service type, -1 between two users. */
  service: number;
  /** Whether I am an agent of it, not its customer. */
  agent: boolean;
  /** The customer; 0n between two users. */
  customer: ID;
  /** The agent who has claimed it, 0n for nobody, and that agent's name. */
  assignee: ID;
  assigneeName: string;
  closed: 'open' | 'resolved' | 'no-reply-needed' | 'moved';
  /** Seq and author of the newest answer of an agent; 0n if none. */
  lastAnswer: ID;
  lastAnswerBy: ID;
  /** To agents: rises when a note on it is added or deleted, for notes() to be asked again; 0n if there never was one. */
  notes: ID;
  /** Whether I block the other user; see block(). Between two users only. */
  blocked: boolean;
  /** What I chose for it in my lists, on whatever device; see choose(). */
  pinned: boolean;
  muted: boolean;
  /** Out of the list; false again as soon as something new is written, unless it is muted. */
  archived: boolean;
  /** To be shown as unread although nothing in it is; false as soon as it is read on. */
  markedUnread: boolean;
  /** A group's id; 0n if it is none. Its name is peerName. */
  group: ID;
  /** The attachment that is its picture, for groupPicture(); 0n if it has none. */
  picture: ID;
  /** What I am in the group; '' if I left it or was removed: then head is the last message that I may read. */
  role: string;
  memberCount: number;
  /** How many unread messages of a group mention me. */
  mentions: ID;
}

/** Who is in a group. */
export interface Group {
  key: ConversationKey;
  name: string;
  /** As Conversation.role. */
  role: string;
  /** Who comes reads what was written before. */
  whole: boolean;
  members: Member[];
}

export interface Member {
  user: ID;
  name: string;
  /** 'owner', 'admin' or 'member'. */
  role: string;
  /** As of when the server was asked. */
  online: boolean;
  /** The first message that they may read. */
  from: ID;
  /** Up to where messages were delivered to them and read by them, and when that came so far, Unix milliseconds, 0 if unknown. */
  delivered: ID;
  read: ID;
  deliveredTime: number;
  readTime: number;
}

/** A link by which whoever has it joins a group: the page's address with #/join/{code}. Times are Unix milliseconds, expires 0 if never. */
export interface GroupLink { id: ID; code: string; made: number; expires: number }

/** What search() found. */
export interface Found {
  /** The newest first. */
  hits: Hit[];
  /** There may be more. */
  more: boolean;
  /** What to give as before to have that; 0n if there is no more. */
  next: ID;
  /**
   * Why the server did not answer, so that these are what is stored in this browser; '' if it did, or was not to be asked. The
   * two below are as reasonCode and reasonArgs of Message.
   */
  incomplete: string;
  incompleteCode: string;
  incompleteArgs: string[];
  /** How much of what is stored has been indexed, from 0 to 1: until it is all, as after an update, a search takes longer. */
  indexed: number;
}

export interface Hit {
  message: Message;
  /** Where in content it stands, in order; none if it is in the name of a file. */
  marks: Mark[];
}

/** From start to before end, as slice() counts. */
export interface Mark { start: number; end: number }

export interface SearchOptions {
  /** In one conversation; else in all. */
  key?: ConversationKey;
  sender?: ID;
  kind?: 'picture' | 'file' | 'link';
  /** Unix milliseconds by the server's clock, both included. */
  from?: number;
  to?: number;
  /** The next of what was found before. */
  before?: ID;
  /** false looks through what is stored in this browser alone, which takes no time on the way; true if it is not given. */
  server?: boolean;
  /** 1 to 500, else 20. */
  limit?: number;
  /** Ends the search, whose promise is then rejected with the signal's reason. */
  signal?: AbortSignal;
}

export interface Timeline {
  key: ConversationKey;
  /** In the order to show. */
  messages: Message[];
  /** Older messages exist before the first. */
  more: boolean;
  /** Older messages exist that could not be had now, and why; '' if not so. */
  incomplete: string;
  /** These two are as reasonCode and reasonArgs of Message. */
  incompleteCode: string;
  incompleteArgs: string[];
}

export interface Connection {
  state: 'connecting' | 'live' | 'offline' | 'signed-out';
  /** Unix milliseconds. */
  since: number;
  /** When the next attempt begins, Unix milliseconds; 0 if none is planned. */
  next: number;
  /** Why it is not live, for the person to read; '' if it is. */
  reason: string;
  /** These two are as those of Message. */
  reasonCode: string;
  reasonArgs: string[];
  /** Conversations that are stored in this browser are still being loaded: conversations events tell of more of them. */
  opening: boolean;
  /**
   * Milliseconds by which the server's clock is ahead of this device's, as that is set when this is told; it is
   * told again when that is set. For display only.
   */
  serverOffset: number;
  /** How many conversations have come of a list that is long in coming, as on a new device; 0 if none is. */
  loading: number;
  /**
   * Why this browser keeps nothing of the chat, or nothing new until there is room and its storage works, for the
   * person to read; '' if it keeps it. The chat works all the same, and what was not confirmed is lost when the last page of it is closed.
   */
  memoryOnly: string;
  /** As reasonCode of Message. */
  memoryOnlyCode: string;
}

/** What others see of the user. All but away are true until the user chooses otherwise. */
export interface Settings {
  /** That the user types, to whom they have written to. */
  shareTyping: boolean;
  /** Whether and when the user was here, to whom they have written to. */
  sharePresence: boolean;
  /** That users() finds the user; those who share a conversation with the user find them anyway. */
  listed: boolean;
  /** As an agent: not to be given further conversations. Claims are refused meanwhile. False until chosen. */
  away: boolean;
  /**
   * Another number whenever a device of the user's signed in or was signed out: ask devices() which there are.
   * 0n if there is none. Told by the server, never chosen.
   */
  devices: ID;
}

/** Whether all that the user may read is fetched and kept in this browser. */
export interface Keeping {
  /** off: what was seen is kept, and the newest page of each conversation. paused: it goes on where it was, once it is on. */
  state: 'off' | 'on' | 'paused';
  /** How many messages of all are here. */
  kept: number;
  all: number;
  /** Of what was seen, how many days old messages may be that stay here, and how many bytes they may take, about; 0: as may be. */
  days: number;
  bytes: number;
}

/** What the messages of a conversation take in this browser. */
export interface Stored {
  key: ConversationKey;
  messages: number;
  /** About. */
  bytes: number;
}

/** What the user wants of one conversation in their own lists. */
export interface Choice {
  /** Before those that are not. */
  pinned?: boolean;
  /** Nothing new in it calls the user. */
  muted?: boolean;
  /** Out of the list until something new is written or, while it is muted, for good. */
  archived?: boolean;
  /** To be shown as unread, until it is read on. */
  markedUnread?: boolean;
}

/** What an agent wrote about a conversation for those who answer for the service. Its customer gets nothing of it. */
export interface Note {
  id: ID;
  /** The entry behind which it stands, 0n for the beginning. */
  after: ID;
  author: ID;
  authorName: string;
  /** Unix milliseconds by the server's clock. */
  time: number;
  content: string;
}

/** A canned reply of a service. Its content may hold placeholders in braces, as {customer}, which whoever uses it fills in. */
export interface Reply {
  id: ID;
  /** Another one after each change. */
  version: string;
  title: string;
  content: string;
}

/** What agents are shown of a customer. Times are Unix milliseconds, 0 if unknown. */
export interface Customer {
  id: ID;
  name: string;
  firstSeen: number;
  lastSeen: number;
  /**
   * Those with the services that the agent answers for: one with each. messages is how many the customer wrote, began when the
   * oldest entry that is kept was, 0 if none is, time when the newest.
   */
  conversations: {
    key: ConversationKey; service: number; messages: number; began: number; time: number; closed: Conversation['closed'];
    assignee: ID; assigneeName: string; waitingSince: number;
  }[];
  /** The newest extend that the customer's messages carried: JSON text of whoever wrote it, '' if none did. */
  extend: string;
}

/** New or changed messages of one conversation, see Options.messages. */
export interface MessageChanges {
  key: ConversationKey;
  messages: Message[];
  /** Refs of unconfirmed ones that were deleted. */
  gone: string[];
}

/** That somebody types, or has stopped. */
export interface Typing {
  key: ConversationKey;
  user: ID;
  active: boolean;
}

/** Whether somebody is here. */
export interface Presence {
  user: ID;
  online: boolean;
  /** Unix milliseconds, 0 if unknown. */
  lastSeen: number;
}

/** Where the user is signed in: mostly a profile of a browser. */
export interface Device {
  id: ID;
  /** As who signed in there called it; may be empty. */
  label: string;
  /** When the user signed in there, and when it was seen, up to ten minutes too early; Unix milliseconds by the server's clock. */
  created: number;
  seen: number;
  /** Whether it is connected. */
  online: boolean;
  /** Whether it is this one. */
  current: boolean;
}

export interface Options {
  /**
   * The user's token, or a function that gives one. It is called again, with the token that a fresh one
   * should replace, when half the life of that is over by the server's clock, whatever this device's
   * says, and when the server does not take it.
   */
  token: string | ((stale?: string) => string | Promise<string>);
  /**
   * Address of the Parley server, with the path under which it is, as in https://example.com/chat.
   * Default: where this module came from, which must be of the page's own origin, as a browser runs
   * no worker of another. A page of another site serves Parley's files itself and names the server
   * here, and the server names that site in -origins.
   */
  server?: string | URL;
  /**
   * What messages events tell of in conversations whose history was not asked for in this browser: 'all', the default, or
   * 'newest' for a page that shows no more than its list of such ones. It is told ten times a second at most of what
   * changed in the list alone and, of many that come at once, of those that one wrote oneself, that people did not write, and
   * the newest 16; head and unread of the conversation count all. Another page of the user's in this browser may have it told of more.
   */
  messages?: 'all' | 'newest';
}

/** Events of Parley; each is a CustomEvent with this detail. */
export interface ParleyEventMap {
  messages: CustomEvent<MessageChanges>;
  /** New or changed conversations. */
  conversations: CustomEvent<Conversation[]>;
  connection: CustomEvent<Connection>;
  typing: CustomEvent<Typing>;
  presence: CustomEvent<Presence>;
  /** Who is in a group, or how far they have read, once that was asked for or a group is shown. */
  group: CustomEvent<Group>;
  /** What the user has chosen, here or on another device. */
  settings: CustomEvent<Settings>;
  /** How far it has come that everything is kept here: once it is known, and whenever that changed. See keep(). */
  keeping: CustomEvent<Keeping>;
  /** A fresh token says something else of the user: another name, other services. */
  user: CustomEvent<User>;
  /** Everything shown is void (another history, or a restarted engine): ask for it again. */
  reset: CustomEvent<null>;
  /** Something went wrong that no call answers, in words for a person; the engine goes on or restarts by itself. */
  error: CustomEvent<Error>;
}

/** An error with the server's or engine's reason. */
export class ParleyError extends Error {
  /** MQTT reason code or HTTP status; 0 if neither. 0x83 from send(): another agent answered meanwhile. */
  readonly code: number;
  /** A word for the sentence, for pages that say it in another language; '' if it has none. */
  readonly reasonCode: string;
  /** What the sentence speaks of, in its order: numbers in decimal, durations in seconds. */
  readonly reasonArgs: string[];
  constructor(message: string, code?: number, options?: ErrorOptions & { reasonCode?: string; reasonArgs?: string[] });
}

/** Makes a client_ref, 32 hex digits, for send(). */
export function newRef(): string;

/** Registers a guest. With an agent invite, the guest is an agent. device is a label for where this is, 64 bytes at most. */
export function signInAsGuest(name: string, options?: { server?: string | URL; invite?: string; device?: string }):
  Promise<{ id: ID; name: string; token: string }>;

/**
 * Signs in as who made a link code or a recovery code, which is used up by that. With endOthers all of the user's
 * other devices are signed out. recovered says that it was a recovery code: a new one can be made now.
 */
export function signInWithCode(code: string, options?: { server?: string | URL; device?: string; endOthers?: boolean }):
  Promise<{ id: ID; name: string; token: string; recovered: boolean }>;

/** Gives a new token for the user and device of a token that is still valid; one that names no device gets one of that label. */
export function renewToken(token: string, options?: { server?: string | URL; device?: string }): Promise<string>;

/** A service that customers can write to. */
export interface Service {
  number: number;
  /** What it is called, and how it greets who has not written yet, by language (BCP 47); no name where the page has its own. */
  name: Record<string, string>;
  greeting: Record<string, string>;
  /** Whether somebody answers now. Messages are taken at any time. */
  open: boolean;
  /** When that changes, Unix milliseconds; 0 if never. */
  changes: number;
}

/** The services that customers can write to, in the order in which to show them; nobody need be signed in. */
export function services(options?: { server?: string | URL }): Promise<Service[]>;

/** The key of the conversation between two users. */
export function directKey(a: ID, b: ID): ConversationKey;

/** The key of the conversation between a customer and a service. */
export function serviceKey(customer: ID, service: number): ConversationKey;

/** The key of a group. */
export function groupKey(group: ID): ConversationKey;

/** Merges changed messages into a list as it is to be shown; returns a new list. */
export function mergeMessages(list: Message[], changed: Message[], gone?: string[]): Message[];

/**
 * Begins to load the engine before connect() is called; what fails is told there.
 * To be called as early as the page can, and at most once. progress is called, once
 * connect() was, with how many bytes of the engine's program have come, and of how many;
 * 0 if that is unknown. An engine that another tab began tells none.
 */
export function prepare(options?: { progress?: (received: number, total: number) => void }): void;

/**
 * Opens the engine for the token's user. Resolves as soon as what is stored in
 * this browser can be read, online or not.
 */
export function connect(options: Options): Promise<Parley>;

export interface Parley extends EventTarget {
  /** As the newest token says. */
  readonly user: User;
  /** As of the last connection event. */
  readonly connection: Connection;
  /** As of the last settings event; null until the server told. */
  readonly chosen: Settings | null;
  /**
   * Sends to a user (by id) or into a conversation (by key). Resolves with the
   * pending message once it is stored in this browser: from then on it will be
   * sent, whatever happens to tab, network and server. If the engine ends before
   * it answers, the next one is given the same message, which is sent once
   * however often that happens; rejects after three engines or a minute, when
   * nobody can tell whether it was stored. seen: the highest
   * contiguous seq on the author's screen. type other than 'text' makes a
   * control entry, whose content may be empty; target is the agent of a
   * hand-over, or the number of the service of a move. An answer of an agent who had not seen another agent's newer one
   * is refused with code 0x83, unless anyway is set. ref is the message's
   * client_ref, of newRef(): what is sent again with the same one, from whatever
   * page, is the same message, and stored once. quote is the seq of the message that it quotes. mentions are members
   * of the group whom it asks, 0n for everyone (owner and admins). files are what an 'image', 'file' or 'voice' carries,
   * 10 at most, new ones or those of another message, passed on: they are kept in this browser and uploaded, and then the
   * message is sent, and those behind it. content is the caption then, and may be ''.
   */
  send(to: ID | ConversationKey, content: string, options?: {
    seen?: ID; type?: EntryType; target?: ID; extend?: string; anyway?: boolean; ref?: string; quote?: ID; mentions?: ID[];
    files?: (NewFile | Attachment)[];
  }): Promise<Message>;
  /**
   * Changes what a message of mine says. Resolves once that is stored in this browser: like a message, it is sent
   * whatever happens. Shown at once, with changing set; if the server refuses it, as it does some time after the
   * message was sent (-edit-window, 24 hours), a refused 'edit' says why, for retry() or discard(). A message that was
   * not sent yet is changed before it is.
   */
  edit(message: Message, content: string, options?: { seen?: ID }): Promise<void>;
  /**
   * Takes a message of mine back or, as an agent, a colleague's answer: everywhere nothing is left of it but that there
   * was one. As edit(); one that was not sent yet is not sent.
   */
  recall(message: Message, options?: { seen?: ID }): Promise<void>;
  /** Answers a message with an emoji, in the place of mine before; with '' takes it back. As edit(). */
  react(message: Message, emoji: string, options?: { seen?: ID }): Promise<void>;
  /** One message, from this browser, else from the server; null if it is not there, or was deleted. */
  message(key: ConversationKey, seq: ID): Promise<Message | null>;
  /** Sends a refused message again; seen as in send(). */
  retry(ref: string, options?: { seen?: ID }): Promise<void>;
  /** Deletes a refused message, or one whose files are not uploaded yet. */
  discard(ref: string): Promise<void>;
  /** Lets the upload of a message's files rest, and with it the message and those behind it, or go on. */
  pause(ref: string, paused: boolean): Promise<void>;
  /**
   * The content of an attachment, of the type that the server found it to be: from this browser, which keeps some
   * 200 MiB of them until their message is taken back, else from the server. Without keep, which is true if it is not
   * given, what comes from the server is not kept.
   */
  attachment(attachment: Attachment, options?: { keep?: boolean }): Promise<Blob>;
  /** How large a file may be, in bytes, and how many go with one message. */
  uploadLimits(): Promise<{ largest: number; files: number }>;
  /**
   * The newest messages before a seq (0n: the newest of all), from this browser, else from the server. The conversation
   * is then taken for the one on this page's screen, which stays in this browser whatever makes room, unless aside says
   * that nobody looks at them, as where all is exported.
   */
  history(key: ConversationKey, options?: { before?: ID; limit?: number; aside?: boolean }): Promise<Timeline>;
  /**
   * The seq of the first entry that was created at a time or later, Unix milliseconds by the server's clock; 0n if none
   * was. Where the server cannot be reached, of those that are kept in this browser.
   */
  seqAt(key: ConversationKey, time: number): Promise<ID>;
  /**
   * Messages that are kept in this browser, the newest first: those in which each word of the query begins some word,
   * and what has no spaces between words, as Chinese, Japanese, Korean and Thai, stands somewhere. Case, accents and
   * width do not matter. The query is 256 bytes at most, and may be '' if a sender or kind is given.
   */
  search(query: string, options?: SearchOptions): Promise<Found>;
  /**
   * All conversations, the pinned ones first, then the most recently active. With opening it does not wait for those
   * that are still being loaded, and gives the first of these lists, and maybe more.
   */
  conversations(options?: { opening?: boolean }): Promise<Conversation[]>;
  /** Raises the read watermark: everything up to seq was on the screen. */
  markRead(key: ConversationKey, seq: ID): Promise<void>;
  /** Tells the other side that the user types, or has stopped. */
  typing(key: ConversationKey, active: boolean): void;
  /** Chooses what others see of me; what is left out stays as it is. */
  settings(choice: Partial<Omit<Settings, 'devices'>>): Promise<void>;
  /** As the last keeping event told. */
  readonly keeping: Keeping;
  /**
   * Chooses for this browser whether all that the user may read is fetched and kept here: in the background, a page at a
   * time while nothing else is fetched, also after a reload, and once there are new conversations, of those. While it is
   * off, limits say how much of what was seen stays: what is older than so many days goes, and then what is beyond so many
   * bytes, of the conversations that were opened longest ago first, pinned ones last. The newest page of each conversation
   * stays, what is on a screen and what was not sent. What is left out, or 0, is no limit.
   */
  keep(state: Keeping['state'], limits?: { days?: number; bytes?: number }): Promise<void>;
  /** Which conversations take most in this browser, 20 at most, the largest first, of those of which evict() would take something out. */
  stored(): Promise<Stored[]>;
  /**
   * Takes what is stored of a conversation out of this browser, but its newest page, and all attachments. The server has
   * it, and it is fetched again where somebody scrolls. keep() is paused by that, as it would fetch it, too.
   */
  evict(key: ConversationKey): Promise<void>;
  /**
   * Blocks a user, on all of my devices, 1,000 at most: neither's messages are taken,
   * each is refused with words, and neither sees of the other who is here, types or is
   * found. What was written stays. Whom I block shows in conversations(), where
   * blocked is set, also of one without messages.
   */
  block(user: ID): Promise<void>;
  /** Undoes block(). */
  unblock(user: ID): Promise<void>;
  /** Chooses how a conversation stands in my lists, on all of my devices; what is left out stays as it is. */
  choose(key: ConversationKey, choice: Choice): Promise<void>;
  /**
   * Finds people by name or id, at most 50, by name, as far as the server (-people) and
   * they themselves (Settings.listed) let them be found. With a service, which only
   * agents may give, it finds those who answer for it.
   */
  users(query: string, options?: { service?: number }): Promise<Person[]>;
  /** Changes the user's name, for everybody and on all of the user's devices; user events tell when this page knows. */
  rename(name: string): Promise<void>;
  /**
   * Where the user is signed in, and when the recovery code was made, Unix milliseconds; 0 if there is none.
   * This and what follows is for tokens that the server mints; of others it can refuse all (endDevices).
   * mints is whether it does: where not, rename() and the codes are refused.
   */
  devices(): Promise<{ devices: Device[]; recoveryMade: number; mints: boolean }>;
  /** Signs one device out, at once; by default this one. What a browser keeps stays there until it hears of it. */
  endDevice(id?: ID): Promise<void>;
  /** Signs out everywhere, or with others everywhere else. */
  endDevices(options?: { others?: boolean }): Promise<void>;
  /** Makes the code that signs in another device, once, until expires, by the server's clock; the newest replaces those before. */
  linkCode(): Promise<{ code: string; expires: number }>;
  /** Makes the code that signs in once when all else is lost. The server keeps only its hash: it is never told again. */
  recoveryCode(): Promise<string>;
  /**
   * The notes on a conversation of a service that I answer for, the oldest first. Conversation.notes rises when
   * they change. A note has 4,000 characters at most, and a conversation 200 of them.
   */
  notes(key: ConversationKey): Promise<Note[]>;
  /** Adds one, behind an entry (the newest, if none is named). With a ref, of newRef(), a repeat is the same note. */
  addNote(key: ConversationKey, content: string, options?: { after?: ID; ref?: string }): Promise<Note>;
  /** Deletes a note of mine. */
  deleteNote(key: ConversationKey, id: ID): Promise<void>;
  /** The canned replies of a service that I answer for, by title, 200 at most; and which placeholders there are. */
  replies(service: number): Promise<{ replies: Reply[]; placeholders: string[] }>;
  /**
   * Adds one (80 characters of title, 4,000 of content at most) or, with an id, changes it; refused with code 412
   * if its version is another by now, that is, if a colleague changed it meanwhile.
   */
  putReply(service: number, reply: Partial<Reply> & { title: string; content: string }): Promise<Reply>;
  /** Deletes one; refused as putReply(). */
  deleteReply(service: number, reply: Reply): Promise<void>;
  /**
   * Makes a group with other users, of which I am the owner, and returns its key. With whole, who comes later reads
   * what was written before. With a ref, of newRef(), a repeat is the same group.
   */
  createGroup(name: string, options?: { members?: ID[]; whole?: boolean; ref?: string }): Promise<ConversationKey>;
  /** Who is in a group. */
  group(key: ConversationKey): Promise<Group>;
  /** As the group's owner or one of its admins. */
  renameGroup(key: ConversationKey, name: string): Promise<void>;
  /** As renameGroup: gives the group a picture, of 256 KiB at most, or with null takes it away. */
  setGroupPicture(key: ConversationKey, picture: Blob | null): Promise<void>;
  /** A group's picture, to its members: from this browser, which keeps it until it has another, else from the server. */
  groupPicture(key: ConversationKey, picture: ID): Promise<Blob>;
  addMembers(key: ConversationKey, users: ID[]): Promise<void>;
  removeMember(key: ConversationKey, user: ID): Promise<void>;
  /** As its owner: 'admin', 'member', or 'owner', which makes me an admin. */
  changeRole(key: ConversationKey, user: ID, role: 'owner' | 'admin' | 'member'): Promise<void>;
  leaveGroup(key: ConversationKey): Promise<void>;
  /** As its owner or one of its admins: the links that count, the newest first. */
  groupLinks(key: ConversationKey): Promise<GroupLink[]>;
  /** Makes one that counts for some seconds; 0: until it is withdrawn. */
  addGroupLink(key: ConversationKey, lasts: number): Promise<GroupLink>;
  deleteGroupLink(key: ConversationKey, id: ID): Promise<void>;
  /** The group to which a link's code leads. */
  linkedGroup(code: string): Promise<{ key: ConversationKey; name: string; members: number }>;
  /** Lets me into it. */
  joinGroup(code: string): Promise<ConversationKey>;
  /** What is known of a customer of a service that I answer for. */
  customer(id: ID): Promise<Customer>;
  /**
   * Ends the engine for all pages of the user in this browser and deletes what it keeps of the chat: the history,
   * and what was not sent. To be called at signing out; this Parley is closed then.
   */
  forget(): Promise<void>;
  /** Tries to connect now instead of waiting. */
  tryNow(): void;
  /** Detaches this page; the engine goes on for other tabs. */
  close(): void;
  addEventListener<K extends keyof ParleyEventMap>(type: K, listener: (event: ParleyEventMap[K]) => void, options?: boolean | AddEventListenerOptions): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions): void;
  removeEventListener<K extends keyof ParleyEventMap>(type: K, listener: (event: ParleyEventMap[K]) => void, options?: boolean | EventListenerOptions): void;
  removeEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | EventListenerOptions): void;
}
