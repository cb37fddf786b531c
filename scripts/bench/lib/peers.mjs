/** Who is measured, how each is started, and which of them are there. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { homeDirectory } from '../../setup/paths.mjs'

export const root = fileURLToPath(new URL('../../../', import.meta.url))
const bench = join(root, 'scripts/bench')
const own = join(homeDirectory(root), 'venv', 'bin', 'python')

/** Peers by name: the program, the Python module it needs, and how its version is found. */
const PEERS = {
  langevin: {},
  JavaScript: {},
  'PyTorch eager': { module: 'torch' },
  'torch.compile': { module: 'torch' },
  'JAX jit': { module: 'jax' },
  'scikit-learn': { module: 'sklearn' },
  TorchEBM: { module: 'torch', checkout: true },
  Python: { module: 'sys' },
}
export const peerNames = Object.keys(PEERS)

/** Versions of the Python side; a module that is not installed is missing. */
function pythonVersions(python) {
  const code = `import importlib.metadata as m, json, platform
found = {"python": platform.python_version()}
for name, package in (("torch", "torch"), ("jax", "jax"), ("jaxlib", "jaxlib"), ("numpy", "numpy"), ("sklearn", "scikit-learn")):
    try: found[name] = m.version(package)
    except m.PackageNotFoundError: pass
print(json.dumps(found))`
  const { status, stdout } = spawnSync(python, ['-c', code], { encoding: 'utf8' })
  return status === 0 ? JSON.parse(stdout) : {}
}

function checkoutVersion(path) {
  const { status, stdout } = spawnSync('git', ['-C', path, 'rev-parse', '--short=12', 'HEAD'], { encoding: 'utf8' })
  return status === 0 ? `commit ${stdout.trim()}` : 'checkout'
}

/** What can be started on this machine. `torchebm`: path of a checkout, or undefined. */
export function findPeers({ torchebm } = {}) {
  const python = existsSync(own) ? own : 'python3'
  const versions = pythonVersions(python)
  const checkout = torchebm === undefined ? undefined : resolve(torchebm)
  if (checkout !== undefined) {
    if (!existsSync(join(checkout, 'torchebm/__init__.py')))
      throw new Error(`--torchebm: ${checkout} holds no torchebm/__init__.py`)
    versions.torchebm = checkoutVersion(checkout)
  }
  /** Why this contender cannot run here, or undefined. */
  const missing = ({ peer }) => {
    const { module, checkout: needsCheckout } = PEERS[peer]
    if (module === 'sys' ? versions.python === undefined : module !== undefined && versions[module] === undefined)
      return `${module} is not installed`
    if (needsCheckout && checkout === undefined) return 'no checkout was given (--torchebm PATH)'
    return undefined
  }
  const command = ({ script }) =>
    script.endsWith('.py') ? [python, join(bench, script)] : [process.execPath, join(bench, script)]
  /** The same number of threads for everyone, in every library's own words; undefined: each its default. */
  const environment = (threads) => ({
    ...(threads !== undefined && {
      OMP_NUM_THREADS: String(threads),
      MKL_NUM_THREADS: String(threads),
      OPENBLAS_NUM_THREADS: String(threads),
      LANGEVIN_THREADS: String(threads),
      XLA_FLAGS: `--xla_cpu_multi_thread_eigen=${threads > 1} intra_op_parallelism_threads=${threads}`,
    }),
    JAX_PLATFORMS: 'cpu',
    PYTHONPATH: [join(bench, 'peers'), checkout].filter(Boolean).join(':'),
    ...(versions.torchebm && { TORCHEBM_VERSION: versions.torchebm }),
  })
  return { versions, missing, command, environment }
}
