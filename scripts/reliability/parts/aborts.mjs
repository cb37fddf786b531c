// Aborts at random moments: what rejects, what is left, what the model is afterwards.
import { forked } from '../lib/forked.mjs'

const SEED = 20261130

export async function run({ quick, figures, say }) {
  const count = quick ? 60 : 1000
  const { wrong, problems, tally, left } = await forked('aborts.mjs', [count, SEED], { deadline: 900, say })
  const aborted = Object.values(tally).reduce((sum, each) => sum + each.aborted, 0)
  figures.held('aborts at random moments', count, {
    limit: 'rejects with the reason of the signal; energies as before; trained weights those of a whole step',
    ok: wrong === 0,
    note: wrong === 0 ? `seed ${SEED}` : problems.join('; '),
  })
  figures.held('of which met a job at work or waiting', aborted, {
    limit: 'at least half',
    ok: aborted >= count / 2,
    note: JSON.stringify(tally),
  })
  figures.held('handles and jobs left afterwards', left, {
    limit: 'none',
    ok: Object.values(left).every((each) => each === 0),
  })
}
