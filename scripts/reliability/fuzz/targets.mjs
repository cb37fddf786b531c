// Every reader that takes what strangers give: how its inputs are made and what takes them. Each function prepares
// { make(random): input, read(input): Promise<code?>, close?() }; `read` gives a code of its own, or throws. A new reader, such as
// that of another file format, is a function like these and a line here.
const from = (file, name) => async () => (await import(`./${file}.mjs`))[name]()

/** By name. */
export const targets = {
  safetensors: from('arrays', 'safetensors'),
  npy: from('arrays', 'npy'),
  npz: from('arrays', 'npz'),
  idx: from('arrays', 'idx'),
  csv: from('tables', 'csv'),
  parquet: from('tables', 'parquet'),
  specs: from('specs', 'specs'),
  'JSON rows': from('tables', 'jsonRows'),
  'model files': from('files', 'models'),
  'detector files': from('files', 'detectors'),
  'scorer files': from('files', 'scorers'),
  checkpoints: from('files', 'checkpoints'),
  'POST /score': from('http', 'score'),
  'v2 infer, JSON and binary': from('http', 'infer'),
  'HTTP requests': from('http', 'raw'),
}
