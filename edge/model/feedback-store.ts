import type { BucketLayout } from '../../shared/registry/bucket-layout.ts';
import type { FeedbackRecord } from '../../shared/registry/feedback.ts';
import type { ObjectStore } from '../../shared/registry/object-store.ts';
import { Problem } from '../errors.ts';

export interface FeedbackStore {
  /**
   * Writes a record, unless the same client has sent the same label for the same image today.
   *
   * @returns whether it is new
   * @throws {Problem} `too_many_requests` if today has the maximum of records
   * @throws {StoreError}
   */
  save(record: FeedbackRecord): Promise<boolean>;
}

export interface FeedbackStoreOptions {
  store: ObjectStore;
  layout: BucketLayout;
  /** The model's name. */
  name: string;
  /** Records per UTC day. Several isolates that write at once may exceed it by a few. */
  maxPerDay: number;
  /** Milliseconds since 1970. */
  now: () => number;
}

/** How long a full day is not listed again: refusing must not cost requests to the bucket. */
const fullMilliseconds = 60_000;
const dayMilliseconds = 24 * 60 * 60 * 1000;

/** Opens the feedback of a model. The bucket's listing counts the records of a day, so that all isolates share the count. */
export function openFeedbackStore(options: FeedbackStoreOptions): FeedbackStore {
  const { store, layout, name, maxPerDay, now } = options;
  /** Records of a day: those that were listed or, if there are more, those that this isolate knows to be written. */
  let day = { date: '', count: 0, fullUntil: 0 };

  function tooMany(): Problem {
    const seconds = Math.ceil((dayMilliseconds - (now() % dayMilliseconds)) / 1000);
    return new Problem(
      'too_many_requests',
      `Today's ${maxPerDay} feedback records are stored: try again after midnight UTC, in ${seconds} s.`,
      { headers: { 'retry-after': String(seconds) } },
    );
  }

  return {
    async save(record) {
      const date = record.at.slice(0, 10);
      // Counts again after a refusal, because records may have been deleted.
      const isOver = day.fullUntil > 0 && now() >= day.fullUntil;
      if (day.date !== date || isOver) day = { date, count: 0, fullUntil: 0 };
      const today = day;
      if (now() < today.fullUntil) throw tooMany();
      const { id, label, client } = record;
      const key = layout.feedback(name, { date, id, label: label.id, client });
      const folder = layout.feedbackDay(name, date);
      const names = await store.list(folder);
      if (names.includes(key.slice(folder.length))) return false;
      today.count = Math.max(today.count, names.length);
      if (today.count >= maxPerDay) {
        today.fullUntil = now() + fullMilliseconds;
        throw tooMany();
      }
      today.count++;
      const bytes = new TextEncoder().encode(JSON.stringify(record));
      const isNew = await store.putIfAbsent(key, bytes, { contentType: 'application/json' });
      if (!isNew) today.count--;
      return isNew;
    },
  };
}
