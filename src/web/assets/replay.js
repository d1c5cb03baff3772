// The playhead. The browser moves it along the line by itself; the words of a moment come from the server as it comes to them.
const stepMs = 1100
/** Moments asked for at once: the one shown, a few before it, and those that are likely to be next. */
const windowBefore = 5
const windowSize = 30

export async function replay(root) {
  const find = (id) => document.getElementById(id)
  const scrub = find('tl-scrub')
  const play = find('tl-play')
  const stage = root.querySelector('.tl-stage')
  const panel = find('tl-moment')
  const { clock, path } = root.dataset
  const ask = async (what) => {
    const response = await fetch(`${path}/${what}`, { headers: { accept: 'application/json' } })
    if (!response.ok) throw new Error(String(response.status))
    return response.json()
  }
  const outline = await ask(`outline?clock=${clock}`).catch(() => null)
  if (!outline) return
  const { places, width, ahead } = outline
  const marks = outline.marks.map((versions, index) => ({ index, versions, elements: [] }))
  for (const element of root.querySelectorAll('[data-mark]'))
    marks[Number(element.dataset.mark)].elements.push({
      element,
      versions: [...element.querySelectorAll('[data-version]')],
      row: element.tagName === 'TR',
    })
  // Every change of a mark in the order of the places: between two of them only these have to be looked at.
  const changes = marks
    .filter(({ elements }) => elements.length > 0)
    .flatMap((mark) => mark.versions.map((place) => ({ place, mark })))
    .sort((one, other) => one.place - other.place)
  const firstSession = Math.min(...outline.sessions.map((index) => outline.marks[index][0]))
  const addressOf = (place) => `${path}?clock=${clock}&at=${encodeURIComponent(places[place].at)}`
  const last = places.length - 1
  let now = Number(root.dataset.number) - 1
  let timer = null
  let speaking = null
  let remembering = null

  /** By the number of the place, from 0: what the server says of it, or the promise of it. */
  const words = new Map()
  function wordsOf(place) {
    if (!words.has(place)) {
      const from = Math.max(0, place - windowBefore)
      const asked = ask(`moments?clock=${clock}&from=${from + 1}&count=${windowSize}`)
      for (let i = from; i < Math.min(from + windowSize, places.length); i++)
        if (!words.has(i)) {
          const mine = asked.then((moments) => moments[i - from])
          words.set(i, mine)
          mine.catch(() => words.delete(i))
        }
    }
    return words.get(place)
  }

  const firstAfter = (place) => {
    let [from, to] = [0, changes.length]
    while (from < to) {
      const middle = (from + to) >>> 1
      if (changes[middle].place <= place) from = middle + 1
      else to = middle
    }
    return from
  }

  function showMark({ index, versions, elements }) {
    const off = versions[0] > now
    const shown = off ? ahead[index] : versions.findLastIndex((place) => place <= now)
    for (const { element, versions: drawn, row } of elements) {
      element.classList.toggle('tl-off', off)
      element.classList.toggle('tl-now', versions[0] === now)
      if (row) element.hidden = off
      drawn.forEach((version, i) => version.classList.toggle('tl-hidden', i !== shown))
    }
  }

  function show(to, { speak = true } = {}) {
    const before = now
    now = Math.min(Math.max(to, 0), last)
    const { x, when, day } = places[now]
    const [low, high] = before < now ? [before, now] : [now, before]
    // Those added at the two places themselves are or were the newest.
    for (const { mark } of changes.slice(firstAfter(low - 1), firstAfter(high))) showMark(mark)
    find('tl-sessions').hidden = now < firstSession
    find('tl-none').hidden = now >= firstSession
    find('tl-playhead').setAttribute('transform', `translate(${x} 0)`)
    const flag = Math.max(outline.flagHalf - x, Math.min(0, width - outline.flagHalf - x))
    find('tl-flag').setAttribute('transform', `translate(${Math.round(flag * 10) / 10} 0)`)
    find('tl-flag-text').textContent = when
    find('tl-lit').setAttribute('x2', Math.max(outline.lineFrom, Math.min(x, outline.lineTo)))
    const veil = find('tl-veil')
    const veilFrom = now >= last ? width : x
    veil.setAttribute('x', veilFrom)
    veil.setAttribute('width', width - veilFrom)
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
    find('tl-link').href = addressOf(now)
    for (const other of root.querySelectorAll('.tl-clocks__clock'))
      other.href = other.dataset.clock === clock ? addressOf(now) : `${path}?clock=${other.dataset.clock}&at=${day}`
    keepInSight(x)
    void say(now, speak)
  }

  /** The words of the moment, unless the playhead has gone on meanwhile. Until they are there, the old ones are not shown as if they were. */
  async function say(place, speak) {
    panel.setAttribute('aria-busy', 'true')
    let moment
    try {
      moment = await wordsOf(place)
    } catch {
      // The page itself has them; without the server it says so.
      if (place === now) location.assign(addressOf(place))
      return
    }
    if (place !== now) return
    panel.innerHTML = moment.html
    panel.removeAttribute('aria-busy')
    if (place + windowBefore < last) void wordsOf(place + windowBefore).catch(() => undefined)
    // Browsers limit how often an address may be rewritten; screen readers, how much they can say.
    clearTimeout(remembering)
    remembering = setTimeout(() => {
      history.replaceState(null, '', addressOf(place))
      document.title = moment.title
    }, 120)
    clearTimeout(speaking)
    if (speak) speaking = setTimeout(() => (find('tl-announce').textContent = moment.announcement), 300)
  }

  function keepInSight(x) {
    if (stage.scrollWidth <= stage.clientWidth) return
    const drawing = find('tl-drawing')
    const scale = drawing.clientWidth / drawing.viewBox.baseVal.width
    stage.scrollLeft = x * scale - stage.clientWidth / 2
  }

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
    }, stepMs)
  }

  const toggle = () => (timer ? stop() : start())
  const go = (to) => {
    stop()
    show(to)
  }

  for (const [id, step] of [
    ['tl-first', () => 0],
    ['tl-previous', () => now - (exact() ? 1 : 0)],
    ['tl-next', () => now + 1],
    ['tl-last', () => last],
  ]) {
    find(id).addEventListener('click', (event) => {
      if (event.metaKey || event.ctrlKey || event.shiftKey) return
      event.preventDefault()
      go(step())
    })
  }
  // Where the address named a time between two places, "previous" is the place before it.
  let arrivedBetween = !places.some(({ at }) => at === root.dataset.at)
  const exact = () => {
    const was = arrivedBetween
    arrivedBetween = false
    return !was
  }

  scrub.addEventListener('input', () => go(Number(scrub.value) - 1))
  scrub.addEventListener('keydown', (event) => {
    if (event.key !== ' ') return
    event.preventDefault()
    toggle()
  })
  scrub.form.addEventListener('submit', (event) => {
    event.preventDefault()
    go(Number(scrub.value) - 1)
  })
  play.addEventListener('click', toggle)
  root.addEventListener('click', (event) => {
    const mark = event.target.closest('[data-moment]')
    if (!mark || event.metaKey || event.ctrlKey || event.shiftKey) return
    event.preventDefault()
    go(Number(mark.dataset.moment))
  })
  stage.addEventListener('keydown', (event) => {
    const to = { ArrowLeft: now - 1, ArrowRight: now + 1, Home: 0, End: last }[event.key]
    if (to !== undefined) go(to)
    else if (event.key === ' ') toggle()
    else return
    event.preventDefault()
  })

  // Dragging anywhere along the line takes the playhead to the nearest moment.
  const drawing = find('tl-drawing')
  let dragging = false
  const nearest = (clientX) => {
    const box = drawing.getBoundingClientRect()
    const x = ((clientX - box.left) / box.width) * drawing.viewBox.baseVal.width
    let best = 0
    for (let i = 1; i < places.length; i++) if (Math.abs(places[i].x - x) < Math.abs(places[best].x - x)) best = i
    return best
  }
  drawing.addEventListener('pointerdown', (event) => {
    if (event.pointerType !== 'mouse' || event.button !== 0 || event.target.closest('.tl-mark')) return
    dragging = true
    drawing.setPointerCapture(event.pointerId)
    go(nearest(event.clientX))
  })
  drawing.addEventListener('pointermove', (event) => {
    if (dragging && nearest(event.clientX) !== now) go(nearest(event.clientX))
  })
  for (const end of ['pointerup', 'pointercancel']) drawing.addEventListener(end, () => (dragging = false))

  const copy = find('tl-copy')
  copy.addEventListener('click', async () => {
    await navigator.clipboard.writeText(find('tl-link').href)
    copy.textContent = 'Copied'
    setTimeout(() => (copy.textContent = 'Copy link'), 2000)
  })
  copy.hidden = !navigator.clipboard
  play.hidden = false
  root.classList.add('tl-replay--live')
  if (places[now]) keepInSight(places[now].x)
}
