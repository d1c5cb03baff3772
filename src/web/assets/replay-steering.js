// What moves the playhead and the line: buttons, keys, a mouse, a finger or two.
const zoomStep = 2
const hiddenKinds = 'throughline-replay-hides'

export function steered(root, { player, line, said, marks }) {
  const find = (id) => document.getElementById(id)
  const stage = root.querySelector('.tl-stage')
  const drawing = find('tl-drawing')
  const scrub = find('tl-scrub')
  const withKey = (event) => event.metaKey || event.ctrlKey || event.shiftKey

  for (const [id, act] of [
    ['tl-first', player.first],
    ['tl-previous', () => player.step(-1)],
    ['tl-next', () => player.step(1)],
    ['tl-last', player.last],
  ]) {
    find(id).addEventListener('click', (event) => {
      if (withKey(event)) return
      event.preventDefault()
      act()
    })
  }
  for (const jump of root.querySelectorAll('[data-jump]'))
    jump.addEventListener('click', (event) => {
      if (withKey(event)) return
      event.preventDefault()
      player.jump(jump.dataset.jump)
    })
  scrub.addEventListener('input', () => player.go(Number(scrub.value) - 1))
  scrub.addEventListener('keydown', (event) => {
    if (event.key !== ' ') return
    event.preventDefault()
    player.toggle()
  })
  scrub.form.addEventListener('submit', (event) => {
    event.preventDefault()
    player.go(Number(scrub.value) - 1)
  })
  find('tl-play').addEventListener('click', player.toggle)

  const zoom = (factor) => line.zoomBy(factor, line.anchorOf(player.x()))
  for (const [id, act] of [
    ['tl-zoom-in', () => zoom(zoomStep)],
    ['tl-zoom-out', () => zoom(1 / zoomStep)],
    ['tl-whole', line.whole],
    ['tl-earlier', () => line.panBy(-0.8)],
    ['tl-later', () => line.panBy(0.8)],
  ])
    find(id).addEventListener('click', act)

  // A mark leads to its moment and says what it means; one of the list below brings the line back into sight.
  root.addEventListener('click', (event) => {
    const link = event.target.closest('a.tl-mark, a[data-moment]')
    if (!link || withKey(event)) return
    event.preventDefault()
    const { mark } = link.closest('[data-mark]').dataset
    player.go(marks[mark].versions[0])
    if (drawing.contains(link)) return void said.show(link)
    find('tl-line').scrollIntoView({ block: 'start' })
    const drawn = drawing.querySelector(`a[data-mark="${mark}"]`)
    if (drawn) said.show(drawn)
    stage.focus({ preventScroll: true })
  })

  // With the keyboard: moment by moment, or mark by mark.
  const inOrder = marks
    .map(({ index, versions }) => ({ place: versions[0], mark: drawing.querySelector(`a[data-mark="${index}"]`) }))
    .filter(({ mark }) => mark)
    .sort((one, other) => one.place - other.place)
  let pointed = -1
  function point(by) {
    const here = inOrder[pointed]
    const fresh = here === undefined || here.place !== player.now()
    const next = fresh
      ? by > 0
        ? inOrder.findIndex(({ place }) => place >= player.now())
        : inOrder.findLastIndex(({ place }) => place <= player.now())
      : pointed + by
    if (!inOrder[next]) return
    pointed = next
    player.go(inOrder[next].place)
    player.say(said.show(inOrder[next].mark))
  }
  const keys = {
    ArrowLeft: ({ shiftKey }) => (shiftKey ? line.panBy(-0.25) : player.step(-1)),
    ArrowRight: ({ shiftKey }) => (shiftKey ? line.panBy(0.25) : player.step(1)),
    ArrowUp: () => point(-1),
    ArrowDown: () => point(1),
    Home: player.first,
    End: player.last,
    ' ': player.toggle,
    '+': () => zoom(zoomStep),
    '=': () => zoom(zoomStep),
    '-': () => zoom(1 / zoomStep),
    0: line.whole,
    a: ({ shiftKey }) => player.jump('absence', !shiftKey),
    c: ({ shiftKey }) => player.jump('correction', !shiftKey),
    l: ({ shiftKey }) => player.jump('late record', !shiftKey),
  }
  stage.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    const act = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key]
    if (!act) return
    act(event)
    event.preventDefault()
  })

  // A mouse drags anywhere along the line; a finger drags the playhead by its flag or foot, so that the rest of the line can be moved.
  let dragging = false
  const follow = (event) => {
    const place = player.nearest(line.under(event.clientX))
    if (place !== player.now()) player.go(place)
  }
  const overlay = root.querySelector('.tl-overlay')
  function take(event, surface) {
    dragging = true
    root.classList.add('tl-replay--still')
    surface.setPointerCapture(event.pointerId)
  }
  drawing.addEventListener('pointerdown', (event) => {
    if (event.button !== 0 || event.pointerType !== 'mouse' || event.target.closest('.tl-mark')) return
    take(event, drawing)
    follow(event)
  })
  overlay.addEventListener('pointerdown', (event) => event.button === 0 && take(event, overlay))
  // A finger on the playhead moves the playhead, and not the line or the page.
  overlay.addEventListener('touchmove', (event) => event.preventDefault(), { passive: false })
  for (const surface of [drawing, overlay]) {
    surface.addEventListener('pointermove', (event) => dragging && follow(event))
    for (const end of ['pointerup', 'pointercancel'])
      surface.addEventListener(end, () => {
        if (dragging) root.classList.remove('tl-replay--still')
        dragging = false
      })
  }
  drawing.addEventListener('click', (event) => {
    if (event.pointerType === 'touch' && !event.target.closest('.tl-mark')) follow(event)
  })

  stage.addEventListener(
    'wheel',
    (event) => {
      if (!event.ctrlKey) return
      event.preventDefault()
      line.zoomBy(Math.exp(-event.deltaY / 200), event.clientX - stage.getBoundingClientRect().left)
    },
    { passive: false },
  )
  let pinch = null
  const fingers = ({ touches: [one, other] }) => ({
    apart: Math.max(20, Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY)),
    middle: (one.clientX + other.clientX) / 2 - stage.getBoundingClientRect().left,
  })
  stage.addEventListener('touchstart', (event) => (pinch = event.touches.length === 2 ? fingers(event) : null), {
    passive: true,
  })
  stage.addEventListener(
    'touchmove',
    (event) => {
      if (!pinch || event.touches.length !== 2) return
      event.preventDefault()
      const { apart, middle } = fingers(event)
      line.panBy(0, pinch.middle - middle)
      line.zoomBy(apart / pinch.apart, middle)
      pinch = { apart, middle }
    },
    { passive: false },
  )
  for (const end of ['touchend', 'touchcancel']) stage.addEventListener(end, () => (pinch = null))

  // What is hidden stays hidden on the other clock too, until the browser is closed.
  const boxes = [...find('tl-kinds').querySelectorAll('input')]
  const hidden = new Set((sessionStorage.getItem(hiddenKinds) ?? '').split(' '))
  const apply = () => {
    for (const box of boxes) stage.classList.toggle(`tl-stage--no-${box.value}`, !box.checked)
  }
  for (const box of boxes) {
    box.checked = !hidden.has(box.value)
    box.addEventListener('change', () => {
      said.hide()
      apply()
      const unchecked = boxes.filter(({ checked }) => !checked).map(({ value }) => value)
      sessionStorage.setItem(hiddenKinds, unchecked.join(' '))
    })
  }
  apply()
}
