/**
 * No log, no data: whatever shows a record has first written down who looks at it. The guard notes which requests owe that, the
 * consultation log notes which have done it, and an answer to one that has not is never sent.
 */
const owing = new WeakSet<object>()
const written = new WeakSet<object>()

/** The route that this request asked for shows records. */
export const owesConsultation = (request: object): void => void owing.add(request)

/** The look of this request is in the consultation log. */
export const consultationWritten = (request: object): void => void written.add(request)

/** Whether an answer would show a record that nobody wrote down as looked at. */
export const isUnloggedLook = (request: object): boolean => owing.has(request) && !written.has(request)
