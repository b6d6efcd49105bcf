/** What of a request's context is needed to go on working after its answer. */
export type Background = Pick<ExecutionContext, 'waitUntil'>;
