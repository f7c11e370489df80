// Takes the pictures of the documentation from a running demo; no test, so it is not part of one.

import { defineConfig } from '@playwright/test';
import tests from '../playwright.config.ts';

export default defineConfig({ ...tests, testDir: '.', outputDir: '../test-results', reporter: 'list', timeout: 180_000 });
