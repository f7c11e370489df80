// Draws the icons of the installed dashboard from its one drawing: `node pictures/icons.mjs`. Maskable ones reach to the
// edges, with the drawing in the middle that every mask leaves.

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from '@playwright/test';

const PUBLIC = join(dirname(fileURLToPath(import.meta.url)), '../../crates/forgecast-ui/public');
const GROUND = '#11161c';

const drawing = readFileSync(join(PUBLIC, 'icon.svg'), 'utf8');
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
for (const size of [192, 512]) {
  for (const maskable of [false, true]) {
    const page = await browser.newPage({ viewport: { width: size, height: size } });
    const inner = maskable ? Math.round(size * 0.72) : size;
    await page.setContent(`<body style="margin:0;display:grid;place-items:center;height:100vh;background:${maskable ? GROUND : 'transparent'}">
      <div style="width:${inner}px;height:${inner}px">${drawing.replace('<svg ', '<svg width="100%" height="100%" ')}</div></body>`);
    await page.screenshot({ path: join(PUBLIC, `icon-${maskable ? 'maskable-' : ''}${size}.png`), omitBackground: true });
    await page.close();
  }
}
await browser.close();
