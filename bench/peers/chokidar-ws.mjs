// The peer of the Node world: chokidar watches, ws broadcasts what changed. As their documentation shows it.
import { readFile } from 'node:fs/promises';
import { watch } from 'chokidar';
import { WebSocketServer } from 'ws';

const [root] = process.argv.slice(2);
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
const before = new Map();

async function changed(path) {
  if (!path.endsWith('current-phase.json')) return;
  let document;
  try {
    document = JSON.parse(await readFile(path, 'utf8'));
  } catch {
    return; // half-written: the next change brings the rest
  }
  const last = before.get(path) ?? {};
  const patch = Object.fromEntries(
    Object.entries(document).filter(([key, value]) => JSON.stringify(value) !== JSON.stringify(last[key])),
  );
  before.set(path, document);
  const frame = JSON.stringify({ type: 'patch', path, patch });
  for (const client of server.clients) client.send(frame);
}

watch(root, { ignoreInitial: false })
  .on('add', changed)
  .on('change', changed)
  .on('ready', () => console.log(`127.0.0.1:${server.address().port}`));
