// @ts-check
// Every text of the page, in one catalogue, so that other languages can follow.
// The names of text boxes, buttons and lists in it are what tests and assistive
// technology hold on to.

/** The locale of dates and times: the person's own region where it speaks the catalogue's language. */
export const locale = navigator.language.startsWith('en') ? navigator.language : 'en-GB';

/** @param {number} n @param {string} one @param {string} many */
const plural = (n, one, many) => (n === 1 ? one : many);

export const t = {
  product: 'Parley',
  /** @param {number} unread */
  title: unread => (unread > 0 ? `(${unread}) Parley` : 'Parley'),

  // Signing in
  tagline: 'Talk to somebody. Nothing gets lost.',
  yourName: 'Your name',
  start: 'Start',
  starting: 'Starting…',
  nameMissing: 'Please enter a name.',
  toSomebody: 'You were sent a link. Tell your name, and you can write to the person who sent it.',
  asAgent: 'You were invited to answer as an agent.',
  inviteCode: 'Invite code',
  /** @param {string} reason */
  signInFailed: reason => `That did not work: ${reason}`,
  loadingProgram: 'Loading Parley…',
  /** @param {number} percent */
  loadedOfProgram: percent => `Loading Parley… ${percent} %`,
  serverAway: 'the server cannot be reached. Check the connection and try again.',
  signInNote: 'No account, no password. This browser keeps your sign-in.',
  signInNoteUnkept: 'No account, no password. This browser keeps nothing of this site: you are signed in until you close or reload this page.',
  /** @param {string} name */
  inviteWhileSignedIn: name => `You are signed in as ${name} already. To use the invite, open it in another browser profile.`,

  // Starting
  /** @param {string} reason */
  startFailed: reason => `Parley could not start: ${reason}`,
  tryAgain: 'Try again',
  startOver: 'Start as somebody new',
  startOverHint: 'Nobody else can prove to be you, so Parley cannot sign you in again: who starts anew is a new person to others, and does not see these conversations.',
  /** @param {string} reason */
  signedOut: reason => (reason ? `You are signed out: ${reason}` : 'You are signed out.'),

  // What is not kept
  /** @param {string} reason */
  nothingKept: reason => `Nothing is kept in this browser. ${sentence(reason)} You are signed in until this page is closed or reloaded, and what was not sent by then is lost.`,
  identityNotKept: 'it does not remember who is signed in; allow it to keep site data',
  /** @param {string} reason */
  messagesNotKept: reason => `No messages are kept in this browser. ${sentence(reason)} What was not sent is lost when the last page of this site is closed.`,

  // Another version
  newVersion: 'A new version is ready.',
  reload: 'Reload',
  later: 'Later',

  // Connection
  connection: {
    connecting: 'Connecting…',
    live: 'Connected',
    offline: 'Offline',
    'signed-out': 'Signed out',
  },
  /** @param {number} count */
  loadingConversations: count => `Loading conversations: ${count.toLocaleString('en')}`,
  /** @param {number} seconds */
  nextTry: seconds => `, next try in ${seconds} s`,
  tryNow: 'Try now',
  details: 'Details',
  /** @param {string} reason */
  offlineNote: reason => `${reason ? sentence(reason) + ' ' : ''}What you write is kept and sent as soon as you are online.`,

  // Left pane
  copyLink: 'Copy my link',
  copied: 'Copied',
  copyByHand: 'Copying is not allowed here. Select the link and copy it by hand.',
  yourLink: 'People open this link to write to you',
  findPerson: 'Find a person',
  clearSearch: 'Clear search',
  people: 'People',
  searching: 'Searching…',
  /** @param {string} query */
  nobodyFound: query => `Nobody is called “${query}”.`,
  /** @param {string} reason */
  searchFailed: reason => `The search did not work: ${reason}`,
  conversations: 'Conversations',
  noConversations: 'No conversations yet',
  noConversationsHint: 'Send somebody your link, or find a person by name.',
  /** @param {number} n */
  unread: n => `${n} ${plural(n, 'unread message', 'unread messages')}`,
  you: 'You',
  youPrefix: 'You: ',
  showMore: 'Show more',
  showLess: 'Show less',

  // Right pane
  nothingChosen: 'Choose a conversation',
  nothingChosenHint: 'Pick one on the left, find a person by name, or send somebody your link.',
  back: 'Back to conversations',
  /** @param {string} name */
  messagesWith: name => `Messages with ${name}`,
  noMessages: 'No messages yet',
  /** @param {string} name */
  noMessagesHint: name => `Say hello to ${name}.`,
  /** @param {string} digits */
  user: digits => `User ${digits}`,
  badLink: 'This link does not work',
  badLinkHint: 'A part of it is missing, or was changed on the way. Ask whoever sent it to send it again, and open or copy all of it.',
  notYours: 'This conversation is not yours to read',
  /** @param {string} service */
  notYoursHint: service => `It is between one customer and those who answer for ${service}, and you are signed in as neither. You can write to ${service} yourself:`,
  ownLink: 'This is your own link',
  ownLinkHint: 'Send it to somebody: whoever opens it can write to you.',

  // Customer service
  customerService: 'Customer service',
  /** Two people, or a person and a service, have names that look alike. @param {string} name @param {string} digits the last of the id */
  namesake: (name, digits) => `${name} (…${digits})`,
  services: ['General', 'Sales', 'Support', 'Billing', 'Delivery', 'Returns', 'Complaints'],
  /** @param {string} digits */
  agent: digits => `Agent ${digits}`,
  queue: 'Queue',
  /** @param {number} n */
  waitingCount: n => (n === 0 ? 'Nobody waits' : `${n} waiting`),
  filter: 'Show in the queue',
  filters: { mine: 'Mine', unclaimed: 'Unclaimed', all: 'All' },
  queueEmpty: 'Nothing here',
  queueEmptyHint: 'Customers who write to your services appear here by themselves.',
  unclaimed: 'Unclaimed',
  /** @param {string} name */
  claimedBy: name => `Claimed by ${name}`,
  byYou: 'you',
  resolved: 'Resolved',
  closed: { open: '', resolved: 'Resolved', 'no-reply-needed': 'No reply needed' },
  acts: {
    claim: 'Claim', release: 'Release', 'hand-over': 'Hand over', resolve: 'Resolve', reopen: 'Reopen',
    'no-reply-needed': 'No reply needed',
  },
  actions: 'What to do with this conversation',
  /** Why a control entry was refused. @type {Record<string, (reason: string) => string>} */
  refusedActs: {
    claim: reason => `Not claimed: ${reason}`,
    release: reason => `Not released: ${reason}`,
    'hand-over': reason => `Not handed over: ${reason}`,
    resolve: reason => `Not resolved: ${reason}`,
    reopen: reason => `Not reopened: ${reason}`,
    'no-reply-needed': reason => `Not marked as needing no reply: ${reason}`,
  },
  internalNote: 'Internal note',
  /** @param {string} who */
  noteBy: who => `Internal note, ${who}`,
  notePlaceholder: 'Only agents will read this note',
  findAgent: 'Find an agent',
  /** @param {string} name */
  handOverTo: name => `Hand over to ${name}`,
  noAgentFound: 'No other agent of this service has this name.',
  noAgents: 'Nobody else answers for this service.',
  cancel: 'Cancel',
  answeredMeanwhile: 'Another agent answered meanwhile',
  answeredMeanwhileHint: 'You had not seen this answer when you pressed Send. Your text has not gone out.',
  answeredMeanwhileUnknown: 'The answer is not on this page yet. Your text has not gone out.',
  sendAnyway: 'Send anyway',
  backToEditing: 'Back to editing',

  // Control entries in the log. Who did it is a name, "You" in front and "you" behind.
  /** @param {string} who */
  claimed: who => `${who} claimed`,
  /** @param {string} who */
  released: who => `${who} released`,
  /** @param {string} target @param {string} who */
  handedOver: (target, who) => `Handed over to ${target} by ${who}`,
  /** @param {string} who */
  resolvedBy: who => `Resolved by ${who}`,
  /** @param {string} who */
  reopenedBy: who => `Reopened by ${who}`,
  /** @param {string} who */
  neededNoReply: who => `${who} marked: no reply needed`,

  // Who waits, and who is here
  /** @param {string} lasting */
  owing: lasting => `Waiting for your answer for ${lasting}`,
  /** @param {string} name @param {string} since */
  awaiting: (name, since) => `Waiting for ${name} since ${since}`,
  /** In a list. @param {string} lasting */
  waitingBriefly: lasting => `Waiting ${lasting}`,
  /** @param {string} since */
  waitsSince: since => `waiting since ${since}`,
  lessThanMinute: 'less than a minute',
  /** @param {number} n */
  minutes: n => `${n} min`,
  /** @param {number} n */
  hours: n => `${n} h`,
  /** @param {number} n */
  days: n => `${n} ${plural(n, 'day', 'days')}`,
  online: 'online',
  /** @param {string} when */
  lastSeen: when => `last seen ${when}`,
  typingBrief: 'typing…',

  // Settings
  notify: 'Notify me on this device',
  notifyDenied: 'Your browser does not let Parley notify you. Allow notifications for this site in the browser’s settings, then switch them on again.',
  settings: 'Settings',
  shareTyping: 'Show when I type',
  sharePresence: 'Show when I am here',
  listed: 'Let people find me',
  /** @param {string} reason */
  notChanged: reason => `The setting was not changed: ${reason}`,

  // What one can do with a conversation
  more: 'More',
  conversationActs: {
    'mark-read': 'Mark as read', 'mark-unread': 'Mark as unread', pin: 'Pin', unpin: 'Unpin', mute: 'Mute', unmute: 'Unmute',
    archive: 'Archive', unarchive: 'Take out of the archive', block: 'Block', unblock: 'Unblock',
  },
  /** @param {string} reason */
  notDone: reason => `That did not work: ${reason}`,
  pinned: 'Pinned',
  muted: 'Muted',
  markedUnread: 'Marked as unread',
  archived: 'Archived',
  /** @param {number} n */
  archivedCount: n => `Archived (${n.toLocaleString('en')})`,
  allConversations: 'All conversations',
  /** @param {string} name */
  blockMeans: name => `You and ${name} can no longer write to each other, nor see when the other is here.`,
  /** @param {string} name */
  youBlock: name => `You have blocked ${name}. Neither of you can write.`,

  // Messages
  message: 'Message',
  /** @param {string} name */
  messagePlaceholder: name => `Write to ${name}`,
  send: 'Send',
  /** What stands where a message shows nothing. */
  emptyMessage: 'Empty message',
  noFiles: 'Files and pictures cannot be sent yet. Write what is in them, or send a link to them.',
  nothingToSend: 'There is nothing to see in this message. Write something.',
  /** @param {string} reason */
  notSent: reason => `The message was not sent: ${reason}`,
  states: {
    pending: 'Waiting to be sent',
    sent: 'Sent, unread',
    delivered: 'Delivered, unread',
    read: 'Read',
    refused: 'Refused',
    received: '',
  },
  /** What stands beside one's newest messages. */
  receipts: { unread: 'Unread', read: 'Read' },
  /** @param {string} state @param {string} time */
  stateSince: (state, time) => `${state}. Written ${time}`,
  /** The steps of a message on its way, and how each reads with the time at which it was taken. */
  steps: { sent: 'Sent', delivered: 'Delivered', read: 'Read' },
  /** @param {string} step @param {string} time */
  stepAt: (step, time) => `${step} ${time}`,
  /** @param {string} reason */
  refused: reason => (reason ? `Not sent: ${reason}` : 'Not sent.'),
  /** @param {string} reason */
  held: reason => `Not sent yet, and tried again by itself: ${reason}`,
  sendAgain: 'Send again',
  delete: 'Delete',
  gap: 'Earlier messages are being fetched…',
  loadingOlder: 'Loading earlier messages…',
  loadingNewer: 'Loading newer messages…',
  beginning: 'The beginning of the conversation',
  cannotBeShown: 'This cannot be shown by this version',
  unknownKind: 'Something new',
  unknownKindTitle: 'This conversation cannot be shown by this version',
  unknownKindHint: 'Parley was updated. Reload this page to get the version that can.',
  keptFrom: 'Older messages are no longer kept',
  /** @param {string} reason */
  incomplete: reason => `Earlier messages could not be loaded: ${reason}`,
  unreadFromHere: 'Unread messages',
  /** @param {number} n */
  newMessages: n => `${n} ${plural(n, 'new message', 'new messages')}`,
  toNewest: 'To the newest message',
  toUnread: 'To the first unread message',
  /** @param {string} count */
  unreadAbove: count => `${count} unread`,
  /** @param {string} name */
  typing: name => `${name} is typing…`,
  today: 'Today',
  yesterday: 'Yesterday',

  // Notices
  notices: 'Notices',
  dismiss: 'Dismiss',
  unknownError: 'something unexpected happened',

  // On every screen, for everyone
  showAllOfStatus: 'Show all of it',
  /** @param {number} unread @param {string} what is open */
  titleOf: (unread, what) => (unread > 0 ? `(${unread}) ${what} – Parley` : `${what} – Parley`),
  skipToConversation: 'Skip to the conversation',
  peopleAndConversations: 'People and conversations',
  shortcuts: 'Keyboard shortcuts',
  shortcutFor: {
    send: 'Send the message',
    newLine: 'Begin a new line',
    next: 'Go to the next part of the page',
    move: 'Move within a list',
    ends: 'Go to the first or last of a list',
    close: 'Close what is open, then the conversation on a small screen',
    list: 'Show this list',
  },
  shortcutsOnKey: 'Show this list on ?',
  close: 'Close',
};

/** Makes a reason that another part gave a sentence. @param {string} reason */
function sentence(reason) {
  const text = reason.charAt(0).toLocaleUpperCase() + reason.slice(1);
  return /[.!?…]$/.test(text) ? text : text + '.';
}
