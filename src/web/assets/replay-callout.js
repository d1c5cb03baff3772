// What a mark means, beside the mark: for whoever points at it, touches it or comes to it with the keyboard.
const lingerMs = 250

export function callout(root, camera) {
  const box = document.getElementById('tl-callout')
  const stage = root.querySelector('.tl-stage')
  const drawing = document.getElementById('tl-drawing')
  const said = new Map()
  // The browser's own box for a title answers to a mouse only.
  for (const mark of drawing.querySelectorAll('a[data-mark]')) {
    const title = mark.querySelector('title')
    said.set(mark, title.textContent)
    title.remove()
  }
  let shown = null
  /** Shown because somebody asked for this mark: it stays when the pointer leaves. */
  let kept = false
  let hiding = null

  function place() {
    if (!shown) return
    const frame = stage.getBoundingClientRect()
    const glyph = [...shown.querySelectorAll('[data-version]:not(.tl-hidden) .tl-halo')].at(-1).getBoundingClientRect()
    const middle = glyph.left + glyph.width / 2 - frame.left
    box.hidden = middle < 80 || middle > frame.width
    const half = box.offsetWidth / 2
    box.style.left = `${Math.max(0, Math.min(middle - half, frame.width - half * 2))}px`
    const above = glyph.top - frame.top - box.offsetHeight - 4
    box.style.top = `${above >= 0 ? above : glyph.bottom - frame.top + 4}px`
  }

  function hide() {
    clearTimeout(hiding)
    shown?.classList.remove('tl-pointed')
    shown = null
    kept = false
    box.hidden = true
  }

  function show(mark, keep) {
    if (mark !== shown) hide()
    clearTimeout(hiding)
    shown = mark
    kept ||= keep
    mark.classList.add('tl-pointed')
    box.textContent = said.get(mark)
    box.hidden = false
    place()
  }

  const hideSoon = () => {
    clearTimeout(hiding)
    if (!kept) hiding = setTimeout(hide, lingerMs)
  }
  drawing.addEventListener('pointerover', (event) => {
    const mark = event.pointerType === 'mouse' && event.buttons === 0 && event.target.closest('a[data-mark]')
    if (mark) show(mark, false)
  })
  drawing.addEventListener('pointerout', hideSoon)
  box.addEventListener('pointerenter', () => clearTimeout(hiding))
  box.addEventListener('pointerleave', hideSoon)
  document.addEventListener('keydown', (event) => event.key === 'Escape' && hide())
  return {
    hide,
    place,
    /** @returns what was said */
    show(mark) {
      show(mark, true)
      return said.get(mark)
    },
  }
}
