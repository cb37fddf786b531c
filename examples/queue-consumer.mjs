// Scores of messages from a queue: a few at a time share native calls, odd ones go to a queue of their own, bad ones are set aside.
// The queue here is in memory; a client of Kafka, RabbitMQ or SQS has the same three calls.
import { createScorer, data, detectors, ood } from 'langevin'

const rows = data.toys.rings({ n: 1000, seed: 1 })
const fitted = await ood.fit(detectors.knn(), rows, { heldOut: 0.3, fpr: 0.02 }) // ood.load(file) in a service
rows.dispose()
let calls = 0
const onMetrics = () => calls++
const scorer = createScorer(fitted, { maxBatch: 32, maxDelayMs: 5, onMetrics })

const queue = {
  messages: Array.from({ length: 200 }, (_, id) => {
    const angle = id / 7
    const body =
      id % 50 === 49
        ? '{"x1": 1}'
        : JSON.stringify({ x1: Math.cos(angle), x2: Math.sin(angle) + (id % 40 === 0 ? 5 : 0) })
    return { id, body }
  }),
  receive: () => queue.messages.shift(),
  done: new Set(),
  acknowledge: (message) => queue.done.add(message.id),
}
const [alarms, unreadable] = [[], []]

async function handle(message) {
  let given
  try {
    given = data.fromRows([JSON.parse(message.body)], { label: null })
    const { accept } = await scorer.decide(given)
    if (!accept[0]) alarms.push(message.id)
  } catch (error) {
    // A message that cannot be scored will not be better next time: it must not block the queue.
    unreadable.push(`${message.id}: ${error.message.slice(0, 60)}`)
  } finally {
    given?.dispose()
  }
  queue.acknowledge(message)
}

// As many messages are in work as there are consumers: what bounds memory and gives batches their rows.
async function consume() {
  for (let message = queue.receive(); message !== undefined; message = queue.receive()) await handle(message)
}
await Promise.all(Array.from({ length: 32 }, consume))
console.log(`${queue.done.size} messages in ${calls} native calls; alarms: ${alarms.sort((a, b) => a - b)}`)
console.log(unreadable)
await scorer.close()
fitted.dispose()
