// The playhead. The browser moves it along the line by itself; the words of a moment come from the server as it comes to them.
import { callout } from './replay-callout.js'
import { camera } from './replay-camera.js'
import { steered } from './replay-steering.js'
import { momentWords } from './replay-words.js'

const stepMs = 1100

export async function replay(root) {
  const find = (id) => document.getElementById(id)
  const all = (selector) => [...root.querySelectorAll(selector)]
  const { clock, path, upto } = root.dataset
  const ask = async (what) => {
    const response = await fetch(`${path}/${what}&clock=${clock}&upto=${upto}`, {
      headers: { accept: 'application/json' },
    })
    if (!response.ok) throw new Error(String(response.status))
    return response.json()
  }
  const outline = await ask('outline?').catch(() => null)
  if (!outline) return
  const { places, width, ahead, flagHalf } = outline
  const words = momentWords((from, count) => ask(`moments?from=${from}&count=${count}`), places.length)
  const marks = outline.marks.map((versions, index) => ({ index, versions, elements: [] }))
  for (const element of all('[data-mark]'))
    marks[Number(element.dataset.mark)].elements.push({
      element,
      versions: [...element.querySelectorAll('[data-version]')],
      row: element.tagName === 'TR',
      // A list that is closed is brought up to date when it is opened.
      list: element.closest('details'),
    })
  // Every change of a mark in the order of the places: between two of them only these have to be looked at.
  const changes = marks
    .filter(({ elements }) => elements.length > 0)
    .flatMap((mark) => mark.versions.map((place) => ({ place, mark })))
    .sort((one, other) => one.place - other.place)
  const firstSession = Math.min(...outline.sessions.map((index) => outline.marks[index][0]))
  const addressOf = (place) => `${path}?clock=${clock}&at=${encodeURIComponent(places[place].at)}`
  const last = places.length - 1
  const [scrub, play, panel, lit, veil, playhead, flag, flagText, speed] = [
    'tl-scrub',
    'tl-play',
    'tl-moment',
    'tl-lit',
    'tl-veil',
    'tl-playhead',
    'tl-flag',
    'tl-flag-text',
    'tl-speed',
  ].map(find)
  const clocks = all('.tl-clocks__clock')
  const jumps = all('[data-jump]')
  let now = Number(root.dataset.number) - 1
  let x = null
  let timer = null
  let speaking = null
  let remembering = null

  const firstAfter = (place) => {
    let [from, to] = [0, changes.length]
    while (from < to) {
      const middle = (from + to) >>> 1
      if (changes[middle].place <= place) from = middle + 1
      else to = middle
    }
    return from
  }

  function showMark({ index, versions, elements }, only) {
    const off = versions[0] > now
    const shown = off ? ahead[index] : versions.findLastIndex((place) => place <= now)
    for (const { element, versions: drawn, row, list } of elements) {
      if (only ? list !== only : list && !list.open) continue
      element.classList.toggle('tl-off', off)
      element.classList.toggle('tl-now', versions[0] === now)
      if (row) element.hidden = off
      drawn.forEach((version, i) => version.classList.toggle('tl-hidden', i !== shown))
    }
  }

  /** The playhead, the part of the line that is lit and what is still to come, where the line now stands. */
  function standAt({ place, scrolled, width: seen }) {
    if (x === null) return
    const at = Math.round(place(x) * 10) / 10
    playhead.setAttribute('transform', `translate(${at} 0)`)
    const onStage = at - scrolled
    playhead.classList.toggle('tl-playhead--away', onStage < 80 || onStage > seen)
    const shift = Math.max(flagHalf - onStage, Math.min(0, seen - flagHalf - onStage))
    flag.setAttribute('transform', `translate(${Math.round(shift * 10) / 10} 0)`)
    lit.setAttribute('x1', place(outline.lineFrom))
    lit.setAttribute('x2', Math.max(place(outline.lineFrom), Math.min(at, place(outline.lineTo))))
    const end = place(width)
    const veilFrom = now >= last ? end : at
    veil.setAttribute('x', veilFrom)
    veil.setAttribute('width', end - veilFrom)
  }

  // Before the first step the playhead stands at the address's own moment, which may lie between two places.
  x = Number(/translate\((\S+)/.exec(playhead.getAttribute('transform'))[1])
  let view = null
  let said = null
  const line = camera(root, outline, (seen) => {
    view = seen
    standAt(seen)
    said?.place()
  })
  said = callout(root, line)

  function show(to, { speak = true } = {}) {
    const before = now
    now = Math.min(Math.max(to, 0), last)
    const { when, day } = places[now]
    x = places[now].x
    const [low, high] = before < now ? [before, now] : [now, before]
    // Those added at the two places themselves are or were the newest.
    for (const { mark } of changes.slice(firstAfter(low - 1), firstAfter(high))) showMark(mark)
    find('tl-sessions').hidden = now < firstSession
    find('tl-none').hidden = now >= firstSession
    flagText.textContent = when
    standAt(view)
    find('tl-number').textContent = String(now + 1)
    find('tl-when').textContent = when
    scrub.value = String(now + 1)
    scrub.setAttribute('aria-valuetext', when)
    const ends = { 'tl-first': 0, 'tl-previous': now - 1, 'tl-next': now + 1, 'tl-last': last }
    for (const [id, place] of Object.entries(ends)) {
      const link = find(id)
      link.href = addressOf(Math.min(Math.max(place, 0), last))
      const atEnd = id === 'tl-first' || id === 'tl-previous' ? now === 0 : now === last
      if (atEnd) link.setAttribute('aria-disabled', 'true')
      else link.removeAttribute('aria-disabled')
    }
    for (const jump of jumps) {
      const next = outline.found[jump.dataset.jump].find((place) => place > now)
      if (next === undefined) {
        jump.removeAttribute('href')
        jump.setAttribute('aria-disabled', 'true')
        jump.setAttribute('role', 'link')
      } else {
        jump.href = addressOf(next)
        jump.removeAttribute('aria-disabled')
        jump.removeAttribute('role')
      }
    }
    find('tl-link').href = addressOf(now)
    for (const other of clocks)
      other.href = other.dataset.clock === clock ? addressOf(now) : `${path}?clock=${other.dataset.clock}&at=${day}`
    line.reveal(x)
    void say(now, speak)
  }

  /** The words of the moment, unless the playhead has gone on meanwhile. Until they are there, the old ones are not shown as if they were. */
  async function say(place, speak) {
    panel.setAttribute('aria-busy', 'true')
    let moment
    try {
      moment = await words.of(place)
    } catch {
      // The page itself has them; without the server it says so.
      if (place === now) location.assign(addressOf(place))
      return
    }
    if (place !== now) return
    panel.innerHTML = moment.html
    panel.removeAttribute('aria-busy')
    words.ahead(place)
    // Browsers limit how often an address may be rewritten; screen readers, how much they can say.
    clearTimeout(remembering)
    remembering = setTimeout(() => {
      history.replaceState(null, '', addressOf(place))
      document.title = moment.title
    }, 120)
    clearTimeout(speaking)
    if (speak) speaking = setTimeout(() => (find('tl-announce').textContent = moment.announcement), 300)
  }

  const pace = () => stepMs / Number(speed.value)

  function stop() {
    clearInterval(timer)
    timer = null
    find('tl-play-text').textContent = 'Play'
    play.classList.remove('tl-button--playing')
  }

  function start() {
    if (now >= last) show(0)
    find('tl-play-text').textContent = 'Pause'
    play.classList.add('tl-button--playing')
    timer = setInterval(() => {
      if (now >= last) return stop()
      show(now + 1)
    }, pace())
  }

  // Where the address named a time between two places, "previous" is the place before it.
  let arrivedBetween = !places.some(({ at }) => at === root.dataset.at)
  const player = {
    toggle: () => (timer ? stop() : start()),
    go(to) {
      stop()
      said.hide()
      arrivedBetween = false
      show(to)
    },
    step: (by) => player.go(by < 0 && arrivedBetween ? now : now + by),
    first: () => player.go(0),
    last: () => player.go(last),
    jump(of, forward = true) {
      const found = outline.found[of]
      const to = forward ? found.find((place) => place > now) : found.findLast((place) => place < now)
      if (to !== undefined) player.go(to)
    },
    now: () => now,
    x: () => x,
    /** @param at a place along the line */
    nearest(at) {
      let best = 0
      for (let i = 1; i < places.length; i++) if (Math.abs(places[i].x - at) < Math.abs(places[best].x - at)) best = i
      return best
    },
    say: (text) => (find('tl-announce').textContent = text),
  }
  speed.addEventListener('change', () => {
    if (!timer) return
    stop()
    start()
  })
  for (const list of all('details'))
    list.addEventListener('toggle', () => {
      if (list.open) for (const mark of marks) showMark(mark, list)
    })
  steered(root, { player, line, said, marks })

  const copy = find('tl-copy')
  copy.addEventListener('click', async () => {
    await navigator.clipboard.writeText(find('tl-link').href)
    copy.textContent = 'Copied'
    setTimeout(() => (copy.textContent = 'Copy link'), 2000)
  })
  copy.hidden = !navigator.clipboard
  for (const id of ['tl-play', 'tl-viewbar', 'tl-speed-box', 'tl-keys']) find(id).hidden = false
  root.classList.add('tl-replay--live')
  line.reveal(x)
}
