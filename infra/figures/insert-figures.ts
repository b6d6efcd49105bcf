const marker = /<!-- figure (\S+) -->([\s\S]*?)<!-- \/figure -->/g;

/**
 * Replaces what stands between `<!-- figure NAME -->` and `<!-- /figure -->` with the figure of that name. A figure of several
 * lines, such as a table, gets lines of its own.
 *
 * @param file names the document in errors
 * @throws {Error} if a name is unknown, or a marker has no partner
 */
export function insertFigures(
  text: string,
  figures: ReadonlyMap<string, string>,
  file: string,
): string {
  const opened = text.match(/<!-- figure /g)?.length ?? 0;
  const closed = text.match(/<!-- \/figure -->/g)?.length ?? 0;
  const pairs = text.match(marker)?.length ?? 0;
  if (opened !== pairs || closed !== pairs) {
    throw new Error(
      `${file} opens ${opened} figures and closes ${closed}: write each as <!-- figure NAME -->…<!-- /figure -->.`,
    );
  }
  return text.replace(marker, (_, name: string) => {
    const figure = figures.get(name);
    if (figure === undefined) {
      throw new Error(`${file} names the figure ${name}, which does not exist: infra/figures/.`);
    }
    const space = figure.includes('\n') ? '\n' : '';
    return `<!-- figure ${name} -->${space}${figure}${space}<!-- /figure -->`;
  });
}
