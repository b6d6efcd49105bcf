/**
 * The schemas of what publishers write. They are evaluated where something is read first, not by the start of the script, of
 * which they would be two thirds.
 */
export const publishedSchemas = () => import('../shared/manifest.ts');
