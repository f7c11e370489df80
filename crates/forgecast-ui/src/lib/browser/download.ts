// Gives the reader a file that was made in the page. Nothing leaves the browser.

const KINDS = { csv: 'text/csv;charset=utf-8', json: 'application/json' } as const;

export function download(name: string, kind: keyof typeof KINDS, text: string): void {
  const address = URL.createObjectURL(new Blob([text], { type: KINDS[kind] }));
  const link = document.createElement('a');
  link.href = address;
  link.download = `${name}.${kind}`;
  link.click();
  // The browser has taken it by then.
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
