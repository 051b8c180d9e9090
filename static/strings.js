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
  serverAway: 'the server cannot be reached. Check the connection and try again.',
  signInNote: 'No account, no password. This browser keeps your sign-in.',
  /** @param {string} name */
  inviteWhileSignedIn: name => `You are signed in as ${name} already. To use the invite, open it in another browser profile.`,

  // Starting
  /** @param {string} reason */
  startFailed: reason => `Parley could not start: ${reason}`,
  tryAgain: 'Try again',
  startOver: 'Sign in again',
  /** @param {string} reason */
  signedOut: reason => (reason ? `You are signed out: ${reason}` : 'You are signed out.'),

  // Connection
  connection: {
    connecting: 'Connecting…',
    live: 'Connected',
    offline: 'Offline',
    'signed-out': 'Signed out',
  },
  /** @param {number} seconds */
  nextTry: seconds => `, next try in ${seconds} s`,
  tryNow: 'Try now',
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
  badLink: 'This link does not lead to a person',
  badLinkHint: 'The number in it should be between 1 and 18446744073709551615. Ask for the link again.',
  ownLink: 'This is your own link',
  ownLinkHint: 'Send it to somebody: whoever opens it can write to you.',
  services: ['General', 'Sales', 'Support', 'Billing', 'Delivery', 'Returns', 'Complaints'],

  // Messages
  message: 'Message',
  /** @param {string} name */
  messagePlaceholder: name => `Write to ${name}`,
  send: 'Send',
  /** @param {string} reason */
  notSent: reason => `The message was not sent: ${reason}`,
  states: {
    pending: 'Waiting to be sent',
    sent: 'Sent',
    delivered: 'Delivered',
    read: 'Read',
    refused: 'Refused',
    received: '',
  },
  /** @param {string} reason */
  refused: reason => (reason ? `Not sent: ${reason}` : 'Not sent.'),
  sendAgain: 'Send again',
  delete: 'Delete',
  gap: 'Earlier messages are being fetched…',
  loadingOlder: 'Loading earlier messages…',
  beginning: 'The beginning of the conversation',
  /** @param {string} reason */
  incomplete: reason => `Earlier messages could not be loaded: ${reason}`,
  unreadFromHere: 'Unread messages',
  newMessages: 'New messages',
  toNewest: 'To the newest message',
  /** @param {string} name */
  typing: name => `${name} is typing…`,
  today: 'Today',
  yesterday: 'Yesterday',

  // Notices
  notices: 'Notices',
  dismiss: 'Dismiss',
  unknownError: 'something unexpected happened',
};

/** Makes a reason that another part gave a sentence. @param {string} reason */
function sentence(reason) {
  const text = reason.charAt(0).toLocaleUpperCase() + reason.slice(1);
  return /[.!?…]$/.test(text) ? text : text + '.';
}
