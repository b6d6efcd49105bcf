import { html, raw } from 'hono/html';
import type { OpenApiDocument, OperationObject } from './document.ts';
import type { JsonSchema } from './json-schemas.ts';
import type { Operation } from './operations.ts';

type Html = ReturnType<typeof html>;

/** Writes /docs: one page without scripts that has the parameters, bodies and answers of each route, and an example. */
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
</head>
<body>
<header>
<h1>Catwalk API</h1>
<p>${document.info.summary}</p>
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
<pre><code>${callWith(operation)}</code></pre>
${
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
        ([type, { schema }]) => html`<dt><code>${type}</code></dt>
<dd>${withCode(operation.body?.[type]?.description ?? '')} ${schema ? schemaText(schema) : ''}</dd>`,
      )}</dl>
`
    : ''
}<h4>Answers</h4>
<dl>${Object.entries(responses).map(
    ([
      status,
      { description, content = {} },
    ]) => html`<dt><b>${status}</b> <code>${Object.keys(content).join(', ')}</code></dt>
<dd>${withCode(description)} ${status < '400' ? Object.values(content).map(({ schema }) => (schema ? schemaText(schema) : '')) : ''}</dd>`,
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
  return html`<pre class="schema">${raw(linked)}</pre>`;
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
