// Loads the page again, every second, while what it tells of is still running; the focus and the scroll stay where they are.
export function untilDone(element) {
  async function look() {
    try {
      const answer = await fetch(location.pathname)
      const page = new DOMParser().parseFromString(await answer.text(), 'text/html')
      const fresh = page.querySelector('[data-until-done]')
      if (!fresh) return location.replace(location.pathname)
      for (const part of ['progress', '[role="status"]']) {
        const [old, next] = [element.querySelector(part), fresh.querySelector(part)]
        if (old && next) old.replaceWith(document.adoptNode(next))
      }
    } catch {
      // The service does not answer for now; the next look tells.
    }
    setTimeout(look, 1_000)
  }
  setTimeout(look, 1_000)
}
