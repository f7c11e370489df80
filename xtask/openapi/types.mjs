// The description as TypeScript: `paths` with the parameters and answers of each operation, and its schemas by name.
import openapi, { astToString } from 'openapi-typescript';
import { LEGACY } from './api.mjs';

const HEADER = `// The types of the API, generated from its description (crates/forgecast-server/openapi.json) by \`cargo xtask gen\`. Do not edit.
`;

export async function types(api) {
  const [legacy, own] = [true, false].map((is) => api.sections.filter(({ name }) => (name === LEGACY) === is).flatMap(({ operations }) => operations));
  const document = structuredClone(api.document);
  for (const { path, method } of legacy) delete document.paths[path][method.toLowerCase()];
  const needed = api.needed(own);
  for (const name of api.needed(legacy)) if (!needed.has(name)) delete document.components.schemas[name];
  for (const [path, item] of Object.entries(document.paths)) if (Object.keys(item).length === 0) delete document.paths[path];
  const { protocol, heartbeat_s } = document.paths['/api/v1/live'].get['x-websocket'];
  const declared = astToString(await openapi(document, { rootTypes: true, rootTypesNoSchemaPrefix: true, alphabetize: true }));
  return `${HEADER}
/** The version of the live protocol. */
export const PROTOCOL_VERSION = ${protocol};
/** Seconds between heartbeats. */
export const HEARTBEAT_S = ${heartbeat_s};

${declared}`;
}
