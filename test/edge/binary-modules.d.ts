/** What test/fixtures/write-models.ts wrote. */
declare module '*.bin' {
  const bytes: ArrayBuffer;
  export default bytes;
}
