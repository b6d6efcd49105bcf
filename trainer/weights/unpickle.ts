import { PickleReader } from './pickle-reader.ts';

/** A name that a pickle may use. Any other name is an error; nothing is ever imported. */
export interface PickleGlobal {
  kind: 'global';
  /** `module name` */
  name: string;
  /** Absent if the pickle may not call it. */
  call?: ((parameters: readonly unknown[]) => unknown) | undefined;
}

export interface UnpickleOptions {
  /** By `module name`. */
  globals: ReadonlyMap<string, PickleGlobal>;
  /** Turns a persistent ID, which names something outside the pickle, into a value. */
  persistentLoad(id: unknown): unknown;
  /** What to do about a name that is not among `globals`; ends the error message. */
  advice: string;
}

/**
 * Reads a pickle without executing it: numbers, strings, tuples and lists (as arrays), dictionaries (as maps) and the
 * allowed globals. Supports the opcodes that `torch.save` writes in protocols 2 to 5
 * (https://github.com/python/cpython/blob/main/Lib/pickletools.py).
 *
 * @throws {WeightsFileError} if an opcode or a global is not allowed; names it and its byte
 */
export function unpickle(pickle: Uint8Array, options: UnpickleOptions): unknown {
  const reader = new PickleReader(pickle);
  const machine = new PickleMachine(reader, options);
  for (;;) {
    const opcode = reader.opcode();
    if (opcode === STOP) return machine.result();
    const operation = operations[opcode];
    if (!operation) {
      const code = `0x${opcode.toString(16).padStart(2, '0')}`;
      throw reader.error(`opcode ${code} is not allowed`);
    }
    operation(machine, reader);
  }
}

/** The stack and the memo of a pickle that is being read. */
class PickleMachine {
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
    const { globals, advice } = this.#options;
    const found = globals.get(`${module} ${name}`);
    if (!found) {
      throw this.#reader.error(`it names ${module}.${name}, which is not allowed: ${advice}`);
    }
    this.push(found);
  }

  pushPersistent(): void {
    this.push(this.#options.persistentLoad(this.pop(1)[0]));
  }

  append(items: readonly unknown[]): void {
    const list = this.#top();
    if (!Array.isArray(list)) throw this.#reader.error('it appends to a value that is not a list');
    for (const item of items) list.push(item);
  }

  setItems(items: readonly unknown[]): void {
    const map = this.#top();
    if (!(map instanceof Map) || items.length % 2 !== 0) {
      throw this.#reader.error('it sets items of a value that is not a dictionary');
    }
    for (let i = 0; i < items.length; i += 2) {
      if (Array.isArray(items[i])) throw this.#reader.error('it has a tuple as the key of an item');
      map.set(items[i], items[i + 1]);
    }
  }

  reduce(): void {
    const [callable, parameters] = this.pop(2);
    const call = isKind<PickleGlobal>(callable, 'global') ? callable.call : undefined;
    if (!call || !Array.isArray(parameters)) {
      throw this.#reader.error('it calls a value that is not a function');
    }
    this.push(call(parameters));
  }

  /** Drops attributes: a state_dict's `_metadata` says nothing about the weights. */
  build(): void {
    this.pop(1);
    if (!(this.#top() instanceof Map)) {
      throw this.#reader.error('it sets attributes of a value that is not a dictionary');
    }
  }
}

/** Identifies globals and what they return by their `kind`. A pickle can't forge one: its dictionaries are maps. */
export const isKind = <Value extends { kind: string }>(
  value: unknown,
  kind: Value['kind'],
): value is Value =>
  typeof value === 'object' && value !== null && 'kind' in value && value.kind === kind;

const STOP = 0x2e;

const operations: Record<number, (machine: PickleMachine, reader: PickleReader) => void> = {
  // PROTO
  128: (_, reader) => {
    if (reader.uint(1) > 5) throw reader.error('its protocol is later than 5');
  },
  149: (_, reader) => reader.skip(8), // FRAME
  40: (machine) => machine.mark(), // MARK
  78: (machine) => machine.push(null), // NONE
  136: (machine) => machine.push(true), // NEWTRUE
  137: (machine) => machine.push(false), // NEWFALSE
  75: (machine, reader) => machine.push(reader.uint(1)), // BININT1
  77: (machine, reader) => machine.push(reader.uint(2)), // BININT2
  74: (machine, reader) => machine.push(reader.long(4)), // BININT
  138: (machine, reader) => machine.push(reader.long(reader.uint(1))), // LONG1
  71: (machine, reader) => machine.push(reader.float64()), // BINFLOAT
  88: (machine, reader) => machine.push(reader.text(reader.uint(4))), // BINUNICODE
  140: (machine, reader) => machine.push(reader.text(reader.uint(1))), // SHORT_BINUNICODE
  141: (machine, reader) => machine.push(reader.text(reader.uint64())), // BINUNICODE8
  93: (machine) => machine.push([]), // EMPTY_LIST
  41: (machine) => machine.push([]), // EMPTY_TUPLE
  125: (machine) => machine.push(new Map()), // EMPTY_DICT
  133: (machine) => machine.push(machine.pop(1)), // TUPLE1
  134: (machine) => machine.push(machine.pop(2)), // TUPLE2
  135: (machine) => machine.push(machine.pop(3)), // TUPLE3
  116: (machine) => machine.push(machine.popMark()), // TUPLE
  97: (machine) => machine.append(machine.pop(1)), // APPEND
  101: (machine) => machine.append(machine.popMark()), // APPENDS
  115: (machine) => machine.setItems(machine.pop(2)), // SETITEM
  117: (machine) => machine.setItems(machine.popMark()), // SETITEMS
  113: (machine, reader) => machine.remember(reader.uint(1)), // BINPUT
  114: (machine, reader) => machine.remember(reader.uint(4)), // LONG_BINPUT
  148: (machine) => machine.remember(), // MEMOIZE
  104: (machine, reader) => machine.recall(reader.uint(1)), // BINGET
  106: (machine, reader) => machine.recall(reader.uint(4)), // LONG_BINGET
  99: (machine, reader) => machine.pushGlobal(reader.line(), reader.line()), // GLOBAL
  // STACK_GLOBAL
  147: (machine) => {
    const [module, name] = machine.pop(2);
    machine.pushGlobal(module, name);
  },
  81: (machine) => machine.pushPersistent(), // BINPERSID
  82: (machine) => machine.reduce(), // REDUCE
  98: (machine) => machine.build(), // BUILD
};
