/** The parts of the service, each for whoever may open it: nobody is shown a way to what is not his. */
import { isPermitted, roles, type Permission } from '../../access/policy.ts'
import type { SignedIn } from '../../access/session.ts'

interface Section {
  readonly href: string
  readonly text: string
  /** Undefined for whoever is signed in. */
  readonly needs: Permission | undefined
  /** What its pages' addresses begin with. */
  readonly under: RegExp
}

/** What needs him: the way to it comes first, and begins there only while there is something to do. */
const today: Section = { href: '/today', text: 'Today', needs: 'read', under: /^\/today(?:[/?]|$)/ }

const sections: readonly Section[] = [
  { href: '/', text: 'Case load', needs: 'read', under: /^\/(?:$|\?|journeys(?:\/|$))/ },
  { href: '/groups', text: 'Groups', needs: 'read', under: /^\/(?:groups|sessions|facilitators)(?:[/?]|$)/ },
  {
    href: '/partner-safety',
    text: 'Partner safety',
    needs: 'partner_safety',
    under: /^\/partner-safety(?:[/?]|$)/,
  },
  { href: '/rights', text: 'Rights', needs: 'protect', under: /^\/rights(?:[/?]|$)/ },
  { href: '/registers', text: 'Registers', needs: 'review', under: /^\/(?:registers|questions)(?:[/?]|$)/ },
  { href: '/import', text: 'Import', needs: 'record', under: /^\/import(?:[/?]|$)/ },
  { href: '/audit', text: 'Audit', needs: 'review', under: /^\/audit(?:[/?]|$)/ },
  { href: '/operations', text: 'Operations', needs: 'operate', under: /^\/operations(?:[/?]|$)/ },
  { href: '/account', text: 'Your account', needs: undefined, under: /^\/account(?:[/?]|$)/ },
]

/** What the header of a page shows to somebody who is signed in. */
export function headerFor(who: SignedIn, url: string) {
  const isOwn = ({ needs }: Section) => needs === undefined || isPermitted(who, needs)
  const own = sections.filter(isOwn)
  return {
    signedInAs: { name: who.name, role: roles[who.role].name },
    navigation: [today, ...sections]
      .filter(isOwn)
      .map(({ href, text, under }) => ({ href, text, current: under.test(url) })),
    // The first of his own sections is where he begins.
    home: { href: own[0]!.href, text: own[0]!.text },
  }
}
