// The dashboard in Debian's Chromium, against the real binary (FORGECAST_BIN) and, where that never misbehaves, a mock.

import { defineConfig } from '@playwright/test';

export default defineConfig({
  testDir: 'tests',
  outputDir: 'test-results',
  timeout: 60_000,
  expect: { timeout: 15_000 },
  // As many as the smallest machine of CI has cores; much of a test is waiting.
  workers: 2,
  forbidOnly: Boolean(process.env['CI']),
  reporter: [['list'], ['./support/closing-line.ts']],
  use: {
    colorScheme: 'dark',
    viewport: { width: 1440, height: 900 },
    launchOptions: {
      executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
      args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
    },
  },
});
