// All golden cases, by family.
import answers from './answers.mjs'
import data from './data.mjs'
import discrete from './discrete.mjs'
import energies from './energies.mjs'
import graphs from './graphs.mjs'
import networks from './networks.mjs'
import objectives from './objectives.mjs'
import samplers from './samplers.mjs'
import training from './training.mjs'

export const families = { energies, networks, graphs, samplers, discrete, objectives, training, answers, data }
