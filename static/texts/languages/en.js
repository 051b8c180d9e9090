// @ts-check
// English, as which all other languages are shaped. The names of text boxes, buttons and lists in it are
// what tests and assistive technology hold on to.

/** @typedef {ReturnType<typeof texts>} Texts */

/** @param {import('../formats.js').Formats} formats */
const texts = ({ bytes, number, percent, plural, wait }) => ({
  product: 'Parley',
  /** @param {number} unread */
  title: unread => (unread > 0 ? `(${number(unread)}) Parley` : 'Parley'),

  // Signing in
  tagline: 'Talk to somebody. Nothing gets lost.',
  yourName: 'Your name',
  start: 'Start',
  starting: 'Starting…',
  nameMissing: 'Please enter a name.',
  toSomebody: 'You were sent a link. Tell your name, and you can write to the person who sent it.',
  toService: 'Tell your name, and you can write to customer service.',
  asAgent: 'You were invited to answer as an agent.',
  inviteCode: 'Invite code',
  /** @param {string} reason */
  signInFailed: reason => `That did not work: ${reason}`,
  loadingProgram: 'Loading Parley…',
  /** @param {number} part from 0 to 1 */
  loadedOfProgram: part => `Loading Parley… ${percent(part)}`,
  serverAway: 'the server cannot be reached. Check the connection and try again.',
  signInNote: 'No account, no password. This browser keeps your sign-in.',
  signInNoteUnkept: 'No account, no password. This browser keeps nothing of this site: you are signed in until you close or reload this page.',
  /** @param {string} name */
  inviteWhileSignedIn: name => `You are signed in as ${name} already. To use the invite, open it in another browser profile.`,

  // Starting
  /** @param {string} reason */
  startFailed: reason => `Parley could not start: ${reason}`,
  tryAgain: 'Try again',
  signOut: 'Sign out',
  signOutHere: 'Sign out of this browser?',
  signOutHint: 'It forgets who you are and all that it keeps of your conversations, in all of its tabs.',
  /** @param {string} names */
  unsentIsLost: names => `Not sent yet, and lost then: messages to ${names}, or changes to them.`,
  startOver: 'Start as somebody new',
  startOverHint: 'To come back as yourself you need a code from another device, or your recovery code. Who starts anew is a new person to others, and does not see these conversations.',
  signInElsewhere: 'To come back, sign in where you have your account.',
  /** @param {string} reason */
  signedOut: reason => (reason ? `You are signed out: ${ended(reason)}` : 'You are signed out.'),

  // Being here again, elsewhere and no more
  wasHere: 'I was here before',
  newHere: 'I am new here',
  signIn: 'Sign in',
  signingIn: 'Signing in…',
  signInAgain: 'Sign in again',
  code: 'Link code or recovery code',
  codeHint: 'Where you are signed in, choose Settings, Account, “Link a device”. If that is lost, use the recovery code that you kept.',
  linkHint: 'You opened a link that signs this device in as the person who made it. Go on if that is you.',
  codeMissing: 'Please enter the code.',
  endOthersToo: 'Sign out everywhere else',
  recovered: 'Welcome back. Your recovery code is used up: make a new one in Settings, Account.',
  signInInstead: 'Sign in by this link?',
  /** @param {string} name */
  linkWhileSignedIn: name => `This browser is signed in as ${name}. The link signs in the person who made it; if that is somebody else, this browser forgets ${name} and all that it keeps of the conversations.`,
  account: 'Account',
  ownName: 'Name that others see',
  rename: 'Rename',
  renamed: 'Renamed.',
  accountElsewhere: 'Your name, and signing in on other devices, are looked after where you have your account: Parley only knows you from there.',
  devices: 'Your devices',
  /** @param {string} reason */
  devicesUnknown: reason => `Your devices cannot be shown: ${reason}`,
  unnamedDevice: 'A device',
  /** @param {string} browser @param {string} system */
  deviceLabel: (browser, system) => `${browser} on ${system}`,
  thisDevice: 'this device',
  /** @param {string} device */
  newDevice: device => `A new device signed in: ${device}`,
  showDevices: 'Your devices…',
  /** @param {string} device */
  signOutDevice: device => `Sign out ${device}`,
  /** @param {string} device */
  signedOutDevice: device => `${device} is signed out.`,
  signOutOthers: 'Sign out everywhere else',
  signedOutElsewhere: 'You are signed out everywhere else.',
  signOutEverywhere: 'Sign out everywhere',
  signOutEverywhereNow: 'Sign out everywhere, here too?',
  signOutEverywhereHint: 'None of your devices is signed in then.',
  noWayBackHint: 'Without a recovery code you cannot come back as yourself.',
  signedOutByOther: 'You were signed out on another device.',
  /** @param {string} names */
  unsentIsKept: names => `Not sent yet, and kept until you decide: messages to ${names}, or changes to them.`,
  linkDevice: 'Link a device',
  linkDeviceHint: 'On the other device, scan this, open its link, or choose “I was here before” and type the code. Show it to nobody else: whoever has it is you.',
  qrCode: 'QR code of the link',
  noQrCode: 'The QR code cannot be drawn now. Copy the link, or type the code.',
  /** @param {string} time */
  codeExpires: time => `It counts once, and until ${time}.`,
  copyLinkToDevice: 'Copy the link',
  recoveryCode: 'Recovery code',
  /** @param {string} when */
  recoveryMade: when => `You made one: ${when}. A new one takes its place.`,
  recoveryNone: 'You have none. If this browser loses your sign-in, you cannot come back as yourself without one.',
  makeRecoveryCode: 'Make a recovery code',
  recoveryHint: 'Write it down, or keep it in a password manager. It signs you in once when all else is lost, and is not shown again. The one before no longer counts.',
  copyCode: 'Copy the code',
  keptCode: 'I have kept it',
  notCopied: 'Not allowed here: copy it by hand',

  // What is not kept
  /** @param {string} reason */
  nothingKept: reason => `Nothing is kept in this browser. ${sentence(reason)} You are signed in until this page is closed or reloaded, and what was not sent by then is lost.`,
  identityNotKept: 'it does not remember who is signed in; allow it to keep site data',
  /** @param {string} reason */
  messagesNotKept: reason => `New messages are not kept in this browser. ${sentence(reason)} What was not sent is lost when the last page of this site is closed.`,

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
  loadingConversations: count => `Loading conversations: ${number(count)}`,
  /** @param {string} when as in "in 5 seconds" */
  nextTry: when => `, next try ${when}`,
  tryNow: 'Try now',
  details: 'Details',
  /** @param {string} reason */
  offlineNote: reason => `${reason ? sentence(reason) + ' ' : ''}What you write is kept and sent as soon as you are online.`,

  // Left pane
  copyLink: 'Copy my link',
  copied: 'Copied',
  copyByHand: 'Copying is not allowed here. Select the link and copy it by hand.',
  yourLink: 'People open this link to write to you',
  search: 'Search people and messages',
  searchHint: 'Search',
  searchMessages: 'Search messages',
  /** @param {string} name */
  searchIn: name => `Search messages with ${name}`,
  /** @param {string} name */
  searchedIn: name => `In ${name}`,
  searchEverywhere: 'Search all conversations',
  filterMessages: 'Filter messages',
  writtenBy: 'Written by',
  anybody: 'Anybody',
  carries: 'With',
  anyKind: 'Anything',
  foundKinds: { picture: 'Pictures', file: 'Files', link: 'Links' },
  fromDay: 'From day',
  toDay: 'To day',
  messages: 'Messages',
  messagesFoundList: 'Messages found',
  /** @param {number} n @param {boolean} more */
  messagesFound: (n, more) => `${number(n)} ${more ? 'messages and more' : plural(n, { one: 'message', other: 'messages' })} found`,
  noMessageFound: 'No message found.',
  sayWhatToFind: 'Type a word, or choose who wrote or what it comes with.',
  /** @param {number} n */
  onlyNewestFound: n => `These are the newest ${number(n)}. To see older ones, choose an earlier day or more words.`,
  /** @param {number} part from 0 to 1 */
  indexed: part => `${percent(Math.floor(part * 100) / 100)} indexed: until it is all, searching takes longer.`,
  /** Beside a customer's name: not to a service. */
  directly: 'Write directly',
  clearSearch: 'Clear search',
  people: 'People',
  searching: 'Searching…',
  /** @param {string} query */
  nobodyFound: query => `Nobody is called “${query}”.`,
  /** @param {string} reason */
  searchedHere: reason => `Only what is stored in this browser was searched: ${reason}`,
  /** @param {string} reason */
  searchFailed: reason => `The search did not work: ${reason}`,
  conversations: 'Conversations',
  noConversations: 'No conversations yet',
  noConversationsHint: 'Send somebody your link, or find a person by name.',
  /** @param {number} n */
  unread: n => `${number(n)} ${plural(n, { one: 'unread message', other: 'unread messages' })}`,
  you: 'You',
  youPrefix: 'You: ',
  showMore: 'Show more',
  showLess: 'Show less',

  // Right pane
  nothingChosen: 'Choose a conversation',
  nothingChosenHint: 'Pick one in the list, find a person by name, or send somebody your link.',
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
  notYoursOfTwo: 'It is between two people, and you are signed in as neither.',
  /** @param {string} service */
  notYoursHint: service => `It is between one customer and those who answer for ${service}, and you are signed in as neither. You can write to ${service} yourself:`,
  noService: 'There is no such service',
  noServiceHint: 'It may have another name or number now. You can write to one of these:',
  ownLink: 'This is your own link',
  ownLinkHint: 'Send it to somebody: whoever opens it can write to you.',

  // Customer service
  customerService: 'Customer service',
  /** Two people, or a person and a service, have names that look alike. @param {string} name @param {string} digits the last of the id */
  namesake: (name, digits) => `${name} (…${digits})`,
  /** @param {string} service */
  serviceGone: service => `${service} takes no messages any more.`,
  /** @param {string} when as in "Monday 09:00" */
  closedNow: when => `Closed now, opens ${when}. You can write already.`,
  /** Those that there are where the server names no others. */
  services: ['General', 'Sales', 'Support', 'Billing', 'Delivery', 'Returns', 'Complaints'],
  /** @param {string} digits */
  agent: digits => `Agent ${digits}`,
  queue: 'Queue',
  /** @param {number} n */
  waitingCount: n => (n === 0 ? 'Nobody waits' : `${number(n)} waiting`),
  filter: 'Show in the queue',
  filters: { all: 'All', waiting: 'Waiting', mine: 'Mine', unclaimed: 'Unclaimed', resolved: 'Resolved' },
  findInQueue: 'Find in the queue',
  allServices: 'All services',
  /** @param {number} n */
  queueFound: n => `${number(n)} ${plural(n, { one: 'conversation', other: 'conversations' })}`,
  queueNothing: 'No conversation is like this',
  showAll: 'Show all of them',
  queueEmpty: 'Nothing here',
  queueEmptyHint: 'Customers who write to your services appear here by themselves.',
  unclaimed: 'Unclaimed',
  /** @param {string} name */
  claimedBy: name => `Claimed by ${name}`,
  byYou: 'you',
  resolved: 'Resolved',
  closed: { open: '', resolved: 'Resolved', 'no-reply-needed': 'No reply needed', moved: 'Moved' },
  acts: {
    claim: 'Claim', release: 'Release', 'hand-over': 'Hand over', move: 'Move', resolve: 'Resolve', reopen: 'Reopen',
    'no-reply-needed': 'No reply needed',
  },
  actions: 'What to do with this conversation',
  /** Why a control entry was refused. @type {Record<string, (reason: string) => string>} */
  refusedActs: {
    claim: reason => `Not claimed: ${reason}`,
    release: reason => `Not released: ${reason}`,
    'hand-over': reason => `Not handed over: ${reason}`,
    move: reason => `Not moved: ${reason}`,
    resolve: reason => `Not resolved: ${reason}`,
    reopen: reason => `Not reopened: ${reason}`,
    'no-reply-needed': reason => `Not marked as needing no reply: ${reason}`,
    edit: reason => `Not edited: ${reason}`,
    recall: reason => `Not taken back: ${reason}`,
    react: reason => `The reaction was not sent: ${reason}`,
  },

  // What one can do with a message
  messageMenu: 'What to do with this message',
  messageActs: { reply: 'Reply', quoted: 'Show what it quotes', edit: 'Edit', copy: 'Copy', link: 'Copy link', forward: 'Forward…', select: 'Select', recall: 'Take back' },
  react: 'React',
  reactions: 'Reactions',
  /** @param {string} emoji @param {string} count @param {string} who */
  reactedWith: (emoji, count, who) => `${emoji} ${count}, ${who}`,
  moreEmoji: 'More emoji',
  anyEmoji: 'Any other emoji',
  takeReactionBack: 'Remove mine',
  edited: 'edited',
  /** @param {string} when */
  editedAt: when => `Edited ${when}`,
  /** @param {string} who */
  replyingTo: who => `Reply to ${who}`,
  editingMessage: 'Edit the message',
  toQuoted: 'To the message that it quotes',
  quoteGone: 'This message is not there any more',
  noSuchMessage: 'There is no such message in this conversation yet',
  /** @param {string} reason */
  messageNotHad: reason => `This message could not be fetched: ${reason}`,
  goToDay: 'Go to a day',
  day: 'Day',
  go: 'Go',
  nothingSince: 'There is nothing from that day on',
  linkCopied: 'Link copied. It opens for those who may read this conversation.',
  /** @param {boolean} mine @param {string} who */
  recalled: (mine, who) => (mine ? 'You took a message back' : `${who} took a message back`),
  /** @param {string} by '' is the user @param {string} who wrote it, likewise */
  recalledOf: (by, who) => `${by || 'You'} took ${who ? `a message of ${who}` : 'your message'} back`,
  recallThis: 'Take this message back?',
  /** @param {string} who */
  recallThisOf: who => `Take this message of ${who} back?`,
  recallMeans: 'It is deleted for everybody. That there was one stays to be seen.',
  /** @param {number} count */
  forwardMessages: count => plural(count, { one: 'Forward the message', other: `Forward ${number(count)} messages` }),
  forwardTo: 'Conversations to forward to',
  findConversation: 'Find a conversation',
  noConversationFound: 'No conversation found.',
  /** @param {number} count */
  chosenTargets: count => plural(count, { one: 'One conversation chosen', other: `${number(count)} conversations chosen` }),
  /** @param {number} count */
  forwarded: count => plural(count, { one: 'Forwarded.', other: `Forwarded to ${number(count)} conversations.` }),
  selection: 'Selected messages',
  selectMessage: 'Select this message',
  /** @param {number} count */
  selected: count => plural(count, { one: 'One message selected', other: `${number(count)} messages selected` }),
  /** @param {number} count */
  copiedMessages: count => plural(count, { one: 'Copied.', other: `${number(count)} messages copied.` }),

  moveTo: 'Move to another service',
  service: 'Service',
  moveReason: 'Reason',
  moveHint: 'The agents there read the reason and what was written last. The customer is told where it goes on, and keeps waiting since when they did.',
  internalNote: 'Internal note',
  /** @param {string} who */
  noteBy: who => `Internal note, ${who}`,
  aboutCustomer: 'About the customer',
  /** @param {string} reason */
  customerNotShown: reason => `This could not be loaded: ${reason}`,
  userID: 'Number',
  firstSeen: 'Here since',
  /** @param {string} date */
  began: date => `since ${date}`,
  unknownTime: 'Unknown',
  lastSeenHere: 'Last seen',
  messagesWritten: 'Messages',
  /** @param {number} n */
  messageCount: n => `${number(n)} ${plural(n, { one: 'message', other: 'messages' })}`,
  fromApplication: 'Sent along by their application',
  moreLeftOut: 'There is more, which is not shown.',
  cannedReplies: 'Canned replies',
  manageReplies: 'Manage',
  newReply: 'New reply',
  /** @param {number} n */
  repliesFound: n => (n === 0 ? 'No canned replies' : `${number(n)} ${plural(n, { one: 'canned reply', other: 'canned replies' })}`),
  /** @param {string} reason */
  repliesNotShown: reason => `The canned replies could not be loaded: ${reason}`,
  replyTitle: 'Title',
  replyText: 'Text',
  /** @param {string} names */
  placeholdersHint: names => `Filled in when it is used: ${names}`,
  save: 'Save',
  /** @param {string} reason */
  replyNotSaved: reason => `Not saved: ${reason}`,
  deleteThisReply: 'Delete this canned reply for all agents of the service?',
  discardChanges: 'Discard what you changed?',
  discard: 'Discard',
  addNote: 'Add note',
  onlyAgentsSee: 'Only agents see this.',
  deleteNote: 'Delete note',
  deleteThisNote: 'Delete this note?',
  /** @param {string} reason */
  noteNotAdded: reason => `The note was not added: ${reason}`,
  /** @param {string} reason */
  notesNotShown: reason => `The notes could not be loaded: ${reason}`,
  notePlaceholder: 'Only agents will read this note',
  findAgent: 'Find an agent',
  /** @param {string} name */
  handOverTo: name => `Hand over to ${name}`,
  /** @param {string} name */
  handOverToAway: name => `Hand over to ${name}, who is away`,
  /** @param {string} name */
  agentIsAway: name => `${name} is away. Hand over all the same?`,
  handOverAnyway: 'Hand over',
  away: 'Away',
  youAreAway: 'You are away',
  awayClaimsNothing: 'While you are away, you are given no new conversations.',
  comeBack: 'Come back',
  comeBackAndClaim: 'Come back and claim',
  noAgentFound: 'No other agent of this service has this name.',
  noAgents: 'Nobody else answers for this service.',
  cancel: 'Cancel',
  /** What an answer crossed, by the reason's word. @type {Record<string, string>} */
  crossed: {
    'answered-meanwhile': 'Another agent answered meanwhile',
    'claimed-meanwhile': 'Another agent has claimed this meanwhile',
    'resolved-meanwhile': 'Another agent has closed this meanwhile',
    'moved-meanwhile': 'This was moved to another service meanwhile',
  },
  answeredMeanwhileHint: 'You had not seen this answer when you pressed Send. Your text has not gone out.',
  answeredMeanwhileUnknown: 'The answer is not on this page yet. Your text has not gone out.',
  crossedHint: 'You had not seen this when you pressed Send. Your text has not gone out.',
  sendAnyway: 'Send anyway',
  backToEditing: 'Back to editing',

  // Control entries in the log. Who did it is a name, "You" in front and "you" behind.
  /** @param {string} who */
  claimed: who => `${who} claimed`,
  /** @param {string} who */
  released: who => `${who} released`,
  /** @param {string} target @param {string} who */
  handedOver: (target, who) => `Handed over to ${target} by ${who}`,
  /** @param {string} service @param {string} who */
  movedBy: (service, who) => `Moved to ${service} by ${who}`,
  /** @param {string} service */
  movedTo: service => `Moved to ${service}. It goes on there.`,
  /** @param {string} service @param {string} who */
  movedHereBy: (service, who) => `Moved here from ${service} by ${who}`,
  /** @param {string} service */
  movedHere: service => `Moved here from ${service}`,
  /** @param {string} service */
  goTo: service => `Go to ${service}`,
  excerpt: 'What was written there last',
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
  online: 'online',
  /** @param {string} when */
  lastSeen: when => `last seen ${when}`,
  typingBrief: 'typing…',

  // Settings
  notify: 'Notify me on this device',
  sayWhoWaits: 'Say who waits for my answer',
  notifyDenied: 'Your browser does not let Parley notify you. Allow notifications for this site in the browser’s settings, then switch them on again.',
  sound: 'Play a sound on this device',
  settings: 'Settings',
  language: 'Language',
  languageOfBrowser: 'As in the browser',
  choices: { shareTyping: 'Show when I type', sharePresence: 'Show when I am here', listed: 'Let people find me', away: 'I am away: no new conversations' },
  /** @param {string} reason */
  notChanged: reason => `The setting was not changed: ${reason}`,

  // What one can do with a conversation
  more: 'More',
  conversationActs: {
    'mark-read': 'Mark as read', 'mark-unread': 'Mark as unread', pin: 'Pin', unpin: 'Unpin', mute: 'Mute', unmute: 'Unmute',
    archive: 'Archive', unarchive: 'Take out of the archive', search: 'Search…', date: 'Go to a day…', media: 'Pictures and files…', print: 'Print…', export: 'Export…', remove: 'Remove from this device…', block: 'Block', unblock: 'Unblock',
  },
  /** @param {string} reason */
  notDone: reason => `That did not work: ${reason}`,
  pinned: 'Pinned',
  muted: 'Muted',
  markedUnread: 'Marked as unread',
  archived: 'Archived',
  /** @param {number} n */
  archivedCount: n => `Archived (${number(n)})`,
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
  filesNowhere: 'Open the conversation to send files to, then drop or paste them there.',
  attachFiles: 'Attach files',
  takePhoto: 'Take a photo',
  recordVoice: 'Record a voice message',
  recording: 'Recording',
  sendVoice: 'Send voice message',
  cancelVoice: 'Cancel recording',
  noMicrophone: 'There is no microphone that could be used.',
  noMicrophoneAllowed: 'This page may not use the microphone. Allow it in the browser to record a voice message.',
  playVoice: 'Play',
  pauseVoice: 'Pause',
  stopVoice: 'Stop playing',
  playingVoice: 'Playing',
  voicePosition: 'Position',
  /** @param {string} name */
  voiceOf: name => `Voice message of ${name}`,
  ownVoice: 'Your voice message',
  /** @param {number} rate */
  voiceRate: rate => `${number(rate)}×`,
  /** @param {number} rate */
  voiceFaster: rate => `${number(rate)}× speed`,
  /** @param {string} reason */
  notPlayed: reason => `Not played: ${reason}`,
  sendFiles: 'Send files',
  filesToSend: 'Files to send',
  caption: 'Caption',
  sendOriginals: 'Send pictures as files, as they are',
  /** @param {string} name */
  leaveOut: name => `Leave out ${name}`,
  /** @param {string} name @param {string} most */
  fileTooLarge: (name, most) => `${name} is too large: at most ${most} can be sent.`,
  /** @param {string} name */
  fileEmpty: name => `${name} is empty.`,
  /** @param {number} part from 0 to 1 */
  uploaded: part => `${percent(part)} sent`,
  cancelUpload: 'Cancel',
  pauseUpload: 'Pause',
  resumeUpload: 'Go on',
  /** @param {string} name */
  openPicture: name => `Picture: ${name}`,
  /** @param {string} name */
  download: name => `Download ${name}`,
  /** @param {string} reason */
  notLoaded: reason => `Not loaded: ${reason}`,
  pictures: 'Pictures',
  /** @param {string} name */
  mediaOf: name => `Pictures and files with ${name}`,
  mediaKinds: 'Kinds',
  mediaNames: { image: 'Pictures', file: 'Files', voice: 'Voice messages' },
  noMedia: 'There are none here.',
  lookingForMedia: 'Looking…',
  lookFurther: 'Look further back',
  /** @param {string} name @param {number} place @param {number} of */
  pictureOf: (name, place, of) => `${name} (${number(place)} of ${number(of)})`,
  previousPicture: 'Previous picture',
  nextPicture: 'Next picture',
  zoomIn: 'Zoom in',
  zoomOut: 'Zoom out',
  downloadPicture: 'Download',
  /** What a list says of them. @type {Record<'image' | 'file' | 'voice', (words: string) => string>} */
  carried: {
    image: words => (words ? `Picture: ${words}` : 'Picture'),
    file: words => (words ? `File: ${words}` : 'File'),
    voice: () => 'Voice message',
  },
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
  storage: 'Storage',
  /** @param {number} used @param {number} quota */
  storageUsed: (used, quota) => `This site takes about ${bytes(used)} in this browser, of ${bytes(quota)} that it may.`,
  storageUnknown: 'This browser does not say how much this site takes.',
  storageLasts: 'The browser deletes none of it by itself.',
  storageMayGo: 'The browser may delete it where its room runs low. What the server has comes back.',
  keepAll: 'Keep all my history here',
  keepAllMeans: 'Older messages of all conversations are fetched while nothing else is under way. Otherwise what was seen stays, and the newest of each conversation.',
  keptMessages: 'Messages that are kept here',
  /** @param {number} n */
  allKept: n => `All ${number(n)} messages are here.`,
  /** @param {number} kept @param {number} all @param {boolean} paused */
  keptOf: (kept, all, paused) => `${number(kept)} of ${number(all)} messages are here${paused ? '; paused' : ''}.`,
  keepPause: 'Pause',
  keepOn: 'Go on',
  keepAge: 'Keep what was seen for',
  keepAges: { '0': 'ever', '365': 'one year', '90': '90 days', '30': '30 days' },
  keepSize: 'Let messages take',
  /** @param {number} most */
  keepSizes: most => (most ? `${bytes(most)}, about` : 'any size'),
  keepLessMeans: 'What is older, and then what is more, goes from this device, first where you were longest ago. The newest of each conversation stays, and the server keeps all.',
  keepAllEnded: 'Not all history is kept here any more.',
  keepLessEnded: 'Nothing goes from this device by age or size any more.',
  storedMost: 'What takes most here',
  /** @param {number} n @param {number} size */
  storedHere: (n, size) => `${number(n)} messages, about ${bytes(size)}`,
  removeHere: 'Remove',
  /** @param {string} name */
  removeNamed: name => `Remove messages with ${name}`,
  /** @param {string} name */
  removeOf: name => `Remove messages with ${name} from this device?`,
  removeMeans: 'The server keeps them, and what you scroll to comes back. The newest stay here, and what was not sent.',
  removePauses: 'Keeping all history here is paused.',
  /** @param {string} name */
  removedOf: name => `Removed from this device: older messages with ${name}.`,
  exportOf: 'Take your messages along',
  exportAll: 'Export all conversations…',
  exportGo: 'Export',
  exportMeans: 'One ZIP file: a page to read, all messages as JSON Lines, and the files that they carry.',
  exporting: 'Exporting',
  exportProgress: {
    /** @param {number} n @param {number} all */
    messages: (n, all) => `Reading the messages: ${number(n)} of ${number(all)}`,
    /** @param {number} n @param {number} all */
    page: (n, all) => `Writing the page: ${number(n)} of ${number(all)}`,
    /** @param {number} n @param {number} all */
    files: (n, all) => `Fetching the files: ${number(n)} of ${number(all)}`,
  },
  exported: 'All is in the file, which the browser puts where it puts downloads.',
  /** @param {number} n */
  exportedBut: n => `All is in the file but ${n === 1 ? 'one attachment that is' : `${number(n)} attachments that are`} not there any more.`,
  /** @param {string} name */
  exportTitle: name => `Conversations of ${name}`,
  /** @param {string} time */
  exportedAt: time => `Exported on ${time}`,
  printConversation: 'Print the whole conversation',
  readingToPrint: 'Reading the messages…',
  /** @param {string} from @param {string} to when the first and last were written @param {number} n messages */
  printedRange: (from, to, n) => `${number(n)} ${plural(n, { one: 'entry', other: 'entries' })}, ${from} – ${to}`,
  printedInPart: 'Earlier messages are not on this paper.',
  /** @param {string} reason */
  printIncomplete: reason => `Not all of it can be had now: ${reason}`,
  printWhatIsHere: 'Print what is here',
  /** @param {number} n messages */
  printedPart: n => `This conversation is too long to be printed at once. These were the last ${number(n)} messages that were left.`,
  printBefore: 'Print those before',
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
  newMessages: n => `${number(n)} ${plural(n, { one: 'new message', other: 'new messages' })}`,
  toNewest: 'To the newest message',
  toUnread: 'To the first unread message',
  /** @param {string} count */
  unreadAbove: count => `${count} unread`,
  /** @param {string} names @param {number} n how many they are */
  typing: (names, n) => `${names} ${plural(n, { one: 'is', other: 'are' })} typing…`,
  /** What a control entry tells, and what was said with it. @param {string} words @param {string} said */
  saidWith: (words, said) => `${words}: ${said}`,
  /** Read out before a message. @param {string} name */
  authorSpoken: name => `${name}: `,

  // Groups
  group: 'Group',
  newGroup: 'New group',
  groupName: 'Name of the group',
  makeGroup: 'Make the group',
  wholeHistory: 'Who comes later reads what was written before',
  members: 'Members',
  /** @param {number} n */
  memberCount: n => `${number(n)} ${plural(n, { one: 'member', other: 'members' })}`,
  someMembers: 'members',
  /** @param {number} n */
  showAllMembers: n => `Show all ${number(n)}`,
  findMembers: 'Find people to add',
  chosenMembers: 'Chosen',
  /** @param {string} name */
  choose: name => `Choose ${name}`,
  /** @param {string} name */
  chooseNot: name => `Leave out ${name}`,
  addMembers: 'Add members',
  changePicture: 'Change the picture',
  removePicture: 'Remove the picture',
  notAPicture: 'This is no picture that can be shown.',
  /** What somebody is in a group. @type {Record<string, string>} */
  roles: { owner: 'Owner', admin: 'Admin', member: 'Member' },
  /** @param {string} name */
  nameAndYou: name => `${name} (you)`,
  /** @param {string} act @param {string} name whom it is done to */
  actOn: (act, name) => `${act}: ${name}`,
  makeAdmin: 'Make admin',
  makeMember: 'No admin',
  makeOwner: 'Make owner',
  /** @param {string} name */
  ownedBy: name => `Make ${name} the owner of this group?`,
  ownedByHint: 'You are an admin then. Only the owner can undo this.',
  removeMember: 'Remove',
  /** @param {string} name */
  removeThem: name => `Remove ${name} from this group?`,
  leaveGroup: 'Leave the group',
  leaveThisGroup: 'Leave this group?',
  leaveGroupHint: 'You keep what you could read until now.',
  notInGroup: 'You are no member of this group any more.',
  groupLinks: 'Links to join',
  newLink: 'New link that stays',
  newWeekLink: 'New link for a week',
  /** @param {string} time */
  countsUntil: time => `Counts until ${time}`,
  countsAlways: 'Counts until it is withdrawn',
  withdraw: 'Withdraw',
  groupInvite: 'You are invited to a group',
  /** @param {string} name @param {number} members */
  groupAndCount: (name, members) => `${name}, ${number(members)} ${plural(members, { one: 'member', other: 'members' })}`,
  joinGroup: 'Join',
  everyone: 'everyone',
  /** @param {number} n */
  mentionsYou: n => `${number(n)} ${plural(n, { one: 'mentions you', other: 'mention you' })}`,
  /** @param {string} name */
  authorPrefix: name => `${name}: `,
  youDid: 'You',
  /** @param {string} who @param {string} name */
  groupCreated: (who, name) => `${who} made the group ${name}`,
  /** @param {string} who */
  groupJoined: who => `${who} joined by a link`,
  /** @param {string} who @param {string} whom */
  groupAdded: (who, whom) => `${who} added ${whom}`,
  /** @param {string} who */
  groupLeft: who => `${who} left`,
  /** @param {string} who @param {string} whom */
  groupRemoved: (who, whom) => `${who} removed ${whom}`,
  /** @param {string} who @param {string} name */
  groupRenamed: (who, name) => `${who} named the group ${name}`,
  /** @param {string} who @param {boolean} has whether it has one now */
  groupPictured: (who, has) => (has ? `${who} gave the group another picture` : `${who} took the group’s picture away`),
  /** @param {string} who @param {string} whom @param {string} role */
  groupRole: (who, whom, role) => `${who} changed what ${whom} may do: ${role}`,
  /** @param {number} read @param {number} of */
  readByOf: (read, of) => (read === of ? 'Read by all' : `Read by ${number(read)} of ${number(of)}`),
  /** @param {string} state @param {string} readers */
  stateAndReaders: (state, readers) => `${state}. ${readers}`,
  whoHasRead: 'Who has read it',
  /** @param {number} n */
  readByThem: n => `Read by ${number(n)}`,
  /** @param {number} n */
  deliveredToThem: n => `Delivered to ${number(n)}`,
  /** @param {number} n */
  notDeliveredYet: n => `Not delivered yet to ${number(n)}`,

  // Notices
  notices: 'Notices',
  dismiss: 'Dismiss',
  unknownError: 'something unexpected happened',

  // Why something was refused, or did not work, by the words for it of server, engine and API. Numbers come as
  // strings, durations in seconds.
  reasons: {
    'cannot-be-added': 'one of them cannot be added by you: send them a link',
    'everyone-not-admin': 'only the group’s owner and its admins mention everyone',
    /** @param {string} most */
    'group-full': most => `a group has at most ${number(+most)} members: make another group for the rest`,
    'last-owner': 'you are the group’s owner: make another member the owner first',
    'link-invalid': 'this link lets nobody in any more: ask for a new one',
    'removed-from-group': 'you were removed from this group, and a link does not let you in again: ask its owner or an admin to add you',
    'mention-not-in-group': 'somebody whom it mentions is not in the group any more: leave them out',
    /** @param {string} id */
    'no-such-user': id => `there is no user ${id}`,
    'not-a-member': 'they are in the group no more',
    'not-admin': 'only the group’s owner and its admins may do this: ask one of them',
    'not-author': 'only who wrote the message learns who has read it',
    'not-in-group': 'you are not in this group: ask one of its members to let you in',
    'not-owner': 'only the group’s owner may do this: ask them',
    /** @param {string} most */
    'too-many-links': most => `the group has ${number(+most)} links, which is the most: withdraw one first`,
    /** @param {string} most */
    'too-many-mentions': most => `a message mentions at most ${number(+most)} people: mention everyone, or fewer`,
    'editing-off': 'messages cannot be edited or taken back here',
    'message-gone': 'the message is not there any more',
    'message-not-sent': 'the message was not sent: send it again, or delete it',
    'message-recalled': 'the message was taken back',
    'not-a-message': 'this is not a message of which that can be said',
    'not-an-emoji': 'that is not one emoji',
    'not-your-message': 'only who wrote the message can change it',
    'quote-gone': 'the message that it quotes is not there any more: send it without the quote',
    /** @param {string} seconds */
    'too-late-to-change': seconds => `messages can be changed for ${wait(+seconds)}`,
    /** @param {string} most */
    'too-many-reactions': most => `the message has ${number(+most)} different emoji, which is the most: choose one of them`,
    'attachment-everywhere': 'the file was sent as often as it may be: choose it from your device again',
    'attachment-gone': 'the file is not there any more, or not for you: choose it from your device again',
    'attachment-no-picture': 'the file is no picture that can be shown, or too large a one: send it as a file',
    'attachment-no-sound': 'the file is no sound that can be played: send it as a file',
    'attachment-sent': 'the file was sent already: it stays until its message goes',
    'file-gone': 'the file is not in this browser any more: choose it again',
    'no-files-here': 'this browser keeps nothing, so that no files can be sent from it',
    'attachment-unfinished': 'the file is not uploaded to its end: send the message again',
    'already-claimed': 'another agent has claimed this conversation: ask them to release it or hand it over',
    away: 'you are away, and given no further conversations: come back first',
    'answered-meanwhile': 'another agent answered meanwhile: read it, then send again',
    'blocked-by-me': 'you block this person: unblock them to write to them',
    'blocked-by-them': 'this person does not take messages from you',
    busy: 'the server is busy, nothing was stored: try again',
    /** @param {string} why */
    'cannot-open': why => `the chat stored in this browser cannot be opened: ${why}`,
    'chat-closed': 'the chat is closed: open the page again',
    closed: 'the connection was closed',
    'code-expired': 'the code has expired: make a new one on the other device',
    'code-unknown': 'there is no such code: look at it again, or make a new one, since the newest replaces all before it',
    'code-used': 'the code was used already, and signs in once: make a new one',
    /** @param {string} why */
    'connection-refused': why => `the server refuses the connection: ${why}`,
    'claimed-meanwhile': 'another agent has claimed this conversation meanwhile: look, then send again',
    'content-empty': 'the message is empty: write something',
    'content-invisible': 'the message shows nothing, only spaces and characters that cannot be seen: write something',
    /** @param {string} size @param {string} most */
    'content-too-long': (size, most) => `the message has ${number(+size)} bytes, at most ${number(+most)} are allowed: split it`,
    'device-unknown': 'this device was signed out before',
    /** @param {string} why */
    'engine-failed': why => `Parley’s engine failed and is started again (${why})`,
    'engine-not-loaded': 'Parley’s engine could not be loaded; it is tried again',
    'engine-restarted': 'Parley’s engine was started again: try once more',
    'engine-silent': 'the engine in the background does not answer: close the other tabs of this site and reload',
    full: 'the server has too many connections: try again in some seconds',
    'history-unreadable': 'the server’s history answered something that is not a page of this conversation',
    /** @param {string} status */
    'http-status': status => `the server answered HTTP ${status}`,
    'invite-expired': 'the invite has expired: ask whoever runs the server for a new one',
    'invite-unknown': 'the invite is not this server’s: ask whoever runs it for the newest',
    'invite-used-up': 'the invite is used up: ask whoever runs the server for a new one',
    'kind-unknown': 'this conversation cannot be shown by this version: reload the page',
    /** @param {string} size @param {string} most */
    'message-too-large': (size, most) => `the message is too large: it takes ${number(+size)} bytes, and the server accepts ${number(+most)}`,
    'name-empty': 'the name is empty: give one',
    'name-invisible': 'the name has a character that cannot be seen: leave it out',
    'name-reserved': 'the name is one that only the service itself has here: choose another',
    /** @param {string} most */
    'name-too-long': most => `the name is longer than ${number(+most)} bytes: choose a shorter one`,
    'moved-meanwhile': 'the conversation was moved to another service meanwhile: read where it goes on',
    'network-sign-in': 'something else answered in the server’s place: if this network asks to sign in, do that first',
    'no-answer': 'the server did not answer in time: try again',
    'no-connection': 'there is no connection: try again when connected',
    'no-device': 'your sign-in does not say which device this is: sign out everywhere instead',
    'no-guests': 'this server takes no guests: get a token from whoever runs it',
    'no-invites': 'this server invites no agents: sign in without an invite',
    'no-locks': 'this browser cannot share one chat among its tabs here: open this site over https, or update the browser',
    'no-such-agent': 'this person does not answer for the service: hand over to somebody who does',
    'no-such-service': 'this service takes no messages any more: write to another one',
    'not-agent': 'only those who answer for the service may do this',
    'not-claimed': 'you have not claimed this conversation: there is nothing to release',
    'not-your-customer': 'this user is no customer of a service that you answer for',
    'not-your-note': 'the note is a colleague’s: only who wrote it deletes it',
    'not-yours': 'you are no participant of this conversation',
    'note-gone': 'the note is gone: it was deleted',
    'nothing-said': 'nothing was said in this conversation yet: write to the customer first',
    'opened-elsewhere': 'this chat was opened in another program; try now to use it here',
    'other-history': 'the server’s history is another one now',
    /** @param {string} server */
    'other-server': server => `you are signed in to ${server} in this browser: close those pages first`,
    /** @param {string} most */
    'outbox-full': most => `${number(+most)} messages wait to be sent already: wait until some are`,
    'page-left': 'this page was left',
    refused: 'the server refused it',
    /** @param {string} most */
    'refused-deleted': most => `${number(+most)} refused messages are kept: the oldest was deleted`,
    'reply-changed': 'a colleague changed this canned reply meanwhile: read it, then change it',
    'reply-gone': 'this canned reply is gone: a colleague deleted it',
    'resolved-meanwhile': 'another agent has closed this conversation meanwhile: look, then send again',
    'send-not-taken': 'Parley’s engine does not answer: this message was not sent',
    'send-unknown': 'Parley’s engine ended while it was to take this message. It may have been sent: look before you send it again',
    'server-failed': 'something went wrong on the server: try again later',
    'server-fault': 'not stored, because of a fault in the server: the same again fails again',
    'server-unreachable': 'the server cannot be reached: check the connection and try again',
    'shut-out': 'you are blocked on this server: ask whoever runs it',
    'signed-out': 'nobody is signed in',
    'signed-out-elsewhere': 'you were signed out on another device',
    stopping: 'the server is stopping, nothing was stored: it is tried again',
    'storage-damaged': 'some of what was stored in this browser was damaged: it is fetched from the server again',
    'storage-deleted': 'what was stored in this browser was deleted: it is fetched from the server again',
    'storage-failed': 'the browser’s storage failed',
    'storage-full': 'the browser’s storage is full: free some space on this device',
    'storage-held': 'another tab holds the stored history open: close the other tabs',
    'storage-lost': 'the browser has closed the stored history',
    'storage-newer': 'the stored history was written by a newer version of this program: reload the page',
    'storage-none': 'this browser offers no storage (IndexedDB) here: leave private browsing, or use another browser',
    'storage-refused': 'the browser refuses storage to this page: allow it to keep site data',
    'storage-silent': 'the browser’s storage does not answer',
    'storage-taken': 'this chat’s history in this browser is another program’s now: close the other tabs of this site and reload this one',
    'storage-unsent': 'something that waited to be sent was damaged in this browser, and is lost',
    'taken-over': 'another connection uses the same client id',
    /** @param {string} size @param {string} most */
    'text-too-long': (size, most) => `the text has ${number(+size)} characters, at most ${number(+most)} are allowed: shorten it`,
    'title-empty': 'the title is empty: give one',
    'title-lines': 'the title has more than one line: write it in one',
    /** @param {string} size @param {string} most */
    'title-too-long': (size, most) => `the title has ${number(+size)} characters, at most ${number(+most)} are allowed: shorten it`,
    'token-expired': 'the token has expired: sign in again',
    'token-invalid': 'the token is not valid here: sign in again',
    'token-withdrawn': 'whoever runs this server withdrew the token: sign in anew',
    'too-fast': 'too many requests: wait a moment',
    /** @param {string} most */
    'too-many-blocked': most => `you block ${number(+most)} people, which is the most: unblock somebody first`,
    /** @param {string} most */
    'too-many-connections': most => `a user may have ${number(+most)} connections: close one of the others`,
    /** @param {string} most @param {string} seconds */
    'too-many-conversations': (most, seconds) => `you began ${number(+most)} conversations, as many as you may in an hour: begin the next one in ${wait(+seconds)}`,
    /** @param {string} most */
    'too-many-devices': most => `you are signed in on ${number(+most)} devices, or were within a month on many more: sign out of some of them`,
    'too-many-from-here': 'too many connections come from your address: close one of the others, or wait a little',
    /** @param {string} seconds */
    'too-many-guesses': seconds => `too many codes were tried: wait ${wait(+seconds)} and try again`,
    /** @param {string} most @param {string} seconds */
    'too-many-guests': (most, seconds) => `${number(+most)} guests came from your address within an hour, which is the most: wait ${wait(+seconds)} and try again`,
    /** @param {string} most @param {string} seconds */
    'too-much-sent': (most, seconds) => `you have sent ${bytes(+most)}, as much as you may in a day: there is room for this in ${wait(+seconds)}`,
    /** @param {string} most */
    'too-many-notes': most => `this conversation has ${number(+most)} notes, which is the most: delete some first`,
    /** @param {string} most */
    'too-many-replies': most => `this service has ${number(+most)} canned replies, which is the most: delete some first`,
    /** @param {string} most */
    'too-many-attachments': most => `these are too many files, at most ${number(+most)} go with one message: send several`,
    /** @param {string} most @param {string} seconds */
    'too-much-uploaded': (most, seconds) => `you have sent files of ${bytes(+most)}, as much as you may in a day: there is room for this in ${wait(+seconds)}`,
    'too-slow': 'the connection reads too slowly: it is opened again',
    'try-again': 'this could not be done now: try again',
    'unknown-placeholder': 'the text has a word in braces that nothing is filled in for: use the placeholders that are named, or no braces',
    'upload-empty': 'the file is empty: choose another',
    /** @param {string} size @param {string} most */
    'upload-too-large': (size, most) => `the file has ${bytes(+size)}, at most ${bytes(+most)} are allowed: choose a smaller one`,
    'uploads-away': 'files cannot be stored or read now: it is tried again',
    /** @param {string} most */
    'uploads-full': most => `what you have sent takes ${bytes(+most)}, as much as is kept of one person’s: there is no room for this`,
    'uploads-no-room': 'there is no room for files on the server now: it is tried again',
    unreachable: 'the server cannot be reached',
    updated: 'Parley was updated: reload this page',
  },
  /** Reasons for which there is no text, by their kind. @type {Record<'notAllowed' | 'notNow' | 'other', (sentence: string) => string>} */
  untranslated: { notAllowed: sentence => sentence, notNow: sentence => sentence, other: sentence => sentence },

  // On every screen, for everyone
  showAllOfStatus: 'Show all of it',
  /** @param {number} unread @param {string} what is open */
  titleOf: (unread, what) => (unread > 0 ? `(${number(unread)}) ${what} – Parley` : `${what} – Parley`),
  skipToConversation: 'Skip to the conversation',
  peopleAndConversations: 'People and conversations',
  shortcuts: 'Keyboard shortcuts',
  shortcutFor: {
    editLast: 'Edit your last message, where nothing is written yet',
    send: 'Send the message',
    newLine: 'Begin a new line',
    next: 'Go to the next part of the page',
    move: 'Move within a list',
    ends: 'Go to the first or last of a list',
    menu: 'Open the menu of a message or conversation',
    close: 'Close what is open, then the conversation on a small screen',
    print: 'Print the conversation',
    search: 'Search people and messages',
    searchHere: 'Search the open conversation',
    list: 'Show this list',
  },
  shortcutsOnKey: 'Show this list on ?',
  close: 'Close',

  // How the parts of a text are put together
  /** @param {string[]} sentences each with its full stop */
  paragraph: sentences => sentences.join(' '),
  /** @param {string[]} phrases without full stops */
  phrases: phrases => phrases.join('. '),
  /** A reason that stands alone. @param {string} reason */
  reasonAlone: reason => sentence(reason),
  /** @param {string} words added to what they stand behind */
  inBrackets: words => ` (${words})`,
});

export const en = { tag: 'en', name: 'English', dir: 'ltr', locale: 'en-GB', texts };

/** Makes a reason that another part gave a sentence. @param {string} reason */
function sentence(reason) {
  return ended(reason.charAt(0).toLocaleUpperCase('en') + reason.slice(1));
}

/** @param {string} words */
function ended(words) {
  return /[.!?…]$/.test(words) ? words : words + '.';
}
