// The smoke suite on every line of Node.js that is supported, and on a processor without AVX.
import { must, nodes, place, run } from '../support.mjs'
import { userEnv } from './install.mjs'

/** Import, require, worker and CLI on each Node.js, with the one addon: Node-API level 9 is in all of them. */
export async function matrix({ project }) {
  const seen = []
  for (const [, executable] of nodes()) {
    const options = { cwd: project.folder, env: userEnv(project) }
    const { node } = JSON.parse(await must(executable, [place('smoke.mjs', project.folder)], options))
    await must(executable, [place('require.cjs', project.folder)], options)
    await must(executable, ['node_modules/langevin/dist/cli/main.js', '--version'], options)
    seen.push(node)
  }
  return seen.join(', ')
}

/** An emulated Nehalem of 2008 (no AVX): default kernels, the same energies. Left out without qemu-user. */
export async function oldProcessor({ project }) {
  const { status } = await run('qemu-x86_64', ['-version'])
  if (status !== 0) return { skipped: 'apt-get install -y qemu-user' }
  const options = { cwd: project.folder, env: userEnv(project) }
  const script = place('processor.mjs', project.folder)
  const here = JSON.parse(await must(process.execPath, [script], options))
  const there = JSON.parse(await must('qemu-x86_64', ['-cpu', 'Nehalem', process.execPath, script], options))
  const far = here.energies.some((energy, i) => Math.abs(energy - there.energies[i]) > 1e-5 * Math.abs(energy) + 1e-6)
  if (far || there.instructionSet !== 'default' || there.capability !== 'DEFAULT')
    throw new Error(`${JSON.stringify(there)} against ${JSON.stringify(here)}`)
  return `${there.instructionSet} kernels; energies as with ${here.instructionSet}`
}
