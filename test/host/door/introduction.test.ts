/** Coming in by an invite: real peers on loopback that answer, stay silent, refuse. */
import { describe, expect, it } from 'vitest';
import { byteStream } from '../../../src/network/streams/byte-stream.ts';
import { introduce } from '../../../src/host/door/introduction.ts';
import { type WelcomeAnswer, welcomeProtocol, answerWelcome } from '../../../src/host/door/welcome.ts';
import { type Charter, type Invite, amendCharter } from '../../../src/service/index.ts';
import { found } from '../../service/workshop.ts';
import { startNetwork } from '../../network/test-network.ts';
import { until } from '../../patience.ts';

const service = found();
const first = service.charter;
const second = amendCharter(service.ownerKey, first, { requirementMs: 80 }, 0);
const welcome = (charter: Charter, credential = ''): WelcomeAnswer => ({
  ok: true,
  charter: Buffer.from(charter.bytes).toString('base64'),
  credential,
});
const refusal: WelcomeAnswer = { ok: false, reason: 'used-up', message: 'This invite has been used.' };

interface Host {
  readonly addresses: readonly string[];
  /** Questions that it was asked. */
  readonly asked: () => number;
  /** Questions that the other side has given up. */
  readonly givenUp: () => number;
}

/** A peer that answers so, when the time has come; null for one that takes the question and stays silent. */
async function host(
  answer: WelcomeAnswer | null,
  whenever: () => Promise<void> = async () => undefined,
): Promise<Host> {
  const network = await startNetwork();
  let asked = 0;
  let givenUp = 0;
  await network.handle(welcomeProtocol, async (stream) => {
    asked += 1;
    stream.addEventListener('close', () => (givenUp += stream.status === 'reset' ? 1 : 0));
    if (answer === null) return;
    await answerWelcome(byteStream(stream), async () => {
      await whenever();
      return answer;
    });
  });
  return { addresses: network.addresses(), asked: () => asked, givenUp: () => givenUp };
}

function inviteTo(...hosts: readonly { readonly addresses: readonly string[] }[]): Invite {
  const addresses = hosts.flatMap((each) => each.addresses);
  return { serviceId: first.serviceId, name: first.name, addresses, token: null, expiresAtMs: null };
}

function memory() {
  const kept = new Map<string, string>();
  const remember = (key: string, value: string): void => void kept.set(key, value);
  return { kept, recall: (key: string) => kept.get(key) ?? null, remember };
}

describe('an invite', () => {
  it('is shown once, and what it brought is remembered', async () => {
    const [network, root] = [await startNetwork(), await host(welcome(first, 'Y3JlZA=='))];
    const state = memory();
    expect((await introduce(network, inviteTo(root), state)).number).toBe(1);
    expect((await introduce(network, inviteTo(root), state)).number).toBe(1);
    expect(root.asked()).toBe(1);
    expect(state.recall('credential')).toBe('Y3JlZA==');
    expect((await introduce(network, null, state)).number).toBe(1);
  });

  it('whose first peer stays silent is answered by the next', async () => {
    const [network, silent] = [await startNetwork(), await host(null)];
    const root = await host(welcome(first), async () => {
      await until('the silent one has been asked', () => silent.asked() === 1);
      // Asked while the silent one still has its time: nobody waited for that to be over.
      expect(silent.givenUp()).toBe(0);
    });
    expect((await introduce(network, inviteTo(silent, root), memory())).number).toBe(1);
    await until('the silent one is asked no longer', () => silent.givenUp() === 1);
  });

  it('whose only peer stays silent is given up after ten seconds', async () => {
    const [network, silent] = [await startNetwork(), await host(null)];
    await expect(introduce(network, inviteTo(silent), memory())).rejects.toMatchObject({
      code: 'farm-unreachable',
      message: expect.stringContaining('no answer within 10 s') as string,
    });
  });

  it('that one peer refuses and another takes is taken; refused by all, it is refused in their words', async () => {
    const [network, strict, root] = [await startNetwork(), await host(refusal), await host(welcome(first))];
    expect((await introduce(network, inviteTo(strict, root), memory())).number).toBe(1);
    await expect(introduce(network, inviteTo(strict), memory())).rejects.toThrow('This invite has been used.');
  });

  it('of a root that has moved brings the newer charter; an older one never comes back', async () => {
    const [network, old, moved] = [
      await startNetwork(),
      await host(welcome(first, 'b2xk')),
      await host(welcome(second, 'bmV3')),
    ];
    const state = memory();
    await introduce(network, inviteTo(old), state);
    expect((await introduce(network, inviteTo(moved), state)).number).toBe(2);
    expect(state.recall('credential')).toBe('bmV3');
    expect((await introduce(network, inviteTo(old), state)).number).toBe(2);
    expect(state.recall('credential')).toBe('bmV3');
    expect((await introduce(network, null, state)).number).toBe(2);
  });

  it('that leads nowhere costs a member nothing', async () => {
    const [network, root, strict] = [await startNetwork(), await host(welcome(first)), await host(refusal)];
    const state = memory();
    await introduce(network, inviteTo(root), state);
    const reasons: string[] = [];
    const charter = await introduce(network, inviteTo(strict), state, (reason) => reasons.push(reason));
    expect([charter.number, reasons]).toEqual([1, ['This invite has been used.']]);
  });
});
