/** Why a store does not start. A module of its own, so that the application's thread can name these errors without loading SQLite. */

/** Another process has locked the data directory; the message names both. */
export class StoreInUse extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'StoreInUse'
  }
}

/** A file is not an event store, or is incomplete or corrupt; the message names the file and what is wrong with it. */
export class DamagedStore extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'DamagedStore'
  }
}
