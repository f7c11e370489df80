// How the dashboard is built: relative paths (any base path behind a proxy), no inlined files (the content security
// policy allows none), Brotli and gzip copies beside every text file.
import { readdirSync, readFileSync } from 'node:fs';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

const TEXT = /\.(html|js|css|svg|json|webmanifest|txt)$/;

/** Writes `.br` and `.gz` beside each text file that becomes smaller by it. */
function precompress(): Plugin {
  return {
    name: 'precompress',
    apply: 'build',
    enforce: 'post',
    generateBundle: {
      order: 'post',
      handler(_options, bundle) {
        const built = Object.entries(bundle).map(([name, file]) => [name, file.type === 'chunk' ? file.code : file.source] as const);
        // Vite copies these as they are.
        const copied = readdirSync('public').map((name) => [name, readFileSync(`public/${name}`)] as const);
        for (const [fileName, content] of [...built, ...copied]) {
          if (!TEXT.test(fileName)) continue;
          const source = Buffer.from(content);
          const copies = {
            br: brotliCompressSync(source, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }),
            gz: gzipSync(source, { level: 9 }),
          };
          for (const [ending, copy] of Object.entries(copies)) {
            if (copy.length < source.length) {
              this.emitFile({ type: 'asset', fileName: `${fileName}.${ending}`, source: copy });
            }
          }
        }
      },
    },
  };
}

/** Writes the icon with each number that it can show: the content security policy allows no drawing made by the page. */
function numberedIcons(): Plugin {
  return {
    name: 'numbered-icons',
    apply: 'build',
    generateBundle() {
      const drawing = readFileSync('public/icon.svg', 'utf8');
      for (const name of [...'123456789', 'more']) {
        const text = name === 'more' ? '9+' : name;
        const mark =
          '<circle cx="44" cy="44" r="20" fill="#d93025"/>' +
          `<text x="44" y="54" text-anchor="middle" font-family="sans-serif" font-size="${text.length > 1 ? 22 : 30}" font-weight="700" fill="#fff">${text}</text>`;
        this.emitFile({ type: 'asset', fileName: `icon-${name}.svg`, source: drawing.replace('</svg>', `${mark}</svg>`) });
      }
    },
  };
}

export default defineConfig({
  base: './',
  plugins: [
    svelte({
      configFile: false,
      compilerOptions: {
        // Elements are made by `createElement`, so the page works where trusted types refuse `innerHTML`.
        fragments: 'tree',
        runes: true,
      },
    }),
    numberedIcons(),
    precompress(),
  ],
  build: {
    target: 'es2022',
    // `light-dark()` needs no substitute in these.
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    assetsInlineLimit: 0,
    cssCodeSplit: false,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  // `npm run dev` beside a server that runs on its default port; `cargo xtask dev` names another.
  server: { proxy: { '/api': { target: process.env['FORGECAST_URL'] ?? 'http://127.0.0.1:8080', ws: true } } },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
});
