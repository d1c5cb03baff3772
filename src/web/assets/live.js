// Tells whoever has a journey open that something was added to it meanwhile. Never changes the page under the reader.
export function follow(element) {
  if (!('EventSource' in window)) return
  const known = Number(element.dataset.revision)
  const source = new EventSource(element.dataset.live)
  source.addEventListener('message', (message) => {
    const { revision } = JSON.parse(message.data)
    if (!(revision > known)) return
    element.hidden = false
    source.close()
  })
  window.addEventListener('pagehide', () => source.close())
}
