// Takes the pictures: those of the documentation from a seeded demo, and those of every page and state, in both themes and
// on a phone, to look at.

import { defineConfig } from '@playwright/test';
import tests from '../playwright.config.ts';

export default defineConfig({
  ...tests,
  testDir: '..',
  testMatch: ['pictures/*.spec.ts', 'tests/looks.spec.ts'],
  outputDir: '../test-results',
  reporter: 'list',
  workers: 1,
  timeout: 180_000,
});
