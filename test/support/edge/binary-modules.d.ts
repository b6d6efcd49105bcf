/** What test/support/models/write-models.ts wrote. */
declare module '*.bin' {
  const bytes: ArrayBuffer;
  export default bytes;
}
