import { html, raw } from 'hono/html';
import type { MediaType, OpenApiDocument, OperationObject } from './document.ts';
import type { JsonSchema } from './json-schemas.ts';
import type { Operation } from './operations.ts';

type Html = ReturnType<typeof html>;

/**
 * Writes /docs: one page that has the parameters, bodies and answers of each route, with examples. edge/page/docs.ts makes its
 * forms send GET requests; without scripts they stay hidden.
 */
export function docsPage(document: OpenApiDocument, operations: readonly Operation[]): string {
  const groups = document.tags.map(({ name }) => ({
    name,
    members: operations.filter(({ tag }) => tag === name),
  }));
  const { schemas } = document.components;
  return String(html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Catwalk API</title>
<link rel="icon" href="/icon.svg">
<link rel="stylesheet" href="/docs.css">
<script type="module" src="/docs.js"></script>
</head>
<body>
<header>
<h1>Catwalk API</h1>
<p>${document.info.summary}</p>
<p>Every answer has <code>X-Request-Id</code>. Errors are <code>application/problem+json</code> with a stable <code>code</code>. If the Worker has tokens configured, every POST and <code>GET /metrics</code> need <code>Authorization: Bearer</code>.</p>
<p><a href="/openapi.json">OpenAPI ${document.openapi} document</a>. <a href="/problems">Error codes</a>. <a href="/">Demo</a>.</p>
</header>
<nav aria-label="Routes">
${groups.map(
  ({ name, members }) => html`<h2>${name}</h2>
<ul>${members.map(({ id, method, path }) => html`<li><a href="#${id}"><b>${method.toUpperCase()}</b> ${path}</a></li>`)}</ul>
`,
)}<h2>Schemas</h2>
<ul>${Object.keys(schemas).map((name) => html`<li><a href="#${name}">${name}</a></li>`)}</ul>
</nav>
<main>
${operations.map((each) => section(each, document.paths[each.path]?.[each.method]))}
<h2>Schemas</h2>
${Object.entries(schemas).map(
  ([name, schema]) => html`<section id="${name}">
<h3>${name}</h3>
${schemaText(schema)}
</section>
`,
)}</main>
</body>
</html>
`);
}

function section(operation: Operation, described: OperationObject | undefined): Html | '' {
  if (!described) return '';
  const { id, method, path, curl = '' } = operation;
  const { summary, description, parameters = [], requestBody, responses } = described;
  return html`<section id="${id}">
<h3><b>${method.toUpperCase()}</b> ${path}</h3>
<p>${summary}.</p>
${description ? html`<p>${withCode(description)}</p>` : ''}
<pre tabindex="0"><code>${callWith(operation)}</code></pre>
${method === 'get' ? tryForm(path, parameters) : ''}${
  parameters.length > 0
    ? html`<h4>Parameters</h4>
<dl>${parameters.map(
        ({
          name,
          in: place,
          required,
          schema,
          description,
        }) => html`<dt><code>${name}</code> <i>${place}${required ? ', required' : ''}: ${schemaLine(schema)}</i></dt>
<dd>${withCode(description)}</dd>`,
      )}</dl>
`
    : ''
}${
  requestBody
    ? html`<h4>Body</h4>
<dl>${Object.entries(requestBody.content).map(
        ([type, media]) => html`<dt><code>${type}</code></dt>
<dd>${withCode(operation.body?.[type]?.description ?? '')} ${contentText(media)}</dd>`,
      )}</dl>
`
    : ''
}<h4>Answers</h4>
<dl>${Object.entries(responses).map(
    ([
      status,
      { description, content = {} },
    ]) => html`<dt><b>${status}</b> <code>${Object.keys(content).join(', ')}</code></dt>
<dd>${withCode(description)} ${status < '400' ? Object.values(content).map(contentText) : ''}</dd>`,
  )}</dl>
<p><a href="#${id}" aria-label="Link to ${method.toUpperCase()} ${path}">#</a></p>
</section>
`;

  function callWith({ parameters = {} }: Operation): string {
    const written = path.replace(
      /\{(\w+)\}/g,
      (_, name) => parameters.path?.[name]?.example ?? name,
    );
    const target = `https://<worker>${written}`;
    // A query is a part of the address. Options are not.
    return curl.startsWith('?') ? `curl '${target}${curl}'` : `curl ${target}${curl}`;
  }
}

/** A form for the parameters of a GET route. Optional ones start empty. */
function tryForm(path: string, parameters: NonNullable<OperationObject['parameters']>): Html {
  return html`<form class="try" data-path="${path}" hidden>
${parameters.map(
  ({ name, in: place, example, schema }) => html`<label>${name} ${
    Array.isArray(schema.enum)
      ? html`<select name="${name}" data-in="${place}"><option value=""></option>${schema.enum.map((value) => html`<option>${value}</option>`)}</select>`
      : html`<input name="${name}" data-in="${place}" value="${example ?? ''}" autocomplete="off" spellcheck="false">`
  }</label>
`,
)}<button>Try it</button>
<output></output>
</form>
`;
}

/** A schema, and an example that can be opened below it. */
function contentText({ schema, example }: MediaType): Html {
  const text = JSON.stringify(example, null, 1);
  return html`${schema ? schemaText(schema) : ''}${
    text === undefined
      ? ''
      : html` <details><summary>Example</summary><pre class="schema" tabindex="0">${text}</pre></details>`
  }`;
}

/** Marks text between backticks as code. */
const withCode = (text: string) =>
  text.split('`').map((part, i) => (i % 2 === 1 ? html`<code>${part}</code>` : part));

/** A link to a schema that has a name, or else the schema as JSON with such links. */
function schemaText(schema: JsonSchema): Html {
  if ('$ref' in schema) return html`<code>${link(String(schema.$ref))}</code>`;
  const text = String(html`${JSON.stringify(schema, null, 1)}`);
  const linked = text.replace(
    /\{\s*&quot;\$ref&quot;: &quot;(#\/components\/schemas\/\w+)&quot;\s*\}/g,
    (_, target) => String(link(target)),
  );
  return html`<pre class="schema" tabindex="0">${raw(linked)}</pre>`;
}

function link(target: string): Html {
  const name = target.split('/').at(-1) ?? '';
  return html`<a href="#${name}">${name}</a>`;
}

function schemaLine(schema: JsonSchema): string {
  const { type, enum: values, default: fallback, minimum, maximum, pattern } = schema;
  const kind = Array.isArray(values) ? values.join(' | ') : String(type ?? 'any');
  const range = [
    minimum !== undefined && `from ${minimum}`,
    maximum !== undefined && `to ${maximum}`,
  ].filter(Boolean);
  const rest = [
    range.join(' '),
    pattern !== undefined && `matches ${pattern}`,
    fallback !== undefined && `default: ${fallback}`,
  ].filter(Boolean);
  return [kind, ...rest].join(', ');
}
