// The page inside an evidence pack: verifies the pack that it carries, and tells what its events say. It asks nothing of anybody:
// its content security policy forbids every connection.
import { journeyAccount, toldEvents } from '../account.ts'
import { recordBytes, verifyPack } from '../verification.ts'

const pack = JSON.parse(document.getElementById('pack').textContent)
const told = toldEvents(pack)
const main = document.querySelector('main')

/** An element with its attributes and children; text goes in as text. */
function h(name, attributes = {}, ...children) {
  const element = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) if (value !== null) element.setAttribute(key, value)
  element.append(...children.flat().filter((child) => child !== null && child !== ''))
  return element
}

const days = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC' })
const instants = new Intl.DateTimeFormat('en-GB', {
  dateStyle: 'long',
  timeStyle: 'medium',
  timeZone: 'Europe/London',
})
const day = (text) => days.format(new Date(`${text}T00:00:00Z`))
const instant = (text) => instants.format(new Date(text))

const facts = (rows) =>
  h(
    'dl',
    { class: 'facts' },
    rows.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))),
  )

const table = (caption, heads, rows) =>
  h(
    'table',
    {},
    h('caption', {}, caption),
    h(
      'thead',
      {},
      h(
        'tr',
        {},
        heads.map((head) => h('th', { scope: 'col' }, head)),
      ),
    ),
    h(
      'tbody',
      {},
      rows.map((row) =>
        h(
          'tr',
          {},
          row.map((cell) => h('td', {}, cell)),
        ),
      ),
    ),
  )

const fieldName = (field) => {
  const words = field.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
  return words[0].toUpperCase() + words.slice(1)
}

const eventLink = (revision) => h('a', { href: `#event-${revision}` }, `event ${revision}`)

/** A register has events of many streams, so a link to one names its stream as well. */
const anchorOf = (stream, revision) => (pack.scope.of === 'register' ? `${stream}-${revision}` : `event-${revision}`)

const plural = (count, one, many = `${one}s`) => `${count} ${count === 1 ? one : many}`

const verdictWords = {
  ok: ['As it was recorded', ''],
  altered: ['Altered', 'tag--bad'],
  missing: ['Missing', 'tag--bad'],
  extra: ['Does not belong here', 'tag--bad'],
  reordered: ['In another order', 'tag--bad'],
  'not-yet-covered': ['Not yet covered by a signed checkpoint', 'tag--wait'],
}

function verdictBox(verdict) {
  const { counts, events } = verdict
  const wrong = counts.altered + counts.missing + counts.extra + counts.reordered
  const { rowsAtOdds } = verdict
  const [title, text] = verdict.isProven
    ? [
        'Nothing was altered',
        `${plural(counts.ok, 'event')} of this pack ${counts.ok === 1 ? 'is' : 'are'} in the signed log, byte for byte.` +
          (counts['not-yet-covered'] > 0
            ? ` ${plural(counts['not-yet-covered'], 'event')} came after the log was last signed and cannot be proved yet.`
            : '') +
          (verdict.apart > 0
            ? ` ${plural(verdict.apart, 'more entry', 'more entries')} of the log ${verdict.apart === 1 ? 'is' : 'are'} proved to be there and told to nobody.`
            : ''),
      ]
    : wrong > 0
      ? [
          'This pack is not what was recorded',
          `${wrong} of ${events.length} events do not agree with the signed log. They are marked below.`,
        ]
      : rowsAtOdds.length > 0
        ? [
            'A row says otherwise than its event',
            `${plural(rowsAtOdds.length, 'row')} of the register ${rowsAtOdds.length === 1 ? 'is' : 'are'} not borne out by what was recorded: ${rowsAtOdds.slice(0, 5).join(', ')}.`,
          ]
        : [
            'This pack cannot be believed',
            'The signature on the checkpoint is missing, is wrong, or is not that of the key you trust.',
          ]
  return h(
    'div',
    { class: verdict.isProven ? 'verdict' : 'verdict verdict--bad', role: 'status', id: 'verdict' },
    h('p', {}, h('strong', {}, title), text),
  )
}

const recordedWithin = ({ from, to, by }) => {
  const limits = [from && `from ${day(from)}`, to && `to ${day(to)}`, by && `by ${by}`].filter(Boolean)
  return limits.length > 0 ? `, as far as recorded ${limits.join(' ')}` : ''
}

/** The rows as the service told them, beside what their events say themselves. */
function register(knownOn) {
  const { scope } = pack
  if (scope.of !== 'register') return []
  const isKnown = ({ recordedAt }) => knownOn === null || recordedAt.slice(0, 10) <= knownOn
  const known = scope.rows.filter(isKnown)
  const toldAt = new Map(pack.events.map((event, n) => [`${event.stream} ${event.revision}`, told[n]]))
  const link = (stream, revision) => h('a', { href: `#${anchorOf(stream, revision)}` }, `event ${revision}`)
  return [
    h('h2', {}, knownOn === null ? scope.title : `${scope.title}, as known on ${day(knownOn)}`),
    h('p', {}, scope.meaning),
    h('label', { for: 'known-on' }, 'As it was known on'),
    h('p', { class: 'hint', id: 'known-on-hint' }, 'Leave it empty for what is known now.'),
    knownOnInput,
    h(
      'p',
      { id: 'counted' },
      knownOn === null
        ? `The register has ${plural(scope.rows.length, 'row')}, as known on ${instant(pack.madeAt)}.`
        : `${known.length} of ${plural(scope.rows.length, 'row')} had been recorded by the end of that day.`,
    ),
    table(
      'The rows, the oldest first',
      ['Recorded', 'What', 'How long', 'By', 'Event', 'Rests on'],
      known.map(({ stream, revision, recordedAt, says, span, by, alsoRestsOn }) => [
        instant(recordedAt),
        h('span', {}, says, h('span', { class: 'quiet' }, ` ${toldAt.get(`${stream} ${revision}`)?.sentence ?? ''}`)),
        span,
        by,
        h('span', {}, link(stream, revision), h('span', { class: 'quiet' }, ` of ${stream}`)),
        h(
          'span',
          {},
          alsoRestsOn.flatMap((one, n) => [n > 0 ? ', ' : '', link(stream, one)]),
        ),
      ]),
    ),
    h(
      'p',
      { class: 'quiet' },
      'The log proves of each row that its event was recorded so. That no row was left out, the service that made the pack says; a pack of the same days, or of the whole log, proves it.',
    ),
  ]
}

function askedFor() {
  const { scope } = pack
  const asked =
    scope.of === 'journey'
      ? `The whole history of journey ${scope.reference}`
      : scope.of === 'group'
        ? `Group ${scope.name}: its sessions, and the whole journeys of whoever has or had a place in it`
        : scope.of === 'register'
          ? `The register “${scope.title}”${recordedWithin(scope)}, and the events that its rows rest on`
          : scope.of === 'days'
            ? `Everything recorded from ${day(scope.from)} to ${day(scope.to)}`
            : 'The whole log'
  return [
    h('h2', {}, 'What was asked'),
    facts([
      ['Asked for', asked],
      ['Made', instant(pack.madeAt)],
      ['Made by', pack.madeBy],
      ['Events', String(pack.events.length)],
      ['Personal details', pack.hasPersonalFields ? 'Included, as opened when the pack was made' : 'Left out'],
      ['Pack number', pack.id],
    ]),
    pack.hasPersonalFields
      ? h(
          'p',
          { class: 'quiet' },
          'The log proves what was stored, in which personal details are sealed. That what is shown as opened is what was sealed, the service that made the pack says.',
        )
      : null,
  ]
}

function proof(verdict) {
  const { checkpoint, signatures } = verdict
  const signed = signatures.map(({ name, time, isValid }) =>
    h(
      'li',
      {},
      h('span', { class: isValid ? 'tag' : 'tag tag--bad' }, isValid ? 'Valid' : 'Wrong'),
      time === null ? `the log itself, ${name}` : `witness ${name}, ${instant(time * 1000)}`,
    ),
  )
  return [
    h('h2', {}, 'What proves it'),
    checkpoint
      ? facts([
          ['Log', checkpoint.origin],
          ['Entries when it was signed', String(checkpoint.size)],
          ['Root of its Merkle tree', h('code', {}, checkpoint.root)],
          ['Signatures', signed.length === 0 ? 'None of a known key' : h('ul', {}, signed)],
        ])
      : h('p', {}, 'The pack has no checkpoint that can be read.'),
    signatures.some(({ time, isValid }) => time !== null && isValid)
      ? null
      : h(
          'p',
          {},
          'No witness has cosigned this checkpoint: that the log showed everybody the same history rests on its operator’s word.',
        ),
    h('label', { for: 'key' }, 'The key of the log, as you know it'),
    h(
      'p',
      { class: 'hint', id: 'key-hint' },
      'Whoever forges a pack can put a key of his own into it. Paste the key that was given to you some other way, and the pack is judged by it.',
    ),
    keyInput,
    h('p', { class: 'quiet' }, 'The key in this pack: ', h('code', { id: 'packed-key' }, pack.logKeys.join(' '))),
  ]
}

function account(knownOn) {
  const now = journeyAccount(pack, null)
  if (!now) return []
  const then = journeyAccount(pack, knownOn)
  const isNow = knownOn === null
  const { counted, all } = then.events
  return [
    h('h2', {}, isNow ? 'What stands' : `What stood, as it was known on ${day(knownOn)}`),
    h('label', { for: 'known-on' }, 'As it was known on'),
    h('p', { class: 'hint', id: 'known-on-hint' }, 'Leave it empty for what is known now.'),
    knownOnInput,
    h(
      'p',
      { id: 'counted' },
      isNow
        ? `All ${plural(all, 'event')} count.`
        : `${counted} of ${plural(all, 'event')} had been recorded by the end of that day.`,
    ),
    facts([
      ['Status', then.status + (isNow || then.status === now.status ? '' : ` (now: ${now.status})`)],
      ...then.figures,
    ]),
    then.sessions.length > 0
      ? table(
          'Sessions',
          ['Session', 'Held', 'Outcome', 'Says'],
          then.sessions.map(({ session, heldOn, outcome, revision }) => [
            session,
            day(heldOn),
            outcome,
            eventLink(revision),
          ]),
        )
      : null,
    h('h2', {}, 'What was corrected'),
    corrections(),
    isNow
      ? null
      : then.changed.length === 0
        ? h('p', {}, 'Nothing that was believed on that day has been corrected since.')
        : table(
            `Believed on ${day(knownOn)} and no longer`,
            ['About', 'Believed then', 'Believed now', 'Because of'],
            then.changed.map(({ about, then, now, revision }) => [about, then, now, eventLink(revision)]),
          ),
  ]
}

function corrections() {
  const rows = pack.events.flatMap(({ revision, type }, n) =>
    told[n].corrects !== null || type === 'OutcomeRecategorised'
      ? [
          [
            told[n].sentence,
            told[n].corrects === null ? '' : eventLink(told[n].corrects),
            eventLink(revision),
            told[n].recordedAt ? instant(told[n].recordedAt) : '',
            told[n].who,
          ],
        ]
      : [],
  )
  return rows.length === 0
    ? h('p', {}, 'Nothing was corrected.')
    : table('Corrections, as they were recorded', ['Correction', 'Corrects', 'Recorded as', 'Recorded', 'By'], rows)
}

function eventItem({ verdict, where, event }, knownOn) {
  const [words, tone] = verdictWords[verdict]
  const tag = h('span', { class: `tag ${tone}` }, words)
  if (!event) return h('li', {}, tag, where)
  const it = told[pack.events.indexOf(event)]
  const isLater = knownOn !== null && it.recordedAt !== null && it.recordedAt.slice(0, 10) > knownOn
  const id = ['journey', 'register'].includes(pack.scope.of) ? anchorOf(event.stream, event.revision) : null
  const linkTo = (revision) => h('a', { href: `#${anchorOf(event.stream, revision)}` }, `event ${revision}`)
  const note = (text) => h('span', { class: 'tag tag--note' }, text)
  return h(
    'li',
    { id, class: isLater ? 'later' : null, 'data-verdict': verdict },
    h('h3', {}, `${event.revision}. ${it.sentence}`),
    h(
      'p',
      {},
      tag,
      it.daysLate > 0 ? note(`${plural(it.daysLate, 'day')} late`) : null,
      it.corrects === null ? null : note(h('span', {}, 'Corrects ', linkTo(it.corrects))),
      it.correctedBy === null ? null : note(h('span', {}, 'Corrected by ', linkTo(it.correctedBy))),
      it.isKeyMissing ? note('Personal details left out: their key was missing') : null,
      isLater ? note('Recorded later than the day you look at') : null,
    ),
    facts([
      ...(it.occurredOn ? [['Happened', day(it.occurredOn)]] : []),
      ...(it.recordedAt ? [['Recorded', `${instant(it.recordedAt)}, by ${it.who}, source ${it.source}`]] : []),
      ...Object.entries(event.opened ?? {}).map(([field, value]) => [
        fieldName(field),
        typeof value === 'string' ? value : JSON.stringify(value),
      ]),
    ]),
    h(
      'details',
      {},
      h('summary', {}, `Bytes and proof of ${where}`),
      h('p', {}, 'Data as stored'),
      h('pre', {}, event.data.text ?? 'none'),
      h('p', {}, 'Metadata as stored'),
      h('pre', {}, event.metadata.text ?? 'none'),
      h('p', {}, 'Record that is hashed into the log'),
      h('pre', {}, new TextDecoder().decode(recordBytes(event))),
      event.proof
        ? [
            h('p', {}, `Entry ${event.proof.index} of the log; the hashes from it to the root`),
            h('pre', {}, event.proof.path.join('\n') || 'none: it is the only entry'),
          ]
        : h('p', {}, 'No signed checkpoint covers it yet.'),
    ),
  )
}

const keyInput = h('input', {
  type: 'text',
  id: 'key',
  'aria-describedby': 'key-hint',
  autocomplete: 'off',
  spellcheck: 'false',
})
const knownOnInput = h('input', {
  type: 'date',
  id: 'known-on',
  'aria-describedby': 'known-on-hint',
  value: pack.knownOn,
})

function show() {
  const focused = document.activeElement
  const knownOn = knownOnInput.value || null
  const verdict = verifyPack(pack, keyInput.value.trim() || undefined)
  const title =
    pack.scope.of === 'journey'
      ? `Evidence: journey ${pack.scope.reference}`
      : pack.scope.of === 'register'
        ? `Evidence: register “${pack.scope.title}”`
        : 'Evidence'
  document.title = title
  main.replaceChildren(
    ...[
      h('h1', {}, title),
      verdictBox(verdict),
      ...askedFor(),
      ...proof(verdict),
      ...account(knownOn),
      ...register(knownOn),
      h('h2', {}, 'Events, in the order in which they were recorded'),
      h(
        'ol',
        { class: 'events' },
        verdict.events.map((event) => eventItem(event, knownOn)),
      ),
    ].filter(Boolean),
  )
  focused?.focus()
}

keyInput.addEventListener('change', show)
knownOnInput.addEventListener('change', show)
show()
