// What happens to a page when one part of a state is not what it should be: that part says so, all others go on, and it
// is back when the state is. The server never sends such states; a later or an earlier one might.

import { Mock } from '../support/mock.ts';
import { expect, test } from '../support/page.ts';
import { logLines, richView } from '../support/states.ts';

const ID = 'weather-app~1';
let mock: Mock;

test.beforeEach(async ({ assets }) => {
  mock = new Mock(assets);
  mock.put(`session/${ID}`, richView(ID));
  mock.append(`log/${ID}`, logLines(40));
  await mock.start();
});
test.afterEach(() => mock.stop());

const PARTS = [
  'phase',
  'phases',
  'progress',
  'tests',
  'agents',
  'usage',
  'decisions',
  'patterns',
  'artifacts',
  'errors',
  'estimate',
  'links',
  'problems',
  'changed_at',
] as const;
const WRONG: readonly unknown[] = [7, 'text', [3, 'x'], [null], {}, { wrong: 7 }, { wrong: { deep: ['x'] } }];

for (const part of PARTS) {
  test(`${part}: of whatever kind it is, the rest of the page goes on, and it is back when it is right again`, async ({ page }) => {
    await page.clock.install();
    await page.goto(`${mock.url}/session/${ID}`);
    const header = page.locator('[data-panel="header"]');
    await expect(header).toBeVisible();
    const right = structuredClone(richView(ID)[part]);
    for (const [at, wrong] of WRONG.entries()) {
      mock.patch(`session/${ID}`, { [part]: null });
      mock.patch(`session/${ID}`, { [part]: wrong, status_reason: `wrong in way ${at}` });
      await expect(header, `the header goes on: ${JSON.stringify(wrong)}`).toContainText(`wrong in way ${at}`);
      mock.append(`log/${ID}`, [{ at: new Date().toISOString(), text: `a line of way ${at}` }]);
      await expect(page.locator('[data-panel="log"]')).toContainText(`a line of way ${at}`);
      if (part === 'progress') continue;
      mock.patch(`session/${ID}`, { progress: { percent: 20 + at } });
      await expect(page.locator('[data-field="percent"]')).toHaveText(`${20 + at}%`);
    }
    mock.patch(`session/${ID}`, { [part]: null });
    mock.patch(`session/${ID}`, { [part]: right });
    await page.clock.fastForward(5_000);
    await expect(page.locator('p.failed[role=alert]')).toHaveCount(0);
    for (const name of ['pipeline', 'progress', 'tests', 'agents', 'usage', 'decisions', 'patterns', 'artifacts', 'errors', 'log']) {
      await expect(page.locator(`[data-panel="${name}"]`)).toBeVisible();
    }
  });
}
