/** Several publishers at once, on real S3 servers and on a stand-in that answers 409 while another write is under way. */
import { afterAll, describe, expect, inject, it } from 'vitest';
import { openBucket } from '../../trainer/registry/bucket.ts';
import { smallModels } from '../support/models/small-model.ts';
import { contendedStore } from '../support/s3/reported-stores.ts';
import { startLocalR2, startMotoBucket } from '../support/s3/s3-servers.ts';
import { startStandIn } from '../support/s3/stand-in.ts';
import { bucketChecker } from './check-alias.ts';
import { publish } from './publish.ts';

const whole = inject('whole');
let conflicts = 0;
const behaviour = contendedStore();
const contended = await startStandIn('a store with conflicts', async (request, answer) => {
  const answered = await behaviour(request, answer);
  if (answered.status === 409) conflicts++;
  return answered;
});
const [localR2, moto] = await Promise.all([startLocalR2(), whole ? startMotoBucket() : null]);
const servers = [localR2, contended, ...(moto ? [moto] : [])];
const makeModel = await smallModels();
afterAll(() => Promise.all(servers.map((server) => server.stop())));

describe.each(servers)('on $name', ({ name: server, environment }) => {
  let prefixes = 0;
  const newUrl = () => `s3://catwalk/lane-${prefixes++}`;
  const open = (url: string) => openBucket({ url, environment });

  it.each([2, 8])('loses no move of %i concurrent publishers', async (publishers) => {
    const rounds = whole ? 100 : 3;
    let url = '';
    let checker = bucketChecker(open(newUrl()), '');
    let moves = 0;
    for (let round = 0; round < rounds; round++) {
      // In random order, and all better than those of the round before.
      const models = Array.from({ length: publishers }, () =>
        makeModel(((round % 10) + Math.random()) / 10),
      );
      // The first round of each bucket creates the alias, the others move it.
      const isFirst = round % 10 === 0;
      if (isFirst) {
        url = newUrl();
        checker = bucketChecker(open(url), models[0]?.spec.name ?? '');
      }
      const before = isFirst ? null : await checker.check();
      const results = await Promise.all(models.map((model) => publish(open(url), model)));
      const after = await checker.check();
      const since = before?.history.at(-1)?.revision ?? 0;
      const made = after.history.filter(({ revision }) => revision > since);
      // Each move that a publisher reported is in the history once, and there is no other.
      const told = results.flatMap(({ outcome, alias }) =>
        outcome === 'moved' ? [alias.history.at(-1)?.version] : [],
      );
      expect(made.map(({ version }) => version).toSorted()).toEqual(told.toSorted());
      moves += told.length;
      for (const result of results) {
        if (result.outcome !== 'kept') continue;
        // A publisher that lost reports the current model, which is at least as good.
        expect(result.currentAccuracy).toBeGreaterThanOrEqual(result.newAccuracy);
      }
    }
    console.info(
      `${server}: ${rounds} rounds of ${publishers} publishers, ${moves} moves, ${conflicts} conflicts so far`,
    );
    expect(moves).toBeGreaterThanOrEqual(rounds);
    if (environment === contended.environment) expect(conflicts).toBeGreaterThan(0);
  });
});
