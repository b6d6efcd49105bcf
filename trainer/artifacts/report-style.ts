/** The report's style sheet: the page's colours, light and dark by the reader's setting. */
export const reportStyle = `
:root {
  color-scheme: light dark;
  --ground: light-dark(#f7f6f3, #16151a);
  --surface: light-dark(#ffffff, #201f26);
  --ink: light-dark(#1c1b22, #eceaf2);
  --quiet: light-dark(#5d5a68, #a5a2b3);
  --line: light-dark(#dedbe4, #37353f);
  --wrong: light-dark(#b3261e, #ff9a8f);
  --first: light-dark(#4f3cc9, #a79bff);
  --second: light-dark(#c2571a, #f0a35e);
  --third: light-dark(#1b7440, #6fd69a);
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: clamp(1rem, 4vw, 3rem); }
h1 { margin: 0; font-size: 1.75rem; letter-spacing: -0.02em; }
h2 { margin: 0 0 0.75rem; font-size: 1.125rem; }
header p { margin: 0.25rem 0 0; color: var(--quiet); }
section { margin-top: 1.5rem; padding: clamp(1rem, 3vw, 2rem); border: 1px solid var(--line); border-radius: 1rem; background: var(--surface); overflow-x: auto; }
svg { display: block; max-width: 100%; height: auto; }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: 1rem; margin: 0; }
dt { color: var(--quiet); font-size: 0.875rem; }
dd { margin: 0; font-size: 1.25rem; font-weight: 600; overflow-wrap: anywhere; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 0.35rem 0.75rem; border-bottom: 1px solid var(--line); text-align: right; }
th:first-child { text-align: left; }
thead th { color: var(--quiet); font-weight: 400; }
tbody th { font-weight: 400; overflow-wrap: anywhere; }
.mistakes { display: grid; grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); gap: 1rem; margin: 0; padding: 0; list-style: none; }
figure { margin: 0; }
img { display: block; width: 100%; height: auto; border-radius: 0.5rem; background: #000; image-rendering: pixelated; }
figcaption { margin-top: 0.4rem; font-size: 0.8125rem; overflow-wrap: anywhere; }
.wrong { color: var(--wrong); font-weight: 600; }
.quiet { color: var(--quiet); }
pre { margin: 0.75rem 0 0; font-size: 0.8125rem; white-space: pre-wrap; overflow-wrap: anywhere; }
`;
