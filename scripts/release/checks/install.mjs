// The tarballs in an empty folder, as somebody meets them who has no compiler and no network.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { bare, Failure, must, place, reinstall, run } from '../support.mjs'

/** The environment in the project: its cache, and no compiler. */
export const userEnv = (project, more = {}) => bare({ LANGEVIN_CACHE: project.cache, ...more })

const langevin = (project, args, env = userEnv(project)) =>
  run('npx', ['--no-install', 'langevin', ...args], { cwd: project.folder, env })

/** Before set-up: the import works, the first use says one sentence with the command. */
export async function beforeSetup({ project }) {
  const env = userEnv(project, { LANGEVIN_CACHE: join(project.folder, 'nothing') })
  const plain = await run(
    process.execPath,
    ['-e', "import('langevin').then((m) => console.log(m.energies.mlp({ input: 2, hidden: [4] }).kind))"],
    { cwd: project.folder, env },
  )
  if (plain.stdout.trim() !== 'mlp') throw new Failure(`the import needs a set-up: ${plain.stderr}`)
  const { stderr } = await run(process.execPath, [place('smoke.mjs', project.folder)], { cwd: project.folder, env })
  if (!/ERR_LANGEVIN_NATIVE_LOAD/.test(stderr) || !/To fix it: npx langevin setup/.test(stderr))
    throw new Failure(`without a set-up it says: ${stderr.slice(0, 1000)}`)
  return 'import works; the first use names npx langevin setup'
}

/** `npx langevin setup` without a compiler, the smoke suite, the doctor, and require() from CommonJS. */
export async function afterSetup({ project }) {
  const setup = await langevin(project, ['setup'])
  if (setup.status !== 0 || !/brings the addon, and it loads/.test(setup.stderr)) throw new Failure(setup.stderr)
  const options = { cwd: project.folder, env: userEnv(project) }
  await must(process.execPath, [place('smoke.mjs', project.folder)], options)
  await must(process.execPath, [place('require.cjs', project.folder)], options)
  const { status, stdout } = await langevin(project, ['doctor'])
  if (status !== 0 || !stdout.includes('Everything is in order')) throw new Failure(stdout)
  const left = readdirSync(project.folder).filter(
    (name) => !/^(node_modules|package(-lock)?\.json|\w+\.(mjs|cjs))$/.test(name),
  )
  if (left.length > 0) throw new Failure(`set-up left ${left.join(', ')} in the project`)
  return 'set up without a compiler; import, require, worker, doctor'
}

/** `npm ci` empties node_modules; nothing has to be set up again. */
export async function afterCi({ project }) {
  await reinstall(project.folder)
  await must(process.execPath, [place('smoke.mjs', project.folder)], { cwd: project.folder, env: userEnv(project) })
  return 'no set-up needed again'
}
