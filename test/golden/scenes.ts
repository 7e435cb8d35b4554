/**
 * The scenes of the golden dialogues: each sets the stage, begins the record, lets the thing happen, and ends when it is over. The
 * first line of each file says what to look for.
 */
import { Dialogue } from './dialogue.ts';

/**
 * Ann and bob hang below the root, which takes no more; cat, who stands there and could not reach bob, hangs below ann. The record begins.
 */
function catBelowAnn(cat: readonly [number, number]): Dialogue {
  const scene = new Dialogue({ root: [0, 0], ann: [40, 0], bob: [0, 15], cat }, { fanOut: 2, optimiseEveryBeats: 5 })
    .enter('root', 'ann', 'bob')
    .run(3_000);
  scene.farm.cut(scene.handle('cat'), scene.handle('bob'), true);
  scene.enter('cat');
  scene.until('cat hangs below ann', () => scene.peer('cat').state.clients.parent === scene.handle('ann'));
  return scene.begin().without((_from, _to, { kind }) => kind === 'volunteer');
}

/** By name of the file: what to look for, and the scene. */
export const scenes: Readonly<Record<string, { readonly about: string; readonly play: () => Dialogue }>> = {
  join: {
    about: 'A newcomer that knows the root from its invite enters the farm.',
    play: () =>
      new Dialogue({ root: [0, 0], ann: [30, 0] })
        .enter('root')
        .run(2_300)
        .begin('heartbeat-down', 'heartbeat-up', 'view', 'view-change', 'cast-heads', 'release-ask', 'release-now')
        .note('ann starts, with the root in her invite')
        .enter('ann')
        .run(1_000),
  },

  redirect: {
    about:
      'The root is full and the newcomer is not nearer than its children: it is sent on, and takes the nearest free place.',
    play: () =>
      new Dialogue({ root: [0, 0], ann: [20, 0], bob: [0, 20], cat: [60, 10] }, { fanOut: 2 })
        .enter('root', 'ann', 'bob')
        .run(5_000)
        .begin()
        .note('cat starts, with the root in her invite')
        .enter('cat'),
  },

  replace: {
    about:
      'The root is full, but the newcomer is much nearer than its worst child: the better is kept, the other sent on.',
    play: () => {
      const scene = new Dialogue({ root: [0, 0], ann: [10, 0], bob: [0, 90], cat: [20, 10] }, { fanOut: 2 })
        .enter('root', 'ann', 'bob')
        .run(40_000)
        .begin()
        .note('cat starts, with the root in her invite');
      scene.enter('cat');
      return scene.until('bob hangs elsewhere', () => scene.peer('bob').state.clients.parent !== scene.handle('root'));
    },
  },

  'repair-silent': {
    about: 'A parent loses power. Its child notices after three missed heartbeats and goes up to its grandparent.',
    play: () => {
      const scene = chain().begin().note('ann loses power: no connection is closed');
      scene.farm.crash(scene.handle('ann'), false);
      return scene.until(
        'cat has a parent again',
        () => scene.peer('cat').state.clients.parent === scene.handle('root'),
      );
    },
  },

  'repair-backup': {
    about:
      'A parent process is killed. Its child notices at once and goes to its backup, a sibling of the dead parent.',
    play: () => {
      const scene = new Dialogue({ root: [0, 0], ann: [30, 0], bob: [30, 20], cat: [60, 5] }, { fanOut: 2 })
        .enter('root', 'ann', 'bob', 'cat')
        .run(20_000);
      scene
        .begin()
        .without((_from, _to, { kind }) => kind === 'evict')
        .note('ann is killed: her machine closes the connections');
      scene.farm.crash(scene.handle('ann'), true);
      return scene.until(
        'cat has a parent again',
        () => scene.peer('cat').state.clients.parent === scene.handle('bob'),
      );
    },
  },

  'optimise-sibling': {
    about:
      'The way from the root to cat leads past ann anyway: cat hangs below ann, and the long link carries one stream less.',
    play: () => {
      const scene = new Dialogue({ root: [0, 0], cat: [62, 0], ann: [60, 0] }, { optimiseEveryBeats: 5 })
        .enter('root', 'cat')
        .run(3_000)
        .begin()
        .without((_from, _to, { kind }) => kind === 'ping' || kind === 'pong')
        .note('ann starts; pings are left out');
      scene.enter('ann');
      return scene
        .until('one hangs below the other', () =>
          [scene.peer('cat'), scene.peer('ann')].some((peer) => peer.state.clients.children.length > 0),
        )
        .run(1_000);
    },
  },

  'optimise-ancestor': {
    about:
      'A place below the root becomes free, and the direct way is much shorter than the one through ann: cat moves up.',
    play: () => {
      const scene = catBelowAnn([-30, 0]).note('bob leaves');
      scene.act('bob', (peer, nowMs) => peer.leave(nowMs));
      return scene.until('cat has moved up', () => scene.peer('cat').state.clients.parent === scene.handle('root'));
    },
  },

  'optimise-uncle': {
    about:
      'The root is full, but ann has a sibling through which the way from the root to cat is a third as long: cat moves below it.',
    play: () => {
      const scene = catBelowAnn([0, 30]).note('bob can be reached from cat');
      scene.farm.cut(scene.handle('cat'), scene.handle('bob'), false);
      return scene.until('cat has moved', () => scene.peer('cat').state.clients.parent === scene.handle('bob'));
    },
  },

  volunteer: {
    about:
      'A client offers to serve: it is asked, takes the release from its server, joins the tree of servers below it, and serves.',
    play: () => {
      const scene = new Dialogue({ root: [0, 0], ann: [40, 0], bob: [60, 0] }, { fanOut: 2 })
        .enter('root', 'ann', 'bob')
        .run(20_000)
        .begin('view', 'view-change')
        .without((_from, _to, { kind }) => kind === 'ping' || kind === 'pong')
        .note('ann offers to serve; pings are left out');
      scene.promote('ann');
      return scene.until('bob knows her', () => scene.peer('bob').rank(scene.farm.nowMs).length > 1);
    },
  },

  'change-server': {
    about: 'A server appears near bob. He compares it with his own, and goes to its tree.',
    play: () => {
      const scene = new Dialogue(
        { root: [0, 0], ann: [100, 0], bob: [-10, 80], cat: [0, 90] },
        { optimiseEveryBeats: 5 },
      )
        .enter('root', 'ann', 'bob', 'cat')
        .run(20_000)
        .begin('view', 'view-change')
        .note('cat begins to serve');
      scene.promote('cat');
      return scene.until('bob has moved', () => scene.peer('bob').state.clients.parent === scene.handle('cat'));
    },
  },

  round: {
    about:
      'One round of the controller: everybody reports, the root asks its clients how far they are from likely servers, ' +
      'and makes a server of the one in their middle.',
    play: () => {
      const scene = new Dialogue(
        { root: [0, 0], ann: [100, 0], bob: [110, 0], cat: [120, 0], dan: [115, 10] },
        { fanOut: 4, optimiseEveryBeats: 5 },
        true,
      )
        .enter('root', 'ann', 'bob', 'cat', 'dan')
        .offer('ann', 'bob', 'cat')
        .run(30_000)
        .require(60)
        .run(6_000)
        .begin()
        .without((_from, _to, { kind }) => kind === 'ping' || kind === 'pong' || kind === 'volunteer')
        .note('the root wants 60 ms on the mean; everybody has just had a page from it; pings are left out')
        .visit('ann', 'bob', 'cat', 'dan');
      return scene.until('one of them serves', () =>
        ['ann', 'bob', 'cat'].some(
          (name) => scene.peer('root').state.membership.get(scene.handle(name))?.state === 'serving',
        ),
      );
    },
  },

  shed: {
    about:
      'A server has more than it can do. It says so, all who know it hear of it, and the client that loses least is sent on: ' +
      'it asks the next server at once, and goes to its tree.',
    play: () => {
      const clients = ['bob', 'cat', 'dan', 'eve'];
      const scene = new Dialogue(
        { root: [0, 0], ann: [60, 0], bob: [62, 5], cat: [50, 0], dan: [75, 0], eve: [66, 10] },
        { fanOut: 4, optimiseEveryBeats: 5 },
        true,
      )
        .enter('root', 'ann', ...clients)
        .offer('ann')
        .require(60)
        .use(60, ['ann', ...clients], () => 20);
      return scene
        .until('ann serves', () => scene.peer('ann').role === 'server')
        .use(60, clients, () => 20)
        .begin('view')
        .without(
          (_from, _to, { kind }) =>
            kind !== 'shed' && kind !== 'view' && kind !== 'join' && kind !== 'accept' && kind !== 'part',
        )
        .note('everybody asks once a second; from now on a request takes 60 ms more at ann than at the root')
        .use(9, clients, (server) => (server === 'ann' ? 80 : 20));
    },
  },

  drain: {
    about: 'A server stops serving: says so, sends its clients on, and is a client itself when they have gone.',
    play: () => {
      const scene = new Dialogue({ root: [0, 0], ann: [60, 0], bob: [70, 0] }, { optimiseEveryBeats: 5 })
        .enter('root', 'ann')
        .promote('ann')
        .enter('bob');
      scene
        .until('bob is a client of ann', () => scene.peer('bob').state.clients.parent === scene.handle('ann'))
        .run(5_000)
        .begin('members', 'view', 'view-change')
        .without((_from, _to, { kind }) => kind === 'ping' || kind === 'pong')
        .note('ann drains; pings are left out');
      scene.act('ann', (peer, nowMs) => peer.drain(nowMs));
      return scene.until('ann is a client', () => scene.peer('ann').role === 'client').run(1_500);
    },
  },

  return: {
    about:
      'A server was away while release 2 came out: it asks its old parent first, catches up, and only then serves.',
    play: () => {
      const scene = new Dialogue({ root: [0, 0], ann: [30, 0], bob: [60, 0] }, { optimiseEveryBeats: 5 })
        .enter('root', 'ann', 'bob')
        .promote('ann', 'bob')
        .run(20_000);
      scene.farm.crash(scene.handle('bob'), true);
      scene.run(3_000);
      scene.act('root', (peer, nowMs) => void peer.publish(nowMs, 2, new Uint8Array(32).fill(2), 1e6));
      scene
        .run(5_000)
        .begin('members', 'members-compare', 'release-ask', 'release-now')
        .without((from, to) => from !== 'bob' && to !== 'bob')
        .note('bob starts again, with his disk; only his messages are shown');
      scene.farm.restart(scene.handle('bob'));
      return scene.until(
        'bob serves',
        () => scene.peer('root').state.membership.get(scene.handle('bob'))?.state === 'serving',
      );
    },
  },

  update: {
    about: 'Release 2: the notice goes down both trees once per link, the bytes follow from parent to child.',
    play: () => {
      const scene = new Dialogue({ root: [0, 0], ann: [30, 0], bob: [60, 0], cat: [70, 0] }, { optimiseEveryBeats: 5 })
        .enter('root', 'ann', 'bob')
        .promote('ann', 'bob')
        .enter('cat');
      scene
        .run(20_000)
        .begin()
        .without((_from, _to, { kind }) => kind === 'ping' || kind === 'pong')
        .note('the root publishes release 2');
      scene.act('root', (peer, nowMs) => void peer.publish(nowMs, 2, new Uint8Array(32).fill(2), 1e6));
      return scene.until('all servers have it', () =>
        ['ann', 'bob'].every((name) => scene.peer(name).state.releases.installedNumber === 2),
      );
    },
  },

  pull: {
    about: 'A message is lost on the way to cat. The digest on the heartbeats tells, and what is missing is pulled.',
    play: () => {
      const scene = chain();
      const [ann, cat] = [scene.handle('ann'), scene.handle('cat')];
      scene
        .begin('cast-heads')
        .without((_from, _to, { kind }) => kind === 'ping' || kind === 'pong')
        .note('the root sends "first"; nothing gets from ann to cat');
      const note = (topic: string): void => {
        scene.act(
          'root',
          (peer, nowMs) => void peer.multicast(nowMs, { type: 'note', topic, bytes: new Uint8Array(4) }),
        );
      };
      scene.farm.cut(ann, cat, true);
      note('first');
      scene.run(200).note('the way is open again; the root sends "second"');
      scene.farm.cut(ann, cat, false);
      note('second');
      scene.run(200).note('and "third", which is lost again, with nothing after it');
      scene.farm.cut(ann, cat, true);
      note('third');
      scene.run(200);
      scene.farm.cut(ann, cat, false);
      return scene.until('cat has all of them', () =>
        scene
          .peer('cat')
          .state.multicast.heads()
          .some(({ origin, sequence }) => origin === scene.handle('root') && sequence === 4),
      );
    },
  },

  exclusion: {
    about: 'A client finds that ann sent wrong bytes. The root checks, excludes her, and everybody lets go of her.',
    play: () => {
      const scene = new Dialogue({ root: [0, 0], ann: [40, 0], bob: [0, 50], cat: [45, 10] }, { optimiseEveryBeats: 5 })
        .enter('root', 'ann', 'bob')
        .promote('ann')
        .enter('cat');
      scene
        .until('cat is a client of ann', () => scene.peer('cat').state.clients.parent === scene.handle('ann'))
        .run(10_000)
        .begin('members', 'view', 'view-change')
        .without((_from, _to, { kind }) => kind === 'ping' || kind === 'pong')
        .note('bob gets a page from ann that contradicts the release it names; pings are left out');
      scene.act('bob', (peer, nowMs) => peer.lied(nowMs, scene.handle('ann'), '/index.html', 1));
      scene.run(100).note('the root has fetched the page itself: it is so');
      scene.act('root', (peer, nowMs) => peer.exclude(nowMs, scene.handle('ann')));
      return scene
        .until('cat has another server', () => scene.peer('cat').state.clients.parent !== scene.handle('ann'))
        .run(2_000);
    },
  },
};

/** cat below ann below the root, settled. */
function chain(): Dialogue {
  const scene = new Dialogue({ root: [0, 0], ann: [30, 0], cat: [60, 0] }, { optimiseEveryBeats: 5 }).enter(
    'root',
    'ann',
    'cat',
  );
  return scene
    .until('cat hangs below ann', () => scene.peer('cat').state.clients.parent === scene.handle('ann'))
    .until('she is settled there', () => scene.peer('cat').state.backup === scene.handle('root'))
    .run(3_000);
}
