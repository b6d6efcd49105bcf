import { opaque, PickleMachine, type UnpickleOptions } from './pickle-machine.ts';
import type { PickleReader } from './pickle-reader.ts';

/**
 * Reads the next pickle without executing it: numbers, strings, tuples, lists and sets (as arrays), dictionaries (as maps) and
 * the known globals. Any other global, and what its calls return, is opaque. Supports the opcodes of protocols 2 to 5
 * (https://github.com/python/cpython/blob/main/Lib/pickletools.py).
 *
 * @throws {WeightsFileError} if an opcode is not supported or can't be read; names it and its byte
 */
export function unpickle(reader: PickleReader, options: UnpickleOptions): unknown {
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

const STOP = 0x2e;

/** No weights are in bytes, so they are not kept. */
function pushBytes(machine: PickleMachine, reader: PickleReader, length: number): void {
  reader.skip(length);
  machine.push(opaque('bytes'));
}

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
  139: (machine, reader) => machine.push(reader.long(reader.uint(4))), // LONG4
  71: (machine, reader) => machine.push(reader.float64()), // BINFLOAT
  84: (machine, reader) => machine.push(reader.latin1(reader.uint(4))), // BINSTRING
  85: (machine, reader) => machine.push(reader.latin1(reader.uint(1))), // SHORT_BINSTRING
  66: (machine, reader) => pushBytes(machine, reader, reader.uint(4)), // BINBYTES
  67: (machine, reader) => pushBytes(machine, reader, reader.uint(1)), // SHORT_BINBYTES
  142: (machine, reader) => pushBytes(machine, reader, reader.uint64()), // BINBYTES8
  150: (machine, reader) => pushBytes(machine, reader, reader.uint64()), // BYTEARRAY8
  88: (machine, reader) => machine.push(reader.text(reader.uint(4))), // BINUNICODE
  140: (machine, reader) => machine.push(reader.text(reader.uint(1))), // SHORT_BINUNICODE
  141: (machine, reader) => machine.push(reader.text(reader.uint64())), // BINUNICODE8
  93: (machine) => machine.push([]), // EMPTY_LIST
  41: (machine) => machine.push([]), // EMPTY_TUPLE
  125: (machine) => machine.push(new Map()), // EMPTY_DICT
  143: (machine) => machine.push([]), // EMPTY_SET
  144: (machine) => machine.append(machine.popMark()), // ADDITEMS
  145: (machine) => machine.push(machine.popMark()), // FROZENSET
  48: (machine) => void machine.pop(1), // POP
  49: (machine) => void machine.popMark(), // POP_MARK
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
  82: (machine) => machine.call(machine.pop(2)), // REDUCE
  129: (machine) => machine.call(machine.pop(2)), // NEWOBJ
  146: (machine) => machine.call(machine.pop(3)), // NEWOBJ_EX
  98: (machine) => machine.build(), // BUILD
};
