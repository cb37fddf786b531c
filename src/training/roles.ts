/** The networks of a run by role: the energy, and those an objective trains beside it. */
import { Energy } from '../energy.js'
import { LangevinError } from '../errors.js'
import { Network } from '../network.js'

/** An energy, or an energy with the networks of the objective's other roles, by name: `{ energy, helper }`. */
export type Trained = Energy | ({ readonly energy: Energy } & { readonly [role: string]: Network })

/** The energy, and the other networks by role. */
export interface Roles {
  readonly energy: Energy
  readonly networks: Readonly<Record<string, Network>>
}

/** Takes the first argument of train() apart. @throws ERR_LANGEVIN_INVALID_OPTION */
export function rolesOf(trained: Trained, owner: string): Roles {
  if (trained instanceof Energy) return { energy: trained, networks: {} }
  const given = typeof trained === 'object' && trained !== null ? trained : undefined
  if (!(given?.energy instanceof Energy)) {
    refuse(
      `${owner}: the first argument is an Energy (Energy.create, load), or { energy, ... } with a network per role`,
    )
  }
  const { energy, ...networks } = given
  for (const [role, network] of Object.entries(networks)) {
    if (!(network instanceof Network))
      refuse(`${owner}: ${role}: expected a Network (Network.create, load) or an Energy`)
    const twin = Object.entries(given).find(([name, other]) => name !== role && other === network)
    if (twin !== undefined) refuse(`${owner}: ${role} and ${twin[0]} are the same object; every role trains its own`)
  }
  return { energy, networks }
}

function refuse(message: string): never {
  throw new LangevinError('ERR_LANGEVIN_INVALID_OPTION', message)
}
