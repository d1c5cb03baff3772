/** The way from a leaf to the signed root as a drawing: the path goes up, and each hash it is joined with stands at its side. */
import type { InclusionPath } from '../../audit/inclusion-path.ts'

/** Heights and widths in the units of the drawing, which are pixels at its natural size. */
const size = { width: 460, row: 38, top: 26, middle: 230, aside: 120 }

/** Hashes in a drawing are cut to as many of their hexadecimal digits; the list beside it has them whole. */
const digits = 12

export interface PathDrawing {
  readonly width: number
  readonly height: number
  readonly nodes: readonly {
    readonly x: number
    readonly y: number
    readonly label: string
    readonly kind: 'root' | 'path' | 'sibling' | 'leaf'
  }[]
  readonly lines: readonly { readonly x1: number; readonly y1: number; readonly x2: number; readonly y2: number }[]
}

export function pathDrawing({ leaf, steps }: InclusionPath): PathDrawing {
  const height = size.top * 2 + steps.length * size.row
  const yOf = (level: number) => height - size.top - level * size.row
  const short = (hash: string) => hash.slice(0, digits)
  const nodes: PathDrawing['nodes'][number][] = [
    { x: size.middle, y: yOf(0), label: short(leaf), kind: steps.length === 0 ? 'root' : 'leaf' },
  ]
  const lines: PathDrawing['lines'][number][] = []
  for (const [level, { side, sibling, gives }] of steps.entries()) {
    const x = size.middle + (side === 'left' ? -size.aside : size.aside)
    const above = { x2: size.middle, y2: yOf(level + 1) }
    lines.push({ x1: size.middle, y1: yOf(level), ...above }, { x1: x, y1: yOf(level), ...above })
    nodes.push({ x, y: yOf(level), label: short(sibling), kind: 'sibling' })
    nodes.push({
      x: size.middle,
      y: yOf(level + 1),
      label: short(gives),
      kind: level === steps.length - 1 ? 'root' : 'path',
    })
  }
  return { width: size.width, height, nodes, lines }
}
