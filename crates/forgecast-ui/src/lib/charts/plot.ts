// Draws a chart with uPlot. Loaded when the first chart is shown; colors are read from the page's style whenever it
// draws, so that a change of the theme is one more drawing. Builds no markup.

import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { stacked, type ChartSpec } from './chart';

const DAY_S = 86_400;
const FONT = '11px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif';
const DAY_STEPS = [1, 2, 3, 7, 14, 28, 56, 91, 182, 364].map((days) => days * DAY_S);

/** Where the pointer is: the point, and the place within the chart in pixels. */
export interface Pointed {
  index: number;
  left: number;
  top: number;
}

export interface ChartHandlers {
  /** The pointer moved to a point, or away. */
  onPoint(pointed: Pointed | undefined): void;
  /** A place was clicked: its time. */
  onPick(ms: number): void;
}

/** A chart on the page. */
export class Plot {
  readonly #host: HTMLElement;
  readonly #handlers: ChartHandlers;
  readonly #colors = new Map<string, string>();
  #spec: ChartSpec;
  #chart: uPlot;
  /** What cannot be changed in a chart that stands. */
  #shape: string;

  constructor(host: HTMLElement, spec: ChartSpec, size: { width: number; height: number }, handlers: ChartHandlers) {
    this.#host = host;
    this.#handlers = handlers;
    this.#spec = spec;
    this.#shape = shapeOf(spec);
    this.#chart = this.#make(size);
  }

  update(spec: ChartSpec): void {
    const shape = shapeOf(spec);
    this.#spec = spec;
    if (shape === this.#shape) return this.#chart.setData(dataOf(spec));
    this.#shape = shape;
    const { width, height } = this.#chart;
    this.#chart.destroy();
    this.#chart = this.#make({ width, height });
  }

  resize(size: { width: number; height: number }): void {
    this.#chart.setSize(size);
  }

  /** Draws anew in the colors of the present theme. */
  recolor(): void {
    this.#colors.clear();
    // Before it is drawn for the first time it has no colors to change, and no scale that a redraw could keep.
    if (this.#chart.status === 0) return;
    // Bars keep the color in their paths, so those are made anew, too.
    this.#chart.redraw(true, false);
  }

  /** Points at a place by the keyboard; undefined: at none. */
  point(index: number | undefined): void {
    const x = index === undefined ? undefined : this.#chart.data[0][index];
    const left = x === undefined ? -10 : this.#chart.valToPos(x, 'x');
    this.#chart.setCursor({ left, top: x === undefined ? -10 : 0 });
  }

  destroy(): void {
    this.#chart.destroy();
  }

  #make(size: { width: number; height: number }): uPlot {
    const chart = new uPlot(this.#options(size), dataOf(this.#spec), this.#host);
    chart.over.addEventListener('click', () => {
      const left = chart.cursor.left ?? -1;
      if (left >= 0) this.#handlers.onPick(chart.posToVal(left, 'x') * 1_000);
    });
    return chart;
  }

  #options(size: { width: number; height: number }): uPlot.Options {
    const spec = () => this.#spec;
    const axis = { font: FONT, stroke: () => this.#color('var(--faint)'), border: { show: false } };
    const grid = { width: 1, stroke: () => this.#color('var(--line)') };
    return {
      ...size,
      padding: [10, 8, 0, 0],
      legend: { show: false },
      cursor: {
        y: false,
        drag: { x: false, y: false, setScale: false },
        points: { show: this.#spec.kind !== 'bars', size: 7 },
      },
      scales: {
        x: { time: true, range: () => around(spec()) },
        y: { range: (_, __, most) => [0, most > 0 ? most * 1.06 : 1] },
      },
      axes: [
        {
          ...axis,
          grid: { show: false },
          ticks: { show: false },
          gap: 4,
          size: 24,
          space: 64,
          ...(this.#spec.days && { incrs: DAY_STEPS }),
          values: (_, splits, __, ___, step) => splits.map((at) => spec().time(at * 1_000, step * 1_000)),
        },
        {
          ...axis,
          grid,
          ticks: { show: false },
          gap: 6,
          space: 34,
          size: (_, values) => 14 + Math.max(3, ...(values ?? []).map((value) => String(value).length)) * 6.4,
          values: (_, splits) => splits.map((value) => spec().tick(value)),
        },
      ],
      series: [{}, ...this.#series()],
      hooks: {
        drawClear: [(chart) => this.#behind(chart)],
        setCursor: [(chart) => this.#pointed(chart)],
      },
    };
  }

  /** Of a stack the highest is drawn first, so that those below it cover it. */
  #series(): uPlot.Series[] {
    const { kind, series, stacked: piled } = this.#spec;
    const paths =
      kind === 'bars'
        ? uPlot.paths.bars?.({ size: [0.72, 42], radius: piled ? 0 : 0.12 })
        : kind === 'steps'
          ? uPlot.paths.stepped?.({ align: 1 })
          : uPlot.paths.linear?.();
    const drawn = series.map(({ color }): uPlot.Series => {
      const solid = () => this.#color(color);
      const faint = () => this.#color(`color-mix(in srgb, ${color} ${piled ? 100 : 20}%, var(--surface))`);
      return {
        ...(paths && { paths }),
        points: { show: kind === 'lines' ? undefined : false },
        ...(kind === 'bars' ? { width: 0, fill: solid } : { width: 1.75, stroke: solid, spanGaps: false }),
        ...(kind === 'area' && { fill: faint }),
      } as uPlot.Series;
    });
    return piled ? drawn.reverse() : drawn;
  }

  /** The floor that everything stands on. */
  #behind(chart: uPlot): void {
    const { ctx, bbox } = chart;
    ctx.save();
    ctx.fillStyle = this.#color('var(--line)');
    ctx.fillRect(bbox.left, bbox.top + bbox.height - 1, bbox.width, 1);
    ctx.restore();
  }

  #pointed(chart: uPlot): void {
    const { idx, left, top } = chart.cursor;
    if (idx === undefined || idx === null || left === undefined || left < 0) return this.#handlers.onPoint(undefined);
    const over = chart.over;
    const x = chart.valToPos(chart.data[0][idx] ?? 0, 'x');
    this.#handlers.onPoint({ index: idx, left: over.offsetLeft + x, top: over.offsetTop + Math.max(0, top ?? 0) });
  }

  /** A CSS color as the canvas takes it: variables, `light-dark()` and mixtures worked out by the browser. */
  #color(css: string): string {
    const known = this.#colors.get(css);
    if (known !== undefined) return known;
    const probe = document.createElement('span');
    probe.style.color = css;
    this.#host.append(probe);
    const color = getComputedStyle(probe).color;
    probe.remove();
    this.#colors.set(css, color);
    return color;
  }
}

/** Charts with the same shape differ in their data only. */
function shapeOf({ kind, series, stacked: piled, days }: ChartSpec): string {
  return JSON.stringify([kind, piled, days, series.map(({ label, color }) => [label, color])]);
}

function dataOf({ x, series, stacked: piled }: ChartSpec): uPlot.AlignedData {
  const values = series.map((one) => one.values);
  const drawn = piled ? stacked(values).reverse() : values.map((one) => [...one]);
  return [x.map((ms) => ms / 1_000), ...drawn];
}

/** The axis of time; bars at its ends are as broad as the others. */
function around({ kind, x, days, step: known }: ChartSpec): [number, number] {
  const [first, last] = [x[0], x.at(-1)];
  if (first === undefined || last === undefined) return [0, 1];
  const [least, most] = [first / 1_000, last / 1_000];
  const step = x.length > 1 ? (most - least) / (x.length - 1) : known !== undefined ? known / 1_000 : days ? DAY_S : 60;
  return kind === 'bars' ? [least - step * 0.6, most + step * 0.6] : least === most ? [least - step, most + step] : [least, most];
}
