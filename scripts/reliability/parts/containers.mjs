// What containers do to a process: fewer processors, less memory, nothing to write to, no home, no rights, PID 1, another C
// library, an old processor.
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { allowedProcessors } from '../../setup/processors.mjs'
import { controlGroup, fakeRoot } from '../lib/cgroup.mjs'
import { answerOf, dist, endOf, inProcess, saidBy } from '../lib/child.mjs'
import { canMount, has, UNPRIVILEGED } from '../lib/machine.mjs'
import { scratch } from '../lib/scratch.mjs'
import { firstProcess } from './containers-pid.mjs'

/** Computes, then says how many threads a job has and where the threads of the process may run. */
const THREADS = `
const { readdirSync, readFileSync } = await import('node:fs')
const model = await makeModel([64])
const x = tensor(new Float32Array(2 * 100_000), [100_000, 2])
const e = await model.score(x)
const places = readdirSync('/proc/self/task').map((id) => /Cpus_allowed_list:\\s*(\\S+)/.exec(readFileSync('/proc/self/task/' + id + '/status', 'utf8'))[1])
say({ tiles: (await threads()).tiles, places: [...new Set(places)], rows: e.shape[0] })
`
const COMPUTES = `
const model = await makeModel()
const e = await model.energy([[1, 2]])
say({ value: e.toArray()[0], pid: process.pid, uid: process.getuid(), home: process.env.HOME ?? null })
`
const withoutHome = { HOME: undefined, XDG_CACHE_HOME: undefined, LANGEVIN_CACHE: undefined }

async function processors({ figures }) {
  const all = availableParallelism()
  const whole = answerOf(await inProcess(THREADS))
  figures.held('threads where nothing limits them', whole.tiles, {
    limit: `${allowedProcessors()}`,
    ok: whole.tiles === allowedProcessors(),
  })
  if (has('taskset')) {
    const first = /Cpus_allowed_list:\s*(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]
    const one = answerOf(await inProcess(THREADS, { wrap: ['taskset', '-c', first] }))
    figures.held(`taskset to processor ${first} of ${all}`, `${one.tiles} thread, on ${one.places.join(' ')}`, {
      limit: '1 thread, no affinity outside',
      ok: one.tiles === 1 && one.places.join() === first,
    })
  } else figures.skipped('taskset', 'it is not installed')
  for (const [limits, cores, expected] of [
    ['150000 100000', 8, 1],
    ['400000 100000', 8, 4],
    ['max 100000', 8, 8],
  ]) {
    const at = fakeRoot(scratch('cgroup'), limits)
    const found = allowedProcessors({ cores, at })
    figures.held(`cgroup v2 with cpu.max ${limits} on ${cores} processors (a folder of such files)`, found, {
      limit: `${expected}`,
      ok: found === expected,
    })
  }
  await inGroup(figures, 'cpu', all)
  await inGroup(figures, 'cpuset', all)
}

/** In a control group of this machine, where one can be made. */
async function inGroup(figures, controller, all) {
  const name =
    controller === 'cpu'
      ? 'a quota of one processor (control group of this machine)'
      : 'a cpuset of one processor (control group of this machine)'
  const group = controlGroup(controller)
  if (group === undefined) return figures.skipped(name, 'no control group can be made here')
  try {
    const found = answerOf(await inProcess(THREADS, { wrap: group.wrap }))
    const inside = controller === 'cpu' || found.places.join() === group.cpus
    figures.held(name, `${found.tiles} of ${all} threads, on ${found.places.join(' ')}`, {
      limit: '1 thread, no affinity outside',
      ok: found.tiles === 1 && inside,
    })
  } finally {
    group.remove()
  }
}

/** A limit on address space: LibTorch may not fit, or a tensor; neither may be a crash. */
async function memory({ figures }) {
  const script = `
    const found = {}
    try {
      const model = await makeModel()
      found.value = (await model.energy([[1, 2]])).toArray()[0]
      const large = await Energy.create(energies.mlp({ input: 2, hidden: [40_000, 40_000] }))
      found.large = large.parameterCount
    } catch (error) { found.code = error.code; found.message = error.message.replace(/Tried:.*?To fix it: /s, '').slice(0, 160) }
    say(found)`
  // 1.2: LibTorch does not fit; less, and Node.js itself may end.
  for (const gib of [1.2, 2, 4]) {
    const outcome = await inProcess(script, {
      wrap: ['sh', '-c', `ulimit -v ${Math.floor(gib * 2 ** 20)} && exec "$@"`, 'sh'],
    })
    const found = saidBy(outcome).at(-1)
    const coded = ['ERR_LANGEVIN_NATIVE_LOAD', 'ERR_LANGEVIN_OUT_OF_MEMORY'].includes(found?.code)
    figures.held(`ulimit -v of ${gib} GiB`, found?.code ?? endOf(outcome), {
      limit: 'a coded error, no crash',
      ok: outcome.code === 0 && coded,
      note: found?.message ?? outcome.stderr.slice(-300),
    })
  }
}

async function places({ figures }) {
  const expected = answerOf(await inProcess(COMPUTES)).value
  const held = (name, outcome, also = () => true) => {
    const found = saidBy(outcome).at(-1)
    const ok = outcome.code === 0 && found?.value === expected && also(found)
    figures.held(name, found ? `computes (uid ${found.uid}, HOME ${found.home})` : endOf(outcome), {
      limit: 'the same value',
      ok,
      note: ok ? undefined : outcome.stderr.slice(-300),
    })
  }
  held('no HOME', await inProcess(COMPUTES, { env: withoutHome }), ({ home }) => home === null)
  if (UNPRIVILEGED)
    held(
      'an unprivileged user without HOME',
      await inProcess(COMPUTES, { env: withoutHome, wrap: UNPRIVILEGED }),
      ({ uid }) => uid === 65534,
    )
  else figures.skipped('an unprivileged user without HOME', 'this user is not root, or setpriv is missing')
  if (!canMount()) return figures.skipped('read-only root', 'mounting is not permitted here')
  const root = scratch('root', { disk: true })
  const readOnly = `mount --rbind / ${root} && awk -v r=${root} '$2 == r || index($2, r "/") == 1 { print $2 }' /proc/self/mounts |
    while read -r place; do mount -o remount,bind,ro "$place" 2>/dev/null; done
    cd / && exec chroot ${root} "$@"`
  const script = `
    const { writeFileSync } = await import('node:fs')
    const tried = ['/x', '/tmp/x', ${JSON.stringify(join(new URL('.', dist).pathname, 'x'))}].map((path) => { try { writeFileSync(path, ''); return path } catch (error) { return error.code } })
    if (tried.some((code) => code !== 'EROFS')) throw new Error('not read-only: ' + tried)
    ${COMPUTES}`
  held(
    'read-only root',
    await inProcess(script, { env: withoutHome, wrap: ['unshare', '-m', 'sh', '-c', readOnly, 'sh'] }),
  )
}

/** detect-libc says musl: one sentence, and nothing has been opened. */
async function musl({ figures }) {
  const stub = `data:text/javascript,${encodeURIComponent("export const MUSL = 'musl'; export const familySync = () => 'musl'; export default {}")}`
  const hook = `data:text/javascript,${encodeURIComponent(`export const resolve = (name, context, next) => name === 'detect-libc' ? { url: ${JSON.stringify(stub)}, shortCircuit: true } : next(name, context)`)}`
  const loader = `data:text/javascript,${encodeURIComponent(`import { register } from 'node:module'; register(${JSON.stringify(hook)})`)}`
  const script = `
    const { readFileSync } = await import('node:fs')
    let error
    try { versions() } catch (reason) { error = reason }
    say({ code: error?.code, message: error?.message, opened: /libtorch|libc10|langevin\\.node/.test(readFileSync('/proc/self/maps', 'utf8')) })`
  const found = answerOf(await inProcess(script, { args: ['--import', loader] }))
  figures.held('a C library that detect-libc calls musl', found.code, {
    limit: 'ERR_LANGEVIN_NATIVE_LOAD before anything is opened',
    ok: found.code === 'ERR_LANGEVIN_NATIVE_LOAD' && /musl/.test(found.message) && !found.opened,
    note: found.message,
  })
}

/** An emulated processor without AVX: the default kernels. */
async function oldProcessor({ figures, quick }) {
  const name = 'a processor without AVX (qemu-user, Nehalem)'
  if (quick) return figures.skipped(name, 'left out by --quick')
  if (!has('qemu-x86_64', '-version')) return figures.skipped(name, 'apt-get install qemu-user')
  const script = `
    const model = await makeModel()
    const e = await model.energy([[0.5, -1], [2, 3]])
    say({ values: e.toArray(), kernels: model.explain().instructionSet, capability: versions().cpuCapability })`
  const here = answerOf(await inProcess(script))
  const outcome = await inProcess(script, { wrap: ['qemu-x86_64', '-cpu', 'Nehalem'], deadline: 540 })
  const there = saidBy(outcome).at(-1)
  const near = there?.values.every(
    (value, i) => Math.abs(value - here.values[i]) <= 1e-5 * Math.abs(here.values[i]) + 1e-6,
  )
  figures.held(name, there ? `${there.kernels} kernels, LibTorch ${there.capability}` : endOf(outcome), {
    limit: `default kernels, energies as with ${here.kernels} to 1e-5`,
    ok: near === true && there.kernels === 'default' && there.capability === 'DEFAULT',
    note: there ? undefined : outcome.stderr.slice(-300),
  })
}

export async function run(context) {
  await processors(context)
  await memory(context)
  await places(context)
  await firstProcess(context)
  await musl(context)
  await oldProcessor(context)
}
