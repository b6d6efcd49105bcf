/** The files of test/support/models/write-models.ts. */
declare module '*.bin' {
  const bytes: ArrayBuffer;
  export default bytes;
}
