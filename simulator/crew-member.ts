/**
 * A member of a crew (`crew.ts`): a worker thread that loads the module with the work, and then does the tasks it is sent, one by one.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { plain } from './crew.ts';
import type { Work, WorkerWord } from './crew.ts';

const port = parentPort;
if (port === null) throw new Error('this is a part of a crew: it only works in a worker thread');
const { module, name } = workerData as { readonly module: string; readonly name: string };
const say = (word: WorkerWord): void => port.postMessage(word);

const loading = (import(module) as Promise<Record<string, unknown>>).then((exports) => {
  const work = exports[name];
  if (typeof work !== 'function') throw new Error(`${module} exports no function called ${name}`);
  return work as Work<unknown, unknown>;
});
// Nothing awaits the import until the first task comes, and an unhandled rejection would end the thread without a message. The task's own
// `then` below gets the same error and reports it.
loading.catch(() => undefined);

port.on('message', (task: unknown) => {
  loading
    .then((work) => work(task, (share, note) => say({ type: 'report', share, note })))
    .then((outcome) => say({ type: 'outcome', outcome }))
    .catch((error: unknown) => say({ type: 'error', error: plain(error) }));
});
