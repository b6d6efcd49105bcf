declare namespace Cloudflare {
  /** Types the Worker's own exports. */
  interface GlobalProps {
    mainModule: typeof import('../../../edge/index.ts');
  }
}
