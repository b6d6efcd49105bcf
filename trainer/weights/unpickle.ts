import { WeightsFileError } from './tensor.ts';

/** What a pickle may name; anything else it names is refused. Nothing is ever imported. */
export class PickleGlobal {
  readonly name: string;
  /** Absent where it is not to be called. */
  readonly call: ((parameters: readonly unknown[]) => unknown) | undefined;

  constructor(name: string, call?: (parameters: readonly unknown[]) => unknown) {
    this.name = name;
    this.call = call;
  }
}

export interface UnpickleOptions {
  /** `module name` to what stands for it. */
  globals: ReadonlyMap<string, PickleGlobal>;
  /** Turns a persistent id, by which a pickle names what lies outside of it, into a value. */
  persistentLoad(id: unknown): unknown;
  /** What to do where something is named that is not among `globals`; ends the message. */
  advice: string;
}

/**
 * Reads a pickle without executing any of it: numbers, strings, tuples and lists (as arrays), dictionaries (as maps) and
 * the globals allowed. It takes the opcodes that `torch.save` writes in protocols 2 to 5
 * (https://github.com/python/cpython/blob/main/Lib/pickletools.py).
 *
 * @throws {WeightsFileError} naming the opcode or the global that is refused, and its byte
 */
export function unpickle(pickle: Uint8Array, options: UnpickleOptions): unknown {
  const view = new DataView(pickle.buffer, pickle.byteOffset, pickle.byteLength);
  const memo = new Map<number, unknown>();
  /** The stacks below the marks that are open. */
  const below: unknown[][] = [];
  let stack: unknown[] = [];
  let at = 0;
  let opcodeAt = 0;

  const fail = (problem: string) =>
    new WeightsFileError(`The pickle is not read: ${problem} at byte ${opcodeAt}.`);

  function take(bytes: number): number {
    if (bytes > pickle.byteLength - at) throw fail('it ends in the middle of an opcode');
    at += bytes;
    return at - bytes;
  }
  const takeUint8 = () => view.getUint8(take(1));
  const takeUint32 = () => view.getUint32(take(4), true);

  function takeText(bytes: number): string {
    const from = take(bytes);
    try {
      return utf8.decode(pickle.subarray(from, from + bytes));
    } catch {
      throw fail('a text is no UTF-8');
    }
  }

  function takeLine(): string {
    const end = pickle.indexOf(0x0a, at);
    if (end < 0) throw fail('it ends in the middle of a name');
    const line = takeText(end - at);
    take(1);
    return line;
  }

  /** Eight bytes that count something: beyond 2^53 they count nothing that exists. */
  function takeUint64(): number {
    return Number(view.getBigUint64(take(8), true));
  }

  function takeLong(bytes: number): number {
    const from = take(bytes);
    let value = 0n;
    for (let i = bytes - 1; i >= 0; i--) value = (value << 8n) | BigInt(view.getUint8(from + i));
    const signed = Number(BigInt.asIntN(8 * bytes, value));
    if (!Number.isSafeInteger(signed)) throw fail('an integer is larger than 2^53');
    return signed;
  }

  function pop(): unknown {
    if (stack.length === 0) throw fail('an opcode finds nothing on the stack');
    return stack.pop();
  }

  function top(): unknown {
    if (stack.length === 0) throw fail('an opcode finds nothing on the stack');
    return stack[stack.length - 1];
  }

  /** What was pushed since the last mark; the stack is then the one below it. */
  function popMark(): unknown[] {
    const above = stack;
    const lower = below.pop();
    if (!lower) throw fail('an opcode finds no mark');
    stack = lower;
    return above;
  }

  function popMany(count: number): unknown[] {
    if (stack.length < count) throw fail('an opcode finds nothing on the stack');
    return stack.splice(stack.length - count, count);
  }

  function remembered(key: number): unknown {
    if (!memo.has(key)) throw fail(`nothing is remembered as ${key}`);
    return memo.get(key);
  }

  function globalOf(module: unknown, name: unknown): PickleGlobal {
    const found = options.globals.get(`${module} ${name}`);
    if (found) return found;
    throw fail(`it names ${module}.${name}, which is refused: ${options.advice}`);
  }

  function append(items: readonly unknown[]): void {
    const list = top();
    if (!Array.isArray(list)) throw fail('something is appended to what is no list');
    for (const item of items) list.push(item);
  }

  function setItems(items: readonly unknown[]): void {
    const map = top();
    if (!(map instanceof Map) || items.length % 2 !== 0) {
      throw fail('keys and values are given to what is no dictionary');
    }
    for (let i = 0; i < items.length; i += 2) map.set(items[i], items[i + 1]);
  }

  function reduce(): unknown {
    const parameters = pop();
    const callable = pop();
    if (!(callable instanceof PickleGlobal) || !callable.call || !Array.isArray(parameters)) {
      throw fail('something is called that is no function');
    }
    return callable.call(parameters);
  }

  /** A state_dict's dictionary has its `_metadata` as an attribute, which says nothing of the weights. */
  function build(): void {
    pop();
    if (!(top() instanceof Map)) throw fail('attributes are given to what is no dictionary');
  }

  for (;;) {
    opcodeAt = at;
    const opcode = takeUint8();
    switch (opcode) {
      case 0x80: // PROTO
        if (takeUint8() > 5) throw fail('it has a protocol later than 5');
        break;
      case 0x95: // FRAME
        take(8);
        break;
      case 0x28: // MARK
        below.push(stack);
        stack = [];
        break;
      case 0x2e: // STOP
        if (below.length > 0 || stack.length !== 1) throw fail('it stops with something left over');
        return stack[0];
      case 0x4e: // NONE
        stack.push(null);
        break;
      case 0x88: // NEWTRUE
        stack.push(true);
        break;
      case 0x89: // NEWFALSE
        stack.push(false);
        break;
      case 0x4b: // BININT1
        stack.push(takeUint8());
        break;
      case 0x4d: // BININT2
        stack.push(view.getUint16(take(2), true));
        break;
      case 0x4a: // BININT
        stack.push(view.getInt32(take(4), true));
        break;
      case 0x8a: // LONG1
        stack.push(takeLong(takeUint8()));
        break;
      case 0x47: // BINFLOAT
        stack.push(view.getFloat64(take(8), false));
        break;
      case 0x58: // BINUNICODE
        stack.push(takeText(takeUint32()));
        break;
      case 0x8c: // SHORT_BINUNICODE
        stack.push(takeText(takeUint8()));
        break;
      case 0x8d: // BINUNICODE8
        stack.push(takeText(takeUint64()));
        break;
      case 0x5d: // EMPTY_LIST
      case 0x29: // EMPTY_TUPLE
        stack.push([]);
        break;
      case 0x7d: // EMPTY_DICT
        stack.push(new Map());
        break;
      case 0x85: // TUPLE1
      case 0x86: // TUPLE2
      case 0x87: // TUPLE3
        stack.push(popMany(opcode - 0x84));
        break;
      case 0x74: {
        // TUPLE. Taking the mark exchanges the stack.
        const items = popMark();
        stack.push(items);
        break;
      }
      case 0x61: // APPEND
        append([pop()]);
        break;
      case 0x65: // APPENDS
        append(popMark());
        break;
      case 0x73: // SETITEM
        setItems(popMany(2));
        break;
      case 0x75: // SETITEMS
        setItems(popMark());
        break;
      case 0x71: // BINPUT
        memo.set(takeUint8(), top());
        break;
      case 0x72: // LONG_BINPUT
        memo.set(takeUint32(), top());
        break;
      case 0x94: // MEMOIZE
        memo.set(memo.size, top());
        break;
      case 0x68: // BINGET
        stack.push(remembered(takeUint8()));
        break;
      case 0x6a: // LONG_BINGET
        stack.push(remembered(takeUint32()));
        break;
      case 0x63: // GLOBAL
        stack.push(globalOf(takeLine(), takeLine()));
        break;
      case 0x93: {
        // STACK_GLOBAL
        const [module, name] = popMany(2);
        stack.push(globalOf(module, name));
        break;
      }
      case 0x51: // BINPERSID
        stack.push(options.persistentLoad(pop()));
        break;
      case 0x52: // REDUCE
        stack.push(reduce());
        break;
      case 0x62: // BUILD
        build();
        break;
      default:
        throw fail(`opcode 0x${opcode.toString(16).padStart(2, '0')} is refused`);
    }
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true });
