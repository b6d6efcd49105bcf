import type { PickleReader } from './pickle-reader.ts';

/** A name that a pickle uses. Nothing is ever imported. */
export interface PickleGlobal {
  kind: 'global';
  /** Such as `torch.FloatStorage`. */
  name: string;
  /** Absent for a name without a meaning here: its call gives an opaque value. */
  call?: ((parameters: readonly unknown[]) => unknown) | undefined;
}

/** A value that is not read: the object or the result of an unknown name. */
export interface Opaque {
  kind: 'opaque';
  /** Such as `argparse.Namespace`. */
  name: string;
  /** The items that the pickle sets, if it is a dictionary. */
  items: Map<unknown, unknown>;
}

export const opaque = (name: string): Opaque => ({ kind: 'opaque', name, items: new Map() });

/** Identifies globals and what they return by their `kind`. A pickle can't forge one: its dictionaries are maps. */
export const isKind = <Value extends { kind: string }>(
  value: unknown,
  kind: Value['kind'],
): value is Value =>
  typeof value === 'object' && value !== null && 'kind' in value && value.kind === kind;

export interface UnpickleOptions {
  /** By `module name`. */
  globals: ReadonlyMap<string, PickleGlobal>;
  /** Turns a persistent ID, which names something outside the pickle, into a value. */
  persistentLoad(id: unknown): unknown;
}

/** The stack and the memo of a pickle that is being read. */
export class PickleMachine {
  readonly #reader: PickleReader;
  readonly #options: UnpickleOptions;
  readonly #memo = new Map<number, unknown>();
  /** The stacks below the open marks. */
  readonly #below: unknown[][] = [];
  #stack: unknown[] = [];

  constructor(reader: PickleReader, options: UnpickleOptions) {
    this.#reader = reader;
    this.#options = options;
  }

  push(value: unknown): void {
    this.#stack.push(value);
  }

  pop(count: number): unknown[] {
    if (this.#stack.length < count) throw this.#reader.error('an opcode finds an empty stack');
    return this.#stack.splice(this.#stack.length - count, count);
  }

  #top(): unknown {
    const [top] = this.pop(1);
    this.push(top);
    return top;
  }

  mark(): void {
    this.#below.push(this.#stack);
    this.#stack = [];
  }

  /** Returns what was pushed since the last mark and restores the stack below it. */
  popMark(): unknown[] {
    const above = this.#stack;
    const below = this.#below.pop();
    if (!below) throw this.#reader.error('an opcode finds no mark');
    this.#stack = below;
    return above;
  }

  result(): unknown {
    if (this.#below.length > 0 || this.#stack.length !== 1) {
      throw this.#reader.error('it stops with values left on the stack');
    }
    return this.#stack[0];
  }

  remember(key: number = this.#memo.size): void {
    this.#memo.set(key, this.#top());
  }

  recall(key: number): void {
    if (!this.#memo.has(key)) throw this.#reader.error(`the memo has no entry ${key}`);
    this.push(this.#memo.get(key));
  }

  pushGlobal(module: unknown, name: unknown): void {
    // A tuple that contains itself twice, 20 times over, has a million items as text: only strings become text.
    if (typeof module !== 'string' || typeof name !== 'string') {
      throw this.#reader.error('it names a global with a value that is not a string');
    }
    const unknown: PickleGlobal = { kind: 'global', name: `${module}.${name}` };
    this.push(this.#options.globals.get(`${module} ${name}`) ?? unknown);
  }

  pushPersistent(): void {
    this.push(this.#options.persistentLoad(this.pop(1)[0]));
  }

  append(items: readonly unknown[]): void {
    const list = this.#top();
    if (isKind<Opaque>(list, 'opaque')) return;
    if (!Array.isArray(list)) throw this.#reader.error('it appends to a value that is not a list');
    for (const item of items) list.push(item);
  }

  setItems(items: readonly unknown[]): void {
    const top = this.#top();
    const map = isKind<Opaque>(top, 'opaque') ? top.items : top;
    if (!(map instanceof Map) || items.length % 2 !== 0) {
      throw this.#reader.error('it sets items of a value that is not a dictionary');
    }
    for (let i = 0; i < items.length; i += 2) map.set(items[i], items[i + 1]);
  }

  /** Calls a known global. A call of any other executes nothing and gives an opaque value. */
  call([callable, parameters]: readonly unknown[]): void {
    if (isKind<Opaque>(callable, 'opaque')) {
      this.push(callable);
      return;
    }
    if (!isKind<PickleGlobal>(callable, 'global') || !Array.isArray(parameters)) {
      throw this.#reader.error('it calls a value that is not a function');
    }
    const { call, name } = callable;
    this.push(call ? call(parameters) : opaque(name));
  }

  /** Drops attributes: a state_dict's `_metadata` says nothing about the weights. */
  build(): void {
    this.pop(1);
    const top = this.#top();
    if (!(top instanceof Map) && !isKind<Opaque>(top, 'opaque')) {
      throw this.#reader.error('it sets attributes of a value that is not an object');
    }
  }
}
