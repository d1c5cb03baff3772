// Shows, on a page of a journey, that something was added to it meanwhile. Never changes the page under the reader.
import { listen } from './live.js'

export function follow(element) {
  const known = Number(element.dataset.revision)
  listen(element.dataset.live, ({ revision }) => {
    if (revision > known) element.hidden = false
  })
}
