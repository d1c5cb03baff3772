// Writes docs/corrections.md: every field of every record of a journey, and which event puts it right. With --check it writes
// nothing, and fails where the page no longer says what the source says.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { wordsOf } from '../src/domain/event-words.ts'
import { correctable, factTypes, fieldRulesOf } from '../src/domain/journey/correctable.ts'
import { sealedFieldsOf } from '../src/domain/events.ts'

const root = join(fileURLToPath(import.meta.url), '../..')
const file = join(root, 'docs/corrections.md')

const row = (...cells) => `| ${cells.join(' | ')} |`

function section(type) {
  const sealed = sealedFieldsOf(type)
  const rows = Object.entries(fieldRulesOf(type)).map(([field, rule]) =>
    'instead' in rule
      ? row(`\`${field}\``, rule.instead, '')
      : row(
          `\`${field}\``,
          '`RecordCorrected`',
          [rule.correct === 'required' ? 'must not be empty' : '', sealed.includes(field) ? 'sealed' : '']
            .filter(Boolean)
            .join(', '),
        ),
  )
  return [
    `### ${wordsOf(type).name}`,
    '',
    `\`${type}\`; the whole record is taken back by \`RecordWithdrawn\`.`,
    '',
    row('Field', 'Put right by', ''),
    row('---', '---', '---'),
    row('the day it happened', '`RecordCorrected`', 'must not be empty'),
    ...rows,
    '',
  ]
}

const versions = Object.entries(correctable)
  .filter(([, how]) => 'versionOf' in how)
  .map(([type, { versionOf }]) =>
    row(
      `\`${type}\``,
      type === 'RecordWithdrawn'
        ? '`RecordWithdrawn`, which puts back what it took; then that can be corrected'
        : `what it says of its record: \`RecordCorrected\`, ${versionOf === 'any' ? 'in the fields of that record' : `in the fields of \`${versionOf}\``}`,
      type === 'RecordWithdrawn' ? 'the same' : '`RecordWithdrawn`, and then it can be corrected again',
    ),
  )

const page = [
  '# What puts each record right',
  '',
  'Every record of a journey can be corrected, and withdrawn where it was recorded in error. Nothing is edited: the record stays in the',
  'history, and the event that puts it right stands beside it, says why and can itself be put right. What is believed afterwards must be',
  'possible by the rules by which everything is recorded; a correction that would make another record impossible is refused and names it.',
  '',
  'This page is written by `npm run docs:corrections` from `src/domain/journey/correctable.ts`.',
  '',
  '## Records',
  '',
  ...factTypes.flatMap(section),
  '## Who a man is',
  '',
  'His details stand in a history of his own, apart from his journeys; whatever is corrected there holds for all of them.',
  'A correction names the event that was wrong, says why, and is itself put right by another.',
  '',
  row('Field', 'Put right by', ''),
  row('---', '---', '---'),
  ...sealedFieldsOf('ParticipantRegistered')
    .toSorted()
    .map((field) => row(`\`${field}\``, '`ParticipantDetailsCorrected`', 'must not be empty, sealed')),
  '',
  '## What puts a record right is itself put right',
  '',
  row('Event', 'Where it says the wrong thing', 'Where its reason is wrong, or it should not have been made'),
  row('---', '---', '---'),
  ...versions,
  '',
].join('\n')

if (process.argv.includes('--check')) {
  const against = process.argv.at(-1) === '--check' ? file : process.argv.at(-1)
  if (readFileSync(against, 'utf8') !== page) {
    process.stderr.write('docs/corrections.md does not say what the source says: npm run docs:corrections\n')
    process.exit(1)
  }
} else writeFileSync(file, page)
