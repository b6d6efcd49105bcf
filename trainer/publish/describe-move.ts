import type { AliasMoveResult } from './move-alias.ts';

/** @returns what became of an alias, such as `production now names it` */
export function describeMove(alias: string, move: AliasMoveResult): string {
  if (move.outcome === 'moved') return `${alias} now names it`;
  if (move.outcome === 'unchanged') return `${alias} names it already`;
  const { version, history } = move.alias;
  const kept = `${alias} stays at ${version}`;
  switch (move.reason) {
    case 'other-dataset':
      return `${kept}, which was tested on other data (--force moves it)`;
    case 'overtaken':
      return `${kept}: ${history.at(-1)?.by ?? 'another publisher'} moved it there in the meantime`;
    case 'less-accurate':
      return `${kept}, which has ${percent(move.currentAccuracy)}, this one ${percent(move.newAccuracy)} (--force moves it)`;
  }
}

const percent = (share: number | null) =>
  share === null ? 'no accuracy' : `${(100 * share).toFixed(2)} %`;
