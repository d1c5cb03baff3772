/**
 * The views that somebody keeps for himself: a name and an address. They are a person's own convenience and no record of the service,
 * and a name may say anything: so they lie where one can be deleted, and not in the log, which keeps everything.
 */
import { randomUUID } from 'node:crypto'
import type { AccessDatabase } from './access-database.ts'

export interface SavedView {
  readonly id: string
  readonly name: string
  /** Of this service: a path, with what was asked in its query. */
  readonly address: string
}

/** Nobody needs more, and nobody can fill the disk with them. */
export const mostSavedViews = 50

export class SavedViews {
  constructor(private readonly database: AccessDatabase) {}

  /** In the order of their names. */
  async of(actorId: string): Promise<readonly SavedView[]> {
    const db = await this.database.db()
    return db
      .selectFrom('access_view')
      .select(['id', 'name', 'address'])
      .where('actor', '=', actorId)
      .orderBy('name')
      .orderBy('id')
      .execute()
  }

  /** A view of the same name takes the place of the one before. @returns false where he has as many as anybody may have */
  async save(actorId: string, name: string, address: string): Promise<boolean> {
    const own = await this.of(actorId)
    if (own.length >= mostSavedViews && own.every((view) => view.name !== name)) return false
    const db = await this.database.db()
    await db
      .insertInto('access_view')
      .values({ id: randomUUID(), actor: actorId, name, address })
      .onConflict((same) => same.columns(['actor', 'name']).doUpdateSet({ address }))
      .execute()
    return true
  }

  /** Nobody deletes another's. */
  async delete(actorId: string, id: string): Promise<void> {
    const db = await this.database.db()
    await db.deleteFrom('access_view').where('actor', '=', actorId).where('id', '=', id).execute()
  }
}
