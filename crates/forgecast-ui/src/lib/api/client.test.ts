import { describe, expect, it } from 'vitest';
import { address, request, type Address } from './client';

describe('an address', () => {
  it('has its parameters in their places, encoded', () => {
    expect(address('/api/v1/sessions/{id}/files/{name}', { path: { id: 'a~1', name: 'logs/x y.log' } }, '/')).toBe(
      '/api/v1/sessions/a~1/files/logs%2Fx%20y.log',
    );
    expect(address('/api/v1/sessions', { query: { q: 'a&b', status: ['completed', 'failed'] } }, '/base/')).toBe(
      '/base/api/v1/sessions?q=a%26b&status=completed%2Cfailed',
    );
    expect(address('/api/v1/stats', { query: { group_by: 'day', since: undefined } }, '/')).toBe('/api/v1/stats?group_by=day');
  });
});

describe('a request', () => {
  const url: Address<{ n: number }> = '/x';

  it('gives the answer and its headers', async () => {
    const { body, headers } = await request(url, {}, () => Promise.resolve(new Response('{"n":1}', { headers: { etag: '"one"' } })));
    expect([body.n, headers.get('etag')]).toEqual([1, '"one"']);
  });

  it('fails with the status and the reason that the server gives', async () => {
    const answers = ['{"title":"Not found","detail":"there is no session a"}', '<html>'];
    const ask = () => Promise.resolve(new Response(answers.shift(), { status: 404 }));
    await expect(request(url, {}, ask)).rejects.toMatchObject({ status: 404, message: 'there is no session a' });
    await expect(request(url, {}, ask)).rejects.toMatchObject({ status: 404, message: 'the server answered 404' });
  });
});
