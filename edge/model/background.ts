/** Keeps work running after the answer to the request that started it. */
export type Background = Pick<ExecutionContext, 'waitUntil'>;
