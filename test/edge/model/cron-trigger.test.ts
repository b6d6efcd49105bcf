import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test';
import { describe, expect, it } from 'vitest';
import { createApp } from '../../../edge/app.ts';
import { parseConfiguration } from '../../../edge/configuration.ts';
import { r2ObjectStore } from '../../../edge/store/r2-object-store.ts';
import { openBucket } from '../../support/edge/bucket.ts';
import { later } from '../../support/edge/serving.ts';

describe('the Cron Trigger', () => {
  it('polls the aliases even without requests', async () => {
    const moving = openBucket();
    await moving.uploadTestSet();
    const one = await moving.publish('one');
    const two = await moving.publish('two', { createdAt: later });
    await moving.moveAlias(one);
    const app = createApp({
      store: r2ObjectStore(moving.bucket),
      configuration: parseConfiguration({
        BUCKET_PREFIX: moving.prefix,
        ALIAS_POLL_SECONDS: '3600',
      }),
    });
    async function trigger() {
      const context = createExecutionContext();
      app.scheduled(
        { scheduledTime: 0, cron: '* * * * *', noRetry() {} } as ScheduledController,
        {},
        context,
      );
      await waitOnExecutionContext(context);
    }
    const served = async () => {
      const context = createExecutionContext();
      const request = new Request('http://catwalk.test/predict?index=0');
      // biome-ignore lint/suspicious/noExplicitAny: compared below.
      return ((await (await app.fetch(request, {}, context)).json()) as any).model.version;
    };
    await trigger();
    expect(await served()).toBe(one);
    await moving.moveAlias(two);
    expect(await served()).toBe(one);
    await trigger();
    expect(await served()).toBe(two);
  });
});
