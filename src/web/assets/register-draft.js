// A register half filled in is kept in this browser, encrypted under a key that only the page of that register is given, and shown
// as not yet sent when the connection drops. Without the key that the service gives to whoever may open the page, it is unreadable.
const prefix = 'throughline-register-'
const saveAfterMs = 250
const answerWithinMs = 4_000

/** What is not the person's own entry is not kept. */
const notKept = new Set(['_csrf', 'commandId', 'revision', 'step'])

export async function registerDraft(form) {
  const name = prefix + form.dataset.registerDraft
  const notice = document.querySelector('[data-unsent]')
  markAll(form)
  const key = await keyFrom(form.dataset.draftKey)
  const say = (text) => {
    notice.textContent = text
    notice.hidden = text === ''
  }
  say('')
  if (key) {
    const kept = await read(name, key)
    if (kept && differs(form, kept)) {
      fill(form, kept)
      say('Not yet sent: what you entered before is filled in again from this browser. Check it, then continue.')
    }
    let saving
    form.addEventListener('input', () => {
      clearTimeout(saving)
      saving = setTimeout(() => void write(name, key, entries(form)), saveAfterMs)
    })
  }
  const lost = () =>
    say(
      'Not yet sent: there is no connection. What you enter is kept in this browser. Send it when the connection is back.',
    )
  addEventListener('offline', lost)
  addEventListener('online', () =>
    say('The connection is back. What you entered is not yet sent: continue to send it.'),
  )
  if (!navigator.onLine) lost()
  let isReached = false
  form.addEventListener('submit', (event) => {
    if (isReached) return
    event.preventDefault()
    const button = event.submitter
    void (async () => {
      if (key) await write(name, key, entries(form))
      if (await isThere()) {
        isReached = true
        form.requestSubmit(button?.form === form ? button : undefined)
      } else {
        lost()
        notice.scrollIntoView({ block: 'center' })
        button?.removeAttribute('disabled')
      }
    })()
  })
}

/** The register was recorded: nothing of it stays in this browser. */
export const draftSent = (element) => localStorage.removeItem(prefix + element.dataset.draftSent)

function markAll(form) {
  const button = form.querySelector('[data-mark-all]')
  button?.addEventListener('click', (event) => {
    event.preventDefault()
    for (const select of form.querySelectorAll('[data-outcome]'))
      if (select.value === '') select.value = button.dataset.markAll
    form.dispatchEvent(new Event('input'))
    form.querySelector('[data-outcome]')?.focus()
  })
}

async function isThere() {
  try {
    const answer = await fetch('/api/health/live', { cache: 'no-store', signal: AbortSignal.timeout(answerWithinMs) })
    return answer.ok
  } catch {
    return false
  }
}

const entries = (form) =>
  [...new FormData(form)].filter(([name, value]) => !notKept.has(name) && typeof value === 'string')

const differs = (form, kept) => JSON.stringify(entries(form)) !== JSON.stringify(kept)

function fill(form, kept) {
  const values = new Map(kept)
  for (const control of form.elements) {
    if (!control.name || notKept.has(control.name)) continue
    if (control.type === 'checkbox') control.checked = values.get(control.name) === control.value
    else if (values.has(control.name)) control.value = values.get(control.name)
  }
}

/** Browsers offer encryption only where nobody between can read the page: elsewhere nothing is kept. */
async function keyFrom(text) {
  if (!text || !globalThis.crypto?.subtle) return null
  return crypto.subtle.importKey('raw', bytesOf(text), 'AES-GCM', false, ['encrypt', 'decrypt'])
}

async function write(name, key, kept) {
  const iv = crypto.getRandomValues(new Uint8Array(12))
  const text = new TextEncoder().encode(JSON.stringify(kept))
  const sealed = await crypto.subtle.encrypt({ name: 'AES-GCM', iv }, key, text)
  localStorage.setItem(name, `${textOf(iv)}.${textOf(new Uint8Array(sealed))}`)
}

async function read(name, key) {
  const [iv, sealed] = (localStorage.getItem(name) ?? '').split('.')
  if (!sealed) return null
  try {
    const text = await crypto.subtle.decrypt({ name: 'AES-GCM', iv: bytesOf(iv) }, key, bytesOf(sealed))
    return JSON.parse(new TextDecoder().decode(text))
  } catch {
    localStorage.removeItem(name) // kept under a key that is no more
    return null
  }
}

const textOf = (bytes) =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')

const bytesOf = (text) =>
  Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (letter) => letter.charCodeAt(0))
