/** A process of its own that carries registers to journeys until it is killed: `node carrier-process.ts URL KEYS DIRECTORY`. */
import { EventStoreDBClient } from '@eventstore/db-client'
import { CarryToJourney } from '../../../src/commands/carry-to-journey.ts'
import { DecideAndAppend } from '../../../src/commands/decide-and-append.ts'
import { EventAppender } from '../../../src/event-store/event-appender.ts'
import { EventStore } from '../../../src/event-store/event-store.ts'
import { CarryingJournal } from '../../../src/process/carrying-journal.ts'
import { RegisterCarrier } from '../../../src/process/register-carrier.ts'
import { Vault } from '../../../src/protection/vault.ts'

const [url, keysDir, directory] = process.argv.slice(2) as [string, string, string]
const client = EventStoreDBClient.connectionString(url)
const store = new EventStore(client, url)
const vault = new Vault(keysDir)
const commands = new DecideAndAppend(store, new EventAppender(client), vault, { assertRight: () => Promise.resolve() })
new RegisterCarrier(store, new CarryToJourney(commands, vault), new CarryingJournal(directory), console).start()
process.stdout.write('open')
