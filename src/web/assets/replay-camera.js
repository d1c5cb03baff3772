// What part of the line is in sight. The canvas is as wide as the whole line at this zoom and scrolls within the stage by itself; the
// drawing stays where it is and shows the part that is scrolled to.
import { axisOf, msInDay, spanOf, timeAt, xAt } from './replay-axis.js'

const gutter = 88
const margin = 16
/** A drawing narrower than this shows part of the line at first: all of it would be too small to touch. */
const readable = 1000
const letterWidth = 6.5
const still = 250

/** Draws a tie anew between two places, at the heights it had. */
function tieBy(path) {
  if (!path) return null
  const [, top, turn, above, below, end] = /^M\S+ ([\d.]+)V([\d.]+)C\S+ ([\d.]+) \S+ ([\d.]+) \S+ ([\d.]+)$/.exec(
    path.getAttribute('d'),
  )
  return (from, to) => path.setAttribute('d', `M${from} ${top}V${turn}C${from} ${above} ${to} ${below} ${to} ${end}`)
}

export function camera(root, outline, moved) {
  const find = (id) => document.getElementById(id)
  const stage = root.querySelector('.tl-stage')
  const canvas = root.querySelector('.tl-canvas')
  const drawing = find('tl-drawing')
  const [track, headTrack, axis, span] = ['tl-track', 'tl-head-track', 'tl-axis', 'tl-span'].map(find)
  const height = drawing.viewBox.baseVal.height
  const baseTrack = outline.width - gutter - margin
  const open = outline.stretches.filter(({ folded }) => !folded)
  const dayWidth = Math.max(...open.map(({ from, to, width }) => (width / (to - from)) * msInDay))
  /** At the highest zoom one day fills the stage. */
  const highest = Math.max(1, baseTrack / dayWidth)

  const overlay = document.createElementNS(drawing.namespaceURI, 'svg')
  overlay.classList.add('tl-drawing', 'tl-overlay')
  overlay.setAttribute('aria-hidden', 'true')
  overlay.setAttribute('height', height)
  overlay.append(headTrack)
  root.querySelector('.tl-linebox').append(overlay)

  const byIndex = new Map([...track.querySelectorAll('a[data-mark]')].map((a) => [Number(a.dataset.mark), a]))
  const tieOf = new Map([...track.querySelectorAll('path[data-mark]')].map((path) => [Number(path.dataset.mark), path]))
  const marks = outline.drawn.map(([index, x, recordedX, tieFrom]) => {
    const mark = byIndex.get(index)
    const rail = mark.querySelector('[data-rail]')
    const railY = rail?.getAttribute('transform').split(' ')[1]
    return { x, recordedX, tieFrom, mark, rail, railY, tie: tieBy(tieOf.get(index)) }
  })
  const numbers = (text) => text.split(' ').map(Number)
  const bands = [...track.querySelectorAll('[data-band]')].map((band) => ({
    at: numbers(band.dataset.band),
    names: (band.dataset.names ?? '').split('|'),
    rect: band.querySelector('rect'),
    text: band.querySelector('text'),
  }))
  const spans = [...track.querySelectorAll('[data-span]')].map((line) => ({ line, at: numbers(line.dataset.span) }))
  const folds = [...track.querySelectorAll('[data-fold]')].map((fold) => ({ fold, at: numbers(fold.dataset.fold) }))

  let zoom = 0
  let width = 0
  let trackWidth = 0
  let scale = 1
  let scrolled = 0
  let drawnAxis = { from: 0, to: 0 }
  let stillness = null

  const round = (x) => Math.round(x * 10) / 10
  const place = (x) => gutter + (x - gutter) * scale
  const unplace = (px) => (px - gutter) / scale + gutter

  /** Everything on the line, where it stands at this zoom. */
  function draw() {
    scale = (trackWidth * zoom) / baseTrack
    for (const svg of [drawing, overlay]) {
      svg.setAttribute('viewBox', `0 0 ${width} ${height}`)
      svg.setAttribute('width', width)
    }
    canvas.style.width = `${Math.round(gutter + margin + trackWidth * zoom)}px`
    for (const { x, recordedX, tieFrom, mark, rail, railY, tie } of marks) {
      const [at, recorded] = [place(x), place(recordedX)]
      mark.setAttribute('transform', `translate(${round(at)} 0)`)
      rail?.setAttribute('transform', `translate(${round(recorded - at)} ${railY}`)
      tie?.(round(place(tieFrom)), round(recorded))
    }
    for (const { at, rect } of bands) {
      rect.setAttribute('x', round(place(at[0])))
      rect.setAttribute('width', round(at[1] * scale))
    }
    for (const { line, at } of spans) {
      line.setAttribute('x1', round(place(at[0])))
      line.setAttribute('x2', round(place(at[1])))
    }
    for (const { fold, at } of folds)
      fold.setAttribute('transform', `translate(${round((place(at[0]) + place(at[1])) / 2)} 0)`)
    drawnAxis = { from: 0, to: 0 }
  }

  /** The part that is scrolled to. */
  function pan() {
    scrolled = stage.scrollLeft
    for (const group of [track, headTrack]) group.setAttribute('transform', `translate(${-scrolled} 0)`)
    const [from, to] = [scrolled + gutter, scrolled + width - margin]
    if (from < drawnAxis.from || to > drawnAxis.to) {
      drawnAxis = { from: from - width, to: to + width }
      axis.innerHTML = axisOf(outline.stretches, place, unplace, drawnAxis, dayWidth * scale, height)
    }
    for (const { at, names, text } of bands) {
      if (!text) continue
      const start = Math.max(place(at[0]), from)
      const room = Math.min(place(at[0] + at[1]), to) - start
      const name = names.find((words) => words.length * letterWidth + 12 < room) ?? ''
      if (text.textContent !== name) text.textContent = name
      if (name) text.setAttribute('x', round(start + 6))
    }
    span.textContent = spanOf(outline.stretches, unplace(from + 2), unplace(to - 2))
    find('tl-zoom-out').setAttribute('aria-disabled', String(zoom <= 1))
    find('tl-zoom-in').setAttribute('aria-disabled', String(zoom >= highest))
    moved({ place, scrolled, width })
  }

  function holdStill() {
    root.classList.add('tl-replay--still')
    clearTimeout(stillness)
    stillness = setTimeout(() => root.classList.remove('tl-replay--still'), still)
  }

  /** @param anchor where on the stage the line stays as it is, in pixels */
  function zoomTo(wanted, anchor) {
    const under = unplace(scrolled + anchor)
    zoom = Math.min(Math.max(wanted, 1), highest)
    holdStill()
    draw()
    stage.scrollLeft = Math.round(zoom === highest ? place(dayOf(under)) - gutter : place(under) - anchor)
    pan()
  }

  /** Where the day begins that something on the line falls on. What stands at midnight itself may be reckoned a moment before it. */
  function dayOf(x) {
    const time = timeAt(outline.stretches, x) + 60_000
    return xAt(outline.stretches, Math.floor(time / msInDay) * msInDay)
  }

  function measure() {
    const now = stage.clientWidth
    if (now === width) return
    const middle = width === 0 ? null : unplace(scrolled + width / 2)
    width = now
    overlay.style.left = `${stage.offsetLeft + stage.clientLeft}px`
    overlay.style.top = `${stage.offsetTop + stage.clientTop}px`
    trackWidth = Math.max(120, width - gutter - margin)
    zoom ||= Math.min(highest, Math.max(1, readable / trackWidth))
    draw()
    if (middle !== null) stage.scrollLeft = Math.round(place(middle) - width / 2)
    pan()
  }

  stage.addEventListener('scroll', () => stage.scrollLeft !== scrolled && pan(), { passive: true })
  new ResizeObserver(measure).observe(stage)
  drawing.setAttribute('height', height)
  root.classList.add('tl-replay--drawn')
  measure()

  return {
    place,
    zoomBy: (factor, anchor) => zoomTo(zoom * factor, anchor),
    zoomOf: () => zoom,
    whole: () => zoomTo(1, gutter),
    /** @param part of what is in sight, to the right */
    panBy(part, pixels = 0) {
      holdStill()
      stage.scrollLeft = scrolled + part * (width - gutter - margin) + pixels
    },
    /** Where something stands on the stage, kept to what is in sight. */
    anchorOf: (x) => Math.min(Math.max(place(x) - scrolled, gutter), width - margin),
    /** What of the line is under a pointer. */
    under: (clientX) => unplace(clientX - stage.getBoundingClientRect().left + scrolled),
    reveal(x) {
      const at = place(x) - scrolled
      if (at >= gutter + 8 && at <= width - margin - 8) return
      stage.scrollLeft = Math.round(place(x) - (gutter + width) / 2)
    },
  }
}
