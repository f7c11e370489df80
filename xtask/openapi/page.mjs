// The description as one page: no script, no style of its own (see public/docs.css in the dashboard), nothing from elsewhere.
import { kindOf, limitsOf } from './api.mjs';

const escaped = (text) => String(text).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
/** Text with `code` in it. */
const prose = (text = '') => escaped(text).replace(/`([^`]*)`/g, '<code>$1</code>');

export function page(api) {
  const { info, openapi, components } = api.document;
  const { sections } = api;
  /** The kind of a schema, with links to the types in it. */
  const kind = (schema) =>
    `<span class="kind">${escaped(kindOf(schema)).replace(/[A-Z]\w+/g, (name) => (api.schemas[name] ? `<a href="#${name}">${name}</a>` : name))}</span>`;
  const limits = (schema) => limitsOf(api.resolved(schema)).map((limit) => ` <span class="limit">${escaped(limit)}</span>`).join('');
  const media = (content) =>
    Object.entries(content ?? {})
      .map(([type, { schema }]) => `<li><code>${escaped(type)}</code>${schema ? ` ${kind(schema)}` : ''}</li>`)
      .join('\n');
  const field = (name, note, schema, words) =>
    `<div><dt><code>${escaped(name)}</code>${note && ` <span class="note">${note}</span>`} ${kind(schema)}</dt>\n<dd>${prose(words)}${limits(schema)}</dd></div>`;
  const fields = (rows) => `<dl>\n${rows.join('\n')}\n</dl>`;
  const answers = (one) => {
    const all = api.answers(one);
    const good = all.filter(({ status }) => status < '400');
    const bad = all.filter(({ status }) => status >= '400');
    const line = ({ status, description, content }) =>
      `<li><strong>${status}</strong> ${prose(description)}${content && status < '400' ? `\n<ul>\n${media(content)}\n</ul>` : ''}</li>`;
    return `<h4>Answers</h4>\n<ul>\n${good.map(line).join('\n')}\n</ul>
<details><summary>What may go wrong</summary>\n<ul>\n${bad.map(line).join('\n')}\n</ul>\n</details>`;
  };
  const operation = (one) => {
    const { sends, receives } = one['x-websocket'] ?? { sends: one['x-events'] };
    const parts = [
      `<article id="${one.operationId}">`,
      `<h3><a href="#${one.operationId}"><span class="method">${one.method}</span> <code>${escaped(one.path)}</code></a></h3>`,
      `<p><strong>${prose(one.summary)}.</strong> ${prose(one.description)} <span class="soft">${api.who(one)}</span></p>`,
      `<pre tabindex="0" aria-label="Command for ${one.operationId}"><code>${escaped(api.command(one, 'http://127.0.0.1:8080'))}</code></pre>`,
    ];
    if (one.parameters) {
      const row = ({ name, in: place, required, schema, description }) =>
        field(name, `${place}${required ? ', needed' : ''}`, schema, description);
      parts.push('<h4>Parameters</h4>', fields(one.parameters.map(row)));
    }
    if (one.requestBody) parts.push('<h4>Body</h4>', `<ul>\n${media(one.requestBody.content)}\n</ul>`);
    if (sends) parts.push(`<p>Messages from the server: ${kind(sends)}${receives ? `; from the viewer: ${kind(receives)}` : ''}</p>`);
    return [...parts, answers(one), '</article>'].join('\n');
  };
  const type = ([name, schema]) => {
    const rows = api.within(schema).map(({ name: inner, schema: of, always }) => field(inner, always ? '' : 'optional', of, of.description));
    const body = rows.length > 0 ? fields(rows) : `<p>${kind(schema)}${limits(schema)}</p>`;
    return `<article id="${name}">\n<h3><a href="#${name}">${name}</a></h3>\n<p>${prose(schema.description)}</p>\n${body}\n</article>`;
  };
  const links = ({ name, operations }) => `<h2>${name}</h2>\n<ul>
${operations.map((one) => `<li><a href="#${one.operationId}"><span class="method">${one.method}</span> ${escaped(one.path)}</a></li>`).join('\n')}
</ul>`;
  const scheme = ([name, { description }]) => `<div><dt>${name}</dt>\n<dd>${prose(description)}</dd></div>`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="dark light">
<meta name="description" content="Every operation of the Forgecast API with its parameters, answers and types.">
<title>${info.title} API</title>
<link rel="icon" type="image/svg+xml" href="./icon.svg">
<link rel="stylesheet" href="./docs.css">
</head>
<body>
<nav aria-label="Operations">
<p><a href="./">← Dashboard</a></p>
${sections.map(links).join('\n')}
<h2><a href="#types">Types</a></h2>
</nav>
<main>
<h1>${info.title} API <span class="soft">${info.version}</span></h1>
<p>${prose(info.description)}</p>
<dl>
${Object.entries(components.securitySchemes).map(scheme).join('\n')}
</dl>
<p>For tools that make clients of it: <a href="./openapi.json">openapi.json</a>, OpenAPI ${openapi}.</p>
${sections.map(({ name, description, operations }) => `<section aria-label="${name}">\n<h2>${name}</h2>\n<p>${prose(description)}</p>\n${operations.map(operation).join('\n')}\n</section>`).join('\n')}
<section aria-label="Types" id="types">
<h2>Types</h2>
${Object.entries(api.schemas).map(type).join('\n')}
</section>
</main>
</body>
</html>
`;
}
