// The playhead. Every moment was worked out by the server; this only shows the one asked for.
const stepMs = 1100

export async function replay(root) {
  const find = (id) => document.getElementById(id)
  const scrub = find('tl-scrub')
  const play = find('tl-play')
  const stage = root.querySelector('.tl-stage')
  const { clock, path } = root.dataset
  const response = await fetch(root.dataset.moments, { headers: { accept: 'application/json' } })
  if (!response.ok) return
  const { moments, width, ahead } = await response.json()
  const marked = [...root.querySelectorAll('[data-mark]')].map((element) => ({
    element,
    index: Number(element.dataset.mark),
    versions: [...element.querySelectorAll('[data-version]')],
    row: element.tagName === 'TR',
  }))
  const addressOf = (moment) => `${path}?clock=${clock}&at=${encodeURIComponent(moment.at)}`
  const last = moments.length - 1
  let now = Number(root.dataset.number) - 1
  let timer = null
  let speaking = null
  let remembering = null

  function show(to, { speak = true } = {}) {
    now = Math.min(Math.max(to, 0), last)
    const moment = moments[now]
    for (const { element, index, versions, row } of marked) {
      const shown = moment.shown[index]
      const off = shown < 0
      element.classList.toggle('tl-off', off)
      element.classList.toggle('tl-now', moment.news.includes(index))
      if (row) element.hidden = off
      versions.forEach((version, i) => version.classList.toggle('tl-hidden', i !== (off ? ahead[index] : shown)))
    }
    find('tl-sessions').hidden = !moment.anySession
    find('tl-none').hidden = moment.anySession
    find('tl-playhead').setAttribute('transform', `translate(${moment.x} 0)`)
    find('tl-flag').setAttribute('transform', `translate(${moment.flagShift} 0)`)
    find('tl-flag-text').textContent = moment.whenShort
    find('tl-lit').setAttribute('x2', moment.litTo)
    const veil = find('tl-veil')
    veil.setAttribute('x', moment.veilFrom)
    veil.setAttribute('width', width - moment.veilFrom)
    find('tl-moment').innerHTML = moment.html
    find('tl-number').textContent = String(now + 1)
    find('tl-when').textContent = moment.whenShort
    scrub.value = String(now + 1)
    scrub.setAttribute('aria-valuetext', moment.whenShort)
    const ends = { 'tl-first': 0, 'tl-previous': now - 1, 'tl-next': now + 1, 'tl-last': last }
    for (const [id, place] of Object.entries(ends)) {
      const link = find(id)
      link.href = addressOf(moments[Math.min(Math.max(place, 0), last)])
      const atEnd = id === 'tl-first' || id === 'tl-previous' ? now === 0 : now === last
      if (atEnd) link.setAttribute('aria-disabled', 'true')
      else link.removeAttribute('aria-disabled')
    }
    find('tl-link').href = addressOf(moment)
    for (const other of root.querySelectorAll('.tl-clocks__clock')) {
      other.href =
        other.dataset.clock === clock ? addressOf(moment) : `${path}?clock=${other.dataset.clock}&at=${moment.day}`
    }
    keepInSight(moment.x)
    // Browsers limit how often an address may be rewritten; screen readers, how much they can say.
    clearTimeout(remembering)
    remembering = setTimeout(() => {
      history.replaceState(null, '', addressOf(moment))
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
  let arrivedBetween = !moments.some((moment) => moment.at === root.dataset.at)
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
    moments.forEach((moment, i) => {
      if (Math.abs(moment.x - x) < Math.abs(moments[best].x - x)) best = i
    })
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
  if (moments[now]) keepInSight(moments[now].x)
}
