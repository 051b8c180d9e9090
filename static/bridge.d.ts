/**
 * What pages, the worker host (engine.js) and the Go program say to each other.
 * `make bridge` generates wasm/bridge/protocol.go from this file and parley.d.ts,
 * so that each shape is described here and nowhere else.
 *
 * Bytes in either direction are one value in the format of wasm/bridge/wire.go,
 * so each command, answer and batch of events crosses between Go and JavaScript
 * once, and ids pass as 64 bits.
 */
import type { Connection, Conversation, ConversationKey, EntryType, Found, Group, ID, Message, ParleyEventMap, Stored, Timeline } from './parley.d.ts';

/** What the program finds in globalThis.parleyHost, set before it starts. It uses no other global, and sets none. */
export interface Host {
  /** The program is ready. Called once. */
  start(program: Program): void;
  /** The program's start came this far; see marks.js. */
  mark(name: 'main' | 'store opened' | 'store loaded'): void;
  /** Sends bytes to the pages at these ports. The host owns bytes from now on. */
  post(bytes: Uint8Array, ...ports: number[]): void;
}

/**
 * The program, as the host sees it. A panic of any of its goroutines ends it with
 * its words on standard error and exit code 2: the host tells the pages, and
 * starts it again.
 */
export interface Program {
  /** A page sent bytes. Returns at once; the program copies bytes before. */
  receive(port: number, bytes: Uint8Array): void;
  /** The page at a port is gone. */
  detach(port: number): void;
  /** Ends all engines, then the program, with exit code 0. */
  stop(): void;
}

/** Unix milliseconds by the server's clock, 0 if unknown. */
export type Time = number;

/** A client_ref as 32 hex digits, which the page makes when Send is pressed. */
export type Ref = string;

/** The numbers of the services that a user answers for. */
export type Services = number[];

/**
 * What a message is to carry, as Attachment, but that one that is not uploaded has the id 0n, and stands under key
 * in kept-files.js, where the page put it before. At most 10.
 */
export type Files = {
  key: string; id: ID; name: string; mediaType: string; size: number; width: number; height: number; preview: Uint8Array; duration: number; waveform: Uint8Array;
}[];

/**
 * What a page asks for, each as {id, op, …}: the number of the call, chosen by the
 * page, the name below, and its fields. Every command gets exactly one Answer or Refusal.
 */
export interface Commands {
  /**
   * Comes first; a port that attaches again is asked for nothing it had before. server is an address without a slash at the
   * end. newest is Options.messages.
   */
  attach(fields: { protocol: number; user: ID; server: string; token: string; name: string; services: Services; issued: Time; expires: Time; newest?: boolean }): Connection;
  /**
   * The message itself crosses once, to all pages of the user: in a messages event that comes before the answer.
   * repeat says that another program, or this one, may have been given this send before, and the page got no
   * answer; the event tells what became of it.
   */
  send(fields: { key: ConversationKey; content: string; seen: ID; type: EntryType; target: ID; extend: string; anyway: boolean; ref: Ref; repeat: boolean; quote?: ID; mentions: ID[]; files: Files }): null;
  /**
   * An edit, recall or react: of is the seq of the message that it speaks of or, if that is 0n, ofRef the ref of one that
   * was not confirmed.
   */
  revise(fields: { key: ConversationKey; type: EntryType; content: string; of: ID; ofRef: string; seen: ID; ref: Ref }): null;
  message(fields: { key: ConversationKey; seq: ID }): Message | null;
  retry(fields: { ref: string; seen: ID }): null;
  discard(fields: { ref: string }): null;
  pause(fields: { ref: string; paused: boolean }): null;
  /** aside says that nobody looks at what is asked for. */
  history(fields: { key: ConversationKey; before: ID; limit: number; aside?: boolean }): Timeline;
  /** 0 and '' where an option was left out. */
  search(fields: { text: string; key: string; sender: ID; kind: string; from: number; to: number; before: ID; limit: number; server: boolean }): Found;
  /** Ends the search of a call of this page, which then gets a refusal. */
  endSearch(fields: { call: number }): null;
  conversations(fields: {}): Conversation[];
  group(fields: { key: ConversationKey }): Group;
  read(fields: { key: ConversationKey; seq: ID }): null;
  typing(fields: { key: ConversationKey; active: boolean }): null;
  settings(fields: { shareTyping?: boolean; sharePresence?: boolean; listed?: boolean; away?: boolean }): null;
  keep(fields: { state: string; days: number; bytes: number }): null;
  stored(fields: {}): Stored[];
  evict(fields: { key: ConversationKey }): null;
  block(fields: { user: ID; blocked: boolean }): null;
  choose(fields: { key: ConversationKey; pinned?: boolean; muted?: boolean; archived?: boolean; markedUnread?: boolean }): null;
  /** Ends the user's engine for all pages and deletes what the browser keeps of the chat. The answer is the last that comes. */
  forget(fields: {}): null;
  wake(fields: {}): null;
  /** Answers a token event; an empty token declines. The rest is what the token says. */
  token(fields: { token: string; name: string; services: Services; issued: Time; expires: Time }): null;
}

export interface Answer { id: number; value: any }

/** code is an MQTT reason code, or 0; reasonCode and reasonArgs are as in ParleyError. */
export interface Refusal { id: number; error: string; code: number; reasonCode: string; reasonArgs: string[] }

/**
 * What happens by itself reaches all ports of the user as an array of these, with the
 * names and details of ParleyEventMap, error's being a Failure. Two come alone and to
 * one port: error for a command that cannot be read, and token, which asks that page
 * for a token command, with the token that a fresh one should replace.
 */
export interface Event { event: keyof ParleyEventMap | 'token'; detail: any }

export interface Failure { message: string; code: number; reasonCode: string; reasonArgs: string[] }
