/** How numbers are written in texts, and what is to be done about texts that only look like numbers. */

// Each of these takes time in proportion to the text: no part of one can begin in many places of a long text.
const NUMBER = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/
const WHOLE = /^[+-]?\d+$/

/** How a file writes its numbers. */
export interface NumberStyle {
  readonly decimal: '.' | ','
  /** What separates groups of three digits, such as the comma of 1,000; undefined: nothing. */
  readonly thousands: string | undefined
}

export const PLAIN: NumberStyle = { decimal: '.', thousands: undefined }

/** The text with a decimal point and without separators of thousands; undefined when the style does not write it so. */
export function normalised(text: string, { decimal, thousands }: NumberStyle): string | undefined {
  let plain = text
  if (thousands !== undefined && plain.includes(thousands)) {
    const [whole = '', ...rest] = plain.split(decimal)
    const groups = whole.replace(/^[+-]/, '').split(thousands)
    const grouped = groups.every((group, k) => (k === 0 ? /^\d{1,3}$/ : /^\d{3}$/).test(group))
    if (!grouped) return undefined
    plain = [whole.replaceAll(thousands, ''), ...rest].join(decimal)
  }
  if (decimal === ',') {
    if (plain.includes('.')) return undefined
    plain = plain.replace(',', '.')
  }
  return NUMBER.test(plain) ? plain : undefined
}

/** Whole numbers beyond 2^53 (long identifiers, strings of digits) would lose their last digits in a float64. */
export function losesDigits(plain: string): boolean {
  return plain.length >= 16 && WHOLE.test(plain) && !Number.isSafeInteger(Number(plain))
}

/** Everything that numbers, their signs and units below are made of. */
const LIKE_NUMBER = /^[\s\d.,'\u2019_%eE+\-\u2212\u2013$\u20ac\u00a3\u00a5A-Z]*$/
const CURRENCY = '[$\u20ac\u00a3\u00a5]|USD|EUR|GBP|CHF|JPY'
const AMOUNT = '[+-]?[.,]*\\d[\\d.,]*'
const COMMA = /^[+-]?\d*,\d+([eE][+-]?\d+)?$/
const GROUPED = /^[+-]?\d{1,3}([,.'\u2019 \u00a0\u202f_]\d{3})+([.,]\d+)?$/
const PERCENT = new RegExp(`^${AMOUNT}\\s*%$`)
const MONEY = new RegExp(`^([+-]?(${CURRENCY})\\s*${AMOUNT}|${AMOUNT}\\s*(${CURRENCY}))$`)
const MINUS = /^[\u2212\u2013]\d+([.,]\d+)?$/

/** What to do about a text that a person reads as a number though it is not written as one; undefined for other texts. */
export function lookAlike(text: string, style: NumberStyle = PLAIN): string | undefined {
  // Most texts end here.
  if (!LIKE_NUMBER.test(text) || !/\d/.test(text)) return undefined
  if (PERCENT.test(text)) return 'has a percent sign; write plain numbers, such as 0.45 for 45 %'
  if (MONEY.test(text)) return 'has a currency sign; write plain numbers'
  if (MINUS.test(text)) return "begins with a dash that is not the minus sign '-'"
  if (style.decimal === '.' && COMMA.test(text)) {
    const grouped = /^[+-]?\d{1,3},\d{3}$/.test(text)
    return grouped
      ? "has a comma; read the file with { thousands: ',' } if it separates thousands, or { decimal: ',' } if it is a decimal comma"
      : "has a decimal comma; read the file with { decimal: ',' }"
  }
  // The last of the marks that were found; 1.234,5 and 1.234.567 have a decimal comma.
  const group = GROUPED.exec(text)?.[1]?.[0]
  if (group !== undefined && group !== style.thousands) {
    const comma = group === '.' || (group !== ',' && (style.decimal === ',' || /,\d+$/.test(text)))
    const mark = group === "'" ? `"'"` : `'${group}'`
    return `separates thousands; read the file with { thousands: ${mark}${comma ? ", decimal: ','" : ''} }`
  }
  if (style.decimal === ',' && NUMBER.test(text)) return "has a decimal point, though { decimal: ',' } was given"
  return undefined
}

/** Whether a text is several numbers apart by blanks or bars: the cells of a whole line, where the delimiter is another one. */
export function severalNumbers(text: string): boolean {
  return /^[\d.,+\-eE]+([ \t|]+[\d.,+\-eE]+)+$/.test(text)
}
