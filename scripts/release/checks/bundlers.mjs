// Bundlers. The package loads a file of its own (the addon) and says so; a bundler has to leave it in node_modules.
import { mkdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Failure, must, place, tool } from '../support.mjs'
import { userEnv } from './install.mjs'

async function prints(project, file) {
  const stdout = await must(process.execPath, [file], { cwd: project.folder, env: userEnv(project) })
  if (stdout.trim() !== 'ok') throw new Failure(`${file} printed ${stdout}`)
}

/** esbuild: external, as one ES module and as ES modules in pieces. */
export async function esbuild({ project }) {
  const { build, stop } = createRequire(tool('esbuild/package.json'))('esbuild')
  const common = {
    entryPoints: [place('bundled.mjs', project.folder)],
    bundle: true,
    platform: 'node',
    logLevel: 'silent',
    absWorkingDir: project.folder,
    format: 'esm',
    external: ['langevin'],
  }
  const out = join(project.folder, 'out')
  const wrapped = { contents: "import('./bundled.mjs')", resolveDir: project.folder }
  try {
    await build({ ...common, outfile: join(out, 'external.mjs') })
    await build({ ...common, entryPoints: undefined, stdin: wrapped, splitting: true, outdir: join(out, 'split') })
  } finally {
    // Its process would keep this one alive.
    await stop()
  }
  await prints(project, join(out, 'external.mjs'))
  await prints(project, join(out, 'split/stdin.js'))
  return 'external: as one module and in pieces'
}

/** webpack 5 with the externals that Next.js makes of serverExternalPackages: `import()` or `module` of the bare name. */
export async function webpack({ project }) {
  const make = (await import(pathToFileURL(tool('webpack/lib/index.js')).href)).default
  const entry = place('bundled.mjs', project.folder)
  const out = join(project.folder, 'out')
  mkdirSync(out, { recursive: true })
  const config = {
    mode: 'production',
    target: 'node20',
    entry,
    context: project.folder,
    externals: { langevin: 'module langevin' },
    externalsType: 'module',
    experiments: { outputModule: true },
    output: { path: out, filename: 'webpack.mjs', module: true, chunkFormat: 'module', library: { type: 'module' } },
  }
  await new Promise((resolve, reject) =>
    make(config, (error, stats) => {
      if (error) reject(error)
      else if (stats.hasErrors()) reject(new Failure(stats.toString('errors-only')))
      else resolve()
    }),
  )
  await prints(project, join(out, 'webpack.mjs'))
  return 'external, as serverExternalPackages of Next.js leaves it'
}
