// @ts-check
// 简体中文。

/** @type {(formats: import('../formats.js').Formats) => import('./en.js').Texts} */
const texts = ({ number, percent }) => ({
  product: 'Parley',
  title: unread => (unread > 0 ? `(${number(unread)}) Parley` : 'Parley'),

  // 登录
  tagline: '开始聊天吧，一条消息都不会丢。',
  yourName: '你的名字',
  start: '开始',
  starting: '正在开始…',
  nameMissing: '请输入名字。',
  toSomebody: '你收到了一个链接。填写名字后，就可以给发链接的人发消息。',
  asAgent: '你受邀以客服身份回复客户。',
  inviteCode: '邀请码',
  signInFailed: reason => `登录失败：${reason}`,
  loadingProgram: '正在加载 Parley…',
  loadedOfProgram: part => `正在加载 Parley… ${percent(part)}`,
  serverAway: '无法连接服务器。请检查网络后重试。',
  signInNote: '无需账号，无需密码。此浏览器会记住你的登录。',
  signInNoteUnkept: '无需账号，无需密码。此浏览器不保存本站的任何数据：关闭或刷新页面后，你就会退出登录。',
  inviteWhileSignedIn: name => `你已经以“${name}”的身份登录。要使用邀请，请用另一个浏览器用户打开。`,

  // 启动
  startFailed: reason => `Parley 无法启动：${reason}`,
  tryAgain: '重试',
  startOver: '以新身份开始',
  startOverHint: '除了这次登录，没有别的办法证明你的身份，所以 Parley 无法让你重新登录。重新开始后，你在别人眼中是一个新用户，也看不到这些会话。',
  signedOut: reason => (reason ? `你已退出登录：${sentence(reason)}` : '你已退出登录。'),

  // 未保存的内容
  nothingKept: reason => `此浏览器不保存任何内容：${sentence(reason)}关闭或刷新页面后，你会退出登录，届时还没发出的消息也会丢失。`,
  identityNotKept: '它不会记住谁已登录，请允许本站保存数据',
  messagesNotKept: reason => `此浏览器不保存消息：${sentence(reason)}关闭本站的最后一个页面后，还没发出的消息会丢失。`,

  // 新版本
  newVersion: '新版本已就绪。',
  reload: '刷新',
  later: '以后再说',

  // 连接
  connection: {
    connecting: '正在连接…',
    live: '已连接',
    offline: '离线',
    'signed-out': '已退出登录',
  },
  loadingConversations: count => `正在加载会话：${number(count)}`,
  nextTry: when => `，${when}重试`,
  tryNow: '立即重试',
  details: '详情',
  offlineNote: reason => `${reason ? sentence(reason) : ''}你写的内容会保存下来，恢复连接后立即发送。`,

  // 左侧
  copyLink: '复制我的链接',
  copied: '已复制',
  copyByHand: '这里不允许复制。请选中链接，手动复制。',
  yourLink: '别人打开这个链接就能给你发消息',
  findPerson: '查找联系人',
  clearSearch: '清除搜索内容',
  people: '联系人',
  searching: '正在搜索…',
  nobodyFound: query => `没有找到名叫“${query}”的人。`,
  searchFailed: reason => `搜索失败：${reason}`,
  conversations: '会话',
  noConversations: '还没有会话',
  noConversationsHint: '把你的链接发给别人，或按名字查找联系人。',
  unread: n => `${number(n)} 条未读消息`,
  you: '你',
  youPrefix: '你：',
  showMore: '显示更多',
  showLess: '收起',

  // 右侧
  nothingChosen: '选择一个会话',
  nothingChosenHint: '在列表中选择会话，按名字查找联系人，或把你的链接发给别人。',
  back: '返回会话列表',
  messagesWith: name => `与${name}的消息`,
  noMessages: '还没有消息',
  noMessagesHint: name => `向${name}打个招呼吧。`,
  user: digits => `用户 ${digits}`,
  badLink: '这个链接无效',
  badLinkHint: '链接可能不完整，或在传送途中被改动。请让对方重新发送，并打开或复制完整的链接。',
  notYours: '你无权查看这个会话',
  notYoursHint: service => `这是一位客户与“${service}”客服之间的会话，而你登录的身份不属于任何一方。你可以自己给“${service}”发消息：`,
  ownLink: '这是你自己的链接',
  ownLinkHint: '把它发给别人：打开链接的人都能给你发消息。',

  // 客服
  customerService: '客服',
  namesake: (name, digits) => `${name}（…${digits}）`,
  services: ['综合', '销售', '技术支持', '账单', '配送', '退换货', '投诉'],
  agent: digits => `客服 ${digits}`,
  queue: '接待队列',
  waitingCount: n => (n === 0 ? '无人等待' : `${number(n)} 人等待`),
  filter: '筛选队列',
  filters: { mine: '我的', unclaimed: '待认领', all: '全部' },
  queueEmpty: '暂无会话',
  queueEmptyHint: '客户向你负责的服务发来消息后，会自动出现在这里。',
  unclaimed: '待认领',
  claimedBy: name => `由${name}认领`,
  byYou: '你',
  resolved: '已解决',
  closed: { open: '', resolved: '已解决', 'no-reply-needed': '无需回复' },
  acts: {
    claim: '认领', release: '取消认领', 'hand-over': '转交', resolve: '标为已解决', reopen: '重新打开',
    'no-reply-needed': '无需回复',
  },
  actions: '会话操作',
  refusedActs: {
    claim: reason => `认领失败：${reason}`,
    release: reason => `取消认领失败：${reason}`,
    'hand-over': reason => `转交失败：${reason}`,
    resolve: reason => `未能标为已解决：${reason}`,
    reopen: reason => `重新打开失败：${reason}`,
    'no-reply-needed': reason => `未能标为无需回复：${reason}`,
  },
  internalNote: '内部备注',
  noteBy: who => `内部备注，${who}`,
  notePlaceholder: '此备注仅客服可见',
  findAgent: '查找客服',
  handOverTo: name => `转交给${name}`,
  noAgentFound: '此服务没有叫这个名字的其他客服。',
  noAgents: '此服务没有其他客服。',
  cancel: '取消',
  answeredMeanwhile: '另一位客服刚刚回复了',
  answeredMeanwhileHint: '你点击发送时还没看到这条回复。你的消息没有发出。',
  answeredMeanwhileUnknown: '那条回复还没加载到此页面。你的消息没有发出。',
  sendAnyway: '仍然发送',
  backToEditing: '返回编辑',

  // 操作记录
  claimed: who => `${who}认领了会话`,
  released: who => `${who}取消了认领`,
  handedOver: (target, who) => `${who}将会话转交给${target}`,
  resolvedBy: who => `${who}将会话标为已解决`,
  reopenedBy: who => `${who}重新打开了会话`,
  neededNoReply: who => `${who}将会话标为无需回复`,

  // 谁在等待，谁在线
  owing: lasting => `对方等你回复已有 ${lasting}`,
  awaiting: (name, since) => `从 ${since} 起等待${name}回复`,
  waitingBriefly: lasting => `已等待 ${lasting}`,
  waitsSince: since => `从 ${since} 起等待`,
  lessThanMinute: '不到 1 分钟',
  online: '在线',
  lastSeen: when => `上次在线：${when}`,
  typingBrief: '正在输入…',

  // 设置
  notify: '在此设备上通知我',
  notifyDenied: '浏览器不允许 Parley 发送通知。请在浏览器设置中允许本站发送通知，然后重新打开此开关。',
  settings: '设置',
  language: '语言',
  languageOfBrowser: '跟随浏览器',
  shareTyping: '显示我正在输入',
  sharePresence: '显示我的在线状态',
  listed: '允许别人找到我',
  notChanged: reason => `设置未更改：${reason}`,

  // 屏蔽
  more: '更多',
  block: '屏蔽',
  unblock: '解除屏蔽',
  blockMeans: name => `你和${name}将无法再给对方发消息，也看不到对方是否在线。`,
  youBlock: name => `你已屏蔽${name}，双方都不能发消息。`,
  notBlocked: reason => `操作失败：${reason}`,

  // 消息
  message: '消息',
  messagePlaceholder: name => `发消息给${name}`,
  send: '发送',
  emptyMessage: '空消息',
  noFiles: '暂不支持发送文件和图片。请把内容写出来，或发送链接。',
  nothingToSend: '这条消息没有可见的内容，请写点什么。',
  notSent: reason => `消息未发送：${reason}`,
  states: {
    pending: '等待发送',
    sent: '已发送，未读',
    delivered: '已送达，未读',
    read: '已读',
    refused: '被拒绝',
    received: '',
  },
  receipts: { unread: '未读', read: '已读' },
  stateSince: (state, time) => `${state}。写于 ${time}`,
  steps: { sent: '已发送', delivered: '已送达', read: '已读' },
  stepAt: (step, time) => `${step} ${time}`,
  refused: reason => (reason ? `未发送：${reason}` : '未发送。'),
  held: reason => `尚未发送，会自动重试：${reason}`,
  sendAgain: '重新发送',
  delete: '删除',
  gap: '正在获取更早的消息…',
  loadingOlder: '正在加载更早的消息…',
  loadingNewer: '正在加载更新的消息…',
  beginning: '会话从这里开始',
  cannotBeShown: '此版本无法显示这条内容',
  unknownKind: '新类型的会话',
  unknownKindTitle: '此版本无法显示这个会话',
  unknownKindHint: 'Parley 已更新。请刷新页面，使用能显示它的版本。',
  keptFrom: '更早的消息已不再保留',
  incomplete: reason => `无法加载更早的消息：${reason}`,
  unreadFromHere: '以下为未读消息',
  newMessages: '有新消息',
  toNewest: '跳到最新消息',
  toUnread: '跳到第一条未读消息',
  unreadAbove: count => `${count} 条未读`,
  typing: names => `${names}正在输入…`,
  saidWith: (words, said) => `${words}：${said}`,
  authorSpoken: name => `${name}：`,

  // 提示
  notices: '提示',
  dismiss: '关闭',
  unknownError: '发生了意外错误',

  // 各部分如何连成一段
  paragraph: sentences => sentences.join(''),
  phrases: phrases => phrases.join('；'),
  inBrackets: words => `（${words}）`,
});

export const zhHans = { tag: 'zh-Hans', name: '简体中文', dir: 'ltr', locale: 'zh-CN', texts };

/** 句末没有标点的，补上句号。 @param {string} reason */
function sentence(reason) {
  return /[。！？….!?][”）]?$/.test(reason) ? reason : reason + '。';
}
