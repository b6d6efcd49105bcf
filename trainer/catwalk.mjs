#!/usr/bin/env node
/** `npx catwalk`: runs the sources in the repository, or else the installed package's JavaScript. Node strips no types below node_modules. */
import { existsSync } from 'node:fs';

const source = new URL('./cli.ts', import.meta.url);
await import(
  existsSync(source) ? source : new URL('../build/package/trainer/cli.js', import.meta.url)
);
