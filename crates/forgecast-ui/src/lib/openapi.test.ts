import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { curlOf, filtered, groupsOf, kindOf, limitsOf, pieces, within, type Document } from './openapi';

const api = JSON.parse(readFileSync(new URL('../../../forgecast-server/openapi.json', import.meta.url), 'utf8')) as Document;
const groups = groupsOf(api);
const all = groups.flatMap(({ operations }) => operations);
const operation = (id: string) => {
  const found = all.find(({ operationId }) => operationId === id);
  if (!found) throw new Error(`there is no ${id}`);
  return found;
};

describe('the description of the API', () => {
  it('has every operation once, in a group with words', () => {
    const count = Object.values(api.paths).flatMap((item) => Object.keys(item)).length;
    expect(all).toHaveLength(count);
    expect(groups.map(({ name }) => name)).not.toContain('Other');
    for (const { description } of groups) expect(description).not.toBe('');
  });

  it('is found by method, path, parameter and words, all of them', () => {
    const ids = (filter: string) => filtered(groups, filter).flatMap(({ operations }) => operations.map((one) => one.operationId));
    expect(ids('delete session')).toEqual(['forgetSession']);
    expect(ids('RESOLUTION')).toEqual(['getSeries']);
    expect(ids('nothing like it')).toEqual([]);
    expect(ids('  ')).toHaveLength(all.length);
  });

  it('gives a command for every operation that names no parameter', () => {
    for (const one of all) expect(curlOf(api, one, 'http://127.0.0.1:8080/')).not.toMatch(/[{}](?![^']*')/);
    expect(curlOf(api, operation('getSeries'), 'http://127.0.0.1:8080/')).toBe("curl 'http://127.0.0.1:8080/api/v1/sessions/weather-app/series?metric=tokens'");
    expect(curlOf(api, operation('live'), 'https://x/y')).toBe("websocat 'wss://x/y/api/v1/live'");
    expect(curlOf(api, operation('forgetSession'), 'http://x')).toContain('-X DELETE');
    expect(curlOf(api, operation('pushEvents'), 'http://x')).toContain('"type":"phase_reported"');
  });

  it('can be opened down to its last field', () => {
    let fields = 0;
    const open = (schema: Parameters<typeof within>[1], depth: number): void => {
      expect(depth).toBeLessThan(12);
      for (const inner of within(api, schema)) {
        fields += 1;
        expect(kindOf(inner.schema)).not.toBe('');
        open(inner.schema, depth + 1);
      }
    };
    for (const name of Object.keys(api.components.schemas)) open({ $ref: `#/components/schemas/${name}` }, 0);
    expect(fields).toBeGreaterThan(1000);
  });
});

describe('a schema in words', () => {
  it('says its kind', () => {
    for (const [schema, kind] of [
      [{ type: 'string', format: 'date-time' }, 'string (date-time)'],
      [{ type: ['integer', 'null'] }, 'integer or null'],
      [{ type: 'array', items: { $ref: '#/components/schemas/SessionRow' } }, 'SessionRow[]'],
      [{ type: 'array', items: { type: ['string', 'null'] } }, '(string or null)[]'],
      [{ type: 'array', prefixItems: [{ type: 'string' }, { type: 'number' }] }, '[string, number]'],
      [{ type: 'object', additionalProperties: { type: 'string' } }, 'object of string'],
      [{ anyOf: [{ $ref: '#/a/B' }, { type: 'null' }] }, 'B or null'],
      [{}, 'anything'],
    ] as const) {
      expect(kindOf(schema as never)).toBe(kind);
    }
  });

  it('says its limits, but not those that no number reaches', () => {
    expect(limitsOf({ minimum: 0, maximum: 100, default: 5 })).toEqual(['0 to 100', 'otherwise 5']);
    expect(limitsOf({ minimum: 0, maximum: 2 ** 64 })).toEqual(['at least 0']);
    expect(limitsOf({ minLength: 1, maxLength: 8, pattern: '^a' })).toEqual(['1 to 8 characters', 'like ^a']);
    expect(limitsOf({ minimum: 0, format: 'uint64' })).toEqual([]);
    expect(limitsOf({ format: 'date-time', pattern: '^2' })).toEqual([]);
    expect(limitsOf({ enum: ['day', ''] })).toEqual(['day · (empty)']);
  });

  it('puts code apart from text', () => {
    expect(pieces('a `b` c')).toEqual(['a ', 'b', ' c']);
  });
});
