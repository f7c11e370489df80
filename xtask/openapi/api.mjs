// The description of the API in the terms of its readers: sections of operations, schemas in words, a command to try.

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];

/** The largest number that a script can count to exactly; beyond it a limit is the type's own. */
const COUNTABLE = Number.MAX_SAFE_INTEGER;

/** The parts of the API that are Context Foundry's, and of no use to who does not have it. */
export const LEGACY = 'Origin';

const WHO = {
  open: 'Everybody may.',
  shared: 'Needs permission to view, or a share link of this session.',
  view: 'Needs permission to view.',
  ingest: 'Needs permission to send facts.',
  approve: 'Needs a token with the role approve.',
  admin: 'Needs an admin token.',
};

/** The name that a reference ends with. */
export const nameOf = (reference) => reference.slice(reference.lastIndexOf('/') + 1);

export class Api {
  constructor(document) {
    this.document = document;
    this.schemas = document.components.schemas;
  }

  /** The operations by what they are about. */
  get sections() {
    return this.document.tags.map(({ name, description }) => ({
      name,
      description,
      operations: Object.entries(this.document.paths).flatMap(([path, item]) =>
        METHODS.filter((method) => item[method]?.tags.includes(name)).map((method) => ({
          ...item[method],
          method: method.toUpperCase(),
          path,
        })),
      ),
    }));
  }

  who(operation) {
    return WHO[operation['x-access']];
  }

  /** What a reference stands for; its own words come before those of what it names. */
  resolved({ $ref, ...own }) {
    return $ref === undefined ? own : { ...this.schemas[nameOf($ref)], ...own };
  }

  answers(operation) {
    const { responses } = this.document.components;
    return Object.entries(operation.responses).map(([status, answer]) => ({
      status,
      ...(answer.$ref ? responses[nameOf(answer.$ref)] : answer),
    }));
  }

  /** What is within a schema, one step down: its fields, else its alternatives. */
  within(schema) {
    const { properties, required = [], oneOf, anyOf } = schema;
    const fields = Object.entries(properties ?? {}).map(([name, field]) => ({ name, schema: field, always: required.includes(name) }));
    fields.sort((one, other) => Number(other.always) - Number(one.always));
    // Alternatives that only say what is needed are none.
    const choices = (oneOf ?? anyOf ?? []).filter((choice) => choice.$ref ?? choice.properties);
    return [
      ...fields,
      ...choices.map((choice) => {
        const { properties: inside } = this.resolved(choice);
        const word = Object.values(inside ?? {}).find((field) => field.const !== undefined)?.const;
        return { name: word ?? kindOf(choice), schema: choice, always: false };
      }),
    ];
  }

  /** A command that asks for it at `base`, with examples in the place of parameters. */
  command(operation, base) {
    const { parameters = [], requestBody } = operation;
    const example = (name) => {
      const { schema } = parameters.find((one) => one.name === name);
      const whole = this.resolved(schema);
      const [word] = [...(whole.examples ?? []), ...(wordsOf(whole) ?? []), whole.type === 'integer' ? 1 : '…'];
      return encodeURIComponent(word).replaceAll('%7E', '~');
    };
    const needed = parameters.filter((one) => one.in === 'query' && one.required).map(({ name }) => `${name}=${example(name)}`);
    const address = `${base}${operation.path.replace(/\{([^}]+)\}/g, (_, name) => example(name))}`;
    const url = [address, ...(needed.length ? [needed.join('&')] : [])].join('?');
    if (operation['x-websocket']) return `websocat '${url.replace(/^http/, 'ws')}'`;
    const words = ['curl'];
    if (operation['x-events']) words.push('-N');
    if (operation.method !== 'GET') words.push(`-X ${operation.method}`);
    if (['admin', 'approve'].includes(operation['x-access'])) words.push(`-H 'Authorization: Bearer <token>'`);
    words.push(`'${url}'`);
    const body = requestBody?.content['application/json'];
    if (body) {
      const sent = body.example ?? this.resolved(body.schema).examples?.[0] ?? {};
      words.push(`-H 'Content-Type: application/json'`, `-d '${JSON.stringify(sent).replaceAll("'", String.raw`'\''`)}'`);
    }
    return words.join(' ');
  }

  /** The names of all schemas that these operations need, directly or not. */
  needed(operations) {
    const found = new Set();
    const look = (value) => {
      if (typeof value !== 'object' || value === null) return;
      for (const [key, inner] of Object.entries(value)) {
        const name = key === '$ref' && inner.startsWith('#/components/schemas/') ? nameOf(inner) : undefined;
        if (name === undefined) look(inner);
        else if (!found.has(name)) {
          found.add(name);
          look(this.schemas[name]);
        }
      }
    };
    look(operations);
    return found;
  }
}

/** The kind of a schema in a few words: `string (date-time)`, `SessionRow[]`, `integer or null`. */
export function kindOf(schema) {
  if (schema.$ref !== undefined) return nameOf(schema.$ref);
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  const choices = schema.anyOf ?? schema.oneOf;
  if (wordsOf(schema)) return 'one of';
  if (choices && !schema.properties && !schema.type) return [...new Set(choices.map(kindOf))].join(' or ');
  return [schema.type ?? []].flat().map((type) => ofType(type, schema)).join(' or ') || 'anything';
}

function ofType(type, schema) {
  if (type === 'array') {
    if (schema.prefixItems) return `[${schema.prefixItems.map(kindOf).join(', ')}]`;
    const items = schema.items ? kindOf(schema.items) : 'anything';
    return items.includes(' ') ? `(${items})[]` : `${items}[]`;
  }
  const values = schema.patternProperties ? Object.values(schema.patternProperties)[0] : schema.additionalProperties;
  if (type === 'object' && !schema.properties && typeof values === 'object') return `object of ${kindOf(values)}`;
  return schema.format && type !== 'null' ? `${type} (${schema.format})` : type;
}

/** The words that a value is one of, however they are listed. */
export function wordsOf(schema) {
  const words = schema.enum ?? (schema.oneOf ?? []).map((choice) => choice.const);
  return words.length > 0 && words.every((word) => word !== undefined) ? words : undefined;
}

/** What a value has to keep to, each in a few words; what its kind says already is not said again. */
export function limitsOf(schema) {
  const limits = [];
  const words = wordsOf(schema);
  if (words) limits.push(words.map((word) => (word === '' ? '(empty)' : String(word))).join(' · '));
  const range = (least, most, what) => {
    const [low, high] = [least, most].map((limit) => (Math.abs(limit) <= COUNTABLE ? limit : undefined));
    if (low !== undefined && high !== undefined) limits.push(`${low} to ${high}${what}`);
    else if (low !== undefined) limits.push(`at least ${low}${what}`);
    else if (high !== undefined) limits.push(`at most ${high}${what}`);
  };
  const counted = schema.format?.startsWith('uint');
  range(counted && !schema.minimum ? undefined : schema.minimum, counted ? undefined : schema.maximum, '');
  range(schema.minLength, schema.maxLength, ' characters');
  range(schema.minItems, schema.maxItems, ' items');
  if (schema.pattern && !schema.format) limits.push(`like ${schema.pattern}`);
  if (schema.default !== undefined) limits.push(`otherwise ${JSON.stringify(schema.default)}`);
  return limits;
}
