// The description of the API as its page shows it: groups of operations, schemas in words, a command to try. Nothing is
// fetched here and nothing is HTML.

export interface Schema {
  $ref?: string;
  type?: string | string[];
  format?: string;
  description?: string;
  enum?: unknown[];
  const?: unknown;
  default?: unknown;
  examples?: unknown[];
  pattern?: string;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  properties?: Record<string, Schema>;
  patternProperties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean | Schema;
  items?: Schema;
  prefixItems?: Schema[];
  oneOf?: Schema[];
  anyOf?: Schema[];
  allOf?: Schema[];
}

export interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header' | 'cookie';
  description?: string;
  required?: boolean;
  schema: Schema;
}

interface Media {
  schema?: Schema;
  example?: unknown;
}

export interface Answer {
  $ref?: string;
  description?: string;
  content?: Record<string, Media>;
  headers?: Record<string, { description?: string }>;
}

interface Socket {
  receives: Schema | null;
  sends: Schema | null;
}

interface Described {
  operationId: string;
  summary: string;
  description?: string;
  tags?: string[];
  parameters?: Parameter[];
  requestBody?: { description?: string; content: Record<string, Media> };
  responses: Record<string, Answer>;
  'x-access'?: string;
  'x-websocket'?: Socket;
  'x-events'?: Schema;
}

export interface Document {
  openapi: string;
  info: { title: string; version: string; summary?: string; description?: string };
  tags?: { name: string; description?: string }[];
  paths: Record<string, Record<string, Described>>;
  components: {
    schemas: Record<string, Schema>;
    responses: Record<string, Answer>;
    securitySchemes?: Record<string, { description?: string }>;
  };
}

export interface Operation extends Described {
  method: string;
  path: string;
}

export interface Group {
  name: string;
  description: string;
  operations: Operation[];
}

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];

/** The operations by their tags, in the order of the description; what has no tag comes last. */
export function groupsOf(document: Document): Group[] {
  const groups = (document.tags ?? []).map(({ name, description = '' }): Group => ({ name, description, operations: [] }));
  const rest: Group = { name: 'Other', description: '', operations: [] };
  for (const [path, item] of Object.entries(document.paths)) {
    for (const method of METHODS) {
      const described = item[method];
      if (!described) continue;
      const group = groups.find(({ name }) => described.tags?.includes(name)) ?? rest;
      group.operations.push({ ...described, method: method.toUpperCase(), path });
    }
  }
  return [...groups, rest].filter(({ operations }) => operations.length > 0);
}

/** The groups with what every word of the filter is found in: method, path, name, summary, parameters. */
export function filtered(groups: Group[], filter: string): Group[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return groups;
  const found = (operation: Operation) => {
    const { method, path, operationId, summary, description = '', parameters = [] } = operation;
    const text = [method, path, operationId, summary, description, ...parameters.map(({ name }) => name)].join(' ');
    return words.every((word) => text.toLowerCase().includes(word));
  };
  return groups.map((group) => ({ ...group, operations: group.operations.filter(found) })).filter(({ operations }) => operations.length > 0);
}

/** The name that a reference ends with. */
export function nameOf(reference: string): string {
  return reference.slice(reference.lastIndexOf('/') + 1);
}

/** What a reference stands for; its own words come before those of what it names. */
export function resolved(document: Document, schema: Schema): Schema {
  const named = schema.$ref === undefined ? undefined : document.components.schemas[nameOf(schema.$ref)];
  if (!named) return schema;
  const { $ref: _, ...own } = schema;
  return { ...named, ...own };
}

export function answerOf(document: Document, answer: Answer): Answer {
  return answer.$ref === undefined ? answer : (document.components.responses[nameOf(answer.$ref)] ?? answer);
}

/** The kind of a schema in a few words: `string (date-time)`, `SessionRow[]`, `integer or null`. */
export function kindOf(schema: Schema): string {
  if (schema.$ref !== undefined) return nameOf(schema.$ref);
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  const choices = schema.anyOf ?? schema.oneOf;
  if (wordsOf(schema)) return 'one of';
  if (choices && schema.properties === undefined) return [...new Set(choices.map(kindOf))].join(' or ');
  const types = [schema.type ?? []].flat().map((type) => ofType(type, schema));
  return types.join(' or ') || (schema.enum ? 'one of' : 'anything');
}

function ofType(type: string, schema: Schema): string {
  if (type === 'array') {
    if (schema.prefixItems) return `[${schema.prefixItems.map(kindOf).join(', ')}]`;
    const items = schema.items ? kindOf(schema.items) : 'anything';
    return items.includes(' ') ? `(${items})[]` : `${items}[]`;
  }
  if (type === 'object' && schema.properties === undefined) {
    const values = valuesOf(schema);
    return values ? `object of ${kindOf(values)}` : 'object';
  }
  return schema.format && type !== 'null' ? `${type} (${schema.format})` : type;
}

/** The words that a value is one of, however they are listed. */
function wordsOf(schema: Schema): unknown[] | undefined {
  if (schema.enum) return schema.enum;
  const choices = schema.oneOf ?? [];
  const words = choices.map((choice) => choice.const);
  return words.length > 0 && words.every((word) => word !== undefined) ? words : undefined;
}

/** What the values of an object with free keys are. */
function valuesOf(schema: Schema): Schema | undefined {
  const { additionalProperties: free, patternProperties: patterns } = schema;
  if (patterns) return Object.values(patterns)[0];
  return typeof free === 'object' ? free : undefined;
}

/** The largest number that a script can count to exactly; beyond it a limit is the type's own. */
const COUNTABLE = Number.MAX_SAFE_INTEGER;

/** What a value has to keep to, each in a few words; what its kind says already is not said again. */
export function limitsOf(schema: Schema): string[] {
  const limits: string[] = [];
  const words = wordsOf(schema);
  if (words) limits.push(words.map((word) => (word === '' ? '(empty)' : String(word))).join(' · '));
  const range = (least: number | undefined, most: number | undefined, what: string) => {
    const high = most !== undefined && Math.abs(most) <= COUNTABLE ? most : undefined;
    const low = least !== undefined && Math.abs(least) <= COUNTABLE ? least : undefined;
    if (low !== undefined && high !== undefined) limits.push(`${low} to ${high}${what}`);
    else if (low !== undefined) limits.push(`at least ${low}${what}`);
    else if (high !== undefined) limits.push(`at most ${high}${what}`);
  };
  const unsigned = schema.minimum === 0 && schema.format?.startsWith('uint');
  range(unsigned && schema.maximum === undefined ? undefined : schema.minimum, schema.maximum, '');
  range(schema.minLength, schema.maxLength, ' characters');
  range(schema.minItems, schema.maxItems, ' items');
  if (schema.pattern && !schema.format) limits.push(`like ${schema.pattern}`);
  if (schema.default !== undefined) limits.push(`otherwise ${JSON.stringify(schema.default)}`);
  return limits;
}

/** What is within a schema, one step down; empty for what has nothing in it. */
export function within(document: Document, schema: Schema): { name: string; schema: Schema; required: boolean }[] {
  const whole = resolved(document, schema);
  if (whole.properties) {
    const fields = Object.entries(whole.properties).map(([name, field]) => ({
      name,
      schema: field,
      required: whole.required?.includes(name) ?? false,
    }));
    const first = fields.filter(({ required }) => required);
    return [...first, ...fields.filter(({ required }) => !required), ...choicesOf(document, whole)];
  }
  const choices = choicesOf(document, whole);
  if (choices.length > 0) return choices;
  const inner = whole.items ?? valuesOf(whole);
  return inner ? within(document, inner) : [];
}

/** The alternatives, each under the word that tells it from the others; those that only say what is needed are none. */
function choicesOf(document: Document, schema: Schema): { name: string; schema: Schema; required: boolean }[] {
  const choices = (schema.oneOf ?? schema.anyOf ?? []).filter((choice) => choice.$ref ?? choice.type);
  return choices.flatMap((choice) => {
    const whole = resolved(document, choice);
    const word = whole.properties?.['type']?.const ?? whole.const;
    const inside = whole.properties ?? whole.oneOf ?? whole.anyOf;
    return word !== undefined || inside ? [{ name: word === undefined ? kindOf(choice) : String(word), schema: choice, required: false }] : [];
  });
}

function exampleOf(document: Document, schema: Schema): string {
  const whole = resolved(document, schema);
  const [word] = [...(whole.examples ?? []), ...(wordsOf(whole) ?? [])];
  if (word !== undefined) return String(word);
  return whole.type === 'integer' ? String(Math.max(whole.minimum ?? 1, 1)) : '…';
}

/** A command that asks for it at `base`, with examples in the place of parameters. */
export function curlOf(document: Document, operation: Operation, base: string): string {
  const parameters = operation.parameters ?? [];
  const example = (name: string) => {
    const parameter = parameters.find((one) => one.name === name);
    return parameter ? encodeURIComponent(exampleOf(document, parameter.schema)).replaceAll('%7E', '~') : name;
  };
  const path = operation.path.replace(/\{([^}]+)\}/g, (_, name: string) => example(name));
  const needed = parameters.filter((one) => one.in === 'query' && one.required);
  const query = needed.map(({ name }) => `${name}=${example(name)}`).join('&');
  const address = `${base.replace(/\/$/, '')}${path}${query && `?${query}`}`;
  if (operation['x-websocket']) return `websocat '${address.replace(/^http/, 'ws')}'`;
  const words = ['curl'];
  if (operation['x-events']) words.push('-N');
  if (operation.method !== 'GET') words.push(`-X ${operation.method}`);
  if (operation['x-access'] === 'admin') words.push(`-H 'Authorization: Bearer <token>'`);
  words.push(`'${address}'`);
  const body = operation.requestBody?.content['application/json'];
  if (body) {
    words.push(`-H 'Content-Type: application/json'`);
    words.push(`-d '${JSON.stringify(body.example ?? {}).replaceAll("'", String.raw`'\''`)}'`);
  }
  return words.join(' ');
}

/** Text with `code` in it, in pieces: every second one is code. */
export function pieces(text: string): string[] {
  return text.split('`');
}
