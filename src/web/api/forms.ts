/** Which of the forms we have the asker likes best (RFC 9110, Accept). */

interface Liking {
  readonly form: string
  readonly weight: number
}

/** @returns the best of what is available, the first where all are liked the same; undefined where none will do */
export function formFor(accept: string | undefined, available: readonly string[]): string | undefined {
  if (accept === undefined || accept.trim() === '') return available[0]
  const likings = accept.split(',').map(likingFrom)
  const weighed = available.map((form) => ({ form, weight: weightOf(form, likings) }))
  const best = weighed.reduce((best, one) => (one.weight > best.weight ? one : best))
  return best.weight > 0 ? best.form : undefined
}

function likingFrom(text: string): Liking {
  const [form = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase())
  const weight = parameters.find((parameter) => parameter.startsWith('q='))
  return { form, weight: weight === undefined ? 1 : Number(weight.slice(2)) || 0 }
}

/** The most exact mention decides: `text/html;q=0` says no although all of text is liked. */
function weightOf(form: string, likings: readonly Liking[]): number {
  const mentions = [form, `${form.split('/')[0]}/*`, '*/*']
  for (const mention of mentions) {
    const liking = likings.find((one) => one.form === mention)
    if (liking) return liking.weight
  }
  return 0
}
