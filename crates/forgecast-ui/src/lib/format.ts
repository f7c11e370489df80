// Numbers and times as a person reads them at a glance. Pure: "now" is always an argument.

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** `7s`, `3m 07s`, `1h 04m`, `2d 3h`; never negative, because clocks jump and durations do not go back. */
export function duration(ms: number): string {
  const span = Number.isFinite(ms) ? Math.max(0, ms) : 0;
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0');
  if (span < MINUTE) return `${Math.floor(span / SECOND)}s`;
  if (span < HOUR) return `${Math.floor(span / MINUTE)}m ${two((span % MINUTE) / SECOND)}s`;
  if (span < DAY) return `${Math.floor(span / HOUR)}h ${two((span % HOUR) / MINUTE)}m`;
  return `${Math.floor(span / DAY)}d ${Math.floor((span % DAY) / HOUR)}h`;
}

/** A span nobody can know to the second: `under a minute`, `26m`, `1h 10m`, `2d 3h`. */
export function roughly(ms: number): string {
  if (ms < MINUTE) return 'under a minute';
  return ms < HOUR ? `${Math.round(ms / MINUTE)}m` : duration(ms);
}

/** An age in its largest unit: `now`, `42s ago`, `3m ago`, `5h ago`, `2d ago`. */
export function ago(ms: number): string {
  const span = Math.max(0, ms);
  if (span < SECOND) return 'now';
  if (span < MINUTE) return `${Math.floor(span / SECOND)}s ago`;
  if (span < HOUR) return `${Math.floor(span / MINUTE)}m ago`;
  if (span < DAY) return `${Math.floor(span / HOUR)}h ago`;
  return `${Math.floor(span / DAY)}d ago`;
}

/** `950`, `1.2k`, `34k`, `15.4M`, `1.2B`. */
export function count(value: number): string {
  const units = ['', 'k', 'M', 'B', 'T'];
  let scaled = value;
  let unit = 0;
  // 999.5 would be written as 1000: it belongs to the next unit.
  while (Math.abs(scaled) >= 999.5 && unit < units.length - 1) {
    scaled /= 1000;
    unit += 1;
  }
  // A tenth of a million is a day's work of an agent: it has to be seen to move.
  const digits = unit > 0 && Math.abs(scaled) < (unit > 1 ? 99.95 : 9.95) ? 1 : 0;
  return `${scaled.toFixed(digits).replace(/\.0$/, '')}${units[unit]}`;
}

/** The reader's own way to write numbers; everything that is written as a number is written here. */
const LOCALE = (globalThis as { navigator?: { language?: string } }).navigator?.language ?? 'en-US';
const NUMBER = new Intl.NumberFormat(LOCALE);
const DOLLARS = new Intl.NumberFormat(LOCALE, { style: 'currency', currency: 'USD', currencyDisplay: 'narrowSymbol' });
const ROUGH_DOLLARS = new Intl.NumberFormat(LOCALE, { style: 'currency', currency: 'USD', currencyDisplay: 'narrowSymbol', maximumFractionDigits: 0 });

/** `1,234,567`. */
export function exact(value: number): string {
  return NUMBER.format(value);
}

/** US dollars: `$0.42`, `$12.30`, `$1,778.09`, `<$0.01`. */
export function money(usd: number): string {
  return usd > 0 && usd < 0.01 ? `<${DOLLARS.format(0.01)}` : DOLLARS.format(usd);
}

/** A guess of an amount, in dollars and no cents from ten on, to two digits from a hundred on: `$7.12`, `$43`, `$320`. */
function roughMoney(usd: number): string {
  if (usd < 9.995) return money(usd);
  const unit = usd < 99.5 ? 1 : 10 ** (Math.floor(Math.log10(usd)) - 1);
  return ROUGH_DOLLARS.format(Math.round(usd / unit) * unit);
}

/** What nobody knows to the cent: `$1.20–$3.40`, `$320–$480`, or one amount when both are shown alike. */
export function moneyRange({ low, high }: { low: number; high: number }): string {
  const [from, to] = [roughMoney(low), roughMoney(high)];
  return from === to ? from : `${from}–${to}`;
}

/** `42%`; `100%` only when it is. */
export function percent(value: number): string {
  const whole = Math.round(Math.min(100, Math.max(0, value)));
  return `${whole === 100 && value < 100 ? 99 : whole}%`;
}

/** `512 B`, `3.4 KiB`, `12 MiB`. */
export function bytes(value: number): string {
  if (value < 1024) return `${value} B`;
  const units = ['KiB', 'MiB', 'GiB', 'TiB'];
  let scaled = value / 1024;
  let unit = 0;
  while (scaled >= 1023.5 && unit < units.length - 1) {
    scaled /= 1024;
    unit += 1;
  }
  return `${scaled < 9.95 ? scaled.toFixed(1) : scaled.toFixed(0)} ${units[unit]}`;
}

/** How much of something large is done, in the unit of the whole and powers of ten: `2.1 of 5.0 GB`. */
export function ofBytes(done: number, whole: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let unit = 0;
  let scale = 1;
  while (whole / scale >= 999.5 && unit < units.length - 1) {
    scale *= 1000;
    unit += 1;
  }
  const digits = unit > 0 && whole / scale < 99.5 ? 1 : 0;
  return `${(done / scale).toFixed(digits)} of ${(whole / scale).toFixed(digits)} ${units[unit]}`;
}

/** How many in a minute, `<1` rather than a zero for what is not none. */
export function perMinute(value: number): string {
  return value > 0 && value < 1 ? '<1' : count(value);
}

/** Milliseconds since the Unix epoch, or undefined for what is absent or no time. */
export function millis(time: string | undefined): number | undefined {
  const value = time === undefined ? Number.NaN : Date.parse(time);
  return Number.isNaN(value) ? undefined : value;
}

/** `14:03:59`, in the viewer's zone. */
export function clockTime(ms: number): string {
  return new Date(ms).toLocaleTimeString('en-GB');
}

/** `2026-01-31 14:03:59`, in the viewer's zone. */
export function dateTime(ms: number): string {
  return new Date(ms).toLocaleString('sv-SE');
}

/** `one task`, `3 tasks`. */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${exact(value)} ${value === 1 ? one : many}`;
}
