import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { byteStream, type ByteStream } from '../../../src/network/streams/byte-stream.ts';
import type { Network } from '../../../src/network/network.ts';
import { startPair } from '../test-network.ts';
import { until } from '../../patience.ts';

const testProtocol = '/test/bytes';

/** Both ends of one stream between two real nodes. */
async function startPipe(): Promise<{ near: ByteStream; far: ByteStream; a: Network; b: Network }> {
  const [a, b] = await startPair();
  const far = new Promise<ByteStream>((resolve, reject) => {
    b.handle(testProtocol, (stream) => resolve(byteStream(stream))).catch(reject);
  });
  const near = byteStream(await a.openStream(b.peerId, testProtocol));
  return { near, far: await far, a, b };
}

async function readAll(pipe: ByteStream): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of pipe.chunks) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe('a byte stream', () => {
  it('carries bytes both ways at once and ends when the sender says so', async () => {
    const { near, far } = await startPipe();
    const [there, back] = [randomBytes(5_000_000), randomBytes(3_000_000)];
    const send = async (pipe: ByteStream, content: Buffer): Promise<void> => {
      for (let at = 0; at < content.byteLength; at += 65_536) await pipe.send(content.subarray(at, at + 65_536));
      await pipe.closeWrite();
    };
    const [atFar, atNear] = await Promise.all([readAll(far), readAll(near), send(near, there), send(far, back)]);
    expect(createHash('sha256').update(atFar).digest('hex')).toBe(createHash('sha256').update(there).digest('hex'));
    expect(createHash('sha256').update(atNear).digest('hex')).toBe(createHash('sha256').update(back).digest('hex'));
  });

  it('can still be written after the other side has ended its half', async () => {
    const { near, far } = await startPipe();
    await near.send(Buffer.from('question'));
    await near.closeWrite();
    expect((await readAll(far)).toString()).toBe('question');
    await far.send(Buffer.from('answer'));
    await far.closeWrite();
    expect((await readAll(near)).toString()).toBe('answer');
  });

  it('holds the sender back when the reader does not read', async () => {
    const { near, far } = await startPipe();
    const block = randomBytes(64 * 1024);
    let sent = 0;
    let isBroken = false;
    const sending = (async () => {
      while (!isBroken) {
        await near.send(block);
        sent += block.byteLength;
      }
    })();
    let before = -1;
    await until('the sender stands still', async () => {
      await new Promise((resolve) => setTimeout(resolve, 150));
      const isStill = sent === before;
      before = sent;
      return isStill;
    });
    expect(sent).toBeLessThan(16 * 1024 * 1024);
    let read = 0;
    for await (const chunk of far.chunks) {
      read += chunk.byteLength;
      if (read > 30_000_000) break;
    }
    expect(sent).toBeGreaterThan(25_000_000);
    // A reader that stops before the end breaks the stream, so that its sender does not wait for ever.
    await expect(sending).rejects.toThrow(/reset|closed/);
    isBroken = true;
  });

  it('delivers everything to a reader that pauses and resumes again and again', async () => {
    const { near, far } = await startPipe();
    const block = randomBytes(256 * 1024);
    const blocks = 160;
    const sending = (async () => {
      for (let i = 0; i < blocks; i++) await near.send(block);
      await near.closeWrite();
    })();
    let read = 0;
    const reading = (async () => {
      for await (const chunk of far.chunks) {
        read += chunk.byteLength;
        // Like a slow disk: the reader needs a moment for every piece, and the sender is far faster.
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    })();
    await Promise.all([sending, reading]);
    expect(read).toBe(blocks * block.byteLength);
  });

  it('reports a broken stream to the reader as an error, not as its end', async () => {
    const { near, far } = await startPipe();
    await near.send(Buffer.from('half'));
    const reading = readAll(far);
    near.abort(new Error('enough'));
    await expect(reading).rejects.toThrow(/reset/);
    await expect(near.send(Buffer.from('more'))).rejects.toThrow('enough');
  });

  it('throws when the connection vanishes', async () => {
    const { near, far, a, b } = await startPipe();
    await near.send(Buffer.from('half'));
    const reading = readAll(far);
    a.refuse(b.peerId, 'as if the process had been killed');
    await expect(reading).rejects.toThrow();
    await expect(near.send(Buffer.from('more'))).rejects.toThrow();
  });
});
