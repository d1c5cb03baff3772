/**
 * The tiles of a log as C2SP tlog-tiles lays them out (https://c2sp.org/tlog-tiles): 256 hashes of one level of the tree to a
 * tile, 256 entries to a bundle, and the paths under which they are served.
 */
import { CompactRange, hashBytes, type SubtreeHash } from './merkle-tree.ts'

/** Hashes in a full tile, and entries in a full bundle. */
export const tileWidth = 256
/** The levels of the tree from one level of tiles to the next. */
const tileHeight = 8
/** The length of an entry is kept in two bytes. */
export const maximumEntryBytes = 65_535

/** A tile of hashes on a level, from 0 to 63, or a bundle of entries. */
export interface Tile {
  readonly level: number | 'entries'
  /** Which one of its level, from 0. */
  readonly index: number
  /** How many hashes or entries it has, from 1 to 256; fewer than 256 make it partial. */
  readonly width: number
}

/** The path of a tile below the log's prefix, such as `tile/0/x001/x234/067.p/5`. */
export function tilePath({ level, index, width }: Tile): string {
  const digits = String(index)
  const parts = digits.padStart(Math.ceil(digits.length / 3) * 3, '0').match(/\d{3}/g)!
  const number = parts.map((part, n) => (n < parts.length - 1 ? `x${part}` : part)).join('/')
  return `tile/${level}/${number}${width < tileWidth ? `.p/${width}` : ''}`
}

/** @returns null for what is no path of a tile: each tile has exactly one */
export function parseTilePath(path: string): Tile | null {
  const [, level, number, width] = /^tile\/(entries|\d{1,2})\/((?:x\d{3}\/)*\d{3})(?:\.p\/(\d{1,3}))?$/.exec(path) ?? []
  if (level === undefined || number === undefined) return null
  const tile: Tile = {
    level: level === 'entries' ? level : Number(level),
    index: Number(number.replaceAll(/[x/]/g, '')),
    width: width === undefined ? tileWidth : Number(width),
  }
  const isOne = (tile.level === 'entries' || tile.level <= 63) && tile.width >= 1 && Number.isSafeInteger(tile.index)
  return isOne && tilePath(tile) === path ? tile : null
}

/** How many hashes or entries a tile has in a log of a size: 0 where the log has no such tile. */
export function widthAt(size: number, level: number | 'entries', index: number): number {
  const onLevel = level === 'entries' ? size : Math.floor(size / tileWidth ** level)
  return Math.min(Math.max(onLevel - index * tileWidth, 0), tileWidth)
}

/** Every tile of hashes in a log of a size, level by level. */
export function* tilesOf(size: number): Generator<Tile & { readonly level: number }> {
  for (let level = 0; size >= tileWidth ** level; level++)
    for (let index = 0, width; (width = widthAt(size, level, index)) > 0; index++) yield { level, index, width }
}

/** @throws RangeError where an entry is longer than the format can say */
export function encodeBundle(entries: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    entries.flatMap((entry) => {
      if (entry.length > maximumEntryBytes) throw new RangeError(`An entry of ${entry.length} bytes is too long.`)
      const length = Buffer.alloc(2)
      length.writeUInt16BE(entry.length)
      return [length, entry]
    }),
  )
}

/** @throws RangeError where the bytes end within an entry */
export function decodeBundle(bytes: Buffer): Buffer[] {
  const entries: Buffer[] = []
  for (let at = 0; at < bytes.length;) {
    const begin = at + 2
    const end = begin <= bytes.length ? begin + bytes.readUInt16BE(at) : Infinity
    if (end > bytes.length) throw new RangeError('The bundle ends within an entry.')
    entries.push(bytes.subarray(begin, end))
    at = end
  }
  return entries
}

/**
 * Complete subtrees read from tiles: for roots and proofs.
 * @param read the hashes of a tile, one after another; at least the width that the tile has in the tree that is asked about
 */
export function subtreesIn(read: (level: number, index: number) => Buffer): SubtreeHash {
  return (level, index) => {
    const tileLevel = Math.floor(level / tileHeight)
    const leaves = 2 ** (level % tileHeight)
    const begin = index * leaves
    const tile = read(tileLevel, Math.floor(begin / tileWidth))
    const range = new CompactRange()
    for (let n = begin % tileWidth; range.size < leaves; n++) {
      const hash = tile.subarray(n * hashBytes, (n + 1) * hashBytes)
      if (hash.length < hashBytes) throw new RangeError(`Tile ${tileLevel}/${index} is too short.`)
      range.append(hash)
    }
    return range.root()
  }
}
