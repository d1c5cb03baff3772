// Keeps the operator's page up to date: notified that there is something else to see, it looks again and changes the parts that differ.
import { listen } from './live.js'

export function watch(element) {
  const lost = element.querySelector('[data-lost]')
  let known = element.dataset.digest
  let looking = false

  async function look() {
    if (looking) return
    looking = true
    try {
      const answer = await fetch(location.pathname)
      if (!answer.ok) throw new Error(String(answer.status))
      const page = new DOMParser().parseFromString(await answer.text(), 'text/html')
      const fresh = page.querySelector('[data-watch]')
      const parts = [...fresh.querySelectorAll('[data-part]')]
      const names = (list) => list.map(({ dataset }) => dataset.part).join()
      const mine = [...element.querySelectorAll('[data-part]')]
      // With the database away there are fewer parts: the page is then another one.
      if (names(mine) !== names(parts)) return location.replace(location.pathname)
      for (const [n, part] of parts.entries()) show(mine[n], part)
      known = fresh.dataset.digest
      lost.hidden = true
    } catch {
      lost.hidden = false
    } finally {
      looking = false
    }
  }

  listen(
    element.dataset.watch,
    ({ digest }) => {
      if (digest !== known) void look()
    },
    (state) => (lost.hidden = state === 'open'),
  )
}

const words = (part) => part.textContent.replace(/\s+/g, ' ')

/** Nothing is taken from under somebody who has his hand on it. */
function show(old, fresh) {
  if (words(old) === words(fresh) || old.contains(document.activeElement)) return
  old.replaceChildren(...document.adoptNode(fresh).childNodes)
}
