// `npm run -s banyan -- <command>`: the command line of a clone, built first if need be.
await import('./ready.mjs');
await import(new URL('../dist/src/main.js', import.meta.url).href);
