/** Pages of which neither metrics nor traces say that they were asked for: how often, and when, would tell of the work with partners. */

const untoldRoutes = /^\/(?:partner-safety(?:\/|$)|journeys\/:id\/partner-contact$)/

/** @param route the pattern of an address */
export const isUntold = (route: string): boolean => untoldRoutes.test(route)
