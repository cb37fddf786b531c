/** File formats of arrays: safetensors, and NumPy's .npy and .npz. */
import { readNpy, writeNpy } from './npy.js'
import { readNpz } from './npz.js'
import { writeSafetensors } from './safetensors.js'
import { readSafetensorsTensors } from './tensors.js'

/** safetensors files: `read(path, names?)` -> { tensors, metadata }; `write(path, tensors, metadata?)`, atomic. */
export const safetensors = { read: readSafetensorsTensors, write: writeSafetensors }
/** NumPy's .npy: `read(path)` -> Tensor; `write(path, tensor)`, atomic. */
export const npy = { read: readNpy, write: writeNpy }
/** NumPy's .npz: `read(path, names?)` -> Tensors (and lists of texts) by name. */
export const npz = { read: readNpz }
