import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeFrames, FrameReader } from '../../src/network/frames.ts';

describe('frames', () => {
  it('come out as they went in, however the bytes are cut on the way', () => {
    const messages = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 12 });
    fc.assert(
      fc.property(messages, fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1 }), (sent, cuts) => {
        const bytes = encodeFrames(sent);
        const reader = new FrameReader(300);
        const received: Uint8Array[] = [];
        let at = 0;
        for (let index = 0; at < bytes.byteLength; index += 1) {
          const next = at + (cuts[index % cuts.length] as number);
          reader.push(bytes.subarray(at, next), (message) => received.push(Uint8Array.from(message)));
          at = next;
        }
        expect(received).toEqual(sent.map((message) => Uint8Array.from(message)));
      }),
    );
  });

  it('are refused by their length, before any of their bytes are stored', () => {
    const reader = new FrameReader(127);
    expect(() => reader.push(Uint8Array.of(0x80, 0x01), () => undefined)).toThrow(
      'a message of 128 bytes is over the limit of 127',
    );
  });

  it('are refused when their length never ends', () => {
    const reader = new FrameReader(1_000);
    expect(() => reader.push(Uint8Array.of(0x80, 0x80, 0x80, 0x80), () => undefined)).toThrow('not a number');
  });

  it('never crash or hang the reader, whatever the bytes are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), (garbage) => {
        const reader = new FrameReader(64);
        try {
          reader.push(garbage, (message) => expect(message.byteLength).toBeLessThanOrEqual(64));
        } catch (error) {
          expect((error as Error).name).toBe('FrameError');
        }
      }),
    );
  });
});
