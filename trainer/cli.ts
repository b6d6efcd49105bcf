#!/usr/bin/env node
/** The entry point of `npx catwalk <command>`, also `npm run catwalk -- <command>`. */
import { enableCompileCache } from 'node:module';

// Must precede all imports: type stripping and compilation take half of a command's start-up time and 20 MiB.
const { directory } = enableCompileCache();
// Training threads read the cache folder from the environment.
if (directory !== undefined) process.env.NODE_COMPILE_CACHE = directory;
const { runProgram } = await import('./cli/program.ts');
await runProgram();
