/** What a diagnosis is made of: findings, the rules that find them, and how numbers and chains are written. */

/** Something that is wrong with a run, in words. */
export interface Finding {
  /** Stable name, listed in docs/diagnose.md. */
  readonly code: string
  /** 'error': the numbers are not to be used. 'warning': they are biased or imprecise. */
  readonly severity: 'error' | 'warning'
  /** What was seen, where, with its number and the limit it passed. */
  readonly message: string
  /** Which chains, by number, where single ones can be named. */
  readonly chains?: readonly number[]
  /** When: a phase of a sampling run, or the training step it was first seen at. */
  readonly phase?: 'start' | 'burn-in' | 'sampling' | { readonly step: number }
  /** What to change. Nothing is changed by itself. */
  readonly remedy: string
}

/** Looks at one result for one defect. */
export type Rule<R> = (result: R) => Finding | undefined

export function applied<R>(rules: readonly Rule<R>[], result: R): Finding[] {
  return rules.flatMap((rule) => rule(result) ?? [])
}

/** What rules make of a result, and what there were no rules for. */
export interface Examination {
  findings: Finding[]
  /** In a few words each, joined by commas. */
  checked: string
  notChecked: string[]
}

/** Three significant digits. */
export const short = (value: number) => String(Number(value.toPrecision(3)))
export const percent = (share: number) => `${short(100 * share)} %`

/** "chain 3", "chains 1, 4, 7", "chains 0, 1, 2, ... (57 in all)". */
export function named(chains: readonly number[]): string {
  if (chains.length === 1) return `chain ${chains[0]}`
  const listed = chains.slice(0, 8).join(', ')
  return chains.length <= 8 ? `chains ${listed}` : `chains ${listed}, ... (${chains.length} in all)`
}
