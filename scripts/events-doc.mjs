// Writes docs/events.md from the union of events: what each says in its own comment, its fields, how sensitive each is, and its
// sentence. With --check it writes nothing, and fails where the page no longer says what the source says.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { eventTypes, privacyOf } from '../src/domain/events.ts'
import { sentenceOf, wordsOf } from '../src/domain/event-words.ts'
import { schemaVersionOf } from '../src/domain/codec.ts'
import { facilitatorHistory, facilitatorPrivacy } from '../src/domain/facilitator/facilitator.ts'
import { groupHistory, groupPrivacy } from '../src/domain/group/group.ts'
import { evidencePackHistory, evidencePackPrivacy } from '../src/domain/evidence-pack.ts'
import { importPrivacy } from '../src/domain/import-record.ts'
import { journeyHistory, journeyPrivacy } from '../src/domain/journey/journey.ts'
import { outcomeCodes, outcomes, reasonCodes, reasons, attendanceCategoryOf } from '../src/domain/journey/outcomes.ts'
import { referralSourceNames, suitabilities } from '../src/domain/journey/referral.ts'
import { limitedAccessHistory, limitedAccessPrivacy } from '../src/domain/limited-access.ts'
import { participantHistory, participantPrivacy } from '../src/domain/participant.ts'
import { sessionHistory, sessionPrivacy } from '../src/domain/session/session.ts'
import { exampleOf } from '../test/domain/examples.ts'

const root = join(fileURLToPath(import.meta.url), '../..')

/** Which history holds an event, and so the name of its stream. */
const categories = [
  {
    category: journeyHistory.category,
    privacy: journeyPrivacy,
    title: 'A journey: one referral’s path through one programme',
  },
  { category: participantHistory.category, privacy: participantPrivacy, title: 'A participant: who he is' },
  {
    category: groupHistory.category,
    privacy: groupPrivacy,
    title: 'A group: where and when it meets, and who has a place',
  },
  { category: sessionHistory.category, privacy: sessionPrivacy, title: 'A session: who was in the room' },
  {
    category: facilitatorHistory.category,
    privacy: facilitatorPrivacy,
    title: 'A facilitator: what he or she is trained for, and the support that was given',
  },
  { category: 'import', privacy: importPrivacy, title: 'An import: what was turned away' },
  {
    category: evidencePackHistory.category,
    privacy: evidencePackPrivacy,
    title: 'An evidence pack: what was taken out of the service',
  },
  {
    category: limitedAccessHistory.category,
    privacy: limitedAccessPrivacy,
    title: 'Limited access: who may not see a case',
  },
]

const program = ts.createProgram([join(root, 'src/domain/events.ts')], {
  target: ts.ScriptTarget.ES2024,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  strict: true,
  noEmit: true,
  allowImportingTsExtensions: true,
  types: [],
})
const checker = program.getTypeChecker()

/** A type that a file exports. */
const declared = (file, name) =>
  checker
    .getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(join(root, file))))
    .find((symbol) => symbol.name === name)

const plain = (text) =>
  text
    .replace(/^\/\*\*|\*\/$/g, '')
    .replace(/^\s*\* ?/gm, '')
    .replace(/\s+/g, ' ')
    .trim()

/** The comment written directly before a node; for a member of a union it stands before the `|`. */
function commentOf(node) {
  const text = node.getSourceFile().text
  const before = text.slice(0, node.getStart()).trimEnd().replace(/\|$/, '').trimEnd()
  return before.endsWith('*/') ? plain(before.slice(before.lastIndexOf('/**'))) : ''
}

const sourceTextOf = (symbol) => symbol.valueDeclaration.type.getText().replace(/\s+/g, ' ')

const nameOf = (field) => field.name + (field.flags & ts.SymbolFlags.Optional ? '?' : '')

const meaningOf = (field) => cell(plain(ts.displayPartsToString(field.getDocumentationComment(checker))))

const cell = (text) => text.replaceAll('|', '\\|')

const code = (text) => `\`${cell(text)}\``

/** Every event type of the union, with the place where it is written and the type of its data. */
const members = new Map(
  checker.getDeclaredTypeOfSymbol(declared('src/domain/events.ts', 'DomainEvent')).types.map((type) => {
    const name = checker.getTypeOfSymbol(type.getProperty('type')).value
    return [name, { node: type.symbol.declarations[0], data: checker.getTypeOfSymbol(type.getProperty('data')) }]
  }),
)

/** What the event is called, on the timeline and on the line, and in a contact log. */
function namesOf(type) {
  const { name, shortName, contact, weight } = wordsOf(type)
  return (
    [
      `Called “${name}”`,
      ...(weight === 'none'
        ? ['kept off the line of a journey']
        : [`on the line “${shortName}”, drawn as ${code(weight)}`]),
      ...(contact === null ? [] : [`in a contact log “${contact}”`]),
    ].join('; ') + '.'
  )
}

function eventSection(type) {
  const { node, data } = members.get(type)
  if (!commentOf(node)) throw new Error(`${type} does not say what it means: write that above it.`)
  const fields = checker.getPropertiesOfType(data).map((field) => {
    return `| ${code(nameOf(field))} | ${code(sourceTextOf(field))} | ${privacyOf[type][field.name]} | ${meaningOf(field)} |`
  })
  return [
    `#### ${type}`,
    '',
    commentOf(node),
    '',
    namesOf(type),
    '',
    '| field | type | privacy | meaning |',
    '|---|---|---|---|',
    ...fields,
    '',
    `> ${sentenceOf(exampleOf(type))}`,
    '',
  ]
}

function categorySection({ category, privacy, title }) {
  const types = eventTypes.filter((type) => Object.hasOwn(privacy, type))
  const chapters = Map.groupBy(types, (type) => members.get(type).node.getSourceFile())
  return [
    `## ${title}`,
    '',
    `Stream \`${category}-<id>\`.`,
    '',
    ...[...chapters].flatMap(([source, types]) => [
      `### ${relative(root, source.fileName).replace(/^src\/domain\//, '')}`,
      '',
      plain(/^\/\*\*[\s\S]*?\*\//.exec(source.text)[0]),
      '',
      ...types.flatMap(eventSection),
    ]),
  ]
}

function metadataSection() {
  const metadata = checker.getPropertiesOfType(
    checker.getDeclaredTypeOfSymbol(declared('src/domain/history.ts', 'Metadata')),
  )
  const says = (name, file = 'history.ts') => commentOf(declared(`src/domain/${file}`, name).declarations[0])
  return [
    '## What is known about every event',
    '',
    says('Metadata'),
    '',
    '| field | type | meaning |',
    '|---|---|---|',
    ...metadata.map((field) => `| ${code(nameOf(field))} | ${code(sourceTextOf(field))} | ${meaningOf(field)} |`),
    '',
    `Events are written in schema version ${Math.max(...eventTypes.map((type) => schemaVersionOf(type)))} today at most; older ones are understood for ever.`,
    '',
    `- **Actor**: ${says('Actor')}`,
    ...['Day', 'Instant'].map((name) => `- **${name}**: ${says(name, 'calendar.ts')}`),
    `- **Source**: ${says('Source')}`,
    '',
  ]
}

function codesSection() {
  return [
    '## Codes',
    '',
    '`Outcome`: the nineteen attendance outcomes, and what each counts as.',
    '',
    '| code | | counts as |',
    '|---|---|---|',
    ...outcomeCodes.map(
      (outcome) => `| ${outcome} | ${outcomes[outcome]} | ${attendanceCategoryOf(outcome).replaceAll('_', ' ')} |`,
    ),
    '',
    '`Reason`: the reasons for leaving.',
    '',
    '| code | |',
    '|---|---|',
    ...reasonCodes.map((reason) => `| ${reason} | ${reasons[reason]} |`),
    '',
    `\`ReferralSource\`: ${Object.keys(referralSourceNames).join(', ')}. \`Suitability\`: ${suitabilities.join(', ')}.`,
    '',
  ]
}

function page() {
  const classes = checker.getDeclaredTypeOfSymbol(declared('src/domain/privacy.ts', 'Privacy'))
  const literals = declared('src/domain/privacy.ts', 'Privacy').declarations[0].type.types
  if (members.size !== eventTypes.length || literals.length !== classes.types.length)
    throw new Error('The union was not read as it is written.')
  return [
    '# Events',
    '',
    `Written by \`npm run docs:events\` from the source; a spec fails where the two differ. ${eventTypes.length} types of event are stored, and`,
    'what is stored is never edited: names and fields are added to, never renamed.',
    '',
    'How sensitive a field is decides how it lies in the log. All but `open` are sealed together, under the key of the person they are',
    'about, before the event is appended; the log holds them as one field, `sealed`.',
    '',
    '| privacy | |',
    '|---|---|',
    ...literals.map((literal) => `| ${literal.literal.text} | ${cell(commentOf(literal))} |`),
    '',
    'A `note` is the teller’s own words. `asWritten` keeps, of an imported record, whatever has no field of its own or did not look as',
    'its field should, as it was written; it is sealed because nobody knows what it is.',
    '',
    'Under each event stands the sentence that a journey’s history shows for it, which says nothing about who he is.',
    '',
    ...metadataSection(),
    ...categories.flatMap(categorySection),
    ...codesSection(),
  ].join('\n')
}

const [check, file = join(root, 'docs/events.md')] = process.argv.slice(2)
const text = `${page().trimEnd()}\n`
if (check !== '--check') writeFileSync(file, text)
else if (!existsSync(file) || readFileSync(file, 'utf8') !== text) {
  process.stderr.write(`${basename(file)} is not what the source says. Run: npm run docs:events\n`)
  process.exitCode = 1
}
