// One event stream for all open tabs: a browser opens six connections to a server at most, and streams that stay open would use
// them up. The tab that holds the lock opens the stream and passes on what it receives; hidden tabs wait until they are looked at.
const name = 'throughline-live'
const reopenMs = 5_000
const tab = crypto.randomUUID()
const listeners = new Map()
const others = new Map()
const channel = 'BroadcastChannel' in window ? new BroadcastChannel(name) : null

let source = null
let opened = ''
let opening = null
let leave = null

/** Calls `onMessage` with each message about the topic from now on, and `onState` with `open` or `lost`. */
export function listen(topic, onMessage, onState = () => {}) {
  if (!('EventSource' in window)) return
  listeners.set(topic, { onMessage, onState })
  if (listeners.size > 1) return
  channel?.addEventListener('message', ({ data }) => receive(data))
  document.addEventListener('visibilitychange', () => (document.hidden ? stop() : start()))
  window.addEventListener('pagehide', stop)
  window.addEventListener('pageshow', start)
  if (!document.hidden) start()
}

function receive({ kind, from, topics, topic, message, state }) {
  if (kind === 'who' && leave) say({ kind: 'here', topics: [...listeners.keys()] })
  if (kind === 'here' && source !== null) {
    others.set(from, topics)
    openSoon()
  }
  if (kind === 'gone') others.delete(from)
  if (kind === 'message') listeners.get(topic)?.onMessage(message)
  if (kind === 'state') for (const { onState } of listeners.values()) onState(state)
}

const say = (words) => channel?.postMessage({ from: tab, ...words })

/** In turn for the stream, until this tab is hidden or left. */
function start() {
  if (leave) return
  const left = new Promise((resolve) => (leave = resolve))
  say({ kind: 'here', topics: [...listeners.keys()] })
  if (!channel || !navigator.locks) return lead(left)
  const waiting = new AbortController()
  void left.then(() => waiting.abort())
  navigator.locks.request(name, { signal: waiting.signal }, () => lead(left)).catch(() => undefined)
}

function stop() {
  leave?.()
  leave = null
  say({ kind: 'gone' })
}

async function lead(left) {
  open()
  say({ kind: 'who' })
  await left
  clearTimeout(opening)
  opening = null
  source?.close()
  source = null
  others.clear()
}

const wanted = () => [...new Set([...listeners.keys(), ...[...others.values()].flat()])].sort()

/** Tabs that are opened together are waited for. */
function openSoon() {
  if (opening !== null || wanted().join() === opened) return
  opening = setTimeout(open, 50)
}

function open() {
  opening = null
  source?.close()
  const topics = wanted()
  opened = topics.join()
  source = new EventSource(`/live?${topics.map((topic) => `topic=${encodeURIComponent(topic)}`).join('&')}`)
  source.addEventListener('message', ({ data }) => {
    const { topic, ...message } = JSON.parse(data)
    both({ kind: 'message', topic, message })
  })
  source.addEventListener('open', () => both({ kind: 'state', state: 'open' }))
  source.addEventListener('error', () => {
    both({ kind: 'state', state: 'lost' })
    // Refused, a browser does not come back by itself.
    if (source.readyState === EventSource.CLOSED) opening ??= setTimeout(open, reopenMs)
  })
}

function both(words) {
  receive(words)
  say(words)
}
