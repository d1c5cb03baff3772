/** Where faults are noted for whoever mends them. Nothing personal goes in: where it happened, never what was said. */
export interface FaultLog {
  error(about: object, message: string): void
}

export const FaultLog = Symbol('FaultLog')
